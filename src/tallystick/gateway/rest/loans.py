"""Loans: products, credit lines, drawing, paying, taking payments back, and a loan's story."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tallystick.credit.loans.model import (
    ChangeLoanRate,
    ChargeOffLoan,
    CreditLine,
    DefineLoanProduct,
    DrawLoan,
    DrawMore,
    GrantCreditLine,
    LateTerms,
    LineDone,
    Loan,
    LoanDone,
    LoanProduct,
    NewDates,
    PaidFrom,
    PayLaterTerms,
    PayLoan,
    ProductDone,
    ProductTerms,
    ReAgeLoan,
    RescheduleLoan,
    ReverseLoanPayment,
    SellLoan,
    WaiveLoan,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.postings import Bucket
from tallystick.decoding import decode_json
from tallystick.gateway.rest.fields import (
    NoFields,
    OrderNo,
    PartyId,
    amount_of,
    text_of,
)
from tallystick.gateway.rest.loan_shapes import (
    Billing,
    CreditLineShape,
    LoanDates,
    LoanDrawdown,
    LoanPayment,
    LoanProductShape,
    LoanQuery,
    LoanRate,
    LoanReversal,
    LoanRow,
    LoanSale,
    LoanShape,
    LoanState,
    LoanStep,
    LoanWaiver,
    NewCreditLine,
    NewLoan,
    NewLoanProduct,
    ProductId,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.statement_files import read_day
from tallystick.pipeline.refusals import Refused

__all__ = ["LOAN_OPERATIONS", "currency_of", "loan_state_shape"]

_TAG: Final = "Credit"
_ONE: Final = {"loan_id": OrderNo}


def define(call: Call, body: NewLoanProduct) -> DefineLoanProduct:
    """The command that defines a product."""
    currency, late = body.currency, body.late
    terms = ProductTerms(
        currency=currency,
        annual_rate=body.annual_rate,
        day_count=body.day_count,
        every=body.every,
        counts=tuple(body.counts),
        method=body.method,
        amount_min=amount_of(body.amount_min, currency),
        amount_max=amount_of(body.amount_max, currency),
        up_front_rate=body.up_front_rate,
        period_fee_rate=body.period_fee_rate,
        prepayment_rate=body.prepayment_rate,
        ceiling=body.ceiling,
        ceiling_source=body.ceiling_source,
        drawdowns_max=body.drawdowns_max,
        re_ages_max=body.re_ages_max,
        late=LateTerms(
            penalty_rate=late.penalty_rate,
            late_fee=amount_of(late.late_fee, currency, allow_zero=True),
            grace_days=late.grace_days,
            order=late.order,
            oldest_first=late.oldest_first,
            retry_hours=late.retry_hours,
            notice_days=late.notice_days,
        ),
    )
    if body.pay_later is not None:
        terms = msgspec.structs.replace(terms, pay_later=_billing(body.pay_later, currency))
    return DefineLoanProduct(
        product_id=body.product_id, name=body.name, terms=terms, is_open=body.is_open
    )


def _billing(billing: Billing, currency: str) -> PayLaterTerms:
    return PayLaterTerms(
        bill_day=billing.bill_day,
        due_day=billing.due_day,
        minimum_rate=billing.minimum_rate,
        minimum_floor=amount_of(billing.minimum_floor, currency, allow_zero=True),
        late_fee=amount_of(billing.late_fee, currency, allow_zero=True),
        notice_days=billing.notice_days,
        instalment_fees=tuple((fee.count, fee.rate) for fee in billing.instalment_fees),
    )


def currency_of(call: Call, product_id: str) -> str:
    """A product's currency.

    Raises:
        Refused: CREDIT_PRODUCT_NOT_EXIST.
    """
    product = call.platform.rows.get(LoanProduct, product_id)
    if product is None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    return decode_json(product.terms, ProductTerms).currency


def grant(call: Call, body: NewCreditLine) -> GrantCreditLine:
    """The command that grants a line."""
    amount = amount_of(body.amount, currency_of(call, body.product_id), allow_zero=True)
    return GrantCreditLine(borrower_id=body.borrower_id, product_id=body.product_id, amount=amount)


def draw(call: Call, body: NewLoan) -> DrawLoan:
    """The command that draws a loan."""
    return DrawLoan(
        borrower_id=body.borrower_id,
        product_id=body.product_id,
        amount=amount_of(body.amount, currency_of(call, body.product_id)),
        count=body.count,
    )


def draw_more(call: Call, body: LoanDrawdown) -> DrawMore:
    """The command that draws a further part."""
    loan = _loan(call)
    return DrawMore(loan_id=loan.loan_id, amount=amount_of(body.amount, loan.currency))


def change_rate(call: Call, body: LoanRate) -> ChangeLoanRate:
    """The command that changes a loan's rate."""
    return ChangeLoanRate(loan_id=call.path["loan_id"], annual_rate=body.annual_rate)


