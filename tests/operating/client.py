"""A caller of the REST API on a running server, small enough to be many at once."""

from __future__ import annotations

import http.client
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from structlog.testing import capture_logs
from tests.server_process import ROOT, ServerProcess
from tests.stores import store_environment

from tallystick.cli import answer

__all__ = ["Client", "Reply", "run_tallystick", "tallystick_here"]


class Reply(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Client:
    """One connection that stays open."""

    def __init__(self, server: ServerProcess) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request; underscores in header names stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, named)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())

    def post(self, server: ServerProcess, path: str, content: Any, key: str) -> Reply:
        """A change through the REST API with the sandbox's key."""
        return self.ask(
            "POST",
            path,
            json.dumps(content).encode(),
            authorization=f"Bearer {server.rest_key}",
            idempotency_key=key,
            content_type="application/json",
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _store_of(words: list[str]) -> dict[str, str]:
    """Where the books are of the data folder that a command names."""
    at = words.index("--data") + 1 if "--data" in words else 0
    return store_environment(Path(words[at])) if at else {}


def run_tallystick(
    *arguments: str | Path,
    stdin: str = "",
    env: dict[str, str] | None = None,
    cwd: Path = ROOT,
    within_s: float = 60,
) -> subprocess.CompletedProcess[str]:
    """The command line as a process; it must end by itself."""
    store = _store_of([str(argument) for argument in arguments])
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli", *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), **store, **(env or {})},
        cwd=cwd,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=within_s,
    )


def tallystick_here(
    *arguments: str | Path, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same command line inside this process, which is quicker."""
    out, err = io.StringIO(), io.StringIO()
    words = [str(argument) for argument in arguments]
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "stdin", io.StringIO(stdin)),
        patch.dict(os.environ, {**_store_of(words), **(env or {})}),
        capture_logs(),
    ):
        code = answer(words)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
