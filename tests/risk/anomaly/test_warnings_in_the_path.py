"""Alerts, and what payments see of them, on a platform with its watch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores import address_of

from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Caller, CallerKind, Origin
from tallystick.risk.anomaly.model import (
    AccountWarning,
    Action,
    AlertDone,
    AlertKind,
    AlertStatus,
    AnomalyAlert,
    AnswerAlert,
    ClearAnomalyPolicy,
    CloseAlert,
    Level,
    RaiseAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.decision.model import DecisionRow, LabelRow, PublishRule, RiskCase, SaveRule
from tallystick.risk.decision.rules import Rule
from tallystick.risk.decision.views import replay
from tallystick.sandbox.attack.world import World

ANN, BEN = "2088000000007001", "2088000000007002"
HOME = Origin("phone", "10.0.0.7")
CHEN = Caller(CallerKind.OPERATOR, "chen", frozenset({"risk:write", "risk:review"}))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    data = tmp_path / "data"
    made = World(data, guarded=False, database=address_of(data))
    for party in (ANN, BEN):
        made.register(party)
        made.fund(party, 1_000_000)
    yield made
    made.close()


def _pay(world: World, number: int, amount: int = 1_000, origin: Origin = HOME) -> str:
    command = TransferBetweenWallets(
        payer_id=ANN, payee_id=BEN, amount=amount, out_biz_no=f"pay-{number}"
    )
    answer = world.as_party(ANN, command, origin)
    return "accepted" if answer.refusal is None else answer.refusal.code


def _policy(world: World, level: Level, action: Action, *, open_case: bool = False) -> None:
    command = SetAnomalyPolicy(level=level, action=action, open_case=open_case)
    assert world.ask(CHEN, command).refusal is None


def _raise(world: World, score: int, kind: AlertKind = AlertKind.TAKEOVER) -> AlertDone:
    return world.must(
        RaiseAlert(party=ANN, kind=kind, score=score, reasons=b"[]", seq=0), AlertDone
    )


def _decisions(world: World) -> list[DecisionRow]:
    return world.platform.rows.select(DecisionRow)


def test_without_a_policy_nothing_is_recorded_and_nothing_is_alerted(world: World) -> None:
    assert _pay(world, 1) == "accepted"
    assert _raise(world, 1000).alert_id == ""
    assert _pay(world, 2) == "accepted"
    assert _decisions(world) == []


def test_a_step_up_is_wanted_until_there_is_a_proof(world: World) -> None:
    _policy(world, Level.WARNING, Action.STEP_UP)
    assert _raise(world, 400).action is Action.STEP_UP
    assert _pay(world, 1) == "RISK_CHALLENGE"
    world.prove(ANN)
    assert _pay(world, 2) == "accepted"
    assert world.platform.rows.get(AccountWarning, ANN) is None
    world.now_ms += 3_600_000  # The proof itself is over by now; the warning stays lifted.
    assert _pay(world, 3) == "accepted"
    first, *_ = _decisions(world)
    assert (first.outcome, first.why) == ("challenge", "anomaly")
    assert all(replay(world.platform.rows, row).same for row in _decisions(world))


def test_a_freeze_takes_back_what_was_proved_before(world: World) -> None:
    _policy(world, Level.ALARM, Action.FREEZE)
    _raise(world, 500)
    world.prove(ANN)
    assert _pay(world, 1) == "accepted"
    world.now_ms += 3_600_000
    _raise(world, 500)
    assert _pay(world, 2) == "RISK_CHALLENGE"
    other = TransferBetweenWallets(payer_id=BEN, payee_id=ANN, amount=5, out_biz_no="to-ann")
    assert world.as_party(BEN, other, HOME).refusal is None


def test_rules_read_the_level(world: World) -> None:
    _policy(world, Level.NOTICE, Action.NOTHING)
    rule = Rule(name="warned", when="anomaly_level >= 1 && amount > 500", action="deny")
    saved = world.ask(CHEN, SaveRule(rule=rule)).reply
    assert saved is not None
    assert world.ask(CHEN, PublishRule(name="warned", version=1)).refusal is None
    assert _pay(world, 1) == "accepted"
    _raise(world, 260)
    assert _pay(world, 2, 400) == "accepted"
    assert _pay(world, 3, 600) == "RISK_DENIED"


def test_one_open_alert_a_kind_is_counted_and_becomes_a_case(world: World) -> None:
    _policy(world, Level.WARNING, Action.NOTHING, open_case=True)
    first = _raise(world, 350)
    assert _raise(world, 390).alert_id == first.alert_id
    assert _raise(world, 360, AlertKind.MULE).alert_id != first.alert_id
    alert = world.platform.rows.get(AnomalyAlert, first.alert_id)
    assert alert is not None
    assert (alert.count, alert.score, alert.notice) == (2, 390, "due")
    assert world.platform.rows.get(RiskCase, alert.case_id) is not None
    assert world.ask(CHEN, CloseAlert(alert_id=first.alert_id, outcome="genuine")).refusal is None
    assert world.ask(CHEN, CloseAlert(alert_id=first.alert_id, outcome="fraud")).refusal
    assert _raise(world, 350).alert_id != first.alert_id


def test_a_genuine_alert_lifts_its_own_warning_and_no_other_alerts(world: World) -> None:
    _policy(world, Level.NOTICE, Action.NOTHING)
    _policy(world, Level.ALARM, Action.FREEZE)
    notice, alarm = _raise(world, 260, AlertKind.UNUSUAL), _raise(world, 500, AlertKind.MULE)
    for alert, code in ((notice, "RISK_CHALLENGE"), (alarm, "accepted")):
        world.must(CloseAlert(alert_id=alert.alert_id, outcome="genuine"), AlertDone)
        assert _pay(world, 1) == code


def test_not_me_freezes_and_me_alone_lifts_nothing(world: World) -> None:
    _policy(world, Level.WARNING, Action.STEP_UP)
    alert_id = _raise(world, 400).alert_id
    mine = world.as_party(ANN, AnswerAlert(party_id=ANN, alert_id=alert_id, mine=True), HOME)
    assert mine.refusal is None
    assert _pay(world, 1) == "RISK_CHALLENGE"
    others = world.as_party(BEN, AnswerAlert(party_id=BEN, alert_id=alert_id, mine=False), HOME)
    assert others.refusal is not None
    assert others.refusal.code == "NOT_FOUND"
    world.prove(ANN)
    closed = world.platform.rows.get(AnomalyAlert, alert_id)
    assert closed is not None
    assert (closed.status, closed.outcome) == (AlertStatus.CLOSED, "genuine")
    other = _raise(world, 400).alert_id
    said = world.as_party(ANN, AnswerAlert(party_id=ANN, alert_id=other, mine=False), HOME)
    assert said.reply == AlertDone(alert_id=other, level=3, action=Action.FREEZE)
    assert _pay(world, 2) == "RISK_CHALLENGE"


def test_levels_out_of_order_are_refused_and_a_cleared_policy_is_gone(world: World) -> None:
    _policy(world, Level.WARNING, Action.STEP_UP)
    wrong = world.ask(CHEN, SetAnomalyPolicy(level=Level.ALARM, from_score=100))
    assert wrong.refusal is not None
    assert wrong.refusal.code == "INVALID_PARAMETER"
    assert world.ask(CHEN, ClearAnomalyPolicy(level=Level.WARNING)).refusal is None
    assert world.ask(CHEN, ClearAnomalyPolicy(level=Level.WARNING)).refusal is not None
    assert _raise(world, 400).alert_id == ""


def test_the_watch_follows_decisions_and_does_not_raise_the_same_twice(world: World) -> None:
    _policy(world, Level.NOTICE, Action.NOTHING)
    for number in range(12):
        world.now_ms += 86_400_000
        assert _pay(world, number) == "accepted"
    watch = world.platform.anomaly
    assert watch.catch_up() == []
    assert _pay(world, 99, 200_000, Origin("theirs", "203.0.113.5")) == "accepted"
    (found,) = watch.catch_up()
    assert isinstance(found.command, RaiseAlert)
    for _ in range(2):
        assert world.platform.executor.submit_and_wait(found).refusal is None
    (alert,) = world.platform.rows.select(AnomalyAlert)
    assert (alert.party, alert.count) == (ANN, 1)
    row = world.platform.rows.get(DecisionRow, alert.seq)
    assert row is not None
    assert row.device == "theirs"
    world.must(CloseAlert(alert_id=alert.alert_id, outcome="fraud"), AlertDone)
    label = world.platform.rows.get(LabelRow, alert.seq)
    assert label is not None
    assert label.fraud == 1
