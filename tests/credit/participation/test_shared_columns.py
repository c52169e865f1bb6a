"""Sharing by columns is sharing one by one, to the cent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.participation.columns import AMOUNT_MAX, apportion_rows
from tallystick.credit.participation.share import parts_between
from tallystick.money.share import apportion

_totals = st.one_of(st.integers(0, 100), st.integers(0, AMOUNT_MAX))
_rows = st.lists(
    st.tuples(
        _totals, st.lists(st.integers(0, 1_000_000), min_size=4, max_size=4).filter(any)
    ),
    max_size=12,
)  # fmt: skip


@given(_rows)
def test_the_columns_are_the_single_shares(rows: list[tuple[int, list[int]]]) -> None:
    totals = np.array([total for total, _ in rows], np.int64)
    weights = np.array([w for _, w in rows], np.int64).reshape(-1, 4)
    parts = apportion_rows(totals, weights)
    assert parts.tolist() == [apportion(total, w) for total, w in rows]


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=3,
       max_size=3))  # fmt: skip
def test_what_comes_on_top_is_shared_alike(before: int, amount: int, weights: list[int]) -> None:
    row = np.array([weights], np.int64)
    first, whole = (apportion_rows(np.array([n]), row) for n in (before, before + amount))
    assert (whole - first).tolist() == [parts_between(before, amount, weights)]


@pytest.mark.parametrize(
    ("total", "weights"), [(-1, [1, 1]), (AMOUNT_MAX + 1, [1, 1]), (5, [0, 0]), (5, [2_000_000, 1])]
)
def test_what_does_not_fit_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="between|share"):
        apportion_rows(np.array([total]), np.array([weights]))
