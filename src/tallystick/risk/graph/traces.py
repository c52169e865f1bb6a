"""The complex reads that follow money over several steps: tcr1, tcr2, tcr3, tcr5, tcr8.

An id that is not in the graph is a vertex without edges.
"""

from __future__ import annotations

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView, Floats, Ints, Rows
from tallystick.risk.graph.aggregates import (
    earliest,
    latest,
    rounded,
    totals_by_neighbour,
    totals_by_origin,
)
from tallystick.risk.graph.answers import Arguments, Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.steps import Edges, Window, merged, step, truncated

__all__ = ["tcr1", "tcr2", "tcr3", "tcr5", "tcr8"]

_STEPS = 3
_ACCOUNT, _LOAN, _MEDIUM = VertexKind.ACCOUNT, VertexKind.LOAN, VertexKind.MEDIUM


def tcr1(view: GraphView, asked: Arguments) -> list[Row]:
    """Accounts that money of an account reached, and the blocked media signed in to them.

    Which accounts are reached in so many steps by rising times is decided by the earliest
    arrival at each.
    """
    start = view.row(_ACCOUNT, asked.ids[0])
    if start < 0:
        return []
    rows, arrived = np.array([start], np.int32), np.array([asked.window.start_ms])
    answer: list[tuple[int, int, int, str]] = []
    for distance in range(1, _STEPS + 1):
        edges = step(view.out(EdgeKindName.TRANSFER), rows, asked.window, asked.truncation)
        rising = edges.where(edges.times > arrived[edges.origins])
        rows, arrived = earliest(rising.neighbours, rising.times)
        if not len(rows):
            break
        answer += _blocked_media(view, asked, rows, distance)
    return [(str(other), d, str(medium), kind) for d, other, medium, kind in sorted(answer)]


def _blocked_media(
    view: GraphView, asked: Arguments, rows: Rows, distance: int
) -> list[tuple[int, int, int, str]]:
    sign_ins = step(view.into(EdgeKindName.SIGN_IN), rows, asked.window, asked.truncation)
    sign_ins = sign_ins.where(view.blocked(_MEDIUM)[sign_ins.neighbours])
    accounts, media = view.vertices[_ACCOUNT], view.vertices[_MEDIUM]
    pairs = dict.fromkeys(
        zip(rows[sign_ins.origins].tolist(), sign_ins.neighbours.tolist(), strict=True)
    )
    return [
        (distance, int(accounts.ids[account]), int(media.ids[medium]), media.labels[medium])
        for account, medium in pairs
    ]


def tcr2(view: GraphView, asked: Arguments) -> list[Row]:
    """Accounts from which money came to a person's accounts, and the loans paid out to them.

    Upstream, times fall: an account counts by the latest time at which it sent money on.
    """
    rows: Rows = owned_accounts(view, asked.ids[0])
    before = np.full(len(rows), asked.window.end_ms)
    reached: list[Rows] = []
    for _ in range(_STEPS):
        if not len(rows):
            break
        edges = step(view.into(EdgeKindName.TRANSFER), rows, asked.window, asked.truncation)
        falling = edges.where(edges.times < before[edges.origins])
        rows, before = latest(falling.neighbours, falling.times)
        reached.append(rows)
    return _loans_of(view, asked, reached)


def owned_accounts(view: GraphView, person_id: int) -> Rows:
    """The accounts of a person, by row."""
    person = view.row(VertexKind.PERSON, person_id)
    if person < 0:
        return np.zeros(0, np.int32)
    return np.unique(view.out(EdgeKindName.PERSON_OWN).block(person).neighbours)


def _loans_of(view: GraphView, asked: Arguments, reached: list[Rows]) -> list[Row]:
    others = np.unique(np.concatenate(reached)) if reached else np.zeros(0, np.int32)
    if not len(others):
        return []
    deposits = step(view.into(EdgeKindName.DEPOSIT), others, asked.window, asked.truncation)
    pairs = np.unique(np.stack([deposits.origins, deposits.neighbours]), axis=1)
    loans, accounts = view.vertices[_LOAN], view.vertices[_ACCOUNT]
    edges = Edges(pairs[0], pairs[1].astype(np.int32), np.zeros(0, np.int64), np.zeros(0))
    amount = totals_by_origin(edges._replace(values=loans.amounts[edges.neighbours]))
    balance = totals_by_origin(edges._replace(values=loans.balances[edges.neighbours]))
    ids = accounts.ids[others[amount.keys]].tolist()
    answer = [
        (-rounded(a), other, rounded(b))
        for other, a, b in zip(ids, amount.sums.tolist(), balance.sums.tolist(), strict=True)
    ]
    return [(str(other), -minus, balance) for minus, other, balance in sorted(answer)]


def tcr3(view: GraphView, asked: Arguments) -> list[Row]:
    """The length of the shortest path of transfers between two accounts, -1 if there is none.

    It is looked for from both ends at once, a step at a time from the smaller frontier. An
    account is at distance 0 of itself.
    """
    source, target = (view.row(_ACCOUNT, account) for account in asked.ids)
    if source < 0 or target < 0:
        return [(-1,)]
    return [(shortest_length(view, source, target, asked.window),)]


