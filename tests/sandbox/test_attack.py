"""A scenario of fraud, played with risk off and on."""

from __future__ import annotations

import json

import pytest

from tallystick.cli import answer
from tallystick.sandbox.attack.play import play, play_once
from tallystick.sandbox.attack.scenarios import SCENARIOS, Story


def test_a_takeover_costs_less_with_risk_on_and_honest_people_go_on() -> None:
    report = play("takeover", 7, people=14, days=5, attacks=2)
    assert report.fine
    assert report.off.stopped == 0
    assert report.off.lost == report.off.asked > 0
    assert report.on.stopped > 0
    assert report.on.lost < report.off.lost * 0.7
    assert report.on.honest == report.off.honest
    assert report.on.falsely_stopped <= report.on.honest * 0.01
    assert report.on.proofs <= report.on.honest * 0.05
    assert report.on.alert_minutes >= 0


def test_a_story_over_http_ends_as_the_same_story_in_this_process() -> None:
    story = Story(3, people=8, days=3, attacks=1)
    SCENARIOS["takeover"](story)
    acts = story.told()
    said: list[str] = []
    here = play_once(acts, guarded=True, over_http=False, told=said.append)
    there = play_once(acts, guarded=True, over_http=True, told=said.append)
    assert there == here
    assert there.stopped > 0
    assert there.balanced


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_seed_tells_the_same_story(scenario: str) -> None:
    told = []
    for _ in range(2):
        story = Story(3, people=8, days=4, attacks=1)
        SCENARIOS[scenario](story)
        told.append(story.told())
    assert told[0] == told[1]
    assert any(act.theft for act in told[0])
    assert sum(act.loss for act in told[0]) > 0


def test_the_command_ends_with_what_it_cost(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--people", "6", "--days", "3", "--attacks", "1"]
    code = answer(["sandbox", "attack", "--scenario", "promotion", "--json", *small])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    off, on = report["off"], report["on"]
    assert on["lost"] < off["lost"] == off["asked"]
    # Coupons for payments that were stopped are stopped, too, so both were after the same.
    assert [on[n] for n in ("tried", "asked", "honest")] == [
        off[n] for n in ("tried", "asked", "honest")
    ]
    assert on["tried"] == on["stopped"] + on["other"] + on["through"]


@pytest.mark.parametrize("wrong", [["--scenario", "heist"],
                                   ["--scenario", "mule", "--people", "1"]])  # fmt: skip
def test_what_cannot_be_played_is_refused_by_name(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["sandbox", "attack", *wrong]) == 2
    said = capsys.readouterr().err
    assert "heist" in said or "--people" in said
