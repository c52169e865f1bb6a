"""One training from a file to a folder: validation, the model itself, its card and its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tallystick.credit.score.card import Card, markdown, strength
from tallystick.credit.score.columns import Floats
from tallystick.credit.score.dataset import Dataset, Roles, prepare
from tallystick.credit.score.fairness import fair_lending
from tallystick.credit.score.measures import population_stability
from tallystick.credit.score.model import FORMAT, number_of, require_free, save_model, text_of
from tallystick.credit.score.report import report
from tallystick.credit.score.tables import read_table
from tallystick.credit.score.training import (
    Fitted,
    Settings,
    Validation,
    cross_validate,
    fit,
    probabilities,
    repeats_for,
)

__all__ = ["train"]

_PARTS: Final = 6
_PERIODS_MAX: Final = 24


def train(
    path: Path, roles: Roles, settings: Settings, directory: Path,
    tell: Callable[[str], None] = lambda text: None,
) -> Card:  # fmt: skip
    """Train on a file and write the model into a folder.

    Args:
        tell: is told how far it is.

    Raises:
        DataError: the file cannot be trained on; it says where.
        ModelError: the folder holds something else.
    """
    require_free(directory)
    data = prepare(read_table(path), roles)
    for name, why in data.left_out.items():
        tell(f"column {name} is left out: {why}")
    for spec in data.specs:
        if spec.specials:
            tell(f"column {spec.name}: {', '.join(spec.specials)} among numbers: special values")
    validation = cross_validate(data, settings, tell)
    tell("training on all rows")
    fitted = fit(data, data.columns, data.bad, settings)
    text = text_of((data.roles.target, data.roles.bad, data.roles.identifier), data.specs,
                   data.derived, fitted.card, fitted.challenger)  # fmt: skip
    number = number_of(text, fitted.challenger)
    card = _card(path.name, number, data, settings, fitted, validation)
    save_model(directory, text, fitted.challenger, {
        "card.json": msgspec.json.format(msgspec.json.encode(card)) + b"\n",
        "card.md": markdown(card).encode(),
        "report.html": report(card, fitted.card, data.bad, validation.held_out).encode(),
    })  # fmt: skip
    return card


def _card(
    file: str, number: str, data: Dataset, settings: Settings, fitted: Fitted,
    validation: Validation,
) -> Card:  # fmt: skip
    own = probabilities(fitted, data.columns)
    held_out = validation.held_out
    areas = {"scorecard": validation.scorecard, "challenger": validation.challenger}
    worth = {name: strength(areas[name], data.bad, held_out[name], own[name]) for name in own}
    shown = held_out["scorecard"]
    return Card(
        FORMAT, number, file, data.roles.target, data.roles.bad, data.roles.identifier,
        len(data.bad), int(data.bad.sum()), settings.seed, settings.folds,
        settings.repeats or repeats_for(len(data.bad)),
        settings.scale, worth["scorecard"],
        tuple(one.name for one in fitted.card.attributes), data.roles.protected,
        data.left_out | fitted.selected.dropped,
        tuple(fair_lending(data.protected, data.bad, shown)), _stability(data, shown),
        worth.get("challenger"), fitted.shape,
    )  # fmt: skip


def _stability(data: Dataset, probability: Floats) -> dict[str, float]:
    """The stability of each period against all others; by the order of rows without a time."""
    count = len(probability)
    if data.periods is None:
        named = {f"part {at + 1}": rows
                 for at, rows in enumerate(np.array_split(np.arange(count), _PARTS))}  # fmt: skip
    else:
        names, at = np.unique(data.periods, return_inverse=True)
        groups = np.array_split(np.arange(len(names)), min(len(names), _PERIODS_MAX))
        named = {str(names[group[0]]): np.flatnonzero(np.isin(at, group)) for group in groups}
    bands = np.searchsorted(np.unique(np.quantile(probability, np.arange(1, 10) / 10)), probability)
    found = {}
    for name, rows in named.items():
        inside = np.zeros(count, dtype=np.bool_)
        inside[rows] = True
        if inside.all():
            continue
        counts = [np.bincount(bands[part], minlength=10) for part in (~inside, inside)]
        found[name] = population_stability(*counts)
    return found
