"""Executors of several processes on one PostgreSQL: each command has one effect, come what may."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import psycopg
import pytest
from tests.pipeline.notebook import AddTo, Notebook, Write, note
from tests.platform_parts import Parts
from tests.stores import new_postgres

from tallystick.pipeline.commands import SYSTEM, Registry, Request
from tallystick.pipeline.processes import Leader, News
from tallystick.store.postgres import TURN, PostgresConnection, PostgresDatabase
from tallystick.store.unit_of_work import Event


@pytest.fixture
def database() -> PostgresDatabase:
    return new_postgres()


@pytest.fixture
def parts(database: PostgresDatabase) -> Iterator[Parts]:
    with ExitStack() as stack:
        yield opened(database, stack)


def opened(database: PostgresDatabase, stack: ExitStack) -> Parts:
    registry = Registry()
    Notebook().register(registry)
    parts = Parts(database, registry)
    stack.callback(parts.close)
    return parts


def outside(database: PostgresDatabase) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(database.url, autocommit=True)


def backend_of(parts: Parts) -> int:
    assert isinstance(parts.writer, PostgresConnection)
    return parts.writer.raw.info.backend_pid


def cut(database: PostgresDatabase, backend: int) -> None:
    """End a connection from outside, and wait until it is over."""
    with outside(database) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))


def test_executors_of_one_database_take_turns(database: PostgresDatabase) -> None:
    def ask(parts: Parts, number: int) -> None:
        parts.accept(AddTo(name="count"))
        parts.accept(AddTo(name="once"), request_id=f"r{number}")

    with ExitStack() as stack:
        several = [opened(database, stack) for _ in range(3)]
        with ThreadPoolExecutor(24) as pool:
            jobs = [pool.submit(ask, parts, n) for n in range(40) for parts in several]
            for job in jobs:
                job.result(60)
        assert note(several[0].rows, "count") == "120"
        assert note(several[0].rows, "once") == "40"


@pytest.mark.parametrize("remembered", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_that_is_cut_off_is_looked_up_and_nothing_is_done_twice(
    database: PostgresDatabase, parts: Parts, remembered: bool, kept: bool
) -> None:
    assert isinstance(parts.writer, PostgresConnection)
    script = parts.writer.script
    cuts: list[int] = []

    def cutting(statement: bytes) -> object:
        if statement != b"COMMIT" or cuts:
            return script(statement)
        cuts.append(backend_of(parts))
        if kept:  # The database commits; its answer is lost on the way.
            psycopg.Connection.execute(parts.writer.raw, "COMMIT")  # type: ignore[attr-defined]
        cut(database, cuts[0])
        return script(statement)

    parts.writer.script = cutting  # type: ignore[method-assign, assignment]
    answer = parts.submit(AddTo(name="count"), request_id="r" if remembered else "")
    assert answer.refusal is None
    assert not answer.replayed
    assert cuts
    assert note(parts.rows, "count") == "1"
    assert backend_of(parts) != cuts[0]


def test_a_deadlock_is_tried_again(database: PostgresDatabase, parts: Parts) -> None:
    parts.accept(Write(name="a"))
    with outside(database) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SET deadlock_timeout = '20s'")  # So that the executor's batch is undone.
        other.execute("BEGIN")
        other.execute("UPDATE setting SET value = 'theirs' WHERE name = 'a'")
        ours = pool.submit(parts.submit, Write(name="a"))
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid = %s"
        with outside(database) as looker:
            until(lambda: looker.execute(waiting, (backend_of(parts),)).fetchone() is not None)
        other.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
        assert not ours.done()
        other.execute("COMMIT")
        assert ours.result(120).refusal is None
    assert note(parts.rows, "a") == "written"


def until(true: Callable[[], bool]) -> None:
    """Wait for something, within a bound."""
    for _ in range(2400):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_read_outlives_its_connection(database: PostgresDatabase, parts: Parts) -> None:
    parts.accept(Write(name="a"))
    assert isinstance(parts.rows.connection, PostgresConnection)
    cut(database, parts.rows.connection.raw.info.backend_pid)
    assert note(parts.rows, "a") == "written"


def test_one_process_leads_and_another_takes_over(database: PostgresDatabase) -> None:
    runs: list[str] = []

    async def work(name: str) -> None:
        runs.append(name)
        await asyncio.Event().wait()

    async def several() -> None:
        leaders = [
            Leader(database, {"work": lambda name=name: work(name)})  # type: ignore[misc]
            for name in ("a", "b")
        ]
        tasks = [asyncio.create_task(leader.run()) for leader in leaders]
        while not runs:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.5)
        assert sum(leader.leads for leader in leaders) == 1
        first = next(n for n, leader in enumerate(leaders) if leader.leads)
        tasks[first].cancel()
        while len(runs) < 2:
            await asyncio.sleep(0.05)
        assert len(set(runs)) == 2
        assert not leaders[first].leads
        tasks[1 - first].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(several(), 120))


def test_a_worker_that_failed_is_named_with_its_fault(database: PostgresDatabase) -> None:
    async def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(RuntimeError, match="the worker work has ended") as told:
        asyncio.run(asyncio.wait_for(Leader(database, {"work": broken}).run(), 120))
    assert isinstance(told.value.__cause__, ValueError)


def test_a_leader_that_is_stopped_while_it_asks_closes_its_connection_after_that() -> None:
    asks, go_on = threading.Event(), threading.Event()
    steps: list[str] = []

    class Slow:
        """A database that answers when it is told to."""

        def connect(self) -> Slow:
            return self

        def execute(self, sql: str) -> Slow:
            asks.set()
            assert go_on.wait(120)
            steps.append("answered")
            return self

        def fetchone(self) -> tuple[bool]:
            return (False,)

        def close(self) -> None:
            steps.append("closed")

    async def stopped() -> None:
        leading = asyncio.create_task(Leader(cast(PostgresDatabase, Slow()), {}).run())
        assert await asyncio.to_thread(asks.wait, 120)
        leading.cancel()
        done, _ = await asyncio.wait([leading], timeout=0.05)
        go_on.set()
        await asyncio.gather(leading, return_exceptions=True)
        assert not done

    asyncio.run(stopped())
    assert steps == ["answered", "closed"]


def test_followers_hear_what_other_processes_commit(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    came = threading.Event()

    def follow(event: Event) -> None:
        heard.append(event.topic)
        if event.topic == "note.written":
            came.set()

    here = Registry()
    here.follow("note.", follow)
    news = News(database, here)
    news.start()
    try:
        until(lambda: heard == ["note."])  # What may have been missed before.
        with ExitStack() as stack:
            other = opened(database, stack)
            other.registry.follow("note.", lambda event: None)
            monkeypatch.setattr(PostgresConnection, "process", "another")
            other.executor.submit_and_wait(Request.once(SYSTEM, Write(name="a")))
            monkeypatch.undo()
            assert came.wait(120)
    finally:
        news.stop()


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    from tallystick.store.connection import StoreError

    nowhere = PostgresDatabase(f"postgresql://u:secret@/x?host={tmp_path}")
    with pytest.raises(StoreError, match="cannot be opened") as told:
        nowhere.connect()
    assert "secret" not in str(told.value)
