"""What requests and answers about trades look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from tallystick.decoding import decode_json
from tallystick.gateway.rest.fields import (
    MS_MAX,
    AmountText,
    AppId,
    Body,
    Currency,
    Cursor,
    Limit,
    Ms,
    OrderNo,
    OrderText,
    PartyId,
    PaymentCodeText,
    Query,
    Settlement,
    Shape,
    Url,
    amount_of,
    moment,
    text_of,
)
from tallystick.payments.movement_names import movement_name
from tallystick.payments.trades.model import (
    Refund,
    Refunded,
    Split,
    SplitDone,
    Trade,
    TradeDone,
    TradeEvent,
    TradeStatus,
)
from tallystick.payments.trades.model import (
    Settlement as SettlementRow,
)
from tallystick.payments.trades.views import TradeStory

__all__ = [
    "Confirmation", "Dispute", "NewRefund", "NewSplit", "NewTrade", "PaymentByCode", "RefundShape",
    "RefundState", "Resolution", "Shipment", "SplitPart", "SplitState", "StoryShape", "TradeList",
    "TradeShape", "TradeState", "parts_of", "refund_shape", "refund_state", "split_state",
    "story_shape", "trade_shape", "trade_state",
]  # fmt: skip

Subject = Annotated[
    str, Meta(min_length=1, max_length=256, description="What is sold.", examples=["Green tea"])
]
Words = Annotated[str, Meta(max_length=400, examples=["Leaves were crushed"])]
_DAY_MS = 86_400_000


class SplitPart(Body, frozen=True, kw_only=True):
    """A part of the money for a receiver other than the seller."""

    receiver_id: PartyId
    amount: AmountText
    memo: Words = ""


class NewTrade(Body, frozen=True, kw_only=True):
    """An order to open. A key that is bound to an app need not name it."""

    out_trade_no: OrderText
    amount: AmountText
    subject: Subject
    app_id: AppId | None = None
    currency: Currency = "CNY"
    seller_id: PartyId | None = None
    buyer_id: PartyId | None = None
    body: Words = ""
    settlement: Settlement | None = None
    splits: Annotated[tuple[SplitPart, ...], Meta(max_length=20)] = ()
    notify_url: Url = ""
    return_url: Url = ""
    passback_params: Annotated[str, Meta(max_length=512, examples=["basket%3D7"])] = ""
    pay_within_ms: Annotated[
        int,
        Meta(ge=60_000, le=15 * _DAY_MS, description="Time to pay.", examples=[_DAY_MS]),
    ] = 15 * _DAY_MS


class PaymentByCode(Body, frozen=True, kw_only=True):
    """The code that the buyer shows."""

    payment_code: PaymentCodeText


class Shipment(Body, frozen=True, kw_only=True):
    """Who carries the goods."""

    carrier: Annotated[str, Meta(max_length=100, examples=["Swift Courier"])] = ""
    tracking_no: Annotated[str, Meta(max_length=100, examples=["SC123456789"])] = ""


class Confirmation(Body, frozen=True, kw_only=True):
    """How the money is shared out; without `splits` the order's own plan counts."""

    out_request_no: OrderText | None = None
    splits: Annotated[tuple[SplitPart, ...], Meta(max_length=20)] = ()


class NewSplit(Body, frozen=True, kw_only=True):
    """Parts of a settled trade that the seller gives to receivers."""

    out_request_no: OrderText
    splits: Annotated[list[SplitPart], Meta(min_length=1, max_length=20)]


class NewRefund(Body, frozen=True, kw_only=True):
    """Money back to the buyer, in the trade's currency.

    Without `out_request_no` the refund is the only one of its kind, of the whole amount.
    """

    amount: AmountText
    out_request_no: OrderText | None = None
    reason: Words = ""
    clawbacks: Annotated[tuple[SplitPart, ...], Meta(max_length=20)] = ()


class Dispute(Body, frozen=True, kw_only=True):
    """Why the buyer contests."""

    reason: Annotated[str, Meta(min_length=1, max_length=400, examples=["Nothing arrived"])]


class Resolution(Body, frozen=True, kw_only=True):
    """What each side gets of the held money; both together are all of it."""

    to_buyer: AmountText
    to_seller: AmountText


