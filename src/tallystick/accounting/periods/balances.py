"""A book's posted totals through a day: what they are now, less what took effect later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tallystick.accounting.days import day_begins_ms, effective_day
from tallystick.accounting.periods.decide import CodeTotals
from tallystick.ledger.encoding import ENTRY_BYTES, entry_from
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import journal_batches, journal_head

__all__ = ["totals_through"]

_MOVES_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_NS_PER_MS = 1_000_000
_HALF = 2**32
_BOOK_AT, _BOOK_BYTES = 104, 4


def _entries_since(connection: Connection, book: int, from_ns: int) -> Iterator[Transfer]:
    """The book's entries with a timestamp from a moment on, however they were posted."""
    row = connection.execute(
        "SELECT MIN(number) FROM ledger_journal WHERE last_timestamp >= ?", (from_ns,)
    ).fetchone()
    if row[0] is None:
        return
    wanted = book.to_bytes(_BOOK_BYTES, "big")
    for batch in journal_batches(connection, int(row[0]) - 1, journal_head(connection).number):
        for at in range(0, len(batch.records), ENTRY_BYTES):
            if batch.records[at + _BOOK_AT : at + _BOOK_AT + _BOOK_BYTES] == wanted:
                entry = entry_from(batch.records[at : at + ENTRY_BYTES])
                if entry.timestamp >= from_ns:
                    yield entry


def _codes(connection: Connection, book: int) -> dict[int, tuple[int, int]]:
    """The committed totals of a book by code: debits and credits posted."""
    halves = ", ".join(
        f"SUM({t} / {_HALF}), SUM({t} % {_HALF})" for t in ("debits_posted", "credits_posted")
    )
    sql = f"SELECT code, {halves} FROM ledger_account WHERE book = ? GROUP BY code"  # noqa: S608
    return {
        int(code): (dh * _HALF + dl, ch * _HALF + cl)
        for code, dh, dl, ch, cl in connection.execute(sql, (book,))
    }


def _moved(entries: Iterable[Transfer]) -> tuple[Counter[int], Counter[int]]:
    """What entries moved, by account: debits and credits."""
    debits: Counter[int] = Counter()
    credits: Counter[int] = Counter()
    for t in entries:
        if not t.flags & _MOVES_NOTHING:
            debits[t.debit_account_id] += t.amount
            credits[t.credit_account_id] += t.amount
    return debits, credits


def totals_through(
    connection: Connection, book: int, day: int, *, value_dated: bool,
    code_of: dict[int, int], unwritten: Iterable[Transfer] = (),
) -> list[CodeTotals]:  # fmt: skip
    """A book's posted totals as of the end of a day, by code.

    An entry never takes effect after the day on which it was made, so only entries that were made
    after the day can have to be left out: the work is that of what was posted since.

    Args:
        value_dated: whether `user_data_32` is an entry's effective day.
        code_of: is filled with the codes of the accounts that were met.
        unwritten: entries of this transaction that the database does not have yet.
    """
    codes = {code: [*totals] for code, totals in _codes(connection, book).items()}

    def is_later(t: Transfer) -> bool:
        return effective_day(t.user_data_32 if value_dated else 0, t.timestamp) > day

    def add(entries: Iterable[Transfer], sign: int) -> None:
        for side, moved in enumerate(_moved(entries)):
            for account_id, amount in moved.items():
                code = _code(connection, account_id, code_of)
                codes.setdefault(code, [0, 0])[side] += sign * amount

    from_ns = day_begins_ms(day + 1) * _NS_PER_MS
    add((t for t in _entries_since(connection, book, from_ns) if is_later(t)), -1)
    add((t for t in unwritten if t.book == book and not is_later(t)), 1)
    return [CodeTotals(code, *totals) for code, totals in sorted(codes.items())]


def _code(connection: Connection, account_id: int, known: dict[int, int]) -> int:
    if account_id not in known:
        row = connection.execute(
            "SELECT code FROM ledger_account WHERE id = ?", (account_id.to_bytes(16, "big"),)
        ).fetchone()
        known[account_id] = int(row[0])
    return known[account_id]
