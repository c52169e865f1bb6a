"""Applying a model to a file: probability of default, score and reasons of each person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from tallystick.credit.score.binning import Attribute, bin_index
from tallystick.credit.score.challenger import attribute_names, explain
from tallystick.credit.score.columns import Column, Floats, Ints, Words
from tallystick.credit.score.dataset import identifiers
from tallystick.credit.score.errors import ModelError
from tallystick.credit.score.model import Model, columns_of
from tallystick.credit.score.scorecard import probability_of, score_of, total_points
from tallystick.credit.score.tables import Table

__all__ = ["REASONS", "Scored", "apply_model", "unseen_words"]

REASONS: Final = 3


class Scored(msgspec.Struct, frozen=True):
    """One person's answer.

    Args:
        id: as in the file; the row's number where no column names rows.
        probability_of_default: between 0 and 1.
        score: 350 to 950, higher is better.
        reasons: what took away most, the most first; fewer than three if nothing else did.
    """

    id: str
    probability_of_default: float
    score: int
    reasons: tuple[str, ...]


def apply_model(model: Model, table: Table, *, challenger: bool = False) -> Iterator[Scored]:
    """Score every row of a file, in its order.

    The scorecard's reasons are the points lost against the best bin of each attribute, the
    challenger's what each attribute took away from the average.

    Raises:
        DataError: a column that is needed is not there, or a cell cannot be read.
        ModelError: a challenger is wanted and there is none.
    """
    names = identifiers(table, model.text.identifier)
    columns = columns_of(model.text, table)
    if not names:
        return iter(())
    card = model.text.scorecard
    if challenger:
        if model.challenger is None:
            raise ModelError("this model has no challenger; train it with --challenger")
        log_odds, lost = explain(model.challenger, card, columns)
        shown = {one.name: one for one in (*model.challenger.inputs, *card.attributes)}
        attributes = [shown[name] for name in attribute_names(model.challenger, card)]
        probability, total = 1.0 / (1.0 + np.exp(log_odds)), card.scale.total(log_odds)
        points = np.rint(lost * card.scale.factor).astype(np.int64)
    else:
        sums, points = total_points(card, columns)
        total = sums.astype(np.float64)
        probability, attributes = probability_of(card.scale, total), list(card.attributes)
    return _rows(names, probability, score_of(total), points, attributes, columns)


def unseen_words(model: Model, table: Table) -> dict[str, tuple[int, str]]:
    """Words of a file that training has not seen: by column how many rows, and one of them.

    Raises:
        DataError: as `apply_model`.
    """
    columns = columns_of(model.text, table)
    found = {}
    for one in {a.name: a for a in (*model.text.inputs, *model.text.scorecard.attributes)}.values():
        column = columns[one.name]
        if isinstance(column, Words):
            strange = [str(word) for word in column.values if str(word) not in one.words]
            if strange:
                found[one.name] = (len(strange), strange[0])
    return found


def _rows(
    names: list[str], probability: Floats, scores: Ints, lost: Ints,
    attributes: list[Attribute], columns: dict[str, Column],
) -> Iterator[Scored]:  # fmt: skip
    first = np.argsort(-lost, axis=1, kind="stable")[:, :REASONS]
    bins = [bin_index(one, columns[one.name]) for one in attributes]
    for row, name in enumerate(names):
        reasons = tuple(
            f"{attributes[at].name}: {_seen(attributes[at], columns, bins[at], row)} "
            f"(-{lost[row, at]} points)"
            for at in first[row] if lost[row, at] > 0
        )  # fmt: skip
        yield Scored(name, float(probability[row]), int(scores[row]), reasons)


def _seen(attribute: Attribute, columns: dict[str, Column], bins: Ints, row: int) -> str:
    """What was seen: a word as it is, a number by its bin."""
    column = columns[attribute.name]
    if isinstance(column, Words):
        return str(column.values[row]) or "missing"
    label: str = attribute.bins[int(bins[row])].label
    return label
