"""The challenger: a bag of gradient-boosted trees with monotone constraints, and the scorecard.

Its log odds are a weighted mean of the trees' and the scorecard's; where people are many, the
weight and the size of the trees are chosen on rows held out of the training rows. Each tree may
only say that more is better where the binning found so, and the other way about. Both parts are
sums over attributes, so what each attribute contributed adds up to the log odds exactly.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from tallystick.credit.score.binning import Attribute, bin_index, weights_of
from tallystick.credit.score.columns import Column, Floats, Ints, Numbers
from tallystick.credit.score.scorecard import Scorecard, points_by_bin
from tallystick.credit.score.threads import one_thread
from tallystick.credit.score.trees import Trees, contributions

__all__ = ["SHAPES", "Challenger", "Shape", "attribute_names", "explain", "fit_trees"]

_LEARNING_RATE: Final = 0.05
_RIDGE: Final = 10.0
_EVIDENCE_MIN: Final = 100.0
_MANY_ROWS: Final = 5_000


class Shape(msgspec.Struct, frozen=True):
    """How large the trees are.

    Args:
        leaves: at most, of a tree.
        rounds: trees of each member of the bag.
        linear: the scorecard's weight in the mean.
    """

    leaves: int
    rounds: int
    linear: float


class Challenger(NamedTuple):
    """What is kept of a challenger.

    Args:
        inputs: attributes whose values, or weights of evidence if they are words, trees see.
        trees: all of the bag; their leaves are already divided by its size.
        linear: the scorecard's weight in the mean.
    """

    inputs: tuple[Attribute, ...]
    trees: Trees
    linear: float


SHAPES: Final = ((8, 150), (12, 200))
"""Leaves and rounds to choose from, where people are many."""


def _matrix(inputs: tuple[Attribute, ...], columns: dict[str, Column]) -> Floats:
    seen = []
    for one in inputs:
        column = columns[one.name]
        numbers = isinstance(column, Numbers)
        seen.append(column.values if numbers else weights_of(one, column))
    return np.column_stack(seen).astype(np.float64)


def _direction(one: Attribute) -> int:
    """1 if more of an input may only be worse, -1 if only better.

    0, that is no constraint, for words, which have no order, and where there is so little
    evidence (information value times people) that the direction may be chance.
    """
    people = sum(each.good + each.bad for each in one.bins)
    if not one.numeric or one.iv * people < _EVIDENCE_MIN:
        return 0
    return -1 if one.rising else 1


def fit_trees(
    inputs: tuple[Attribute, ...], columns: dict[str, Column], bad: Floats,
    leaves: int, rounds: int, bag: int, seed: int,
) -> Trees:  # fmt: skip
    """Fit a bag of boosted trees, each on three quarters of the rows; on half, if they are few."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    few = len(bad) < _MANY_ROWS
    drawn = len(bad) // 2 if few else len(bad) * 3 // 4
    matrix = _matrix(inputs, columns)
    random = np.random.default_rng(seed)
    members = []
    for member in range(bag):
        rows = np.sort(random.permutation(len(bad))[:drawn])
        model = HistGradientBoostingClassifier(
            learning_rate=_LEARNING_RATE, max_iter=rounds, max_leaf_nodes=leaves,
            min_samples_leaf=8 if few else 50, l2_regularization=_RIDGE,
            max_features=0.2 if few else 0.3, monotonic_cst=[_direction(one) for one in inputs],
            early_stopping=False, random_state=seed + member,
        )  # fmt: skip
        with one_thread():
            members.append(model.fit(matrix[rows], bad[rows]))
    return _exported(members)


def _exported(members: list[Any]) -> Trees:
    """The trees of fitted models as arrays.

    scikit-learn keeps them in `_predictors`, which its interface does not promise; a test holds
    our predictions against its own.
    """
    parts: list[Any] = []
    roots: list[int] = []
    used = 0
    for model in members:
        for (predictor,) in model._predictors:
            nodes = predictor.nodes.copy()
            inside = nodes["is_leaf"] == 0
            _average(nodes)
            nodes["value"] /= len(members)
            nodes["left"][inside] += used
            nodes["right"][inside] += used
            roots.append(used)
            used += len(nodes)
            parts.append(nodes)
    every = np.concatenate(parts)
    base = float(np.mean([model._baseline_prediction[0, 0] for model in members]))
    return Trees(
        base, np.array(roots, np.int64),
        np.where(every["is_leaf"] == 1, -1, every["feature_idx"]).astype(np.int64),
        every["num_threshold"].astype(np.float64), every["missing_go_to_left"].astype(np.bool_),
        every["left"].astype(np.int64), every["right"].astype(np.int64),
        every["value"].astype(np.float64),
    )  # fmt: skip


def _average(nodes: Any) -> None:
    """Give nodes above leaves the average of what is below; children come after parents."""
    for at in range(len(nodes) - 1, -1, -1):
        if not nodes["is_leaf"][at]:
            below = [int(nodes["left"][at]), int(nodes["right"][at])]
            nodes["value"][at] = np.average(nodes["value"][below], weights=nodes["count"][below])


def attribute_names(challenger: Challenger, card: Scorecard) -> list[str]:
    """The names of what `explain` explains by, in its order."""
    names = [one.name for one in challenger.inputs]
    return names + [one.name for one in card.attributes if one.name not in set(names)]


def explain(
    challenger: Challenger, card: Scorecard, columns: dict[str, Column]
) -> tuple[Floats, Floats]:
    """Log odds of good to bad of each row, and what each attribute took away from them.

    Returns:
        Log odds, of shape (rows,), and losses against the average, of shape (rows, attributes):
        the log odds are the same constant less the row's losses.
    """
    names = attribute_names(challenger, card)
    place = {name: at for at, name in enumerate(names)}
    average, steps = contributions(challenger.trees, _matrix(challenger.inputs, columns))
    share = 1.0 - challenger.linear
    lost = np.zeros((len(steps), len(names)))
    lost[:, : steps.shape[1]] = share * steps
    middle = -share * average
    middle += challenger.linear * float(card.scale.log_odds(np.array(float(card.base))))
    for one in card.attributes:
        points = points_by_bin(one) / card.scale.factor
        people: Ints = np.array([each.good + each.bad for each in one.bins])
        mean = float(points @ people / max(people.sum(), 1))
        given = points[bin_index(one, columns[one.name])]
        lost[:, place[one.name]] -= challenger.linear * (given - mean)
        middle += challenger.linear * mean
    return middle - lost.sum(axis=1), lost
