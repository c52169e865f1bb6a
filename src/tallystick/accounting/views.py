"""What can be seen of the books: accounts and transfers by id or a page at a time, and totals."""

from __future__ import annotations

import msgspec

from tallystick.ledger.model import Account, PendingState, Transfer, TransferFlags
from tallystick.ledger.statements import (
    StatementLine,
    TrialBalance,
    TrialLine,
    balance_of,
    statement,
)
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = [
    "AccountPage", "AccountStatement", "TransferPage", "TrialBalancePage", "account",
    "account_statement", "accounts_page", "book_is_used", "books_in_use", "stored_trial_balances",
    "transfer", "transfers_page", "trial_balance_page",
]  # fmt: skip

_TOTALS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_HALF = 2**32
_MOVES_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class AccountPage(msgspec.Struct, frozen=True):
    """A page of accounts in id order; `after` continues it, None at the end."""

    accounts: list[Account]
    after: int | None


class TransferPage(msgspec.Struct, frozen=True):
    """A page of an account's transfers, oldest first; `after` continues it, None at the end."""

    transfers: list[Transfer]
    after: int | None


class AccountStatement(msgspec.Struct, frozen=True):
    """A page of an account's lines in a period, oldest first.

    Args:
        opening: the balance before the period, in minor units on the normal side.
        closing: the balance at its end.
        after: continues it (a ledger timestamp), None at the end.
    """

    account: Account
    opening: int
    closing: int
    lines: list[StatementLine]
    after: int | None


class TrialBalancePage(msgspec.Struct, frozen=True):
    """A page of books in order; `after` continues it, None at the end."""

    books: list[TrialBalance]
    after: int | None


def account(ledger: SqlLedgerReader, account_id: int) -> Account | None:
    """The account with its totals, or None."""
    found = ledger.accounts([account_id])
    return found[0] if found else None


def transfer(
    ledger: SqlLedgerReader, transfer_id: int
) -> tuple[Transfer, PendingState | None] | None:
    """A transfer, with what became of it when it was pending; or None."""
    found = ledger.transfers([transfer_id])
    if not found:
        return None
    return found[0], ledger.pending_states([transfer_id]).get(transfer_id)


def accounts_page(
    ledger: SqlLedgerReader, *, book: int | None, code: int | None, after: int, limit: int
) -> AccountPage:
    """Accounts of a book and a code (None: of all) with an id beyond `after`, in id order."""
    found = ledger.accounts_where(book=book, code=code, after_id=after, limit=limit + 1)
    page = found[:limit]
    return AccountPage(page, page[-1].id if len(found) > limit else None)


def transfers_page(
    ledger: SqlLedgerReader, account_id: int, *, after: int, limit: int
) -> TransferPage:
    """An account's transfers with a timestamp beyond `after` (nanoseconds), oldest first."""
    found = ledger.transfers_of_account(account_id, after=after, limit=limit + 1)
    page = found[:limit]
    return TransferPage(page, page[-1].timestamp if len(found) > limit else None)


def account_statement(
    rows: ReadSession, account_id: int, *, from_ns: int, before_ns: int, after: int, limit: int
) -> AccountStatement | None:
    """A page of an account's statement; None for no such account.

    All is read in one snapshot. The balances are found from the account's present totals
    backwards.

    Args:
        from_ns: the period's begin, nanoseconds since 1970, with `before_ns` just after its end.
        after: the cursor: lines beyond this ledger timestamp; -1 for the first page.
    """
    connection = rows.connection
    connection.execute("BEGIN")
    try:
        ledger = SqlLedgerReader(connection)
        found = account(ledger, account_id)
        if found is None:
            return None
        begin = max(from_ns, after + 1)
        moves = ledger.oldest_postings(
            account_id, not_before=begin, before=before_ns, limit=limit + 1
        )
        shown = moves[:limit]
        before_page = balance_of(ledger.posted_before(found, begin))
        return AccountStatement(
            account=found,
            opening=balance_of(ledger.posted_before(found, from_ns)),
            closing=balance_of(ledger.posted_before(found, max(before_ns, from_ns))),
            lines=list(statement(found, shown, opening=before_page)),
            after=shown[-1].timestamp if len(moves) > limit else None,
        )
    finally:
        connection.execute("ROLLBACK")


def books_in_use(ledger: SqlLedgerReader, limit: int) -> list[int]:
    """The numbers of the first books that have an account, each found by one step in the index."""
    sql = (
        "WITH RECURSIVE used(book) AS (SELECT MIN(book) FROM ledger_account UNION ALL "
        "SELECT (SELECT MIN(a.book) FROM ledger_account a WHERE a.book > used.book) FROM used "
        "WHERE used.book IS NOT NULL) SELECT book FROM used WHERE book IS NOT NULL LIMIT ?"
    )
    return [int(book) for (book,) in ledger.connection.execute(sql, (limit,))]


def book_is_used(ledger: SqlLedgerReader, book: int) -> bool:
    """Whether a book has an account."""
    sql = "SELECT 1 FROM ledger_account WHERE book = ? LIMIT 1"
    return ledger.connection.execute(sql, (book,)).fetchone() is not None


def trial_balance_page(
    rows: ReadSession, *, book: int | None, after: int, limit: int
) -> TrialBalancePage:
    """The trial balances of one book, or of the books beyond `after`, in book order."""
    if book is not None:
        return TrialBalancePage(stored_trial_balances(rows, book), None)
    records = rows.connection.execute(
        "SELECT DISTINCT book FROM ledger_account WHERE book > ? ORDER BY book LIMIT ?",
        (after, limit + 1),
    )
    books = [int(r[0]) for r in records]
    found = [one for of in books[:limit] for one in stored_trial_balances(rows, of)]
    return TrialBalancePage(found, books[limit - 1] if len(books) > limit else None)


def stored_trial_balances(rows: ReadSession, book: int | None = None) -> list[TrialBalance]:
    """The trial balance of one book or all, added up by the database, in book order.

    Each total is added in two halves of 32 bits: a book's sum may exceed what the database's
    own whole numbers hold.
    """
    halves = ", ".join(f"SUM({t} / {_HALF}), SUM({t} % {_HALF})" for t in _TOTALS)
    where = "" if book is None else "WHERE book = ?"
    sql = (
        f"SELECT book, code, COUNT(*), {halves} FROM ledger_account {where} "  # noqa: S608
        "GROUP BY book, code ORDER BY book, code"
    )
    lines: dict[int, list[TrialLine]] = {}
    for found_book, code, count, *parts in rows.connection.execute(
        sql, () if book is None else (book,)
    ):
        sums = [high * _HALF + low for high, low in zip(parts[::2], parts[1::2], strict=True)]
        lines.setdefault(found_book, []).append(TrialLine(code, count, *sums))
    return [
        TrialBalance(of, tuple(codes), *(sum(getattr(c, t) for c in codes) for t in _TOTALS))
        for of, codes in lines.items()
    ]
