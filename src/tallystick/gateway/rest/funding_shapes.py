"""What requests and answers about joint lending are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from tallystick.credit.joint.model import FundingStatus, InstitutionKind
from tallystick.credit.participation.model import BuyBackBy, FlowKind, LossSharing
from tallystick.gateway.rest.fields import (
    AmountText,
    BankId,
    Body,
    Currency,
    Cursor,
    Limit,
    Ms,
    OrderNo,
    PartyId,
    Query,
    Shape,
    SignedAmountText,
)
from tallystick.gateway.rest.loan_shapes import Count, Day, ProductId

__all__ = [
    "ConcentrationLimit", "FileContents", "FileName", "FundingApplication", "FundingDecisionShape",
    "FundingReason", "FundingShare", "FundingTerms", "InstitutionShape", "InstitutionState",
    "NewInstitution", "NewProgramme", "OwnBook", "OwnDay", "OwnFlow", "OwnLoan", "OwnLoanShape",
    "OwnLoansQuery", "PartnerReportBody", "PartnerReportShape", "ProgrammeId", "ProgrammeShape",
    "ProgrammeState", "QuotaShape", "QuotasShape", "ReportDifference", "RulesChange",
    "SimulatedShape", "SimulatedUse", "Simulation",
]  # fmt: skip

ProgrammeId = Annotated[
    str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z", description="A programme's name.", examples=["east"])
]
Fraction = Annotated[
    Decimal, Meta(description="A fraction of 1 with at most six decimals.", examples=["0.3"])
]
FactName = Annotated[str, Meta(max_length=40)]
FactText = Annotated[str, Meta(max_length=100)]
Ppm = Annotated[int, Meta(ge=0, description="Millionths.", examples=[300000])]
FileName = Annotated[
    str,
    Meta(
        pattern=r"^2088[0-9]{12}-[A-Z]{3}-[0-9-]{10}-[a-z]{1,16}\.(csv|parquet|txt)\Z",
        examples=["2088000000000801-CNY-2026-11-25-payments.csv"],
    ),
]


class NewInstitution(Body, frozen=True, kw_only=True):
    """A party of the kind institution that is to fund or guarantee."""

    institution_id: PartyId
    kind: InstitutionKind = InstitutionKind.FUNDER
    name: Annotated[str, Meta(min_length=1, max_length=100, examples=["East Bank"])]
    bank_id: BankId


class ConcentrationLimit(Body, frozen=True, kw_only=True):
    """How much of `total_max` may go to loans with the same value of a fact."""

    fact: FactName
    share: Fraction


class FundingTerms(Body, frozen=True, kw_only=True):
    """What a programme funds; an amount of 0 is no limit."""

    currency: Currency = "CNY"
    products: Annotated[tuple[ProductId, ...], Meta(max_length=50)] = ()
    share: Fraction | None = None
    preference: Annotated[int, Meta(ge=0, le=10_000)] = 100
    share_min: Fraction = Decimal(0)
    share_max: Fraction = Decimal(1)
    loan_min: AmountText = "0"
    loan_max: AmountText = "0"
    borrower_max: AmountText = "0"
    day_max: AmountText = "0"
    total_max: AmountText = "0"
    concentration: ConcentrationLimit | None = None
    eligible: Annotated[str, Meta(max_length=4000, examples=["score >= 600"])] = ""
    keeps: Fraction = Decimal(1)
    price: Annotated[Decimal, Meta(examples=["0.06"])] = Decimal(0)
    guarantor_id: PartyId | None = None
    guarantee: Fraction = Decimal(0)
    losses: LossSharing = LossSharing.PARI_PASSU
    cap: AmountText = "0"
    buy_back_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    buy_back_by: BuyBackBy = BuyBackBy.PLATFORM


class NewProgramme(Body, frozen=True, kw_only=True):
    """A programme; loans that were decided before a change keep their plan."""

    programme_id: ProgrammeId
    institution_id: PartyId | None = None
    terms: FundingTerms
    is_open: bool = True


class FundingApplication(Body, frozen=True, kw_only=True):
    """A loan that looks for funds, and what is known of it."""

    borrower_id: PartyId
    product_id: ProductId
    amount: AmountText
    count: Count
    facts: Annotated[dict[FactName, bool | int | FactText], Meta(max_length=40)] = {}  # noqa: RUF012
    valid_seconds: Annotated[int, Meta(ge=1, le=2_592_000)] = 86_400


class Simulation(Body, frozen=True, kw_only=True):
    """A span of the past, and programmes as they would be."""

    days: Annotated[int, Meta(ge=1, le=366, examples=[30])] = 30
    programmes: Annotated[tuple[NewProgramme, ...], Meta(max_length=200)] = ()


class PartnerReportBody(Body, frozen=True, kw_only=True):
    """What an institution has of a day: CSV with the columns day, amount, currency, reference."""

    currency: Currency = "CNY"
    day: Day
    content_base64: Annotated[str, Meta(min_length=4, max_length=8_000_000)]


class OwnLoansQuery(Query, frozen=True, kw_only=True):
    """How many."""

    limit: Limit = 20
    cursor: Cursor = ""


class InstitutionState(Shape, frozen=True, kw_only=True):
    """The institution, and the entity whose books are its own."""

    institution_id: PartyId
    entity: int


class ProgrammeState(Shape, frozen=True, kw_only=True):
    """The programme as it is now."""

    programme_id: ProgrammeId
    is_open: bool


class FundingShare(Shape, frozen=True, kw_only=True):
    """Who funds how much; an empty institution is the platform."""

    programme_id: str
    institution_id: str
    share_ppm: Ppm
    amount: AmountText


class FundingReason(Shape, frozen=True, kw_only=True):
    """Why a programme takes no part."""

    programme_id: str
    rule: str
    detail: str


class FundingDecisionShape(Shape, frozen=True, kw_only=True):
    """A decision: the plan, or the rule that left none."""

    decision_id: OrderNo
    status: FundingStatus
    shares: list[FundingShare]
    rule: str
    reasons: list[FundingReason]
    expires_ms: Ms | None


class ProgrammeShape(Shape, frozen=True, kw_only=True):
    """A programme's rules in short."""

    programme_id: ProgrammeId
    institution_id: str
    name: str
    is_open: bool
    share: str | None
    preference: int
    eligible: str
    losses: LossSharing


