"""Wallets: balance, statement, topping up, withdrawing, transferring, and orders at banks."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    AmountText,
    AppId,
    BankId,
    Body,
    Currency,
    Cursor,
    Limit,
    Ms,
    OrderNo,
    OrderText,
    PartyId,
    Query,
    Shape,
    SignedAmountText,
    amount_of,
    moment,
    text_of,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.partners.model import App, AppSeller
from tallystick.payments.wallet.model import (
    BankOrder,
    BankOrderDone,
    BankOrderKind,
    BankOrderStatus,
    StartTopUp,
    StartWithdrawal,
    TransferBetweenWallets,
    WalletTransfer,
    WalletTransferDone,
)
from tallystick.payments.wallet.views import (
    NEWEST,
    StatementEntry,
    wallet_balance,
    wallet_statement,
)
from tallystick.pipeline.refusals import Refused

__all__ = ["WALLET_OPERATIONS"]

_TAG: Final = "Wallets"
_WRITE: Final = "wallet:write"
_READ: Final = "wallet:read"
_ONE: Final = {"party_id": PartyId}
_WHOSE: Final = "A key that is bound to an app sees the app's merchant and sellers."

Words = Annotated[str, Meta(max_length=200, examples=["Rent for May"])]


class InCurrency(Query, frozen=True, kw_only=True):
    """Which of the party's wallets."""

    currency: Currency = "CNY"


class StatementQuery(Query, frozen=True, kw_only=True):
    """Which wallet, from when on, and how much of it."""

    currency: Currency = "CNY"
    from_ms: Ms = 0
    limit: Limit = 20
    cursor: Cursor = ""


class BankOrderQuery(Query, frozen=True, kw_only=True):
    """Which bank orders; what is left out does not filter."""

    party_id: PartyId | None = None
    status: BankOrderStatus | None = None
    kind: BankOrderKind | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class NewBankOrder(Body, frozen=True, kw_only=True):
    """How much, and at which bank."""

    amount: AmountText
    bank_id: BankId
    currency: Currency = "CNY"


class NewTransfer(Body, frozen=True, kw_only=True):
    """Money from one wallet to another; `out_biz_no` names it for ever."""

    payer_id: PartyId
    payee_id: PartyId
    amount: AmountText
    out_biz_no: OrderText
    currency: Currency = "CNY"
    title: Words = ""
    remark: Words = ""
    app_id: AppId | None = None


class Balance(Shape, frozen=True, kw_only=True):
    """A wallet: `available` can be paid, `frozen` is held for something."""

    party_id: PartyId
    currency: Currency
    available: AmountText
    frozen: AmountText


class StatementLine(Shape, frozen=True, kw_only=True):
    """One movement; `balance` is what was there after it, what is frozen included."""

    at_ms: Ms
    movement: Annotated[str, Meta(examples=["Payment"])]
    movement_zh: Annotated[str, Meta(examples=["交易付款"])]
    change: SignedAmountText
    balance: SignedAmountText
    reference: Annotated[str, Meta(examples=["2026112412345678901234567890"])]
    counterparty_id: Annotated[str, Meta(examples=["2026112412345678901234567890"])]


class BankOrderShape(Shape, frozen=True, kw_only=True):
    """An order to a bank. Moments are null until they are known."""

    order_id: OrderNo
    kind: BankOrderKind
    party_id: PartyId
    bank_id: BankId
    currency: Currency
    amount: AmountText
    status: BankOrderStatus
    bank_reference: str
    reason: str
    created_ms: Ms
    sent_ms: Ms | None
    answered_ms: Ms | None


class BankOrderState(Shape, frozen=True, kw_only=True):
    """A bank order after a change."""

    order_id: OrderNo
    kind: BankOrderKind
    party_id: PartyId
    currency: Currency
    amount: AmountText
    status: BankOrderStatus


class TransferState(Shape, frozen=True, kw_only=True):
    """A transfer between wallets."""

    order_id: OrderNo
    out_biz_no: str
    payer_id: PartyId
    payee_id: PartyId
    currency: Currency
    amount: AmountText
    transferred_ms: Ms


def _visible(call: Call, party_id: str) -> str:
    """The party, if its wallet is this key's business.

    Raises:
        Refused: NOT_PERMITTED.
    """
    app_id, rows = call.identity.app_id, call.platform.rows
    if app_id:
        app = rows.get(App, app_id)
        own = app is not None and app.merchant_id == party_id
        if not own and rows.get(AppSeller, app_id, party_id) is None:
            raise Refused("NOT_PERMITTED", "This wallet is not the app's merchant's or a seller's.")
    return party_id


