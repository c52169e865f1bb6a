"""What decisions about a trade look at, and the arithmetic that they share."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from tallystick.decoding import decode_json
from tallystick.money.rate import Rounding, apply_rate
from tallystick.parties.model import Party
from tallystick.payments.trades.model import (
    Refund,
    Settlement,
    Split,
    Trade,
    TradeDone,
    TradeEvent,
    TradeStatus,
)
from tallystick.payments.trades.transitions import require

__all__ = [
    "TradeState", "done", "free_number", "given_to_receivers", "plan_text", "planned_splits",
    "seller_share", "settlement_fee", "step_to",
]  # fmt: skip


class TradeState(NamedTuple):
    """All that decisions look at: the trade, its parties, its history and its held money.

    `held` is the balance of the trade's escrow account; `receivers` the parties that a split
    in question names; `bound` the receivers that the app may split to.
    """

    trade: Trade
    seller: Party
    buyer: Party | None
    refunds: tuple[Refund, ...]
    settlements: tuple[Settlement, ...]
    held: int
    steps: int
    caller: str
    receivers: dict[str, Party] = {}  # noqa: RUF012 - never changed
    bound: frozenset[str] = frozenset()

    @property
    def refunded_total(self) -> int:
        """What has gone back to the buyer so far."""
        return sum(r.amount for r in self.refunds)

    @property
    def reference(self) -> int:
        """The trade's number as the ledger's reference."""
        return int(self.trade.trade_no)


def settlement_fee(amount: int, fee_rate: str) -> int:
    """The platform's fee on a settled amount, rounded half up to the minor unit."""
    return apply_rate(amount, Decimal(fee_rate), Rounding.HALF_UP)


def step_to(state: TradeState, command: str, after: TradeStatus, now_ms: int) -> TradeEvent:
    """The transition as a row; refused when the table does not have it."""
    require(command, state.trade.status, after)
    return TradeEvent(
        state.trade.trade_no,
        state.steps + 1,
        command,
        state.trade.status.value,
        after.value,
        state.caller,
        now_ms,
    )


def done(trade: Trade, *, settle_no: str = "", action: str = "") -> TradeDone:
    """The trade as a reply."""
    return TradeDone(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        status=trade.status,
        currency=trade.currency,
        amount=trade.amount,
        buyer_id=trade.buyer_id,
        seller_id=trade.seller_id,
        paid_ms=trade.paid_ms,
        closed_ms=trade.closed_ms,
        settled_ms=trade.settled_ms,
        settle_no=settle_no,
        action=action,
    )


def plan_text(splits: Sequence[Split]) -> str:
    """Splits as a row keeps them: JSON, empty for none."""
    return msgspec.json.encode(splits).decode() if splits else ""


def planned_splits(text: str) -> tuple[Split, ...]:
    """The splits that a row keeps as JSON."""
    return decode_json(text, tuple[Split, ...]) if text else ()


def free_number(state: TradeState, name: str) -> str:
    """A number for a refund that no partner asked for; one may have used the name before."""
    taken = {row.out_request_no for row in state.refunds}
    while name in taken:
        name += "+"
    return name


def given_to_receivers(state: TradeState) -> dict[str, int]:
    """What each receiver still has of this trade: splits less what came back."""
    given: dict[str, int] = {}
    for row in state.settlements:
        for part in planned_splits(row.splits):
            given[part.receiver_id] = given.get(part.receiver_id, 0) + part.amount
    for back in state.refunds:
        for part in planned_splits(back.clawbacks):
            given[part.receiver_id] = given.get(part.receiver_id, 0) - part.amount
    return given


def seller_share(state: TradeState) -> int:
    """What the seller still has of this trade, so far as the trade's own rows tell."""
    kept = state.trade.amount - state.refunded_total
    fee = settlement_fee(kept, state.trade.fee_rate)
    return kept - fee - sum(given_to_receivers(state).values())
