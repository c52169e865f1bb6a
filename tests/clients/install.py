"""Gets the real clients from their package registries, once per lock file.

Both Python clients import as `alipay`, so each has a virtual environment of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent

__all__ = ["HERE", "node_client", "node_is_wanted", "python_client"]


def node_is_wanted() -> bool:
    """Whether the Node client is tested: where Node is there, and in CI always."""
    return shutil.which("node") is not None or os.environ.get("CI", "") not in ("", "false", "0")


@contextmanager
def _once(folder: Path, made: Path, *sources: str) -> Iterator[bool]:
    """Hold the folder's lock; yields whether `made` must be made anew from its sources."""
    contents = b"".join((folder / source).read_bytes() for source in sources)
    wanted = hashlib.sha256(contents + sys.version.encode()).hexdigest()
    stamp = made / "installed-from"
    locks = HERE / ".venv-locks"
    locks.mkdir(exist_ok=True)
    with (locks / folder.name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stale = not stamp.exists() or stamp.read_text() != wanted
        yield stale
        if stale:
            stamp.write_text(wanted)


def _run(*command: str | Path, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}{done.stderr}"


def python_client(name: str) -> Path:
    """The interpreter that has the client of `tests/clients/<name>` (official, community)."""
    folder = HERE / name
    venv = folder / ".venv"
    python = venv / "bin" / "python"
    files = [file for file in ("build.txt", "requirements.txt") if (folder / file).exists()]
    with _once(folder, venv, *files) as stale:
        if stale:
            _run(sys.executable, "-m", "venv", "--clear", venv, folder=folder)
            pip = (python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
            for file in files:
                # The build tools are in a lock of their own: nothing unpinned is fetched.
                _run(*pip, "--no-build-isolation", "-r", file, folder=folder)
    return python


def node_client() -> Path:
    """The folder with the Node client's scripts and packages."""
    folder = HERE / "node"
    packages = folder / "node_modules"
    assert shutil.which("npm"), "the Node client's tests need node and npm"
    with _once(folder, packages, "package.json", "package-lock.json") as stale:
        if stale:
            _run("npm", "ci", "--no-progress", "--ignore-scripts", folder=folder)
    return folder