def _dates(body: LoanDates) -> NewDates:
    first_due = read_day(body.first_due, "$.first_due") if body.first_due else None
    return NewDates(
        count=body.count, every=body.every, first_due=first_due, annual_rate=body.annual_rate,
        accrued=body.accrued,
    )  # fmt: skip


def reschedule(call: Call, body: LoanDates) -> RescheduleLoan:
    """The command that reschedules a loan."""
    return RescheduleLoan(loan_id=call.path["loan_id"], dates=_dates(body))


def re_age(call: Call, body: LoanDates) -> ReAgeLoan:
    """The command that re-ages a loan."""
    return ReAgeLoan(loan_id=call.path["loan_id"], dates=_dates(body))


def sell(call: Call, body: LoanSale) -> SellLoan:
    """The command that sells a loan."""
    loan = _loan(call)
    price = amount_of(body.price, loan.currency, allow_zero=True)
    return SellLoan(loan_id=loan.loan_id, buyer=body.buyer, price=price, bank_id=body.bank_id)


def _loan(call: Call) -> Loan:
    loan = call.platform.rows.get(Loan, call.path["loan_id"])
    if loan is None:
        raise Refused("LOAN_NOT_EXIST")
    return loan


def pay(call: Call, body: LoanPayment) -> PayLoan:
    """The command that pays a loan."""
    loan = _loan(call)
    return PayLoan(
        loan_id=loan.loan_id,
        amount=0 if body.amount is None else amount_of(body.amount, loan.currency),
        mode=body.mode,
        effect=body.effect,
        source=PaidFrom(body.bank_id or ""),
    )


def waive(call: Call, body: LoanWaiver) -> WaiveLoan:
    """The command that forgives."""
    loan = _loan(call)
    amount = amount_of(body.amount, loan.currency)
    return WaiveLoan(loan_id=loan.loan_id, bucket=Bucket(body.bucket), amount=amount)


def reverse(call: Call, body: LoanReversal) -> ReverseLoanPayment:
    """The command that takes a payment back."""
    return ReverseLoanPayment(loan_id=_loan(call).loan_id, step=body.step)


def charge_off(call: Call, body: NoFields) -> ChargeOffLoan:
    """The command that writes a loan off."""
    return ChargeOffLoan(loan_id=_loan(call).loan_id)


def _product(done: ProductDone) -> LoanProductShape:
    return LoanProductShape(product_id=done.product_id, is_open=done.is_open)


def _line(call: Call, done: LineDone) -> CreditLineShape:
    currency = currency_of(call, done.product_id)
    return CreditLineShape(
        borrower_id=done.borrower_id,
        product_id=done.product_id,
        amount=text_of(done.amount, currency),
    )


def loan_state_shape(done: LoanDone) -> LoanState:
    """A loan after a command, as answers show it."""

    def text(amount: int) -> str:
        return text_of(amount, done.currency)

    return LoanState(
        loan_id=done.loan_id,
        status=done.status,
        step=done.step,
        amount=text(done.amount),
        returned=text(done.returned),
        due=text(done.due),
        owed=text(done.owed),
        days_past_due=done.days_past_due,
        paid={bucket: text(part) for bucket, part in done.paid.items()},
    )


