"""Boosted trees as plain arrays: prediction, and what each input contributed.

A prediction is the sum of the leaves that a row falls into. Each leaf is the tree's average plus
the steps on the way to it; a step belongs to the input that was asked. So the steps, summed by
input, add up to the prediction exactly (path contributions, as Saabas described them).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tallystick.credit.score.columns import Floats, Ints

__all__ = ["Trees", "contributions"]

_PLAIN_MAX: Final = 100_000


class Trees(NamedTuple):
    """Trees, their nodes one after another.

    Args:
        base: log odds of bad before any tree.
        roots: the number of each tree's first node.
        inputs: the input that a node asks; -1 in a leaf.
        thresholds: at most this goes left.
        missing_left: whether a missing value goes left.
        lefts, rights: the numbers of the nodes below.
        values: log odds of a leaf; above leaves the average of what is below, by people.
    """

    base: float
    roots: Ints
    inputs: Ints
    thresholds: Floats
    missing_left: NDArray[np.bool_]
    lefts: Ints
    rights: Ints
    values: Floats


def contributions(trees: Trees, rows: Floats) -> tuple[float, Floats]:
    """What each input adds to each row's log odds of bad.

    Args:
        rows: of shape (rows, inputs), NaN where missing.

    Returns:
        The average log odds, and contributions of the shape of `rows`.
    """
    found = np.zeros_like(rows)
    loop = _walk if len(rows) * len(trees.roots) <= _PLAIN_MAX else _compiled()
    loop(trees.roots, trees.inputs, trees.thresholds, trees.missing_left, trees.lefts,
         trees.rights, trees.values, np.ascontiguousarray(rows), found)  # fmt: skip
    return trees.base + float(trees.values[trees.roots].sum()), found


@cache
def _compiled() -> Callable[..., None]:
    from numba import njit

    return cast(Callable[..., None], njit(cache=True, nogil=True)(_walk))


def _walk(
    roots: Any, inputs: Any, thresholds: Any, missing_left: Any, lefts: Any, rights: Any,
    values: Any, rows: Any, found: Any,
) -> None:  # fmt: skip
    for row in range(rows.shape[0]):
        for root in roots:
            node = root
            while inputs[node] >= 0:
                asked = inputs[node]
                value = rows[row, asked]
                left = missing_left[node] if np.isnan(value) else value <= thresholds[node]
                below = lefts[node] if left else rights[node]
                found[row, asked] += values[below] - values[node]
                node = below