class TradeList(Query, frozen=True, kw_only=True):
    """Which trades; what is left out does not filter. `number` is either order number, whole."""

    app_id: AppId | None = None
    seller_id: PartyId | None = None
    buyer_id: PartyId | None = None
    status: TradeStatus | None = None
    number: Annotated[str, Meta(max_length=64, examples=["ORDER-1001"])] = ""
    from_ms: Ms = 0
    before_ms: Ms = MS_MAX
    limit: Limit = 20
    cursor: Cursor = ""


class TradeState(Shape, frozen=True, kw_only=True):
    """A trade after a change. `action` is what cancelling did: `close`, `refund`, or empty."""

    trade_no: OrderNo
    out_trade_no: OrderText
    status: TradeStatus
    currency: Currency
    amount: AmountText
    buyer_id: str
    seller_id: PartyId
    paid_ms: Ms | None
    settled_ms: Ms | None
    closed_ms: Ms | None
    settle_no: str
    action: str


class ShipmentShape(Shape, frozen=True, kw_only=True):
    """Who carries the goods."""

    carrier: str
    tracking_no: str


class TradeShape(Shape, frozen=True, kw_only=True):
    """A trade. Moments are null until they are known."""

    trade_no: OrderNo
    app_id: AppId
    out_trade_no: OrderText
    status: TradeStatus
    settlement: Settlement
    subject: str
    body: str
    currency: Currency
    amount: AmountText
    fee_rate: Annotated[str, Meta(examples=["0.006"])]
    buyer_id: str
    seller_id: PartyId
    splits: list[SplitPart]
    shipment: ShipmentShape | None
    dispute_by: str
    dispute_reason: str
    notify_url: str
    return_url: str
    passback_params: str
    created_ms: Ms
    pay_by_ms: Ms | None
    paid_ms: Ms | None
    shipped_ms: Ms | None
    confirm_by_ms: Ms | None
    disputed_ms: Ms | None
    settled_ms: Ms | None
    closed_ms: Ms | None


class EventShape(Shape, frozen=True, kw_only=True):
    """One transition of a trade."""

    step: int
    command: Annotated[str, Meta(examples=["trade.ship"])]
    status_before: str
    status_after: str
    caller: str
    at_ms: Ms


class RefundShape(Shape, frozen=True, kw_only=True):
    """Money that went back to the buyer."""

    trade_no: OrderNo
    out_request_no: str
    currency: Currency
    amount: AmountText
    fee_returned: AmountText
    reason: str
    clawbacks: list[SplitPart]
    refunded_ms: Ms


class SettlementShape(Shape, frozen=True, kw_only=True):
    """Money that left a trade's escrow, or the seller for receivers."""

    settle_no: str
    out_request_no: str
    kind: str
    amount: AmountText
    fee: AmountText
    splits: list[SplitPart]
    settled_ms: Ms


class PostingShape(Shape, frozen=True, kw_only=True):
    """One movement of a trade in the ledger; the ids are 128-bit numbers as decimal texts."""

    transfer_id: Annotated[str, Meta(examples=["170141183460469231731687303715884105729"])]
    movement: Annotated[str, Meta(examples=["Payment"])]
    debit_account_id: str
    credit_account_id: str
    amount: AmountText
    posted_ms: Ms


class StoryShape(Shape, frozen=True, kw_only=True):
    """Everything that is known of a trade, oldest first."""

    trade: TradeShape
    events: list[EventShape]
    refunds: list[RefundShape]
    settlements: list[SettlementShape]
    postings: list[PostingShape]


class RefundState(Shape, frozen=True, kw_only=True):
    """A refund. `changed` is false when this request number had been refunded before."""

    trade_no: OrderNo
    out_trade_no: str
    out_request_no: str
    buyer_id: PartyId
    currency: Currency
    amount: AmountText
    refunded_total: AmountText
    refunded_ms: Ms
    changed: bool


class SplitState(Shape, frozen=True, kw_only=True):
    """A split that was paid."""

    trade_no: OrderNo
    settle_no: OrderNo


def parts_of(splits: Sequence[SplitPart], currency: str) -> tuple[Split, ...]:
    """The parts as a command takes them.

    Raises:
        Refused: INVALID_AMOUNT.
    """
    return tuple(Split(s.receiver_id, amount_of(s.amount, currency), s.memo) for s in splits)


def _parts(stored: str, currency: str) -> list[SplitPart]:
    splits = decode_json(stored, list[Split]) if stored else []
    return [
        SplitPart(receiver_id=s.receiver_id, amount=text_of(s.amount, currency), memo=s.memo)
        for s in splits
    ]


