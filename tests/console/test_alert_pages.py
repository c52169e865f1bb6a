"""Alerts on the console and in the wallet."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from tests.console.person import Person, operator, signed_in
from tests.console.world import ALICE, World, serving

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
from tallystick.risk.anomaly.scoring import Part

PLACE = "/console/risk/alerts"
PARTS = (Part("device", 100, 0, 1), Part("amount", 90, 900_000.0, 2_500.0))


def _raised(world: World, kind: AlertKind = AlertKind.TAKEOVER) -> str:
    world.do(SetAnomalyPolicy(level=Level.WARNING, action=Action.STEP_UP, open_case=True))
    done = world.do(
        RaiseAlert(party=ALICE.party_id, kind=kind, score=400, seq=0,
                   reasons=msgspec.json.encode(PARTS))
    )  # fmt: skip
    assert isinstance(done, AlertDone)
    return done.alert_id


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own: what is warned of here stops its people's payments."""
    with serving(tmp_path_factory.mktemp("alerts") / "data") as made:
        yield made


@pytest.fixture
def analyst(world: World) -> Person:
    return operator(world)


def test_an_analyst_sees_why_and_closes_it(world: World, analyst: Person) -> None:
    alert_id = _raised(world)
    analyst.get(PLACE)
    assert "a device never used before" in analyst.text
    analyst.get(f"{PLACE}/{alert_id}")
    assert "360.0 times the usual 25.00" in analyst.text
    analyst.get(f"{PLACE}/{alert_id}?lang=zh")
    assert "从未使用过的设备" in analyst.text
    analyst.get(f"{PLACE}/{alert_id}?lang=en")
    analyst.send(f"{PLACE}/{alert_id}/see")
    analyst.get(f"{PLACE}/{alert_id}").send(f"{PLACE}/{alert_id}/close", outcome="genuine")
    assert analyst.location.startswith(f"{PLACE}/{alert_id}")
    assert world.platform.rows.get(AccountWarning, ALICE.party_id) is None
    assert analyst.get(f"{PLACE}/nothing").status == 404


def test_a_policy_is_set_and_what_does_not_fit_is_said(world: World, analyst: Person) -> None:
    analyst.get(PLACE).send(f"{PLACE}/policy", level="3", does="freeze", from_score="500")
    assert analyst.location.startswith(PLACE)
    analyst.get(PLACE).send(f"{PLACE}/policy", level="3", does="freeze", from_score="1")
    assert analyst.status == 422
    analyst.get(PLACE).send(f"{PLACE}/policy", level="9", does="freeze")
    assert analyst.status == 422
    analyst.get(PLACE).send(f"{PLACE}/policy", level="3", does="off")
    assert analyst.location.startswith(PLACE)


def test_the_owner_hears_of_it_and_not_me_freezes_the_account(world: World) -> None:
    alert_id = _raised(world)
    alice = signed_in(world, ALICE.login)
    alice.get("/wallet")
    assert "A new device used your account" in alice.text
    alice.send(f"/wallet/alerts/{alert_id}", mine="no")
    assert "alert_frozen" in alice.location or "/verify/" in alice.location
    warning = world.platform.rows.get(AccountWarning, ALICE.party_id)
    assert warning is not None
    assert warning.action is Action.FREEZE
    alice.get("/wallet")
    assert "stopped until you prove yourself" in alice.text
    assert not alice.has_form(f"/wallet/alerts/{alert_id}")
    told = world.platform.rows.get(AnomalyAlert, alert_id)
    assert told is not None
    assert told.answer == "not_me"


def test_a_mule_is_not_told_that_it_is_taken_for_one(world: World) -> None:
    alert_id = _raised(world, AlertKind.MULE)
    alice = signed_in(world, ALICE.login)
    assert not alice.get("/wallet").has_form(f"/wallet/alerts/{alert_id}")
