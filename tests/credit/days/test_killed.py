"""A day whose process is killed goes on where it stopped, and posts nothing twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from bench.credit_days import START, Days

from tallystick.observe.books import check_books
from tallystick.store.engine import connect
from tallystick.store.rows import ReadSession

ROOT = Path(__file__).parents[3]
LOANS = 1_200
SIZE = 100
DAY = START + timedelta(days=4)
"""Days since the loans were drawn are closed with it."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    days = Days(folder, LOANS, stand=True)
    days.executor.stop()
    days.writer.close()
    return folder / "credit.db"


def closer(database: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.credit.days.closer", str(database), DAY.isoformat(),
         str(SIZE)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip


def to_the_end(database: Path) -> int:
    """Close the day; how many shards that took."""
    with closer(database) as process:
        assert process.stdout is not None
        told = process.stdout.read().split()
    assert process.returncode == 0
    assert told[-1] == "done"
    return len(told)


def totals(database: Path) -> list[tuple[object, ...]]:
    with closing(connect(database, readonly=True)) as connection:
        books = check_books(ReadSession(connection), 0)
        assert books.balanced
        return connection.execute(
            "SELECT id, debits_posted, credits_posted FROM ledger_account ORDER BY id"
        ).fetchall()


def standings(database: Path) -> list[tuple[object, ...]]:
    with closing(connect(database, readonly=True)) as connection:
        return connection.execute("SELECT * FROM loan_standing ORDER BY loan_id").fetchall()


def test_a_day_that_is_killed_in_the_middle_goes_on(drawn: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
    for copy in (whole, killed):
        shutil.copy(drawn, copy)
    with closer(killed) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert totals(killed) != totals(drawn)
    to_the_end(killed)
    to_the_end(whole)
    assert totals(killed) == totals(whole)
    assert standings(killed) == standings(whole)
    before = totals(killed)
    to_the_end(killed)
    assert totals(killed) == before
