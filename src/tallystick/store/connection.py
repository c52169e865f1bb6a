"""The store's port: what a connection can do, whichever database is behind it.

Statements are written in portable SQL with `?` for values, and transactions are begun by name:
`BEGIN IMMEDIATE` to write, `BEGIN` for several reads of one moment. The errors are those of
`sqlite3`, which every driver has by the same names; PostgreSQL's are translated into them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

__all__ = ["BatchUndone", "Connection", "ConnectionLost", "Cursor", "Database", "StoreError"]


class StoreError(Exception):
    """The store cannot be used; the message is one sentence for a person."""


class ConnectionLost(sqlite3.OperationalError):
    """The database has gone; what was not committed is undone."""


class BatchUndone(sqlite3.OperationalError):
    """The database undid a transaction for another's sake (deadlock, serialisation): try again."""


class Cursor(Protocol):
    """What a statement gives: its rows, once."""

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection in autocommit mode."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement for each of these."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class Database(Protocol):
    """A database that a platform may run on."""

    def connect(self, *, readonly: bool = False) -> Connection:
        """Open a connection.

        Raises:
            StoreError: it cannot be opened.
        """
        ...

    def is_new(self) -> bool:
        """Whether nothing was ever kept in it."""
        ...

    def require_whole(self) -> None:
        """Refuse a database of which a part is known to be gone.

        Raises:
            StoreError: what is wrong with it.
        """
        ...

    def what_is_wrong(self, error: sqlite3.Error) -> str:
        """A sentence about a database that does not open."""
        ...
