"""What requests and answers about merchants' credit are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from tallystick.credit.receivables.model import (
    ReceivableEventKind,
    ReceivableKind,
    ReceivableStatus,
)
from tallystick.credit.schedules.quote import Rate
from tallystick.credit.schedules.terms import Effect
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
from tallystick.gateway.rest.loan_shapes import Count, Day, ProductId

__all__ = [
    "InvoiceAnswer", "MerchantOfferShape", "MerchantOption", "MerchantPolicyBody",
    "MerchantQuery", "NewFinancing", "NewInvoice", "NewMerchantLoan", "NewMerchantProduct",
    "NewReceivableTerms", "NewTradeFinancing", "NamedTerms", "OfferedProduct", "ReceivableList",
    "ReceivablePayment", "ReceivableQuery", "ReceivableReduction", "ReceivableRepayment",
    "ReceivableShape", "ReceivableState", "ReceivableStep", "SalesMonthShape",
]  # fmt: skip

Reason = Annotated[str, Meta(min_length=1, max_length=200, examples=["returned goods"])]
_Months = Annotated[int, Meta(ge=1, le=24)]
_Days = Annotated[int, Meta(ge=0, le=720)]
InvoiceNo = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.:/-]{1,64}\Z", description="The seller's number.",
              examples=["INV-2026-17"]),
]  # fmt: skip


class MerchantPolicyBody(Body, frozen=True, kw_only=True):
    """How an offer follows from sales, and how sales repay."""

    months_looked: _Months = 6
    months_min: _Months = 3
    monthly_min: AmountText = "0"
    refund_rate_max: Rate = Decimal("0.2")
    trend_min: Rate = Decimal("0.5")
    multiple: Rate = Decimal("1.5")
    exposure_max: AmountText = "1000000.00"
    share_rate: Rate = Decimal("0.1")
    floor_rate: Rate = Decimal(0)
    effect: Effect = Effect.LOWER


class NewMerchantProduct(Body, frozen=True, kw_only=True):
    """A loan product that merchants may draw by their sales."""

    product_id: ProductId
    policy: MerchantPolicyBody = MerchantPolicyBody()


class OfferedProduct(Shape, frozen=True, kw_only=True):
    """A product that is offered to merchants."""

    product_id: ProductId


class NewMerchantLoan(Body, frozen=True, kw_only=True):
    """A loan that a merchant's sales allow."""

    merchant_id: PartyId
    product_id: ProductId
    amount: AmountText
    count: Count


class MerchantQuery(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class SalesMonthShape(Shape, frozen=True, kw_only=True):
    """What was sold in a month (`yyyy-mm` in China)."""

    month: str
    trades: int
    volume: AmountText
    refunded: AmountText


class MerchantOption(Shape, frozen=True, kw_only=True):
    """The whole offer repaid in so many payments: the first of them, the cost, the all-in rate."""

    count: int
    instalment: AmountText
    cost: AmountText
    all_in: str | None


class MerchantOfferShape(Shape, frozen=True, kw_only=True):
    """What a merchant may draw now, and the figures that say so."""

    amount: AmountText
    average: AmountText
    exposure: AmountText
    share_rate: str
    months: list[SalesMonthShape]
    options: list[MerchantOption]


class NewReceivableTerms(Body, frozen=True, kw_only=True):
    """What receivables are financed for."""

    product_id: ProductId
    currency: Currency = "CNY"
    advance_rate: Rate = Decimal("0.8")
    discount_rate: Rate = Decimal("0.09")
    grace_days: _Days = 3
    with_recourse: bool = True
    retry_days: Annotated[tuple[_Days, ...], Meta(min_length=1, max_length=12)] = (
        0, 1, 3, 7, 15, 30,
    )  # fmt: skip
    acknowledged: bool = True
    tenor_days_max: Annotated[int, Meta(ge=1, le=720)] = 180
    seller_max: AmountText = "1000000.00"
    debtor_max: AmountText = "1000000.00"
    ceiling: Rate | None = None
    ceiling_source: Annotated[str, Meta(max_length=200)] = ""


class NamedTerms(Shape, frozen=True, kw_only=True):
    """Terms that are kept under a name."""

    product_id: ProductId


class NewInvoice(Body, frozen=True, kw_only=True):
    """An invoice of a seller, and who owes it."""

    seller_id: PartyId
    debtor_id: PartyId
    number: InvoiceNo
    amount: AmountText
    due_day: Day
    currency: Currency = "CNY"


class InvoiceAnswer(Body, frozen=True, kw_only=True):
    """The debtor's answer to the notice; what is contested needs a reason."""

    accepted: bool
    reason: Annotated[str, Meta(max_length=200)] = ""


class NewFinancing(Body, frozen=True, kw_only=True):
    """By which terms."""

    product_id: ProductId


class NewTradeFinancing(Body, frozen=True, kw_only=True):
    """A trade that is paid and not settled, and by which terms it is financed."""

    product_id: ProductId
    trade_no: OrderNo


class ReceivablePayment(Body, frozen=True, kw_only=True):
    """What the debtor pays; without an amount all of it, without a bank from the wallet."""

    amount: AmountText | None = None
    bank_id: BankId | None = None


class ReceivableReduction(Body, frozen=True, kw_only=True):
    """By how much an invoice is worth less, and why."""

    amount: AmountText
    reason: Reason


class ReceivableRepayment(Body, frozen=True, kw_only=True):
    """What the seller repays; without an amount all."""

    amount: AmountText | None = None


class ReceivableQuery(Query, frozen=True, kw_only=True):
    """Whose receivables, in which state."""

    seller_id: PartyId | None = None
    debtor_id: PartyId | None = None
    status: ReceivableStatus | None = None


class ReceivableState(Shape, frozen=True, kw_only=True):
    """A receivable after a change; `owed` to the lender, `face_left` by the debtor."""

    receivable_id: OrderNo
    status: ReceivableStatus
    amount: AmountText
    advance: AmountText
    fee: AmountText
    owed: AmountText
    face_left: AmountText


class ReceivableStep(Shape, frozen=True, kw_only=True):
    """One event of a receivable."""

    step: int
    kind: ReceivableEventKind
    day: Day
    amount: AmountText
    detail: str
    at_ms: Ms


class ReceivableShape(Shape, frozen=True, kw_only=True):
    """A receivable's whole story."""

    receivable_id: OrderNo
    kind: ReceivableKind
    seller_id: PartyId
    debtor_id: PartyId
    number: str
    currency: Currency
    face: AmountText
    due_day: Day
    status: ReceivableStatus
    advance: AmountText
    fee: AmountText
    owed: AmountText
    face_left: AmountText
    events: list[ReceivableStep]


class FinancingOffer(Shape, frozen=True, kw_only=True):
    """What a receivable would be financed for today by some terms.

    `all_in` is the yearly rate of advance and fee if the debtor pays on the due day; null where
    there is none. `refused` is the code of why it may not be assigned now.
    """

    product_id: ProductId
    advance: AmountText
    fee: AmountText
    all_in: str | None
    with_recourse: bool
    refused: str | None


class FinancingOffers(Shape, frozen=True, kw_only=True):
    """By which terms a receivable may be assigned."""

    offers: list[FinancingOffer]


class ReceivableList(Shape, frozen=True, kw_only=True):
    """Receivables, newest first; 200 at most."""

    receivables: list[ReceivableShape]
