"""What is shown before paying early is what paying early does."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import Contract, ProductTerms
from tallystick.credit.loans.prepaying import prepaid
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.refusals import Refused

TERMS = ProductTerms(annual_rate=Decimal("0.12"), counts=(12,))
LOAN = Contract(principal=1_200_00, start=date(2027, 1, 15), count=12, product=TERMS)


@given(st.integers(1, 25), st.integers(0, 1_500_00), st.sampled_from(Effect))
def test_a_saving_is_interest_that_is_not_charged_and_never_negative(
    days: int, amount: int, effect: Effect
) -> None:
    day = LOAN.start + timedelta(days=days)
    before = live(LOAN, (), day)
    try:
        shown = prepaid(LOAN, (), day, amount, effect)
    except Refused:
        return
    assert shown.saving >= 0
    assert 0 < shown.amount <= before.payoff
    assert shown.position.owed_total == before.owed_total - shown.amount + shown.position.advance

    interest = sum(row.interest for row in before.schedule.rows)
    assert shown.saving == interest - sum(row.interest for row in shown.position.schedule.rows)


def test_everything_saves_all_interest_that_is_still_to_come() -> None:
    day = LOAN.start + timedelta(days=10)
    shown = prepaid(LOAN, (), day, 0, Effect.LOWER)
    before = live(LOAN, (), day)
    assert (shown.payments, shown.last_day) == (0, None)
    assert shown.amount == before.payoff
    to_come = sum(row.interest for row in before.schedule.rows)
    assert shown.saving == to_come - before.accruing


def test_fewer_payments_save_more_than_lower_ones() -> None:
    day = LOAN.start + timedelta(days=40)
    fewer = prepaid(LOAN, (), day, 500_00, Effect.SHORTEN)
    lower = prepaid(LOAN, (), day, 500_00, Effect.LOWER)
    assert fewer.saving > lower.saving
    assert fewer.payments < lower.payments == 11
