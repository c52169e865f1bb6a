"""Two servers on one PostgreSQL under load: cut off, killed, the database restarted.

After each: what was acknowledged is there once, and the books balance.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.faults.load import ENVIRONMENT, Load, receiver_of
from tests.server_process import ServerProcess
from tests.stores import new_postgres, restart_postgres

from tallystick.sandbox.receiver import Receiver

SEED = 20261125


class Pair(NamedTuple):
    """Two servers, and the address of their database."""

    one: ServerProcess
    two: ServerProcess
    url: str


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("shared")
    url = new_postgres().url
    one, two = (_server(folder / name, folder, url) for name in ("one", "two"))
    try:
        yield Pair(one.start(), two.start(), url)
    finally:
        for server in (one, two):
            if server.process is not None:
                server.kill()


def _server(data: Path, folder: Path, url: str) -> ServerProcess:
    own = {"TALLYSTICK_DATABASE": url, "TALLYSTICK_MASTER_KEY_FILE": str(folder / "master.key")}
    return ServerProcess(data, env=ENVIRONMENT | own)


async def under_load(pair: Pair, trouble: Callable[[random.Random], None]) -> None:
    """Have buyers act on both servers, trouble come, and prove what each was told."""
    rng = random.Random(SEED)
    receiver = receiver_of(pair.one)
    await receiver.start()
    loads = [
        Load.begin(server, rng, notify_url=receiver.url, credentials=pair.one.credentials)
        for server in (pair.one, pair.two)
    ]
    try:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(trouble, rng)
        await asyncio.sleep(0.5)
        for load in loads:
            await load.end()
        await prove(loads, receiver)
    finally:
        for load in loads:
            await load.market.close()
        await receiver.close()


async def prove(loads: list[Load], receiver: Receiver) -> None:
    for load in loads:
        assert await load.prove(receiver) == []
        assert len(load.market.history.calls) > 10


def nothing(rng: random.Random) -> None:
    """No trouble at all."""


def test_two_servers_keep_one_set_of_books(pair: Pair) -> None:
    asyncio.run(under_load(pair, nothing))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_connections_that_are_cut_in_the_middle_of_commits_lose_and_double_nothing(
    pair: Pair,
) -> None:
    def cut(rng: random.Random) -> None:
        with psycopg.connect(pair.url, autocommit=True) as connection:
            for _ in range(20):
                connection.execute("SELECT pg_sleep(%s)", (rng.uniform(0.01, 0.1),))
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    asyncio.run(under_load(pair, cut))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_one_of_two_servers_is_killed_and_the_other_goes_on(pair: Pair) -> None:
    def kill(rng: random.Random) -> None:
        pair.one.kill()
        pair.one.start()

    asyncio.run(under_load(pair, kill))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_database_is_restarted_under_load(pair: Pair) -> None:
    asyncio.run(under_load(pair, lambda rng: restart_postgres()))
