"""What requests and answers about loans are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from tallystick.credit.loans.model import LoanEventKind, LoanStatus, PaymentMode
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.quote import Rate
from tallystick.credit.schedules.terms import AccruedInterest, Effect, Method, Unit
from tallystick.gateway.rest.fields import (
    AmountText,
    BankId,
    Body,
    Currency,
    Ms,
    OrderNo,
    PartyId,
    Query,
    Shape,
)

__all__ = [
    "Billing",
    "Count",
    "CreditLineShape",
    "Day",
    "InstalmentFee",
    "LateCosts",
    "LoanDates",
    "LoanDrawdown",
    "LoanPayment",
    "LoanProductShape",
    "LoanQuery",
    "LoanRate",
    "LoanReversal",
    "LoanRow",
    "LoanSale",
    "LoanShape",
    "LoanState",
    "LoanStep",
    "LoanWaiver",
    "NewCreditLine",
    "NewLoan",
    "NewLoanProduct",
    "ProductId",
]

ProductId = Annotated[
    str, Meta(pattern="^[a-z0-9_-]{1,32}$", description="A product's name.", examples=["cash"])
]
Count = Annotated[int, Meta(ge=1, le=600, examples=[6])]
Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-11-25"])]


class InstalmentFee(Body, frozen=True, kw_only=True):
    """What so many instalments cost, as a fraction of the price."""

    count: Annotated[int, Meta(ge=2, le=60, examples=[3])]
    rate: Rate


class Billing(Body, frozen=True, kw_only=True):
    """A product that pays purchases: when it bills, the minimum, and instalments."""

    bill_day: Annotated[int, Meta(ge=1, le=28)] = 1
    due_day: Annotated[int, Meta(ge=1, le=28)] = 10
    minimum_rate: Rate = Decimal("0.1")
    minimum_floor: AmountText = "0"
    late_fee: AmountText = "0"
    notice_days: Annotated[int, Meta(ge=0, le=28)] = 0
    instalment_fees: Annotated[tuple[InstalmentFee, ...], Meta(max_length=12)] = ()


class LateCosts(Body, frozen=True, kw_only=True):
    """What being late costs, and in which order a payment is allocated."""

    penalty_rate: Rate = Decimal(0)
    late_fee: AmountText = "0"
    grace_days: Annotated[int, Meta(ge=0, le=60)] = 0
    order: tuple[Bucket, Bucket, Bucket, Bucket] = (
        Bucket.PENALTY, Bucket.FEE, Bucket.INTEREST, Bucket.PRINCIPAL,
    )  # fmt: skip
    oldest_first: bool = True
    retry_hours: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=240)], ...], Meta(min_length=1, max_length=12)
    ] = (9, 15, 21, 33, 57)
    notice_days: Annotated[int, Meta(ge=0, le=60)] = 0


class NewLoanProduct(Body, frozen=True, kw_only=True):
    """A product; what is drawn before a change keeps the terms that it was drawn by."""

    product_id: ProductId
    name: Annotated[str, Meta(min_length=1, max_length=100, examples=["Cash loan"])]
    annual_rate: Rate
    counts: Annotated[list[Count], Meta(min_length=1, max_length=20)]
    amount_max: AmountText
    amount_min: AmountText = "0.01"
    currency: Currency = "CNY"
    day_count: DayCount = DayCount.ACT_365
    every: tuple[Annotated[int, Meta(ge=1, le=120)], Unit] = (1, Unit.MONTH)
    method: Method = Method.EQUAL_INSTALMENT
    up_front_rate: Rate = Decimal(0)
    period_fee_rate: Rate = Decimal(0)
    prepayment_rate: Rate = Decimal(0)
    ceiling: Rate | None = None
    ceiling_source: Annotated[str, Meta(max_length=200)] = ""
    drawdowns_max: Annotated[int, Meta(ge=1, le=100)] = 1
    re_ages_max: Annotated[int, Meta(ge=0, le=12)] = 1
    is_open: bool = True
    late: LateCosts = LateCosts()
    pay_later: Billing | None = None


class NewCreditLine(Body, frozen=True, kw_only=True):
    """How much a borrower may owe of a product, in the product's currency."""

    borrower_id: PartyId
    product_id: ProductId
    amount: AmountText


class NewLoan(Body, frozen=True, kw_only=True):
    """A loan to draw into the borrower's wallet."""

    borrower_id: PartyId
    product_id: ProductId
    amount: AmountText
    count: Count


class LoanPayment(Body, frozen=True, kw_only=True):
    """A payment; without an amount, all that the mode is for."""

    amount: AmountText | None = None
    mode: PaymentMode = PaymentMode.DUE
    effect: Effect = Effect.LOWER
    bank_id: BankId | None = None


class LoanWaiver(Body, frozen=True, kw_only=True):
    """What of what fell due is forgiven."""

    bucket: Literal["penalty", "fee", "interest"]
    amount: AmountText


class LoanReversal(Body, frozen=True, kw_only=True):
    """Which event of the loan."""

    step: Annotated[int, Meta(ge=1, le=1_000_000, examples=[1])]


class LoanDrawdown(Body, frozen=True, kw_only=True):
    """A further part of a loan."""

    amount: AmountText


class LoanRate(Body, frozen=True, kw_only=True):
    """The yearly rate that holds from today on."""

    annual_rate: Rate


class LoanDates(Body, frozen=True, kw_only=True):
    """How what is left is repaid from today on; what is left out stays as it is."""

    count: Count
    every: tuple[Annotated[int, Meta(ge=1, le=120)], Unit] | None = None
    first_due: Day | None = None
    annual_rate: Rate | None = None
    accrued: AccruedInterest = AccruedInterest.CARRIED


class LoanSale(Body, frozen=True, kw_only=True):
    """Who buys a loan for what, and the bank that the price came by."""

    buyer: Annotated[str, Meta(min_length=1, max_length=100, examples=["Example Bank"])]
    price: AmountText
    bank_id: BankId


class LoanQuery(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class LoanProductShape(Shape, frozen=True, kw_only=True):
    """A product."""

    product_id: ProductId
    is_open: bool


class CreditLineShape(Shape, frozen=True, kw_only=True):
    """A line."""

    borrower_id: PartyId
    product_id: ProductId
    amount: AmountText


class LoanState(Shape, frozen=True, kw_only=True):
    """A loan after a change. `paid` says what a payment paid of what."""

    loan_id: OrderNo
    status: LoanStatus
    step: int
    amount: AmountText
    returned: AmountText
    due: AmountText
    owed: AmountText
    days_past_due: int
    paid: dict[str, AmountText]


class LoanStep(Shape, frozen=True, kw_only=True):
    """One event of a loan."""

    step: int
    kind: LoanEventKind
    day: Day
    amount: AmountText
    detail: str
    at_ms: Ms


class LoanRow(Shape, frozen=True, kw_only=True):
    """A payment of the schedule as it is planned now."""

    day: Day
    principal: AmountText
    interest: AmountText
    fee: AmountText
    payment: AmountText
    balance: AmountText


class LoanShape(Shape, frozen=True, kw_only=True):
    """A loan, what is owed and due of what today, what ends it today, and all that happened."""

    loan_id: OrderNo
    product_id: ProductId
    borrower_id: PartyId
    currency: Currency
    status: LoanStatus
    principal: AmountText
    owed: dict[str, AmountText]
    due: dict[str, AmountText]
    advance: AmountText
    payoff: AmountText
    days_past_due: int
    next_due: Day | None
    schedule: list[LoanRow]
    events: list[LoanStep]