def get_balance(call: Call, query: InCurrency) -> Balance:
    """What is in a wallet now."""
    party_id = _visible(call, call.path["party_id"])
    rows, ledger = call.platform.rows, call.platform.ledger
    found = wallet_balance(rows, ledger, party_id, query.currency)
    return Balance(
        party_id=party_id,
        currency=query.currency,
        available=text_of(found.available, query.currency),
        frozen=text_of(found.frozen, query.currency),
    )


def _line(entry: StatementEntry, currency: str) -> StatementLine:
    return StatementLine(
        at_ms=entry.at_ms,
        movement=entry.name.english,
        movement_zh=entry.name.chinese,
        change=text_of(entry.change, currency),
        balance=text_of(entry.balance, currency),
        reference=entry.reference,
        counterparty_id=entry.counterparty_id,
    )


def get_statement(call: Call, query: StatementQuery) -> Page[StatementLine]:
    """A wallet's movements, newest first."""
    party_id = _visible(call, call.path["party_id"])
    scope = f"statement?{party_id},{query.currency},{query.from_ms}"
    place = call.read_cursor(scope, query.cursor)
    found = wallet_statement(
        call.platform.rows,
        call.platform.ledger,
        party_id,
        query.currency,
        before=NEWEST if place is None else int(place[0]),
        from_ms=query.from_ms,
        limit=query.limit,
    )
    after = None if found.after is None else (found.after,)
    return Page(
        items=[_line(e, query.currency) for e in found.entries],
        next_cursor=call.write_cursor(scope, after),
    )


def top_up(call: Call, body: NewBankOrder) -> StartTopUp:
    """The command that asks a bank for money."""
    return StartTopUp(
        party_id=call.path["party_id"],
        amount=amount_of(body.amount, body.currency),
        bank_id=body.bank_id,
        currency=body.currency,
    )


def withdraw(call: Call, body: NewBankOrder) -> StartWithdrawal:
    """The command that asks a bank to pay out."""
    return StartWithdrawal(
        party_id=call.path["party_id"],
        amount=amount_of(body.amount, body.currency),
        bank_id=body.bank_id,
        currency=body.currency,
    )


def _order_state(done: BankOrderDone) -> BankOrderState:
    return BankOrderState(
        order_id=done.order_id,
        kind=done.kind,
        party_id=done.party_id,
        currency=done.currency,
        amount=text_of(done.amount, done.currency),
        status=done.status,
    )


def transfer(call: Call, body: NewTransfer) -> TransferBetweenWallets:
    """The command that moves money between wallets."""
    return TransferBetweenWallets(
        payer_id=body.payer_id,
        payee_id=body.payee_id,
        amount=amount_of(body.amount, body.currency),
        out_biz_no=body.out_biz_no,
        currency=body.currency,
        title=body.title,
        remark=body.remark,
        app_id=body.app_id or "",
    )


def _transfer_state(done: WalletTransferDone | WalletTransfer) -> TransferState:
    return TransferState(
        order_id=done.order_id,
        out_biz_no=done.out_biz_no,
        payer_id=done.payer_id,
        payee_id=done.payee_id,
        currency=done.currency,
        amount=text_of(done.amount, done.currency),
        transferred_ms=done.transferred_ms,
    )


def get_transfer(call: Call, query: Query) -> TransferState:
    """A transfer that was made."""
    found = call.platform.rows.get(WalletTransfer, call.path["order_id"])
    scope = f"app:{call.identity.app_id}"
    if found is None or (call.identity.app_id and found.payer_scope != scope):
        raise Refused("TRANSFER_NOT_EXIST")
    return _transfer_state(found)


def _bank_order(order: BankOrder) -> BankOrderShape:
    return BankOrderShape(
        order_id=order.order_id,
        kind=order.kind,
        party_id=order.party_id,
        bank_id=order.bank_id,
        currency=order.currency,
        amount=text_of(order.amount, order.currency),
        status=order.status,
        bank_reference=order.bank_reference,
        reason=order.reason,
        created_ms=order.created_ms,
        sent_ms=moment(order.sent_ms),
        answered_ms=moment(order.answered_ms),
    )


_BANK_ORDERS: Final = Listing(BankOrder, "created_ms", "order_id")


