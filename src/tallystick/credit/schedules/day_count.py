"""Day counts: which part of a year lies between two dates, exactly."""

from __future__ import annotations

from calendar import isleap
from datetime import date
from enum import StrEnum
from fractions import Fraction

__all__ = ["DayCount", "year_fraction"]


class DayCount(StrEnum):
    """How days become parts of a year.

    Sources: 2006 ISDA Definitions, section 4.16: `ACT/365` (Fixed), `ACT/360`, `30/360` (bond
    basis), `ACT/ACT` (days in leap years over 366, the others over 365). `ACT/364` is a year of
    52 weeks.
    """

    THIRTY_360 = "30/360"
    ACT_365 = "ACT/365"
    ACT_360 = "ACT/360"
    ACT_364 = "ACT/364"
    ACT_ACT = "ACT/ACT"


_YEAR_DAYS = {DayCount.ACT_365: 365, DayCount.ACT_360: 360, DayCount.ACT_364: 364}


def _thirty_360(start: date, end: date) -> Fraction:
    start_day = min(start.day, 30)
    end_day = 30 if end.day == 31 and start_day == 30 else end.day
    months = (end.year - start.year) * 12 + end.month - start.month
    return Fraction(months * 30 + end_day - start_day, 360)


def _actual_actual(start: date, end: date) -> Fraction:
    total = Fraction(0)
    while start < end:
        new_year = date(start.year + 1, 1, 1) if start.year < date.max.year else end
        until = min(end, new_year)
        total += Fraction((until - start).days, 366 if isleap(start.year) else 365)
        start = until
    return total


def year_fraction(day_count: DayCount, start: date, end: date) -> Fraction:
    """The part of a year from `start` to `end` (which is not before it)."""
    assert start <= end, (start, end)
    if day_count is DayCount.THIRTY_360:
        return _thirty_360(start, end)
    if day_count is DayCount.ACT_ACT:
        return _actual_actual(start, end)
    return Fraction((end - start).days, _YEAR_DAYS[day_count])
