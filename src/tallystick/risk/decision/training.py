"""Training a scorecard from labelled history: logistic regression on binned features, in numpy.

Each feature is cut into bins of equal size; a bin has a weight, kept small by a penalty (L2), and
the weights are found by Newton's method. What labels cannot tell, fraud of a kind that nobody has
seen, is unusual in many features at once: so a bin gets a little the more, the rarer it is,
whatever its label (its surprisal, as naive Bayes would score an outlier). The sums are rounded to
whole points. The report is made on the later part of the history, or on another one, which the
training has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.facts import FACTS, GRAPH, TOLD
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.history import Events, features_over
from tallystick.risk.decision.scorecard import SCORE_MAX, Bins, Scorecard, scores_over

__all__ = ["TrainingError", "evaluate", "train"]

_BINS_MAX: Final = 8
_STEPS: Final = 12
_PENALTY: Final = 0.1
_RARENESS: Final = 0.05
"""Log-odds for each natural unit of a bin's surprisal; chosen, as the penalty, on seeds apart."""

_POINTS: Final = 1_000_000
_LOGIT_MAX: Final = 12.0
_FALSE_POSITIVES: Final = 0.01
_NUMBERS: Final = ("amount", "hour", "party_age_min")

Floats = NDArray[np.float64]


class TrainingError(ValueError):
    """A history from which nothing can be learned."""


class _Binned(NamedTuple):
    name: str
    edges: NDArray[np.int64]
    bins: NDArray[np.int8]


def _columns(events: Events, features: Sequence[Feature]) -> dict[str, NDArray[Any]]:
    known = events.history.columns
    numbers = {name: known[name].values for name in (*_NUMBERS, *GRAPH) if name in known}
    assert set(_NUMBERS) <= set(FACTS)
    return numbers | dict(features_over(events.history, features))


def _binned(name: str, values: NDArray[Any]) -> _Binned | None:
    """A feature cut at its quantiles, which for counts are often the same: few bins then."""
    cuts = np.quantile(values, np.linspace(0, 1, _BINS_MAX + 1)[1:-1], method="higher")
    far = np.quantile(values, (0.98, 0.995), method="higher")
    edges = np.unique(np.concatenate([cuts, far]).astype(np.int64))
    edges = edges[(edges > values.min()) & (edges <= values.max())]
    if not len(edges):
        return None
    return _Binned(name, edges, np.searchsorted(edges, values, side="right").astype(np.int8))


def _fitted(design: NDArray[np.float32], fraud: Floats) -> Floats:
    """Weights by Newton's method; the first is the constant, which has no penalty."""
    weights = np.zeros(design.shape[1])
    share = float(np.clip(fraud.mean(), 1e-6, 1 - 1e-6))
    weights[0] = np.log(share / (1 - share))
    penalty = np.full(len(weights), _PENALTY)
    penalty[0] = 0.0
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -_LOGIT_MAX, _LOGIT_MAX)))
        gradient = design.T @ (chance - fraud) + penalty * weights
        spread = (chance * (1 - chance)).astype(np.float32)
        curve = (design * spread[:, None]).T @ design + np.diag(penalty + 1e-6)
        step = np.linalg.solve(curve, gradient)
        weights = weights - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-4:
            break
    return weights


def _design(binned: Sequence[_Binned]) -> NDArray[np.float32]:
    size = len(binned[0].bins)
    parts = [np.ones((size, 1), np.float32)]
    for held in binned:
        # The lowest bin is what the others are compared with.
        parts.append((held.bins[:, None] == np.arange(1, len(held.edges) + 1)).astype(np.float32))
    return np.concatenate(parts, axis=1)


def _cuts() -> tuple[int, ...]:
    """From which points on the score is 1, 2, …: even steps of log-odds from -12 to 12."""
    steps = np.linspace(-_LOGIT_MAX, _LOGIT_MAX, SCORE_MAX)
    return tuple(round(float(step) * _POINTS) for step in steps)


def recall_at(scores: NDArray[Any], fraud: NDArray[Any], share: float) -> tuple[float, int]:
    """The recall at a share of false positives, and the score from which that is."""
    genuine = np.sort(scores[fraud == 0])[::-1]
    allowed = int(len(genuine) * share)
    threshold = int(genuine[allowed]) + 1 if allowed < len(genuine) else 0
    caught = scores[fraud == 1] >= threshold
    return (float(caught.mean()) if len(caught) else 0.0), threshold


