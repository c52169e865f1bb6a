"""Business days of real calendars, with an institution's own days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money.calendar import BusinessCalendar, business_calendar

days = st.dates(date(2015, 1, 1), date(2035, 12, 31))
countries = st.sampled_from(["CN", "US"])


def test_chinas_spring_festival_and_the_weekend_worked_for_it() -> None:
    china = BusinessCalendar("CN")
    assert china.is_business_day(date(2026, 2, 14)), "a Saturday that is worked"
    assert not china.is_business_day(date(2026, 2, 17)), "the new year"
    assert not china.is_business_day(date(2026, 2, 21)), "a plain Saturday"
    assert china.next(date(2026, 2, 14)) == date(2026, 2, 24)
    assert china.previous(date(2026, 2, 24)) == date(2026, 2, 14)


def test_the_united_states_keep_thanksgiving() -> None:
    states = business_calendar("US")
    assert not states.is_business_day(date(2026, 11, 26))
    assert states.add_business_days(date(2026, 11, 25), 1) == date(2026, 11, 27)
    assert states.is_business_day(date(2026, 2, 17))


def test_an_institutions_own_days_come_first() -> None:
    saturday, monday = date(2026, 11, 28), date(2026, 11, 30)
    own = BusinessCalendar(
        "US", extra_holidays=[monday], extra_workdays=[saturday, monday, date(2026, 11, 26)]
    )
    assert own.is_business_day(saturday)
    assert own.is_business_day(date(2026, 11, 26))
    assert not own.is_business_day(monday)
    assert business_calendar("US").is_business_day(monday)


@given(countries, days, st.integers(-15, 15))
def test_business_days_are_counted_one_by_one(country: str, day: date, count: int) -> None:
    calendar = business_calendar(country)
    landed = calendar.add_business_days(day, count)
    assert calendar.is_business_day(landed)
    low, high = sorted((day, landed))
    between = [low + timedelta(days=i) for i in range((high - low).days + 1)]
    worked = sum(calendar.is_business_day(d) for d in between if d != day)
    assert worked == (abs(count) if count or landed == day else 1)


@given(countries, days)
def test_next_and_previous_are_inverse_on_business_days(country: str, day: date) -> None:
    calendar = business_calendar(country)
    start = calendar.on_or_after(day)
    assert start >= day
    assert calendar.previous(calendar.next(start)) == start


def test_a_country_without_a_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="'ZZ' has no calendar"):
        business_calendar("ZZ")


def test_a_calendar_without_business_days_does_not_search_for_ever() -> None:
    start = date(2026, 1, 1)
    closed = BusinessCalendar("US", extra_holidays=[start + timedelta(days=i) for i in range(400)])
    with pytest.raises(ValueError, match="no business day"):
        closed.next(start)
