"""Playing a story on a platform, and telling what was stopped, what got through, what it cost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.parties.model import PartyKind, RecordPasswordTry
from tallystick.payments.trades.model import CreateTrade, PayTrade, RefundTrade
from tallystick.payments.wallet.model import (
    BankOrderDone,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
)
from tallystick.pipeline.commands import SYSTEM, Answer, Command, Origin
from tallystick.risk.anomaly.model import AnomalyAlert
from tallystick.sandbox.attack.acts import Act
from tallystick.sandbox.attack.scenarios import SCENARIOS, Story
from tallystick.sandbox.attack.world import APP, APP_ID, START_MS, World

__all__ = ["AttackReport", "Played", "play"]

_MINUTE_MS: Final = 60_000
_SETUP: Final = frozenset({"register", "shop", "fund", "coupon"})

Told = Callable[[str], None]


class Played(msgspec.Struct, kw_only=True):
    """What came of a story; money in fen.

    Args:
        tried: what thieves asked for, `stopped` of it by risk, `other` refused for want of money
            or the like, `through` accepted.
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
    """Plays acts on a world and counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.played = Played()
        self._paid: set[str] = set()
        self._thieves: set[str] = set()
        self._first_theft_ms = 0

    def play(self, act: Act) -> None:
        """Do one act."""
        self.world.now_ms = max(self.world.now_ms, START_MS + act.at_ms)
        if act.kind in _SETUP:
            self._set_up(act)
            return
        if act.needs and act.needs not in self._paid:
            return
        if act.theft:
            self._thieves |= {act.party, act.payee} - {""}
            self._first_theft_ms = self._first_theft_ms or self.world.now_ms
        self._count(act, self._try(act))

    def _set_up(self, act: Act) -> None:
        world = self.world
        if act.kind == "fund":
            world.fund(act.party, act.amount)
        elif act.kind == "coupon":
            if act.needs in self._paid:
                self._count(act, self._ask(act))
        else:
            kind = PartyKind.MERCHANT if act.kind == "shop" else PartyKind.PERSON
            world.register(act.party, kind)

    def _try(self, act: Act) -> Answer:
        """An honest person who is asked for a proof gives it and tries again; a thief cannot."""
        answer = self._ask(act)
        challenged = answer.refusal is not None and answer.refusal.code == "RISK_CHALLENGE"
        if challenged and not act.theft:
            self.played.proofs += 1
            self.world.prove(act.party)
            answer = self._ask(act)
        return answer

    def _ask(self, act: Act) -> Answer:
        origin = Origin(act.device, act.address, act.card)
        world, command = self.world, _command(act)
        if act.kind in ("sign_in", "wrong", "coupon"):
            return world.ask(SYSTEM, command, origin)
        if act.kind == "refund":
            return world.ask(APP, command, origin)
        answer = world.as_party(act.party, command, origin)
        if isinstance(answer.reply, BankOrderDone):
            world.bank_says_yes(answer.reply)
        return answer

    def _count(self, act: Act, answer: Answer) -> None:
        played, accepted = self.played, answer.refusal is None
        by_risk = not accepted and str(answer.refusal and answer.refusal.code).startswith("RISK_")
        if accepted and act.order:
            self._paid.add(act.order)
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
        played, world = self.played, self.world
        played.balanced = world.balanced()
        alerts = world.platform.rows.select(AnomalyAlert)
        of_thieves = [a.opened_ms for a in alerts if a.party in self._thieves
                      and a.opened_ms >= self._first_theft_ms]  # fmt: skip
        played.alerts = len(alerts)
        played.false_alerts = sum(a.party not in self._thieves for a in alerts)
        if of_thieves:
            minutes = (min(of_thieves) - self._first_theft_ms) / _MINUTE_MS
            played.alert_minutes = round(minutes, 1)
        return played


def _payment(act: Act) -> Command:
    order = CreateTrade(app_id=APP_ID, out_trade_no=act.order, amount=act.amount, subject="Goods",
                        seller_id=act.payee)  # fmt: skip
    return PayTrade(app_id=APP_ID, order=order, buyer_id=act.party)


def _command(act: Act) -> Command:
    """What an act asks the platform for."""
    if act.kind in ("sign_in", "wrong"):
        right = act.kind == "sign_in"
        return RecordPasswordTry(party_id=act.party, password="login", right=right)  # noqa: S106
    if act.kind == "payment":
        return _payment(act)
    if act.kind == "refund":
        return RefundTrade(app_id=APP_ID, out_trade_no=act.order, amount=act.amount,
                           out_request_no=f"back-{act.order}")  # fmt: skip
    if act.kind == "top_up":
        return StartTopUp(party_id=act.party, amount=act.amount, bank_id="1")
    if act.kind == "withdrawal":
        return StartWithdrawal(party_id=act.party, amount=act.amount, bank_id="1")
    return TransferBetweenWallets(
        payer_id=act.party, payee_id=act.payee, amount=act.amount,
        out_biz_no=f"{act.kind}-{act.at_ms}-{act.party[-6:]}-{act.payee[-6:]}",
    )  # fmt: skip


def _played(acts: list[Act], *, guarded: bool, told: Told) -> Played:
    name = "on" if guarded else "off"
    with tempfile.TemporaryDirectory(prefix="tallystick-attack-") as folder:
        world = World(Path(folder) / "data", guarded=guarded)
        try:
            player = _Player(world)
            for number, act in enumerate(acts, start=1):
                player.play(act)
                if number % 500 == 0:
                    told(f"risk {name}: {number} of {len(acts)} acts")
            return player.finish()
        finally:
            world.close()


def play(
    scenario: str, seed: int, *, people: int = 60, days: int = 9, attacks: int = 5,
    told: Told = lambda text: None,
) -> AttackReport:  # fmt: skip
    """Play a scenario without risk and with it, act for act the same story.

    Args:
        scenario: a name of `SCENARIOS`.
        told: told of the progress.
    """
    story = Story(seed, people=people, days=days, attacks=attacks)
    for _ in range(attacks):
        SCENARIOS[scenario](story)
    acts = story.told()
    told(f"{scenario}: {len(acts)} acts of {people} people over {days} days")
    runs: dict[str, Any] = {
        name: _played(acts, guarded=name == "on", told=told) for name in ("off", "on")
    }
    return AttackReport(scenario=scenario, seed=seed, people=people, days=days, **runs)
