"""What was posted since a moment, by book and code: exact sums over rows or over columns."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import TransferFlags
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import has_bulk_entries

if TYPE_CHECKING:
    from tallystick.store.journal_reader import JournalReader

__all__ = ["posted_since"]

_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_HALF: Final = 2**32
_CHUNK: Final = 400

Sums = dict[tuple[int, int], list[int]]


def _opened(connection: Connection, timestamp: int, sums: Sums) -> None:
    sql = "SELECT book, code, COUNT(*) FROM ledger_account WHERE timestamp >= ? GROUP BY book, code"
    for book, code, count in connection.execute(sql, (timestamp,)):
        sums[int(book), int(code)][0] += int(count)


def _in_rows(connection: Connection, timestamp: int, sums: Sums) -> None:
    """Sums in halves of 32 bits: together they may exceed what the database's numbers hold."""
    for place, side in ((1, "debit_account_id"), (2, "credit_account_id")):
        found = connection.execute(
            f"SELECT a.book, a.code, SUM(t.amount / {_HALF}), SUM(t.amount % {_HALF}) "  # noqa: S608
            f"FROM ledger_transfer t JOIN ledger_account a ON a.id = t.{side} "
            "WHERE t.timestamp >= ? AND (t.flags & ?) = 0 GROUP BY a.book, a.code",
            (timestamp, _MOVES_NOTHING),
        )
        for book, code, high, low in found:
            sums[int(book), int(code)][place] += int(high) * _HALF + int(low)


def _kinds(connection: Connection, ids: list[int]) -> dict[int, tuple[int, int]]:
    """Book and code of accounts: few are looked up, of many the table is read."""
    if len(ids) > 100 * _CHUNK:
        wanted = set(ids)
        every = connection.execute("SELECT id, book, code FROM ledger_account")
        rows = ((int.from_bytes(i, "big"), int(b), int(c)) for i, b, c in every)
        return {i: (b, c) for i, b, c in rows if i in wanted}
    kinds: dict[int, tuple[int, int]] = {}
    for start in range(0, len(ids), _CHUNK):
        part = [id_bytes(i) for i in ids[start : start + _CHUNK]]
        marks = ", ".join("?" * len(part))
        sql = f"SELECT id, book, code FROM ledger_account WHERE id IN ({marks})"  # noqa: S608
        for i, book, code in connection.execute(sql, part):
            kinds[int.from_bytes(i, "big")] = (int(book), int(code))
    return kinds


def _in_columns(connection: Connection, reader: JournalReader, timestamp: int, sums: Sums) -> None:
    moved = reader.moved_since(timestamp)
    kinds = _kinds(connection, list(moved))
    for account_id, (debits, credits) in moved.items():
        kind = sums[kinds[account_id]]
        kind[1] += debits
        kind[2] += credits


def posted_since(
    connection: Connection, timestamp: int
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """By (book, code): accounts opened, debits and credits posted from a ledger timestamp on.

    Rows are added up by the database. Where there are bulk entries, the journal's columns in
    memory are: a cut by time and one pass over what lies behind it.
    """
    sums: Sums = defaultdict(lambda: [0, 0, 0])
    _opened(connection, timestamp, sums)
    if has_bulk_entries(connection):
        # Compiled code is loaded only where there is something for it.
        from tallystick.store.journal_reader import JournalReader

        _in_columns(connection, JournalReader(connection), timestamp, sums)
    else:
        _in_rows(connection, timestamp, sums)
    return {kind: (a, d, c) for kind, (a, d, c) in sums.items()}
