"""The README's example, pasted as it stands there, in both languages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.clients.install import python_client
from tests.server_process import ROOT, ServerProcess


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_example_pays_an_order(
    readme: str, running_server: ServerProcess, tmp_path: Path
) -> None:
    text = (ROOT / readme).read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 10
    (tmp_path / "data").symlink_to(running_server.data)
    done = subprocess.run(
        [python_client("community"), "-E", "-c", example],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("TRADE_SUCCESS\n", 0), done.stderr
