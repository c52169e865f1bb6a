"""Where money goes round, and by which way it came: rings through an account, money paths."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.answers import Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import Floats, Ints, Rows
from tallystick.risk.graph.parameters import Values
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.steps import Window, step

__all__ = ["money_path", "rings"]

RING_LENGTH_MAX: Final = 8
_PATHS_MAX: Final = 200_000
"""More open paths than this are not followed: the answer then says that it is not complete."""

_HOPS_MAX: Final = 64
_ACCOUNT, _TRANSFER = VertexKind.ACCOUNT, EdgeKindName.TRANSFER


class _Paths(NamedTuple):
    """Paths of one length: accounts, and the time and amount of each transfer."""

    accounts: Rows
    times: Ints
    amounts: Floats


def rings(view: GraphView, values: Values) -> list[Row]:
    """Cycles of transfers with rising times that begin and end at an account.

    A ring of the same accounts counts once, with the earliest transfers that make it one.
    """
    start = view.row(_ACCOUNT, values.number("id"))
    if start < 0:
        return []
    longest = min(values.number("maxLength", 5), RING_LENGTH_MAX)
    limit = values.number("limit", 100)
    near = _distances_to(view, start, values.window, longest)
    nothing = np.zeros((1, 0))
    paths = _Paths(np.array([[start]], np.int32), nothing.astype(np.int64), nothing)
    found: list[Row] = []
    complete = True
    for length in range(1, longest + 1):
        paths = _extended(view, paths, values.window)
        closed = paths.accounts[:, -1] == start
        found += _ring_rows(view, _chosen(paths, closed), limit - len(found))
        open_ends = ~closed & (near[paths.accounts[:, -1]] <= longest - length)
        paths = _chosen(paths, open_ends)
        complete &= len(paths.accounts) <= _PATHS_MAX
        paths = _chosen(paths, np.arange(len(paths.accounts)) < _PATHS_MAX)
        if len(found) >= limit or not len(paths.accounts):
            break
    return [(*row, complete) for row in found]


def _distances_to(view: GraphView, target: int, window: Window, steps: int) -> Rows:
    """For every account, by how few transfers it reaches the target; far ones are `steps` + 1."""
    distances = np.full(view.vertices[_ACCOUNT].count, steps + 1, np.int32)
    distances[target] = 0
    rows = np.array([target], np.int32)
    for distance in range(1, steps):
        found = np.unique(step(view.into(_TRANSFER), rows, window).neighbours)
        rows = found[distances[found] > steps]
        distances[rows] = distance
        if not len(rows):
            break
    return distances


def _extended(view: GraphView, paths: _Paths, window: Window) -> _Paths:
    """All paths one transfer longer, by the earliest that is later than the last; an account
    comes once, but for the first."""
    edges = step(view.out(_TRANSFER), paths.accounts[:, -1], window)
    if paths.times.shape[1]:
        edges = edges.where(edges.times > paths.times[edges.origins, -1])
    fresh = np.ones(len(edges.origins), np.bool_)
    for column in range(1, paths.accounts.shape[1]):
        fresh &= edges.neighbours != paths.accounts[edges.origins, column]
    edges = edges.where(fresh)
    order = np.lexsort((edges.times, edges.neighbours, edges.origins))
    origins, ends = edges.origins[order], edges.neighbours[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (origins[1:] != origins[:-1]) | (ends[1:] != ends[:-1])
    kept, origins = order[first], origins[first]
    return _Paths(
        np.column_stack([paths.accounts[origins], edges.neighbours[kept]]).astype(np.int32),
        np.column_stack([paths.times[origins], edges.times[kept]]).astype(np.int64),
        np.column_stack([paths.amounts[origins], edges.values[kept]]),
    )


def _chosen(paths: _Paths, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Paths:
    return _Paths(paths.accounts[keep], paths.times[keep], paths.amounts[keep])


def _ring_rows(view: GraphView, paths: _Paths, limit: int) -> list[Row]:
    ids = view.vertices[_ACCOUNT].ids[paths.accounts[:limit]].tolist()
    rows = zip(ids, paths.times[:limit].tolist(), paths.amounts[:limit].tolist(), strict=True)
    return [
        ([str(account) for account in ring], len(times), times, amounts)
        for ring, times, amounts in rows
    ]


class _Level(NamedTuple):
    """Accounts reached by so many transfers: from where in the level before, when, how much."""

    rows: Rows
    origins: Ints
    times: Ints
    amounts: Floats


def money_path(view: GraphView, values: Values) -> list[Row]:
    """The transfers of a shortest path between two accounts, one a row; none if there is none.

    With `timeOrdered` their times rise. Between the same two accounts the earliest counts.
    """
    source, target = (view.row(_ACCOUNT, values.number(name)) for name in ("id1", "id2"))
    if source < 0 or target < 0 or source == target:
        return []
    rising = values.flag("timeOrdered")
    best = np.full(view.vertices[_ACCOUNT].count, np.iinfo(np.int64).max)
    best[source] = values.window.start_ms
    zero = np.zeros(1, np.int64)
    levels = [_Level(np.array([source], np.int32), zero, best[[source]], np.zeros(1))]
    while len(levels) <= _HOPS_MAX and len(levels[-1].rows):
        levels.append(_next_level(view, levels[-1], best, values.window, rising=rising))
        at = np.flatnonzero(levels[-1].rows == target)
        if len(at):
            return _hops(view, levels, int(at[0]))
    return []


def _next_level(
    view: GraphView, level: _Level, best: Ints, window: Window, *, rising: bool
) -> _Level:
    edges = step(view.out(_TRANSFER), level.rows, window)
    if rising:
        useful = edges.times > level.times[edges.origins]
        useful &= edges.times < best[edges.neighbours]
    else:
        useful = best[edges.neighbours] == np.iinfo(np.int64).max
    edges = edges.where(useful)
    order = np.lexsort((edges.times, edges.neighbours))
    ends = edges.neighbours[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = ends[1:] != ends[:-1]
    kept = order[first]
    best[edges.neighbours[kept]] = edges.times[kept]
    return _Level(
        edges.neighbours[kept], edges.origins[kept], edges.times[kept], edges.values[kept]
    )


def _hops(view: GraphView, levels: list[_Level], at: int) -> list[Row]:
    hops: list[Row] = []
    ids = view.vertices[_ACCOUNT].ids
    for number in range(len(levels) - 1, 0, -1):
        level = levels[number]
        origin = int(level.origins[at])
        payer = int(ids[levels[number - 1].rows[origin]])
        payee = int(ids[level.rows[at]])
        hops.append(
            (number, str(payer), str(payee), int(level.times[at]), float(level.amounts[at]))
        )
        at = origin
    return hops[::-1]
