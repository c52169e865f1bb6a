"""The terms of a loan: everything that its schedule follows from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from tallystick.credit.schedules.day_count import DayCount
from tallystick.money.rate import Rounding

__all__ = [
    "AccruedInterest", "BusinessDayRule", "Drawdown", "DueDates", "Effect", "Every", "Fee",
    "FeeBase", "FeeTime", "Grace", "Method", "Prepayment", "RateChange", "Reschedule", "Terms",
    "Unit",
]  # fmt: skip


class Method(StrEnum):
    """How a loan is repaid.

    * `equal_instalment`: each due date pays the same; the last one clears the rest.
    * `equal_principal`: each due date pays the same principal, and the interest of the period.
    * `interest_first`: interest each period, the whole principal on the last (bullet).
    * `balloon`: equal instalments down to an agreed amount, which the last one pays as well.
    * `flat_rate`: interest on what was drawn, not on what is left, in equal parts.
    """

    EQUAL_INSTALMENT = "equal_instalment"
    EQUAL_PRINCIPAL = "equal_principal"
    INTEREST_FIRST = "interest_first"
    BALLOON = "balloon"
    FLAT_RATE = "flat_rate"

    @classmethod
    def _missing_(cls, value: object) -> Method | None:
        """The field's other words for two of them."""
        return {"bullet": cls.INTEREST_FIRST, "flat": cls.FLAT_RATE}.get(str(value))


class Unit(StrEnum):
    """What a period is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Every(NamedTuple):
    """The length of a period: `(1, month)`."""

    number: int
    unit: Unit


class BusinessDayRule(StrEnum):
    """Where a due date goes that is no business day.

    `modified_following` is the next business day, but the one before in place of the next
    month (2006 ISDA Definitions, section 4.12).
    """

    UNADJUSTED = "unadjusted"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


class DueDates(NamedTuple):
    """When payments are due.

    Args:
        payments: how many there are, one a period.
        first_due: where the first period is shorter or longer than the others; the later due
            dates are counted from it.
        end_of_month: a first date that is the last day of its month makes every due date one.
        calendar: the country whose business days count (`CN`).
        interest_moves: whether interest runs to the date that a business day rule moved to.
    """

    every: Every
    payments: int
    first_due: date | None = None
    end_of_month: bool = False
    rule: BusinessDayRule = BusinessDayRule.UNADJUSTED
    calendar: str = "CN"
    interest_moves: bool = False


class Drawdown(NamedTuple):
    """Money drawn on a day after the start, in minor units."""

    day: date
    amount: int


class RateChange(NamedTuple):
    """A yearly rate that holds from a day on."""

    day: date
    annual_rate: Decimal


class Effect(StrEnum):
    """What paying early changes: fewer instalments, or lower ones."""

    SHORTEN = "shorten"
    LOWER = "lower"


class Prepayment(NamedTuple):
    """Money paid before it is due; None for everything that is owed on the day.

    It pays the interest up to that day, then principal, with the fee for paying early.
    """

    day: date
    amount: int | None
    effect: Effect = Effect.LOWER


class AccruedInterest(StrEnum):
    """Where interest goes that has accrued when a loan is rescheduled.

    Due on the day itself, carried to the next due date, or made principal.
    """

    DUE = "due"
    CARRIED = "carried"
    CAPITALISED = "capitalised"


class Reschedule(NamedTuple):
    """From a day on, what is left is repaid by other dates; None keeps what holds.

    `added` is what had fallen due and is repaid with it, in minor units.
    """

    day: date
    payments: int
    every: Every | None = None
    first_due: date | None = None
    annual_rate: Decimal | None = None
    accrued: AccruedInterest = AccruedInterest.CARRIED
    added: int = 0


class Grace(NamedTuple):
    """How many first periods pay no principal, pay no interest, or bear none.

    Interest that is not paid yet is due on top of the first instalment after; it bears none.
    """

    principal: int = 0
    interest: int = 0
    interest_free: int = 0


class FeeTime(StrEnum):
    """When a fee is due: as money is drawn, each period, on a day, when paying early."""

    UP_FRONT = "up_front"
    PER_PERIOD = "per_period"
    ON_DAY = "on_day"
    PREPAYMENT = "prepayment"


class FeeBase(StrEnum):
    """What a fee's rate is of: all that was drawn so far, or what is left."""

    PRINCIPAL = "principal"
    BALANCE = "balance"


class Fee(NamedTuple):
    """An amount, a rate of something, or both.

    Up front an amount is charged once, with the first money that is drawn, and a rate is of each
    drawdown; for paying early it is of the principal paid early.
    What must be bought to get the loan is a fee, too.
    """

    when: FeeTime
    amount: int = 0
    rate: Decimal = Decimal(0)
    of: FeeBase = FeeBase.PRINCIPAL
    day: date | None = None
    name: str = ""


class Terms(NamedTuple):
    """Everything that a schedule follows from. Amounts are minor units of one currency.

    Args:
        annual_rate: a fraction of 1 a year (`0.0948`).
        balloon: what the last payment clears beside its instalment (method `balloon`).
        rounding: how each period's interest, the instalment and fees become whole.
    """

    principal: int
    annual_rate: Decimal
    day_count: DayCount
    start: date
    dates: DueDates
    method: Method
    drawdowns: tuple[Drawdown, ...] = ()
    rate_changes: tuple[RateChange, ...] = ()
    prepayments: tuple[Prepayment, ...] = ()
    reschedules: tuple[Reschedule, ...] = ()
    fees: tuple[Fee, ...] = ()
    grace: Grace = Grace()
    balloon: int = 0
    rounding: Rounding = Rounding.HALF_UP
    currency: str = "CNY"
