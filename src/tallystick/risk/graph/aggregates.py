"""Sums, counts and extremes by group, as the specification rounds them.

Amounts of this graph are 64-bit floats because the specification's are; nothing here moves
money. Sums are taken in extended precision, so that they do not depend on the order of edges.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Floats, Ints, Rows
from tallystick.risk.graph.steps import Edges

__all__ = [
    "Totals",
    "earliest",
    "latest",
    "ratio_or",
    "rounded",
    "rounded_all",
    "total",
    "totals_by_neighbour",
    "totals_by_origin",
]


class Totals(NamedTuple):
    """What edges sum to, by group.

    Args:
        keys: what they were grouped by, ascending.
        counts: edges of each.
        sums: of amounts.
        maxima: the largest amount.
    """

    keys: NDArray[np.integer]
    counts: Ints
    sums: Floats
    maxima: Floats

    def at(self, places: NDArray[np.integer]) -> Totals:
        """Some of the groups."""
        return Totals(
            self.keys[places], self.counts[places], self.sums[places], self.maxima[places]
        )


def rounded(value: float) -> float:
    """Three decimals, halves up."""
    return math.floor(value * 1000 + 0.5) / 1000


def rounded_all(values: Floats) -> Floats:
    """The same of many."""
    return np.asarray(np.floor(values * 1000 + 0.5) / 1000)


def total(values: Floats) -> float:
    """The sum of amounts."""
    return float(values.sum(dtype=np.longdouble))


def ratio_or(nothing: float, part: float, whole: float, *, there: bool) -> float:
    """One sum over another, rounded; `nothing` if there is none of the other."""
    return rounded(part / whole) if there and whole else nothing


def totals_by_neighbour(edges: Edges) -> Totals:
    """By the vertex at the other end."""
    return _totals(edges.neighbours, edges.values)


def totals_by_origin(edges: Edges) -> Totals:
    """By the place of the vertex that the step came from."""
    return _totals(edges.origins, edges.values)


def _totals(keys: Rows | Ints, values: Floats) -> Totals:
    if not len(keys):
        return Totals(keys, np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    order = np.argsort(keys, kind="stable")
    ordered, amounts = keys[order], values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return Totals(
        ordered[starts],
        np.diff(np.r_[starts, len(ordered)]),
        np.add.reduceat(amounts, starts, dtype=np.longdouble).astype(np.float64),
        np.maximum.reduceat(amounts, starts),
    )


def earliest(rows: Rows, times: Ints) -> tuple[Rows, Ints]:
    """Each row once, with its smallest time."""
    order = np.lexsort((times, rows))
    return _firsts(rows[order], times[order])


def latest(rows: Rows, times: Ints) -> tuple[Rows, Ints]:
    """Each row once, with its greatest time."""
    order = np.lexsort((-times, rows))
    return _firsts(rows[order], times[order])


def _firsts(rows: Rows, times: Ints) -> tuple[Rows, Ints]:
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows[1:] != rows[:-1]
    return rows[first], times[first]
