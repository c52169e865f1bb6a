"""Sharing a running total: it adds up, is close to exact, and takes nothing back."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money.share import apportion, share_out

weights = st.lists(st.integers(0, 1_000_000), min_size=1, max_size=6).filter(any)


def _one_by_one(total: int, weights: list[int]) -> list[int]:
    """Webster's order as it is defined: each unit to whom it is most due, the first of equals."""
    parts = [0] * len(weights)
    for _ in range(total):
        due = [Fraction(w, 2 * part + 1) for w, part in zip(weights, parts, strict=True)]
        parts[due.index(max(due))] += 1
    return parts


@given(st.integers(0, 80), weights)
def test_it_is_webster_s_method(total: int, weights: list[int]) -> None:
    assert apportion(total, weights) == _one_by_one(total, weights)


@given(st.integers(0, 10**12), st.integers(0, 10**6), weights)
def test_a_larger_total_takes_nothing_from_anybody(
    total: int, more: int, weights: list[int]
) -> None:
    before, after = apportion(total, weights), apportion(total + more, weights)
    assert sum(before) == total
    assert all(b >= a for a, b in zip(before, after, strict=True))
    whole = sum(weights)
    for part, weight in zip(before, weights, strict=True):
        assert abs(part * whole - total * weight) * 2 <= len(weights) * whole


def test_the_largest_remainder_would_take_a_cent_back() -> None:
    weights = [6, 6, 2]
    assert share_out(10, weights)[2] > share_out(11, weights)[2]
    assert apportion(10, weights)[2] <= apportion(11, weights)[2]


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, []), (1, [0]), (1, [2, -1])])
def test_what_cannot_be_shared_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        apportion(total, weights)