def story(call: Call, query: LoanQuery) -> LoanShape:
    """A loan as it stands today."""
    platform = call.platform
    told = loan_story(platform.rows, _loan(call), loan_day(platform.clock_ms()))
    loan, at = told.loan, told.position

    def text(amount: int) -> str:
        return text_of(amount, loan.currency)

    return LoanShape(
        loan_id=loan.loan_id,
        product_id=loan.product_id,
        borrower_id=loan.borrower_id,
        currency=loan.currency,
        status=loan.status,
        principal=text(at.charged[Bucket.PRINCIPAL]),
        owed={bucket.value: text(amount) for bucket, amount in at.left.items()},
        due={bucket.value: text(amount) for bucket, amount in at.due.items()},
        advance=text(at.advance),
        payoff=text(max(0, at.payoff)),
        days_past_due=at.days_past_due,
        next_due=at.next_due.isoformat() if at.next_due else None,
        schedule=[
            LoanRow(
                day=row.day.isoformat(), principal=text(row.principal),
                interest=text(row.interest), fee=text(row.fee), payment=text(row.payment),
                balance=text(row.balance),
            )
            for row in at.schedule.rows
        ],
        events=[
            LoanStep(
                step=e.step, kind=e.kind, day=e.day, amount=text(e.amount), detail=e.detail,
                at_ms=e.at_ms,
            )
            for e in told.events
        ],
    )  # fmt: skip


def line(call: Call, query: LoanQuery) -> CreditLineShape:
    """A borrower's line of a product."""
    product_id, borrower_id = call.path["product_id"], call.path["borrower_id"]
    currency = currency_of(call, product_id)
    found = call.platform.rows.get(CreditLine, borrower_id, product_id)
    amount = text_of(found.amount if found else 0, currency)
    return CreditLineShape(borrower_id=borrower_id, product_id=product_id, amount=amount)


_WRITE: Final = "credit:write"
_PRODUCT: Final = {
    "product_id": "cash", "name": "Cash loan", "annual_rate": "0.1095", "counts": [3, 6, 12],
    "amount_max": "50000.00", "ceiling": "0.24", "ceiling_source": "judicial ceiling",
    "late": {"penalty_rate": "0.1642", "late_fee": "10.00"},
}  # fmt: skip
_LINE: Final = {"borrower_id": "2088000000000101", "product_id": "cash", "amount": "5000.00"}
_PAYING: Final = (
    "LOAN_NOT_EXIST", "LOAN_NOTHING_TO_PAY", "INVALID_AMOUNT", "BORROWER_BALANCE_NOT_ENOUGH",
    "BANK_NOT_EXIST",
)  # fmt: skip
_CHANGING: Final = (
    "LOAN_NOT_EXIST", "LOAN_STATE_REFUSED", "CREDIT_TERMS_INVALID", "CREDIT_RATE_ABOVE_CEILING",
)  # fmt: skip
_OTHER_DATES: Final = (*_CHANGING, "INVALID_PARAMETER")
_CHANGED: Final[dict[str, Any]] = {
    "tag": _TAG, "scope": _WRITE, "for_apps": False, "show": loan_state_shape, "answer": LoanState,
}  # fmt: skip

