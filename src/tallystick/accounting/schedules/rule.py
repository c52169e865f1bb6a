"""When something happens: the days of a rule, moved by business days; pure functions."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from tallystick.accounting.days import date_of, day_begins_ms, day_of_date
from tallystick.money.calendar import BusinessCalendar, business_calendar

__all__ = ["BusinessDays", "Occurrence", "Rule", "Unit", "next_occurrence"]

_MINUTE_MS: Final = 60_000
_SKIPPED_MAX: Final = 400
_LAST_YEAR: Final = 9000


class Unit(StrEnum):
    """What a rule counts in."""

    ONCE = "once"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class BusinessDays(StrEnum):
    """What becomes of an occurrence on a day on which no business is done."""

    ANY = "any"
    """It happens all the same."""
    FOLLOWING = "following"
    """On the first business day after it."""
    MODIFIED_FOLLOWING = "modified_following"
    """The same, but on the last one before it where that would be in another month."""
    PRECEDING = "preceding"
    """On the last business day before it."""
    ONLY = "only"
    """It does not happen."""


class Rule(NamedTuple):
    """When something happens.

    Args:
        every: so many units from one occurrence to the next.
        first_day: the first occurrence's day; its day of the month is that of a monthly rule,
            and the last day of a month that is too short.
        month_end: a monthly rule's day is the last of each month, whatever the first day is.
        minute: of the day, in China time.
        last_day: no occurrence is meant for a day after it; 0 for no end.
        count_max: so many occurrences; 0 for no end.
    """

    unit: Unit
    every: int
    first_day: int
    minute: int
    month_end: bool
    business_days: BusinessDays
    country: str
    last_day: int
    count_max: int


class Occurrence(NamedTuple):
    """The `number`-th step of a rule, from 1, and when it is due."""

    number: int
    due_ms: int


def _months_on(first: date, months: int, month_end: bool) -> date:
    at = first.year * 12 + first.month - 1 + months
    year, month = divmod(at, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, last if month_end else min(first.day, last))


def _meant_for(rule: Rule, number: int) -> date:
    """The day for which an occurrence is meant, before business days are looked at."""
    first, steps = date_of(rule.first_day), (number - 1) * rule.every
    if rule.unit is Unit.MONTH:
        return _months_on(first, steps, rule.month_end)
    return first + timedelta(days=steps * (7 if rule.unit is Unit.WEEK else 1))


def _preceding(days: BusinessCalendar, day: date) -> date:
    return day if days.is_business_day(day) else days.previous(day)


def _happens_on(rule: Rule, day: date) -> date | None:
    """The day on which it happens; None when it does not."""
    if rule.business_days is BusinessDays.ANY:
        return day
    days = business_calendar(rule.country)
    if rule.business_days is BusinessDays.ONLY:
        return day if days.is_business_day(day) else None
    if rule.business_days is BusinessDays.PRECEDING:
        return _preceding(days, day)
    moved = days.on_or_after(day)
    if rule.business_days is BusinessDays.MODIFIED_FOLLOWING and moved.month != day.month:
        return _preceding(days, day)
    return moved


def next_occurrence(rule: Rule, after: int, happened: int) -> Occurrence | None:
    """The occurrence after the step `after`, or None when the rule is at its end.

    Args:
        happened: how many occurrences there were, which `count_max` counts.

    Raises:
        ValueError: the country has no calendar.
    """
    if rule.count_max and happened >= rule.count_max:
        return None
    for number in range(after + 1, after + 1 + _SKIPPED_MAX):
        if rule.unit is Unit.ONCE and number > 1:
            return None
        try:
            meant = _meant_for(rule, number)
        except (OverflowError, ValueError):
            return None
        if meant.year > _LAST_YEAR or (rule.last_day and day_of_date(meant) > rule.last_day):
            return None
        day = _happens_on(rule, meant)
        if day is not None:
            due_ms = day_begins_ms(day_of_date(day)) + rule.minute * _MINUTE_MS
            return Occurrence(number, due_ms)
    return None
