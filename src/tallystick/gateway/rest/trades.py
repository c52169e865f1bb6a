"""Trades: open, pay by code, ship, confirm, refund, close, cancel, dispute, split, and see."""

from __future__ import annotations

from typing import Final

from tallystick.gateway.rest import trade_shapes as shapes
from tallystick.gateway.rest.fields import NoFields, OrderNo, Query, Shape, amount_of
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.parties.views import payment_code_index
from tallystick.payments.trades.model import (
    CancelTrade,
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    OpenDispute,
    PayTrade,
    Refund,
    RefundTrade,
    ResolveDispute,
    ShipTrade,
    SplitTrade,
    Trade,
)
from tallystick.payments.trades.views import TradeFilter, list_trades, trade_story
from tallystick.pipeline.refusals import Refused

__all__ = ["TRADE_OPERATIONS"]

_TAG: Final = "Trades"
_WRITE: Final = "payments:write"
_READ: Final = "payments:read"
_ONE: Final = {"trade_no": OrderNo}


class RefundList(Shape, frozen=True, kw_only=True):
    """All refunds of a trade, oldest first."""

    items: list[shapes.RefundShape]


def _trade(call: Call) -> Trade:
    """The trade in the path, if this caller may know of it."""
    trade = call.platform.rows.get(Trade, call.path["trade_no"])
    if trade is None or not call.identity.sees(trade.app_id):
        raise Refused("TRADE_NOT_EXIST")
    return trade


def create(call: Call, body: shapes.NewTrade) -> CreateTrade:
    """The command that opens an order."""
    return CreateTrade(
        app_id=call.identity.app(body.app_id or ""),
        out_trade_no=body.out_trade_no,
        amount=amount_of(body.amount, body.currency),
        subject=body.subject,
        currency=body.currency,
        seller_id=body.seller_id or "",
        buyer_id=body.buyer_id or "",
        body=body.body,
        settlement=body.settlement or "",
        splits=shapes.parts_of(body.splits, body.currency),
        notify_url=body.notify_url,
        return_url=body.return_url,
        passback_params=body.passback_params,
        pay_within_ms=body.pay_within_ms,
    )


def pay(call: Call, body: shapes.PaymentByCode) -> PayTrade:
    """The command that pays an order with a buyer's code."""
    trade = _trade(call)
    index = payment_code_index(call.platform.sealer, body.payment_code)
    return PayTrade(app_id=trade.app_id, trade_no=trade.trade_no, payment_code_index=index)


def ship(call: Call, body: shapes.Shipment) -> ShipTrade:
    """The command that says that the goods were sent."""
    trade = _trade(call)
    return ShipTrade(
        app_id=trade.app_id,
        trade_no=trade.trade_no,
        carrier=body.carrier,
        tracking_no=body.tracking_no,
    )


def confirm(call: Call, body: shapes.Confirmation) -> ConfirmReceipt:
    """The command that pays the seller."""
    trade = _trade(call)
    return ConfirmReceipt(
        app_id=trade.app_id,
        trade_no=trade.trade_no,
        out_request_no=body.out_request_no or "",
        splits=shapes.parts_of(body.splits, trade.currency),
    )


def split(call: Call, body: shapes.NewSplit) -> SplitTrade:
    """The command that gives parts of a settled trade away."""
    trade = _trade(call)
    return SplitTrade(
        app_id=trade.app_id,
        trade_no=trade.trade_no,
        out_request_no=body.out_request_no,
        splits=shapes.parts_of(body.splits, trade.currency),
    )


def refund(call: Call, body: shapes.NewRefund) -> RefundTrade:
    """The command that gives money back to the buyer."""
    trade = _trade(call)
    return RefundTrade(
        app_id=trade.app_id,
        trade_no=trade.trade_no,
        amount=amount_of(body.amount, trade.currency),
        out_request_no=body.out_request_no or "",
        reason=body.reason,
        clawbacks=shapes.parts_of(body.clawbacks, trade.currency),
    )


def close(call: Call, body: NoFields) -> CloseTrade:
    """The command that closes an unpaid order."""
    trade = _trade(call)
    return CloseTrade(app_id=trade.app_id, trade_no=trade.trade_no)


def cancel(call: Call, body: NoFields) -> CancelTrade:
    """The command that undoes an order."""
    trade = _trade(call)
    return CancelTrade(app_id=trade.app_id, trade_no=trade.trade_no)


def dispute(call: Call, body: shapes.Dispute) -> OpenDispute:
    """The command that contests for the buyer."""
    trade = _trade(call)
    return OpenDispute(app_id=trade.app_id, trade_no=trade.trade_no, reason=body.reason)


