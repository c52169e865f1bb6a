"""One step of a traversal: the edges of some vertices that are in a window, truncated.

A step looks at the edges of each vertex that satisfy its own conditions (kind, direction, time
window open at both ends, amount above a bound), orders them, and keeps at most a limit of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView, Floats, Ints, Rows
from tallystick.risk.graph.kernels import bound_windows, fit, ready

__all__ = [
    "ALL_EDGES",
    "Edges",
    "Truncation",
    "TruncationOrder",
    "Window",
    "merged",
    "step",
    "step_of_all",
    "truncated",
    "untimed",
]

_SCANNED_MAX: Final = 2000
"""Edges of more vertices than have so many are found by search, of fewer by looking at all."""


class TruncationOrder(StrEnum):
    """By what a vertex's edges are ordered before they are cut off."""

    TIMESTAMP_ASCENDING = "TIMESTAMP_ASCENDING"
    TIMESTAMP_DESCENDING = "TIMESTAMP_DESCENDING"
    AMOUNT_ASCENDING = "AMOUNT_ASCENDING"
    AMOUNT_DESCENDING = "AMOUNT_DESCENDING"


class Truncation(NamedTuple):
    """At most `limit` edges of a vertex are followed at each step; None for all.

    Edges that are equal in the order keep that of their arrival; a descending order is exactly
    the ascending one from its other end. Edges without an amount are ordered by time.
    """

    limit: int | None
    order: TruncationOrder


ALL_EDGES = Truncation(None, TruncationOrder.TIMESTAMP_DESCENDING)


class Window(NamedTuple):
    """Times in ms since 1970 UTC, both ends outside."""

    start_ms: int
    end_ms: int


_INT64_MAX: Final = 2**63 - 1
untimed: Final = Window(-_INT64_MAX, _INT64_MAX)
"""The window that holds all times."""


