"""The fair-lending view: how people fare by groups that must not decide."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from tallystick.credit.score.columns import Column, Floats
from tallystick.credit.score.measures import auc
from tallystick.credit.score.protected import groups_of, in_order

__all__ = ["ACCEPTED_SHARE", "Group", "fair_lending"]

ACCEPTED_SHARE: Final = 0.7
"""The view looks at the cut-off that accepts so many of all."""

_FEW: Final = 30


class Group(msgspec.Struct, frozen=True):
    """How one group fares; None where it has too few people of a kind to say.

    Args:
        column, group: which.
        people: how many.
        bad_rate: the share that turned out bad.
        foretold: the mean probability of default.
        accepted: the share above the cut-off.
        impact: that share against the one of the group that fares best (of 30 people or more).
        good_refused: of those who turned out good, the share below the cut-off.
        bad_accepted: of those who turned out bad, the share above it.
        auc: how well the model orders within the group.
    """

    column: str
    group: str
    people: int
    bad_rate: float
    foretold: float
    accepted: float
    impact: float | None
    good_refused: float | None
    bad_accepted: float | None
    auc: float | None


def fair_lending(protected: dict[str, Column], bad: Floats, probability: Floats) -> list[Group]:
    """The view over people whom the model had not seen.

    Args:
        bad: 1.0 for a bad outcome.
        probability: of default, held out.
    """
    accepted = probability <= np.quantile(probability, ACCEPTED_SHARE)
    found = []
    for name, column in protected.items():
        groups = groups_of(column)
        inside = {str(group): groups == group for group in in_order(np.unique(groups))}
        best = max((float(accepted[rows].mean()) for rows in inside.values()
                    if rows.sum() >= _FEW), default=0.0)  # fmt: skip
        found += [_group(name, group, bad[rows], probability[rows], accepted[rows], best)
                  for group, rows in inside.items()]  # fmt: skip
    return found


def _group(
    name: str, group: str, bad: Floats, probability: Floats, accepted: Floats, best: float
) -> Group:
    share = float(accepted.mean())
    good_rows, bad_rows = bad == 0, bad == 1
    enough = len(bad) >= _FEW and good_rows.any() and bad_rows.any()
    return Group(
        name, group, len(bad), float(bad.mean()), float(probability.mean()), share,
        share / best if best and len(bad) >= _FEW else None,
        float(1 - accepted[good_rows].mean()) if good_rows.any() else None,
        float(accepted[bad_rows].mean()) if bad_rows.any() else None,
        auc(bad, probability) if enough else None,
    )  # fmt: skip
