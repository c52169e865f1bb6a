"""What rules read of the graph: a few whole numbers for every account, reckoned for all at once.

They are of the moment when they were reckoned, so that a decision asks no more than a table.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView
from tallystick.risk.graph.features import FAR
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import Floats, Ints, Rows
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.sign_ins import ADDRESS
from tallystick.risk.graph.spread import component_labels
from tallystick.risk.graph.steps import Window, step, step_of_all, untimed

__all__ = ["STANDING_ALONE", "Standing", "standing_of"]

_WEEK_MS: Final = 7 * 86_400_000
_ACCOUNT: Final = VertexKind.ACCOUNT

STANDING_ALONE: Final = (1, FAR, 0, 0, 0, 0)
"""The numbers of an account that is not known."""


class Standing(NamedTuple):
    """Columns by an account's row.

    Args:
        component_size: accounts between which there is a way over transfers and withdrawals.
        steps_from_blocked: over transfers in any direction, `FAR` for more than three; 0 for an
            account that is blocked itself.
        device_accounts: other accounts that signed in by the device of its that most use.
        payers_7d, payees_7d: different accounts of the last seven days.
        association: the score of personalised PageRank from blocked accounts, in millionths.
    """

    component_size: Ints
    steps_from_blocked: Ints
    device_accounts: Ints
    payers_7d: Ints
    payees_7d: Ints
    association: Ints

    def of(self, row: int) -> tuple[int, ...]:
        """An account's numbers; one that is not there yet stands alone."""
        if not 0 <= row < len(self.component_size):
            return STANDING_ALONE
        return tuple(int(column[row]) for column in self)


def standing_of(view: GraphView, now_ms: int, scores: Floats) -> Standing:
    """Reckon every account.

    Args:
        view: a state that does not change meanwhile.
        scores: association by row; shorter than the table where accounts are newer.
    """
    count = view.size(_ACCOUNT)
    labels = component_labels(view)
    sizes = np.bincount(labels, minlength=count)
    association = np.zeros(count, np.int64)
    association[: len(scores)] = np.rint(scores[:count] * 1e6).astype(np.int64)
    week = Window(now_ms - _WEEK_MS, now_ms + 1)
    into, out = (view.into(EdgeKindName.TRANSFER), view.out(EdgeKindName.TRANSFER))
    return Standing(
        sizes[labels],
        _steps(view, count),
        _device_accounts(view, count),
        _different(into, week, count),
        _different(out, week, count),
        association,
    )


def _different(edges: AdjacencyView, week: Window, count: int) -> Ints:
    """How many different neighbours each account has in a window."""
    found = step_of_all(edges, count, week)
    pairs = np.unique(found.origins * max(1, count) + found.neighbours)
    return np.bincount(pairs // max(1, count), minlength=count)


def _device_accounts(view: GraphView, count: int) -> Ints:
    """Of each account, the other accounts of its most used device; addresses are no devices."""
    edges = view.out(EdgeKindName.SIGN_IN)
    labels = view.vertices[VertexKind.MEDIUM].labels[: len(edges.lengths)]
    media = [row for row, label in enumerate(labels) if label != ADDRESS]
    found = step(edges, np.array(media, np.int64), untimed)
    pairs = np.unique(found.origins * max(1, count) + found.neighbours)
    devices, accounts = pairs // max(1, count), pairs % max(1, count)
    others = np.bincount(devices, minlength=1)[devices] - 1
    most = np.zeros(count, np.int64)
    np.maximum.at(most, accounts, others)
    return most


def _steps(view: GraphView, count: int) -> Ints:
    """Steps from the nearest blocked account, all accounts at once, outwards from them."""
    found = np.full(count, FAR, np.int64)
    frontier: Rows = np.flatnonzero(view.blocked(_ACCOUNT)[:count]).astype(np.int32)
    found[frontier] = 0
    sides = (view.into(EdgeKindName.TRANSFER), view.out(EdgeKindName.TRANSFER))
    for steps in range(1, FAR):
        if not len(frontier):
            break
        reached = np.concatenate([step(side, frontier, untimed).neighbours for side in sides])
        fresh = np.unique(reached[reached < count])
        frontier = fresh[found[fresh] == FAR]
        found[frontier] = steps
    return found
