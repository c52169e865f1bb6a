"""Business days: which days a bank works, so that a value date can be counted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import lru_cache

from holidays import HolidayBase, country_holidays

__all__ = ["BusinessCalendar", "business_calendar"]

_DAY = timedelta(days=1)
# The longest run of days off in any calendar is weeks, not years.
_SEARCH_DAYS_MAX = 366


class BusinessCalendar:
    """The business days of a country, with what an institution adds to them.

    Public holidays, and weekends worked in exchange for them, come from the `holidays` package;
    a government that announces them a year ahead is known only as far as it has announced.

    Args:
        country: an ISO 3166 code, `CN` or `US`.
        extra_holidays: days off besides.
        extra_workdays: days worked although they are a weekend or a holiday; a day in both is
            a day off.

    Raises:
        ValueError: the country has no calendar.
    """

    def __init__(
        self,
        country: str,
        *,
        extra_holidays: Collection[date] = (),
        extra_workdays: Collection[date] = (),
    ) -> None:
        try:
            self._public: HolidayBase = country_holidays(country)
        except NotImplementedError as error:
            raise ValueError(f"{country!r} has no calendar of public holidays") from error
        self.country = country
        self._holidays = frozenset(extra_holidays)
        self._workdays = frozenset(extra_workdays)

    def is_business_day(self, day: date) -> bool:
        """Whether business is done on this day."""
        if day in self._holidays:
            return False
        return day in self._workdays or self._public.is_working_day(day)

    def is_public_holiday(self, day: date) -> bool:
        """Whether the country, or the institution, keeps this day as a holiday."""
        return day in self._holidays or day in self._public

    def _step(self, day: date, step: timedelta) -> date:
        for _ in range(_SEARCH_DAYS_MAX):
            day += step
            if self.is_business_day(day):
                return day
        raise ValueError(f"no business day within a year of {day}")

    def next(self, day: date) -> date:
        """The first business day after this day."""
        return self._step(day, _DAY)

    def previous(self, day: date) -> date:
        """The last business day before this day."""
        return self._step(day, -_DAY)

    def on_or_after(self, day: date) -> date:
        """This day, or the first business day after it."""
        return day if self.is_business_day(day) else self.next(day)

    def add_business_days(self, day: date, count: int) -> date:
        """The day that is `count` business days on (back when negative).

        0 gives `on_or_after(day)`; 1 is the "T+1" of a trade made on `day`.
        """
        if count == 0:
            return self.on_or_after(day)
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day = self._step(day, step)
        return day


@lru_cache(maxsize=64)
def business_calendar(country: str) -> BusinessCalendar:
    """A country's calendar without additions, made once.

    Raises:
        ValueError: the country has no calendar.
    """
    return BusinessCalendar(country)
