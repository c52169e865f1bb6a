"""What the pages show of the ledger: accounts by name, entries, statements a page at a time.

A page of a statement is found from the account's present totals backwards, so it costs the same
however long the account's past is; account and entries are read in one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from tallystick.console.texts import Language, text
from tallystick.ledger.chart import PLATFORM_BOOK_MIN, book_currency, chart_entry
from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.ledger.statements import StatementLine, balance_of, normal_side
from tallystick.ledger.statements import statement as statement_lines
from tallystick.payments.movement_names import movement_name
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = [
    "NEWEST", "AccountName", "AccountView", "EntryView", "StatementPage", "account_title",
    "account_view", "book_title", "currency_shown", "entry_views", "movement_text",
    "names_of_accounts", "snapshot", "statement_page",
]  # fmt: skip

NEWEST: Final = 2**63 - 1
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_FLAG_TEXTS: Final = (
    (TransferFlags.PENDING, "movement.pending"),
    (TransferFlags.POST_PENDING, "movement.post_pending"),
    (TransferFlags.VOID_PENDING, "movement.void_pending"),
)


class AccountName(NamedTuple):
    """An account by what it is for. `hex` is its id in addresses: 32 hex digits."""

    title: str
    owner: str
    hex: str


class AccountView(NamedTuple):
    """An account with its totals in minor units; `balance` is on its normal side."""

    name: AccountName
    book_name: str
    currency: str
    normal_side: str
    debits: int
    credits: int
    pending: int
    balance: int


class EntryView(NamedTuple):
    """A transfer as a line of a journal. `hex` is its id in addresses."""

    hex: str
    at_ms: int
    movement: str
    debit: AccountName
    credit: AccountName
    amount: int


class StatementPage(NamedTuple):
    """An account's lines, newest first; `older` is the cursor of the next page, or 0."""

    account: Account
    lines: list[StatementLine]
    older: int


@contextmanager
def snapshot(rows: ReadSession) -> Iterator[SqlLedgerReader]:
    """Several reads of one moment."""
    rows.connection.execute("BEGIN")
    try:
        yield SqlLedgerReader(rows.connection)
    finally:
        rows.connection.execute("ROLLBACK")


def currency_shown(book: int) -> str:
    """The currency of a platform's book; empty for books that count something else."""
    return book_currency(book) if book >= PLATFORM_BOOK_MIN else ""


def book_title(book: int, language: Language) -> str:
    """A book for people: its entity and currency, or its number."""
    if book < PLATFORM_BOOK_MIN:
        return text("account.free_book", language, book=book)
    return text(
        "account.book_name", language, entity=book // 1000, currency=currency_shown(book)
    )  # fmt: skip


def account_title(code: int, book: int, language: Language) -> str:
    """What accounts of a code are for; books of others may use the codes as they like."""
    entry = chart_entry(code, book)
    if entry is None:
        return text("account.free_kind", language, code=code)
    return language.pick(entry.name, entry.chinese)


def _name(account: Account, language: Language) -> AccountName:
    title = account_title(account.code, account.book, language)
    return AccountName(title, str(account.user_data_128), f"{account.id:032x}")


def names_of_accounts(
    ledger: SqlLedgerReader, ids: set[int], language: Language
) -> dict[int, AccountName]:
    """The names of the accounts among these ids that exist."""
    return {a.id: _name(a, language) for a in ledger.accounts(sorted(ids))}


def account_view(account: Account, language: Language) -> AccountView:
    """An account as a page shows it."""
    return AccountView(
        name=_name(account, language),
        book_name=book_title(account.book, language),
        currency=currency_shown(account.book),
        normal_side=normal_side(account).value,
        debits=account.debits_posted,
        credits=account.credits_posted,
        pending=account.debits_pending + account.credits_pending,
        balance=balance_of(account),
    )


def movement_text(transfer: Transfer, language: Language) -> str:
    """Why the money moved; for holds also what became of it."""
    said = language.pick(*movement_name(transfer.code))
    for flag, key in _FLAG_TEXTS:
        if transfer.flags & flag:
            return f"{said} ({text(key, language)})"
    return said


def entry_views(
    ledger: SqlLedgerReader, transfers: Sequence[Transfer], language: Language
) -> list[EntryView]:
    """Transfers as lines of a journal, in the order given."""
    ids = {i for t in transfers for i in (t.debit_account_id, t.credit_account_id)}
    names = names_of_accounts(ledger, ids, language)
    return [
        EntryView(
            hex=f"{t.id:032x}",
            at_ms=t.timestamp // 1_000_000,
            movement=movement_text(t, language),
            debit=names[t.debit_account_id],
            credit=names[t.credit_account_id],
            amount=t.amount,
        )
        for t in transfers
    ]


def statement_page(
    rows: ReadSession, account_id: int, *, before: int = NEWEST, limit: int
) -> StatementPage | None:
    """A page of an account's lines with the balance after each; None for no such account.

    Args:
        before: the cursor, a ledger timestamp; lines older than it are shown.
    """
    with snapshot(rows) as ledger:
        accounts = ledger.accounts([account_id])
        if not accounts:
            return None
        account = accounts[0]
        found = ledger.newest_postings(account_id, before=before, limit=limit + 1)
        shown = found[:limit]
        if not shown:
            return StatementPage(account, [], 0)
        first = shown[-1].timestamp
        opening = balance_of(ledger.posted_before(account, first))
    lines = list(statement_lines(account, reversed(shown), opening=opening))
    lines.reverse()
    return StatementPage(account, lines, first if len(found) > limit else 0)
