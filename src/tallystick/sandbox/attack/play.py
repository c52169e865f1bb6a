"""Playing a story on a platform, and telling what was stopped, what got through, what it cost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.parties.model import PartyKind
from tallystick.sandbox.attack.acts import Act
from tallystick.sandbox.attack.over_http import OverHttp
from tallystick.sandbox.attack.scenarios import SCENARIOS, Story
from tallystick.sandbox.attack.stage import InProcess, Stage
from tallystick.sandbox.attack.world import START_MS, World

__all__ = ["AttackReport", "Played", "Told", "play", "play_once"]

_MINUTE_MS: Final = 60_000
_SETUP: Final = frozenset({"register", "shop", "fund", "coupon"})

Told = Callable[[str], None]


class Played(msgspec.Struct, kw_only=True):
    """What came of a story; money in fen.

    Args:
        tried: what thieves asked for, `stopped` of it by risk, `other` refused for want of money
            or the like, `through` accepted. What needs an act that was refused came to nothing by
            the same, and is counted so.
        asked: the money that would be lost if everything went through.
        honest: what honest people asked for; `proofs` of them took a proof, which they passed;
            `falsely_stopped` were held or denied.
        alert_minutes: from the first theft to the first alert on an account of the attack; -1
            without one.
    """

    tried: int = 0
    stopped: int = 0
    other: int = 0
    through: int = 0
    asked: int = 0
    lost: int = 0
    honest: int = 0
    proofs: int = 0
    falsely_stopped: int = 0
    alerts: int = 0
    false_alerts: int = 0
    alert_minutes: float = -1
    balanced: bool = True


class AttackReport(msgspec.Struct, kw_only=True):
    """The same story twice."""

    scenario: str
    seed: int
    people: int
    days: int
    off: Played
    on: Played

    @property
    def fine(self) -> bool:
        """Whether risk has prevented losses, and the books balance both times."""
        return self.on.lost < self.off.lost and self.on.balanced and self.off.balanced


class _Player:
    """Plays acts on a stage and counts."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._now_ms = 0
        self.played = Played()
        self._paid: set[str] = set()
        self._refused: dict[str, str] = {}
        self._thieves: set[str] = set()
        self._first_theft_ms = 0

    def play(self, act: Act) -> None:
        """Do one act."""
        self._now_ms = max(self._now_ms, START_MS + act.at_ms)
        self.stage.move_to(self._now_ms)
        if act.kind in _SETUP:
            self._set_up(act)
            return
        if act.needs and act.needs not in self._paid:
            self._come_to_nothing(act)
            return
        if act.theft:
            self._thieves |= {act.party, act.payee} - {""}
            self._first_theft_ms = self._first_theft_ms or self._now_ms
        self._count(act, self._try(act))

    def _set_up(self, act: Act) -> None:
        stage = self.stage
        if act.kind == "fund":
            stage.fund(act.party, act.amount)
        elif act.kind == "coupon":
            if act.needs in self._paid:
                self._count(act, stage.do(act))
            else:
                self._come_to_nothing(act)
        else:
            kind = PartyKind.MERCHANT if act.kind == "shop" else PartyKind.PERSON
            stage.register(act.party, kind)

    def _come_to_nothing(self, act: Act) -> None:
        """What it needs was refused: it has ended as that has."""
        if code := self._refused.get(act.needs):
            self._count(act, code)

    def _try(self, act: Act) -> str:
        """An honest person who is asked for a proof gives it and tries again; a thief cannot."""
        code = self.stage.do(act)
        if code == "RISK_CHALLENGE" and not act.theft:
            self.played.proofs += 1
            self.stage.prove(act.party)
            code = self.stage.do(act)
        return code

    def _count(self, act: Act, code: str) -> None:
        played, accepted, by_risk = self.played, not code, code.startswith("RISK_")
        if accepted and act.order:
            self._paid.add(act.order)
        elif act.order:
            self._refused[act.order] = code
        if not act.theft:
            played.honest += 1
            played.falsely_stopped += by_risk
            return
        played.tried += 1
        played.asked += act.loss
        played.stopped += by_risk
        played.other += not accepted and not by_risk
        played.through += accepted
        played.lost += act.loss if accepted else 0

    def finish(self) -> Played:
        """What it came to."""
        played = self.played
        played.balanced = self.stage.balanced()
        alerts = self.stage.alerts()
        of_thieves = [a.opened_ms for a in alerts if a.party in self._thieves
                      and a.opened_ms >= self._first_theft_ms]  # fmt: skip
        played.alerts = len(alerts)
        played.false_alerts = sum(a.party not in self._thieves for a in alerts)
        if of_thieves:
            minutes = (min(of_thieves) - self._first_theft_ms) / _MINUTE_MS
            played.alert_minutes = round(minutes, 1)
        return played


def play_once(acts: list[Act], *, guarded: bool, over_http: bool, told: Told) -> Played:
    """Play acts at a platform of their own.

    Args:
        guarded: whether risk is on.
        over_http: at a server that is a process of its own, through its doors.
    """
    name = "on" if guarded else "off"
    with tempfile.TemporaryDirectory(prefix="tallystick-attack-") as folder:
        stage: Stage = (
            OverHttp(Path(folder), guarded=guarded) if over_http
            else InProcess(World(Path(folder) / "data", guarded=guarded))
        )  # fmt: skip
        try:
            player = _Player(stage)
            for number, act in enumerate(acts, start=1):
                player.play(act)
                if number % 500 == 0:
                    told(f"risk {name}: {number} of {len(acts)} acts")
            return player.finish()
        finally:
            stage.close()


def play(
    scenario: str, seed: int, *, people: int = 60, days: int = 9, attacks: int = 5,
    over_http: bool = False, told: Told = lambda text: None,
) -> AttackReport:  # fmt: skip
    """Play a scenario without risk and with it, act for act the same story.

    Args:
        scenario: a name of `SCENARIOS`.
        over_http: at a server that is a process of its own, through its doors.
        told: told of the progress.
    """
    story = Story(seed, people=people, days=days, attacks=attacks)
    for _ in range(attacks):
        SCENARIOS[scenario](story)
    acts = story.told()
    told(f"{scenario}: {len(acts)} acts of {people} people over {days} days")
    runs: dict[str, Any] = {
        name: play_once(acts, guarded=name == "on", over_http=over_http, told=told)
        for name in ("off", "on")
    }
    return AttackReport(scenario=scenario, seed=seed, people=people, days=days, **runs)
