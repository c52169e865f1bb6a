"""Where a story is played: inside this process, command by command, or over HTTP."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from tallystick.parties.model import PartyKind, RecordPasswordTry
from tallystick.payments.trades.model import CreateTrade, PayTrade, RefundTrade
from tallystick.payments.wallet.model import (
    BankOrderDone,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
)
from tallystick.pipeline.commands import SYSTEM, Command, Origin
from tallystick.risk.anomaly.model import AnomalyAlert
from tallystick.sandbox.attack.acts import Act
from tallystick.sandbox.attack.world import APP, APP_ID, World

__all__ = ["InProcess", "RaisedAlert", "Stage", "transfer_number"]


class RaisedAlert(NamedTuple):
    """An alert of the watch: the account in the story's words, and when."""

    party: str
    opened_ms: int


class Stage(Protocol):
    """What a story needs of a platform; parties are those of the story."""

    def move_to(self, now_ms: int) -> None:
        """It is so late now; time never goes back."""
        ...

    def register(self, party: str, kind: PartyKind) -> None:
        """Open an account."""
        ...

    def fund(self, party: str, amount: int) -> None:
        """Money from the party's bank, in minor units."""
        ...

    def prove(self, party: str) -> None:
        """The owner passes a real-person check."""
        ...

    def do(self, act: Act) -> str:
        """What somebody does; empty when it was accepted, else the refusal's code."""
        ...

    def alerts(self) -> list[RaisedAlert]:
        """What the watch has raised."""
        ...

    def balanced(self) -> bool:
        """Whether debits equal credits in every book."""
        ...

    def close(self) -> None:
        """It is over."""
        ...


def transfer_number(act: Act) -> str:
    """The number under which a transfer of the story is known."""
    return f"{act.kind}-{act.at_ms}-{act.party[-6:]}-{act.payee[-6:]}"


class InProcess:
    """A story's platform in this process: commands go to its pipeline at once."""

    def __init__(self, world: World) -> None:
        self.world = world

    def move_to(self, now_ms: int) -> None:
        """It is so late now."""
        self.world.now_ms = max(self.world.now_ms, now_ms)

    def register(self, party: str, kind: PartyKind) -> None:
        """Open an account."""
        self.world.register(party, kind)

    def fund(self, party: str, amount: int) -> None:
        """Money from the party's bank."""
        self.world.fund(party, amount)

    def prove(self, party: str) -> None:
        """The owner passes a real-person check."""
        self.world.prove(party)

    def do(self, act: Act) -> str:
        """Have an act's command run."""
        origin = Origin(act.device, act.address, act.card)
        world, command = self.world, _command(act)
        if act.kind in ("sign_in", "wrong", "coupon"):
            answer = world.ask(SYSTEM, command, origin)
        elif act.kind == "refund":
            answer = world.ask(APP, command, origin)
        else:
            answer = world.as_party(act.party, command, origin)
        if isinstance(answer.reply, BankOrderDone):
            world.bank_says_yes(answer.reply)
        return answer.refusal.code if answer.refusal is not None else ""

    def alerts(self) -> list[RaisedAlert]:
        """What the watch has raised."""
        found = self.world.platform.rows.select(AnomalyAlert)
        return [RaisedAlert(alert.party, alert.opened_ms) for alert in found]

    def balanced(self) -> bool:
        """Whether debits equal credits in every book."""
        return self.world.balanced()

    def close(self) -> None:
        """Let go of the folder."""
        self.world.close()


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
        payer_id=act.party, payee_id=act.payee, amount=act.amount, out_biz_no=transfer_number(act)
    )
