"""A server that cannot keep its promises does not start, and says why in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.load import ENVIRONMENT, server_on
from tests.server_process import ROOT, free_port

from tallystick.platform import Platform
from tallystick.settings import Settings
from tallystick.store.engine import StoreError

pytestmark = pytest.mark.embedded_store

# Root may write everywhere; without this capability (1: DAC_OVERRIDE) it is held to the modes.
HELD_TO_MODES = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', 'tallystick.cli', *sys.argv[1:]])"
)


def refused(data: Path) -> str:
    """What a server says that does not start on a folder."""
    done = subprocess.run(
        [sys.executable, "-c", HELD_TO_MODES, "server", "--data", str(data),
         "--port", str(free_port())],
        capture_output=True, text=True, timeout=180,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("tallystick: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def used_folder(data: Path) -> Path:
    """A data folder that a platform has used; its database."""
    platform = Platform.open(Settings(data=data))
    platform.close()
    return data / "tallystick.db"


def test_a_second_server_on_a_data_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    server = server_on(tmp_path / "data").start()
    try:
        assert "is in use by another Tallystick server" in refused(tmp_path / "data")
        assert server.process is not None
        assert server.process.poll() is None
    finally:
        server.kill()


def test_a_read_only_disk_is_refused(tmp_path: Path) -> None:
    database = used_folder(tmp_path / "data")
    database.chmod(0o444)
    assert "cannot be written: it is read-only" in refused(tmp_path / "data")
    (tmp_path / "data" / "server.lock").chmod(0o444)
    (tmp_path / "data").chmod(0o555)
    try:
        assert "cannot be written: Permission denied" in refused(tmp_path / "data")
        assert "cannot be written: Permission denied" in refused(tmp_path / "data" / "new")
    finally:
        (tmp_path / "data").chmod(0o755)


def cut(size: Callable[[int], int]) -> Callable[[Path], None]:
    """Cuts a file to what `size` makes of its size."""
    return lambda database: os.truncate(database, size(database.stat().st_size))


def overwrite(database: Path) -> None:
    """Write something else over the beginning."""
    with database.open("r+b") as file:
        file.write(b"something else " * 10)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut(lambda size: 0), "is empty, so its books are gone"),
        (cut(lambda size: 60), "was cut off"),
        (cut(lambda size: size // 8192 * 4096), "malformed"),
        (cut(lambda size: size - 4096), "malformed"),
        (cut(lambda size: size - 100), "was cut off"),
        (overwrite, "not a database"),
    ],
)
def test_a_damaged_database_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    database = used_folder(tmp_path / "data")
    damage(database)
    before = database.read_bytes()
    with pytest.raises(StoreError, match=sentence) as raised:
        Platform.open(Settings(data=tmp_path / "data"))
    assert "\n" not in str(raised.value)
    assert database.read_bytes() == before


def test_a_damaged_database_is_one_sentence_on_the_command_line(tmp_path: Path) -> None:
    os.truncate(used_folder(tmp_path / "data"), 0)
    assert "Restore a backup" in refused(tmp_path / "data")
