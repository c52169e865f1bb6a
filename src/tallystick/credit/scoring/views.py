"""What can be seen of models and applications."""

from __future__ import annotations

from tallystick.credit.score.card import Card
from tallystick.credit.scoring.model import Application, Cause, ScoreModel
from tallystick.decoding import decode_json
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "applications_of", "card_of", "causes_of", "latest_applications", "models_put", "serving_of",
]  # fmt: skip


def models_put(rows: Rows) -> list[ScoreModel]:
    """Every model that serves or did, the newest first."""
    return sorted(rows.select(ScoreModel), key=lambda one: (-one.put_ms, one.model_id))


def serving_of(rows: Rows) -> ScoreModel | None:
    """The model that serves."""
    found = rows.select(ScoreModel, is_serving=True)
    return found[0] if found else None


def card_of(model: ScoreModel) -> Card:
    """A model's card."""
    return decode_json(model.card, Card)


def causes_of(application: Application) -> tuple[Cause, ...]:
    """What took points away, the most first."""
    return decode_json(application.reasons, tuple[Cause, ...])


def applications_of(rows: ReadSession, party_id: str, limit: int = 20) -> list[Application]:
    """A person's applications, the newest first."""
    return rows.query(
        Application, "WHERE party_id = ? ORDER BY decided_ms DESC, application_id LIMIT ?",
        (party_id, limit),
    )  # fmt: skip


def latest_applications(rows: ReadSession, limit: int) -> list[Application]:
    """Everybody's, the newest first."""
    return rows.query(
        Application, "ORDER BY decided_ms DESC, application_id LIMIT ?", (limit,)
    )  # fmt: skip
