"""Loans: products, credit lines, contracts, and the events of each loan; commands and replies."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec

from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.terms import (
    AccruedInterest,
    DueDates,
    Effect,
    Every,
    Fee,
    FeeBase,
    FeeTime,
    Grace,
    Method,
    Terms,
    Unit,
)
from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "ChangeLoanRate", "ChargeOffLoan", "CloseCreditDay", "CollectDue", "CollectLoan",
    "Contract", "CreditDayClosed", "CreditDayColumns", "CreditLine", "DefineLoanProduct",
    "DrawLoan", "DrawMore", "DueCollected", "GrantCreditLine", "LOANS", "LOAN_EVENTS",
    "LOAN_PLANS", "LOAN_STANDINGS",
    "LateTerms", "LineDone", "Loan", "LoanDone", "LoanEvent", "LoanEventKind", "LoanPlan",
    "LoanProduct", "LoanStanding", "LoanStatus", "LoanTerms", "NewDates", "PaidFrom",
    "PayLaterTerms", "PayLoan", "PaymentMode", "PostCreditDay", "ProductDone", "ProductTerms",
    "ReAgeLoan", "ReadCreditDay",
    "RescheduleLoan", "ReverseLoanPayment", "SellLoan", "WaiveLoan", "contract_of", "terms_of",
]  # fmt: skip

_DEFAULT_ORDER = (Bucket.PENALTY, Bucket.FEE, Bucket.INTEREST, Bucket.PRINCIPAL)


class LateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What being late costs, and how a payment is allocated.

    Args:
        penalty_rate: a year, on overdue principal, from its due date on (days of a year of 365).
        late_fee: minor units, once for each due date that is missed.
        grace_days: nothing of this is charged when it is paid so many days after the due date.
        order: what a payment pays first.
        oldest_first: pay all of the oldest due date before the next; else all of what comes
            first in the order before anything else.
        retry_hours: when an automatic payment is tried, hours after the due date begins in China.
        expected_loss: what is lost of the principal by days past due, as (from days, rate).
        notice_days: how many days before a due date the borrower is told of it; 0 for never.
    """

    penalty_rate: Decimal = Decimal(0)
    late_fee: int = 0
    grace_days: int = 0
    order: tuple[Bucket, ...] = _DEFAULT_ORDER
    oldest_first: bool = True
    retry_hours: tuple[int, ...] = (9, 15, 21, 33, 57)
    expected_loss: tuple[tuple[int, Decimal], ...] = (
        (0, Decimal("0.01")), (1, Decimal("0.05")), (31, Decimal("0.25")), (61, Decimal("0.5")),
        (91, Decimal(1)),
    )  # fmt: skip
    notice_days: int = 0


class PayLaterTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How purchases are billed.

    Args:
        bill_day, due_day: days of the month, 1 to 28. What is bought before a bill day is due on
            the due day after it.
        minimum_rate: of what was bought without instalments; instalments, interest and fees that
            are due are to be paid whole.
        minimum_floor: minor units; the least that is to be paid, unless less is billed.
        late_fee: minor units, once for a bill of which less than the minimum was paid.
        notice_days: how many days before the due day the borrower is reminded of what is left of
            the bill; 0 for never.
        instalment_fees: (payments, fee as a fraction of the price) for the numbers of instalments
            that may be chosen; the buyer pays it in equal parts, or the seller at once.
    """

    bill_day: int = 1
    due_day: int = 10
    minimum_rate: Decimal = Decimal("0.1")
    minimum_floor: int = 0
    late_fee: int = 0
    notice_days: int = 0
    instalment_fees: tuple[tuple[int, Decimal], ...] = (
        (3, Decimal("0.023")), (6, Decimal("0.045")), (12, Decimal("0.075")),
    )  # fmt: skip


class ProductTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a product agrees with every borrower; amounts in minor units of its currency.

    `up_front_rate` is taken of what is drawn, `period_fee_rate` of the principal each period.
    A loan may be drawn in `drawdowns_max` parts, and re-aged `re_ages_max` times in 365 days.
    """

    currency: str = "CNY"
    annual_rate: Decimal
    day_count: DayCount = DayCount.ACT_365
    every: tuple[int, Unit] = (1, Unit.MONTH)
    counts: tuple[int, ...] = (3, 6, 12)
    method: Method = Method.EQUAL_INSTALMENT
    amount_min: int = 1
    amount_max: int = 10**12
    up_front_rate: Decimal = Decimal(0)
    period_fee_rate: Decimal = Decimal(0)
    prepayment_rate: Decimal = Decimal(0)
    ceiling: Decimal | None = None
    ceiling_source: str = ""
    drawdowns_max: int = 1
    re_ages_max: int = 1
    late: LateTerms = LateTerms()
    pay_later: PayLaterTerms | None = None


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed on one loan when it was drawn; it never changes. Amounts in minor units.

    Args:
        period_fee: due with each payment.
        seller_fee: what the seller of a purchase pays in the buyer's place.
    """

    principal: int
    start: date
    count: int
    product: ProductTerms
    first_due: date | None = None
    period_fee: int = 0
    seller_fee: int = 0


def terms_of(contract: Contract) -> Terms:
    """The schedule's terms of a contract."""
    product = contract.product
    number, unit = product.every
    fees = (
        Fee(FeeTime.PER_PERIOD, rate=product.period_fee_rate, of=FeeBase.PRINCIPAL),
        Fee(FeeTime.PER_PERIOD, amount=contract.period_fee),
        Fee(FeeTime.UP_FRONT, rate=product.up_front_rate),
        Fee(FeeTime.PREPAYMENT, rate=product.prepayment_rate),
    )
    return Terms(
        principal=contract.principal,
        annual_rate=product.annual_rate,
        day_count=product.day_count,
        start=contract.start,
        dates=DueDates(Every(number, unit), contract.count, contract.first_due),
        method=product.method,
        fees=tuple(fee for fee in fees if fee.rate or fee.amount),
        grace=Grace(),
        currency=product.currency,
    )


class NewDates(msgspec.Struct, frozen=True, kw_only=True):
    """How what is left of a loan is repaid from a day on; None keeps what holds.

    Args:
        count: how many payments.
        accrued: where interest goes that has accrued and is not due.
    """

    count: int
    every: tuple[int, Unit] | None = None
    first_due: date | None = None
    annual_rate: Decimal | None = None
    accrued: AccruedInterest = AccruedInterest.CARRIED


class LoanStatus(StrEnum):
    """Where a loan stands."""

    ACTIVE = "active"
    CLOSED = "closed"
    CHARGED_OFF = "charged_off"
    SOLD = "sold"


class LoanProduct(Row, frozen=True):
    """A product. `terms` is JSON of `ProductTerms`."""

    product_id: str
    name: str
    terms: str
    is_open: bool
    changed_ms: int


class CreditLine(Row, frozen=True):
    """How much a borrower may owe of a product, in minor units; what is used is in the ledger."""

    borrower_id: str
    product_id: str
    amount: int
    changed_ms: int


class Loan(Row, frozen=True):
    """A loan. `contract` is JSON of `Contract`; what is owed follows from it and the events.

    `trade_no` is set when the loan paid a purchase.
    """

    loan_id: str
    product_id: str
    borrower_id: str
    currency: str
    status: LoanStatus
    contract: str
    trade_no: str
    accrued_day: str
    steps: int
    drawn_ms: int
    closed_ms: int


class LoanStanding(Row, frozen=True):
    """Where an open loan stands at the start of a day, laid out for work on many loans at once.

    Worked out from the contract and the events, and made anew with each of them (see `standing`):
    it may be thrown away at any time. Days are ordinals.

    Args:
        terms_id: which `LoanTerms` the loan has.
        wallet: the ledger account of the borrower's wallet, 16 bytes.
        accrued_day: up to its start the loan is booked.
        look_day: until before this day nothing but interest happens.
        exact: whether the numbers fit 64 bits in every step; else the fold closes the loan.
        line_start, line_base, line_slope, line_divisor: interest of the running period, as
            `(base + slope * days since the start) / divisor`.
        bucket: which line of the expected losses it was provided for by, from 0.
        payments: how many were agreed.
        told_day: of which due date the borrower was told ahead.
        open_items: what fell due and is not paid (see `ITEM`).
        try_day, try_no, try_ms: the due date and number of the next automatic payment, and when.
    """

    loan_id: str
    terms_id: str
    wallet: bytes
    book: int
    accrued_day: int
    look_day: int
    exact: bool
    line_start: int
    line_base: int
    line_slope: int
    line_divisor: int
    bucket: int
    payments: int
    open_items: bytes
    try_day: int
    try_no: int
    try_ms: int
    told_day: int = 0


