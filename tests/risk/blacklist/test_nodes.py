"""Three nodes as processes: two members witness a keeper, which lies and is caught by gossip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server_process import free_port

from tallystick.transparency.notes import NoteSigner

SEED = bytes([3] * 32)
LOG_KEY = NoteSigner("list.example", SEED).key.text
HERE = Path(__file__).parent
PATIENCE_S = 300
ENV = os.environ | {"PYTHONPATH": f"{HERE.parents[2] / 'src'}"}


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


class Nodes:
    """A keeper and two witnesses, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []
        self.port, self.doors = free_port(), {"one": free_port(), "two": free_port()}
        command = [sys.executable, str(HERE / "lying_keeper.py"), str(self.port), SEED.hex()]
        self._running.append(subprocess.Popen(command, env=ENV, text=True))
        self.url = f"http://127.0.0.1:{self.port}"
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return httpx2.get(self.url, timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def show(self, **histories: str) -> None:
        """What the keeper shows to whom from now on: a letter a leaf."""
        told = {name: list(texts) for name, texts in histories.items()}
        httpx2.post(f"{self.url}/histories", json=told, timeout=30).raise_for_status()

    def witness(self, name: str) -> subprocess.Popen[str]:
        """Start a witness that gossips with the other one."""
        (other,) = (port for known, port in self.doors.items() if known != name)
        key_file = self._folder / f"{name}.key"
        key_file.write_text(name, "utf-8")
        command = [
            sys.executable, "-m", "tallystick.cli", "risk", "blacklist", "witness", name,
            "--seed", str(self._folder / f"{name}.seed"), "--data", str(self._folder / name),
            "--url", self.url, "--key-file", str(key_file), "--log-key", LOG_KEY,
            "--listen", str(self.doors[name]), "--peer", f"http://127.0.0.1:{other}",
            "--interval", "0.2",
        ]  # fmt: skip
        made = subprocess.Popen(command, env=ENV, text=True, stdout=subprocess.PIPE)
        self._running.append(made)
        return made

    def cosigned(self) -> list[str]:
        """What the witnesses have signed."""
        found: list[str] = httpx2.get(self.url, timeout=30).json()["cosigned"]
        return found

    def stop(self) -> None:
        """End every process."""
        for process in self._running:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """The processes, ended with the test."""
    made = Nodes(tmp_path)
    yield made
    made.stop()


def test_a_keeper_that_shows_two_histories_is_caught_and_a_stranger_is_convinced(
    nodes: Nodes, tmp_path: Path
) -> None:
    nodes.show(one="abc", two="abc")
    witnesses = {name: nodes.witness(name) for name in nodes.doors}
    until(lambda: {"one", "two"} <= {name for note in nodes.cosigned() for name in signers(note)})
    # From here on the second member is shown a history in which an entry was taken away.
    nodes.show(one="abcdef", two="abcXefgh")
    until(lambda: any(process.poll() is not None for process in witnesses.values()))
    caught = [name for name, process in witnesses.items() if process.poll() is not None]
    assert all(witnesses[name].returncode == 1 for name in caught)
    evidence = tmp_path / caught[0] / "evidence.json"
    command = [
        sys.executable, "-m", "tallystick.cli", "risk", "blacklist", "check-evidence",
        str(evidence), "--log-key", LOG_KEY,
    ]  # fmt: skip
    checked = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=PATIENCE_S)
    assert checked.returncode == 1, checked.stderr
    assert checked.stdout.startswith("list.example signed a log of ")
    spoilt: dict[str, Any] = json.loads(evidence.read_text("utf-8"))
    spoilt["smaller"] = spoilt["larger"]
    evidence.write_text(json.dumps(spoilt), "utf-8")
    checked = subprocess.run(command, env=ENV, capture_output=True, text=True, timeout=PATIENCE_S)
    assert checked.returncode == 2
    assert "proves nothing" in checked.stderr


def signers(note: str) -> list[str]:
    """Whose signatures a note has."""
    return [line.split(" ")[1] for line in note.split("\n") if line.startswith("— ")]
