"""Running totals of many loans shared at once: `money.share.apportion`, a row a loan."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AMOUNT_MAX", "apportion_rows"]

I64 = npt.NDArray[np.int64]

AMOUNT_MAX: Final = 10**12
"""The largest total, in minor units, that is shared in 64 bits with weights of millionths."""

_WEIGHT_MAX: Final = 10**6


def apportion_rows(totals: I64, weights: I64) -> I64:
    """Split each total in proportion to its row of weights, exactly as `apportion` does.

    Args:
        totals: (n,) minor units, 0 to `AMOUNT_MAX`.
        weights: (n, k) millionths, no row all zero; 0 for a place that is not taken.

    Returns:
        (n, k) parts whose rows add up to the totals.

    Raises:
        ValueError: a number that does not fit.
    """
    if totals.size and not (totals.min() >= 0 and totals.max() <= AMOUNT_MAX):
        raise ValueError(f"totals lie between 0 and {AMOUNT_MAX}")
    if weights.size and not (weights.min() >= 0 and weights.max() <= _WEIGHT_MAX):
        raise ValueError(f"weights lie between 0 and {_WEIGHT_MAX}")
    whole = weights.sum(axis=1)
    if weights.size and not whole.all():
        raise ValueError("somebody must have a share")
    parts: I64 = (2 * totals[:, None] * weights + whole[:, None]) // (2 * whole[:, None])
    excess = parts.sum(axis=1) - totals
    while (over := np.flatnonzero(excess > 0)).size:
        _move(parts, weights, over, -1)
        excess[over] -= 1
    while (under := np.flatnonzero(excess < 0)).size:
        _move(parts, weights, under, 1)
        excess[under] += 1
    return parts


def _move(parts: I64, weights: I64, rows: I64, step: int) -> None:
    """Take the unit that was least due (`step` -1), or give the one that is most due (1)."""
    some, due = parts[rows], weights[rows]
    best = np.zeros(rows.size, np.int64)
    if step < 0:
        best = np.argmax(some > 0, axis=1)
    at = np.arange(rows.size)
    for place in range(parts.shape[1]):
        # Weight over twice the part, less or plus one: compared crosswise, in whole numbers.
        mine = due[:, place] * (2 * some[at, best] + step)
        other = due[at, best] * (2 * some[:, place] + step)
        better = (mine > other) if step > 0 else (mine <= other) & (some[:, place] > 0)
        best = np.where(better, place, best)
    parts[rows, best] += step
