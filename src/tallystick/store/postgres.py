"""The store on PostgreSQL: a connection that speaks the port's SQL over psycopg.

Batches of different processes take turns: `BEGIN IMMEDIATE` waits for an advisory lock that is
held until the transaction ends, so that a batch sees everything that was committed before it,
as with the embedded database. The bulk ledger takes the same lock.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format, TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader

from tallystick.store.connection import BatchUndone, ConnectionLost, Cursor, StoreError
from tallystick.store.many_rows import form_of, parts_of

__all__ = ["TURN", "PostgresConnection", "PostgresDatabase"]

TURN: Final = 0x7A11_5711
"""The advisory lock of whoever writes a batch."""

_WRITING: Final = (
    f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({TURN})".encode()
)
_READING: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_ENDINGS: Final = frozenset({"COMMIT", "ROLLBACK"})
_SESSION_ENDED: Final = frozenset({"FATAL", "PANIC"})
_SETTINGS: Final = (
    b"SELECT set_config('synchronous_commit', 'on', false) "
    b"WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)
# A process that has stopped in the middle of its batch must not keep the others waiting for good.
_STUCK_MS: Final = 60_000
_PAUSES_S: Final = (0.0, 0.05, 0.2)
"""Before a read is tried again on a new connection."""


class _TruthDumper(Dumper):
    """Truth values are stored as 0 and 1 in every database."""

    format = Format.BINARY
    oid = psycopg.adapters.types["int8"].oid

    def dump(self, obj: bool) -> Buffer:
        return int(obj).to_bytes(8, "big")


class _SumLoader(Loader):
    """A sum of whole numbers is a whole number, not a decimal."""

    format = Format.BINARY

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        self._decimal = NumericBinaryLoader(oid, context)

    def load(self, data: Buffer) -> int | Decimal:
        found = self._decimal.load(data)
        whole = int(found)
        return whole if whole == found else found


@lru_cache(maxsize=4096)
def _translated(sql: str) -> bytes:
    """The statement with the server's own placeholders, which psycopg passes on as they are.

    Its own placeholders it looks for in each statement anew, which for many rows in one took as
    long as all else that a batch needs.
    """
    head, *tails = sql.split("?")
    return (head + "".join(f"${at}{tail}" for at, tail in enumerate(tails, 1))).encode()


def _port_error(error: psycopg.Error, *, lost: bool) -> sqlite3.Error:
    """The same in the port's terms, by the class of its SQLSTATE."""
    sentence = (str(error).splitlines() or ["the connection failed"])[0]
    state = error.sqlstate or ""
    if lost or isinstance(error, psycopg.InterfaceError):
        return ConnectionLost(sentence)
    if state.startswith("40"):
        return BatchUndone(sentence)
    if isinstance(error, psycopg.IntegrityError):
        return sqlite3.IntegrityError(sentence)
    if isinstance(error, psycopg.DataError):
        return sqlite3.DataError(sentence)
    if isinstance(error, psycopg.ProgrammingError) and state != "42501":
        return sqlite3.ProgrammingError(sentence)
    return sqlite3.OperationalError(sentence)


