"""Compiled code is kept where it may be, and works where it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

POST = """
import numpy as np
from tallystick.ledger.tables import IdTable
table = IdTable()
table.add(np.zeros(3, np.uint64), np.arange(3, dtype=np.uint64))
assert table.find(np.zeros(1, np.uint64), np.array([2], np.uint64))[0] == 2
"""


def _run(cache: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    subprocess.run([sys.executable, "-c", POST], env=environment, check=True, timeout=120)


def test_it_is_kept_in_the_named_folder_and_used_again(tmp_path: Path) -> None:
    _run(tmp_path / "cache")
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.nbc")}
    assert kept
    _run(tmp_path / "cache")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*.nbc")} == kept


def test_without_a_folder_it_is_compiled_each_time(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    _run(no_folder)
    assert no_folder.read_text() == ""
