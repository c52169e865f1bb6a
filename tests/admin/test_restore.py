"""Backups and the archive: what is restored is what was there at that moment, every table of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.gateway.rest.rest_client import Rest
from tests.platform_parts import START_MS, Clock
from tests.proofs.proved import Proved
from tests.server_process import ServerProcess

from tallystick.accounting import service as accounting
from tallystick.admin.restore import restore_as_of
from tallystick.audit.run import audit
from tallystick.pipeline.commands import Registry
from tallystick.platform import registry_of_products
from tallystick.store.archive import Archive, segments_of
from tallystick.store.engine import DATABASE_NAME, StoreError, connect


class Archived(Proved):
    """Parts whose log is archived; nothing is copied but when it is asked for."""

    archive: Archive


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Archived]:
    registry = Registry()
    accounting.register(registry)
    (tmp_path / "data").mkdir()
    made = Archived(tmp_path / "data" / DATABASE_NAME, registry, Clock())
    made.archive = Archive(tmp_path / "data" / DATABASE_NAME, tmp_path / "archive", made.clock)
    assert isinstance(made.writer, sqlite3.Connection)
    made.archive.begin(made.writer, 1)
    made.executor._turns._archive = made.archive  # type: ignore[attr-defined]
    yield made
    made.close()
    made.archive.close()


def contents(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with closing(connect(database, readonly=True)) as c:
        names = [n for (n,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(c.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def restored(parts: Archived, folder: Path, as_of_ms: int | None = None) -> Path:
    restore_as_of(parts.archive.generation.parent, folder, as_of_ms)
    return folder / DATABASE_NAME


def own(parts: Archived) -> Path:
    return parts.database.path  # type: ignore[attr-defined,no-any-return]


def test_every_batch_can_be_restored_as_of_its_moment(parts: Archived, tmp_path: Path) -> None:
    moments = []
    for number in range(9):
        parts.clock.pass_ms(1000)
        parts.move(100 + number)
        if number % 4 == 1:
            parts.sign()
        if number % 3 == 2:  # Several batches from one mark to the next.
            parts.archive.copy()
        moments.append((parts.clock(), contents(own(parts))))
    for at_ms, wanted in moments:
        found = restored(parts, tmp_path / f"at{at_ms}", at_ms)
        assert contents(found) == wanted
    between = restored(parts, tmp_path / "between", moments[4][0] + 500)
    assert contents(between) == moments[4][1]


def test_the_log_is_let_go_only_after_it_was_copied(
    parts: Archived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.store.archive._LOG_MAX_BYTES", 200_000)
    moments = []
    for number in range(12):
        parts.clock.pass_ms(1000)
        parts.move(*range(1000 * (number + 1), 1000 * (number + 1) + 200))
        if number % 4 == 3:
            moments.append((parts.clock(), contents(own(parts))))
    parts.archive.copy()
    assert len(segments_of(parts.archive.generation)) > 2
    for at_ms, wanted in moments:
        assert contents(restored(parts, tmp_path / f"at{at_ms}", at_ms)) == wanted


def test_other_programs_may_look_into_a_database_that_is_archived(parts: Archived) -> None:
    """To SQLite in another process it is in use all the time; else that takes the log away."""
    look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM ledger_head')"
    log = own(parts).with_name(f"{DATABASE_NAME}-wal")
    for number in range(2):
        parts.move(100 + number)
        parts.archive.copy()
        before = log.stat()
        subprocess.run([sys.executable, "-c", look, str(own(parts))], check=True)
        assert log.exists()
        assert (log.stat().st_ino, log.stat().st_size) == (before.st_ino, before.st_size)


def test_what_a_killed_server_had_not_copied_is_copied_at_the_next_start(
    parts: Archived, tmp_path: Path
) -> None:
    parts.clock.pass_ms(1000)
    parts.move(100)
    parts.archive.copy()
    parts.clock.pass_ms(300)
    parts.move(101)
    at_ms, wanted = parts.clock(), contents(own(parts))
    shutil.copytree(own(parts).parent, tmp_path / "left")  # As a kill leaves it.
    parts.clock.pass_ms(5000)
    database = tmp_path / "left" / DATABASE_NAME
    with closing(connect(database)) as writer:
        again = Archive(database, tmp_path / "archive", parts.clock)
        again.begin(writer, 1)
        writer.execute("DELETE FROM timer WHERE timer_id = 'none'")
        again.copy()
    again.close()
    assert contents(restored(parts, tmp_path / "at", at_ms)) == wanted
    assert contents(restored(parts, tmp_path / "newest")) == wanted
    assert again.generation != parts.archive.generation


def test_what_is_restored_passes_the_audit(parts: Archived, tmp_path: Path) -> None:
    parts.clock.pass_ms(1000)
    parts.move(*range(100, 400))
    parts.sign()
    parts.archive.copy()
    with closing(connect(restored(parts, tmp_path / "new"), readonly=True)) as connection:
        found = audit(connection, registry_of_products())
    assert found.clean, found.findings
    assert (found.entries, found.heads) == (300, 1)


def test_a_damaged_segment_is_refused(parts: Archived, tmp_path: Path) -> None:
    parts.clock.pass_ms(1000)
    parts.move(*range(100, 400))
    parts.archive.copy()
    [segment] = segments_of(parts.archive.generation)
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        restored(parts, tmp_path / "new")
    segment.write_bytes(data[:-5000])
    with pytest.raises(StoreError, match="shorter"):
        restored(parts, tmp_path / "newer")


def test_a_moment_before_the_first_copy_and_a_folder_in_use_are_refused(
    parts: Archived, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="was taken later"):
        restored(parts, tmp_path / "new", START_MS - 10_000)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(StoreError, match="not empty"):
        restored(parts, tmp_path / "full")
    with pytest.raises(StoreError, match="no backup"):
        restore_as_of(tmp_path / "full", tmp_path / "other")


def test_a_failing_archive_is_told_and_nothing_is_let_go(
    parts: Archived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.store.archive._LOG_MAX_BYTES", 1)
    real, parts.archive.generation = parts.archive.generation, tmp_path / "gone"
    parts.move(100)
    assert parts.archive.failure
    parts.archive.generation = real
    parts.move(101)
    assert not parts.archive.failure
    assert contents(restored(parts, tmp_path / "new")) == contents(own(parts))


# As a user runs it.


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tallystick.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.embedded_store
def test_a_servers_archive_is_restored_and_audited_by_the_command(
    tmp_path: Path,
) -> None:
    config = tmp_path / "tallystick.toml"
    config.write_text(f'archive = "{tmp_path / "archive"}"\nhead_seconds = 1\n')
    server = ServerProcess(tmp_path / "data", arguments=["--config", str(config)]).start()
    try:
        rest = Rest.of(server)
        accounts = [{"id": i, "ledger": 7, "code": 1} for i in (1, 2)]
        rest.done("/v1/ledger/accounts", accounts)
        moment_ms = time.time_ns() // 1_000_000
        time.sleep(0.01)
        rest.done(
            "/v1/ledger/transfers",
            [{"id": 9, "debit_account_id": 1, "credit_account_id": 2, "amount": 5, "ledger": 7,
              "code": 1}],
        )  # fmt: skip
        rest.hang_up()
    finally:
        server.stop()
    as_of = datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")
    done = run("restore", str(tmp_path / "archive"), "--to", str(tmp_path / "new"),
               "--as-of", as_of, "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["clean"]
    with closing(connect(tmp_path / "new" / DATABASE_NAME, readonly=True)) as connection:
        found = [connection.execute(sql).fetchone()[0] for sql in (
            "SELECT COUNT(*) FROM ledger_account WHERE book = 7",
            "SELECT COUNT(*) FROM ledger_transfer WHERE book = 7",
        )]  # fmt: skip
    assert found == [2, 0]


def test_what_cannot_be_restored_is_said_in_one_sentence(tmp_path: Path) -> None:
    nothing = run("restore", str(tmp_path), "--to", str(tmp_path / "new"))
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    no_offset = run("restore", str(tmp_path), "--to", str(tmp_path / "new"), "--as-of",
                    "2026-11-25 10:00")  # fmt: skip
    assert (no_offset.returncode, "offset" in no_offset.stderr) == (2, True)