class LoanPlan(Row, frozen=True):
    """What of an open loan lies ahead: due dates (`PLAN_ROW`) and accrual lines (`PLAN_LINE`)."""

    loan_id: str
    due_rows: bytes
    accrual_lines: bytes


class LoanTerms(Row, frozen=True):
    """Terms that many loans share, by their digest. `terms` is JSON of `ProductTerms`."""

    terms_id: str
    terms: str


class LoanEventKind(StrEnum):
    """What happens on a loan after it is drawn."""

    PAYMENT = "payment"
    REFUND = "refund"
    WAIVER = "waiver"
    FEE = "fee"
    SELLER_FEE = "seller_fee"
    CHARGE_OFF = "charge_off"
    REVERSAL = "reversal"
    DRAWDOWN = "drawdown"
    RATE_CHANGE = "rate_change"
    RESCHEDULE = "reschedule"
    RE_AGE = "re_age"
    SALE = "sale"


class PaymentMode(StrEnum):
    """What a payment is for: what is due, with it what falls due next (it waits for its day),
    principal before it is due, or everything."""

    DUE = "due"
    NEXT = "next"
    EARLY = "early"
    ALL = "all"


class LoanEvent(Row, frozen=True):
    """One event, in the order of `step`.

    `amount` is minor units. `detail` is the mode of a payment, the bucket of a waiver, the
    number of a trade's refund, the step that a reversal takes back, a new rate, new dates (JSON of
    `NewDates`) or who bought the loan; `source` is the bank that a payment came by, or empty for
    the wallet.
    """

    loan_id: str
    step: int
    kind: LoanEventKind
    day: str
    amount: int
    detail: str
    effect: Effect
    source: str
    caller: str
    at_ms: int


PRODUCTS = Table("loan_product", LoanProduct, ("product_id",))
LINES = Table("credit_line", CreditLine, ("borrower_id", "product_id"))
LOANS = Table("loan", Loan, ("loan_id",))
LOAN_STANDINGS = Table("loan_standing", LoanStanding, ("loan_id",))
LOAN_PLANS = Table("loan_plan", LoanPlan, ("loan_id",))
LOAN_TERMS = Table("loan_terms", LoanTerms, ("terms_id",))
LOAN_EVENTS = Table("loan_event", LoanEvent, ("loan_id", "step"))


def contract_of(loan: Loan) -> Contract:
    """What was agreed on a loan."""
    return decode_json(loan.contract, Contract)


class DefineLoanProduct(Command, frozen=True, kw_only=True, tag="credit.define_product"):
    """Define a product, or change it for loans that are drawn from now on."""

    product_id: str
    name: str
    terms: ProductTerms
    is_open: bool = True


class GrantCreditLine(Command, frozen=True, kw_only=True, tag="credit.grant_line"):
    """Let a borrower owe so much of a product; 0 lets nothing more be drawn."""

    borrower_id: str
    product_id: str
    amount: int


class DrawLoan(Command, frozen=True, kw_only=True, tag="credit.draw_loan"):
    """Draw a loan into the borrower's wallet, repaid in `count` payments."""

    borrower_id: str
    product_id: str
    amount: int
    count: int


class PaidFrom(msgspec.Struct, frozen=True):
    """Where a payment comes from: a bank by its number, or the borrower's wallet."""

    bank_id: str = ""


class PayLoan(Command, frozen=True, kw_only=True, tag="credit.pay_loan"):
    """Pay a loan. What is more than can be paid is not taken, or goes to the wallet.

    Args:
        amount: minor units; 0 pays all that the mode is for.
        mode: what is due first of all; `early` pays principal with the rest.
    """

    loan_id: str
    amount: int = 0
    mode: PaymentMode = PaymentMode.DUE
    effect: Effect = Effect.LOWER
    source: PaidFrom = PaidFrom()


class CollectLoan(Command, frozen=True, kw_only=True, tag="credit.collect_loan"):
    """Pay what is due from the borrower's wallet, as far as it goes (asked for by a timer)."""

    loan_id: str
    due_day: str
    attempt: int = 0


