"""What can be seen of groups: their accounts, balances as of a moment, and statements.

A group's statement is of one book, whose accounts' movements are merged in the order of the
ledger. What moves between two accounts of the group moves nothing of the group: it makes no line.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.groups.model import AccountGroup, GroupRule
from tallystick.accounting.metadata.views import accounts_carrying
from tallystick.accounting.statements.document import (
    DayPeriod,
    StatementDocument,
    StatementEntry,
    account_lines,
    currency_of_book,
    last_posted_before,
    value_day,
)
from tallystick.ledger.chart import Side
from tallystick.ledger.model import Account
from tallystick.ledger.statements import StatementLine, normal_side
from tallystick.pipeline.refusals import Refused
from tallystick.store.journal_places import JournalPlaces
from tallystick.store.ledger_rows import ACCOUNT_COLUMNS, SqlLedgerReader, account_from_row
from tallystick.store.rows import ReadSession

__all__ = [
    "GROUP_ACCOUNTS_MAX", "GROUP_STATEMENT_MAX", "GroupBalance", "accounts_of_group",
    "group_balances", "group_document", "known_group",
]  # fmt: skip

GROUP_ACCOUNTS_MAX: Final = 100_000
"""Accounts of a group whose balance can be asked for."""

GROUP_STATEMENT_MAX: Final = 1000
"""Accounts of a group and book whose statement can be asked for: each is read on its own."""


class GroupBalance(NamedTuple):
    """What a group's accounts in one book have; `balance` is on the credit side, minor units."""

    book: int
    accounts: int
    debits: int
    credits: int

    @property
    def balance(self) -> int:
        """Credits less debits."""
        return self.credits - self.debits


def known_group(rows: ReadSession, group_id: str) -> AccountGroup:
    """A group (raises ACCOUNT_GROUP_NOT_EXIST)."""
    found = rows.get(AccountGroup, group_id)
    if found is None:
        raise Refused("ACCOUNT_GROUP_NOT_EXIST")
    return found


def _by_rule(rows: ReadSession, rule: GroupRule, limit: int) -> list[Account]:
    connection = rows.connection
    if rule.metadata_name:
        carrying = accounts_carrying(
            connection, rule.metadata_name, rule.metadata_value, GROUP_ACCOUNTS_MAX + 1
        )
        if len(carrying) > GROUP_ACCOUNTS_MAX:
            raise Refused("ACCOUNT_GROUP_TOO_LARGE")
        found = SqlLedgerReader(connection).accounts(carrying)
    else:
        clauses, values = ["code >= ?", "code <= ?"], [rule.code_from or 0, _last(rule)]
        if rule.book is not None:
            clauses.append("book = ?")
            values.append(rule.book)
        sql = (
            f"SELECT {ACCOUNT_COLUMNS} FROM ledger_account "  # noqa: S608
            f"WHERE {' AND '.join(clauses)} LIMIT ?"
        )
        found = [account_from_row(r) for r in connection.execute(sql, (*values, limit))]
    return [
        a
        for a in found
        if (rule.book is None or a.book == rule.book)
        and (rule.code_from or 0) <= a.code <= _last(rule)
    ]


def _last(rule: GroupRule) -> int:
    return 2**16 - 1 if rule.code_to is None else rule.code_to


def accounts_of_group(
    rows: ReadSession, group: AccountGroup, most: int = GROUP_ACCOUNTS_MAX
) -> list[Account]:
    """The accounts that belong to a group, those of its groups included, in the order of ids.

    Raises:
        Refused: ACCOUNT_GROUP_TOO_LARGE, for more than `most`.
    """
    found: dict[int, Account] = {}
    seen: set[str] = set()
    waiting = [group]
    while waiting:
        at = waiting.pop()
        if at.group_id in seen:
            continue
        seen.add(at.group_id)
        members = at.members
        waiting += [known_group(rows, member) for member in members.groups]
        named = [int(account, 16) for account in members.accounts]
        listed = SqlLedgerReader(rows.connection).accounts(named)
        for rule in members.rules:
            listed += _by_rule(rows, rule, most + 1)
        found |= {a.id: a for a in listed}
        if len(found) > most:
            raise Refused("ACCOUNT_GROUP_TOO_LARGE", f"More than {most} accounts.")
    return [found[i] for i in sorted(found)]


