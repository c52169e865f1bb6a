"""The laws of schedules, over generated loans."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.credit.loans import plain_terms, terms

from tallystick.credit.schedules.all_in_rate import cash_flows
from tallystick.credit.schedules.check import require_terms
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.schedule import Schedule
from tallystick.credit.schedules.terms import (
    AccruedInterest,
    DueDates,
    Effect,
    Every,
    Method,
    Prepayment,
    Terms,
    Unit,
)
from tallystick.credit.schedules.walk import schedule_of
from tallystick.money.rate import Rounding
from tallystick.pipeline.refusals import Refused

_DAY = timedelta(days=1)


def made(loan: Terms) -> Schedule:
    require_terms(loan)
    return schedule_of(loan)


@given(terms())
def test_what_is_drawn_is_repaid_and_every_sum_adds_up(loan: Terms) -> None:
    schedule = made(loan)
    drawn = sum(drawdown.amount for drawdown in schedule.drawdowns)
    assert drawn == loan.principal + sum(drawdown.amount for drawdown in loan.drawdowns)
    assert sum(row.principal for row in schedule.rows) == drawn + schedule.capitalised
    assert schedule.rows[-1].balance == 0
    for row in schedule.rows:
        assert min(row.principal, row.interest, row.fee, row.balance) >= 0
        assert row.payment == row.principal + row.interest + row.fee
    paid = sum(row.payment for row in schedule.rows) + sum(f.amount for f in schedule.fees)
    assert sum(flow.amount for flow in cash_flows(schedule)) == drawn - paid


@given(terms())
def test_the_same_terms_give_the_same_schedule_on_days_in_order(loan: Terms) -> None:
    schedule = made(loan)
    assert schedule == made(loan)
    days = [row.day for row in schedule.rows]
    assert days == sorted(days)


@given(terms())
def test_each_balance_is_the_one_before_with_what_was_drawn_less_what_was_repaid(
    loan: Terms,
) -> None:
    assume(all(new.accrued is not AccruedInterest.CAPITALISED for new in loan.reschedules))
    assume(loan.dates.rule.value == "unadjusted")
    schedule = made(loan)
    balance, waiting = 0, list(schedule.drawdowns)
    for row in schedule.rows:
        # What is drawn on the day of a payment comes after it, on the day of an early one before.
        while waiting and waiting[0].day < row.day:
            balance += waiting.pop(0).amount
        if waiting and row.principal > balance - row.balance:
            balance += waiting.pop(0).amount
        balance -= row.principal
        assert row.balance == balance


@given(plain_terms(Method.EQUAL_INSTALMENT))
def test_equal_instalments_are_equal_but_for_the_last(loan: Terms) -> None:
    schedule = made(loan)
    # A period longer than the others whose interest alone is more than the instalment.
    assume(len(schedule.instalments) == 1)
    *others, last = [row.payment for row in schedule.rows]
    before_end = [row.payment for row in schedule.rows[:-1] if row.balance]
    assert len(set(before_end)) <= 1
    assert all(payment <= schedule.instalments[0] for payment in others)
    # Each period's interest and the instalment are rounded by at most one minor unit, and what
    # is left over earns interest until the end.
    growth = (1 + Fraction(loan.annual_rate)) ** (loan.dates.payments + 1)
    assert abs(last - schedule.instalments[0]) <= 2 * (loan.dates.payments + 1) * growth


@given(plain_terms(Method.EQUAL_PRINCIPAL))
def test_equal_principal_pays_the_same_principal_but_for_the_last(loan: Terms) -> None:
    schedule = made(loan)
    assert len({row.principal for row in schedule.rows[:-1] if row.balance}) <= 1
    interest = [row.interest for row in schedule.rows]
    if loan.day_count is DayCount.THIRTY_360 and loan.dates.every.unit.value == "month":
        assert interest == sorted(interest, reverse=True)


@given(plain_terms(Method.INTEREST_FIRST))
def test_interest_first_pays_the_principal_at_the_end(loan: Terms) -> None:
    schedule = made(loan)
    assert [row.principal for row in schedule.rows[:-1]] == [0] * (len(schedule.rows) - 1)
    assert schedule.rows[-1].principal == loan.principal


@given(plain_terms(Method.BALLOON))
def test_a_balloon_is_what_the_last_payment_clears_beside_its_instalment(loan: Terms) -> None:
    schedule = made(loan)
    assume(len(schedule.instalments) == 1)
    last = schedule.rows[-1].payment
    growth = (1 + Fraction(loan.annual_rate)) ** (loan.dates.payments + 1)
    over = abs(last - loan.balloon - schedule.instalments[0])
    assert over <= 2 * (loan.dates.payments + 1) * growth


@given(plain_terms(Method.FLAT_RATE))
def test_flat_interest_is_the_rate_of_what_was_drawn_over_the_whole_term(loan: Terms) -> None:
    loan = loan._replace(day_count=DayCount.ACT_365)
    schedule = made(loan)
    days = (schedule.rows[-1].day - loan.start).days
    exact = loan.principal * Fraction(loan.annual_rate) * days / 365
    assert abs(sum(row.interest for row in schedule.rows) - exact) < 1


@given(terms())
def test_interest_is_what_accrues_day_by_day_on_what_is_left(loan: Terms) -> None:
    """Against a walk through the calendar, a day at a time, that knows no periods."""
    loan = loan._replace(
        day_count=DayCount.ACT_365, reschedules=(), grace=loan.grace._replace(interest_free=0),
        dates=loan.dates._replace(rule=type(loan.dates.rule).UNADJUSTED),
    )  # fmt: skip
    assume(loan.method is not Method.FLAT_RATE)
    schedule = made(loan)
    drawn: dict[date, int] = defaultdict(int)
    for drawdown in schedule.drawdowns:
        drawn[drawdown.day] += drawdown.amount
    rates = {change.day: Fraction(change.annual_rate) for change in loan.rate_changes}
    repaid = {row.day: row.principal for row in schedule.rows}
    day, balance, rate, accrued = loan.start, 0, Fraction(loan.annual_rate), Fraction(0)
    while day < schedule.rows[-1].day:
        balance += drawn[day] - repaid.get(day, 0)
        rate = rates.get(day, rate)
        accrued += balance * rate / 365
        day += _DAY
    charged = sum(row.interest for row in schedule.rows)
    assert abs(charged - accrued) <= len(schedule.rows)


@st.composite
def _paid_early(draw: st.DrawFn) -> tuple[Terms, Prepayment]:
    loan = draw(plain_terms())
    assume(loan.dates.payments > 1 and loan.principal > 100)
    last = made(loan).rows[-2].day
    assume(last > loan.start)
    day = draw(st.dates(loan.start, last - _DAY))
    return loan, Prepayment(day, None, draw(st.sampled_from(Effect)))


@given(_paid_early())
def test_paying_everything_early_ends_the_loan_and_saves_interest(
    case: tuple[Terms, Prepayment],
) -> None:
    loan, early = case
    whole = made(loan)
    ended = made(loan._replace(prepayments=(early,)))
    assert ended.rows[-1].day == early.day
    assert ended.rows[-1].balance == 0
    assert sum(row.principal for row in ended.rows) == loan.principal
    saved = sum(r.interest for r in whole.rows) - sum(r.interest for r in ended.rows)
    assert saved >= -1


@given(_paid_early(), st.integers(1, 99))
def test_paying_a_part_early_shortens_or_lowers(
    case: tuple[Terms, Prepayment], percent: int
) -> None:
    loan, early = case
    whole = made(loan)
    all_owed = made(loan._replace(prepayments=(early,))).rows[-1].payment
    part = early._replace(amount=all_owed * percent // 100)
    try:
        shorter, lower = (
            made(loan._replace(prepayments=(part._replace(effect=effect),)))
            for effect in (Effect.SHORTEN, Effect.LOWER)
        )
    except Refused:
        # The part is not more than the interest so far.
        assume(False)
    for changed in (shorter, lower):
        assert sum(row.principal for row in changed.rows) == loan.principal
        assert changed.rows[-1].balance == 0
    assert lower.rows[-1].day == whole.rows[-1].day
    assert shorter.rows[-1].day <= whole.rows[-1].day
    unequal = (Method.INTEREST_FIRST, Method.FLAT_RATE)
    if loan.method not in unequal and loan.rounding is not Rounding.DOWN:
        rest = [sum(r.interest for r in s.rows) for s in (shorter, lower, whole)]
        # What each instalment is rounded by grows with the interest of all years that follow.
        years = (whole.rows[-1].day - loan.start).days / 365
        rounded = len(whole.rows) * (1 + float(loan.annual_rate)) ** years
        assert rest[0] <= rest[1] + rounded
        assert rest[1] <= rest[2] + rounded


@given(
    st.integers(10_000, 10**9), st.integers(0, 36), st.integers(4, 60), st.integers(1, 27),
    st.integers(5, 60),
)  # fmt: skip
def test_shortening_keeps_the_instalment_also_before_the_first_is_due(
    principal: int, percent_a_year: int, count: int, days: int, percent: int
) -> None:
    start = date(2026, 1, 31)
    loan = Terms(
        principal=principal, annual_rate=Decimal(percent_a_year) / 100,
        day_count=DayCount.ACT_365, start=start,
        dates=DueDates(Every(1, Unit.MONTH), count), method=Method.EQUAL_INSTALMENT,
    )  # fmt: skip
    day = start + timedelta(days=days)
    early = Prepayment(day, principal * percent // 100, Effect.SHORTEN)
    whole, shorter = made(loan), made(loan._replace(prepayments=(early,)))
    assert shorter.instalments[0] == whole.instalments[0]
    assert len(shorter.rows) <= len(whole.rows) + 1
    assert shorter.rows[-1].balance == 0


@given(plain_terms(), st.integers(0, 3))
def test_more_than_is_owed_or_less_than_the_interest_is_refused(loan: Terms, case: int) -> None:
    assume(loan.dates.payments > 1 and loan.principal > 100)
    early = Prepayment(loan.start, loan.principal + 1 + case)
    with pytest.raises(Refused) as refused:
        made(loan._replace(prepayments=(early,)))
    assert refused.value.refusal.code == "CREDIT_PREPAYMENT_AMOUNT"
