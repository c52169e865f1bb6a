"""The server is killed at random moments under load; after each restart the books are right."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from tests.faults.load import Load, receiver_of, server_on
from tests.server_process import ServerProcess

from tallystick.sandbox.receiver import Receiver

KILLS = int(os.environ.get("FAULTS_KILLS", "20"))
SEED = int(os.environ.get("FAULTS_SEED", "20261125"))


async def restarted(server: ServerProcess) -> None:
    """Kill it (SIGKILL) and start it again on the same folder."""
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


async def killed_once(server: ServerProcess, receiver: Receiver, rng: random.Random) -> Load:
    """One kill under load, now and then a second one during the recovery.

    The buyers register with the first nine calls.
    """
    load = Load.begin(server, rng, notify_url=receiver.url)
    await load.until(calls=rng.randint(1, 45))
    await asyncio.sleep(rng.uniform(0.0, 0.1))
    await restarted(server)
    if rng.random() < 0.2:
        await asyncio.sleep(rng.uniform(0.0, 0.2))
        await restarted(server)
    await asyncio.sleep(rng.uniform(0.0, 0.3))
    await load.end()
    return load


async def stuck_notifications(load: Load) -> int:
    """Notifications that nobody has got though their receiver listens."""
    rest, stuck = load.market.rest, 0
    for status in ("due", "waiting"):
        stuck += len([n async for n in rest.items("/v1/notifications", status=status)])
    return stuck


async def killed_again_and_again(server: ServerProcess) -> None:
    receiver, rng = receiver_of(server), random.Random(SEED)
    await receiver.start()
    loads: list[Load] = []
    held_by_trade: dict[str, int] = {}
    try:
        for kill in range(KILLS):
            loads.append(await killed_once(server, receiver, rng))
            differences = await loads[-1].prove(receiver, held_by_trade)
            assert not differences, f"kill {kill} of seed {SEED}"
        for load in loads:
            assert not await load.prove(receiver, held_by_trade), (
                "what was right before is no longer"
            )
        assert await stuck_notifications(loads[-1]) == 0
        assert sum(len(load.market.history.calls) for load in loads) > 10 * KILLS
        assert sum(load.market.meter.errors.total() for load in loads) > KILLS
    finally:
        for load in loads:
            await load.market.close()
        await receiver.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_was_acknowledged_survives_kills_once_and_the_books_balance(tmp_path: Path) -> None:
    server = server_on(tmp_path / "data").start()
    try:
        asyncio.run(killed_again_and_again(server))
    finally:
        server.kill()


async def stopped_under_load(server: ServerProcess) -> None:
    rng = random.Random(SEED)
    for _ in range(2):
        load = Load.begin(server, rng)
        try:
            await load.until(calls=rng.randint(20, 60))
            assert await asyncio.to_thread(server.stop) == 0
            # What it had accepted was answered: the clients lost no more than a connection.
            await asyncio.to_thread(server.start)
            await load.end()
            assert not await load.prove()
        finally:
            await load.market.close()


def test_sigterm_under_load_loses_nothing_acknowledged(tmp_path: Path) -> None:
    server = server_on(tmp_path / "data").start()
    try:
        asyncio.run(stopped_under_load(server))
    finally:
        server.kill()