def shortest_length(view: GraphView, source: int, target: int, window: Window) -> int:
    """The number of transfers on a shortest path, by rows; -1 if there is none."""
    if source == target:
        return 0
    count = view.vertices[_ACCOUNT].count
    sides = [_Frontier(view.out(EdgeKindName.TRANSFER), source, count)]
    sides.append(_Frontier(view.into(EdgeKindName.TRANSFER), target, count))
    length = 0
    while all(len(side.rows) for side in sides):
        side, other = sorted(sides, key=lambda s: s.cost())
        side.advance(window)
        length += 1
        if other.seen[side.rows].any():
            return length
    return -1


class _Frontier:
    """What was reached from one end of a path, and what was reached last."""

    def __init__(self, edges: AdjacencyView, start: int, count: int) -> None:
        self.edges = edges
        self.rows: Rows = np.array([start], np.int32)
        self.seen = np.zeros(count, np.bool_)
        self.seen[start] = True

    def cost(self) -> int:
        """How many edges the next step looks at."""
        return int(self.edges.lengths[self.rows].sum())

    def advance(self, window: Window) -> None:
        """Go one step on, to what was not reached before."""
        neighbours = step(self.edges, self.rows, window).neighbours
        self.rows = np.unique(neighbours[~self.seen[neighbours]])
        self.seen[self.rows] = True


def tcr5(view: GraphView, asked: Arguments) -> list[Row]:
    """The traces of money out of a person's accounts, each a path without a repeated account.

    Several transfers between the same two accounts are one path: the earliest that is late
    enough leaves most room for what follows. Longest first, then by ids.
    """
    sources = owned_accounts(view, asked.ids[0])
    paths: Rows = sources.reshape(-1, 1)
    arrived = np.full(len(sources), asked.window.start_ms)
    answer: list[Row] = []
    for _ in range(_STEPS):
        if not len(paths):
            break
        paths, arrived = _longer_paths(view, asked, paths, arrived)
        answer = _path_rows(view, paths) + answer
    return answer


def _longer_paths(
    view: GraphView, asked: Arguments, paths: Rows, arrived: Ints
) -> tuple[Rows, Ints]:
    edges = step(view.out(EdgeKindName.TRANSFER), paths[:, -1], asked.window, asked.truncation)
    fresh = edges.times > arrived[edges.origins]
    for column in range(paths.shape[1]):
        fresh &= edges.neighbours != paths[edges.origins, column]
    edges = edges.where(fresh)
    order = np.lexsort((edges.times, edges.neighbours, edges.origins))
    origins, ends = edges.origins[order], edges.neighbours[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (origins[1:] != origins[:-1]) | (ends[1:] != ends[:-1])
    longer = np.column_stack([paths[origins[first]], ends[first]])
    return longer.astype(np.int32), edges.times[order][first]


def _path_rows(view: GraphView, paths: Rows) -> list[Row]:
    ids = view.vertices[_ACCOUNT].ids[paths]
    ids = ids[np.lexsort(ids.T[::-1])]
    return [([str(account) for account in path],) for path in ids.tolist()]


def tcr8(view: GraphView, asked: Arguments) -> list[Row]:
    """Where a loan's money went: what came in to each account over the loan, and how far it is.

    An edge is followed if its amount exceeds the threshold times its upstream: all that its
    source received by transfers in the window. The loan's own accounts are at distance 1.
    """
    loan = view.row(_LOAN, asked.ids[0])
    if loan < 0:
        return []
    rows = np.array([loan], np.int32)
    deposits = step(view.out(EdgeKindName.DEPOSIT), rows, asked.window, asked.truncation)
    rows = np.unique(deposits.neighbours)
    traced: list[Edges] = []
    distances: dict[int, int] = {}
    seen = set(rows.tolist())
    for distance in range(2, _STEPS + 2):
        if not len(rows):
            break
        traced.append(edges := _main_flow(view, asked, rows))
        ends = np.unique(edges.neighbours).tolist()
        for end in ends:
            distances.setdefault(end, distance)
        rows = np.array([end for end in ends if end not in seen], np.int32)
        seen.update(ends)
    return _inflow_rows(view, float(view.vertices[_LOAN].amounts[loan]), traced, distances)


def _main_flow(view: GraphView, asked: Arguments, rows: Rows) -> Edges:
    """The transfers and withdrawals that exceed the threshold of what their source received."""
    transfers = step(view.out(EdgeKindName.TRANSFER), rows, asked.window)
    withdrawals = step(view.out(EdgeKindName.WITHDRAW), rows, asked.window)
    edges = truncated(merged(transfers, withdrawals), asked.truncation)
    upstream = totals_by_origin(step(view.into(EdgeKindName.TRANSFER), rows, asked.window))
    received: Floats = np.zeros(len(rows))
    received[upstream.keys] = upstream.sums
    return edges.where(edges.values > received[edges.origins] * asked.thresholds[0])


def _inflow_rows(
    view: GraphView, loan_amount: float, traced: list[Edges], distances: dict[int, int]
) -> list[Row]:
    if not distances:
        return []
    neighbours = np.concatenate([edges.neighbours for edges in traced])
    values = np.concatenate([edges.values for edges in traced])
    nothing = np.zeros(0, np.int64)
    inflow = totals_by_neighbour(Edges(nothing, neighbours, nothing, values))
    ids = view.vertices[_ACCOUNT].ids[inflow.keys].tolist()
    answer = [
        (-distances[row], -rounded(amount / loan_amount) if loan_amount else 0.0, account)
        for row, account, amount in zip(
            inflow.keys.tolist(), ids, inflow.sums.tolist(), strict=True
        )
    ]
    return [(str(account), -ratio, -distance) for distance, ratio, account in sorted(answer)]
