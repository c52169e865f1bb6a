"""A kept model at work on one person's facts, and the check before a model serves."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
import numpy as np

from tallystick.credit.score.card import Card
from tallystick.credit.score.model import FORMAT, ModelText, columns_of, number_of_sums
from tallystick.credit.score.scorecard import probability_of, score_of, total_points
from tallystick.credit.score.tables import Table
from tallystick.credit.scoring.facts import COLUMNS, cause_of
from tallystick.credit.scoring.model import Cause
from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused

__all__ = ["Scored", "checked_model", "model_text", "score_facts"]

_REASONS: Final = 3
_BYTES_MAX: Final = 1_000_000


class Scored(NamedTuple):
    """A person's score by a model.

    Args:
        probability: of default, six digits.
        causes: what took points away, the most first; three at most.
    """

    score: int
    probability: str
    causes: tuple[Cause, ...]


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    model: str
    files: dict[str, str]


@lru_cache(maxsize=4)
def model_text(terms: str) -> ModelText:
    """A kept model."""
    return decode_json(terms, ModelText)


def score_facts(text: ModelText, facts: dict[str, str]) -> Scored:
    """Score one person by the scorecard."""
    columns = columns_of(text, Table("facts", {k: [v] for k, v in facts.items()}, [1]))
    card = text.scorecard
    total, lost = total_points(card, columns)
    points = total.astype(np.float64)
    below = {one.name: one.columns for one in text.derived}
    order = np.argsort(-lost[0], kind="stable")[:_REASONS]
    causes = tuple(
        Cause(name, cause_of(below.get(name, (name,))), int(lost[0, at]))
        for at in order if lost[0, at] > 0 and (name := card.attributes[at].name)
    )  # fmt: skip
    return Scored(
        int(score_of(points)[0]), f"{float(probability_of(card.scale, points)[0]):.6f}", causes
    )


def checked_model(manifest: str, model: str, card: str) -> str:
    """The number of a model that may serve.

    Raises:
        Refused: SCORE_MODEL_INVALID: what was sent is no model, was changed, or needs columns that
            people's facts do not have.
    """
    if max(len(manifest), len(model), len(card)) > _BYTES_MAX:
        raise Refused("SCORE_MODEL_INVALID", "A file of it is larger than 1 MB.")
    try:
        kept = decode_json(manifest, _Manifest)
        text = decode_json(model, ModelText)
        shown = decode_json(card, Card)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refused("SCORE_MODEL_INVALID", f"{error}.") from error
    if kept.format != FORMAT:
        raise Refused("SCORE_MODEL_INVALID", f"This version reads {FORMAT}.")
    for name, data in (("model.json", model), ("card.json", card)):
        if kept.files.get(name) != hashlib.sha256(data.encode()).hexdigest():
            raise Refused("SCORE_MODEL_INVALID", f"{name} is not what training wrote.")
    if number_of_sums(kept.files) != kept.model:
        raise Refused("SCORE_MODEL_INVALID", "The model's number is not that of its files.")
    if shown.model != kept.model:
        raise Refused("SCORE_MODEL_INVALID", "The card is of another model.")
    unknown = [one.name for one in text.specs if one.name not in COLUMNS]
    if unknown:
        raise Refused("SCORE_MODEL_INVALID", f"Facts have no column {unknown[0]}.")
    _try_it(text)
    return kept.model


def _try_it(text: ModelText) -> None:
    """Score somebody of whom nothing is known: a model that fails then must not serve."""
    try:
        score_facts(text, dict.fromkeys(COLUMNS, ""))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Refused("SCORE_MODEL_INVALID", f"It cannot score: {error!r}.") from error
