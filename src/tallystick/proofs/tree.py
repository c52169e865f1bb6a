"""The tree in this process: it follows the journal through a reading connection.

Pages that a signed head covers are kept in the database, so a start reads two hashes for 256
entries; only what came after the last head is hashed anew.
"""

from __future__ import annotations

import threading
from functools import partial
from time import perf_counter, sleep

from tallystick.ledger.encoding import ENTRY_BYTES, PAGE_LEAVES
from tallystick.ledger.journal import BLOCK_ENTRIES, JournalHead
from tallystick.ledger.merkle import JournalTree
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import journal_head

__all__ = ["LedgerTree", "entry_at", "place_of", "read_records"]

_AT_ONCE = 256 * PAGE_LEAVES
_GENTLY = 4 * PAGE_LEAVES
_GENTLY_UP_TO = 4_096 * PAGE_LEAVES
_RESTS = 3
"""Times as long as it hashed does who hashes gently leave the processor to others."""
_TIMESTAMP = slice(96, 104)


def read_records(connection: Connection, first: int, end: int) -> bytes:
    """The joined records of entries from `first` up to `end`."""
    rows = connection.execute(
        "SELECT first_entry, records FROM ledger_block WHERE first_entry > ? AND first_entry < ? "
        "ORDER BY first_entry",
        (first - BLOCK_ENTRIES, end),
    )
    parts = []
    for at, records in rows:
        skipped, wanted = max(0, first - at), min(end - at, BLOCK_ENTRIES)
        parts.append(records[skipped * ENTRY_BYTES : wanted * ENTRY_BYTES])
    return b"".join(parts)


def entry_at(connection: Connection, index: int) -> bytes:
    """The record of an entry by its number."""
    return read_records(connection, index, index + 1)


def _timestamp(record: bytes) -> int:
    return int.from_bytes(record[_TIMESTAMP], "big")


def place_of(connection: Connection, timestamp: int) -> int | None:
    """The number of the entry with a ledger timestamp, or None; entries are in their order.

    Found by halving, first among the batches and then within one.
    """
    low, high = 1, journal_head(connection).number
    sql = "SELECT last_timestamp, first_entry, entries FROM ledger_journal WHERE number = ?"
    while low < high:
        middle = (low + high) // 2
        if connection.execute(sql, (middle,)).fetchone()[0] < timestamp:
            low = middle + 1
        else:
            high = middle
    row = connection.execute(sql, (low,)).fetchone()
    if row is None:
        return None
    first, end = int(row[1]), int(row[1]) + int(row[2])
    if first < end:
        # Entries of a bulk call have times without a gap, unless some were refused.
        guess = first + timestamp - _timestamp(entry_at(connection, first))
        if first <= guess < end and _timestamp(entry_at(connection, guess)) == timestamp:
            return guess
    while first < end:
        middle = (first + end) // 2
        at = _timestamp(entry_at(connection, middle))
        if at == timestamp:
            return middle
        first, end = (middle + 1, end) if at < timestamp else (first, middle)
    return None


class LedgerTree:
    """A tree over one database's entries, for all threads of the process."""

    def __init__(self) -> None:
        self._tree = JournalTree()
        self._lock = threading.Lock()

    def _load(self, connection: Connection) -> None:
        """Take in the pages that heads have put into the database."""
        rows = connection.execute(
            "SELECT hash FROM ledger_page WHERE number >= ? ORDER BY number", (self._tree.pages,)
        )
        self._tree.extend(bytes(row[0]) for row in rows)

    def catch_up(self, connection: Connection, *, gently: bool = False) -> JournalHead:
        """Hash what is in the journal and not yet in the tree; gives the journal's end.

        Args:
            connection: it sees nothing that may still be undone.
            gently: in small parts with rests between, where that is not too much for it: nobody
                waits for this, and payments would wait for the interpreter meanwhile.
        """
        with self._lock:
            self._load(connection)
            head = journal_head(connection)
            gently = gently and head.entries - self._tree.leaves < _GENTLY_UP_TO
        while True:
            began = perf_counter()
            with self._lock:
                first = self._tree.leaves
                if first + PAGE_LEAVES > head.entries:
                    return head
                end = min(first + (_GENTLY if gently else _AT_ONCE), head.entries)
                self._tree.append_records(read_records(connection, first, end))
            if gently:
                sleep(_RESTS * (perf_counter() - began))

    def pages(self, first: int, end: int) -> tuple[bytes, ...]:
        """The hashes of pages from one number up to another."""
        with self._lock:
            return tuple(self._tree.page(number) for number in range(first, end))

    def root(self, connection: Connection, size: int) -> bytes:
        """The root of the first `size` entries, which the tree has."""
        with self._lock:
            return self._tree.root(size, partial(read_records, connection))

    def inclusion(self, connection: Connection, index: int, size: int) -> list[bytes]:
        """The path from an entry to the root of the first `size` entries of a signed head."""
        with self._lock:
            self._load(connection)
            return self._tree.inclusion(index, size, partial(read_records, connection))

    def consistency(self, connection: Connection, first: int, second: int) -> list[bytes]:
        """The path between the trees of two signed heads, by their sizes."""
        with self._lock:
            self._load(connection)
            return self._tree.consistency(first, second, partial(read_records, connection))