class PostgresConnection:
    """One connection, opened anew where that can do no harm: for a read, and for a new batch.

    Raises:
        StoreError: the database cannot be reached.
    """

    NEWS: Final = "tallystick"
    """The channel on which processes tell each other what has changed."""

    process: Final = secrets.token_hex(8)
    """This process's name among those that share the database."""

    def __init__(self, url: str, *, readonly: bool = False) -> None:
        self.url = url
        self._readonly = readonly
        self._in_block = False
        self._closed = False
        try:
            self.raw = self._open()
        except psycopg.Error as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreError(f"The database {_shown(url)} cannot be opened: {reason}.") from error

    def _open(self) -> psycopg.Connection[Any]:
        raw: psycopg.Connection[Any] = psycopg.connect(
            self.url, autocommit=True, connect_timeout=10, prepare_threshold=2,
            client_encoding="utf8", fallback_application_name="tallystick",
            keepalives_idle=30, keepalives_interval=10, keepalives_count=3,
        )  # fmt: skip
        raw.prepared_max = 500
        raw.adapters.register_dumper(int, Int8BinaryDumper)
        raw.adapters.register_dumper(bool, _TruthDumper)
        raw.adapters.register_loader("numeric", _SumLoader)
        # Nobody is told that something is durable before it is on the disk.
        raw.execute(_SETTINGS)
        if self._readonly:
            raw.execute("SET default_transaction_read_only = on")
        else:
            raw.execute(f"SET idle_in_transaction_session_timeout = {_STUCK_MS}".encode())
        return raw

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        status = self.raw.info.transaction_status
        return status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)

    def _reopen(self) -> None:
        try:
            self.raw = self._open()
        except psycopg.Error as error:
            raise _port_error(error, lost=True) from error

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        if sql == "BEGIN IMMEDIATE":
            if self.raw.closed and not self._closed:
                self._reopen()
            return self.script(_WRITING)
        if sql in _ENDINGS:
            return self._end(sql)
        fresh = self._readonly and not self._in_block and not self._closed
        if sql == "BEGIN":
            self._in_block = True
        statement = _READING if sql == "BEGIN" else _translated(sql) if parameters else sql.encode()
        if not fresh:
            return self._run(statement, parameters)
        for pause_s in _PAUSES_S:  # It may have gone while nobody asked.
            try:
                if self.raw.closed:
                    self._reopen()
                return self._run(statement, parameters)
            except ConnectionLost:
                time.sleep(pause_s)
        if self.raw.closed:
            self._reopen()
        return self._run(statement, parameters)

    def _failure(self, error: psycopg.Error) -> sqlite3.Error:
        """The same in the port's terms; a connection that cannot be trusted any more is closed.

        When it is cut in the middle of many statements, the client library may take it for open
        still and have it wait for answers that never come: each later statement would fail, too.
        """
        ended = error.diag.severity_nonlocalized in _SESSION_ENDED
        unsaid = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        if ended or unsaid:
            self.raw.close()
        return _port_error(error, lost=self.raw.closed)

    def _end(self, sql: str) -> Cursor:
        """End a transaction; one whose connection has gone was rolled back by that."""
        self._in_block = False
        if self.raw.closed and sql == "ROLLBACK":
            return psycopg.Cursor(self.raw)
        try:
            return self.script(sql.encode())
        except ConnectionLost:
            if sql == "ROLLBACK":
                return psycopg.Cursor(self.raw)
            raise

    def script(self, script: bytes) -> Cursor:
        """Run statements that take no values, in one journey to the server."""
        try:
            return self.raw.cursor().execute(script, prepare=False)
        except psycopg.Error as error:
            raise self._failure(error) from error

    def _run(self, statement: bytes, parameters: Sequence[Any]) -> Cursor:
        try:
            cursor = psycopg.RawCursor(self.raw)
            cursor.format = Format.BINARY
            return cursor.execute(statement, parameters or None)
        except psycopg.Error as error:
            raise self._failure(error) from error

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement for each of these, many of them in one where its form allows."""
        rows = list(parameters)
        form = form_of(sql)
        if form is not None and len(rows) > 1 and form.fits(rows):
            for part in parts_of(rows):
                values = [value for row in part for value in row]
                cursor = self._run(_translated(form.sql(len(part))), values)
            return cursor
        try:
            cursor = psycopg.RawCursor(self.raw)
            cursor.executemany(_translated(sql), rows)
            return cursor
        except psycopg.Error as error:
            raise self._failure(error) from error

    def listen(self) -> None:
        """Have the news kept for `heard`."""
        self.script(f"LISTEN {self.NEWS}".encode())

    def heard(self, timeout_s: float = 0.5) -> list[str]:
        """The news that has come; waits a little when there is none."""
        try:
            return [n.payload for n in self.raw.notifies(timeout=timeout_s, stop_after=1)]
        except psycopg.Error as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        self.raw.close()


def _shown(url: str) -> str:
    """The address without what must not be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local'}{parts.path}"


class PostgresDatabase:
    """A database on a PostgreSQL server that several processes may share.

    Args:
        url: `postgresql://user:password@host:port/name`, with libpq's parameters.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def connect(self, *, readonly: bool = False) -> PostgresConnection:
        """Open a connection.

        Raises:
            StoreError: it cannot be opened.
        """
        return PostgresConnection(self.url, readonly=readonly)

    def is_new(self) -> bool:
        """Whether nothing was ever kept in it: no server has bound it to its master key."""
        connection = self.connect(readonly=True)
        try:
            if connection.execute("SELECT to_regclass('setting')").fetchone()[0] is None:
                return True
            sql = "SELECT 1 FROM setting WHERE name LIKE 'master_key.%' LIMIT 1"
            return connection.execute(sql).fetchone() is None
        finally:
            connection.close()

    def require_whole(self) -> None:
        """The server sees to that by itself."""

    def what_is_wrong(self, error: sqlite3.Error) -> str:
        """A sentence about a database that does not open."""
        return f"The database {_shown(self.url)} cannot be used: {error}."