def list_bank_orders(call: Call, query: BankOrderQuery) -> Page[BankOrderShape]:
    """Bank orders, newest first."""
    if call.identity.app_id and query.party_id is None:
        raise Refused("INVALID_PARAMETER", "party_id: a key of an app must name a party.")
    return page_of(
        call,
        _BANK_ORDERS,
        _bank_order,
        limit=query.limit,
        cursor=query.cursor,
        party_id=_visible(call, query.party_id) if query.party_id else "",
        status=query.status or "",
        kind=query.kind or "",
    )


def get_bank_order(call: Call, query: Query) -> BankOrderShape:
    """A bank order as it is now."""
    found = call.platform.rows.get(BankOrder, call.path["order_id"])
    if found is None:
        raise Refused("BANK_ORDER_NOT_EXIST")
    _visible(call, found.party_id)
    return _bank_order(found)


_BANK_REFUSALS: Final = (
    "PARTY_NOT_EXIST", "PARTY_BLOCKED", "BANK_NOT_EXIST", "BALANCE_NOT_ENOUGH", "INVALID_AMOUNT",
)  # fmt: skip
_ORDER_EXAMPLE: Final = {"amount": "100.00", "bank_id": "1"}

WALLET_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/wallets/{party_id}", "getWallet", tag=_TAG, scope=_READ, summary="See a balance",
        description=_WHOSE, parameters=_ONE, query=InCurrency, find=get_balance, answer=Balance,
        refusals=("PARTY_NOT_EXIST", "INVALID_PARAMETER"),
    ),
    look(
        "/v1/wallets/{party_id}/statement", "getStatement", tag=_TAG, scope=_READ,
        summary="See a statement", description=f"Newest first. {_WHOSE}", parameters=_ONE,
        query=StatementQuery, find=get_statement, answer=Page[StatementLine],
        refusals=("PARTY_NOT_EXIST", "INVALID_PARAMETER"),
    ),
    change(
        "/v1/wallets/{party_id}/top-ups", "topUp", tag=_TAG, scope=_WRITE, status=201,
        parameters=_ONE, summary="Top up from a bank",
        description="The wallet grows when the bank accepts; follow the bank order.",
        body=NewBankOrder, command=top_up, show=_order_state, answer=BankOrderState,
        refusals=_BANK_REFUSALS, example=_ORDER_EXAMPLE,
    ),
    change(
        "/v1/wallets/{party_id}/withdrawals", "withdraw", tag=_TAG, scope=_WRITE, status=201,
        parameters=_ONE, summary="Withdraw to a bank",
        description="The money is frozen until the bank answers; a rejection gives it free.",
        body=NewBankOrder, command=withdraw, show=_order_state, answer=BankOrderState,
        refusals=_BANK_REFUSALS, example=_ORDER_EXAMPLE,
    ),
    look(
        "/v1/bank-orders", "listBankOrders", tag=_TAG, scope=_READ, summary="List bank orders",
        description=f"Newest first. {_WHOSE}", query=BankOrderQuery, find=list_bank_orders,
        answer=Page[BankOrderShape], refusals=("INVALID_PARAMETER",),
    ),
    look(
        "/v1/bank-orders/{order_id}", "getBankOrder", tag=_TAG, scope=_READ,
        summary="See a bank order", parameters={"order_id": OrderNo}, query=Query,
        find=get_bank_order, answer=BankOrderShape, refusals=("BANK_ORDER_NOT_EXIST",),
    ),
    change(
        "/v1/transfers", "transfer", tag=_TAG, scope=_WRITE, status=201,
        summary="Transfer between wallets",
        description="The same `out_biz_no` again gives the same transfer. With an app, the payer "
        "is the app's merchant or one of its sellers.",
        body=NewTransfer, command=transfer, show=_transfer_state, answer=TransferState,
        refusals=("APP_NOT_EXIST", "APP_DISABLED", "PARTY_NOT_EXIST", "PARTY_BLOCKED",
                  "PAYEE_NOT_EXIST", "PAYER_IS_PAYEE", "BALANCE_NOT_ENOUGH", "TRANSFER_MISMATCH",
                  "INVALID_AMOUNT"),
        example={"payer_id": "2088000000000101", "payee_id": "2088000000000102",
                 "amount": "5.00", "out_biz_no": "RENT-05"},
    ),
    look(
        "/v1/transfers/{order_id}", "getTransfer", tag=_TAG, scope=_READ,
        summary="See a transfer", parameters={"order_id": OrderNo}, query=Query,
        find=get_transfer, answer=TransferState, refusals=("TRANSFER_NOT_EXIST",),
    ),
)  # fmt: skip
