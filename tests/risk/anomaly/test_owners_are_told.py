"""Messages to owners, and which proof lifts a warning."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.stores import address_of

from tallystick.pipeline.commands import SYSTEM, Reply
from tallystick.risk.anomaly.model import (
    AccountWarning,
    Action,
    AlertDone,
    AlertKind,
    AnomalyAlert,
    Level,
    RaiseAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.anomaly.notices import AlertNotices
from tallystick.risk.decision.model import StepUp
from tallystick.risk.person.model import (
    AddFactor,
    AskProof,
    Factor,
    FactorKind,
    Purpose,
    RecordProof,
    StartChallenge,
)
from tallystick.risk.person.providers import MessageChannel
from tallystick.risk.person.views import FACTOR_PURPOSE
from tallystick.sandbox.attack.world import World
from tallystick.store.connection import StoreError
from tallystick.store.rows import ReadSession

ANN = "2088000000007001"
PHONE = "+8613800000001"


class Spoken:
    """Keeps what was sent; fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[str] = []
        self.failures = failures

    def send(self, phone: str, text: str, channel: MessageChannel = MessageChannel.SMS, /) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(111, "refused")
        self.sent.append(phone)

    def sim_changed_ms(self, phone: str) -> int:
        return 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    data = tmp_path / "data"
    made = World(data, guarded=False, database=address_of(data))
    made.register(ANN)
    made.must(SetAnomalyPolicy(level=Level.WARNING, action=Action.FREEZE), Reply)
    yield made
    made.close()


def _bind(world: World, kind: FactorKind, number: int) -> str:
    """A factor that has been proved for the first time."""
    factor_id, challenge_id = f"{number:032x}", f"{number + 100:032x}"
    sealed = world.platform.sealer.seal(FACTOR_PURPOSE, PHONE)
    world.must(AddFactor(party_id=ANN, factor_id=factor_id, kind=kind, secret_sealed=sealed), Reply)
    _prove(world, factor_id, challenge_id, Purpose.CONFIRM)
    return factor_id


def _prove(world: World, factor_id: str, challenge_id: str, purpose: Purpose) -> None:
    world.now_ms += 1_000
    world.must(AskProof(party_id=ANN, challenge_id=challenge_id, purpose=purpose), Reply)
    world.must(StartChallenge(challenge_id=challenge_id, factor_id=factor_id, state=b"x"), Reply)
    counter = 0 if purpose is Purpose.CONFIRM else 7
    world.must(
        RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True,
                    counter=counter + 1),
        Reply,
    )  # fmt: skip


def _raise(world: World) -> str:
    world.now_ms += 1_000
    command = RaiseAlert(party=ANN, kind=AlertKind.TAKEOVER, score=400, reasons=b"[]", seq=0)
    return world.must(command, AlertDone).alert_id


def _told(world: World, spoken: Spoken) -> None:
    platform = world.platform
    notices = AlertNotices(platform.reader, platform.sealer, spoken, platform.executor.submit)
    asyncio.run(notices.run_once())


def test_a_store_that_is_gone_for_a_moment_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.anomaly.notices._LOOK_S", 0.01)
    _bind(world, FactorKind.PHONE, 1)
    alert_id = _raise(world)
    platform, spoken, asked = world.platform, Spoken(), [0]

    @contextmanager
    def reader() -> Iterator[ReadSession]:
        asked[0] += 1
        if asked[0] == 1:
            raise StoreError("The database cannot be opened.")
        with platform.reader() as rows:
            yield rows

    async def tell() -> None:
        notices = AlertNotices(reader, platform.sealer, spoken, platform.executor.submit)
        running = asyncio.create_task(notices.run())
        while _notice(world, alert_id) == "due":
            assert not running.done(), running.result()
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(tell(), 120))
    assert spoken.sent == [PHONE]


def _notice(world: World, alert_id: str) -> str:
    alert = world.platform.rows.get(AnomalyAlert, alert_id)
    assert alert is not None
    return alert.notice


def test_the_bound_phone_is_told_once_and_again_only_after_a_failure(world: World) -> None:
    _bind(world, FactorKind.PHONE, 1)
    alert_id = _raise(world)
    spoken = Spoken(failures=1)
    _told(world, spoken)
    assert (_notice(world, alert_id), spoken.sent) == ("due", [])
    _told(world, spoken)
    _told(world, spoken)
    assert (_notice(world, alert_id), spoken.sent) == ("sent", [PHONE])


def test_a_phone_that_cannot_be_reached_keeps_no_other_from_being_told(world: World) -> None:
    _prove(world, _bind(world, FactorKind.PHONE, 1), f"{500:032x}", Purpose.STEP_UP)
    _bind(world, FactorKind.PHONE, 2)
    alert_id = _raise(world)
    spoken = Spoken(failures=1)
    for _ in range(2):
        _told(world, spoken)
        assert (_notice(world, alert_id), spoken.sent) == ("sent", [PHONE])


def test_without_a_phone_it_is_known_that_nobody_was_told(world: World) -> None:
    alert_id = _raise(world)
    _told(world, Spoken())
    assert _notice(world, alert_id) == "none"


def test_a_factor_from_before_lifts_a_freeze(world: World) -> None:
    factor_id = _bind(world, FactorKind.TOTP, 1)
    _raise(world)
    _prove(world, factor_id, f"{500:032x}", Purpose.STEP_UP)
    assert world.platform.rows.get(AccountWarning, ANN) is None
    assert world.platform.rows.get(StepUp, ANN) is not None


def test_a_factor_that_was_bound_after_the_warning_lifts_nothing(world: World) -> None:
    world.must(SetAnomalyPolicy(level=Level.WARNING, action=Action.STEP_UP), Reply)
    _raise(world)
    factor_id = _bind(world, FactorKind.TOTP, 1)
    _prove(world, factor_id, f"{500:032x}", Purpose.STEP_UP)
    assert world.platform.rows.get(AccountWarning, ANN) is not None
    assert world.platform.rows.get(StepUp, ANN) is None
    proved = world.platform.rows.get(Factor, factor_id)
    assert proved is not None
    assert proved.used_ms == world.now_ms


def test_nothing_is_bound_to_a_frozen_account(world: World) -> None:
    _raise(world)
    command = AddFactor(party_id=ANN, factor_id=f"{9:032x}", kind=FactorKind.TOTP,
                        secret_sealed=b"x")  # fmt: skip
    refusal = world.ask(SYSTEM, command).refusal
    assert refusal is not None
    assert refusal.code == "RISK_CHALLENGE"
