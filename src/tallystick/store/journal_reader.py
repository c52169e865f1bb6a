"""Reading entries from the journal's blocks, found through its index.

Used where there are entries that do not stand in `ledger_transfer`. Everything is answered as
of the connection's own view of the database, whatever others have written since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tallystick.ledger.encoding import ENTRY_BYTES, entry_from
from tallystick.ledger.index import JournalIndex, Totals
from tallystick.ledger.model import Transfer
from tallystick.store.bulk_store import SqliteJournal, shared_index
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import journal_blocks

__all__ = ["JournalReader"]


class JournalReader:
    """Entries of the journal as transfers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._store = SqliteJournal(connection)
        self._index = shared_index(connection)

    @contextmanager
    def _seen(self) -> Iterator[tuple[JournalIndex, int]]:
        """The index, and how many entries this connection sees."""
        with self._index.lock:
            yield self._index, self._index.catch_up(self._store, writing=False).entries

    def _read(self, index: JournalIndex, entries: Sequence[int]) -> list[Transfer]:
        firsts = [index.block_of(entry) for entry in entries]
        blocks = journal_blocks(self._connection, sorted(set(firsts)))
        return [
            entry_from(blocks[first][(entry - first) * ENTRY_BYTES :][:ENTRY_BYTES])
            for entry, first in zip(entries, firsts, strict=True)
        ]

    def warm_up(self) -> None:
        """Bring the index to what this connection sees."""
        with self._seen():
            pass

    def transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers among these ids that exist."""
        with self._seen() as (index, limit):
            return self._read(index, index.entries_of_ids(ids, limit))

    def transfers_at(self, timestamps: Sequence[int]) -> list[Transfer]:
        """The transfers with these timestamps, oldest first."""
        with self._seen() as (index, limit):
            return self._read(index, index.entries_at(sorted(timestamps), limit))

    def with_reference(self, reference: int) -> list[Transfer]:
        """Every transfer whose `user_data_128` is this number, oldest first."""
        with self._seen() as (index, limit):
            return self._read(index, index.referring(reference, limit))

    def oldest_of_account(
        self, account_id: int, after: int, before: int, limit: int, *, skip: int = 0
    ) -> list[Transfer]:
        """An account's transfers with `after < timestamp < before`, oldest first.

        Args:
            skip: transfers with any of these flags are left out.
        """
        with self._seen() as (index, seen):
            first, end = index.entry_at(after), min(seen, index.entry_at(before - 1))
            return self._read(
                index,
                index.oldest_of_account(
                    account_id, at_least=first, below=end, count=limit, skip=skip
                ),
            )

    def newest_of_account(
        self, account_id: int, before: int, not_before: int, limit: int, *, skip: int
    ) -> list[Transfer]:
        """An account's newest transfers with `not_before <= timestamp < before`, newest first.

        Args:
            skip: transfers with any of these flags are left out.
        """
        with self._seen() as (index, seen):
            first, end = index.entry_at(not_before - 1), min(seen, index.entry_at(before - 1))
            found = index.newest_of_account(
                account_id, at_least=first, below=end, count=limit, skip=skip
            )
            return self._read(index, found)

    def newest_with_reference(self, reference: int, before: int, limit: int) -> list[Transfer]:
        """The newest transfers before a timestamp whose `user_data_128` is this number."""
        with self._seen() as (index, seen):
            end = min(seen, index.entry_at(before - 1))
            return self._read(index, index.newest_referring(reference, end, limit))

    def newest_where(
        self,
        least: int,
        most: int,
        book: int | None,
        before: int,
        not_before: int,
        limit: int,
        window: int,
    ) -> tuple[list[Transfer], int | None]:
        """The newest transfers of an amount and a book among so many before a timestamp.

        Returns:
            They, newest first, and the timestamp before which to go on; None at the end.
        """
        with self._seen() as (index, seen):
            first, end = index.entry_at(not_before - 1), min(seen, index.entry_at(before - 1))
            begin = max(first, end - window)
            found = index.newest_between(begin, end, least, most, book, limit)
            read = self._read(index, found)
            if len(found) == limit:
                return read, read[-1].timestamp
            return read, None if begin <= first else int(index.entries.time[begin])

    def moved_since(self, timestamp: int) -> dict[int, tuple[int, int]]:
        """Debits and credits posted from a timestamp on, of each account that has any."""
        with self._seen() as (index, seen):
            return index.moved_since(index.entry_at(timestamp - 1), seen)

    def posted_before(self, account_id: int, timestamp: int) -> Totals:
        """An account's posted totals just before a timestamp."""
        with self._seen() as (index, seen):
            return index.totals_before(account_id, min(seen, index.entry_at(timestamp - 1)))
