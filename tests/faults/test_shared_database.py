"""Two servers on one PostgreSQL: they take turns, and under load one is cut off, killed, the
database restarted. After each what was acknowledged is there once, and the books balance.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.faults.load import ENVIRONMENT, Load, receiver_of
from tests.faults.shared_books import Book, Watcher, held_turn, metric
from tests.gateway.rest.rest_client import until
from tests.server_process import ServerProcess
from tests.stores import new_postgres, restart_postgres

from tallystick.sandbox.receiver import Receiver
from tallystick.store.postgres import TURN

SEED = 20261125
UNDONE = 'tallystick_batches_tried_again_total{why="undone"}'

_FAILS_THREE_TIMES = """
CREATE SEQUENCE serialised;
CREATE FUNCTION serialise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence counts also what is undone.
    IF nextval('serialised') <= 3 THEN
        RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER serialise BEFORE INSERT ON ledger_journal
    FOR EACH ROW EXECUTE FUNCTION serialise();
"""


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


@pytest.fixture
def watcher(pair: Pair) -> Iterator[Watcher]:
    with psycopg.connect(pair.url, autocommit=True) as connection:
        yield Watcher(connection)


def _server(data: Path, folder: Path, url: str) -> ServerProcess:
    own = {
        "TALLYSTICK_DATABASE": url, "TALLYSTICK_MASTER_KEY_FILE": str(folder / "master.key"),
        "TALLYSTICK_HEAD_SECONDS": "86400",  # Commands are counted here.
    }  # fmt: skip
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
        await busy(loads, 5)
        await asyncio.to_thread(trouble, rng)
        await busy(loads, 11)
        for load in loads:
            await load.end()
        await prove(loads, receiver)
    finally:
        for load in loads:
            await load.market.close()
        await receiver.close()


async def busy(loads: list[Load], calls: int) -> None:
    """Wait until each load has made so many calls."""
    async with asyncio.timeout(600):
        while any(len(load.market.history.calls) < calls for load in loads):
            await asyncio.sleep(0.05)


async def prove(loads: list[Load], receiver: Receiver) -> None:
    for load in loads:
        assert await load.prove(receiver) == []


def commands_wait(server: ServerProcess, count: int) -> bool:
    """Whether so many commands wait at a server for their batch."""
    return metric(server, "tallystick_commands_waiting ") >= count


def nothing(rng: random.Random) -> None:
    """No trouble at all."""


def test_two_servers_keep_one_set_of_books(pair: Pair) -> None:
    asyncio.run(under_load(pair, nothing))


def test_transfers_of_opposite_order_from_two_servers_meet_no_deadlock(
    pair: Pair, watcher: Watcher
) -> None:
    book = Book(pair.one, pair.one.rest_key, 2)
    a, b = book.accounts
    deadlocks = watcher.deadlocks()
    undone = [metric(server, UNDONE) for server in (pair.one, pair.two)]
    calls = [
        (server, legs)
        for _ in range(12)
        for server, legs in (
            (pair.one, [(a, b)]), (pair.two, [(b, a)]),
            (pair.one, [(a, b), (b, a)]), (pair.two, [(b, a), (a, b)]), (pair.two, [(a, b)]),
        )
    ]  # fmt: skip
    with watcher.waits_for_rows() as waits, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda call: book.move(call[0], *call[1]), calls))
    assert {answer for given in answers for answer in given} == {"created"}
    assert waits == [], "who has the turn waits for no row"
    assert book.balance(pair.one, b) == book.balance(pair.two, b) == 12
    assert watcher.deadlocks() == deadlocks
    assert [metric(server, UNDONE) for server in (pair.one, pair.two)] == undone


def test_a_batch_that_an_outsider_draws_into_a_deadlock_is_tried_again_and_counted(
    pair: Pair, watcher: Watcher
) -> None:
    book = Book(pair.one, pair.one.rest_key, 2)
    a, b = book.accounts
    undone, done = metric(pair.one, UNDONE), 0
    with ThreadPoolExecutor(1) as pool:
        while metric(pair.one, UNDONE) == undone:
            assert done < 5, "the outsider was always the one to give way"
            with psycopg.connect(pair.url) as outsider, suppress(psycopg.errors.DeadlockDetected):
                outsider.execute("SET deadlock_timeout = '20s'")
                key = a.to_bytes(16, "big")
                outsider.execute("SELECT 1 FROM ledger_account WHERE id = %s FOR UPDATE", (key,))
                moved = pool.submit(book.move, pair.one, (a, b))
                until(partial(watcher.blocked_by, outsider.info.backend_pid))
                outsider.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
            assert moved.result() == ["created"]
            done += 1
    assert book.balance(pair.two, b) == done


def test_a_batch_that_fails_to_serialise_is_tried_again_and_done_once(
    pair: Pair, watcher: Watcher
) -> None:
    book = Book(pair.two, pair.one.rest_key, 2)
    a, b = book.accounts
    undone = sum(metric(server, UNDONE) for server in (pair.one, pair.two))
    watcher.connection.execute(_FAILS_THREE_TIMES)
    try:
        assert book.move(pair.two, (a, b)) == ["created"]
    finally:
        watcher.connection.execute(
            "DROP TRIGGER serialise ON ledger_journal; DROP FUNCTION serialise; "
            "DROP SEQUENCE serialised"
        )
    # Work of the other server's own may have met one of them.
    assert sum(metric(server, UNDONE) for server in (pair.one, pair.two)) - undone == 3
    assert book.balance(pair.one, b) == 1


@pytest.mark.parametrize("hot", [True, False])
def test_a_hot_account_costs_the_servers_no_more_turns_than_any_other(
    pair: Pair, watcher: Watcher, hot: bool
) -> None:
    many = 8
    servers = (pair.one, pair.two)
    book = Book(pair.one, pair.one.rest_key, 4 * many + 5)
    others = iter(book.accounts[1:])

    def legs() -> tuple[int, int]:
        return (book.accounts[0] if hot else next(others)), next(others)

    before = watcher.batches()
    with ThreadPoolExecutor(2 * many + 2) as pool:
        with held_turn(pair.url):
            first = [pool.submit(book.move, server, legs()) for server in servers]
            waiting = watcher.until_waiting(len(servers))
            rest = [pool.submit(book.move, s, legs()) for _ in range(many) for s in servers]
            for server in servers:
                until(partial(commands_wait, server, many))
            assert watcher.held_by(waiting) == [], "who waits for a turn keeps nobody waiting"
            assert [book.balance(server, book.accounts[0]) for server in servers] == [0, 0]
            assert not any(call.done() for call in (*first, *rest))
        assert {answer for call in (*first, *rest) for answer in call.result()} == {"created"}
    assert watcher.batches() - before <= 2 * len(servers)
    if hot:
        assert book.balance(pair.one, book.accounts[0]) == -len(servers) * (many + 1)


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
