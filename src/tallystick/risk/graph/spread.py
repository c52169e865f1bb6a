"""What is seen over the whole graph: guilt by association, connected components."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import AdjacencyView
from tallystick.risk.graph.answers import Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import (
    Floats,
    Ints,
    Rows,
    join_components,
    ready,
)
from tallystick.risk.graph.parameters import Values
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind

__all__ = ["association", "association_scores", "columns_of", "components", "groups"]

DAMPING: Final = 0.85
_TOLERANCE: Final = 1e-7
_ROUNDS_MAX: Final = 200
_MEMBERS_MAX: Final = 1000
_ACCOUNT = VertexKind.ACCOUNT


def association(view: GraphView, values: Values) -> list[Row]:
    """The accounts that are most associated with known bad ones: personalised PageRank.

    A walk begins at a known bad account, follows an edge of any kind in any direction, and at
    each step goes back to the beginning with probability 0.15. The score of a vertex is the
    share of steps that the walk spends there. Without `ids` all blocked accounts are bad.
    """
    table = view.vertices[_ACCOUNT]
    given = values.numbers("ids")
    blocked = view.blocked(_ACCOUNT)
    seeds = table.rows(given) if given else np.flatnonzero(blocked).astype(np.int32)
    seeds = seeds[(seeds >= 0) & (seeds < view.size(_ACCOUNT))]
    scores = association_scores(view, seeds)
    scores[seeds] = 0.0
    limit = values.number("limit", 100)
    best = np.argsort(-scores, kind="stable")[:limit]
    return [
        (str(table.ids[row]), float(f"{scores[row]:.9f}"), bool(blocked[row]))
        for row in best.tolist()
        if scores[row] > 0
    ]


def association_scores(view: GraphView, seeds: Rows) -> Floats:
    """The score of every account by row, given the rows of known bad ones.

    The walk's mass is pushed on only from where there is enough of it (Andersen, Chung and
    Lang, 2006): what is left unpushed at a vertex is less than its degree times a tolerance.
    """
    sides = _all_sides(view)
    degrees = {kind: _degrees(view, kind, sides) for kind in VertexKind}
    scores = {kind: np.zeros(len(degrees[kind])) for kind in VertexKind}
    rest = {kind: np.zeros(len(degrees[kind])) for kind in VertexKind}
    if len(seeds):
        rest[_ACCOUNT][seeds] = 1.0 / len(seeds)
    for _ in range(_ROUNDS_MAX):
        if not _pushed(sides, degrees, scores, rest):
            break
    return scores[_ACCOUNT]


_Side = tuple[VertexKind, VertexKind, AdjacencyView]
_ByKind = dict[VertexKind, Floats]


def _all_sides(view: GraphView) -> list[_Side]:
    sides: list[_Side] = []
    for name, ends in EDGE_KINDS.items():
        sides.append((ends.source, ends.target, view.out(name)))
        sides.append((ends.target, ends.source, view.into(name)))
    return sides


def _degrees(view: GraphView, kind: VertexKind, sides: list[_Side]) -> Floats:
    degrees = np.zeros(view.size(kind))
    for near, _, edges in sides:
        if near is kind:
            count = min(len(degrees), len(edges.lengths))
            degrees[:count] += edges.lengths[:count]
    return degrees


def _pushed(sides: list[_Side], degrees: _ByKind, scores: _ByKind, rest: _ByKind) -> bool:
    """One round: from every vertex that has enough, at once; whether there was one."""
    moving: dict[VertexKind, tuple[Ints, Floats]] = {}
    for kind, mass in rest.items():
        rows = np.flatnonzero(mass > _TOLERANCE * np.maximum(degrees[kind], 1.0))
        moved = mass[rows]
        scores[kind][rows] += (1 - DAMPING) * moved
        mass[rows] = 0.0
        moving[kind] = (rows, DAMPING * moved / np.maximum(degrees[kind][rows], 1.0))
    for near, far, edges in sides:
        rows, shares = moving[near]
        if len(rows):
            _spread(edges, rows, shares, rest[far])
    return any(len(rows) for rows, _ in moving.values())


def _spread(edges: AdjacencyView, rows: Ints, shares: Floats, rest: Floats) -> None:
    rows, shares = rows[rows < len(edges.lengths)], shares[rows < len(edges.lengths)]
    lengths = edges.lengths[rows].astype(np.int64)
    total = int(lengths.sum())
    if not total:
        return
    before = np.cumsum(lengths) - lengths
    slots = np.arange(total) + np.repeat(edges.starts[rows] - before, lengths)
    inside = np.bincount(
        edges.neighbours[slots], weights=np.repeat(shares, lengths), minlength=len(rest)
    )
    rest += inside[: len(rest)]


def columns_of(edges: AdjacencyView, count: int) -> tuple[Ints, Rows, Rows]:
    """Starts, lengths and neighbours of so many vertices, for a loop."""
    return edges.starts[:count], edges.lengths[:count], edges.neighbours


def components(view: GraphView, values: Values) -> list[Row]:
    """Sets of accounts between which there is a way over transfers and withdrawals, in any
    direction.

    With `id` the set of that account, otherwise the largest ones.
    """
    return groups(view, component_labels(view), values)


def component_labels(view: GraphView) -> Ints:
    """Of each account, the smallest row of its component."""
    parents = np.arange(view.size(_ACCOUNT), dtype=np.int64)
    for name in (EdgeKindName.TRANSFER, EdgeKindName.WITHDRAW):
        columns = columns_of(view.out(name), len(parents))
        edges = int(columns[1].sum(dtype=np.int64))
        ready(join_components, _join_at_once, edges)(parents, *columns)
    while not np.array_equal(above := parents[parents], parents):
        parents = above
    return parents


def _join_at_once(parents: Ints, starts: Ints, lengths: Rows, neighbours: Rows) -> None:
    """What `join_components` does, without a compiler: all edges at once, until none is left."""
    sources = np.repeat(np.arange(len(lengths)), lengths)
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    targets = neighbours[np.arange(len(sources)) + np.repeat(starts - before, lengths)]
    while len(sources):
        while not np.array_equal(above := parents[parents], parents):
            parents[:] = above
        one, other = parents[sources], parents[targets]
        apart = one != other
        one, other, sources, targets = one[apart], other[apart], sources[apart], targets[apart]
        np.minimum.at(parents, np.maximum(one, other), np.minimum(one, other))


def groups(view: GraphView, labels: Ints, values: Values) -> list[Row]:
    """Accounts of the same label as rows: the group of `id`, or the largest ones."""
    table = view.vertices[_ACCOUNT]
    there = np.zeros(len(labels), np.bool_)
    rows = table.all_rows()
    there[rows[rows < len(labels)]] = True
    if values.has("id"):
        row = view.row(_ACCOUNT, values.number("id"))
        if row < 0:
            return []
        return [_group(view, np.flatnonzero((labels == labels[row]) & there))]
    sizes = np.bincount(labels[there], minlength=len(labels))
    largest = np.argsort(-sizes, kind="stable")[: values.number("limit", 20)]
    return [
        _group(view, np.flatnonzero((labels == label) & there), members=10)
        for label in largest.tolist()
        if sizes[label]
    ]


def _group(view: GraphView, rows: NDArray[np.intp], members: int = _MEMBERS_MAX) -> Row:
    ids = view.vertices[_ACCOUNT].ids[rows[:members]].tolist()
    blocked = int(view.blocked(_ACCOUNT)[rows].sum())
    return (len(rows), blocked, [str(account) for account in ids], len(rows) <= members)
