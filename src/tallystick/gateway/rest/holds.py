"""Holds: a buyer's money frozen under an authorisation, given free or paid in parts."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
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
    Shape,
    Url,
    amount_of,
    moment,
    text_of,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.parties.views import payment_code_index
from tallystick.payments.holds.model import (
    FreezeFunds,
    FundHold,
    HoldDone,
    HoldOperationKind,
    HoldStatus,
    UnfreezeFunds,
)
from tallystick.payments.holds.views import frozen_amount, hold_story
from tallystick.pipeline.refusals import Refused

__all__ = ["HOLD_OPERATIONS"]

_TAG: Final = "Holds"
_ONE: Final = {"hold_id": OrderNo}
_YEAR_MS: Final = 365 * 86_400_000

Title = Annotated[str, Meta(min_length=1, max_length=100, examples=["Room deposit"])]
Words = Annotated[str, Meta(max_length=200, examples=["Guest left early"])]


class NewHold(Body, frozen=True, kw_only=True):
    """Money to freeze, by the code that the buyer shows."""

    out_order_no: OrderText
    out_request_no: OrderText
    amount: AmountText
    title: Title
    payment_code: PaymentCodeText
    currency: Currency = "CNY"
    app_id: AppId | None = None
    payee_id: PartyId | None = None
    notify_url: Url = ""
    expires_within_ms: Annotated[
        int,
        Meta(ge=0, le=_YEAR_MS, description="0: it does not end by itself.", examples=[_YEAR_MS]),
    ] = 0


class Release(Body, frozen=True, kw_only=True):
    """What is given free, in the hold's currency."""

    out_request_no: OrderText
    amount: AmountText
    remark: Words = ""


class HoldQuery(Query, frozen=True, kw_only=True):
    """Which holds; what is left out does not filter."""

    app_id: AppId | None = None
    payer_id: PartyId | None = None
    out_order_no: OrderText | None = None
    status: HoldStatus | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class HoldState(Shape, frozen=True, kw_only=True):
    """A hold after an operation: `amount` is the operation's, `frozen` what is left."""

    hold_id: OrderNo
    out_order_no: str
    operation_id: OrderNo
    out_request_no: str
    payer_id: PartyId
    payee_id: PartyId
    currency: Currency
    amount: AmountText
    frozen: AmountText
    status: HoldStatus
    at_ms: Ms


class HoldSummary(Shape, frozen=True, kw_only=True):
    """A hold: `amount` is what was frozen at first, `frozen` what still is."""

    hold_id: OrderNo
    app_id: AppId
    out_order_no: str
    payer_id: PartyId
    payee_id: PartyId
    currency: Currency
    amount: AmountText
    frozen: AmountText
    status: HoldStatus
    title: str
    created_ms: Ms
    expires_ms: Ms | None


class HoldStep(Shape, frozen=True, kw_only=True):
    """One freeze, release or payment."""

    operation_id: OrderNo
    out_request_no: str
    kind: HoldOperationKind
    amount: AmountText
    remark: str
    at_ms: Ms


class HoldShape(Shape, frozen=True, kw_only=True):
    """A hold and what was done to it, oldest first."""

    hold: HoldSummary
    operations: list[HoldStep]


def _hold(call: Call) -> FundHold:
    """The hold in the path, if this caller may know of it."""
    hold = call.platform.rows.get(FundHold, call.path["hold_id"])
    if hold is None or not call.identity.sees(hold.app_id):
        raise Refused("HOLD_NOT_EXIST")
    return hold


def freeze(call: Call, body: NewHold) -> FreezeFunds:
    """The command that freezes money."""
    return FreezeFunds(
        app_id=call.identity.app(body.app_id or ""),
        out_order_no=body.out_order_no,
        out_request_no=body.out_request_no,
        amount=amount_of(body.amount, body.currency),
        title=body.title,
        currency=body.currency,
        payee_id=body.payee_id or "",
        payment_code_index=payment_code_index(call.platform.sealer, body.payment_code),
        notify_url=body.notify_url,
        expires_within_ms=body.expires_within_ms,
    )


def unfreeze(call: Call, body: Release) -> UnfreezeFunds:
    """The command that gives frozen money free."""
    hold = _hold(call)
    return UnfreezeFunds(
        app_id=hold.app_id,
        hold_id=hold.hold_id,
        out_request_no=body.out_request_no,
        amount=amount_of(body.amount, hold.currency),
        remark=body.remark,
    )


