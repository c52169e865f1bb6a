"""The score: a logistic regression as a scorecard of whole points, 0 to 1000.

Each feature's value falls into a bin, each bin has points (millionths of log-odds), and the sum
of points has its score from a table. So live and over history the same values give the same
score, and its reasons are the bins that added most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.checking import Kind
from tallystick.risk.decision.facts import SCORE
from tallystick.risk.decision.features import Feature, catalogue_of
from tallystick.risk.decision.lowering import lowered_sum

__all__ = ["Bins", "Scorecard", "Scorer", "check_scorecard", "scores_over"]

SCORE_MAX: Final = 1000
_BINS_MAX: Final = 1000
_NUMBER_MAX: Final = 10**15
"""Sums of points stay within 64 bits, live and over columns."""


class Bins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature's bins: a value v is in the bin `number of edges <= v`; points a bin."""

    feature: str
    edges: tuple[int, ...]
    points: tuple[int, ...]


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained model. `cuts` holds the sums of points from which the score is 1, 2, … 1000."""

    name: str
    base: int
    bins: tuple[Bins, ...]
    cuts: tuple[int, ...]
    report: dict[str, float | int | str] = {}

    def score(self, values: Mapping[str, Any]) -> int:
        """The score of a command, 0 to 1000."""
        total = self.base
        for held in self.bins:
            total += held.points[bisect_right(held.edges, values[held.feature])]
        return bisect_right(self.cuts, total)

    def reasons(self, values: Mapping[str, Any], count: int = 3) -> list[str]:
        """The features that raised the score most, the strongest first."""
        raised = [
            (b.points[bisect_right(b.edges, values[b.feature])], b.feature) for b in self.bins
        ]
        return [name for points, name in sorted(raised, reverse=True)[:count] if points > 0]


class Scorer:
    """A scorecard made ready for scoring one command after the other."""

    __slots__ = ("_cuts", "_names", "_total")

    def __init__(self, model: Scorecard) -> None:
        self._names = tuple(held.feature for held in model.bins)
        self._total = lowered_sum(model.base, [(held.edges, held.points) for held in model.bins])
        self._cuts = model.cuts

    def score(self, values: Mapping[str, Any]) -> int:
        """The score of a command, 0 to 1000."""
        total = self._total(*[values[name] for name in self._names])
        return bisect_right(self._cuts, total)


def check_scorecard(model: Scorecard, features: Iterable[Feature]) -> None:
    """See that a scorecard can score commands with these features.

    Raises:
        ValueError: a feature that is no whole number here, bins that do not fit their edges,
            none at all, or numbers that are too large.
    """
    catalogue = catalogue_of(features)
    if not 1 <= len(model.bins) <= _BINS_MAX:
        raise ValueError(f"{model.name}: it reads one to {_BINS_MAX} features")
    points = (model.base, *model.cuts, *(each for held in model.bins for each in held.points))
    if max(map(abs, points)) > _NUMBER_MAX:
        raise ValueError(f"{model.name}: points and cuts are at most {_NUMBER_MAX}")
    for held in model.bins:
        if held.feature == SCORE or catalogue.get(held.feature) is not Kind.NUMBER:
            raise ValueError(f"{model.name}: there is no number {held.feature!r}")
        if not all(-(2**63) <= edge < 2**63 for edge in held.edges):
            raise ValueError(f"{model.name}: edges of {held.feature} are beyond 64 bits")
        if list(held.edges) != sorted(set(held.edges)) or len(held.points) != len(held.edges) + 1:
            raise ValueError(f"{model.name}: the bins of {held.feature} do not fit their edges")
    if list(model.cuts) != sorted(model.cuts) or len(model.cuts) > SCORE_MAX:
        raise ValueError(f"{model.name}: cuts are at most {SCORE_MAX} rising numbers")


def scores_over(model: Scorecard, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.int32]:
    """The score of each event of history, from whole columns by feature."""
    total: Any = model.base
    for held in model.bins:
        edges = np.asarray(held.edges, np.int64)
        points = np.asarray(held.points, np.int64)
        total = total + points[np.searchsorted(edges, columns[held.feature], side="right")]
    cuts = np.asarray(model.cuts, np.int64)
    found: NDArray[np.int32] = np.searchsorted(cuts, total, side="right").astype(np.int32)
    return found
