"""The embedded store: one SQLite file in a data folder, WAL and full sync.

One process owns a data folder (a lock file says so); one connection writes, the others read.
What can go wrong at the start is said in one sentence as a `StoreError`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tallystick.store.connection import Connection, Database, StoreError
from tallystick.store.dialect import is_postgres, postgres_script
from tallystick.store.postgres import TURN, PostgresDatabase
from tallystick.store.schema import migrations, schema_version
from tallystick.store.upkeep import bring_up

__all__ = [
    "DataFolder",
    "SqliteDatabase",
    "StoreError",
    "connect",
    "database_of",
    "free_bytes",
    "migrate",
    "require_whole",
]

# Keys are digests, so a payment touches pages all over the file; the writer keeps them at hand.
_WRITER_CACHE_KIB = 96_000
_READER_CACHE_KIB = 16_000

DATABASE_NAME = "tallystick.db"

# https://sqlite.org/fileformat.html: the page size is in bytes 16 and 17, 1 means 65,536.
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"


class DataFolder:
    """A folder that one server process owns while it runs.

    Args:
        path: made if it does not exist.

    Raises:
        StoreError: it cannot be made or written, or another process owns it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[str] = (path / "server.lock").open("a+")
        except FileExistsError as error:
            raise StoreError(f"The data folder {path} is a file and no folder.") from error
        except OSError as error:
            raise StoreError(
                f"The data folder {path} cannot be written: {error.strerror}."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StoreError(
                f"The data folder {path} is in use by another Tallystick server."
            ) from error

    @property
    def database(self) -> Path:
        """Where the database file lies."""
        return self.path / DATABASE_NAME

    def close(self) -> None:
        """Give the folder free for another process."""
        self._lock.close()


def require_whole(database: Path) -> None:
    """Refuse a database file that was cut off where SQLite would not notice.

    It takes an empty file for a new database, and reads a last page that is not whole as if the
    rest were zeros. What a crash left unfinished is put right from the log beside the file.

    Raises:
        StoreError: the file is empty or cut off, or may not be written.
    """
    if not database.exists():
        return
    size = database.stat().st_size
    if not size:
        raise StoreError(
            f"The database {database} is empty, so its books are gone. Restore a backup, or "
            "remove the file to begin anew."
        )
    if not os.access(database, os.W_OK):
        raise StoreError(f"The database {database} cannot be written: it is read-only.")
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        return
    with database.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    page_size = int.from_bytes(header[16:18], "big")
    if header.startswith(_MAGIC) and page_size > 1 and size % page_size:
        raise StoreError(f"The database {database} was cut off. Restore a backup.")


def connect(database: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open a connection in autocommit mode, so that transactions are begun by name.

    Raises:
        StoreError: the file cannot be opened or is no database.
    """
    connection: sqlite3.Connection | None = None
    try:
        uri = f"{database.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute(
            f"PRAGMA cache_size = -{_READER_CACHE_KIB if readonly else _WRITER_CACHE_KIB}"
        )
        connection.execute("PRAGMA temp_store = MEMORY")
        if not readonly:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 8000")
        else:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise StoreError(f"The database {database} cannot be opened: {error}.") from error
    return connection


def _require_same_past(connection: Connection, steps: Sequence[tuple[int, str, str]]) -> None:
    """Two versions may have taken the same number for different migrations."""
    if not steps:
        return
    had = dict(connection.execute("SELECT version, name FROM schema_version").fetchall())
    for number, name, _ in steps:
        if had.get(number) != name:
            raise StoreError(
                f"The data folder has had another migration {number} ({had.get(number)}) than "
                f"this version's ({name}), so its schema is not known here."
            )


def migrate(connection: Connection) -> list[str]:
    """Bring the schema up to date, each migration in its own transaction, and the ledger's rows.

    Returns:
        The names of the migrations that were applied.

    Raises:
        StoreError: the database was written by a newer version or has had other migrations
            than these, or one failed.
    """
    if not is_postgres(connection):
        return _migrate(connection)
    # Processes that start together take turns here too; theirs is then nothing to do.
    connection.execute(f"SELECT pg_advisory_lock({TURN + 1})")
    try:
        return _migrate(connection)
    finally:
        connection.execute(f"SELECT pg_advisory_unlock({TURN + 1})")


def _migrate(connection: Connection) -> list[str]:
    steps = migrations()
    version = schema_version(connection)
    if version > len(steps):
        raise StoreError(
            f"The data folder was written by a newer version of Tallystick (schema {version}; "
            f"this version knows {len(steps)}). Start that version, or use another folder."
        )
    _require_same_past(connection, steps[:version])
    applied = []
    for number, name, sql in steps[version:]:
        script = (
            "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, "
            f"name TEXT NOT NULL);\n{sql}\n"
            f"INSERT INTO schema_version VALUES ({number}, '{name}');\n"
        )
        try:
            _run_script(connection, script)
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise StoreError(f"Migration {number} ({name}) failed: {error}.") from error
        applied.append(name)
    bring_up(connection)
    return applied


def _run_script(connection: Connection, script: str) -> None:
    """Run a script in one transaction of its own."""
    if is_postgres(connection):
        connection.execute("BEGIN IMMEDIATE")
        connection.script(postgres_script(script).encode())
        connection.execute("COMMIT")
    else:
        assert isinstance(connection, sqlite3.Connection)
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}COMMIT;")


class SqliteDatabase:
    """The embedded database of a data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def connect(self, *, readonly: bool = False) -> sqlite3.Connection:
        """Open a connection.

        Raises:
            StoreError: the file cannot be opened or is no database.
        """
        return connect(self.path, readonly=readonly)

    def is_new(self) -> bool:
        """Whether there is no file yet."""
        return not self.path.exists()

    def require_whole(self) -> None:
        """Refuse a file that was cut off.

        Raises:
            StoreError: what is wrong with it.
        """
        require_whole(self.path)

    def what_is_wrong(self, error: sqlite3.Error) -> str:
        """A sentence about a database that does not open."""
        if any(word in str(error) for word in ("malformed", "not a database", "corrupt")):
            return f"The database {self.path} is damaged ({error}); restore a backup."
        return f"The database {self.path} cannot be used: {error}."


def database_of(url: str, data: Path) -> Database:
    """The database of a platform: PostgreSQL's address, or the data folder's own when empty."""
    return PostgresDatabase(url) if url else SqliteDatabase(data / DATABASE_NAME)


def free_bytes(path: Path) -> int:
    """Free space of the file system that holds the data folder, in bytes."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
