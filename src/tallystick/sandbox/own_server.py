"""A server of the run's own: a process on a data folder, started, waited for, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx2

from tallystick.store.engine import StoreError

__all__ = ["OwnServer", "free_port"]

_READY_WITHIN_S: Final = 60.0
_STOPPED_WITHIN_S: Final = 30.0
_HOST: Final = "127.0.0.1"


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


class OwnServer:
    """`tallystick server` as a process of ours; its log lies beside the data folder.

    Args:
        environment: more environment variables for it.
    """

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        self.data = data.absolute()
        self.port = free_port()
        self.base = f"http://{_HOST}:{self.port}"
        self.log = self.data.parent / f"{self.data.name}.sandbox.log"
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it takes commands.

        Raises:
            StoreError: it ended, or is not ready in time; with the last that it said.
        """
        command = [sys.executable, "-m", "tallystick.cli", "server", "--data", str(self.data)]
        command += ["--host", _HOST, "--port", str(self.port)]
        # A session of its own: Ctrl-C is for the run, which stops the server when it is done.
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - ours, and at once
                command, env=os.environ | self._environment, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _READY_WITHIN_S
        async with httpx2.AsyncClient(trust_env=False, timeout=2.0) as http:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    if (await http.get(f"{self.base}/readyz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.05)
        said = self.log.read_text("utf-8", "replace").strip().splitlines()
        self.stop()
        raise StoreError(f"The sandbox's server did not start: {said[-1] if said else 'no word'}")

    def stop(self) -> None:
        """Ask it to end and wait; end it if it does not."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
