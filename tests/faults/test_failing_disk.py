"""A disk that begins to fail under load: clients are told, and what was acknowledged is there."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.faults.failing_disk import KINDS
from tests.faults.load import ENVIRONMENT, Load
from tests.server_process import ServerProcess

pytestmark = pytest.mark.embedded_store

SAID = {
    "sync": "disk I/O error", "read_only": "disk I/O error", "full": "database or disk is full",
}  # fmt: skip
BUSY = {"aop.ACQ.SYSTEM_ERROR", "STORE_UNAVAILABLE"}


def reasons(server: ServerProcess) -> list[dict[str, str]]:
    """Why the server is not ready; nothing when it is."""
    try:
        with urllib.request.urlopen(f"{server.base_url}/readyz", timeout=60):
            return []
    except urllib.error.HTTPError as error:
        found: list[dict[str, str]] = json.loads(error.read())["reasons"]
        return found


async def broken_and_replaced(server: ServerProcess, switch: Path) -> None:
    load = Load.begin(server, random.Random(5))
    try:
        async with asyncio.timeout(600):
            while len(load.market.history.calls) < 40:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(switch.touch)
            while not BUSY & set(load.market.meter.errors):
                await asyncio.sleep(0.05)
            while not (told := await asyncio.to_thread(reasons, server)):
                await asyncio.sleep(0.05)
        assert [reason["part"] for reason in told] == ["store"]
        assert told[0]["sentence"].count(".") == 1
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(switch.unlink)
        await asyncio.to_thread(server.start)
        await load.end()
        assert await load.prove() == []
        assert await asyncio.to_thread(reasons, server) == []
    finally:
        await load.market.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fails_loses_nothing_that_was_acknowledged(kind: str, tmp_path: Path) -> None:
    switch = tmp_path / "broken"
    own = {"FAILING_DISK": kind, "FAILING_DISK_SWITCH": str(switch)}
    server = ServerProcess(
        tmp_path / "data", env=ENVIRONMENT | own, module="tests.faults.failing_disk"
    ).start()
    try:
        asyncio.run(broken_and_replaced(server, switch))
        said = server.log.read_text("utf-8")
        assert "store_cannot_write" in said
        assert SAID[kind] in said
        assert "Traceback" not in said
    finally:
        server.kill()
