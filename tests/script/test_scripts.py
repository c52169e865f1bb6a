"""The scripts: from any folder, with a clear word when something is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server_process import ROOT

SYSTEM = "/usr/bin:/bin"


def _run(
    script: Path, *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(script), *arguments],
        cwd=cwd,
        env={"PATH": SYSTEM, "HOME": "/nonexistent", **(env or {})},
        text=True,
        capture_output=True,
        timeout=120,
    )


def _python(path: Path, text: str) -> Path:
    """An interpreter that is this one, but for what `text` does first."""
    path.write_text(f'#!/usr/bin/env bash\n{text}\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clean clone has of the scripts; no environment is made yet."""
    place = tmp_path / "clone"
    place.mkdir()
    for name in ("script", "requirements"):
        shutil.copytree(ROOT / name, place / name)
    (place / "src").symlink_to(ROOT / "src")
    return place


@pytest.fixture
def installed(clone: Path) -> Path:
    """The same with an environment in which everything is there: this one."""
    made = clone / ".venv" / "bin"
    made.mkdir(parents=True)
    _python(made / "python", "")
    lock = (clone / "requirements" / "dev.txt").read_bytes()
    sum_ = subprocess.run(["cksum"], input=lock, capture_output=True, check=True).stdout
    (clone / ".venv" / "installed-dev").write_bytes(sum_.strip())
    return clone


def test_paths_are_taken_from_the_callers_folder(installed: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = _run(
        installed / "script" / "tallystick", "config", "--data", "books", "--json", cwd=elsewhere
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["data"] == str(elsewhere / "books")


def test_a_link_to_a_script_finds_its_project(installed: Path, tmp_path: Path) -> None:
    link = tmp_path / "tallystick"
    link.symlink_to(installed / "script" / "tallystick")
    done = _run(link, "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0.1.0\n"), done.stderr


def test_the_server_script_starts_the_server(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "script" / "server", "--data", "file/x", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "port: Expected int >= 1" in done.stderr


def test_without_a_new_enough_python_it_says_so(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "readlink", "cksum", "cat", "env"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    done = _run(clone / "script" / "tallystick", cwd=tmp_path, env={"PATH": str(tools)})
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_without_venv_is_named_with_what_to_install(clone: Path, tmp_path: Path) -> None:
    python = _python(tmp_path / "python", '[[ "$*" != *ensurepip* ]] || exit 1')
    done = _run(clone / "script" / "server", cwd=tmp_path, env={"TALLYSTICK_PYTHON": str(python)})
    assert done.returncode == 1
    assert "no venv module" in done.stderr
    assert "python3-venv" in done.stderr


def test_without_the_network_it_says_so_and_goes_on_later(clone: Path, tmp_path: Path) -> None:
    nowhere = {
        "TALLYSTICK_PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
    }
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    done = _run(clone / "script" / "server", cwd=tmp_path, env=nowhere)
    assert done.returncode == 1
    assert "making .venv with Python 3" in done.stderr
    assert "installing the locked packages" in done.stderr
    assert "the packages could not be installed" in done.stderr
    assert not (clone / ".venv" / "installed-run").exists()
    again = _run(clone / "script" / "server", cwd=tmp_path, env=nowhere)
    assert again.returncode == 1
    assert "making .venv" not in again.stderr
    assert "the packages could not be installed" in again.stderr


def test_without_a_name_the_benchmarks_are_listed() -> None:
    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench", *arguments], cwd=ROOT, text=True,
            capture_output=True, timeout=120, env={**os.environ, "PYTHONPATH": f"{ROOT}/src"},
        )  # fmt: skip

    listed = bench()
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()][:2] == ["credit", "gateway"]
    assert all(line.split()[1:] for line in listed.stdout.splitlines())
    unknown = bench("nonsense")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "gateway" in unknown.stderr


def test_ci_runs_the_test_script_and_nothing_else() -> None:
    lines = [
        line
        for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines == [
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        "CI=true exec bash script/test",
    ]
