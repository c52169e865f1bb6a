"""Merchants' credit: loans on sales, and receivables from the invoice to the last payment."""

from __future__ import annotations

from typing import Any, Final

from tallystick.credit.loans.model import PaidFrom
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.merchant.model import (
    DrawMerchantLoan,
    MerchantPolicy,
    PolicyDone,
    SetMerchantPolicy,
)
from tallystick.credit.merchant.views import merchant_assessment, merchant_product, options_of
from tallystick.credit.receivables.model import (
    AnswerNotice,
    DefineReceivableTerms,
    FinanceReceivable,
    PayReceivable,
    Receivable,
    ReceivableDone,
    ReceivableTerms,
    ReceivableTermsDone,
    ReduceReceivable,
    RegisterInvoice,
    RepayReceivable,
)
from tallystick.credit.receivables.views import (
    ReceivableStory,
    financing_options,
    receivable_story,
    receivables_of,
)
from tallystick.gateway.rest.fields import OrderNo, PartyId, amount_of, text_of
from tallystick.gateway.rest.loan_shapes import LoanState as LoanStateShape
from tallystick.gateway.rest.loan_shapes import ProductId
from tallystick.gateway.rest.loans import currency_of, loan_state_shape
from tallystick.gateway.rest.merchant_shapes import (
    FinancingOffer,
    FinancingOffers,
    InvoiceAnswer,
    MerchantOfferShape,
    MerchantOption,
    MerchantQuery,
    NamedTerms,
    NewFinancing,
    NewInvoice,
    NewMerchantLoan,
    NewMerchantProduct,
    NewReceivableTerms,
    NewTradeFinancing,
    OfferedProduct,
    ReceivableList,
    ReceivablePayment,
    ReceivableQuery,
    ReceivableReduction,
    ReceivableRepayment,
    ReceivableShape,
    ReceivableState,
    ReceivableStep,
    SalesMonthShape,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.pipeline.refusals import Refused

__all__ = ["MERCHANT_CREDIT_OPERATIONS"]

_TAG: Final = "Credit"
_ONE: Final = {"receivable_id": OrderNo}


def set_policy(call: Call, body: NewMerchantProduct) -> SetMerchantPolicy:
    """The command that offers a product to merchants."""
    asked, currency = body.policy, currency_of(call, body.product_id)
    policy = MerchantPolicy(
        months_looked=asked.months_looked,
        months_min=asked.months_min,
        monthly_min=amount_of(asked.monthly_min, currency, allow_zero=True),
        refund_rate_max=asked.refund_rate_max,
        trend_min=asked.trend_min,
        multiple=asked.multiple,
        exposure_max=amount_of(asked.exposure_max, currency, allow_zero=True),
        share_rate=asked.share_rate,
        floor_rate=asked.floor_rate,
        effect=asked.effect,
    )
    return SetMerchantPolicy(product_id=body.product_id, policy=policy)


def _offered(done: PolicyDone) -> OfferedProduct:
    return OfferedProduct(product_id=done.product_id)


def draw(call: Call, body: NewMerchantLoan) -> DrawMerchantLoan:
    """The command that draws on sales."""
    return DrawMerchantLoan(
        merchant_id=body.merchant_id,
        product_id=body.product_id,
        amount=amount_of(body.amount, currency_of(call, body.product_id)),
        count=body.count,
    )


def offer(call: Call, query: MerchantQuery) -> MerchantOfferShape:
    """What a merchant may draw of a product now."""
    platform = call.platform
    merchant_id, product_id = call.path["merchant_id"], call.path["product_id"]
    terms, policy = merchant_product(platform.rows, product_id)
    now_ms = platform.clock_ms()
    assessed = merchant_assessment(
        platform.rows, platform.rows.connection, platform.ledger.accounts, merchant_id,
        product_id, now_ms,
    )  # fmt: skip

    def text(amount: int) -> str:
        return text_of(amount, terms.currency)

    return MerchantOfferShape(
        amount=text(assessed.amount),
        average=text(assessed.average),
        exposure=text(assessed.exposure),
        share_rate=str(policy.share_rate),
        months=[
            SalesMonthShape(
                month=m.month, trades=m.trades, volume=text(m.volume), refunded=text(m.refunded)
            )
            for m in assessed.months
        ],
        options=[
            MerchantOption(
                count=option.payments, instalment=text(option.instalment), cost=text(option.cost),
                all_in=None if option.all_in is None else f"{option.all_in:.6f}",
            )
            for option in options_of(terms, assessed.amount, loan_day(now_ms))
        ],
    )  # fmt: skip


# Receivables.


def define_terms(call: Call, body: NewReceivableTerms) -> DefineReceivableTerms:
    """The command that defines terms of financing."""
    terms = ReceivableTerms(
        currency=body.currency,
        advance_rate=body.advance_rate,
        discount_rate=body.discount_rate,
        grace_days=body.grace_days,
        with_recourse=body.with_recourse,
        retry_days=body.retry_days,
        acknowledged=body.acknowledged,
        tenor_days_max=body.tenor_days_max,
        seller_max=amount_of(body.seller_max, body.currency, allow_zero=True),
        debtor_max=amount_of(body.debtor_max, body.currency, allow_zero=True),
        ceiling=body.ceiling,
        ceiling_source=body.ceiling_source,
    )
    return DefineReceivableTerms(product_id=body.product_id, terms=terms)


def _named(done: ReceivableTermsDone) -> NamedTerms:
    return NamedTerms(product_id=done.product_id)


def register_invoice(call: Call, body: NewInvoice) -> RegisterInvoice:
    """The command that registers an invoice."""
    return RegisterInvoice(
        seller_id=body.seller_id,
        debtor_id=body.debtor_id,
        number=body.number,
        amount=amount_of(body.amount, body.currency),
        due_day=body.due_day,
        currency=body.currency,
    )


def _row(call: Call) -> Receivable:
    row = call.platform.rows.get(Receivable, call.path["receivable_id"])
    if row is None:
        raise Refused("RECEIVABLE_NOT_EXIST")
    return row


def answer_notice(call: Call, body: InvoiceAnswer) -> AnswerNotice:
    """The command that answers a notice."""
    return AnswerNotice(
        receivable_id=_row(call).receivable_id, accepted=body.accepted, reason=body.reason
    )


def finance(call: Call, body: NewFinancing) -> FinanceReceivable:
    """The command that assigns an invoice."""
    return FinanceReceivable(product_id=body.product_id, receivable_id=_row(call).receivable_id)


def finance_trade(call: Call, body: NewTradeFinancing) -> FinanceReceivable:
    """The command that assigns a trade's proceeds."""
    return FinanceReceivable(product_id=body.product_id, trade_no=body.trade_no)


def pay(call: Call, body: ReceivablePayment) -> PayReceivable:
    """The command with which the debtor pays."""
    row = _row(call)
    return PayReceivable(
        receivable_id=row.receivable_id,
        amount=0 if body.amount is None else amount_of(body.amount, row.currency),
        source=PaidFrom(body.bank_id or ""),
    )


def reduce(call: Call, body: ReceivableReduction) -> ReduceReceivable:
    """The command that makes an invoice smaller."""
    row = _row(call)
    amount = amount_of(body.amount, row.currency)
    return ReduceReceivable(receivable_id=row.receivable_id, amount=amount, reason=body.reason)


def repay(call: Call, body: ReceivableRepayment) -> RepayReceivable:
    """The command with which the seller repays."""
    row = _row(call)
    amount = 0 if body.amount is None else amount_of(body.amount, row.currency)
    return RepayReceivable(receivable_id=row.receivable_id, amount=amount)


def _state(done: ReceivableDone) -> ReceivableState:
    def text(amount: int) -> str:
        return text_of(amount, done.currency)

    return ReceivableState(
        receivable_id=done.receivable_id,
        status=done.status,
        amount=text(done.amount),
        advance=text(done.advance),
        fee=text(done.fee),
        owed=text(done.owed),
        face_left=text(done.face_left),
    )


def _shape(story: ReceivableStory) -> ReceivableShape:
    row = story.row

    def text(amount: int) -> str:
        return text_of(amount, row.currency)

    return ReceivableShape(
        receivable_id=row.receivable_id,
        kind=row.kind,
        seller_id=row.seller_id,
        debtor_id=row.debtor_id,
        number=row.number,
        currency=row.currency,
        face=text(row.face),
        due_day=row.due_day,
        status=row.status,
        advance=text(row.advance),
        fee=text(row.fee),
        owed=text(story.standing.owed),
        face_left=text(story.standing.face_left),
        events=[
            ReceivableStep(
                step=e.step, kind=e.kind, day=e.day, amount=text(e.amount), detail=e.detail,
                at_ms=e.at_ms,
            )
            for e in story.events
        ],
    )  # fmt: skip


def receivable(call: Call, query: MerchantQuery) -> ReceivableShape:
    """One receivable."""
    return _shape(receivable_story(call.platform.rows, _row(call)))


def offers(call: Call, query: MerchantQuery) -> FinancingOffers:
    """By which terms a receivable may be assigned today."""
    platform, row = call.platform, _row(call)
    day = loan_day(platform.clock_ms())
    return FinancingOffers(
        offers=[
            FinancingOffer(
                product_id=option.product_id,
                advance=text_of(option.advance, row.currency),
                fee=text_of(option.fee, row.currency),
                all_in=None if option.all_in is None else f"{option.all_in:.6f}",
                with_recourse=option.terms.with_recourse,
                refused=None if option.refused is None else option.refused.code,
            )
            for option in financing_options(platform.rows, platform.ledger.accounts, row, day)
        ]
    )


def receivables(call: Call, query: ReceivableQuery) -> ReceivableList:
    """Receivables of a seller, of a debtor, or of all."""
    found = receivables_of(
        call.platform.rows, seller_id=query.seller_id or "", debtor_id=query.debtor_id or "",
        status=query.status,
    )  # fmt: skip
    return ReceivableList(receivables=[_shape(story) for story in found])


_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "credit:write", "for_apps": False}
_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "credit:read", "for_apps": False}
_CHANGED: Final[dict[str, Any]] = {**_WRITE, "show": _state, "answer": ReceivableState}
_PATH: Final = "/v1/credit/receivables"
_SALES: Final = (
    "CREDIT_PRODUCT_NOT_EXIST", "MERCHANT_HISTORY_SHORT", "MERCHANT_SALES_TOO_LOW",
    "MERCHANT_REFUNDS_TOO_HIGH", "MERCHANT_SALES_FALLING", "MERCHANT_EXPOSURE_TOO_HIGH",
)  # fmt: skip
_PARTIES: Final = ("PARTY_NOT_EXIST", "PARTY_BLOCKED", "NOT_PERMITTED", "INVALID_PARAMETER")
_KNOWN: Final = ("RECEIVABLE_NOT_EXIST", "RECEIVABLE_STATE_REFUSED")
_FINANCING: Final = (
    "CREDIT_PRODUCT_NOT_EXIST", "RECEIVABLE_ALREADY_ASSIGNED", "RECEIVABLE_DUE_DAY",
    "RECEIVABLE_LIMIT_EXCEEDED", "RECEIVABLE_STATE_REFUSED", "INVALID_AMOUNT",
    "INVALID_PARAMETER", "PARTY_BLOCKED", "CREDIT_RATE_ABOVE_CEILING",
)  # fmt: skip

