"""When a rule's occurrences fall: month ends, business days, ends; against `dateutil`'s rules."""

from __future__ import annotations

from datetime import date

import pytest
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule
from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounting.days import date_of, day_begins_ms, day_of_date, day_of_ms
from tallystick.accounting.schedules.rule import BusinessDays, Rule, Unit, next_occurrence
from tallystick.money.calendar import business_calendar

FREQUENCIES = {Unit.DAY: DAILY, Unit.WEEK: WEEKLY, Unit.MONTH: MONTHLY}


def rule(
    unit: Unit, first: date, *, every: int = 1, month_end: bool = False,
    business_days: BusinessDays = BusinessDays.ANY, last_day: int = 0, count_max: int = 0,
) -> Rule:  # fmt: skip
    return Rule(
        unit, every, day_of_date(first), 9 * 60, month_end, business_days, "CN", last_day, count_max
    )


def days(of: Rule, count: int) -> list[date]:
    found: list[date] = []
    after = 0
    while len(found) < count and (at := next_occurrence(of, after, len(found))) is not None:
        assert at.due_ms == day_begins_ms(day_of_ms(at.due_ms)) + 9 * 3_600_000
        found.append(date_of(day_of_ms(at.due_ms)))
        after = at.number
    return found


@given(
    unit=st.sampled_from(list(FREQUENCIES)), every=st.integers(1, 30),
    first=st.dates(date(2020, 1, 1), date(2030, 12, 28)).filter(lambda d: d.day <= 28),
)  # fmt: skip
def test_occurrences_are_those_of_a_recurrence_rule(unit: Unit, every: int, first: date) -> None:
    expected = rrule(FREQUENCIES[unit], dtstart=first, interval=every, count=12)
    assert days(rule(unit, first, every=every), 12) == [moment.date() for moment in expected]


@given(
    first=st.dates(date(2020, 1, 29), date(2030, 12, 31)).filter(lambda d: d.day > 28),
    month_end=st.booleans(),
)
def test_a_month_that_is_too_short_gives_its_last_day(first: date, month_end: bool) -> None:
    wanted = 31 if month_end else first.day
    for day in days(rule(Unit.MONTH, first, month_end=month_end), 24):
        after = date_of(day_of_date(day) + 1)
        assert day.day == wanted or (day.day < wanted and after.month != day.month)


@pytest.mark.parametrize(
    ("business_days", "expected"),
    [
        (BusinessDays.ANY, "2026-10-31"),  # a Saturday
        (BusinessDays.FOLLOWING, "2026-11-02"),
        (BusinessDays.MODIFIED_FOLLOWING, "2026-10-30"),
        (BusinessDays.PRECEDING, "2026-10-30"),
        (BusinessDays.ONLY, "2026-11-30"),
    ],
)
def test_a_month_end_on_a_saturday(business_days: BusinessDays, expected: str) -> None:
    monthly = rule(Unit.MONTH, date(2026, 10, 31), month_end=True, business_days=business_days)
    assert days(monthly, 1) == [date.fromisoformat(expected)]


@given(
    first=st.dates(date(2024, 1, 1), date(2026, 6, 30)),
    business_days=st.sampled_from([b for b in BusinessDays if b is not BusinessDays.ANY]),
    unit=st.sampled_from(list(FREQUENCIES)),
)
def test_with_business_days_nothing_falls_on_a_day_off(
    first: date, business_days: BusinessDays, unit: Unit
) -> None:
    found = days(rule(unit, first, business_days=business_days), 12)
    assert all(business_calendar("CN").is_business_day(day) for day in found)
    assert found == sorted(found)


def test_a_rule_ends_after_a_count_or_a_day() -> None:
    first = date(2026, 1, 1)
    assert len(days(rule(Unit.DAY, first, count_max=5), 99)) == 5
    last = day_of_date(date(2026, 1, 10))
    assert days(rule(Unit.WEEK, first, last_day=last), 99) == [first, date(2026, 1, 8)]
    assert days(rule(Unit.ONCE, first), 99) == [first]