def _state(done: HoldDone) -> HoldState:
    return HoldState(
        hold_id=done.hold_id,
        out_order_no=done.out_order_no,
        operation_id=done.operation_id,
        out_request_no=done.out_request_no,
        payer_id=done.payer_id,
        payee_id=done.payee_id,
        currency=done.currency,
        amount=text_of(done.amount, done.currency),
        frozen=text_of(done.frozen, done.currency),
        status=done.status,
        at_ms=done.at_ms,
    )


def _summary(hold: FundHold, frozen: int) -> HoldSummary:
    return HoldSummary(
        hold_id=hold.hold_id,
        app_id=hold.app_id,
        out_order_no=hold.out_order_no,
        payer_id=hold.payer_id,
        payee_id=hold.payee_id,
        currency=hold.currency,
        amount=text_of(hold.amount, hold.currency),
        frozen=text_of(frozen, hold.currency),
        status=hold.status,
        title=hold.title,
        created_ms=hold.created_ms,
        expires_ms=moment(hold.expires_ms),
    )


def get_hold(call: Call, query: Query) -> HoldShape:
    """A hold with its story."""
    story = hold_story(call.platform.rows, call.platform.ledger, _hold(call))
    currency = story.hold.currency
    return HoldShape(
        hold=_summary(story.hold, story.frozen),
        operations=[
            HoldStep(
                operation_id=o.operation_id,
                out_request_no=o.out_request_no,
                kind=o.kind,
                amount=text_of(o.amount, currency),
                remark=o.remark,
                at_ms=o.at_ms,
            )
            for o in story.operations
        ],
    )


_HOLDS: Final = Listing(FundHold, "created_ms", "hold_id")


def list_holds(call: Call, query: HoldQuery) -> Page[HoldSummary]:
    """Holds, newest first."""
    rows, ledger = call.platform.rows, call.platform.ledger
    wanted = query.app_id or ""
    return page_of(
        call,
        _HOLDS,
        lambda hold: _summary(hold, frozen_amount(rows, ledger, hold)),
        limit=query.limit,
        cursor=query.cursor,
        app_id=call.identity.app(wanted) if call.identity.app_id else wanted,
        payer_id=query.payer_id or "",
        out_order_no=query.out_order_no or "",
        status=query.status or "",
    )


HOLD_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/holds", "freeze", tag=_TAG, scope="payments:write", status=201,
        summary="Freeze a buyer's money",
        description="By the buyer's code. The same `out_order_no` again gives the same hold.",
        body=NewHold, command=freeze, show=_state, answer=HoldState,
        refusals=("APP_NOT_EXIST", "APP_DISABLED", "PAYEE_NOT_EXIST", "PARTY_BLOCKED",
                  "PAYMENT_CODE_INVALID", "BALANCE_NOT_ENOUGH", "PAYER_IS_PAYEE",
                  "HOLD_MISMATCH", "INVALID_AMOUNT"),
        example={"app_id": "2026000000000001", "out_order_no": "ROOM-7",
                 "out_request_no": "ROOM-7-FREEZE", "amount": "50.00", "title": "Room deposit",
                 "payment_code": "280000000000000101"},
    ),
    look(
        "/v1/holds", "listHolds", tag=_TAG, scope="payments:read", summary="List holds",
        description="Newest first.", query=HoldQuery, find=list_holds, answer=Page[HoldSummary],
    ),
    look(
        "/v1/holds/{hold_id}", "getHold", tag=_TAG, scope="payments:read", summary="See a hold",
        parameters=_ONE, query=Query, find=get_hold, answer=HoldShape,
        refusals=("HOLD_NOT_EXIST",),
    ),
    change(
        "/v1/holds/{hold_id}/unfreeze", "unfreeze", tag=_TAG, scope="payments:write",
        parameters=_ONE, summary="Give frozen money free",
        description="The last part ends the authorisation.", body=Release, command=unfreeze,
        show=_state, answer=HoldState,
        refusals=("HOLD_NOT_EXIST", "HOLD_CLOSED", "HOLD_AMOUNT_EXCEEDED", "HOLD_MISMATCH",
                  "INVALID_AMOUNT"),
        example={"out_request_no": "ROOM-7-RELEASE", "amount": "20.00"},
    ),
)  # fmt: skip
