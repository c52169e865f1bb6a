"""What a server keeps in memory: no library that can wait, no memory of hashes that are done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.server_process import ROOT
from tests.stores import store_environment

_SCRIPT = """
import json, os, sys
from pathlib import Path
import tallystick.server
from tallystick.platform import Platform
from tallystick.settings import load_settings
from tallystick.site import build_site
platform = Platform.open(load_settings(None, os.environ, data=Path(sys.argv[1])))
build_site(platform)
platform.close()
print(json.dumps(sorted(sys.modules)))
"""

_CAN_WAIT = {
    "cel": "the first rule or window with a condition",
    "prompt_toolkit": "nothing: it comes with cel's command line",
    "polars": "files of partners, reconciliation, history",
    "duckdb": "files and shards of loans",
    "pyarrow": "files",
    "numba": "bulk calls, large graphs, history",
    "sklearn": "making a model",
    "scipy": "making a model",
}


def _ran(script: str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a script printed in a process of its own."""
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, check=True,
        env=os.environ | (env or {}) | {"PYTHONPATH": os.pathsep.join(paths)}, timeout=300,
        text=True,
    )  # fmt: skip
    return ran.stdout


def test_libraries_of_rare_work_are_not_loaded_by_a_server_that_has_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    printed = _ran(_SCRIPT, str(data), env=store_environment(data))
    loaded = set(json.loads(printed.splitlines()[-1]))
    assert "tallystick.server" in loaded
    assert loaded & _CAN_WAIT.keys() == set()


_HASHING = """
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from tallystick.parties.passwords import PasswordHasher
from tallystick.server import give_back_large_blocks

give_back_large_blocks()
hasher, all_at_once = PasswordHasher(memory_kib=19_456, passes=1), Barrier(3)

def hashed(_):
    all_at_once.wait()
    for _ in range(3):
        hasher.hash_password("secret")

def resident_kb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = resident_kb()
with ThreadPoolExecutor(3) as threads:
    list(threads.map(hashed, range(3)))
    print(resident_kb() - before)
"""


def test_the_memory_of_a_password_hash_goes_back_when_it_is_done() -> None:
    kept_kb = int(_ran(_HASHING).splitlines()[-1])
    assert kept_kb < 9_728, "half of one hash"