MERCHANT_CREDIT_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/credit/merchant-products", "offer_to_merchants",
        summary="Offer a product to merchants by their sales", body=NewMerchantProduct,
        command=set_policy, show=_offered, answer=OfferedProduct,
        example={"product_id": "cash", "policy": {"share_rate": "0.1", "multiple": "1.5"}},
        refusals=("CREDIT_PRODUCT_NOT_EXIST", "CREDIT_TERMS_INVALID", "INVALID_AMOUNT"), **_WRITE,
    ),
    look(
        "/v1/credit/merchant-offers/{merchant_id}/{product_id}", "merchant_offer",
        summary="What a merchant's sales allow now", query=MerchantQuery, find=offer,
        answer=MerchantOfferShape, parameters={"merchant_id": PartyId, "product_id": ProductId},
        refusals=_SALES, **_READ,
    ),
    change(
        "/v1/credit/merchant-loans", "draw_merchant_loan",
        summary="Draw a loan that sales allow and repay", body=NewMerchantLoan, command=draw,
        show=loan_state_shape, answer=LoanStateShape,
        example={
            "merchant_id": "2088000000000101", "product_id": "cash", "amount": "5000.00",
            "count": 6,
        },
        refusals=(
            *_SALES, *_PARTIES, "MERCHANT_OFFER_EXCEEDED", "MERCHANT_LOAN_OPEN",
            "CREDIT_TERMS_INVALID", "CREDIT_RATE_ABOVE_CEILING", "INVALID_AMOUNT",
            "BORROWER_BALANCE_NOT_ENOUGH",
        ),
        **_WRITE,
    ),
    change(
        "/v1/credit/receivable-terms", "define_receivable_terms",
        summary="Define terms for receivables", body=NewReceivableTerms, command=define_terms,
        show=_named, answer=NamedTerms, example={"product_id": "invoices"},
        refusals=("CREDIT_TERMS_INVALID", "INVALID_AMOUNT", "INVALID_PARAMETER"), **_WRITE,
    ),
    look(
        _PATH, "receivables", summary="Receivables, newest first", query=ReceivableQuery,
        find=receivables, answer=ReceivableList, **_READ,
    ),
    change(
        _PATH, "register_invoice", summary="Register an invoice and give its debtor notice",
        body=NewInvoice, command=register_invoice,
        example={
            "seller_id": "2088000000000101", "debtor_id": "2088000000000102",
            "number": "INV-2026-17", "amount": "1000.00", "due_day": "2027-01-31",
        },
        refusals=(
            *_PARTIES, "INVALID_AMOUNT", "RECEIVABLE_ALREADY_REGISTERED", "RECEIVABLE_DUE_DAY",
        ),
        **_CHANGED,
    ),
    look(
        _PATH + "/{receivable_id}", "receivable", summary="A receivable's whole story",
        query=MerchantQuery, find=receivable, answer=ReceivableShape, parameters=_ONE,
        refusals=("RECEIVABLE_NOT_EXIST",), **_READ,
    ),
    look(
        _PATH + "/{receivable_id}/offers", "receivable_offers",
        summary="What a receivable would be financed for today", query=MerchantQuery, find=offers,
        answer=FinancingOffers, parameters=_ONE, refusals=("RECEIVABLE_NOT_EXIST",), **_READ,
    ),
    change(
        _PATH + "/{receivable_id}/answers", "answer_receivable_notice",
        summary="Acknowledge or contest a notice of assignment", body=InvoiceAnswer,
        command=answer_notice, parameters=_ONE, example={"accepted": True},
        refusals=(*_KNOWN, "INVALID_PARAMETER"), **_CHANGED,
    ),
    change(
        _PATH + "/{receivable_id}/financing", "finance_receivable",
        summary="Assign an invoice and get the advance", body=NewFinancing, command=finance,
        parameters=_ONE, example={"product_id": "invoices"},
        refusals=(*_FINANCING, "RECEIVABLE_NOT_EXIST", "RECEIVABLE_NOT_ACKNOWLEDGED"), **_CHANGED,
    ),
    change(
        "/v1/credit/trade-financing", "finance_trade",
        summary="Assign the proceeds of a paid trade and get the advance",
        body=NewTradeFinancing, command=finance_trade,
        example={"product_id": "invoices", "trade_no": "2026112412345678901234567890"},
        refusals=(*_FINANCING, "TRADE_NOT_EXIST", "TRADE_STATE_REFUSED"), **_CHANGED,
    ),
    change(
        _PATH + "/{receivable_id}/payments", "pay_receivable", summary="The debtor pays",
        body=ReceivablePayment, command=pay, parameters=_ONE,
        refusals=(
            *_KNOWN, "INVALID_AMOUNT", "LOAN_NOTHING_TO_PAY", "DEBTOR_BALANCE_NOT_ENOUGH",
            "BANK_NOT_EXIST",
        ),
        **_CHANGED,
    ),
    change(
        _PATH + "/{receivable_id}/reductions", "reduce_receivable",
        summary="An invoice is worth less", body=ReceivableReduction, command=reduce,
        parameters=_ONE, example={"amount": "10.00", "reason": "returned goods"},
        refusals=(*_KNOWN, "INVALID_AMOUNT", "INVALID_PARAMETER"), **_CHANGED,
    ),
    change(
        _PATH + "/{receivable_id}/repayments", "repay_receivable", summary="The seller repays",
        body=ReceivableRepayment, command=repay, parameters=_ONE,
        refusals=(
            *_KNOWN, "INVALID_AMOUNT", "LOAN_NOTHING_TO_PAY", "SELLER_BALANCE_NOT_ENOUGH",
        ),
        **_CHANGED,
    ),
)  # fmt: skip
"""What can be asked about merchants' credit."""
