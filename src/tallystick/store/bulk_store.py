"""The bulk ledger on a database: SQLite's port, and sessions that own their transactions.

The journal's index is shared by everybody in the process who uses the same database file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tallystick.ledger.bulk import BulkLedger
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.journal import JournalBatch, JournalHead, JournalStore
from tallystick.ledger.model import Account, PendingState
from tallystick.store.connection import Connection
from tallystick.store.dialect import is_postgres
from tallystick.store.journal_rows import (
    append_batch,
    journal_batches,
    journal_blocks,
    journal_head,
)
from tallystick.store.ledger_rows import (
    SqlLedgerReader,
    write_accounts,
    write_failed,
    write_states,
    write_totals,
)

__all__ = ["BulkSession", "SessionStore", "SqliteJournal", "journal_of", "release_index",
           "shared_index"]  # fmt: skip

_indexes: dict[str, JournalIndex] = {}
# Databases in memory have no name; a few are remembered by their connection.
_in_memory: deque[tuple[Connection, JournalIndex]] = deque(maxlen=4)
_indexes_lock = threading.Lock()


class SessionStore(JournalStore, Protocol):
    """A journal whose transactions a session begins and ends."""

    def begin(self) -> None:
        """Begin a transaction that alone may append."""
        ...

    def commit(self) -> None:
        """Make it durable."""
        ...

    def roll_back(self) -> None:
        """Undo it, if there is one."""
        ...


class SqliteJournal:
    """`JournalStore` over one SQLite connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._reader = SqlLedgerReader(connection)

    def begin(self) -> None:
        """Begin a transaction that alone may write."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make it durable."""
        self.connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Undo it, if there is one."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def head(self) -> JournalHead:
        """The journal's end as this transaction sees it."""
        return journal_head(self.connection)

    def append(self, batch: JournalBatch) -> None:
        """Write a batch after the head."""
        append_batch(self.connection, batch)

    def batches(self, after: int, through: int) -> Iterator[JournalBatch]:
        """The batches with `after < number <= through`, in order."""
        return journal_batches(self.connection, after, through)

    def blocks(self, first_entries: Sequence[int]) -> dict[int, bytes]:
        """The blocks that begin with these entries."""
        return journal_blocks(self.connection, first_entries)

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""
        return self._reader.pending_states(ids)

    def keep_states(self, states: Sequence[tuple[bytes, int]]) -> None:
        """Write what has become of pending transfers."""
        write_states(self.connection, states)

    def keep_failed(self, ids: Sequence[bytes]) -> None:
        """Write ids that may not be used again."""
        write_failed(self.connection, ids)

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist, with their stored totals."""
        return self._reader.accounts(ids)

    def open_accounts(self, accounts: Sequence[Account]) -> None:
        """Write new accounts."""
        write_accounts(self.connection, accounts)

    def keep_totals(self, rows: Sequence[tuple[int, int, int, int, int, bytes]]) -> None:
        """Write accounts' flags and totals, by id."""
        write_totals(self.connection, rows)

    def totals_behind(self) -> int | None:
        """The batch as of which the accounts' stored totals are, or None when they are exact."""
        sql = "SELECT number FROM ledger_totals_behind"
        row = self.connection.execute(sql).fetchone()
        return None if row is None else int(row[0])

    def set_totals_behind(self, number: int | None) -> None:
        """Say as of which batch the accounts' stored totals are; None for exact."""
        self.connection.execute("DELETE FROM ledger_totals_behind")
        if number is not None:
            self.connection.execute("INSERT INTO ledger_totals_behind VALUES (?)", (number,))


def journal_of(connection: Connection) -> SessionStore:
    """The journal's port that fits the connection."""
    if not is_postgres(connection):
        return SqliteJournal(connection)
    from tallystick.store.journal_postgres import PostgresJournal

    return PostgresJournal(connection.raw)


def shared_index(connection: Connection) -> JournalIndex:
    """The process's index of this database's journal."""
    if is_postgres(connection):
        file = connection.url
    else:
        file = str(connection.execute("PRAGMA database_list").fetchone()[2])
    with _indexes_lock:
        if file:
            return _indexes.setdefault(file, JournalIndex())
        for known, index in _in_memory:
            if known is connection:
                return index
        _in_memory.append((connection, JournalIndex()))
        return _in_memory[-1][1]


def release_index(database: Path | str) -> None:
    """Forget the index of a database, by its file or address, that is no longer used here."""
    name = str(database.absolute()) if isinstance(database, Path) else database
    with _indexes_lock:
        _indexes.pop(name, None)


class BulkSession:
    """Bulk posting by a process that owns the ledger, a transaction at a time.

    Args:
        store: the journal; nobody but other sessions posts while one that is not exact is open.
        index: the journal's index.
        exact: see `BulkLedger`; a session that is not exact catches up in `close`.
    """

    def __init__(self, store: SessionStore, index: JournalIndex, *, exact: bool = False) -> None:
        self._store = store
        self.ledger = BulkLedger(store, index, exact=exact)
        with self.transaction() as ledger:
            ledger.settle_totals()

    @classmethod
    def on(cls, connection: Connection, *, exact: bool | None = None) -> BulkSession:
        """A session over the writing connection of a database.

        Args:
            exact: see `BulkLedger`; None: where others may post meanwhile, that is on PostgreSQL.
        """
        if exact is None:
            exact = is_postgres(connection)
        return cls(journal_of(connection), shared_index(connection), exact=exact)

    @classmethod
    def on_sqlite(cls, connection: sqlite3.Connection, *, exact: bool = False) -> BulkSession:
        """A session over the embedded database."""
        return cls.on(connection, exact=exact)

    @contextmanager
    def transaction(self) -> Iterator[BulkLedger]:
        """One database transaction: durable when it ends, undone when an error leaves it."""
        ledger, store = self.ledger, self._store
        store.begin()
        number = None
        try:
            number = ledger.begun()
            yield ledger
            store.commit()
        except BaseException:
            store.roll_back()
            if number is not None:
                ledger.undone(number)
            raise
        ledger.committed()

    def close(self) -> None:
        """Write the totals that are behind."""
        with self.transaction() as ledger:
            ledger.settle_totals()
