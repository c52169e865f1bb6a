"""Trades: an order whose money is held until the goods arrive; states, rows, commands."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "CancelTrade", "CloseTrade", "ConfirmReceipt", "CreateTrade", "FinishTrade", "OpenDispute",
    "PayTrade", "Refund", "RefundTrade", "Refunded", "RelateReceivers", "ResolveDispute",
    "RoyaltyRelation", "Settlement", "SettlementKind", "ShipTrade", "Split", "SplitDone",
    "SplitTrade", "Trade", "TradeDone", "TradeEvent", "TradeStatus", "UnrelateReceivers",
]  # fmt: skip


class TradeStatus(StrEnum):
    """Where a trade stands. `protocol_status` gives the partner protocol's word for it."""

    WAIT_BUYER_PAY = "wait_buyer_pay"
    HELD = "held"
    SHIPPED = "shipped"
    DISPUTED = "disputed"
    SETTLED = "settled"
    FINISHED = "finished"
    CLOSED = "closed"


class Split(msgspec.Struct, frozen=True):
    """A part of the money for a receiver other than the seller, in minor units."""

    receiver_id: str
    amount: int
    memo: str = ""


class Trade(Row, frozen=True):
    """A trade. Times are 0 until they are known; `split_plan` is JSON of `[Split]`.

    `assigned_to` names a receivable whose proceeds account gets `assigned_amount` (minor units)
    of the settlement before the seller does.
    """

    trade_no: str
    app_id: str
    out_trade_no: str
    seller_id: str
    buyer_id: str
    status: TradeStatus
    settlement: str
    product_code: str
    subject: str
    body: str
    currency: str
    amount: int
    fee_rate: str
    split_plan: str
    code_index: bytes
    notify_url: str
    return_url: str
    passback_params: str
    shipment: str
    dispute_by: str
    dispute_reason: str
    created_ms: int
    pay_by_ms: int
    paid_ms: int
    shipped_ms: int
    confirm_by_ms: int
    disputed_ms: int
    settled_ms: int
    closed_ms: int
    confirm_within_ms: int
    refund_within_ms: int
    assigned_to: str = ""
    assigned_amount: int = 0


class TradeEvent(Row, frozen=True):
    """One transition of a trade."""

    trade_no: str
    step: int
    command: str
    status_before: str
    status_after: str
    caller: str
    at_ms: int


class Refund(Row, frozen=True):
    """Money that went back to the buyer. `clawbacks` is JSON of `[Split]`."""

    trade_no: str
    out_request_no: str
    amount: int
    fee_returned: int
    reason: str
    clawbacks: str
    refunded_ms: int


class SettlementKind(StrEnum):
    """What a settlement row records."""

    SETTLE = "settle"
    """Held money left escrow: to the seller, receivers and the fee."""
    SPLIT = "split"
    """The seller's money went on to receivers."""


class Settlement(Row, frozen=True):
    """Money that left a trade's escrow, or the seller for receivers. `splits` is JSON."""

    trade_no: str
    out_request_no: str
    kind: SettlementKind
    settle_no: str
    amount: int
    fee: int
    splits: str
    settled_ms: int


class RoyaltyRelation(Row, frozen=True):
    """A receiver that an app may split money to."""

    app_id: str
    receiver_id: str
    memo: str
    bound_ms: int


TRADES = Table("trade", Trade, ("trade_no",), unique=(("app_id", "out_trade_no"),))
TRADE_EVENTS = Table("trade_event", TradeEvent, ("trade_no", "step"))
REFUNDS = Table("refund", Refund, ("trade_no", "out_request_no"))
SETTLEMENTS = Table("settlement", Settlement, ("trade_no", "kind", "out_request_no"))
RELATIONS = Table("royalty_relation", RoyaltyRelation, ("app_id", "receiver_id"))


class TradeCommand(Command, frozen=True, kw_only=True):
    """A command on one trade of one app, named by either number (or both, if they agree)."""

    app_id: str
    trade_no: str = ""
    out_trade_no: str = ""


