"""Communities of accounts: groups with more transfers among them than chance would give.

Modularity is raised by the method of Blondel, Guillaume, Lambiotte and Lefebvre (2008): accounts
move to where it gains most, then each community is taken as one vertex, and so on. The same
graph gives the same communities.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.answers import Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import Floats, Ints, Rows, fit, move_to_communities
from tallystick.risk.graph.parameters import Values
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.spread import columns_of, groups

__all__ = ["communities"]

_ROUNDS_MAX: Final = 5
_LEVELS_MAX: Final = 8
_EDGES_AT_ONCE: Final = 2_000_000
_NO_WEIGHTS: Final = np.zeros(0)

_Side = tuple[Ints, Rows, Rows]


class _Level(NamedTuple):
    """A graph of vertices or of communities: its edges from both ends, and what they weigh."""

    sides: tuple[_Side, _Side]
    weights: Floats
    degrees: Floats


def communities(view: GraphView, values: Values) -> list[Row]:
    """With `id` the community of that account, otherwise the largest ones."""
    count = view.size(VertexKind.ACCOUNT)
    out, into = (
        columns_of(edges, count)
        for edges in (view.out(EdgeKindName.TRANSFER), view.into(EdgeKindName.TRANSFER))
    )
    degrees = out[1].astype(np.float64) + into[1]
    level = _Level((out, into), _NO_WEIGHTS, degrees)
    labels = np.arange(count, dtype=np.int64)
    for _ in range(_LEVELS_MAX):
        found = _moved(level)
        names, compact = np.unique(found, return_inverse=True)
        labels = compact[labels]
        if len(names) == len(found):
            break
        level = _level_above(level, compact, len(names))
    return groups(view, labels, values)


def _moved(level: _Level) -> Ints:
    """The label of every vertex when none gains by moving."""
    count = len(level.degrees)
    labels = np.arange(count, dtype=np.int64)
    totals, around = level.degrees.copy(), np.zeros(count)
    move = fit(move_to_communities, int(level.degrees.sum()))
    for _ in range(_ROUNDS_MAX):
        moved = move(labels, level.sides, level.weights, level.degrees, totals, around)
        if moved <= count // 1000:
            break
    return labels


def _level_above(level: _Level, labels: Ints, count: int) -> _Level:
    """The communities as vertices: an edge weighs what ran between the two."""
    keys, weights = _between(level, labels, count)
    sources, targets = keys // count, keys % count
    lengths = np.bincount(sources, minlength=count).astype(np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    nothing = (np.zeros(count, np.int64), np.zeros(count, np.int32), np.zeros(0, np.int32))
    degrees = _sums(labels, level.degrees, count)
    return _Level(((starts, lengths, targets.astype(np.int32)), nothing), weights, degrees)


def _between(level: _Level, labels: Ints, count: int) -> tuple[Ints, Floats]:
    """Pairs of different communities as one number each, and what runs between them.

    Each pair comes both ways round. Edges are looked at some at a time, to bound the memory.
    """
    keys, sums = np.zeros(0, np.int64), np.zeros(0)
    for starts, lengths, neighbours in level.sides:
        ends = np.cumsum(lengths, dtype=np.int64)
        row = 0
        while row < len(lengths):
            before = int(ends[row] - lengths[row])
            last = max(row + 1, int(np.searchsorted(ends, before + _EDGES_AT_ONCE, side="right")))
            some = lengths[row:last]
            rows = np.repeat(np.arange(row, last), some)
            offsets = np.repeat(starts[row:last] - (ends[row:last] - some - before), some)
            slots = np.arange(len(rows)) + offsets
            pairs = labels[rows] * count + labels[neighbours[slots]]
            weights = level.weights[slots] if len(level.weights) else np.ones(len(slots))
            between = labels[rows] != labels[neighbours[slots]]
            keys = np.concatenate([keys, pairs[between]])
            keys, places = np.unique(keys, return_inverse=True)
            sums = _sums(places, np.concatenate([sums, weights[between]]), len(keys))
            row = last
    return keys, sums


def _sums(labels: NDArray[np.integer], weights: Floats, count: int) -> Floats:
    return np.asarray(np.bincount(labels, weights, count), np.float64)
