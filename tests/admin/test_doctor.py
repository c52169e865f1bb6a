"""The doctor finds what is wrong, and nothing where all is well."""

from __future__ import annotations

import json
import socket
import tomllib
from pathlib import Path

import pytest
from tests.admin.conftest import Folder
from tests.operating.client import tallystick_here
from tests.server_process import ROOT, free_port
from tests.stores import columns, data_version, settings_on, tables

from tallystick.admin.doctor import PACKAGES, Level, examine
from tallystick.admin.master_key import SEALED
from tallystick.platform import Platform
from tallystick.settings import Settings


def _levels(settings: Settings, *, whole: bool = False) -> dict[str, Level]:
    return {check.name: check.level for check in examine(settings, whole=whole)}


def _worse(settings: Settings) -> dict[str, Level]:
    return {name: level for name, level in _levels(settings).items() if level is not Level.OK}


@pytest.mark.parametrize("whole", [False, True])
def test_a_folder_that_is_well_passes_every_check(folder: Folder, *, whole: bool) -> None:
    levels = _levels(folder.settings, whole=whole)
    assert levels == dict.fromkeys(levels, Level.OK)
    assert {
        "python", "packages", "data_folder", "lock", "master_key", "schema", "integrity", "books",
        "escrow", "sealed_values", "timers", "clock", "disk", "port",
    } == levels.keys()  # fmt: skip


def test_what_is_held_is_told_as_an_amount(folder: Folder) -> None:
    sentences = {c.name: c.sentence for c in examine(folder.settings)}
    assert sentences["escrow"] == "Escrow holds what the open trades hold: 12.50 CNY."


def test_a_folder_that_a_server_uses_passes_too(folder: Folder) -> None:
    platform = Platform.open(folder.settings)
    try:
        assert _worse(folder.settings) == {}
        sentences = {c.name: c.sentence for c in examine(folder.settings)}
        assert sentences["lock"] == "A server runs on it."
    finally:
        platform.close()


def test_a_folder_that_is_not_there_yet_is_no_failure(tmp_path: Path) -> None:
    settings = settings_on(tmp_path / "later", port=free_port())
    assert _worse(settings) == {"data_folder": Level.WARN}
    assert not settings.data.exists()


def test_books_that_do_not_balance_are_found(folder: Folder) -> None:
    folder.change(
        "UPDATE ledger_account SET credits_posted = credits_posted + 1 WHERE code = 2001",
    )
    assert _worse(folder.settings) == {"books": Level.FAIL}


def test_escrow_that_differs_from_the_open_trades_is_found(folder: Folder) -> None:
    folder.change("UPDATE trade SET status = 'settled' WHERE status = 'held'")
    assert _worse(folder.settings) == {"escrow": Level.FAIL}


def test_a_missing_master_key_is_found(folder: Folder) -> None:
    folder.key.unlink()
    assert _worse(folder.settings) == {"master_key": Level.FAIL, "sealed_values": Level.FAIL}


def test_another_master_key_is_found(folder: Folder) -> None:
    folder.key.write_text("ab" * 32)
    found = _worse(folder.settings)
    assert found == {"master_key_fits": Level.FAIL, "sealed_values": Level.FAIL}


def test_a_key_that_others_can_read_is_warned_of(folder: Folder) -> None:
    folder.key.chmod(0o644)
    assert _worse(folder.settings) == {"master_key": Level.WARN}


def test_a_folder_that_others_can_enter_is_warned_of(folder: Folder) -> None:
    folder.settings.data.chmod(0o755)
    assert _worse(folder.settings) == {"data_folder": Level.WARN}


def test_a_sealed_value_that_was_changed_is_found(folder: Folder) -> None:
    folder.change("UPDATE party SET name_sealed = ? WHERE kind = 'person'", bytes(64))
    assert _worse(folder.settings) == {"sealed_values": Level.FAIL}


def test_a_timer_about_nothing_is_found(folder: Folder) -> None:
    folder.change("DELETE FROM trade_event")
    folder.change("DELETE FROM trade WHERE status = 'wait_buyer_pay'")
    assert _worse(folder.settings) == {"timers": Level.FAIL}


def test_a_timer_that_cannot_be_read_is_found(folder: Folder) -> None:
    folder.change("INSERT INTO timer VALUES ('odd', 1, ?)", bytes(1))
    assert _worse(folder.settings) == {"timers": Level.FAIL}


def test_a_newer_schema_is_found_and_nothing_else_is_read(folder: Folder) -> None:
    folder.change("INSERT INTO schema_version VALUES (9999, 'later')")
    assert _worse(folder.settings) == {"schema": Level.FAIL}


@pytest.mark.embedded_store
def test_a_damaged_database_is_found(folder: Folder) -> None:
    content = bytearray(folder.database.read_bytes())
    content[8192 : len(content) // 2] = b"\xff" * (len(content) // 2 - 8192)
    folder.database.write_bytes(content)
    assert _worse(folder.settings)["integrity"] is Level.FAIL


@pytest.mark.embedded_store
def test_a_file_that_is_no_database_is_found(folder: Folder) -> None:
    folder.database.write_bytes(b"not a database at all, but long enough to be looked at" * 99)
    assert Level.FAIL in _worse(folder.settings).values()


def test_a_clock_that_was_set_back_is_warned_of(folder: Folder) -> None:
    folder.change("UPDATE ledger_transfer SET timestamp = timestamp + 3600000000000")
    assert _worse(folder.settings) == {"clock": Level.WARN}


def test_a_port_that_is_taken_is_found(folder: Folder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", folder.settings.port))
        taken.listen()
        assert _worse(folder.settings) == {"port": Level.FAIL}


def test_little_free_space_is_found(folder: Folder) -> None:
    settings = settings_on(
        folder.settings.data, port=folder.settings.port, disk_free_min_mb=2**20 - 1
    )
    found = _worse(settings)
    assert found in ({"disk": Level.FAIL}, {})
    free = next(c.sentence for c in examine(settings) if c.name == "disk")
    assert "MiB are free" in free


def test_the_doctor_changes_nothing(folder: Folder) -> None:
    before = folder.connect()
    version = data_version(before)
    examine(folder.settings, whole=True)
    assert data_version(before) == version
    before.close()


def test_the_command_says_what_it_found_and_exits_with_one(folder: Folder) -> None:
    folder.change("UPDATE trade SET status = 'settled' WHERE status = 'held'")
    port = {"TALLYSTICK_PORT": str(folder.settings.port)}
    told = tallystick_here("doctor", "--data", folder.settings.data, env=port)
    assert told.returncode == 1
    assert "FAIL  escrow" in told.stdout
    found = tallystick_here("doctor", "--data", folder.settings.data, "--json", env=port)
    assert found.returncode == 1
    answer = json.loads(found.stdout)
    assert answer["ok"] is False
    assert {c["name"] for c in answer["checks"] if c["level"] == "fail"} == {"escrow"}


def test_every_package_that_is_needed_is_looked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {d.split(">")[0].split("[")[0].split(";")[0].strip() for d in project["dependencies"]}
    assert set(PACKAGES) == needed


def test_every_sealed_column_of_the_schema_is_looked_at(folder: Folder) -> None:
    connection = folder.connect()
    sealed = {
        (table, column)
        for table in tables(connection)
        for column in columns(connection, table)
        if column.endswith("_sealed")
    }
    connection.close()
    assert sealed == {(column.table, column.column) for column in SEALED}