def group_balances(rows: ReadSession, group_id: str, before_ns: int) -> list[GroupBalance]:
    """What a group had posted just before a moment, by book.

    Raises:
        Refused: ACCOUNT_GROUP_NOT_EXIST, ACCOUNT_GROUP_TOO_LARGE.
    """
    rows.connection.execute("BEGIN")
    try:
        accounts = accounts_of_group(rows, known_group(rows, group_id))
        end_ns = last_posted_before(rows, before_ns)
        ledger = SqlLedgerReader(rows.connection)
        is_now = end_ns < before_ns
        books: dict[int, GroupBalance] = {}
        for account in accounts:
            then = account if is_now else ledger.posted_before(account, end_ns)
            had = books.get(account.book, GroupBalance(account.book, 0, 0, 0))
            books[account.book] = GroupBalance(
                account.book, had.accounts + 1, had.debits + then.debits_posted,
                had.credits + then.credits_posted,
            )  # fmt: skip
        return [books[book] for book in sorted(books)]
    finally:
        rows.connection.execute("ROLLBACK")


def _credited(account: Account, amount: int) -> int:
    return amount if normal_side(account) is Side.CREDIT else -amount


def group_document(
    rows: ReadSession, group_id: str, book: int, period: DayPeriod, currency: str = ""
) -> StatementDocument:
    """The statement of a group's accounts in one book; balances are on the credit side.

    Args:
        rows: stays in use until the document's entries are read.

    Raises:
        Refused: ACCOUNT_GROUP_NOT_EXIST, ACCOUNT_GROUP_TOO_LARGE, ACCOUNT_NOT_EXIST when the
            group has no account in the book.
    """
    rows.connection.execute("BEGIN")
    try:
        group = known_group(rows, group_id)
        accounts = [a for a in accounts_of_group(rows, group) if a.book == book]
        if not accounts:
            raise Refused("ACCOUNT_NOT_EXIST", f"The group has no account in book {book}.")
        if len(accounts) > GROUP_STATEMENT_MAX:
            raise Refused("ACCOUNT_GROUP_TOO_LARGE", f"More than {GROUP_STATEMENT_MAX} accounts.")
        ledger = SqlLedgerReader(rows.connection)
        known = rows.get(LedgerBook, book)
        from_ns = period.from_ns
        before_ns = max(from_ns, last_posted_before(rows, period.before_ns))
        opening, closing = (
            sum(t.credits_posted - t.debits_posted
                for t in (ledger.posted_before(a, at) for a in accounts))
            for at in (from_ns, before_ns)
        )  # fmt: skip
    finally:
        rows.connection.execute("ROLLBACK")
    members = {a.id: a for a in accounts}

    def entries() -> Iterator[StatementEntry]:
        places, balance = JournalPlaces(rows.connection), opening
        for account, line in _merged(ledger, accounts, from_ns, before_ns):
            if line.other_account_id in members:
                continue
            change = _credited(account, line.change)
            balance += change
            yield StatementEntry(
                line.transfer, change, balance, account.id, line.other_account_id,
                value_day(line.transfer, known), places.at(line.transfer.timestamp),
            )  # fmt: skip

    return StatementDocument(
        group.group_id, 0, 0, book, Side.CREDIT, currency_of_book(book, known, currency), period,
        opening, closing, entries,
    )  # fmt: skip


def _merged(
    ledger: SqlLedgerReader, accounts: list[Account], from_ns: int, before_ns: int
) -> Iterator[tuple[Account, StatementLine]]:
    """The movements of several accounts in the order of the ledger."""

    def lines(account: Account) -> Iterator[tuple[int, int, Account, StatementLine]]:
        for line in account_lines(ledger, account, from_ns, before_ns, 0):
            yield line.transfer.timestamp, account.id, account, line

    merged = heapq.merge(*(lines(account) for account in accounts), key=lambda found: found[:2])
    return ((account, line) for _, _, account, line in merged)