LOAN_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/credit/products", "define_loan_product", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Define a product, or change it", body=NewLoanProduct, command=define,
        show=_product, answer=LoanProductShape, example=_PRODUCT,
        refusals=(
            "CREDIT_TERMS_INVALID", "CREDIT_RATE_ABOVE_CEILING", "INVALID_AMOUNT",
            "INVALID_PARAMETER",
        ),
    ),
    change(
        "/v1/credit/lines", "grant_credit_line", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Grant a borrower a line", body=NewCreditLine, command=grant, show=_line,
        shows_call=True, answer=CreditLineShape, example=_LINE,
        refusals=(
            "CREDIT_PRODUCT_NOT_EXIST", "PARTY_NOT_EXIST", "PARTY_BLOCKED", "INVALID_AMOUNT",
            "INVALID_PARAMETER",
        ),
    ),
    look(
        "/v1/credit/lines/{borrower_id}/{product_id}", "credit_line", tag=_TAG,
        scope="credit:read", for_apps=False, summary="A borrower's line", query=LoanQuery,
        find=line, answer=CreditLineShape,
        parameters={"borrower_id": PartyId, "product_id": ProductId},
        refusals=("CREDIT_PRODUCT_NOT_EXIST",),
    ),
    change(
        "/v1/credit/loans", "draw_loan", summary="Draw a loan", body=NewLoan, command=draw,
        example={**_LINE, "count": 6},
        refusals=(
            "CREDIT_PRODUCT_NOT_EXIST", "CREDIT_LINE_EXCEEDED", "CREDIT_LIMIT_EXCEEDED",
            "CREDIT_TERMS_INVALID", "CREDIT_RATE_ABOVE_CEILING", "INVALID_AMOUNT",
            "INVALID_PARAMETER", "PARTY_NOT_EXIST", "PARTY_BLOCKED", "BORROWER_BALANCE_NOT_ENOUGH",
        ),
        **_CHANGED,
    ),
    look(
        "/v1/credit/loans/{loan_id}", "loan", tag=_TAG, scope="credit:read", for_apps=False,
        summary="A loan's whole story", query=LoanQuery, find=story, answer=LoanShape,
        parameters=_ONE, refusals=("LOAN_NOT_EXIST",),
    ),
    change(
        "/v1/credit/loans/{loan_id}/payments", "pay_loan", summary="Pay a loan", body=LoanPayment,
        command=pay, parameters=_ONE, refusals=_PAYING, **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/reversals", "reverse_loan_payment",
        summary="Take a payment back", body=LoanReversal, command=reverse, parameters=_ONE,
        example={"step": 1},
        refusals=("LOAN_NOT_EXIST", "LOAN_PAYMENT_NOT_EXIST", "LOAN_STATE_REFUSED"), **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/waivers", "waive_loan", summary="Forgive what is due",
        body=LoanWaiver, command=waive, parameters=_ONE,
        example={"bucket": "penalty", "amount": "1.00"},
        refusals=("LOAN_NOT_EXIST", "LOAN_STATE_REFUSED", "INVALID_AMOUNT", "INVALID_PARAMETER"),
        **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/charge-off", "charge_off_loan", summary="Write a loan off",
        command=charge_off, parameters=_ONE,
        refusals=("LOAN_NOT_EXIST", "LOAN_STATE_REFUSED"), **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/drawdowns", "draw_more", summary="Draw a further part",
        body=LoanDrawdown, command=draw_more, parameters=_ONE, example={"amount": "100.00"},
        refusals=(
            *_CHANGING, "CREDIT_LINE_EXCEEDED", "CREDIT_LIMIT_EXCEEDED", "FUNDING_DECLINED",
            "INVALID_AMOUNT", "BORROWER_BALANCE_NOT_ENOUGH",
        ),
        **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/rate-changes", "change_loan_rate",
        summary="Have another rate hold", body=LoanRate, command=change_rate, parameters=_ONE,
        example={"annual_rate": "0.09"}, refusals=_CHANGING, **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/reschedules", "reschedule_loan",
        summary="Repay what is left by other dates", body=LoanDates, command=reschedule,
        parameters=_ONE, example={"count": 12}, refusals=_OTHER_DATES, **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/re-ages", "re_age_loan",
        summary="Put what is overdue back to what is to come", body=LoanDates, command=re_age,
        parameters=_ONE, example={"count": 12}, refusals=_OTHER_DATES, **_CHANGED,
    ),
    change(
        "/v1/credit/loans/{loan_id}/sale", "sell_loan", summary="Sell a loan", body=LoanSale,
        command=sell, parameters=_ONE,
        example={"buyer": "Example Bank", "price": "900.00", "bank_id": "1"},
        refusals=(
            "LOAN_NOT_EXIST", "LOAN_STATE_REFUSED", "INVALID_AMOUNT", "INVALID_PARAMETER",
            "BANK_NOT_EXIST",
        ),
        **_CHANGED,
    ),
)  # fmt: skip
