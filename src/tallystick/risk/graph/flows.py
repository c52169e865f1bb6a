"""The complex reads that add up what flows around a vertex: tcr4, tcr6, tcr7, tcr9 to tcr12.

An id that is not in the graph is a vertex without edges.
"""

from __future__ import annotations

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView, Rows
from tallystick.risk.graph.aggregates import (
    Totals,
    ratio_or,
    rounded,
    total,
    totals_by_neighbour,
    totals_by_origin,
)
from tallystick.risk.graph.answers import Arguments, Row
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.steps import Edges, Window, step
from tallystick.risk.graph.traces import owned_accounts

__all__ = ["cycle_accounts", "tcr4", "tcr6", "tcr7", "tcr9", "tcr10", "tcr11", "tcr12"]

_ACCOUNT = VertexKind.ACCOUNT
_TRANSFER = EdgeKindName.TRANSFER
_MANY = 3


def _row_array(row: int) -> Rows:
    return np.array([row] if row >= 0 else [], np.int32)


def tcr4(view: GraphView, asked: Arguments) -> list[Row]:
    """The third accounts of cycles of transfers: a source, a target that it paid, and others
    that the target paid and that paid the source.

    `edge2` is from the other account to the source, `edge3` from the target to the other.
    """
    source, target = (view.row(_ACCOUNT, account) for account in asked.ids)
    if source < 0 or target < 0:
        return []
    paid = step(view.out(_TRANSFER), _row_array(source), asked.window)
    if not (paid.neighbours == target).any():
        return []
    back, onward = cycle_accounts(view, source, target, asked.window)
    ids = view.vertices[_ACCOUNT].ids[back.keys].tolist()
    answer = []
    for other, edge2, edge3 in zip(ids, _shown(back), _shown(onward), strict=True):
        answer.append((-edge2[1], -edge3[1], other, edge2, edge3))
    return [(str(other), *edge2, *edge3) for _, _, other, edge2, edge3 in sorted(answer)]


def cycle_accounts(
    view: GraphView, source: int, target: int, window: Window
) -> tuple[Totals, Totals]:
    """The accounts that a target paid and that paid a source, by row, neither of the two.

    Returns:
        What each paid back to the source, and what it got from the target; the keys are equal.
    """
    back = totals_by_neighbour(step(view.into(_TRANSFER), _row_array(source), window))
    onward = totals_by_neighbour(step(view.out(_TRANSFER), _row_array(target), window))
    others, at_back, at_onward = np.intersect1d(back.keys, onward.keys, return_indices=True)
    third = (others != source) & (others != target)
    return back.at(at_back[third]), onward.at(at_onward[third])


def _shown(totals: Totals) -> list[tuple[int, float, float]]:
    return [
        (count, rounded(amount), rounded(greatest))
        for count, amount, greatest in zip(
            totals.counts.tolist(), totals.sums.tolist(), totals.maxima.tolist(), strict=True
        )
    ]


def tcr6(view: GraphView, asked: Arguments) -> list[Row]:
    """Accounts that withdrew to a card what they had gathered by more than three transfers."""
    gathered_above, withdrawn_above = asked.thresholds
    card = _row_array(view.row(_ACCOUNT, asked.ids[0]))
    withdrawals = step(
        view.into(EdgeKindName.WITHDRAW),
        card,
        asked.window,
        asked.truncation,
        above=withdrawn_above,
    )
    withdrawn = totals_by_neighbour(withdrawals)
    transfers = step(
        view.into(_TRANSFER),
        withdrawn.keys.astype(np.int32),
        asked.window,
        asked.truncation,
        above=gathered_above,
    )
    gathered = totals_by_origin(transfers)
    ids = view.vertices[_ACCOUNT].ids
    answer = [
        (-rounded(withdrawn.sums[at]), int(ids[withdrawn.keys[at]]), rounded(amount))
        for at, count, amount in zip(*gathered[:3], strict=True)
        if count > _MANY
    ]
    return [(str(mid), amount, -minus) for minus, mid, amount in sorted(answer)]


