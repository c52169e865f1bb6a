"""No contact outside hours, on holidays, above caps or after a stop: over generated rules."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallystick.credit.collections.permission import (
    ContactHistory,
    PermittedMoment,
    next_permitted,
)
from tallystick.credit.collections.planning import Overdue, next_contact
from tallystick.credit.collections.terms import (
    Channel,
    ContactRules,
    Step,
    StrategyTerms,
    bucket_of,
    require_rules,
    require_strategy,
)
from tallystick.credit.loans.timing import loan_day

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_ZONES = (
    "Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Africa/Casablanca", "Pacific/Apia", "America/St_Johns",
)  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> ContactRules:
    opens = draw(st.integers(0, 1438))
    made = ContactRules(
        zone=draw(st.sampled_from(_ZONES)),
        calendar=draw(st.sampled_from(["", "CN", "US", "GB", "IN"])),
        opens=opens,
        closes=draw(st.integers(opens + 1, 1440)),
        per_day=draw(st.integers(1, 3)),
        per_week=draw(st.integers(1, 6)),
        gap_minutes=draw(st.sampled_from([0, 30, 1500])),
        rest_weekdays=tuple(draw(st.sets(st.integers(0, 6), max_size=5))),
        extra_holidays=tuple(
            draw(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=3))
        ),
    )
    require_rules(made)
    return made


_STEPS = st.builds(
    Step,
    name=st.uuids().map(str),
    from_days=st.integers(1, 40),
    to_days=st.integers(40, 120),
    channel=st.sampled_from(Channel),
    text=st.just("reminder"),
    every_days=st.integers(1, 9),
    not_before=st.integers(0, 1439),
    amount_min=st.sampled_from([0, 5_000]),
)
_STRATEGIES = st.lists(_STEPS, min_size=1, max_size=4).map(lambda s: StrategyTerms(steps=tuple(s)))


def shown(made: ContactRules, at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(made.zone))


def check(made: ContactRules, contacts: list[int]) -> None:
    """Each contact by itself and all of them together, told from the rules' words alone."""
    days = Counter(shown(made, at_ms).date() for at_ms in contacts)
    for at_ms in contacts:
        local = shown(made, at_ms)
        assert made.opens <= local.hour * 60 + local.minute < made.closes
        assert local.weekday() not in made.rest_weekdays
        assert local.date() not in made.extra_holidays
        if made.calendar:
            assert local.date() not in holidays.country_holidays(made.calendar, years=local.year)
    assert max(days.values(), default=0) <= made.per_day
    for first in days:
        week = (first + timedelta(days=n) for n in range(7))
        assert sum(days[day] for day in week) <= made.per_week
    for before, after in zip(sorted(contacts), sorted(contacts)[1:], strict=False):
        assert after - before >= made.gap_minutes * 60_000


@given(rules(), st.integers(0, 400 * 24 * 60))
@example(ContactRules(zone="America/New_York", calendar="", opens=150, closes=170), 96_600)
def test_each_planned_contact_is_allowed_with_all_before_it(
    made: ContactRules, minutes: int
) -> None:
    now_ms = int(BEGIN.timestamp() * 1000) + minutes * 60_000
    contacts: list[int] = []
    for _ in range(12):
        found = next_permitted(made, ContactHistory(tuple(contacts)), now_ms)
        if found is None:
            break
        assert found.at_ms >= now_ms
        contacts.append(found.at_ms)
        now_ms = found.at_ms
    check(made, contacts)


@given(rules(), _STRATEGIES, st.integers(1, 60), st.integers(0, 365 * 24 * 60), st.data())
def test_following_any_strategy_keeps_the_rules(
    made: ContactRules, terms: StrategyTerms, late: int, minutes: int, data: st.DataObject
) -> None:
    require_strategy(terms)
    now_ms = int(BEGIN.timestamp() * 1000) + minutes * 60_000
    first = loan_day(now_ms)
    contacts: list[int] = []
    last: dict[str, date] = {}
    for _ in range(8):
        today = loan_day(now_ms)
        passed = (today - first).days
        loans = (Overdue("1", "cash", data.draw(st.integers(1, 10_000)), 0, late + passed),)
        history = ContactHistory(tuple(contacts))
        planned = next_contact(terms, made, history, loans, last, today, now_ms)
        if planned is None:
            break
        at = late + (loan_day(planned.moment.at_ms) - first).days
        assert planned.step.from_days <= at <= planned.step.to_days
        assert loans[0].due >= planned.step.amount_min
        now_ms = planned.moment.at_ms
        contacts.append(now_ms)
        last[planned.step.name] = loan_day(now_ms)
    check(made, contacts)


@given(rules(), _STRATEGIES, st.integers(0, 10**6))
def test_after_a_stop_nothing_is_planned_and_no_moment_can_be_made(
    made: ContactRules, terms: StrategyTerms, minutes: int
) -> None:
    now_ms = int(BEGIN.timestamp() * 1000) + minutes * 60_000
    stopped = ContactHistory(is_stopped=True)
    assert next_permitted(made, stopped, now_ms) is None
    loans = (Overdue("1", "cash", 100, 0, 45),)
    assert next_contact(terms, made, stopped, loans, {}, date(2026, 1, 1), now_ms) is None
    with pytest.raises(ValueError, match="stopped"):
        PermittedMoment(made, stopped, now_ms)


@given(rules(), st.integers(0, 10**6), st.integers(1, 90 * 24 * 60))
def test_nothing_is_said_while_a_promise_or_hardship_runs(
    made: ContactRules, minutes: int, quiet: int
) -> None:
    now_ms = int(BEGIN.timestamp() * 1000) + minutes * 60_000
    until_ms = now_ms + quiet * 60_000
    found = next_permitted(made, ContactHistory(quiet_until_ms=until_ms), now_ms)
    assert found is None or found.at_ms >= until_ms


def test_buckets_are_those_of_the_rules() -> None:
    made = ContactRules()
    assert [bucket_of(made, days) for days in (0, 1, 30, 31, 60, 61, 91, 400)] == [
        0, 1, 1, 2, 2, 3, 4, 4,
    ]  # fmt: skip


def test_time_zones_are_known_where_the_system_has_none() -> None:
    code = "from zoneinfo import ZoneInfo; print(ZoneInfo('Asia/Shanghai'))"
    found = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONTZPATH": ""}, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert found.stdout.strip() == "Asia/Shanghai", found.stderr