def trade_state(done: TradeDone) -> TradeState:
    """The answer to a change of a trade."""
    return TradeState(
        trade_no=done.trade_no,
        out_trade_no=done.out_trade_no,
        status=done.status,
        currency=done.currency,
        amount=text_of(done.amount, done.currency),
        buyer_id=done.buyer_id,
        seller_id=done.seller_id,
        paid_ms=moment(done.paid_ms),
        settled_ms=moment(done.settled_ms),
        closed_ms=moment(done.closed_ms),
        settle_no=done.settle_no,
        action=done.action,
    )


def trade_shape(trade: Trade) -> TradeShape:
    """A trade as it is shown."""
    shipment = trade.shipment
    return TradeShape(
        trade_no=trade.trade_no,
        app_id=trade.app_id,
        out_trade_no=trade.out_trade_no,
        status=trade.status,
        settlement=trade.settlement,  # type: ignore[arg-type]
        subject=trade.subject,
        body=trade.body,
        currency=trade.currency,
        amount=text_of(trade.amount, trade.currency),
        fee_rate=trade.fee_rate,
        buyer_id=trade.buyer_id,
        seller_id=trade.seller_id,
        splits=_parts(trade.split_plan, trade.currency),
        shipment=decode_json(shipment, ShipmentShape) if shipment else None,
        dispute_by=trade.dispute_by,
        dispute_reason=trade.dispute_reason,
        notify_url=trade.notify_url,
        return_url=trade.return_url,
        passback_params=trade.passback_params,
        created_ms=trade.created_ms,
        pay_by_ms=moment(trade.pay_by_ms),
        paid_ms=moment(trade.paid_ms),
        shipped_ms=moment(trade.shipped_ms),
        confirm_by_ms=moment(trade.confirm_by_ms),
        disputed_ms=moment(trade.disputed_ms),
        settled_ms=moment(trade.settled_ms),
        closed_ms=moment(trade.closed_ms),
    )


def refund_shape(refund: Refund, currency: str) -> RefundShape:
    """A refund as it is shown."""
    return RefundShape(
        trade_no=refund.trade_no,
        out_request_no=refund.out_request_no,
        currency=currency,
        amount=text_of(refund.amount, currency),
        fee_returned=text_of(refund.fee_returned, currency),
        reason=refund.reason,
        clawbacks=_parts(refund.clawbacks, currency),
        refunded_ms=refund.refunded_ms,
    )


def _settlement(row: SettlementRow, currency: str) -> SettlementShape:
    return SettlementShape(
        settle_no=row.settle_no,
        out_request_no=row.out_request_no,
        kind=row.kind.value,
        amount=text_of(row.amount, currency),
        fee=text_of(row.fee, currency),
        splits=_parts(row.splits, currency),
        settled_ms=row.settled_ms,
    )


def _event(row: TradeEvent) -> EventShape:
    return EventShape(
        step=row.step,
        command=row.command,
        status_before=row.status_before,
        status_after=row.status_after,
        caller=row.caller,
        at_ms=row.at_ms,
    )


def story_shape(story: TradeStory) -> StoryShape:
    """A trade's whole story as it is shown."""
    currency = story.trade.currency
    return StoryShape(
        trade=trade_shape(story.trade),
        events=[_event(e) for e in story.events],
        refunds=[refund_shape(r, currency) for r in story.refunds],
        settlements=[_settlement(s, currency) for s in story.settlements],
        postings=[
            PostingShape(
                transfer_id=str(p.id),
                movement=movement_name(p.code).english,
                debit_account_id=str(p.debit_account_id),
                credit_account_id=str(p.credit_account_id),
                amount=text_of(p.amount, currency),
                posted_ms=p.timestamp // 1_000_000,
            )
            for p in story.postings
        ],
    )


def refund_state(done: Refunded) -> RefundState:
    """The answer to a refund."""
    return RefundState(
        trade_no=done.trade_no,
        out_trade_no=done.out_trade_no,
        out_request_no=done.out_request_no,
        buyer_id=done.buyer_id,
        currency=done.currency,
        amount=text_of(done.amount, done.currency),
        refunded_total=text_of(done.refunded_total, done.currency),
        refunded_ms=done.refunded_ms,
        changed=done.changed,
    )


def split_state(done: SplitDone) -> SplitState:
    """The answer to a split."""
    return SplitState(trade_no=done.trade_no, settle_no=done.settle_no)
