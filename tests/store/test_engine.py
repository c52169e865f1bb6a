"""A store that cannot be used says so in one sentence, and starts nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tallystick.store.engine import DataFolder, StoreError, connect, migrate
from tallystick.store.schema import migrations
from tallystick.store.sealing import Sealer, load_master_key


def test_a_new_database_syncs_fully_and_writes_ahead(tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    writer = connect(tmp_path / "x.db")
    migrate(writer)
    reader = connect(tmp_path / "x.db", readonly=True)
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM timer")
    reader.close()
    writer.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("a letter to a friend\n" * 99)
    with pytest.raises(StoreError, match="cannot be opened"):
        connect(tmp_path / "x.db")


def test_a_database_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        connect(tmp_path / "x.db", readonly=True)
    assert not (tmp_path / "x.db").exists()


def test_a_folder_belongs_to_one_server_at_a_time(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    with pytest.raises(StoreError, match="in use by another Tallystick server"):
        DataFolder(tmp_path / "data")
    first.close()
    DataFolder(tmp_path / "data").close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="is a file and no folder"):
        DataFolder(tmp_path / "data")


def test_a_database_with_another_past_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Two lines of development took the same number for different migrations."""
    connection = connect(tmp_path / "x.db")
    migrate(connection)
    last = len(migrations())
    connection.execute("UPDATE schema_version SET name = 'other' WHERE version = ?", (last,))
    with pytest.raises(StoreError, match="another migration"):
        migrate(connection)
    connection.close()


def test_the_master_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    key = load_master_key(path, may_create=True)
    assert load_master_key(path, may_create=False) == key
    assert path.stat().st_mode & 0o077 == 0


def test_without_its_master_key_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing"):
        load_master_key(tmp_path / "master.key", may_create=False)
    for text in ("", "zz", "ab" * 31):
        (tmp_path / "master.key").write_text(text)
        with pytest.raises(StoreError):
            load_master_key(tmp_path / "master.key", may_create=False)


def test_what_is_sealed_opens_for_its_purpose_and_with_its_key_only() -> None:
    sealer = Sealer(bytes(32))
    sealed = sealer.seal("party.name", "张小三")
    assert sealer.open("party.name", sealed) == "张小三"
    assert "张小三".encode() not in sealed
    assert sealer.seal("party.name", "张小三") != sealed
    spoilt = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for other, purpose, data in (
        (sealer, "party.login", sealed), (Sealer(bytes(31) + b"x"), "party.name", sealed),
        (sealer, "party.name", spoilt), (sealer, "party.name", b""),
    ):  # fmt: skip
        with pytest.raises((StoreError, ValueError)):
            other.open(purpose, data)
