"""The books on PostgreSQL are restored as of a moment by the commands of the documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from tests.gateway.rest.rest_client import until
from tests.proofs.proved import Proved
from tests.server_process import ROOT
from tests.store.embedded_postgres import as_owner, postgres_server, tools_of

from tallystick.accounting import service as accounting
from tallystick.pipeline.commands import Registry
from tallystick.store.engine import migrate
from tallystick.store.postgres import PostgresDatabase
from tallystick.store.sealing import CHECK, check_of

_SHELL = re.compile(r"### Restore on PostgreSQL\n.*?```sh\n(.*?)```.*?```sh\n(.*?)```", re.DOTALL)


def documented() -> tuple[str, str]:
    """The commands of the documentation: what is done before, and what restores."""
    found = _SHELL.search((ROOT / "docs" / "operating.md").read_text("utf-8"))
    assert found is not None
    return found[1], found[2]


class Cluster:
    """A PostgreSQL server whose log is archived, with folders that its owner may write."""

    def __init__(self, folder: Path, address: str) -> None:
        self.data = folder / "pg"
        self.address = address
        for name in ("archive", "sockets"):
            (folder / name).mkdir()
            os.chown(folder / name, self.data.stat().st_uid, -1)
        os.chown(folder, self.data.stat().st_uid, -1)
        self.archive, self.base, self.new = (folder / n for n in ("archive", "base", "new"))
        self.sockets = folder / "sockets"

    def shell(self, script: str, *, host: Path, **more: str) -> str:
        """Run commands as the server's owner, with its programs at hand."""
        own = {
            "PATH": f"{tools_of(self.data)}:{os.environ['PATH']}", "PGHOST": str(host),
            "PGUSER": "postgres", "PGDATABASE": "postgres", "PGDATA": str(self.data),
            "ARCHIVE": str(self.archive), "BASE": str(self.base), "NEW": str(self.new),
        }  # fmt: skip
        return as_owner(self.data, "bash", "-ec", script, env=own | more)

    def stop(self, data: Path) -> None:
        """Stop a server at once, where one runs."""
        if (data / "postmaster.pid").exists():
            self.shell(f"pg_ctl stop -D '{data}' -m immediate -w", host=self.data)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    # The server may run as a user of its own, which a test's usual folder shuts out.
    with tempfile.TemporaryDirectory(prefix="tallystick-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgres_server(folder) as address:
            made = Cluster(folder, address)
            try:
                yield made
            finally:
                made.stop(made.new)
                made.stop(made.data)


def books_on(address: str) -> PostgresDatabase:
    """A new database with every table."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE books")
    database = PostgresDatabase(urlunsplit(urlsplit(address)._replace(path="/books")))
    with closing(database.connect()) as made:
        migrate(made)
    return database


def audited(address: str) -> dict[str, object]:
    """What the command says of the books at an address."""
    done = subprocess.run(
        [sys.executable, "-m", "tallystick.cli", "audit", "--json"], capture_output=True,
        text=True, timeout=120, env=os.environ | {"TALLYSTICK_DATABASE": address}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, object] = json.loads(done.stdout)
    return found


def archived(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Have the log up to now in the archive."""
    ended = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert ended is not None
    sql = "SELECT 1 FROM pg_stat_archiver WHERE last_archived_wal >= %s"
    until(lambda: connection.execute(sql, ended).fetchone())


def test_the_documented_commands_restore_the_books_as_of_a_moment(cluster: Cluster) -> None:
    before, restoring = documented()
    database = books_on(cluster.address)
    registry = Registry()
    accounting.register(registry)
    cluster.shell("psql -c 'ALTER SYSTEM SET fsync = off'", host=cluster.data)
    set_up, _, copy = before.partition("pg_basebackup")
    cluster.shell(set_up, host=cluster.data)
    parts = Proved(database, registry, lambda: time.time_ns() // 1_000_000)
    try:
        sql = "INSERT INTO setting (name, value) VALUES (?, ?)"  # As a server's first start does.
        parts.writer.execute(sql, (CHECK, check_of(parts.sealer)))
        parts.move(100, 101)
        cluster.shell(f"pg_basebackup{copy}", host=cluster.data)
        parts.move(200)
        parts.sign()
        with psycopg.connect(cluster.address, autocommit=True) as connection:
            row = connection.execute("SELECT clock_timestamp()::text").fetchone()
            assert row is not None
            parts.move(300)
            parts.sign()
            archived(connection)
    finally:
        parts.close()
    cluster.stop(cluster.data)
    with (cluster.base / "postgresql.auto.conf").open("a") as file:
        file.write(f"unix_socket_directories = '{cluster.sockets}'\nlisten_addresses = ''\n")
    cluster.shell(restoring, host=cluster.sockets, AS_OF=row[0])
    restored = f"postgresql://postgres@/books?host={cluster.sockets}"
    found = audited(restored)
    assert (found["clean"], found["entries"], found["heads"]) == (True, 3, 1)
    with psycopg.connect(restored) as connection:
        ids = connection.execute("SELECT id FROM ledger_transfer ORDER BY timestamp").fetchall()
    assert [int.from_bytes(key, "big") for (key,) in ids] == [100, 101, 200]


def test_the_command_says_how_the_books_on_postgresql_are_restored(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tallystick.cli", "restore", str(tmp_path), "--to",
         str(tmp_path / "new"), "--as-of", "2026-11-25T09:30:00+08:00"],
        capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"TALLYSTICK_DATABASE": "postgresql:///books"},
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "recovery_target_time = '2026-11-25 01:30:00.000+00:00'" in done.stderr
    assert not (tmp_path / "new").exists()
