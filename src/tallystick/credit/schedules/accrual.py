"""Accrual lines: between two happenings the interest of a loan is a straight line over the days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.periods import Period

__all__ = ["Accrual", "AccrualLine", "accrual_lines"]


class Accrual(NamedTuple):
    """A part of a period in which nothing happens.

    Args:
        accrued: interest of the period up to `start`, exactly, in minor units.
        yearly: interest of a whole year on what is owed.
        carried: whole interest of before that is not due yet.
    """

    start: date
    end: date
    accrued: Fraction
    yearly: Fraction
    carried: int
    period: Period


class AccrualLine(NamedTuple):
    """Interest on a day from `start` to before `end`: `at_start + per_day * days`, exactly."""

    start: date
    end: date
    at_start: Fraction
    per_day: Fraction


def _pieces(accrual: Accrual) -> Iterator[tuple[date, date]]:
    """The parts in which each day is the same part of a year."""
    start, end = accrual.start, accrual.end
    if accrual.period.day_count is DayCount.ACT_ACT:
        while start.year < end.year:
            new_year = date(start.year + 1, 1, 1)
            yield start, new_year
            start = new_year
    if start < end:
        yield start, end


def accrual_lines(accrual: Accrual) -> Iterator[AccrualLine]:
    """An accrual as lines, in order: one, or by `ACT/ACT` one for each calendar year."""
    exact = accrual.accrued + accrual.carried
    for start, end in _pieces(accrual):
        part = accrual.yearly * accrual.period.part(start, end)
        yield AccrualLine(start, end, exact, part / (end - start).days)
        exact += part
