"""How well a prediction orders and foretells: pure functions over columns."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.credit.score.columns import Floats

__all__ = [
    "CalibrationBand", "Curve", "auc", "calibration", "ks", "population_stability", "roc",
]  # fmt: skip

_EMPTY_SHARE: Final = 1e-4


class Curve(NamedTuple):
    """Shares of good (x) and of bad (y) whose probability is at least a falling threshold."""

    good: Floats
    bad: Floats


class CalibrationBand(NamedTuple):
    """People of like probability: how many, what was foretold, what came."""

    people: int
    foretold: float
    came: float


def roc(bad: Floats, probability: Floats) -> Curve:
    """The receiver operating characteristic; equal probabilities are one step."""
    order = np.argsort(-probability, kind="stable")
    outcome, sorted_probability = bad[order], probability[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_probability)), len(bad) - 1)
    caught = np.cumsum(outcome)[ends]
    passed = np.cumsum(1 - outcome)[ends]
    return Curve(np.append(0.0, passed / max(passed[-1], 1)),
                 np.append(0.0, caught / max(caught[-1], 1)))  # fmt: skip


def auc(bad: Floats, probability: Floats) -> float:
    """The area under that curve: how often a bad person ranks above a good one, ties half."""
    curve = roc(bad, probability)
    return float(np.sum(np.diff(curve.good) * (curve.bad[1:] + curve.bad[:-1]) / 2))


def ks(bad: Floats, probability: Floats) -> float:
    """Kolmogorov-Smirnov: the largest distance between the two shares."""
    curve = roc(bad, probability)
    return float(np.max(np.abs(curve.bad - curve.good)))


def calibration(bad: Floats, probability: Floats, bands: int = 10) -> list[CalibrationBand]:
    """Bands of about as many people each, by rising probability."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bands) if len(part)]
    return [CalibrationBand(len(part), float(probability[part].mean()), float(bad[part].mean()))
            for part in parts]  # fmt: skip


def population_stability(expected: NDArray[np.int64], actual: NDArray[np.int64]) -> float:
    """Population stability index of two counts by the same bands; an empty band counts 0.01 %."""
    first = np.maximum(expected / max(expected.sum(), 1), _EMPTY_SHARE)
    second = np.maximum(actual / max(actual.sum(), 1), _EMPTY_SHARE)
    return float(np.sum((second - first) * np.log(second / first)))
