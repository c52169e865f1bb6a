"""Models in service and applications: rows, commands, replies."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "SCORING_TIMER", "Application", "ApplicationDone", "ApplyForLine", "Cause", "PeopleScored",
    "PutScoreModel", "ScoreModel", "ScoreModelDone", "ScorePeople", "ServeScoreModel",
]  # fmt: skip

SCORING_TIMER: Final = "credit.score_people"


class ScoreModel(Row, frozen=True):
    """A model that was put to service. One of them serves; the others did before.

    Args:
        model_id: its number, which is of its contents.
        terms: `model.json` as training wrote it.
        card: `card.json`.
    """

    model_id: str
    terms: str
    card: str
    is_serving: bool
    put_by: str
    put_ms: int


class Cause(msgspec.Struct, frozen=True):
    """What took points away.

    Args:
        attribute: of the scorecard.
        about: `late`, `owed`, `income`, …: which sentence a person is told.
        points: how many, against the best there is.
    """

    attribute: str
    about: str
    points: int


class Application(Row, frozen=True):
    """What was decided on an application, and by what. Lines are only added.

    Args:
        amount: the line that was granted, minor units; 0 when it was refused.
        limit_total: what the person may owe over all products.
        exposure: what they owed then.
        held_by: what held the limit down: `score_low`, `income`, `band`, `person`.
        model: the number of the model that gave the score.
        reasons: JSON of `Cause`, the strongest first.
        facts: JSON of the columns that the score was worked out from.
    """

    application_id: str
    party_id: str
    product_id: str
    currency: str
    is_approved: bool
    amount: int
    limit_total: int
    exposure: int
    held_by: str
    score: int
    probability: str
    model: str
    reasons: str
    facts: str
    decided_ms: int


Table("score_model", ScoreModel, ("model_id",))
Table("credit_application", Application, ("application_id",))


class PutScoreModel(Command, frozen=True, kw_only=True, tag="credit.put_score_model"):
    """Put a model to service: from now on it scores, and the one before it does not.

    Args:
        manifest, model, card: the files `manifest.json`, `model.json` and `card.json`.
    """

    manifest: str
    model: str
    card: str


class ServeScoreModel(Command, frozen=True, kw_only=True, tag="credit.serve_score_model"):
    """Let a model that was put to service before serve again."""

    model_id: str


class ApplyForLine(Command, frozen=True, kw_only=True, tag="credit.apply_for_line"):
    """Ask for a line of a product; the score is worked out from the person's past."""

    borrower_id: str
    product_id: str


class ScorePeople(Command, frozen=True, kw_only=True, tag="credit.score_people"):
    """Score the next few people who borrow or may (asked for by a timer)."""

    after_party_id: str = ""


class ScoreModelDone(Reply, frozen=True, kw_only=True):
    """The model that serves now."""

    model_id: str


class ApplicationDone(Reply, frozen=True, kw_only=True):
    """What was decided on an application."""

    application_id: str
    is_approved: bool
    amount: int
    currency: str


class PeopleScored(Reply, frozen=True, kw_only=True):
    """How many people were looked at, and how many scored anew."""

    looked_at: int
    scored: int
