"""When the platform is not ready it says why, and it becomes ready again by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from msgspec.structs import replace
from structlog.testing import capture_logs
from tests.stores import change, chosen, settings_on

from tallystick.observe.routes import observe_routes
from tallystick.partners.model import ForgetExpired
from tallystick.pipeline.commands import SYSTEM
from tallystick.platform import Platform
from tallystick.risk.graph.follower import GraphFollower
from tallystick.settings import Settings


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[tuple[Platform, AsyncTestClient[Any]]]:
    platform = Platform.open(settings)
    await platform.start()
    app = Litestar(
        observe_routes(platform.watch, metrics_token="a-token"),
        openapi_config=None,
        logging_config=None,
    )
    try:
        async with AsyncTestClient(app) as client:
            yield platform, client
    finally:
        await platform.stop()


async def _metrics(client: AsyncTestClient[Any]) -> str:
    answer = await client.get("/metrics", headers={"authorization": "Bearer a-token"})
    assert answer.status_code == 200
    return answer.text


async def _parts(client: AsyncTestClient[Any]) -> list[str]:
    answer = await client.get("/readyz")
    reasons = answer.json().get("reasons", [])
    assert answer.status_code == (503 if reasons else 200)
    return [reason["part"] for reason in reasons]


def _run(
    folder: Path,
    check: Callable[[Platform, AsyncTestClient[Any]], Coroutine[Any, Any, None]],
    **more: Any,
) -> None:
    async def go() -> None:
        settings = replace(settings_on(folder / "data"), **more)
        async with _running(settings) as (platform, client):
            assert await _parts(client) == []
            await check(platform, client)

    asyncio.run(go())


_PATIENCE = {"sqlite": "PRAGMA busy_timeout", "postgres": "SET lock_timeout"}


def test_a_store_that_cannot_write_is_a_reason_until_it_can_again(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        platform._writer.execute(f"{_PATIENCE[chosen()]} = 10")
        other = platform.database.connect()
        other.execute("BEGIN IMMEDIATE")
        refused = await platform.submit(SYSTEM, ForgetExpired())
        assert refused.refusal is not None
        assert refused.refusal.code == "STORE_UNAVAILABLE"
        assert await _parts(client) == ["store"]
        metrics = await _metrics(client)
        assert "tallystick_store_writable 0.0" in metrics
        other.execute("ROLLBACK")
        other.close()
        async with asyncio.timeout(120):
            while await _parts(client):
                await asyncio.sleep(0.05)

    _run(tmp_path, check)


def test_a_worker_that_ended_is_a_reason_and_alive_is_still_answered(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        worker = "leader" if chosen() == "postgres" else "banks"
        ended = next(task for task in platform._tasks if task.get_name() == worker)
        ended.cancel()
        await asyncio.wait([ended])
        assert await _parts(client) == ["workers"]
        assert (await client.get("/healthz")).status_code == 200
        metrics = await _metrics(client)
        assert f'tallystick_worker_alive{{worker="{worker}"}} 0.0' in metrics

    _run(tmp_path, check)


def test_a_worker_that_failed_is_in_the_log_and_does_not_spoil_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: GraphFollower) -> None:
        raise ValueError("a fault of ours")

    async def check() -> None:
        platform = Platform.open(settings_on(tmp_path / "data"))
        await platform.start()
        await asyncio.wait([task for task in platform._tasks if task.get_name() == "graph"])
        await platform.stop()
        assert not platform.executor.alive
        Platform.open(settings_on(tmp_path / "data")).close()  # The folder was given free.

    monkeypatch.setattr(GraphFollower, "run", broken)
    with capture_logs() as told:
        asyncio.run(check())
    (ended,) = [line for line in told if line["event"] == "worker_ended"]
    assert ended["worker"] == "graph"


@pytest.mark.embedded_store
def test_a_stop_waits_for_reads_so_that_the_database_is_whole_in_its_file(tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def read(platform: Platform) -> None:
        with platform.reader():
            reading.set()
            assert go_on.wait(60)

    async def check() -> None:
        platform = Platform.open(settings_on(tmp_path / "data"))
        await platform.start()
        reader = asyncio.create_task(asyncio.to_thread(read, platform))
        assert await asyncio.to_thread(reading.wait, 60)
        stop = asyncio.create_task(platform.stop())
        await asyncio.wait([stop], timeout=1.0)
        go_on.set()
        await asyncio.gather(stop, reader)

    asyncio.run(check())
    assert [path.name for path in (tmp_path / "data").glob("tallystick.db*")] == ["tallystick.db"]


def test_an_executor_that_ended_is_a_reason(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        await asyncio.to_thread(platform.executor.stop)
        assert await _parts(client) == ["executor"]

    _run(tmp_path, check)


def test_little_free_space_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        monkeypatch.setattr("tallystick.observe.watch.free_bytes", lambda _: 255 * 2**20)
        assert await _parts(client) == ["disk"]

    _run(tmp_path, check)


@pytest.mark.embedded_store
def test_an_archive_that_cannot_be_written_is_a_warning_and_a_metric(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        assert platform.archive is not None
        assert "warnings" not in (await client.get("/readyz")).json()
        assert "tallystick_archive_writable 1.0" in await _metrics(client)
        kept, platform.archive.generation = platform.archive.generation, tmp_path / "gone"
        change(platform.folder.path, "INSERT INTO setting (name, value) VALUES ('a', 'b')")
        await asyncio.to_thread(platform.archive.copy)
        answer = await client.get("/readyz")
        assert answer.status_code == 200
        assert [warning["part"] for warning in answer.json()["warnings"]] == ["archive"]
        assert str(tmp_path) not in answer.text
        assert "tallystick_archive_writable 0.0" in await _metrics(client)
        whole_ms = platform.archive.whole_ms
        platform.archive.generation = kept
        await asyncio.to_thread(platform.archive.copy)
        assert platform.archive.whole_ms > whole_ms
        assert "warnings" not in (await client.get("/readyz")).json()
        assert "tallystick_archive_writable 1.0" in await _metrics(client)

    _run(tmp_path, check, archive=tmp_path / "archive")


@pytest.mark.embedded_store
def test_without_an_archive_nothing_is_told_of_one(tmp_path: Path) -> None:
    async def check(_: Platform, client: AsyncTestClient[Any]) -> None:
        assert "\ntallystick_archive" not in await _metrics(client)

    _run(tmp_path, check)


def test_a_database_that_was_sealed_with_another_key_is_a_reason(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        change(
            platform.folder.path,
            "UPDATE setting SET value = '00' WHERE name = 'master_key.check'",
        )
        assert await _parts(client) == ["master_key"]

    _run(tmp_path, check)


def test_reasons_hold_no_paths(tmp_path: Path) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        platform.executor.store_failure = f"cannot write {tmp_path}/tallystick.db"
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text

    _run(tmp_path, check)


def test_books_out_of_order_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def check(platform: Platform, client: AsyncTestClient[Any]) -> None:
        change(
            platform.folder.path,
            "INSERT INTO ledger_account VALUES (?, 1000156, 2101, 0, ?, ?, 0, 0, 0, 0, 7, 1)",
            bytes(15) + b"1", bytes(16), bytes(8),
        )  # fmt: skip
        await asyncio.to_thread(platform.watch.look_at_books)
        metrics = await _metrics(client)
        assert "tallystick_books_balanced 0.0" in metrics
        assert "tallystick_escrow_matches_trades 0.0" in metrics
        assert "books_out_of_order" in capsys.readouterr().out

    _run(tmp_path, check)


def test_before_the_start_and_after_the_stop_it_is_not_ready(tmp_path: Path) -> None:
    platform = Platform.open(settings_on(tmp_path / "data"))
    assert [reason.part for reason in platform.watch.reasons()] == ["platform", "executor"]
    platform.close()
