"""The all-in yearly rate: the internal rate of return of all that the borrower gets and pays.

Sources: PBoC notice 2021 No. 3 (the yearly rate shown is of all costs over the principal in
use); Directive 2008/48/EC, annex I (the same equation, from dates).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Context, Decimal
from typing import NamedTuple

from tallystick.credit.schedules.schedule import Schedule
from tallystick.credit.schedules.terms import Every, Unit

__all__ = ["CashFlow", "all_in_rate", "cash_flows", "simple_rate"]

_YEAR_DAYS = 365
_ROUNDS_MAX = 200
_ARITHMETIC = Context(prec=34)
_CLOSE = Decimal("1e-24")
_ONE = Decimal(1)
_LOW_RATES = range(-16, 40)
"""Powers of 2: yearly rates from 0.0015 % on, one after another twice as high."""


class CashFlow(NamedTuple):
    """What the borrower gets (positive) or pays (negative) on a day, in minor units."""

    day: date
    amount: int


def cash_flows(schedule: Schedule) -> list[CashFlow]:
    """All that goes to and from the borrower, a sum a day, in order."""
    sums: dict[date, int] = defaultdict(int)
    for drawdown in schedule.drawdowns:
        sums[drawdown.day] += drawdown.amount
    for fee in schedule.fees:
        sums[fee.day] -= fee.amount
    for row in schedule.rows:
        sums[row.day] -= row.payment
    return [CashFlow(day, amount) for day, amount in sorted(sums.items()) if amount]


class _Value(NamedTuple):
    """The flows' value at the first day for one daily discount factor, and its slope."""

    value: Decimal
    slope: Decimal


def _value(flows: list[CashFlow], discount: Decimal) -> _Value:
    first, arithmetic = flows[0].day, _ARITHMETIC
    value = slope = Decimal(0)
    power, at = _ONE, 0
    # Due dates are few different spans apart, and a power is the dear part.
    spans: dict[int, Decimal] = {}
    for day, amount in flows:
        days = (day - first).days
        span = days - at
        if span not in spans:
            spans[span] = arithmetic.power(discount, span)
        power = arithmetic.multiply(power, spans[span])
        at = days
        part = arithmetic.multiply(power, Decimal(amount))
        value = arithmetic.add(value, part)
        slope = arithmetic.add(slope, arithmetic.multiply(part, Decimal(days)))
    return _Value(value, arithmetic.divide(slope, discount))


def _low_bound(flows: list[CashFlow]) -> Decimal | None:
    """A factor below the one that is looked for, at which the flows are worth something.

    Where a fee is paid before the first money comes, two rates fit; the lower one is meant.
    """
    if flows[0].amount > 0:
        return Decimal(0)
    for exponent in _LOW_RATES:
        discount = _ARITHMETIC.power(_ONE + Decimal(2) ** exponent, -_ONE / _YEAR_DAYS)
        if _value(flows, discount).value > 0:
            return discount
    return None


def _discount(flows: list[CashFlow]) -> Decimal | None:
    """The daily discount factor at which the flows are worth nothing.

    What is paid grows with the factor, so the value falls from what was got at first (factor 0)
    on; Newton's steps are taken while they stay between the bounds, halving else.
    """
    low, high = _low_bound(flows), Decimal(2)
    if low is None or _value(flows, high).value >= 0:
        return None
    at = _ONE
    for _ in range(_ROUNDS_MAX):
        value, slope = _value(flows, at)
        low, high = (at, high) if value > 0 else (low, at)
        step = _ARITHMETIC.divide(value, slope) if slope else Decimal(0)
        following = _ARITHMETIC.subtract(at, step)
        if not low < following < high:
            following = _ARITHMETIC.divide(_ARITHMETIC.add(low, high), Decimal(2))
        if abs(following - at) < _CLOSE:
            return following
        at = following
    return at


def all_in_rate(flows: list[CashFlow]) -> Decimal | None:
    """The yearly rate `r` with `Σ flow / (1 + r) ** (days / 365) = 0`, as a fraction of 1.

    Exact to far more than 0.0001 %. None when no rate does it: the borrower gets nothing, or
    pays nothing back.
    """
    discount = _discount(flows) if flows else None
    if discount is None:
        return None
    return _ARITHMETIC.subtract(_ARITHMETIC.power(discount, -_YEAR_DAYS), _ONE)


def simple_rate(rate: Decimal, every: Every) -> Decimal:
    """A yearly rate without compounding: the period's rate times the periods in a year."""
    months = {Unit.MONTH: 1, Unit.YEAR: 12}.get(every.unit)
    if months:
        periods = Decimal(12) / (every.number * months)
    else:
        days = every.number * (7 if every.unit is Unit.WEEK else 1)
        periods = Decimal(_YEAR_DAYS) / days
    period = _ARITHMETIC.power(_ONE + rate, _ARITHMETIC.divide(_ONE, periods)) - _ONE
    return _ARITHMETIC.multiply(periods, period)