class Edges(NamedTuple):
    """Edges that a step found, grouped by where they come from, in order of time.

    Args:
        origins: the place in the step's `rows` of the vertex that each edge belongs to.
        neighbours: the vertex at the other end.
        times: ms since 1970 UTC.
        values: amounts; empty if the kind carries none.
    """

    origins: Ints
    neighbours: Rows
    times: Ints
    values: Floats

    def where(self, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Edges:
        """Those of which a condition is true."""
        values = self.values[keep] if len(self.values) else self.values
        return Edges(self.origins[keep], self.neighbours[keep], self.times[keep], values)


def step(
    view: AdjacencyView,
    rows: Rows | Ints,
    window: Window,
    truncation: Truncation = ALL_EDGES,
    *,
    above: float | None = None,
) -> Edges:
    """The edges of some vertices, by the conditions.

    Args:
        rows: rows of vertices; one that comes twice has its edges twice.
        above: only edges whose amount exceeds this.
    """
    origins, slots = (
        _one(view, int(rows[0]), window) if len(rows) == 1 else _many(view, rows, window)
    )
    values = view.values[slots] if len(view.values) else view.values
    edges = Edges(origins, view.neighbours[slots], view.times[slots], values)
    if above is not None:
        edges = edges.where(edges.values > above)
    return truncated(edges, truncation)


def step_of_all(view: AdjacencyView, count: int, window: Window) -> Edges:
    """The edges in a window of all of the first so many vertices; no compiler is loaded for it."""
    rows = np.arange(min(count, len(view.lengths)))
    firsts, lasts = np.empty_like(rows), np.empty_like(rows)
    search = ready(bound_windows, _bound_at_once)
    search((view.starts, view.lengths, view.times), rows, window[:2], (firsts, lasts))
    origins, slots = _spread(firsts, lasts - firsts)
    values = view.values[slots] if len(view.values) else view.values
    return Edges(origins, view.neighbours[slots], view.times[slots], values)


def _one(view: AdjacencyView, row: int, window: Window) -> tuple[Ints, Ints]:
    start = int(view.starts[row])
    times = view.times[start : start + int(view.lengths[row])]
    first = int(np.searchsorted(times, window.start_ms, side="right"))
    last = max(first, int(np.searchsorted(times, window.end_ms, side="left")))
    return np.zeros(last - first, np.int64), np.arange(start + first, start + last)


def _window_bounds(
    view: AdjacencyView, rows: Rows | Ints, window: Window, edges: int
) -> tuple[Ints, Ints]:
    """Where each vertex's edges that are in a window begin and end in the pool.

    Args:
        edges: how many the vertices have in all.
    """
    if window == untimed:
        firsts = view.starts[rows]
        return firsts, firsts + view.lengths[rows]
    bounds = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    search = fit(bound_windows, edges)
    blocks = view.starts, view.lengths, view.times
    search(blocks, rows, (window.start_ms, window.end_ms), bounds)
    return bounds


def _bound_at_once(
    blocks: tuple[Ints, Rows, Ints],
    rows: Rows | Ints,
    window: tuple[int, int],
    bounds: tuple[Ints, Ints],
) -> None:
    """What `bound_windows` does, without a compiler: all blocks are halved together."""
    starts, lengths, times = blocks
    lows, highs = starts[rows], starts[rows] + lengths[rows]
    bounds[0][:] = _first_at(times, lows, highs, window[0] + 1)
    bounds[1][:] = _first_at(times, bounds[0], highs, window[1])


def _first_at(times: Ints, lows: Ints, highs: Ints, moment: int) -> Ints:
    """In each part of the pool, the first place of a time that is not before a moment."""
    lows, highs = lows.copy(), highs.copy()
    while len(wide := np.flatnonzero(lows < highs)):
        middles = (lows[wide] + highs[wide]) // 2
        earlier = times[middles] < moment
        lows[wide[earlier]] = middles[earlier] + 1
        highs[wide[~earlier]] = middles[~earlier]
    return lows


def _many(view: AdjacencyView, rows: Rows | Ints, window: Window) -> tuple[Ints, Ints]:
    lengths = view.lengths[rows].astype(np.int64)
    edges = int(lengths.sum())
    if edges > _SCANNED_MAX:
        firsts, lasts = _window_bounds(view, rows, window, edges)
        return _spread(firsts, lasts - firsts)
    origins, slots = _spread(view.starts[rows], lengths)
    times = view.times[slots]
    inside = (times > window.start_ms) & (times < window.end_ms)
    return origins[inside], slots[inside]


def _spread(starts: Ints, lengths: Ints) -> tuple[Ints, Ints]:
    """Places of groups that follow each other, and the group of each."""
    origins = np.repeat(np.arange(len(lengths)), lengths)
    before = np.cumsum(lengths) - lengths
    return origins, np.arange(len(origins)) + np.repeat(starts - before, lengths)


def truncated(edges: Edges, truncation: Truncation) -> Edges:
    """At most the limit's number of edges of each vertex."""
    limit, order = truncation
    count = len(edges.origins)
    if limit is None or count <= limit:
        return edges
    starts = np.flatnonzero(np.r_[True, edges.origins[1:] != edges.origins[:-1]])
    lengths = np.diff(np.r_[starts, count])
    if int(lengths.max()) <= limit:
        return edges
    by_amount = order in (TruncationOrder.AMOUNT_ASCENDING, TruncationOrder.AMOUNT_DESCENDING)
    rank = np.arange(count) - np.repeat(starts, lengths)
    if by_amount and len(edges.values):
        places = np.lexsort((edges.values, edges.origins))
        ordered, rank = rank, np.empty_like(rank)
        rank[places] = ordered
    if order in (TruncationOrder.TIMESTAMP_DESCENDING, TruncationOrder.AMOUNT_DESCENDING):
        rank = np.repeat(lengths, lengths) - 1 - rank
    return edges.where(rank < limit)


def merged(first: Edges, second: Edges) -> Edges:
    """The edges of two kinds of the same vertices as one; at equal times the first kind's come
    first."""
    origins = np.concatenate([first.origins, second.origins])
    times = np.concatenate([first.times, second.times])
    places = np.lexsort((times, origins))
    return Edges(
        origins[places],
        np.concatenate([first.neighbours, second.neighbours])[places],
        times[places],
        np.concatenate([first.values, second.values])[places],
    )
