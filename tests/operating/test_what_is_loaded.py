"""What a server has in memory before anybody asks it for anything: no library that can wait."""

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


def test_libraries_of_rare_work_are_not_loaded_by_a_server_that_has_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    env = os.environ | store_environment(data) | {"PYTHONPATH": os.pathsep.join(paths)}
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(data)], env=env, cwd=ROOT, capture_output=True,
        check=True, timeout=300,
    )  # fmt: skip
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    assert "tallystick.server" in loaded
    assert loaded & _CAN_WAIT.keys() == set()
