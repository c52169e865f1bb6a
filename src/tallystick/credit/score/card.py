"""The model's card: what it is, what it was trained on, what it is worth, what it leaves out."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from tallystick.credit.score.challenger import Shape
from tallystick.credit.score.columns import Floats
from tallystick.credit.score.fairness import ACCEPTED_SHARE, Group
from tallystick.credit.score.measures import auc, ks
from tallystick.credit.score.scorecard import SCORE_MAX, SCORE_MIN, Scale

__all__ = ["Card", "Strength", "group_rows", "markdown", "strength"]

_LEFT_OUT: Final = (
    "Reject inference is left out: the model was trained on people whose outcome is known, that "
    "is, on those who were given credit. How those who were refused would have paid is not "
    "known, and not guessed; on people unlike the accepted it may be wrong.",
    "It says how likely the outcome is, not why, and not what would come of another limit.",
    "A word that training has not seen gets no points either way; so does a missing or special "
    "value where training had none.",
)


class Strength(msgspec.Struct, frozen=True):
    """What one part of a model is worth.

    Args:
        held_out_auc: the mean over folds that training had not seen; `held_out_auc_spread` its
            standard deviation over them.
        held_out_ks: over all rows, each by the fold that held it out.
        held_out_brier: the mean squared error of those probabilities.
        training_auc: on the rows that the model itself was trained on; `apply` gives this one.
    """

    held_out_auc: float
    held_out_auc_spread: float
    held_out_ks: float
    held_out_brier: float
    training_auc: float


class Card(msgspec.Struct, frozen=True):
    """What `card.json` holds."""

    format: str
    model: str
    file: str
    target: str
    bad: str
    identifier: str
    rows: int
    bad_rows: int
    seed: int
    folds: int
    repeats: int
    scale: Scale
    scorecard: Strength
    attributes: tuple[str, ...]
    protected: tuple[str, ...]
    not_used: dict[str, str]
    fair_lending: tuple[Group, ...]
    stability: dict[str, float]
    challenger: Strength | None = None
    challenger_shape: Shape | None = None
    limits: tuple[str, ...] = _LEFT_OUT


def strength(areas: list[float], bad: Floats, held_out: Floats, training: Floats) -> Strength:
    """Work out what a part is worth from its folds and its own probabilities."""
    return Strength(
        float(np.mean(areas)), float(np.std(areas)), ks(bad, held_out),
        float(np.mean((held_out - bad) ** 2)), auc(bad, training),
    )  # fmt: skip


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def _strengths(card: Card) -> list[str]:
    found = [_row("", "AUC held out", "± over folds", "KS", "Brier", "AUC in training"),
             _row(*["---"] * 6)]  # fmt: skip
    for name, part in (("scorecard", card.scorecard), ("challenger", card.challenger)):
        if part is not None:
            found.append(_row(
                name, f"{part.held_out_auc:.4f}", f"{part.held_out_auc_spread:.4f}",
                f"{part.held_out_ks:.4f}", f"{part.held_out_brier:.4f}",
                f"{part.training_auc:.4f}"))  # fmt: skip
    return found


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def group_rows(groups: tuple[Group, ...]) -> list[tuple[str, ...]]:
    """The fair-lending view as text, one row a group, after a row of headings."""
    head = ("column", "group", "people", "bad", "foretold", "accepted", "against best",
            "good refused", "bad accepted", "AUC")  # fmt: skip
    return [head, *((
        one.column, one.group, f"{one.people:,}", _share(one.bad_rate), _share(one.foretold),
        _share(one.accepted), _share(one.impact), _share(one.good_refused),
        _share(one.bad_accepted), _share(one.auc)) for one in groups)]  # fmt: skip


def markdown(card: Card) -> str:
    """The card for people."""
    rows = group_rows(card.fair_lending)
    scale = card.scale
    parts = [
        f"# Score model {card.model}", "",
        f"Foretells `{card.target}` = `{card.bad}`, trained on {card.rows:,} rows of "
        f"`{card.file}`, {card.bad_rows:,} of them bad. Format {card.format}, seed {card.seed}.",
        "",
        f"Scores go from {SCORE_MIN} to {SCORE_MAX}, higher is better: {scale.points} points are "
        f"odds of {scale.odds} good to 1 bad, and {scale.double} points more double the odds. The "
        "probability of default is worked out from the sum of points.", "",
        "## What it is worth", "",
        f"By {card.folds} folds, {card.repeats} times; each fold was foretold by a model that had "
        "not seen it, its bins, attributes and settings chosen without it.", "",
        *_strengths(card), "",
        *([f"The challenger's trees have at most {card.challenger_shape.leaves} leaves, "
           f"{card.challenger_shape.rounds} rounds; the scorecard has "
           f"{card.challenger_shape.linear:.2f} of its log odds.", ""]
          if card.challenger_shape else []),
        "## Attributes", "", *(f"- {name}" for name in card.attributes), "",
        "## Fair lending", "",
        "Not inputs, neither themselves nor in anything derived: "
        + (", ".join(f"`{name}`" for name in card.protected) or "none was found") + ".", "",
        f"Held-out outcomes and errors by their groups, at the cut-off that accepts "
        f"{ACCEPTED_SHARE:.0%} of all:", "",
        _row(*rows[0]), _row(*["---"] * len(rows[0])), *(_row(*row) for row in rows[1:]), "",
        "## Stability", "",
        *(f"- {name}: PSI {value:.4f}" for name, value in card.stability.items()), "",
        "## What it leaves out", "", *(f"- {text}" for text in card.limits), "",
    ]  # fmt: skip
    return "\n".join(parts)
