"""A quote: terms as people write them in, and the schedule, the rates and the cost out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.terms import (
    AccruedInterest,
    BusinessDayRule,
    Drawdown,
    DueDates,
    Effect,
    Every,
    Fee,
    FeeBase,
    FeeTime,
    Grace,
    Method,
    Prepayment,
    RateChange,
    Reschedule,
    Terms,
    Unit,
)
from tallystick.money.amount import MoneyError, parse_amount
from tallystick.money.rate import Rounding
from tallystick.pipeline.refusals import Refused

__all__ = ["Ceiling", "QuoteRequest", "terms_of"]

_EXPONENT_MAX: Final = 20

Units = Literal["day", "days", "week", "weeks", "month", "months", "year", "years"]
EveryText = Annotated[
    tuple[int, Units],
    Meta(description="How long a period is.", examples=[[1, "month"]]),
]
Amount = Annotated[
    Decimal,
    Meta(
        description="A decimal text, or a number taken as it is written.",
        examples=["100.00"],
        extra_json_schema={"pattern": r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$"},
    ),
]
Rate = Annotated[
    Decimal,
    Meta(
        description="A fraction of 1 a year: 0.0948 is 9.48 %.",
        examples=["0.0948"],
        extra_json_schema={"pattern": r"^[0-9](\.[0-9]{1,12})?$"},
    ),
]
FeeOnDay = Annotated[
    tuple[date, Amount],
    Meta(description="A fee on a day of its own.", examples=[["2024-01-15", "20.00"]]),
]
RoundingName = Literal["half_up", "half_even", "half_down", "up", "down"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a quote's parts; a field that is not documented is refused by name."""


class QuotedDrawdown(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`[date, amount]`."""

    day: date
    amount: Amount


class QuotedRate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`[date, annual_rate]`: the rate that holds from that day on."""

    day: date
    annual_rate: Rate


class QuotedPrepayment(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`[date, amount, effect]`: money paid early; null pays everything."""

    day: date
    amount: Amount | None = None
    effect: Effect = Effect.LOWER


class QuotedReschedule(_Part, frozen=True, kw_only=True):
    """From a day on, what is left is repaid in `count` new periods."""

    day: date = msgspec.field(name="date")
    count: int
    every: EveryText | None = None
    first_due: date | None = None
    annual_rate: Rate | None = None
    accrued: AccruedInterest = AccruedInterest.CARRIED


class QuotedFee(_Part, frozen=True, kw_only=True):
    """A fee, or what must be bought to get the loan; `when` may be a date."""

    when: str
    name: str = ""
    amount: Amount = Decimal(0)
    rate: Annotated[
        Decimal, Meta(description="A fraction of what `of` names.", examples=["0.01"])
    ] = Decimal(0)
    of: FeeBase = FeeBase.PRINCIPAL


class QuotedFees(_Part, frozen=True, kw_only=True):
    """Fees as amounts by their time."""

    up_front: Amount = Decimal(0)
    per_period: Amount = Decimal(0)
    prepayment: Amount = Decimal(0)


class QuotedGrace(_Part, frozen=True, kw_only=True):
    """How many first periods pay no principal, pay no interest, or bear none."""

    principal: int = 0
    interest: int = 0
    interest_free: int = 0


class BusinessDays(_Part, frozen=True, kw_only=True):
    """What happens to due dates that are no business days of a country."""

    rule: BusinessDayRule
    calendar: Annotated[str, Meta(pattern="^[A-Z]{2}$", examples=["CN"])] = "CN"
    interest_moves: bool = False


class Ceiling(_Part, frozen=True, kw_only=True):
    """The highest all-in yearly rate of a product, and whose rule it is."""

    annual_rate: Rate
    source: Annotated[str, Meta(max_length=200)] = ""


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A loan to calculate. Amounts are texts, or numbers taken exactly as they are written."""

    principal: Amount
    annual_rate: Rate
    start: date
    count: Annotated[int, Meta(description="How many periods.", examples=[6])]
    day_count: DayCount = DayCount.THIRTY_360
    every: EveryText = (1, "month")
    method: Method = Method.EQUAL_INSTALMENT
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["CNY"])] = "CNY"
    drawdowns: list[QuotedDrawdown] = []
    fees: list[QuotedFee | FeeOnDay] | QuotedFees = []
    rate_changes: list[QuotedRate] = []
    prepayments: list[QuotedPrepayment] = []
    reschedules: list[QuotedReschedule] = []
    grace: QuotedGrace = QuotedGrace()
    balloon: Amount = Decimal(0)
    first_due: date | None = None
    end_of_month: bool = False
    business_days: BusinessDays | None = None
    rounding: RoundingName = "half_up"
    ceiling: Ceiling | Rate | None = None


