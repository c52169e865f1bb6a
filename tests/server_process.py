"""A real server process on a data folder of its own, for tests that talk to it from outside."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stores import store_environment

__all__ = ["ROOT", "ServerProcess", "free_port", "started_servers"]

ROOT = Path(__file__).parent.parent


_PORTS = range(12_000, 32_000)  # Below those from which outgoing connections take theirs.
# Processes that run tests side by side begin at different ones.
_numbers = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port of the loopback address that nobody listens on now, and hardly anybody will."""
    for number in itertools.islice(_numbers, len(_PORTS)):
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("there is no free port")


_started: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


def started_servers() -> list[tuple[str, str]]:
    """For each server that a test still holds: which it is, and the end of what it printed."""
    found = []
    for server in sorted(_started, key=lambda one: one.port):
        code = server.process.poll() if server.process is not None else None
        state = "runs" if code is None else f"ended with {code}"
        printed = server.log.read_text("utf-8", "replace") if server.log.exists() else ""
        found.append((f"server on port {server.port}, {state}", printed[-4000:]))
    return found


@dataclass(eq=False)
class ServerProcess:
    """The server as a user starts it; `start` and `stop` or `kill` as often as wanted."""

    data: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    env: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    module: str = "tallystick.cli"
    process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.data.parent / f"{self.data.name}.log"

    @property
    def credentials(self) -> dict[str, Any]:
        """The sandbox's credentials."""
        text = (self.data / "sandbox" / "credentials.json").read_text("utf-8")
        found: dict[str, Any] = json.loads(text)
        return found

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it."""
        command = [sys.executable, "-m", self.module, "server", "--data", str(self.data)]
        command += ["--host", self.host, "--port", str(self.port), *self.arguments]
        paths = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
        # A busy machine lets no command through for want of an answer of risk.
        patient = {"TALLYSTICK_RISK_BUDGET_MS": "60000"}
        env = os.environ | store_environment(self.data) | patient
        env |= {"PYTHONPATH": os.pathsep.join(p for p in paths if p)} | self.env
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=env, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT
            )
        _started.add(self)
        return self.process

    def start(self, *, within_s: float = 600.0) -> ServerProcess:
        """Start it and wait until it is ready."""
        process = self.launch()
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log.read_text('utf-8')[-4000:]}")
            try:
                with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=20) as answer:
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the server is not ready: {self.log.read_text('utf-8')[-4000:]}")

    def stop(self, *, within_s: float = 120.0) -> int:
        """Ask it to end (SIGTERM) and wait; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill(self) -> None:
        """Kill it at once (SIGKILL)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    # What the client tests ask for by name.

    @property
    def app_id(self) -> str:
        """The sandbox's app."""
        return str(self.credentials["app_id"])

    @property
    def app_private_key_path(self) -> str:
        """The app's private key, PKCS#1 PEM."""
        return str(self.credentials["app_private_key_file"])

    @property
    def alipay_public_key_path(self) -> str:
        """The platform's public key, PEM."""
        return str(self.credentials["alipay_public_key_file"])

    @property
    def merchant_id(self) -> str:
        """The app's merchant."""
        return str(self.credentials["merchants"][0]["party_id"])

    @property
    def buyer_code(self) -> str:
        """A lasting payment code of a buyer with money."""
        return str(self.credentials["buyers"][0]["payment_code"])

    @property
    def rest_key(self) -> str:
        """A REST key with every scope."""
        return str(self.credentials["rest_key"])

    @property
    def aes_key(self) -> str:
        """The app's key for encrypted content, base64."""
        return str(self.credentials["aes_key"])