def resolve(call: Call, body: shapes.Resolution) -> ResolveDispute:
    """The command that decides a dispute."""
    trade = _trade(call)
    return ResolveDispute(
        app_id=trade.app_id,
        trade_no=trade.trade_no,
        to_buyer=amount_of(body.to_buyer, trade.currency, allow_zero=True),
        to_seller=amount_of(body.to_seller, trade.currency, allow_zero=True),
    )


def get_trade(call: Call, query: Query) -> shapes.TradeShape:
    """A trade as it is now."""
    return shapes.trade_shape(_trade(call))


def get_story(call: Call, query: Query) -> shapes.StoryShape:
    """A trade with all that happened to it."""
    trade = _trade(call)
    story = trade_story(call.platform.rows, call.platform.ledger, trade.trade_no)
    assert story is not None, trade.trade_no
    return shapes.story_shape(story)


def get_refunds(call: Call, query: Query) -> RefundList:
    """A trade's refunds."""
    trade = _trade(call)
    rows = call.platform.rows.select(Refund, trade_no=trade.trade_no)
    return RefundList(
        items=[
            shapes.refund_shape(r, trade.currency)
            for r in sorted(rows, key=lambda r: (r.refunded_ms, r.out_request_no))
        ]
    )


def find(call: Call, query: shapes.TradeList) -> Page[shapes.TradeShape]:
    """Trades that fit, newest first."""
    app_id = call.identity.app(query.app_id or "") if call.identity.app_id else query.app_id or ""
    wanted = TradeFilter(
        app_id=app_id,
        seller_id=query.seller_id or "",
        buyer_id=query.buyer_id or "",
        status=query.status,
        text=query.number,
        from_ms=query.from_ms,
        before_ms=query.before_ms,
    )
    scope = f"trades?{wanted}"
    place = call.read_cursor(scope, query.cursor)
    after = None if place is None else (int(place[0]), str(place[1]))
    page = list_trades(call.platform.rows, wanted, limit=query.limit, after=after)
    return Page(
        items=[shapes.trade_shape(t) for t in page.trades],
        next_cursor=call.write_cursor(scope, page.after),
    )


