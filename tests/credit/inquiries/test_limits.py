"""Limits: monotone in score and income, falling with exposure, never above the person's most."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.inquiries.limits import (
    Band,
    Exposure,
    Income,
    LimitPolicy,
    limit_of,
    require_policy,
)
from tallystick.pipeline.refusals import Refused

POLICY = LimitPolicy()
_SCORES = st.integers(350, 950)
_INCOMES = st.builds(Income, st.integers(0, 10**8), st.booleans())
_EXPOSURES = st.builds(
    Exposure, pay_later=st.integers(0, 10**8), loans=st.integers(0, 10**8),
    joint=st.integers(0, 10**8), deposits=st.integers(0, 10**8),
)  # fmt: skip


@given(_SCORES, _SCORES, _INCOMES, _EXPOSURES)
def test_a_better_score_never_lowers_the_limit(
    one: int, other: int, income: Income, exposure: Exposure
) -> None:
    low, high = (limit_of(POLICY, s, 0, income, exposure) for s in sorted((one, other)))
    assert low.total <= high.total <= POLICY.exposure_max
    assert low.available <= high.available


@given(_SCORES, _INCOMES, _EXPOSURES, st.integers(0, 10**8))
def test_what_is_owed_anywhere_is_taken_off_and_given_back(
    score: int, income: Income, exposure: Exposure, repaid: int
) -> None:
    before = limit_of(POLICY, score, 0, income, exposure)
    assert before.available == max(0, before.total - exposure.total)
    less = Exposure(loans=max(0, exposure.total - repaid))
    assert limit_of(POLICY, score, 0, income, less).available >= before.available


@given(st.integers(0, 10**8), _SCORES)
def test_what_nobody_has_verified_counts_less(monthly: int, score: int) -> None:
    stated = limit_of(POLICY, score, 0, Income(monthly, False), Exposure())
    seen = limit_of(POLICY, score, 0, Income(monthly, True), Exposure())
    assert stated.total <= seen.total


@pytest.mark.parametrize(
    ("score", "age_days", "monthly", "reason", "total"),
    [
        (0, 0, 9_000_00, "no_score", 0),
        (655, 91, 9_000_00, "score_old", 0),
        (420, 0, 9_000_00, "score_low", 0),
        (610, 0, 9_000_00, "income", 27_000_00),
        (610, 0, 90_000_00, "band", 50_000_00),
        (700, 0, 90_000_00, "band", 200_000_00),
    ],
)
def test_a_limit_says_what_holds_it_down(
    score: int, age_days: int, monthly: int, reason: str, total: int
) -> None:
    found = limit_of(POLICY, score, age_days * 86_400_000, Income(monthly, True), Exposure())
    assert (found.reason, found.total) == (reason, total)


def test_a_policy_that_cannot_be_followed_is_refused() -> None:
    falling = (Band(score_from=600, months=Decimal(1), amount_max=1),
               Band(score_from=500, months=Decimal(1), amount_max=1))  # fmt: skip
    for wrong in (LimitPolicy(bands=falling), LimitPolicy(bands=()),
                  LimitPolicy(declared_share=Decimal(2))):  # fmt: skip
        with pytest.raises(Refused, match="CREDIT_TERMS_INVALID"):
            require_policy(wrong)
