"""A watch that was stopped and goes on raises the very alerts of one that was not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.risk.gone_store import gone_now_and_then, running
from tests.stores import address_of

from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Answer, Origin, Reply, Request
from tallystick.risk.anomaly.model import (
    Action,
    AlertDone,
    AlertKind,
    ClearAnomalyPolicy,
    Level,
    RaiseAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.anomaly.sharers import Sharers
from tallystick.risk.anomaly.watch import AnomalyWatch
from tallystick.sandbox.attack.world import World
from tallystick.store.rows import ReadSession

PEOPLE = [f"20880000000074{n:02d}" for n in range(8)]
MULE = "2088000000007499"
POLICY = SetAnomalyPolicy(level=Level.NOTICE, action=Action.NOTHING, from_score=100)
_DAY_MS = 86_400_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """People with habits, whose commands are recorded for the watch."""
    data = tmp_path / "data"
    made = World(data, guarded=False, database=address_of(data))
    for party in (*PEOPLE, MULE):
        made.register(party)
        made.fund(party, 10_000_000)
    made.must(POLICY, Reply)
    yield made
    made.close()


def _send(world: World, number: int, party: str, amount: int, device: str, payee: str) -> None:
    world.now_ms += 20_000
    command = TransferBetweenWallets(
        payer_id=party, payee_id=payee, amount=amount, out_biz_no=f"again-{number}"
    )
    assert world.as_party(party, command, Origin(device, "10.0.0.7")).refusal is None


def _habits(world: World) -> None:
    for day in range(6):
        world.now_ms += _DAY_MS
        for at, party in enumerate(PEOPLE):
            payee = PEOPLE[(at + 1) % len(PEOPLE)]
            _send(world, day * 100 + at, party, 1_000 + at, f"phone-{at}", payee)


def _half_an_attack(world: World, half: int) -> None:
    """One device at account after account: each half alone is seen, but together it is graver."""
    for at in range(4 * half, 4 * half + 4):
        _send(world, 1000 + at, PEOPLE[at], 90_000, "theirs", MULE)


def _watch(world: World, kept: Path) -> AnomalyWatch:
    database = world.platform.database
    return AnomalyWatch(
        lambda: ReadSession(database.connect(readonly=True)), kept, lambda: world.now_ms
    )


def _begun(world: World, kept: Path) -> AnomalyWatch:
    watch = _watch(world, kept)
    watch.begin()
    return watch


def _proved(world: World) -> None:
    """The first of them has proved who they are, so that what is new is theirs for a while."""
    raised = RaiseAlert(party=PEOPLE[0], kind=AlertKind.TAKEOVER, score=400, reasons=b"[]", seq=0)
    world.must(raised, AlertDone)
    world.prove(PEOPLE[0])


@pytest.mark.parametrize("kept_on_the_way", [True, False], ids=["stopped", "crashed"])
def test_a_restart_between_changes_no_alert(
    world: World, tmp_path: Path, kept_on_the_way: bool
) -> None:
    steady, file = _begun(world, tmp_path / "steady.npz"), tmp_path / "other.npz"
    before = _begun(world, file)
    _habits(world)
    _proved(world)
    _half_an_attack(world, 0)
    told = _read(steady)
    assert _read(before) == told
    if kept_on_the_way:
        before.close()
    after = _begun(world, file)
    if not kept_on_the_way:
        before.close()
        assert _read(after) == told  # The same findings: the same requests, which are answered.
    _half_an_attack(world, 1)
    again = _read(steady)
    assert _read(after) == again
    assert any(b'"shared"' in reasons for reasons in map(_reasons, again))
    steady.close()
    after.close()


def test_a_store_that_is_gone_for_a_while_costs_no_alert(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.anomaly.watch._AGAIN_S", 0.0)
    _habits(world)
    _half_an_attack(world, 0)
    steady = _begun(world, tmp_path / "steady.npz")
    wanted = _read(steady)
    steady.close()
    database, found = world.platform.database, list[Request]()
    rows = gone_now_and_then(lambda: database.connect(readonly=True), {1, 3, 5, 9})
    watch = AnomalyWatch(rows, tmp_path / "other.npz", lambda: world.now_ms)

    async def submit(request: Request) -> Answer:
        found.append(request)
        return Answer(None, None)

    async def follow() -> None:
        async with running(watch.run(submit)) as until:
            await until(lambda: len(found) >= len(wanted))

    asyncio.run(asyncio.wait_for(follow(), 120))
    watch.close()
    assert found == wanted != []


def test_what_was_found_but_not_raised_before_a_stop_is_found_again(
    world: World, tmp_path: Path
) -> None:
    steady, file = _begun(world, tmp_path / "steady.npz"), tmp_path / "other.npz"
    before = _begun(world, file)
    _habits(world)
    _half_an_attack(world, 0)

    async def stopped_while_it_raises() -> None:
        asked = asyncio.Event()

        async def submit(request: Request) -> Answer:
            asked.set()
            await asyncio.Event().wait()
            return Answer(None)

        following = asyncio.create_task(before.run(submit))
        await asked.wait()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    asyncio.run(stopped_while_it_raises())
    before.close()
    after = _begun(world, file)
    told = _read(steady)
    assert told
    assert _read(after) == told
    steady.close()
    after.close()


def test_without_a_policy_nothing_is_read_and_the_first_one_has_it_caught_up(
    world: World, tmp_path: Path
) -> None:
    _habits(world)
    _half_an_attack(world, 0)
    world.must(ClearAnomalyPolicy(level=Level.NOTICE), Reply)
    watch = _watch(world, tmp_path / "kept.npz")
    watch.register(world.platform.registry)
    watch.begin()
    assert _read(watch) == []
    assert len(watch.profiles) == 0
    world.must(POLICY, Reply)
    assert any(b'"shared"' in reasons for reasons in map(_reasons, _read(watch)))
    assert len(watch.profiles) == len(PEOPLE) + 1
    watch.close()


def _read(watch: AnomalyWatch) -> list[Request]:
    found: list[Request] = []
    for _ in range(3):
        found += watch.catch_up()
    return found


def _reasons(request: Request) -> bytes:
    assert isinstance(request.command, RaiseAlert)
    return request.command.reasons


def test_who_shares_a_device_is_kept_within_its_bound() -> None:
    sharers = Sharers(devices_max=2)
    for at, (mark, party) in enumerate([(1, "ann"), (2, "ben"), (1, "cat"), (3, "dan")]):
        sharers.others(mark, party, at)
    assert len(sharers) == 2
    kept = Sharers.of_arrays(sharers.arrays())
    assert kept.others(1, "eve", 10) == sharers.others(1, "eve", 10) == 2
    assert kept.others(2, "ben", 10) == 0
    assert Sharers.of_arrays(Sharers().arrays()).others(1, "ann", 1) == 0
