"""What rules ask of an account: a few numbers about what is around it, at this moment."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.adjacency import AdjacencyView
from tallystick.risk.graph.aggregates import total
from tallystick.risk.graph.graph import GraphView
from tallystick.risk.graph.kernels import Floats, Rows
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.sign_ins import ADDRESS
from tallystick.risk.graph.steps import Truncation, TruncationOrder, Window, step, untimed

__all__ = ["FAR", "AccountFeatures", "account_features"]

FAR: Final = 4
"""Steps from a blocked account that stand for all that is farther than three."""

_WEEK_MS: Final = 7 * 86_400_000
_NEWEST: Final = Truncation(200, TruncationOrder.TIMESTAMP_DESCENDING)
_FRONTIER_MAX: Final = 20_000
_ACCOUNT, _MEDIUM = VertexKind.ACCOUNT, VertexKind.MEDIUM


class AccountFeatures(NamedTuple):
    """An account's features; amounts are in the graph's unit. All zero for an unknown account.

    Args:
        payers_7d, payees_7d: accounts of the last seven days.
        blocked_counterparts_7d: those of them that are blocked.
        device_accounts: other accounts that signed in by the same devices.
        device_blocked: whether one of those, or of the devices, is blocked.
        steps_from_blocked: over transfers in any direction; `FAR` for more than three.
        association: the score of personalised PageRank from blocked accounts, times a million.
    """

    payers_7d: int = 0
    payees_7d: int = 0
    received_7d: float = 0.0
    sent_7d: float = 0.0
    blocked_counterparts_7d: int = 0
    device_accounts: int = 0
    device_blocked: bool = False
    steps_from_blocked: int = FAR
    association: float = 0.0


def account_features(
    view: GraphView, account_id: int, now_ms: int, scores: Floats
) -> AccountFeatures:
    """The features of an account.

    Args:
        scores: association by row; shorter than the table where accounts are newer.
    """
    row = view.row(_ACCOUNT, account_id)
    if row < 0:
        return AccountFeatures()
    rows, week = np.array([row], np.int32), Window(now_ms - _WEEK_MS, now_ms + 1)
    came = step(view.into(EdgeKindName.TRANSFER), rows, week)
    went = step(view.out(EdgeKindName.TRANSFER), rows, week)
    counterparts = np.unique(np.concatenate([came.neighbours, went.neighbours]))
    accounts, device_blocked = _by_device(view, row)
    return AccountFeatures(
        len(np.unique(came.neighbours)),
        len(np.unique(went.neighbours)),
        total(came.values),
        total(went.values),
        int(view.blocked(_ACCOUNT)[counterparts].sum()),
        accounts,
        device_blocked,
        _steps_from_blocked(view, rows),
        float(scores[row]) * 1e6 if row < len(scores) else 0.0,
    )


def _by_device(view: GraphView, row: int) -> tuple[int, bool]:
    """How many other accounts share a device, and whether one of those or a device is blocked."""
    signed_in = view.into(EdgeKindName.SIGN_IN).block(row).neighbours
    labels = view.vertices[_MEDIUM].labels
    media = np.unique(signed_in)
    media = media[np.array([labels[row] != ADDRESS for row in media.tolist()], bool)]
    others = step(view.out(EdgeKindName.SIGN_IN), media, untimed, _NEWEST).neighbours
    others = np.unique(others[others != row])
    blocked = view.blocked(_MEDIUM)[media].any() or view.blocked(_ACCOUNT)[others].any()
    return len(others), bool(blocked)


def _steps_from_blocked(view: GraphView, rows: Rows) -> int:
    """By the newest 200 transfers of each account; a crowd that is too large ends the search."""
    blocked = view.blocked(_ACCOUNT)
    if blocked[rows].any():
        return 0
    sides: list[AdjacencyView] = [
        view.into(EdgeKindName.TRANSFER),
        view.out(EdgeKindName.TRANSFER),
    ]
    for steps in range(1, FAR):
        found = [step(side, rows, untimed, _NEWEST).neighbours for side in sides]
        rows = np.unique(np.concatenate(found))
        if blocked[rows].any():
            return steps
        if len(rows) > _FRONTIER_MAX:
            break
    return FAR
