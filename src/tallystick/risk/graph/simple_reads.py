"""The simple reads, tsr1 to tsr6: one account and what is next to it.

An id that is not in the graph is a vertex without edges.
"""

from __future__ import annotations

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView, Rows
from tallystick.risk.graph.aggregates import (
    ratio_or,
    rounded,
    rounded_all,
    total,
    totals_by_neighbour,
)
from tallystick.risk.graph.answers import Arguments, Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import collect_marked, fit
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.steps import Edges, step

__all__ = ["tsr1", "tsr2", "tsr3", "tsr4", "tsr5", "tsr6"]

_ACCOUNT = VertexKind.ACCOUNT
_TRANSFER = EdgeKindName.TRANSFER


def tsr1(view: GraphView, asked: Arguments) -> list[Row]:
    """When an account was created, whether it is blocked, and its type; no row if it is not
    there."""
    row = view.row(_ACCOUNT, asked.ids[0])
    if row < 0:
        return []
    accounts = view.vertices[_ACCOUNT]
    blocked = bool(view.blocked(_ACCOUNT)[row])
    return [(int(accounts.created_ms[row]), blocked, accounts.labels[row])]


def tsr2(view: GraphView, asked: Arguments) -> list[Row]:
    """Sum, greatest and number of transfers out of an account (`edge1`) and in to it (`edge2`)."""
    out = _edges(view, view.out(_TRANSFER), asked)
    into = _edges(view, view.into(_TRANSFER), asked)
    return [(*_sum_max_count(out), *_sum_max_count(into))]


def _sum_max_count(edges: Edges) -> tuple[float, float, int]:
    count = len(edges.values)
    return (
        rounded(total(edges.values)),
        rounded(float(edges.values.max())) if count else -1.0,
        count,
    )


def _edges(
    view: GraphView, edges: AdjacencyView, asked: Arguments, *, above: float | None = None
) -> Edges:
    return step(edges, _rows(view, asked), asked.window, above=above)


def _rows(view: GraphView, asked: Arguments) -> Rows:
    row = view.row(_ACCOUNT, asked.ids[0])
    return np.array([row] if row >= 0 else [], np.int32)


def tsr3(view: GraphView, asked: Arguments) -> list[Row]:
    """Transfers from blocked accounts (`edge1`: in the window, above the threshold) over all
    transfers in to an account (`edge2`), as counts; -1 if there are none."""
    into = view.into(_TRANSFER)
    edges = _edges(view, into, asked, above=asked.thresholds[0])
    blocked = int(view.blocked(_ACCOUNT)[edges.neighbours].sum())
    everything = int(into.lengths[_rows(view, asked)].sum())
    return [(ratio_or(-1.0, blocked, everything, there=everything > 0),)]


def tsr4(view: GraphView, asked: Arguments) -> list[Row]:
    """Whom an account paid above a threshold: how often and how much."""
    return _by_account(view, view.out(_TRANSFER), asked)


def tsr5(view: GraphView, asked: Arguments) -> list[Row]:
    """Who paid an account above a threshold: how often and how much."""
    return _by_account(view, view.into(_TRANSFER), asked)


def _by_account(view: GraphView, edges: AdjacencyView, asked: Arguments) -> list[Row]:
    found = totals_by_neighbour(_edges(view, edges, asked, above=asked.thresholds[0]))
    ids, sums = view.vertices[_ACCOUNT].ids[found.keys], rounded_all(found.sums)
    order = np.lexsort((ids, -sums))
    columns = (column[order].tolist() for column in (ids, found.counts, sums))
    accounts, counts, amounts = columns
    return list(zip(map(str, accounts), counts, amounts, strict=True))


def tsr6(view: GraphView, asked: Arguments) -> list[Row]:
    """Blocked accounts that were paid by an account that also paid the given one.

    Nothing cuts off the edges of the payers, so that there may be very many.
    """
    payers = _edges(view, view.into(_TRANSFER), asked).neighbours
    starts, lengths, neighbours, times, _ = view.to_blocked()
    edges = int(lengths[payers].sum(dtype=np.int64))
    found = np.empty(edges, np.int32)
    collect = fit(collect_marked, edges + len(payers))
    blocks, window = (starts, lengths, neighbours, times), (asked.window[0], asked.window[1])
    count = collect(blocks, payers, window, view.blocked(_ACCOUNT), found)
    ids = np.sort(view.vertices[_ACCOUNT].ids[found[:count]])
    fresh = ids != int(asked.ids[0])
    fresh[1:] &= ids[1:] != ids[:-1]
    return list(zip(map(str, ids[fresh].tolist())))