class CreateTrade(Command, frozen=True, kw_only=True, tag="trade.create"):
    """Open an order; the same order again gives the same trade.

    `code_index` is the digest of a code that a buyer scans (precreate). The time to pay ends
    at `pay_by_ms`, or when that is 0, `pay_within_ms` after the order opens.
    """

    app_id: str
    out_trade_no: str
    amount: int
    subject: str
    currency: str = "CNY"
    seller_id: str = ""
    buyer_id: str = ""
    body: str = ""
    product_code: str = ""
    settlement: str = ""
    splits: tuple[Split, ...] = ()
    code_index: bytes = b""
    notify_url: str = ""
    return_url: str = ""
    passback_params: str = ""
    pay_within_ms: int = 15 * 24 * 60 * 60 * 1000
    pay_by_ms: int = 0


class PayTrade(Command, frozen=True, kw_only=True, tag="trade.pay"):
    """Pay an order, with a buyer's code or as the buyer who has proved the payment password.

    With `order` the trade is created in the same command when it does not exist (the
    protocol's `alipay.trade.pay`).
    """

    app_id: str = ""
    trade_no: str = ""
    order: CreateTrade | None = None
    payment_code_index: bytes = b""
    buyer_id: str = ""
    hold_id: str = ""


class CloseTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.close"):
    """Close an unpaid order. The auto-close timer sends it with `expired`."""

    expired: bool = False


class CancelTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.cancel"):
    """Undo an order whatever became of it: close it unpaid, give everything back if held."""


class ShipTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.ship"):
    """The seller has sent the goods; the deadline to confirm begins."""

    carrier: str = ""
    tracking_no: str = ""


class ConfirmReceipt(TradeCommand, frozen=True, kw_only=True, tag="trade.confirm"):
    """The goods arrived (or the deadline did): pay the seller, receivers and the fee.

    `splits` replace the order's split plan when given.
    """

    out_request_no: str = ""
    splits: tuple[Split, ...] = ()
    automatic: bool = False


class SplitTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.split"):
    """Give parts of a settled trade from the seller to bound receivers."""

    out_request_no: str
    splits: tuple[Split, ...]


class RefundTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.refund"):
    """Give the buyer back a part or all; `clawbacks` come back from receivers first."""

    amount: int
    out_request_no: str = ""
    reason: str = ""
    clawbacks: tuple[Split, ...] = ()


class OpenDispute(TradeCommand, frozen=True, kw_only=True, tag="trade.dispute"):
    """The buyer (or the app for the buyer) contests; the money stays held."""

    reason: str


class ResolveDispute(TradeCommand, frozen=True, kw_only=True, tag="trade.resolve"):
    """Give each side its part of the held money; both together must be all of it."""

    to_buyer: int
    to_seller: int


class FinishTrade(TradeCommand, frozen=True, kw_only=True, tag="trade.finish"):
    """The time for refunds is over (asked for by a timer)."""


class RelateReceivers(Command, frozen=True, kw_only=True, tag="royalty.bind"):
    """Allow splits to these receivers: party id → memo."""

    app_id: str
    receivers: dict[str, str]


class UnrelateReceivers(Command, frozen=True, kw_only=True, tag="royalty.unbind"):
    """Allow splits to these receivers no more."""

    app_id: str
    receivers: tuple[str, ...]


class TradeDone(Reply, frozen=True, kw_only=True):
    """The trade after the command. Amounts in minor units of `currency`."""

    trade_no: str
    out_trade_no: str
    status: TradeStatus
    currency: str
    amount: int
    buyer_id: str
    seller_id: str
    paid_ms: int = 0
    closed_ms: int = 0
    settled_ms: int = 0
    settle_no: str = ""
    action: str = ""
    """For cancel: `close`, `refund` or empty when nothing was left to undo."""


class Refunded(Reply, frozen=True, kw_only=True):
    """A refund. `changed` is false when this request number had been refunded before."""

    trade_no: str
    out_trade_no: str
    out_request_no: str
    buyer_id: str
    currency: str
    amount: int
    refunded_total: int
    refunded_ms: int
    changed: bool = True


class SplitDone(Reply, frozen=True, kw_only=True):
    """A split that was paid."""

    trade_no: str
    settle_no: str


class RelationsDone(Reply, frozen=True, kw_only=True):
    """How many receivers are bound to the app now."""

    count: int