class QuotaShape(Shape, frozen=True, kw_only=True):
    """A programme with its quota: what is owed, reserved, and used today."""

    programme: ProgrammeShape
    currency: Currency
    used: AmountText
    reserved: AmountText
    total_max: AmountText
    day_used: AmountText
    day_max: AmountText
    income_due: AmountText
    classes: dict[str, AmountText]


class QuotasShape(Shape, frozen=True, kw_only=True):
    """Every programme."""

    items: list[QuotaShape]


class SimulatedUse(Shape, frozen=True, kw_only=True):
    """What of a programme would be used."""

    programme_id: str
    institution_id: str
    loans: int
    amount: AmountText
    total_ppm: int
    busiest_day: AmountText
    busiest_day_ppm: int


class SimulatedShape(Shape, frozen=True, kw_only=True):
    """What rules come to."""

    applications: int
    funded: int
    asked: AmountText
    granted: AmountText
    cost: str
    declined: dict[str, int]
    use: list[SimulatedUse]


class RulesChange(Shape, frozen=True, kw_only=True):
    """The same applications under the rules of now and under changed ones."""

    now: SimulatedShape
    changed: SimulatedShape


class InstitutionShape(Shape, frozen=True, kw_only=True):
    """An institution."""

    institution_id: PartyId
    kind: InstitutionKind
    name: str
    entity: int


class OwnExpectedLoss(Shape, frozen=True, kw_only=True):
    """Loss that is expected: of its shares, what others would bear of it, and its guarantees."""

    shares: SignedAmountText
    covered: SignedAmountText
    guaranteed: SignedAmountText


class OwnBook(Shape, frozen=True, kw_only=True):
    """An institution with its quotas, what the platform owes it (less than 0: it owes), and the
    loss that is expected, by currency."""

    institution: InstitutionShape
    owed: dict[str, SignedAmountText]
    expected_loss: dict[str, OwnExpectedLoss]
    quotas: list[QuotaShape]


class OwnFlow(Shape, frozen=True, kw_only=True):
    """What happened to its share of a loan."""

    flow_no: int
    kind: FlowKind
    day: Day
    principal: SignedAmountText
    interest: SignedAmountText
    fee: SignedAmountText
    penalty: SignedAmountText
    servicing: SignedAmountText
    guarantee: SignedAmountText
    other: SignedAmountText
    net: SignedAmountText


class OwnLoan(Shape, frozen=True, kw_only=True):
    """A loan that it funds, in a list."""

    loan_id: OrderNo
    programme_id: str
    day: Day
    principal: AmountText


class OwnLoanShape(Shape, frozen=True, kw_only=True):
    """Its share of a loan, what borrowers owe it, and all that happened."""

    loan_id: OrderNo
    programme_id: str
    currency: Currency
    share_ppm: Ppm
    bought_back: bool
    owed: dict[str, AmountText]
    flows: list[OwnFlow]


class OwnDay(Shape, frozen=True, kw_only=True):
    """A day's files; `settlement` goes to the institution, less than 0 comes from it."""

    day: Day
    currency: Currency
    settlement: SignedAmountText
    manifest: str
    files: list[str]


class FileContents(Shape, frozen=True, kw_only=True):
    """A file as it was signed."""

    name: str
    content_base64: str


class ReportDifference(Shape, frozen=True, kw_only=True):
    """What only one side has, or has otherwise."""

    side: str
    id: str
    reference: str
    amount: SignedAmountText


class PartnerReportShape(Shape, frozen=True, kw_only=True):
    """What came of a report."""

    report_id: OrderNo
    lines: int
    matched: int
    differences: list[ReportDifference]