def _auc(scores: NDArray[Any], fraud: NDArray[Any]) -> float:
    """The chance that a fraud's score is above a genuine one's; ties count half."""
    counts = np.zeros((2, SCORE_MAX + 1))
    for label in (0, 1):
        counts[label] = np.bincount(scores[fraud == label], minlength=SCORE_MAX + 1)
    below = np.concatenate([[0], np.cumsum(counts[0])[:-1]])
    pairs = counts[0].sum() * counts[1].sum()
    return float((counts[1] * (below + counts[0] / 2)).sum() / pairs) if pairs else 0.0


def evaluate(
    model: Scorecard, events: Events, features: Sequence[Feature], start: int = 0
) -> dict[str, float | int | str]:
    """How well a scorecard tells fraud in a history, from an event on (labelled ones only).

    What others knew and the history does not say counts as not known.
    """
    known = np.flatnonzero(events.fraud[start:] >= 0) + start
    fraud = events.fraud[known]
    columns = _columns(events, features)
    for name in {held.feature for held in model.bins} - columns.keys():
        told = events.history.columns.get(name)
        columns[name] = np.full(events.history.size, TOLD[name]) if told is None else told.values
    scores = scores_over(model, columns)[known]
    recall, threshold = recall_at(scores, fraud, _FALSE_POSITIVES)
    report: dict[str, float | int | str] = {
        "events": len(known),
        "fraud": int(fraud.sum()),
        "recall_at_1pct_fp": recall,
        "score_at_1pct_fp": threshold,
        "auc": _auc(scores, fraud),
    }
    scenario = events.scenario
    for code, name in enumerate(scenario.texts or ()):
        of = (scenario.values[known] == code) & (fraud == 1)
        if name and of.any():
            report[f"recall_{name}"] = float((scores[of] >= threshold).mean())
    return report


def train(
    events: Events, features: Sequence[Feature], name: str, *, kept_apart: float = 0.3
) -> Scorecard:
    """A scorecard from the earlier part of a labelled history, with its report on the rest.

    Args:
        kept_apart: the share at the history's end on which the report is made.

    Raises:
        TrainingError: there is not both fraud and what is genuine in both parts, or nothing varies.
    """
    split = int(events.history.size * (1 - kept_apart))
    known = np.flatnonzero(events.fraud[:split] >= 0)
    fraud = events.fraud[known].astype(np.float64)
    later = events.fraud[split:]
    if not (0 < fraud.sum() < len(fraud)) or not ((later == 1).any() and (later == 0).any()):
        raise TrainingError("a history to learn from has fraud and genuine events, early and late")
    columns = _columns(events, features)
    binned = [b for n, values in columns.items() if (b := _binned(n, values[known])) is not None]
    if not binned:
        raise TrainingError("nothing varies in this history")
    weights = _fitted(_design(binned), fraud)
    rare = [_RARENESS * _surprisal(held) for held in binned]
    usual = sum(float(part[held.bins].mean()) for part, held in zip(rare, binned, strict=True))
    base = float(weights[0]) - usual + sum(float(part[0]) for part in rare)
    model = Scorecard(
        name=name, base=round(base * _POINTS), bins=_points(binned, weights[1:], rare),
        cuts=_cuts(),
    )  # fmt: skip
    report = evaluate(model, events, features, split)
    return Scorecard(name=name, base=model.base, bins=model.bins, cuts=model.cuts, report=report)


def _surprisal(held: _Binned) -> Floats:
    """How rare each bin is: the negative natural logarithm of its share (Laplace's correction)."""
    counts = np.bincount(held.bins, minlength=len(held.edges) + 1) + 1.0
    found: Floats = -np.log(counts / counts.sum())
    return found


def _points(binned: Sequence[_Binned], weights: Floats, rare: Sequence[Floats]) -> tuple[Bins, ...]:
    found, at = [], 0
    for held, part in zip(binned, rare, strict=True):
        own = weights[at : at + len(held.edges)] + part[1:] - part[0]
        at += len(held.edges)
        points = (0, *(round(float(weight) * _POINTS) for weight in own))
        found.append(Bins(held.name, tuple(int(edge) for edge in held.edges), points))
    return tuple(found)
