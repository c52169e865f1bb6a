"""What is around a vertex: fan-in and fan-out, shared devices, the neighbourhood."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView
from tallystick.risk.graph.aggregates import rounded, total
from tallystick.risk.graph.answers import Row
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import Rows
from tallystick.risk.graph.parameters import Values
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind
from tallystick.risk.graph.steps import Edges, Window, step

__all__ = ["fan", "kind_named", "neighbourhood", "shared_devices"]

_ACCOUNT, _MEDIUM = VertexKind.ACCOUNT, VertexKind.MEDIUM
_HOPS_MAX: Final = 6
_NO_ROWS: Final = np.zeros(0, np.int32)


def kind_named(text: str) -> VertexKind:
    """The kind of vertex of that name, in any case.

    Raises:
        QueryError: there is none.
    """
    for kind in VertexKind:
        if kind.value.lower() == text.lower():
            return kind
    raise QueryError(f"{text[:40]!r} is no kind; there are {', '.join(VertexKind)}")


def _rows_of(row: int) -> Rows:
    return np.array([row], np.int32) if row >= 0 else _NO_ROWS


def fan(view: GraphView, values: Values) -> list[Row]:
    """How many accounts paid an account and were paid by it, how often, how much, and which share
    went to or came from the greatest of them."""
    rows = _rows_of(view.row(_ACCOUNT, values.number("id")))
    answer = []
    for direction, edges in (
        ("in", view.into(EdgeKindName.TRANSFER)),
        ("out", view.out(EdgeKindName.TRANSFER)),
    ):
        found = step(edges, rows, values.window)
        others, places = np.unique(found.neighbours, return_inverse=True)
        amounts = np.bincount(places, weights=found.values) if len(others) else np.zeros(1)
        amount = total(found.values)
        share = rounded(float(amounts.max()) / amount) if amount else 0.0
        blocked = int(view.blocked(_ACCOUNT)[others].sum())
        answer.append((direction, len(others), blocked, len(found.times), rounded(amount), share))
    return list(answer)


def shared_devices(view: GraphView, values: Values) -> list[Row]:
    """The accounts that signed in by a medium that an account signed in by, and how often."""
    account = view.row(_ACCOUNT, values.number("id"))
    mine = step(view.into(EdgeKindName.SIGN_IN), _rows_of(account), values.window)
    media, own_counts = np.unique(mine.neighbours, return_counts=True)
    theirs = step(view.out(EdgeKindName.SIGN_IN), media, values.window)
    theirs = theirs.where(theirs.neighbours != account)
    pairs, counts = np.unique(
        np.stack([theirs.neighbours, theirs.origins]), axis=1, return_counts=True
    )
    accounts, table = view.vertices[_ACCOUNT], view.vertices[_MEDIUM]
    blocked, blocked_media = view.blocked(_ACCOUNT), view.blocked(_MEDIUM)
    answer = []
    for other, at, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        medium = int(media[at])
        answer.append(
            (str(accounts.ids[other]), bool(blocked[other]), str(table.ids[medium]),
             table.labels[medium], bool(blocked_media[medium]), int(own_counts[at]), count)
        )  # fmt: skip
    answer.sort(key=lambda row: (-row[6], int(row[0]), int(row[2])))
    return list(answer[: values.number("limit", 1000)])


class _Found(NamedTuple):
    """The vertices of a neighbourhood: per kind, how far each row is."""

    distances: dict[VertexKind, dict[int, int]]
    complete: bool


def neighbourhood(view: GraphView, values: Values) -> list[Row]:
    """The vertices within some hops of one, over edges of every kind in any direction, and the
    edges between them, those of the same two added up.

    With `moments` each pair tells so many of its newest times, and the amounts then.

    Nearer vertices come first; when there are more than the limit, the answer is not complete.
    """
    kind = kind_named(values.text("kind")) if values.has("kind") else _ACCOUNT
    start = view.row(kind, values.number("id"))
    if start < 0:
        return []
    hops = min(values.number("hops", 1), _HOPS_MAX)
    found = _within(view, kind, start, hops, values.number("limit", 500), values.window)
    vertices = [
        _vertex(view, kind, row, distance)
        for kind, rows in found.distances.items()
        for row, distance in rows.items()
    ]
    vertices.sort(key=lambda vertex: (vertex["distance"], vertex["kind"], int(str(vertex["id"]))))
    moments = values.number("moments", 0)
    edges = list(_edges_among(view, found, values.window, moments))
    return [(vertices, edges, found.complete)]


def _vertex(view: GraphView, kind: VertexKind, row: int, distance: int) -> dict[str, object]:
    table = view.vertices[kind]
    return {
        "kind": kind.value,
        "id": str(table.ids[row]),
        "label": table.labels[row],
        "isBlocked": bool(view.blocked(kind)[row]),
        "distance": distance,
    }


def _sides(view: GraphView, kind: VertexKind) -> Iterator[tuple[AdjacencyView, VertexKind]]:
    """All edges that a kind of vertex has, and what is at their other end."""
    for name, ends in EDGE_KINDS.items():
        if ends.source is kind:
            yield view.out(name), ends.target
        if ends.target is kind:
            yield view.into(name), ends.source


def _within(
    view: GraphView, kind: VertexKind, start: int, hops: int, limit: int, window: Window
) -> _Found:
    distances: dict[VertexKind, dict[int, int]] = {k: {} for k in VertexKind}
    distances[kind][start] = 0
    frontier = {kind: np.array([start], np.int32)}
    count = 1
    for distance in range(1, hops + 1):
        reached: dict[VertexKind, list[int]] = {}
        for near, rows in frontier.items():
            for edges, far in _sides(view, near):
                for row in np.unique(step(edges, rows, window).neighbours).tolist():
                    if row in distances[far]:
                        continue
                    if count == limit:
                        return _Found(distances, complete=False)
                    distances[far][row] = distance
                    reached.setdefault(far, []).append(row)
                    count += 1
        frontier = {near: np.array(rows, np.int32) for near, rows in reached.items()}
    return _Found(distances, complete=True)


def _edges_among(
    view: GraphView, found: _Found, window: Window, moments: int
) -> Iterator[dict[str, object]]:
    for name, ends in EDGE_KINDS.items():
        rows = np.array(sorted(found.distances[ends.source]), np.int32)
        inside = np.zeros(view.vertices[ends.target].count, np.bool_)
        inside[list(found.distances[ends.target])] = True
        edges = step(view.out(name), rows, window)
        edges = edges.where(inside[edges.neighbours])
        for source, target, part in _pairs(edges):
            newest = (
                {
                    "times": part.times[-moments:].tolist(),
                    "amounts": part.values[-moments:].tolist(),
                }
                if moments
                else {}
            )
            yield {
                "edge": name.value,
                "fromKind": ends.source.value,
                "fromId": str(view.vertices[ends.source].ids[rows[source]]),
                "toKind": ends.target.value,
                "toId": str(view.vertices[ends.target].ids[target]),
                "count": len(part.times),
                "amount": rounded(total(part.values)) if ends.valued else None,
                "firstTime": int(part.times[0]),
                "lastTime": int(part.times[-1]),
                **newest,
            }


def _pairs(edges: Edges) -> Iterator[tuple[int, int, Edges]]:
    """The edges of each pair of vertices, in order of time."""
    if not len(edges.origins):
        return
    order = np.lexsort((edges.times, edges.neighbours, edges.origins))
    origins, targets = edges.origins[order], edges.neighbours[order]
    new = (origins[1:] != origins[:-1]) | (targets[1:] != targets[:-1])
    bounds = np.r_[0, np.flatnonzero(new) + 1, len(order)].tolist()
    for first, end in pairwise(bounds):
        part = order[first:end]
        values = edges.values[part] if len(edges.values) else edges.values
        chosen = Edges(edges.origins[part], edges.neighbours[part], edges.times[part], values)
        yield int(origins[first]), int(targets[first]), chosen
