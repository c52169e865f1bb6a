"""The log of the embedded database: copied into it while nobody waits, by the one that writes."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.pipeline.notebook import AddTo, Notebook
from tests.platform_parts import opened

from tallystick.pipeline import turns
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.pipeline.turns import OwnTurns, SharedTurns
from tallystick.store.engine import connect


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "books.db")) as connection:
        connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY)")
        yield connection


def batch(own: OwnTurns, writer: sqlite3.Connection, size: int) -> None:
    own.begin(0)
    writer.executemany("INSERT INTO entry DEFAULT VALUES", [()] * size)
    own.commit(0, ())


def without_log(database: Path) -> int:
    """How many entries stand in the database's own file."""
    copy = database.with_name("copy.db")
    shutil.copyfile(database, copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            return int(connection.execute("SELECT COUNT(*) FROM entry").fetchone()[0])
        except sqlite3.OperationalError:  # Even the table is in the log only.
            return 0


def test_the_log_is_copied_in_a_rest_once_enough_was_written(
    writer: sqlite3.Connection, tmp_path: Path
) -> None:
    own = OwnTurns(writer)
    batch(own, writer, turns._COPIED_AFTER - 10)
    own.rest()
    assert without_log(tmp_path / "books.db") == 0
    batch(own, writer, 10)
    own.rest()
    assert without_log(tmp_path / "books.db") == turns._COPIED_AFTER
    batch(own, writer, 1)
    own.rest()
    assert without_log(tmp_path / "books.db") == turns._COPIED_AFTER


def test_a_rest_in_which_the_log_cannot_be_copied_spoils_nothing(
    writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_COPIED_AFTER", 1)
    own = OwnTurns(writer)
    batch(own, writer, 5)
    own.begin(0)
    own.rest()
    writer.execute("ROLLBACK")
    with closing(connect(tmp_path / "books.db", readonly=True)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM entry").fetchone() == (5,)
        batch(own, writer, 5)
        own.rest()
        assert reader.execute("SELECT COUNT(*) FROM entry").fetchone() == (5,)
    assert writer.execute("SELECT COUNT(*) FROM entry").fetchone() == (10,)


def test_the_executor_rests_when_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested = threading.Event()
    for kind in (OwnTurns, SharedTurns):
        monkeypatch.setattr(kind, "rest", lambda _: rested.set())
    with opened(tmp_path, Notebook().register) as parts:
        parts.executor.submit_and_wait(Request.once(SYSTEM, AddTo(name="count")))
        assert rested.wait(60)
