"""Training, and what a training is worth on people whom it has not seen.

Everything that looks at the outcome (binning, selection, fitting, choosing the challenger's shape)
happens inside the training rows of each fold, so the figures of the folds are honest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from tallystick.credit.score.binning import Attribute, bin_attribute
from tallystick.credit.score.challenger import SHAPES, Challenger, Shape, explain, fit_trees
from tallystick.credit.score.columns import Column, Floats, Ints, take
from tallystick.credit.score.dataset import Dataset
from tallystick.credit.score.measures import auc
from tallystick.credit.score.scorecard import (
    Scale,
    Scorecard,
    Selected,
    fit_scorecard,
    probability_of,
    select,
    total_points,
)
from tallystick.credit.score.threads import one_thread

__all__ = [
    "Fitted",
    "Settings",
    "Validation",
    "cross_validate",
    "fit",
    "folds_of",
    "probabilities",
    "repeats_for",
]

_MANY_ROWS: Final = 5_000
_FEW_ROWS_SHAPE: Final = Shape(16, 200, 0.5)
"""With few people there is nothing to choose by: what a hold-out of them prefers is mostly chance.
Trees and scorecard then count the same."""
_LINEAR: Final = (0.0, 0.25, 0.5)
_INNER_FOLDS: Final = 3
_TREE_IV_MIN: Final = 0.002


class Settings(NamedTuple):
    """How to train.

    Args:
        scale: of the points.
        challenger: whether a challenger is wanted, too.
        seed: of all chance: folds, bags, trees.
        folds: parts of the rows, each held out once.
        repeats: how often the rows are divided anew; 0 for as often as their number asks for.
        bag: members of the challenger's bag; 0 for as many as the number of rows asks for.
        shape: of the challenger; None to choose it on rows held out of the training rows, where
            they are many, and to take one that is always the same where they are few.
    """

    scale: Scale = Scale()
    challenger: bool = False
    seed: int = 0
    folds: int = 5
    repeats: int = 0
    bag: int = 0
    shape: Shape | None = None


class Fitted(NamedTuple):
    """What one training found."""

    card: Scorecard
    selected: Selected
    challenger: Challenger | None
    shape: Shape | None


class Validation(NamedTuple):
    """What folds that were held out say.

    Args:
        scorecard, challenger: the area under the curve of each fold of each repeat.
        held_out: each row's probability of default by a model that has not seen it, of the
            first repeat, by `scorecard` and `challenger`.
    """

    scorecard: list[float]
    challenger: list[float]
    held_out: dict[str, Floats]


def _folds(bad: Floats, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Training rows and held-out rows; each fold has its part of the bad."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(bad), dtype=np.int64)
    for outcome in (0.0, 1.0):
        rows = random.permutation(np.flatnonzero(bad == outcome))
        fold[rows] = np.arange(len(rows)) % folds
    for at in range(folds):
        yield np.flatnonzero(fold != at), np.flatnonzero(fold == at)


def folds_of(bad: Floats, settings: Settings) -> Iterator[tuple[Ints, Ints]]:
    """Training rows and held-out rows of every fold of every repeat."""
    for repeat in range(settings.repeats or repeats_for(len(bad))):
        yield from _folds(bad, settings.folds, settings.seed + 1_000 * (repeat + 1))


def _binned(data: Dataset, columns: dict[str, Column], bad: Floats) -> tuple[Attribute, ...]:
    specials = {spec.name: spec.specials for spec in data.specs}
    return tuple(bin_attribute(name, column, bad, specials.get(name, ()))
                 for name, column in columns.items())  # fmt: skip


def _inputs(attributes: tuple[Attribute, ...]) -> tuple[Attribute, ...]:
    return tuple(one for one in attributes if one.iv >= _TREE_IV_MIN) or attributes


def fit(data: Dataset, columns: dict[str, Column], bad: Floats, settings: Settings) -> Fitted:
    """Train on some rows: `columns` and `bad` of them."""
    with one_thread():
        return _fit(data, columns, bad, settings)


def _fit(data: Dataset, columns: dict[str, Column], bad: Floats, settings: Settings) -> Fitted:
    attributes = _binned(data, columns, bad)
    selected = select(attributes, columns, bad)
    card = fit_scorecard(selected.kept, columns, bad, settings.scale)
    if not settings.challenger:
        return Fitted(card, selected, None, None)
    shape = settings.shape or _shape(data, columns, bad, settings)
    inputs = _inputs(attributes)
    bag = settings.bag or _bag(len(bad))
    trees = fit_trees(inputs, columns, bad, shape.leaves, shape.rounds, bag, settings.seed)
    return Fitted(card, selected, Challenger(inputs, trees, shape.linear), shape)


def repeats_for(rows: int) -> int:
    """How often few rows are divided anew, so that chance does not decide what they say."""
    return 3 if rows < _MANY_ROWS else 1


def _bag(rows: int) -> int:
    return 20 if rows < _MANY_ROWS else 4


def _shape(data: Dataset, columns: dict[str, Column], bad: Floats, settings: Settings) -> Shape:
    """The shape that is best on a third of the rows, by models of the others."""
    if len(bad) < _MANY_ROWS:
        return _FEW_ROWS_SHAPE
    found: dict[Shape, float] = {}
    train, test = next(_folds(bad, _INNER_FOLDS, settings.seed + 1))
    seen, outcome, other = take(columns, train), bad[train], take(columns, test)
    attributes = _binned(data, seen, outcome)
    card = fit_scorecard(select(attributes, seen, outcome).kept, seen, outcome, settings.scale)
    for leaves, rounds in SHAPES:
        trees = fit_trees(_inputs(attributes), seen, outcome, leaves, rounds, 1, settings.seed)
        for linear in _LINEAR:
            model = Challenger(_inputs(attributes), trees, linear)
            score, _ = explain(model, card, other)
            found[Shape(leaves, rounds, linear)] = auc(bad[test], -score)
    return max(found, key=lambda shape: (found[shape], -shape.leaves))


def probabilities(fitted: Fitted, columns: dict[str, Column]) -> dict[str, Floats]:
    """Each row's probability of default, by `scorecard` and, if there is one, `challenger`."""
    total, _ = total_points(fitted.card, columns)
    found = {"scorecard": probability_of(fitted.card.scale, total.astype(np.float64))}
    if fitted.challenger is not None:
        log_odds, _ = explain(fitted.challenger, fitted.card, columns)
        found["challenger"] = 1.0 / (1.0 + np.exp(log_odds))
    return found


def cross_validate(
    data: Dataset, settings: Settings, tell: Callable[[str], None] = lambda text: None
) -> Validation:
    """Train without each fold in turn, and foretell it."""
    areas: dict[str, list[float]] = {"scorecard": [], "challenger": []}
    held_out: dict[str, Floats] = {}
    repeats = settings.repeats or repeats_for(len(data.bad))
    for at, (train, test) in enumerate(folds_of(data.bad, settings)):
        repeat, fold = divmod(at, settings.folds)
        fitted = fit(data, take(data.columns, train), data.bad[train], settings)
        for name, found in probabilities(fitted, take(data.columns, test)).items():
            areas[name].append(auc(data.bad[test], found))
            if repeat == 0:
                held_out.setdefault(name, np.zeros(len(data.bad)))[test] = found
        tell(
            f"repeat {repeat + 1} of {repeats}, fold {fold + 1} of {settings.folds}: "
            + ", ".join(f"{name} {found[-1]:.4f}" for name, found in areas.items() if found)
        )
    return Validation(areas["scorecard"], areas["challenger"], held_out)
