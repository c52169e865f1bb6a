"""The scorecard: attributes with points that add up to the score.

A logistic regression on weights of evidence, turned into whole points: `base` and one number of
points a bin. The probability of default is worked out from the sum of points and from nothing
else, so it falls strictly as the sum rises.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from tallystick.credit.score.binning import Attribute, bin_index, weights_of
from tallystick.credit.score.columns import Column, Floats, Ints
from tallystick.credit.score.threads import one_thread

__all__ = [
    "SCORE_MAX", "SCORE_MIN", "Scale", "Scorecard", "Selected", "fit_scorecard", "points_by_bin",
    "probability_of", "score_of", "select", "total_points",
]  # fmt: skip

SCORE_MIN: Final = 350
SCORE_MAX: Final = 950

_IV_MIN: Final = 0.01
_CORRELATION_MAX: Final = 0.9
_INFLATION_MAX: Final = 10.0
_WALD_MIN: Final = 0.5
_INVERSE_RIDGE: Final = 0.3


class Scale(msgspec.Struct, frozen=True):
    """How log odds become points.

    Args:
        points: the score at `odds` of good to bad.
        odds: good people for each bad one at that score.
        double: points that double the odds.
    """

    points: int = 650
    odds: int = 10
    double: int = 50

    @property
    def factor(self) -> float:
        """Points for each unit of log odds."""
        return self.double / float(np.log(2.0))

    def total(self, log_odds: Floats) -> Floats:
        """Points of log odds of good to bad."""
        found: Floats = self.points + self.factor * (log_odds - np.log(self.odds))
        return found

    def log_odds(self, total: Floats) -> Floats:
        """Log odds of good to bad of points."""
        found: Floats = (total - self.points) / self.factor + float(np.log(self.odds))
        return found


class Scorecard(msgspec.Struct, frozen=True):
    """What is kept of a scorecard."""

    base: int
    attributes: tuple[Attribute, ...]
    scale: Scale


class Selected(NamedTuple):
    """Attributes that stay, and why each of the others does not."""

    kept: tuple[Attribute, ...]
    dropped: dict[str, str]


def probability_of(scale: Scale, total: Floats) -> Floats:
    """The probability of default at a sum of points."""
    return 1.0 / (1.0 + np.exp(scale.log_odds(total)))


def score_of(total: Floats) -> Ints:
    """A sum of points as a score: whole, from 350 to 950."""
    return np.clip(np.rint(total), SCORE_MIN, SCORE_MAX).astype(np.int64)


def points_by_bin(attribute: Attribute) -> Ints:
    """The points of each bin."""
    return np.array([one.points for one in attribute.bins], dtype=np.int64)


def total_points(card: Scorecard, columns: dict[str, Column]) -> tuple[Ints, Ints]:
    """The sum of points of each row, and the points it lost: against the best bin, by attribute.

    Returns:
        Sums, of shape (rows,), and lost points, of shape (rows, attributes), never negative.
    """
    rows = len(next(iter(columns.values()))[0])
    total = np.full(rows, card.base, dtype=np.int64)
    lost = np.zeros((rows, len(card.attributes)), dtype=np.int64)
    for at, attribute in enumerate(card.attributes):
        points = points_by_bin(attribute)
        given = points[bin_index(attribute, columns[attribute.name])]
        total += given
        lost[:, at] = points.max() - given
    return total, lost


def _fitted(weights: Floats, good: Floats) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_INVERSE_RIDGE, solver="newton-cholesky", max_iter=100)
    with one_thread():
        return model.fit(weights, good)


def _apart(weights: Floats, names: list[str], dropped: dict[str, str]) -> list[int]:
    """Those of falling information value that are not nearly the same as one before."""
    related = np.atleast_2d(np.abs(np.corrcoef(weights.T)))
    kept: list[int] = []
    for at, name in enumerate(names):
        like = [other for other in kept if related[at, other] > _CORRELATION_MAX]
        if like:
            dropped[name] = f"correlates {related[at, like[0]]:.2f} with {names[like[0]]}"
        else:
            kept.append(at)
    return _not_inflated(related, kept, names, dropped)


def _not_inflated(
    related: Floats, kept: list[int], names: list[str], dropped: dict[str, str]
) -> list[int]:
    """Without those that the others foretell: variance inflation of at most 10."""
    while len(kept) > 1:
        inside = related[np.ix_(kept, kept)]
        inflation = np.diag(np.linalg.pinv(inside))
        worst = int(np.argmax(inflation))
        if inflation[worst] <= _INFLATION_MAX:
            break
        name = names[kept.pop(worst)]
        dropped[name] = f"variance inflation {inflation[worst]:.1f}"
    return kept


def _weakest(model: Any, weights: Floats) -> dict[int, str]:
    """The attributes to leave out next and why: the worse half of those that should not stay.

    Half, because what is left takes over: many are better once their worst likes are gone.
    """
    coefficients = model.coef_[0]
    reason = "its coefficient has the wrong sign"
    rank, wrong = coefficients, np.flatnonzero(coefficients <= 0)
    if not len(wrong):
        spread = model.predict_proba(weights)
        information = (weights * (spread[:, :1] * spread[:, 1:])).T @ weights
        information += np.eye(weights.shape[1]) / _INVERSE_RIDGE
        rank = coefficients / np.sqrt(np.diag(np.linalg.inv(information)))
        reason = f"adds little (Wald statistic below {_WALD_MIN:g})"
        wrong = np.flatnonzero(rank < _WALD_MIN)
    worst = wrong[np.argsort(rank[wrong], kind="stable")][: (len(wrong) + 1) // 2]
    return {int(at): reason for at in worst}


def select(attributes: tuple[Attribute, ...], columns: dict[str, Column], bad: Floats) -> Selected:
    """Choose attributes: information value, correlation, inflation, sign, then stepwise."""
    order = sorted(attributes, key=lambda one: (-one.iv, one.name))
    dropped = {one.name: f"information value {one.iv:.3f}" for one in order if one.iv < _IV_MIN}
    strong = [one for one in order if one.iv >= _IV_MIN and len(one.bins) > 1]
    strong = [one for one in strong if len({b.woe for b in one.bins if b.good + b.bad}) > 1]
    if not strong:
        return Selected((), dropped)
    weights = np.column_stack([weights_of(one, columns[one.name]) for one in strong])
    kept = _apart(weights, [one.name for one in strong], dropped)
    while kept:
        chosen = weights[:, kept]
        weakest = _weakest(_fitted(chosen, 1 - bad), chosen)
        if not weakest:
            break
        dropped |= {strong[kept[at]].name: reason for at, reason in weakest.items()}
        kept = [one for at, one in enumerate(kept) if at not in weakest]
    return Selected(tuple(strong[at] for at in kept), dropped)


def fit_scorecard(
    kept: tuple[Attribute, ...], columns: dict[str, Column], bad: Floats, scale: Scale
) -> Scorecard:
    """Fit the points of chosen attributes; without any, everybody has the average."""
    if not kept:
        good = len(bad) - bad.sum()
        return Scorecard(round(float(scale.total(np.log(good / bad.sum())))), (), scale)
    model = _fitted(np.column_stack([weights_of(one, columns[one.name]) for one in kept]), 1 - bad)
    pointed = tuple(
        replace(one, coefficient=float(b), bins=tuple(
            replace(each, points=round(scale.factor * float(b) * each.woe)) for each in one.bins))
        for one, b in zip(kept, model.coef_[0], strict=True)
    )  # fmt: skip
    return Scorecard(round(float(scale.total(model.intercept_)[0])), pointed, scale)
