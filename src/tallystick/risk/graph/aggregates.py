"""Sums, counts and extremes by group, as the specification rounds them.

Amounts of this graph are 64-bit floats because the specification's are; nothing here moves
money. Sums are taken in extended precision, so that they do not depend on the order of edges.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

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


_THOUSANDTH: Final = Decimal("0.001")
_NEAR: Final = 1e-15
"""Of a product of floats that was rounded, so much may be wrong."""


def rounded(value: float) -> float:
    """Three decimals, halves up: of the number as it is written, 7543422.2754999995 is below."""
    scaled = value * 1000
    over = scaled - math.floor(scaled)
    if abs(over - 0.5) < max(1e-6, abs(scaled) * _NEAR):
        written = Decimal(repr(float(value)))
        return float(written.quantize(_THOUSANDTH, ROUND_HALF_UP))
    return math.floor(scaled + 0.5) / 1000


def rounded_all(values: Floats) -> Floats:
    """The same of many."""
    scaled = values * 1000
    found = np.floor(scaled + 0.5) / 1000
    over = np.abs(scaled - np.floor(scaled) - 0.5)
    for place in np.flatnonzero(over < np.maximum(1e-6, np.abs(scaled) * _NEAR)):
        found[place] = rounded(float(values[place]))
    return np.asarray(found)


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
