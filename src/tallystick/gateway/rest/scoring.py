"""Score models in service, and applications that they decide."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from tallystick.credit.scoring.model import (
    Application,
    ApplicationDone,
    ApplyForLine,
    PutScoreModel,
    ScoreModelDone,
)
from tallystick.credit.scoring.views import card_of, causes_of, models_put
from tallystick.decoding import decode_json
from tallystick.gateway.rest.fields import Body, Ms, OrderNo, PartyId, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.money.amount import format_amount
from tallystick.pipeline.refusals import Refused

__all__ = ["SCORING_OPERATIONS"]

_TAG: Final = "Credit"
_MODEL_BYTES_MAX: Final = 4 * 1024 * 1024
_FILE = Annotated[str, Meta(min_length=2, max_length=1_000_000)]
_PRODUCT = Annotated[str, Meta(min_length=1, max_length=64, examples=["cash"])]


class NewScoreModel(Body, frozen=True, kw_only=True):
    """Three files of a model's folder as text; `tallystick credit score bundle` prints this."""

    manifest: _FILE
    model: _FILE
    card: _FILE


class NewApplication(Body, frozen=True, kw_only=True):
    """Who asks for a line of which product."""

    borrower_id: PartyId
    product_id: _PRODUCT


class ScoreModelsQuery(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class ServingModel(Shape, frozen=True, kw_only=True):
    """The number of the model that serves now."""

    model: str


class ScoreModelLine(Shape, frozen=True, kw_only=True):
    """A model that serves or did, with what its card says first."""

    model: str
    is_serving: bool
    put_by: str
    put_ms: Ms
    rows: int
    held_out_auc: float
    held_out_ks: float
    attributes: list[str]


class ScoreModels(Shape, frozen=True, kw_only=True):
    """The newest first."""

    models: list[ScoreModelLine]


class ApplicationAnswer(Shape, frozen=True, kw_only=True):
    """What was decided; the whole decision is under its number."""

    application_id: OrderNo
    is_approved: bool
    amount: str
    currency: str


class ApplicationCause(Shape, frozen=True, kw_only=True):
    """What took points away."""

    attribute: str
    about: str
    points: int


class ApplicationShape(Shape, frozen=True, kw_only=True):
    """A decision with all that it was made by."""

    application_id: OrderNo
    party_id: PartyId
    product_id: str
    is_approved: bool
    amount: str
    limit_total: str
    exposure: str
    currency: str
    held_by: str
    score: int
    probability_of_default: str
    model: str
    reasons: list[ApplicationCause]
    facts: dict[str, str]
    decided_ms: Ms


def put_model(call: Call, body: NewScoreModel) -> PutScoreModel:
    """The command that puts a model to service."""
    return PutScoreModel(manifest=body.manifest, model=body.model, card=body.card)


def apply_for_line(call: Call, body: NewApplication) -> ApplyForLine:
    """The command that applies."""
    return ApplyForLine(borrower_id=body.borrower_id, product_id=body.product_id)


def _serving(done: ScoreModelDone) -> ServingModel:
    return ServingModel(model=done.model_id)


def _answered(done: ApplicationDone) -> ApplicationAnswer:
    return ApplicationAnswer(
        application_id=done.application_id, is_approved=done.is_approved,
        amount=format_amount(done.amount, done.currency), currency=done.currency,
    )  # fmt: skip


def models(call: Call, query: ScoreModelsQuery) -> ScoreModels:
    """Every model that serves or did."""
    lines = []
    for one in models_put(call.platform.rows):
        card = card_of(one)
        lines.append(
            ScoreModelLine(
                model=one.model_id, is_serving=one.is_serving, put_by=one.put_by,
                put_ms=one.put_ms, rows=card.rows, held_out_auc=card.scorecard.held_out_auc,
                held_out_ks=card.scorecard.held_out_ks, attributes=list(card.attributes),
            )
        )  # fmt: skip
    return ScoreModels(models=lines)


def application(call: Call, query: ScoreModelsQuery) -> ApplicationShape:
    """One decision."""
    row = call.platform.rows.get(Application, call.path["application_id"])
    if row is None:
        raise Refused("CREDIT_APPLICATION_NOT_EXIST")

    def shown(amount: int) -> str:
        return format_amount(amount, row.currency)

    return ApplicationShape(
        application_id=row.application_id, party_id=row.party_id, product_id=row.product_id,
        is_approved=row.is_approved, amount=shown(row.amount),
        limit_total=shown(row.limit_total), exposure=shown(row.exposure), currency=row.currency,
        held_by=row.held_by, score=row.score, probability_of_default=row.probability,
        model=row.model, decided_ms=row.decided_ms,
        reasons=[
            ApplicationCause(attribute=one.attribute, about=one.about, points=one.points)
            for one in causes_of(row)
        ],
        facts=decode_json(row.facts, dict[str, str]),
    )  # fmt: skip


_PERSON: Final = "2088000000000101"

SCORING_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/credit/score-models", "put_score_model", tag=_TAG, scope="credit:write",
        for_apps=False, summary="Put a score model to service", body=NewScoreModel,
        command=put_model, show=_serving, answer=ServingModel, body_bytes_max=_MODEL_BYTES_MAX,
        example={"manifest": "{...}", "model": "{...}", "card": "{...}"},
        refusals=("SCORE_MODEL_INVALID",),
    ),
    look(
        "/v1/credit/score-models", "score_models", tag=_TAG, scope="credit:read", for_apps=False,
        summary="Score models that serve or did", query=ScoreModelsQuery, find=models,
        answer=ScoreModels,
    ),
    change(
        "/v1/credit/applications", "apply_for_line", tag=_TAG, scope="wallet:write",
        for_apps=False, summary="Apply for a line of a product", body=NewApplication,
        command=apply_for_line, show=_answered, answer=ApplicationAnswer,
        example={"borrower_id": _PERSON, "product_id": "cash"},
        refusals=("SCORE_NOT_IN_SERVICE", "CREDIT_PRODUCT_NOT_EXIST", "PARTY_NOT_EXIST",
                  "PARTY_BLOCKED"),
    ),
    look(
        "/v1/credit/applications/{application_id}", "credit_application", tag=_TAG,
        scope="credit:read", for_apps=False, summary="A decision, with all that it was made by",
        query=ScoreModelsQuery, find=application, answer=ApplicationShape,
        parameters={"application_id": OrderNo}, refusals=("CREDIT_APPLICATION_NOT_EXIST",),
    ),
)  # fmt: skip