TRADE_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/trades", "createTrade", tag=_TAG, scope=_WRITE, status=201,
        summary="Open an order",
        description="The same order again (app and `out_trade_no`) gives the same trade; with "
        "other contents it is refused. An order that is not paid in time closes itself.",
        body=shapes.NewTrade, command=create, show=shapes.trade_state, answer=shapes.TradeState,
        refusals=("APP_NOT_EXIST", "APP_DISABLED", "SELLER_NOT_EXIST", "PARTY_NOT_EXIST",
                  "PARTY_BLOCKED", "BUYER_IS_SELLER", "SPLIT_EXCEEDS_AMOUNT", "TRADE_MISMATCH",
                  "TRADE_ALREADY_PAID", "TRADE_CLOSED", "INVALID_AMOUNT"),
        example={"app_id": "2026000000000001", "out_trade_no": "ORDER-1001", "amount": "12.30",
                 "subject": "Green tea", "seller_id": "2088000000000002"},
    ),
    look(
        "/v1/trades", "listTrades", tag=_TAG, scope=_READ, summary="List trades",
        description="Newest first.", query=shapes.TradeList, find=find,
        answer=Page[shapes.TradeShape],
    ),
    look(
        "/v1/trades/{trade_no}", "getTrade", tag=_TAG, scope=_READ, summary="See a trade",
        parameters=_ONE, query=Query, find=get_trade, answer=shapes.TradeShape,
        refusals=("TRADE_NOT_EXIST",),
    ),
    look(
        "/v1/trades/{trade_no}/story", "getTradeStory", tag=_TAG, scope=_READ,
        summary="See all that happened to a trade",
        description="Its transitions, refunds, settlements, and every posting in the ledger.",
        parameters=_ONE, query=Query, find=get_story, answer=shapes.StoryShape,
        refusals=("TRADE_NOT_EXIST",),
    ),
    change(
        "/v1/trades/{trade_no}/pay", "payTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Pay by the buyer's code",
        description="The money leaves the buyer's wallet and is held, or goes to the seller when "
        "the trade settles at once.",
        body=shapes.PaymentByCode, command=pay, show=shapes.trade_state, answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_ALREADY_PAID", "TRADE_CLOSED", "TRADE_EXPIRED",
                  "PAYMENT_CODE_INVALID", "PARTY_BLOCKED", "BUYER_BALANCE_NOT_ENOUGH",
                  "BUYER_IS_SELLER", "BUYER_MISMATCH"),
        example={"payment_code": "280000000000000101"},
    ),
    change(
        "/v1/trades/{trade_no}/ship", "shipTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Say that the goods were sent",
        description="The time to confirm begins; when it is over, receipt confirms itself.",
        body=shapes.Shipment, command=ship, show=shapes.trade_state, answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_NOT_PAID", "TRADE_NOT_HELD", "TRADE_STATE_REFUSED",
                  "TRADE_DISPUTED", "TRADE_CLOSED"),
        example={"carrier": "Swift Courier", "tracking_no": "SC123456789"},
    ),
    change(
        "/v1/trades/{trade_no}/confirm", "confirmReceipt", tag=_TAG, scope=_WRITE,
        parameters=_ONE, summary="Confirm receipt",
        description="Held money goes to the seller, to receivers, and the fee to the platform.",
        body=shapes.Confirmation, command=confirm, show=shapes.trade_state,
        answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_NOT_HELD", "TRADE_NOT_PAID", "TRADE_DISPUTED",
                  "SPLIT_EXCEEDS_AMOUNT", "ROYALTY_RELATION_MISSING", "INVALID_AMOUNT"),
        example={"out_request_no": "CONFIRM-1001"},
    ),
    change(
        "/v1/trades/{trade_no}/split", "splitTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Split a settled trade",
        description="Parts go from the seller to receivers that are bound to the app.",
        body=shapes.NewSplit, command=split, show=shapes.split_state, answer=shapes.SplitState,
        refusals=("TRADE_NOT_EXIST", "TRADE_NOT_SETTLED", "ROYALTY_RELATION_MISSING",
                  "SPLIT_EXCEEDS_AMOUNT", "SELLER_BALANCE_NOT_ENOUGH", "SETTLE_MISMATCH",
                  "INVALID_AMOUNT"),
        example={"out_request_no": "SPLIT-1001",
                 "splits": [{"receiver_id": "2088000000000003", "amount": "1.00"}]},
    ),
    change(
        "/v1/trades/{trade_no}/refunds", "refundTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        status=201, summary="Refund a part or all",
        description="From what is held, or from the seller when the trade was settled. The same "
        "`out_request_no` again gives the same refund.",
        body=shapes.NewRefund, command=refund, show=shapes.refund_state,
        answer=shapes.RefundState,
        refusals=("TRADE_NOT_EXIST", "TRADE_NOT_PAID", "TRADE_CLOSED", "TRADE_FINISHED",
                  "TRADE_DISPUTED", "REFUND_AMOUNT_EXCEEDED", "REFUND_MISMATCH",
                  "SELLER_BALANCE_NOT_ENOUGH", "INVALID_AMOUNT"),
        example={"amount": "2.30", "out_request_no": "REFUND-1", "reason": "One bag was torn"},
    ),
    look(
        "/v1/trades/{trade_no}/refunds", "listRefunds", tag=_TAG, scope=_READ, parameters=_ONE,
        summary="List a trade's refunds", description="Oldest first.", query=Query,
        find=get_refunds, answer=RefundList, refusals=("TRADE_NOT_EXIST",),
    ),
    change(
        "/v1/trades/{trade_no}/close", "closeTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Close an unpaid order", command=close, show=shapes.trade_state,
        answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_ALREADY_PAID", "TRADE_CLOSED", "TRADE_STATE_REFUSED"),
    ),
    change(
        "/v1/trades/{trade_no}/cancel", "cancelTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Undo an order",
        description="Closes it unpaid, or gives back all that was paid; `action` says which.",
        command=cancel, show=shapes.trade_state, answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_DISPUTED", "TRADE_FINISHED", "TRADE_STATE_REFUSED"),
    ),
    change(
        "/v1/trades/{trade_no}/dispute", "disputeTrade", tag=_TAG, scope=_WRITE, parameters=_ONE,
        summary="Contest for the buyer",
        description="The money stays held until the dispute is resolved.",
        body=shapes.Dispute, command=dispute, show=shapes.trade_state, answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "TRADE_NOT_HELD", "TRADE_NOT_PAID", "TRADE_DISPUTED",
                  "TRADE_STATE_REFUSED"),
        example={"reason": "Nothing arrived"},
    ),
    change(
        "/v1/trades/{trade_no}/resolve", "resolveDispute", tag=_TAG, scope="disputes:resolve",
        parameters=_ONE, for_apps=False, summary="Decide a dispute",
        description="Gives each side its part of the held money.",
        body=shapes.Resolution, command=resolve, show=shapes.trade_state,
        answer=shapes.TradeState,
        refusals=("TRADE_NOT_EXIST", "DISPUTE_NOT_OPEN", "DISPUTE_SUM_WRONG", "INVALID_AMOUNT"),
        example={"to_buyer": "2.30", "to_seller": "10.00"},
    ),
)  # fmt: skip