def _minor(field: str, amount: Decimal, currency: str) -> int:
    """Minor units of an amount, exactly."""
    if not amount.is_finite() or abs(amount.adjusted()) > _EXPONENT_MAX:
        raise Refused("INVALID_AMOUNT", f"{field}: this is not an amount.")
    try:
        return parse_amount(format(amount.normalize() + 0, "f"), currency)
    except MoneyError as error:
        unknown = error.reason == "unknown_currency"
        code = "INVALID_PARAMETER" if unknown else "INVALID_AMOUNT"
        raise Refused(code, f"{'currency' if unknown else field}: {error}.") from error


def _every(every: EveryText) -> Every:
    number, unit = every
    return Every(number, Unit(unit.removesuffix("s")))


_TIMES: Final = {
    "up_front": FeeTime.UP_FRONT, "per_period": FeeTime.PER_PERIOD,
    "prepayment": FeeTime.PREPAYMENT,
}  # fmt: skip


def _fee(fee: QuotedFee | FeeOnDay, currency: str) -> Fee:
    if isinstance(fee, tuple):
        return Fee(FeeTime.ON_DAY, _minor("fees", fee[1], currency), day=fee[0])
    when, day = _TIMES.get(fee.when), None
    if when is None:
        try:
            when, day = FeeTime.ON_DAY, date.fromisoformat(fee.when)
        except ValueError as error:
            raise Refused(
                "CREDIT_TERMS_INVALID", f"fees: when is one of {', '.join(_TIMES)}, or a date."
            ) from error
    amount = _minor("fees", fee.amount, currency)
    if day is not None and fee.rate:
        raise Refused("CREDIT_TERMS_INVALID", "fees: one with a date is an amount, not a rate.")
    return Fee(when, amount, fee.rate, fee.of, day, fee.name)


def _fees(request: QuoteRequest) -> tuple[Fee, ...]:
    fees = request.fees
    if isinstance(fees, QuotedFees):
        fees = [
            QuotedFee(when=when, amount=amount)
            for when, amount in msgspec.structs.asdict(fees).items()
        ]
    made = [_fee(fee, request.currency) for fee in fees]
    return tuple(fee for fee in made if fee.amount or fee.rate)


def _dates(request: QuoteRequest) -> DueDates:
    dates = DueDates(_every(request.every), request.count, request.first_due, request.end_of_month)
    moved = request.business_days
    if moved is None:
        return dates
    return dates._replace(
        rule=moved.rule, calendar=moved.calendar, interest_moves=moved.interest_moves
    )


def _reschedule(new: QuotedReschedule) -> Reschedule:
    every = _every(new.every) if new.every else None
    return Reschedule(new.day, new.count, every, new.first_due, new.annual_rate, new.accrued)


def terms_of(request: QuoteRequest) -> Terms:
    """The terms that a quote is for, in minor units.

    Raises:
        Refused: INVALID_AMOUNT or CREDIT_TERMS_INVALID, with the field's name.
    """

    def money(field: str, amount: Decimal) -> int:
        return _minor(field, amount, request.currency)

    return Terms(
        principal=money("principal", request.principal),
        annual_rate=request.annual_rate,
        day_count=request.day_count,
        start=request.start,
        dates=_dates(request),
        method=request.method,
        drawdowns=tuple(Drawdown(d.day, money("drawdowns", d.amount)) for d in request.drawdowns),
        rate_changes=tuple(RateChange(c.day, c.annual_rate) for c in request.rate_changes),
        prepayments=tuple(
            Prepayment(
                p.day, None if p.amount is None else money("prepayments", p.amount), p.effect
            )
            for p in request.prepayments
        ),
        reschedules=tuple(_reschedule(new) for new in request.reschedules),
        fees=_fees(request),
        grace=Grace(**msgspec.structs.asdict(request.grace)),
        balloon=money("balloon", request.balloon),
        rounding=Rounding[request.rounding.upper()],
        currency=request.currency,
    )
