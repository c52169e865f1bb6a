"""Where entries stand in the journal: which batch, and which of its entries.

A search by halves over the numbers of batches and blocks, whose timestamps only grow, so neither
writing nor a journal of millions pays for it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.journal import BLOCK_ENTRIES
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import journal_head

__all__ = ["JournalPlace", "JournalPlaces"]

_TIMESTAMP = slice(96, 104)
_REMEMBERED = 4096


class JournalPlace(msgspec.Struct, frozen=True):
    """Where an entry stands.

    Args:
        batch: the journal's batch, from 1.
        index: the entry's place in its batch, from 0.
        entry: its place among all entries of the journal, from 0.
    """

    batch: int
    index: int
    entry: int


class _Batch(NamedTuple):
    number: int
    first_entry: int
    entries: int
    last_timestamp: int


class JournalPlaces:
    """Finds places over one connection; places found after each other share their steps."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = journal_head(connection).number
        self._batches: dict[int, _Batch] = {}
        self._blocks: dict[int, bytes] = {}

    def _batch(self, number: int) -> _Batch:
        if number not in self._batches:
            if len(self._batches) > _REMEMBERED:
                self._batches.clear()
            found = self._connection.execute(
                "SELECT number, first_entry, entries, last_timestamp FROM ledger_journal "
                "WHERE number = ?",
                (number,),
            ).fetchone()
            self._batches[number] = _Batch(*found)
        return self._batches[number]

    def _block(self, first_entry: int) -> bytes:
        if first_entry not in self._blocks:
            if len(self._blocks) > _REMEMBERED // 16:
                self._blocks.clear()
            sql = "SELECT records FROM ledger_block WHERE first_entry = ?"
            found = self._connection.execute(sql, (first_entry,)).fetchone()
            self._blocks[first_entry] = bytes(found[0])
        return self._blocks[first_entry]

    def _timestamp(self, batch: _Batch, index: int) -> int:
        within = index % BLOCK_ENTRIES
        block = self._block(batch.first_entry + index - within)
        record = block[within * ENTRY_BYTES : (within + 1) * ENTRY_BYTES]
        return int.from_bytes(record[_TIMESTAMP], "big")

    def at(self, timestamp: int) -> JournalPlace:
        """The place of the entry with this ledger timestamp.

        Raises:
            LookupError: the journal has no such entry.
        """
        low, high = 1, self._last
        while low < high:
            middle = (low + high) // 2
            if self._batch(middle).last_timestamp < timestamp:
                low = middle + 1
            else:
                high = middle
        if low > self._last:
            raise LookupError(f"the journal has no entry of {timestamp}")
        batch = self._batch(low)
        return self._within(batch, timestamp)

    def _within(self, batch: _Batch, timestamp: int) -> JournalPlace:
        low, high = 0, batch.entries - 1
        while low < high:
            middle = (low + high) // 2
            if self._timestamp(batch, middle) < timestamp:
                low = middle + 1
            else:
                high = middle
        if batch.entries == 0 or self._timestamp(batch, low) != timestamp:
            raise LookupError(f"the journal has no entry of {timestamp}")
        return JournalPlace(batch.number, low, batch.first_entry + low)
