"""Periods: from which date to which interest runs, and when it is due."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tallystick.credit.schedules.day_count import DayCount, year_fraction
from tallystick.credit.schedules.terms import BusinessDayRule, DueDates, Every, Unit
from tallystick.money.calendar import BusinessCalendar, business_calendar
from tallystick.pipeline.refusals import Refused

__all__ = ["Period", "add_periods", "periods_of"]

_DAYS = {Unit.DAY: 1, Unit.WEEK: 7}
_MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}
_MONTH_OF_YEAR = Fraction(1, 12)


class Period(NamedTuple):
    """Interest runs from `start` to `end`; it is due on `due`.

    `fraction` is the period's part of a year by its loan's day count.
    """

    start: date
    end: date
    due: date
    fraction: Fraction
    day_count: DayCount

    def part(self, start: date, end: date) -> Fraction:
        """The part of a year between two days of this period.

        Months of 30 days have no days of their own, so that a part of such a period is taken by
        its share of the actual days.
        """
        if self.day_count is DayCount.THIRTY_360:
            return self.fraction * Fraction((end - start).days, (self.end - self.start).days)
        return year_fraction(self.day_count, start, end)


def _last_day(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def add_periods(day: date, every: Every, times: int, *, end_of_month: bool = False) -> date:
    """The day that lies `times` periods on; a day that a month lacks is its last one.

    Raises:
        OverflowError: it lies outside the calendar.
    """
    if every.unit in _DAYS:
        return day + timedelta(days=every.number * times * _DAYS[every.unit])
    months = day.year * 12 + day.month - 1 + every.number * times * _MONTHS[every.unit]
    year, month = months // 12, months % 12 + 1
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("the date lies outside the calendar")
    last = _last_day(year, month)
    stays_last = end_of_month and day.day == _last_day(day.year, day.month)
    return date(year, month, last if stays_last else min(day.day, last))


def _moved(day: date, rule: BusinessDayRule, calendar: BusinessCalendar) -> date:
    if calendar.is_business_day(day):
        return day
    if rule is BusinessDayRule.PRECEDING:
        return calendar.previous(day)
    later = calendar.next(day)
    if rule is BusinessDayRule.MODIFIED_FOLLOWING and later.month != day.month:
        return calendar.previous(day)
    return later


def _unadjusted(start: date, dates: DueDates) -> list[date]:
    anchor = dates.first_due or start
    first = 0 if dates.first_due else 1
    return [
        add_periods(anchor, dates.every, at, end_of_month=dates.end_of_month)
        for at in range(first, first + dates.payments)
    ]


def _whole(every: Every, day_count: DayCount) -> Fraction | None:
    """A whole number of months by 30/360: that many times 30 days, whatever its dates."""
    if day_count is DayCount.THIRTY_360 and every.unit in _MONTHS:
        return every.number * _MONTHS[every.unit] * _MONTH_OF_YEAR
    return None


def _regular(start: date, dates: DueDates) -> bool:
    """Whether the first period is as long as the others."""
    every, last = dates.every, dates.end_of_month
    return dates.first_due in (None, add_periods(start, every, 1, end_of_month=last))


def _require_after(start: date, unmoved: date, due: date) -> None:
    if due <= start:
        raise Refused(
            "CREDIT_TERMS_INVALID",
            f"business_days: {unmoved} moves to {due}, which is not after the start, {start}.",
        )


@lru_cache(maxsize=256)
def periods_of(start: date, dates: DueDates, day_count: DayCount) -> tuple[Period, ...]:
    """The periods of a loan that starts on a day, in order.

    Raises:
        OverflowError: a date lies outside the calendar.
        ValueError: the country has no calendar.
        Refused: CREDIT_TERMS_INVALID, a rule moves the first due date to the start or before it.
    """
    unmoved = ends = dues = _unadjusted(start, dates)
    if dates.rule is not BusinessDayRule.UNADJUSTED:
        calendar = business_calendar(dates.calendar)
        dues = [_moved(day, dates.rule, calendar) for day in ends]
        _require_after(start, ends[0], dues[0])
        ends = dues if dates.interest_moves else ends
    periods: list[Period] = []
    begin = start
    for at, (end, due) in enumerate(zip(ends, dues, strict=True)):
        regular = ends is unmoved and (at > 0 or _regular(start, dates))
        fraction = _whole(dates.every, day_count) if regular else None
        if fraction is None:
            fraction = year_fraction(day_count, begin, end)
        periods.append(Period(begin, end, due, fraction, day_count))
        begin = end
    return tuple(periods)