def tcr7(view: GraphView, asked: Arguments) -> list[Row]:
    """How many accounts paid an account and were paid by it, and received over sent."""
    came, went = _came_and_went(view, asked)
    ratio = ratio_or(-1.0, total(came.values), total(went.values), there=len(went.values) > 0)
    return [(len(np.unique(came.neighbours)), len(np.unique(went.neighbours)), ratio)]


def _came_and_went(view: GraphView, asked: Arguments) -> tuple[Edges, Edges]:
    rows = _row_array(view.row(_ACCOUNT, asked.ids[0]))
    both = (view.into(_TRANSFER), view.out(_TRANSFER))
    came, went = (_above(edges, rows, asked) for edges in both)
    return came, went


def _above(edges: AdjacencyView, rows: Rows, asked: Arguments) -> Edges:
    return step(edges, rows, asked.window, asked.truncation, above=asked.thresholds[0])


def tcr9(view: GraphView, asked: Arguments) -> list[Row]:
    """Loans paid out to an account over what it repaid and over what it sent, and received over
    sent."""
    rows = _row_array(view.row(_ACCOUNT, asked.ids[0]))
    deposited = _above(view.into(EdgeKindName.DEPOSIT), rows, asked).values
    repaid = _above(view.out(EdgeKindName.REPAY), rows, asked).values
    came, went = _came_and_went(view, asked)
    sent = total(went.values)
    return [
        (
            ratio_or(-1.0, total(deposited), total(repaid), there=len(repaid) > 0),
            ratio_or(-1.0, total(deposited), sent, there=len(went.values) > 0),
            ratio_or(-1.0, total(came.values), sent, there=len(went.values) > 0),
        )
    ]


def tcr10(view: GraphView, asked: Arguments) -> list[Row]:
    """The Jaccard similarity of the companies that two people invest in; 0 if neither does."""
    sets = []
    for person_id in asked.ids:
        rows = _row_array(view.row(VertexKind.PERSON, person_id))
        edges = step(view.out(EdgeKindName.PERSON_INVEST), rows, asked.window)
        sets.append(set(edges.neighbours.tolist()))
    union = sets[0] | sets[1]
    return [(rounded(len(sets[0] & sets[1]) / len(union)) if union else 0.0,)]


def tcr11(view: GraphView, asked: Arguments) -> list[Row]:
    """What the people applied for who are in the chain of guarantees that begins at a person."""
    loans = _guaranteed_loans(view, asked)
    amounts = view.vertices[VertexKind.LOAN].amounts[loans]
    return [(rounded(total(amounts)), len(loans))]


def _guaranteed_loans(view: GraphView, asked: Arguments) -> Rows:
    """The loans of the people whom a person guarantees for, to the end of the chain; by row.

    The person is one of them only if the chain comes back.
    """
    rows = _row_array(view.row(VertexKind.PERSON, asked.ids[0]))
    guaranteed = np.zeros(0, np.int32)
    guarantees = view.out(EdgeKindName.PERSON_GUARANTEE)
    while len(rows):
        found = np.unique(step(guarantees, rows, asked.window, asked.truncation).neighbours)
        rows = np.setdiff1d(found, guaranteed, assume_unique=True)
        guaranteed = np.union1d(guaranteed, rows)
    applied = view.out(EdgeKindName.PERSON_APPLY)
    blocks = [applied.block(row).neighbours for row in guaranteed.tolist()]
    return np.unique(np.concatenate(blocks)) if blocks else np.zeros(0, np.int32)


def tcr12(view: GraphView, asked: Arguments) -> list[Row]:
    """The companies' accounts that a person's accounts transferred to, and how much."""
    rows = owned_accounts(view, asked.ids[0])
    edges = step(view.out(_TRANSFER), rows, asked.window, asked.truncation)
    owned_by_company = view.into(EdgeKindName.COMPANY_OWN).lengths
    paid = totals_by_neighbour(edges.where(owned_by_company[edges.neighbours] > 0))
    ids = view.vertices[_ACCOUNT].ids[paid.keys].tolist()
    answer = sorted((-rounded(a), i) for i, a in zip(ids, paid.sums.tolist(), strict=True))
    return [(str(account), -minus) for minus, account in answer]