class ReadCreditDay(Command, frozen=True, kw_only=True, tag="credit.read_day"):
    """The columns of a part of the open loans, for an engine that works out their day."""

    day: str
    after_loan_id: str = ""
    size: int = 20_000


class CreditDayColumns(Reply, frozen=True, kw_only=True):
    """Loans as `days.frames` has them, in MessagePack; empty `after_loan_id` when that is all."""

    columns: bytes
    terms: bytes
    loans: int
    after_loan_id: str


class PostCreditDay(Command, frozen=True, kw_only=True, tag="credit.post_day"):
    """Post what an engine has worked out of a day: `CLOSED_COLUMNS` of loans in MessagePack.

    Loans on which something has happened since they were read are left to `CloseCreditDay`.
    """

    day: str
    columns: bytes


class CollectDue(Command, frozen=True, kw_only=True, tag="credit.collect_due"):
    """Pay what is due of all loans whose time it is, from their borrowers' wallets, a part of
    them at a time (asked for by a timer)."""

    size: int = 4096


class ReverseLoanPayment(Command, frozen=True, kw_only=True, tag="credit.reverse_payment"):
    """Take a payment back that its bank took back; every later day is found anew."""

    loan_id: str
    step: int


class WaiveLoan(Command, frozen=True, kw_only=True, tag="credit.waive_loan"):
    """Forgive interest, fees or penalties that are owed."""

    loan_id: str
    bucket: Bucket
    amount: int


class ChargeOffLoan(Command, frozen=True, kw_only=True, tag="credit.charge_off_loan"):
    """Write off all that is owed; what is still paid later is recovered."""

    loan_id: str


class DrawMore(Command, frozen=True, kw_only=True, tag="credit.draw_more"):
    """Draw a further part of a loan into the borrower's wallet; what is to come is set anew."""

    loan_id: str
    amount: int


class ChangeLoanRate(Command, frozen=True, kw_only=True, tag="credit.change_rate"):
    """Have another yearly rate hold from today on."""

    loan_id: str
    annual_rate: Decimal


class RescheduleLoan(Command, frozen=True, kw_only=True, tag="credit.reschedule"):
    """Repay what is left by other dates; nothing may be overdue."""

    loan_id: str
    dates: NewDates


class ReAgeLoan(Command, frozen=True, kw_only=True, tag="credit.re_age"):
    """Put what is overdue back to what is to come, so that the loan is current again.

    Overdue principal is repaid by the new dates; interest, fees and penalties become principal.
    """

    loan_id: str
    dates: NewDates


class SellLoan(Command, frozen=True, kw_only=True, tag="credit.sell_loan"):
    """Sell a loan: what is owed leaves the books for a price.

    Args:
        buyer: who owns it from now on, by name.
        price: minor units; more or less than what is owed is gain or loss.
        bank_id: the bank that the price came by.
    """

    loan_id: str
    buyer: str
    price: int
    bank_id: str


class CloseCreditDay(Command, frozen=True, kw_only=True, tag="credit.close_day"):
    """Accrue, mark due and late, and provide for loans up to the end of a day, a part at a time.

    Sends itself on with the last loan done, so that it can stop anywhere and go on.
    """

    day: str
    after_loan_id: str = ""
    size: int = 8192


class ProductDone(Reply, frozen=True, kw_only=True):
    """The product as it is now."""

    product_id: str
    is_open: bool


class LineDone(Reply, frozen=True, kw_only=True):
    """A borrower's line, in minor units."""

    borrower_id: str
    product_id: str
    amount: int


class LoanDone(Reply, frozen=True, kw_only=True):
    """A loan after a command: what the event moved, and what is owed. Minor units.

    `returned` is what was offered and not taken, or given to the wallet.
    """

    loan_id: str
    currency: str
    status: LoanStatus
    step: int
    amount: int
    returned: int
    due: int
    owed: int
    days_past_due: int
    paid: dict[str, int] = {}  # noqa: RUF012 - never changed


class DueCollected(Reply, frozen=True, kw_only=True):
    """How many loans were tried, and how much they paid by currency, in minor units."""

    loans: int
    paid: dict[str, int] = {}  # noqa: RUF012 - never changed


class CreditDayClosed(Reply, frozen=True, kw_only=True):
    """How far the day is closed; an empty `after_loan_id` means for all loans."""

    day: str
    loans: int
    after_loan_id: str
