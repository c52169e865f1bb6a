"""Shares add up, and a rate is rounded once, as named."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money.rate import Rounding, apply_rate, parse_rate
from tallystick.money.share import share_out

totals = st.integers(-(2**63), 2**63 - 1)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=20).filter(any)


@given(totals, weights)
def test_shares_add_up_and_are_within_one_unit_of_exact(total: int, given: list[int]) -> None:
    shares = share_out(total, given)
    assert sum(shares) == total
    for share, weight in zip(shares, given, strict=True):
        assert abs(share - Fraction(total * weight, sum(given))) < 1
        assert weight or share == 0


@given(totals, weights)
def test_a_heavier_weight_never_gets_less_and_ties_go_to_the_first(
    total: int, given: list[int]
) -> None:
    shares = [abs(share) for share in share_out(total, given)]
    for i in range(len(given)):
        for j in range(i + 1, len(given)):
            if given[i] >= given[j]:
                assert shares[i] >= shares[j]
            else:
                assert shares[i] <= shares[j]


@given(totals, weights, st.integers(1, 1000))
def test_only_the_proportion_of_weights_counts(total: int, given: list[int], factor: int) -> None:
    assert share_out(total, [w * factor for w in given]) == share_out(total, given)


def test_left_over_units_go_to_the_largest_remainders_first_of_equals() -> None:
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]
    assert share_out(10, [1, 2, 4]) == [1, 3, 6]
    assert share_out(-100, [1, 1, 1]) == [-34, -33, -33]
    assert share_out(0, [3, 1]) == [0, 0]


@pytest.mark.parametrize("bad", [[], [0, 0], [1, -1], [-1]])
def test_weights_that_share_nothing_are_refused(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        share_out(5, bad)


@pytest.mark.parametrize(
    ("rounding", "rounded"),
    [
        (Rounding.HALF_UP, (1, 2, 3, -3)),
        (Rounding.HALF_EVEN, (1, 2, 2, -2)),
        (Rounding.HALF_DOWN, (1, 1, 2, -2)),
        (Rounding.UP, (2, 2, 3, -3)),
        (Rounding.DOWN, (1, 1, 2, -2)),
        (Rounding.CEILING, (2, 2, 3, -2)),
        (Rounding.FLOOR, (1, 1, 2, -3)),
    ],
)
def test_each_rounding_does_what_it_is_called(rounding: Rounding, rounded: tuple[int, ...]) -> None:
    tenth = Decimal("0.1")
    assert tuple(apply_rate(a, tenth, rounding) for a in (12, 15, 25, -25)) == rounded


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(min_value=-10, max_value=10, places=12),
    st.sampled_from(Rounding),
)
def test_a_rate_is_within_one_unit_of_exact(amount: int, rate: Decimal, how: Rounding) -> None:
    exact = Fraction(amount) * Fraction(rate)
    result = apply_rate(amount, rate, how)
    assert abs(result - exact) < 1
    if how is Rounding.FLOOR:
        assert result <= exact
    if how is Rounding.HALF_EVEN:
        assert result == round(exact)


def test_the_largest_amount_keeps_every_digit() -> None:
    assert apply_rate(2**63 - 1, Decimal(1), Rounding.DOWN) == 2**63 - 1
    assert apply_rate(10**18, Decimal("0." + "0" * 17 + "15"), Rounding.HALF_UP) == 2


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "six", "sNaN"])
def test_a_rate_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        parse_rate(text)


def test_a_rate_is_read_exactly() -> None:
    assert parse_rate("0.006") == Decimal("0.006")
