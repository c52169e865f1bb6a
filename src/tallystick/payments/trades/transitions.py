"""The trade's state machine: each allowed transition is a row; all else is refused by name."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.payments.trades.model import TradeStatus as S
from tallystick.pipeline.refusals import Refused

__all__ = ["PROTOCOL_STATUS", "TRANSITIONS", "Transition", "require"]


class Transition(NamedTuple):
    """From `before`, `command` may lead to `after`, when `when` holds."""

    command: str
    before: S
    after: S
    when: str


TRANSITIONS: Final = (
    Transition("trade.pay", S.WAIT_BUYER_PAY, S.HELD, "the trade is escrow: the money is held"),
    Transition("trade.pay", S.WAIT_BUYER_PAY, S.SETTLED, "the trade is instant"),
    Transition("trade.close", S.WAIT_BUYER_PAY, S.CLOSED, "by the app, or unpaid in time"),
    Transition("trade.cancel", S.WAIT_BUYER_PAY, S.CLOSED, "nothing was paid"),
    Transition("trade.cancel", S.HELD, S.CLOSED, "all that is held goes back to the buyer"),
    Transition("trade.cancel", S.SETTLED, S.CLOSED, "instant trades: the seller gives all back"),
    Transition("trade.cancel", S.CLOSED, S.CLOSED, "nothing is left to undo"),
    Transition("trade.ship", S.HELD, S.SHIPPED, "the deadline to confirm begins"),
    Transition("trade.confirm", S.HELD, S.SETTLED, "confirmed without shipment (services)"),
    Transition("trade.confirm", S.SHIPPED, S.SETTLED, "by the buyer, the app or the deadline"),
    Transition("trade.refund", S.HELD, S.HELD, "a part goes back to the buyer"),
    Transition("trade.refund", S.HELD, S.CLOSED, "all has gone back"),
    Transition("trade.refund", S.SHIPPED, S.SHIPPED, "a part goes back to the buyer"),
    Transition("trade.refund", S.SHIPPED, S.CLOSED, "all has gone back"),
    Transition("trade.refund", S.SETTLED, S.SETTLED, "the seller gives a part back"),
    Transition("trade.refund", S.SETTLED, S.CLOSED, "the seller has given all back"),
    Transition("trade.dispute", S.HELD, S.DISPUTED, "the buyer contests"),
    Transition("trade.dispute", S.SHIPPED, S.DISPUTED, "the buyer contests; no auto-confirm"),
    Transition("trade.resolve", S.DISPUTED, S.SETTLED, "the seller gets all or a part"),
    Transition("trade.resolve", S.DISPUTED, S.CLOSED, "the buyer gets all"),
    Transition("trade.split", S.SETTLED, S.SETTLED, "parts go from the seller to receivers"),
    Transition("trade.finish", S.SETTLED, S.FINISHED, "the time for refunds is over"),
)

PROTOCOL_STATUS: Final = {
    S.WAIT_BUYER_PAY: "WAIT_BUYER_PAY",
    S.HELD: "TRADE_SUCCESS",
    S.SHIPPED: "TRADE_SUCCESS",
    S.DISPUTED: "TRADE_SUCCESS",
    S.SETTLED: "TRADE_SUCCESS",
    S.FINISHED: "TRADE_FINISHED",
    S.CLOSED: "TRADE_CLOSED",
}
"""The partner protocol's word for each state."""

_ALLOWED: Final = frozenset((t.command, t.before, t.after) for t in TRANSITIONS)
_STARTS: Final = frozenset((t.command, t.before) for t in TRANSITIONS)

_REFUSED_IN: Final = {
    S.WAIT_BUYER_PAY: "TRADE_NOT_PAID",
    S.HELD: "TRADE_STATE_REFUSED",
    S.SHIPPED: "TRADE_STATE_REFUSED",
    S.DISPUTED: "TRADE_DISPUTED",
    S.SETTLED: "TRADE_NOT_HELD",
    S.FINISHED: "TRADE_FINISHED",
    S.CLOSED: "TRADE_CLOSED",
}
_REFUSED_BY_COMMAND: Final = {
    ("trade.pay", S.HELD): "TRADE_ALREADY_PAID",
    ("trade.pay", S.SHIPPED): "TRADE_ALREADY_PAID",
    ("trade.pay", S.DISPUTED): "TRADE_ALREADY_PAID",
    ("trade.pay", S.SETTLED): "TRADE_ALREADY_PAID",
    ("trade.close", S.SETTLED): "TRADE_STATE_REFUSED",
    ("trade.split", S.HELD): "TRADE_NOT_SETTLED",
    ("trade.split", S.SHIPPED): "TRADE_NOT_SETTLED",
    ("trade.split", S.DISPUTED): "TRADE_NOT_SETTLED",
    ("trade.resolve", S.HELD): "DISPUTE_NOT_OPEN",
    ("trade.resolve", S.SHIPPED): "DISPUTE_NOT_OPEN",
    ("trade.resolve", S.SETTLED): "DISPUTE_NOT_OPEN",
    ("trade.finish", S.HELD): "TRADE_NOT_SETTLED",
    ("trade.finish", S.SHIPPED): "TRADE_NOT_SETTLED",
}


def require(command: str, before: S, after: S | None = None) -> None:
    """Pass when the table has the transition (or, without `after`, any from this state).

    Raises:
        Refused: with the code that names why this state does not allow the command.
    """
    known = (command, before) in _STARTS if after is None else (command, before, after) in _ALLOWED
    if not known:
        code = _REFUSED_BY_COMMAND.get((command, before)) or _REFUSED_IN[before]
        raise Refused(code, f"The trade is {before.value}.")
