"""Entries newest first along one path: of an account, a reference, a piece of metadata, or all.

Each path gives a chunk of entries before a timestamp, and where it goes on. Paths over all entries
look at columns in memory where there are bulk entries, and at a window of rows elsewhere, so a
chunk has a largest cost whatever is asked for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["WINDOW_ENTRIES", "WINDOW_ROWS", "Chunk", "EntryPaths"]

WINDOW_ENTRIES: Final = 1_000_000
"""Entries whose columns one chunk looks at, where they are in memory."""

WINDOW_ROWS: Final = 20_000
"""Rows that one chunk looks at elsewhere."""


class Chunk(NamedTuple):
    """Entries newest first, and the timestamp before which the path goes on; None at its end."""

    transfers: list[Transfer]
    before: int | None


class EntryPaths:
    """Paths over one connection's view of the ledger."""

    def __init__(self, ledger: SqlLedgerReader) -> None:
        self._ledger = ledger
        self._journal = ledger.journal()

    def _where(self, column: str, value: object, before: int, count: int) -> list[Transfer]:
        return self._ledger.transfers_where(
            f"WHERE {column} = ? AND timestamp < ? ORDER BY timestamp DESC LIMIT ?",
            (value, before, count),
        )

    @staticmethod
    def _chunk(found: list[Transfer], count: int) -> Chunk:
        found = sorted(found, key=lambda t: -t.timestamp)[:count]
        return Chunk(found, found[-1].timestamp if len(found) == count else None)

    def of_account(self, account_id: int, before: int, count: int) -> Chunk:
        """Of an account, holds and what became of them included."""
        if self._journal is not None:
            found = self._journal.newest_of_account(account_id, before, 0, count, skip=0)
        else:
            key = id_bytes(account_id)
            found = self._where("debit_account_id", key, before, count)
            found += self._where("credit_account_id", key, before, count)
        return self._chunk(found, count)

    def with_reference(self, reference: int, before: int, count: int) -> Chunk:
        """Whose `user_data_128` is this number."""
        if self._journal is not None:
            found = self._journal.newest_with_reference(reference, before, count)
        else:
            found = self._where("user_data_128", id_bytes(reference), before, count)
        return self._chunk(found, count)

    def carrying(self, name: str, value: str, before: int, count: int) -> Chunk:
        """That carry a piece of metadata."""
        rows = self._ledger.connection.execute(
            "SELECT position FROM ledger_metadata WHERE kind = 'transfer' AND name = ? "
            "AND value = ? AND position < ? ORDER BY position DESC LIMIT ?",
            (name, value, before, count),
        )
        return self._chunk(self._ledger.transfers_at([int(r[0]) for r in rows]), count)

    def of_all(
        self, least: int, most: int, book: int | None, before: int, not_before: int, count: int
    ) -> Chunk:
        """Of an amount from `least` to `most`, in a book or in all.

        Args:
            not_before: entries before this timestamp need not be looked at.
        """
        if self._journal is not None:
            found, goes_on = self._journal.newest_where(
                least, most, book, before, not_before, count, WINDOW_ENTRIES
            )
            return Chunk(found, goes_on)
        first = self._ledger.connection.execute(
            "SELECT timestamp FROM ledger_transfer WHERE timestamp < ? AND timestamp >= ? "
            "ORDER BY timestamp DESC LIMIT 1 OFFSET ?",
            (before, not_before, WINDOW_ROWS),
        ).fetchone()
        begin = not_before if first is None else int(first[0])
        in_book, values = ("AND book = ?", [book]) if book is not None else ("", [])
        found = self._ledger.transfers_where(
            f"WHERE timestamp < ? AND timestamp >= ? AND amount >= ? AND amount <= ? {in_book} "
            "ORDER BY timestamp DESC LIMIT ?",
            (before, begin, least, most, *values, count),
        )
        if len(found) == count:
            return Chunk(found, found[-1].timestamp)
        return Chunk(found, None if first is None else begin)
