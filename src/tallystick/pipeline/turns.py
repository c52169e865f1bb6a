"""How a batch's transaction begins and ends: alone on its database, or in turn with others.

With the embedded database nobody else writes. On PostgreSQL the executors of several processes
take turns, a batch each: what the others committed is there when a turn begins, followers in
other processes are told of what they keep in memory, and when the connection is cut in the
middle of a commit the database is asked what became of the batch.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from tallystick.store.archive import Archive
from tallystick.store.connection import Connection, ConnectionLost
from tallystick.store.dialect import is_postgres
from tallystick.store.journal_rows import journal_head
from tallystick.store.postgres import PostgresConnection
from tallystick.store.unit_of_work import Event

__all__ = ["MARK", "OwnTurns", "SharedTurns", "Turns", "turns_on"]

log = structlog.get_logger("tallystick.pipeline")

MARK: Final = "executor."
"""Settings of this name and an executor's own say which batch was its last."""

_OLD_MS: Final = 7 * 86_400_000
_PAUSES_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0)
_PATIENCE_S: Final = 30.0
_COPIED_AFTER: Final = 500
"""Rows changed, each about a page of the log or two. Copying stops payments: with 740 of them a
second, 2,500 rows stopped them for 50 ms each time, 500 for hardly more than they take anyway."""


class Turns(Protocol):
    """Begins and commits an executor's batches."""

    @property
    def pauses_s(self) -> Sequence[float]:
        """How long to wait before each new try of a batch that the database undid."""
        ...

    def begin(self, last_timestamp: int) -> int:
        """Begin a batch; gives the ledger's last timestamp, in nanoseconds."""
        ...

    def commit(self, now_ms: int, followed: Sequence[Event]) -> None:
        """Make the batch durable."""
        ...

    def rest(self) -> None:
        """Nobody waits: do what would hold up a batch later."""
        ...


class OwnTurns:
    """Batches of the only executor on a database."""

    pauses_s: Sequence[float] = ()

    def __init__(self, connection: Connection, archive: Archive | None = None) -> None:
        self._connection = connection
        self._archive = archive
        self._copied = 0

    def begin(self, last_timestamp: int) -> int:
        """Begin a batch; the last timestamp is the one that this executor gave."""
        self._connection.execute("BEGIN IMMEDIATE")
        return last_timestamp

    def commit(self, now_ms: int, followed: Sequence[Event]) -> None:
        """Make the batch durable."""
        self._connection.execute("COMMIT")
        if self._archive is not None and isinstance(self._connection, sqlite3.Connection):
            self._archive.let_go(self._connection)

    def rest(self) -> None:
        """Nobody waits: copy what stands in the log into the database.

        Else a batch does that once the log has become long, and everybody in it waits. It must be
        this connection: before SQLite 3.51.3, two that copy at once may spoil the database. With
        an archive the log stays until it is copied there.
        """
        writer = self._connection
        if self._archive is not None or not isinstance(writer, sqlite3.Connection):
            return
        if writer.in_transaction or writer.total_changes - self._copied < _COPIED_AFTER:
            return
        self._copied = writer.total_changes
        try:
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            log.warning("log_not_copied", error=str(error))


class SharedTurns:
    """Batches of one of several executors on a PostgreSQL database."""

    pauses_s: Sequence[float] = _PAUSES_S

    def __init__(self, connection: PostgresConnection, *, patience_s: float = _PATIENCE_S) -> None:
        self._connection = connection
        self._name = MARK + secrets.token_hex(8)
        self._patience_s = patience_s

    def begin(self, last_timestamp: int) -> int:
        """Wait for the turn; the last timestamp may be another executor's."""
        self._connection.execute("BEGIN IMMEDIATE")
        return max(last_timestamp, journal_head(self._connection).last_timestamp)

    def commit(self, now_ms: int, followed: Sequence[Event]) -> None:
        """Make the batch durable, and have other processes told of what is followed.

        Raises:
            ConnectionLost: the connection was cut, and nothing of the batch was kept.
            sqlite3.OperationalError: it was cut, and what became of the batch is not known.
        """
        token = f"{now_ms:015d}.{secrets.token_hex(8)}"
        self._mark(token, now_ms)
        for event in followed:
            self._connection.execute("SELECT pg_notify(?, ?)", self._told(event))
        try:
            self._connection.execute("COMMIT")
        except ConnectionLost:
            kept = self._was_kept(token)
            log.warning("commit_cut_off", kept=kept)
            if not kept:
                raise

    def rest(self) -> None:
        """The database looks after its log by itself."""

    def _told(self, event: Event) -> tuple[str, str]:
        return PostgresConnection.NEWS, f"{self._connection.process} {event.topic}"

    def _mark(self, token: str, now_ms: int) -> None:
        """Say in the batch itself which one it is."""
        self._connection.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (self._name, token),
        )

    def forget_old_marks(self, now_ms: int) -> None:
        """Remove the marks of executors that ended long ago."""
        self._connection.execute(
            "DELETE FROM setting WHERE name > ? AND name < ? AND value < ?",
            (MARK, f"{MARK}~", f"{max(0, now_ms - _OLD_MS):015d}"),
        )

    def _was_kept(self, token: str) -> bool:
        """Whether the batch with this mark is durable; waits until its old connection is over."""
        until = time.monotonic() + self._patience_s
        while True:
            try:
                # The turn comes only when the old connection has let go of it.
                self._connection.execute("BEGIN IMMEDIATE")
                sql = "SELECT value FROM setting WHERE name = ?"
                row = self._connection.execute(sql, (self._name,)).fetchone()
                self._connection.execute("ROLLBACK")
                return row is not None and bool(row[0] == token)
            except ConnectionLost as error:
                if time.monotonic() >= until:
                    raise sqlite3.OperationalError(
                        f"the database has gone in the middle of a commit: {error}"
                    ) from error
                time.sleep(0.1)


def turns_on(connection: Connection, now_ms: int, archive: Archive | None = None) -> Turns:
    """The turns that fit a writing connection."""
    if not is_postgres(connection):
        return OwnTurns(connection, archive)
    turns = SharedTurns(connection)
    turns.forget_old_marks(now_ms)
    return turns
