"""The stores that tests run on: the embedded database, and PostgreSQL from the dev dependencies.

One PostgreSQL server serves a process of the run; each test gets a database of its own, copied
from one that has been migrated.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psycopg
from tests.store.embedded_postgres import as_owner, postgres_server, tools_of

from tallystick.pipeline.turns import MARK
from tallystick.settings import Settings
from tallystick.store.connection import Connection, Cursor, Database
from tallystick.store.engine import SqliteDatabase, migrate
from tallystick.store.postgres import PostgresDatabase

__all__ = [
    "STORES", "PerStore", "address_of", "ask", "change", "choose", "chosen", "columns",
    "contents", "data_version", "database_for", "drop_databases_of_tests", "new_postgres",
    "postgres_address", "restart_postgres", "rows_of", "settings_on", "store_environment",
    "tables", "traced", "unwritable",
]  # fmt: skip

T = TypeVar("T")

STORES = ("sqlite", "postgres")

_TEMPLATE = "tallystick_template"
_numbers = itertools.count(1)
_made: dict[Path, PostgresDatabase] = {}
_chosen = ["sqlite"]


def run_folder(prefix: str) -> Path:
    """A folder for what a whole run shares, removed when it ends."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def postgres_address() -> str:
    """The address of the run's server, started when first asked for."""
    stack = ExitStack()
    folder = Path(tempfile.mkdtemp(prefix="tallystick-pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # The server may run as a user of its own.
    stack.callback(_stop_what_is_left, folder / "pg")
    address = stack.enter_context(postgres_server(folder))
    atexit.register(stack.close)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET max_connections = 200")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    made = PostgresDatabase(_in(address, _TEMPLATE)).connect()
    migrate(made)
    made.close()
    return address


def restart_postgres() -> None:
    """Restart the run's server at once, as after a crash."""
    data = parse_qs(urlsplit(postgres_address()).query)["host"][0]
    _pg_ctl(Path(data), "restart", "-l", str(Path(data) / "log"))


def _stop_what_is_left(data: Path) -> None:
    """Stop a server that was restarted: the library no longer knows it as its own."""
    if (data / "postmaster.pid").exists():
        _pg_ctl(data, "stop")


def _pg_ctl(data: Path, *what: str) -> None:
    as_owner(data, str(tools_of(data) / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", *what)


def _in(address: str, name: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"/{name}"))


def new_postgres(template: str = _TEMPLATE) -> PostgresDatabase:
    """A new database with every table, empty, or a copy of another that nobody is connected to."""
    address = postgres_address()
    name = f"t{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode()
        )
    return PostgresDatabase(_in(address, name))


def chosen() -> str:
    """The store that is chosen now."""
    return _chosen[0]


def choose(store: str) -> None:
    """Have the databases that are made from now on be of this store."""
    assert store in STORES
    _chosen[0] = store


def database_for(folder: Path, *, copy_of: Path | None = None) -> SqliteDatabase | PostgresDatabase:
    """The database of a test's folder; the same one when it is asked for again.

    Args:
        copy_of: another folder, with whose contents a new one begins.
    """
    if _chosen[0] == "sqlite":
        path = folder / "tallystick.db"
        if copy_of is not None and not path.exists():
            shutil.copyfile(copy_of / "tallystick.db", path)
        return SqliteDatabase(path)
    if folder not in _made:
        original = None if copy_of is None else urlsplit(_made[copy_of].url).path[1:]
        _made[folder] = new_postgres(original or _TEMPLATE)
    return _made[folder]


def address_of(data: Path) -> str:
    """What is set as `database` for a data folder: an address, or nothing for its own file."""
    return "" if _chosen[0] == "sqlite" else str(getattr(database_for(data), "url", ""))


def settings_on(data: Path, **more: Any) -> Settings:
    """Settings of a platform on a data folder, whose books are in the chosen store.

    Risk may take its time: a busy machine lets no command through.
    """
    usual: dict[str, Any] = {"database": address_of(data), "risk_budget_ms": 60_000}
    return Settings(data=data, **usual | more)


def store_environment(data: Path) -> dict[str, str]:
    """The same for a process on a data folder."""
    address = address_of(data)
    return {"TALLYSTICK_DATABASE": address} if address else {}


def ask(data: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What a data folder's books answer, asked beside whoever uses them."""
    with closing(database_for(data).connect(readonly=True)) as connection:
        return connection.execute(sql, parameters).fetchall()


def change(data: Path, sql: str, *parameters: object) -> None:
    """Change a data folder's books behind everybody's back."""
    with closing(database_for(data).connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(sql, parameters)
        connection.execute("COMMIT")


def drop_databases_of_tests() -> None:
    """Drop the databases of tests that are over; what a whole run uses stays."""
    over = [f for f in _made if any(part.startswith("test_") for part in f.parts)]
    if not over:
        return
    with psycopg.connect(postgres_address(), autocommit=True) as connection:
        for folder in over:
            name = urlsplit(_made.pop(folder).url).path[1:]
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


class PerStore(Generic[T]):
    """One of a kind for each store, made when it is first asked for.

    Args:
        make: makes one on the store that is chosen then; it is left in the end.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[T]]) -> None:
        self._make = make
        self._made: dict[str, T] = {}
        self._open = ExitStack()

    def __enter__(self) -> PerStore[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def get(self) -> T:
        """The chosen store's."""
        store = chosen()
        if store not in self._made:
            self._made[store] = self._open.enter_context(self._make())
        return self._made[store]


def tables(connection: Connection) -> list[str]:
    """The names of a database's own tables."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    if not isinstance(connection, sqlite3.Connection):
        sql = (
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
    return sorted(str(name) for (name,) in connection.execute(sql).fetchall())


def columns(connection: Connection, table: str) -> list[str]:
    """The names of a table's columns."""
    sql = "SELECT name FROM pragma_table_info(?)"
    if not isinstance(connection, sqlite3.Connection):
        sql = "SELECT column_name FROM information_schema.columns WHERE table_name = ?"
    return [str(name) for (name,) in connection.execute(sql, (table,)).fetchall()]


def rows_of(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    """Everything that a table has; marks of executors are no part of the books."""
    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    return [r for r in rows if not (table == "setting" and str(r[0]).startswith(MARK))]


def data_version(connection: Connection) -> int:
    """A number that changes whenever somebody else has written, for a connection that stays."""
    sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    if isinstance(connection, sqlite3.Connection):
        sql = "PRAGMA data_version"
    return int(connection.execute(sql).fetchone()[0])


def contents(database: Database) -> list[str]:
    """Everything that is kept in a database, as lines of text; marks of executors are not."""
    connection = database.connect(readonly=True)
    try:
        if isinstance(connection, sqlite3.Connection):
            return list(connection.iterdump())
        return [
            f"{table}: {row}"
            for table in tables(connection)
            for row in sorted(rows_of(connection, table), key=repr)
        ]
    finally:
        connection.close()


@contextmanager
def unwritable(connection: Connection) -> Iterator[None]:
    """The connection refuses to write meanwhile."""
    sqlite = isinstance(connection, sqlite3.Connection)
    setting = "PRAGMA query_only" if sqlite else "SET default_transaction_read_only"
    connection.execute(f"{setting} = ON")
    yield
    connection.execute(f"{setting} = OFF")


@contextmanager
def traced(connection: Connection, told: Callable[[str], None]) -> Iterator[None]:
    """Be told of each statement that a connection is given meanwhile, before it is run."""
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(told)
        yield
        connection.set_trace_callback(None)
        return
    execute = connection.execute

    def listening(sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        told(sql)
        return execute(sql, parameters)

    connection.execute = listening  # type: ignore[method-assign]
    yield
    connection.execute = execute  # type: ignore[method-assign]
