"""Scoring for operators: the model that serves and its card, earlier ones, what was decided."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, stacked_chart
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import need_operator, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.scoring.facts import HISTORIES, MONTHS, SINGLE
from tallystick.credit.scoring.model import Application, ServeScoreModel
from tallystick.credit.scoring.views import (
    card_of,
    causes_of,
    latest_applications,
    models_put,
)
from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused

__all__ = ["SCORING"]

_PLACE: Final = "/console/scoring"
_SHOWN: Final = 25
_CHARTED: Final = 1_000
_LOW, _HIGH, _STEP = 350, 950, 50


class ApplicationView(NamedTuple):
    """An application with its applicant as operators see one."""

    row: Application
    applicant: str


def scores_chart(applications: list[Application], language: Language) -> Markup:
    """How many applications had which score, and how many of them were granted."""
    points, refused = [], []
    for low in range(_LOW, _HIGH, _STEP):
        high = low + _STEP - 1 if low + _STEP < _HIGH else _HIGH
        inside = [one for one in applications if low <= one.score <= high]
        granted = sum(one.is_approved for one in inside)
        says = text("scoring.chart_says", language, low=low, high=high, granted=granted,
                    refused=len(inside) - granted)  # fmt: skip
        # Every other label, so that they stand apart on a phone.
        points.append(Point("" if low % (2 * _STEP) else str(low), granted, says))
        refused.append(len(inside) - granted)
    return stacked_chart(
        points, refused, name="chart-scores", title=text("scoring.chart", language),
        description=text("scoring.chart_sum", language, count=len(applications)),
        axis_text=str, language=language,
    )  # fmt: skip


def _page(front: Frontend, visitor: Visitor, refusal: RefusalText | None = None) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    models = models_put(rows)
    serving = next((one for one in models if one.is_serving), None)
    latest = latest_applications(rows, _CHARTED)
    return operators_page(
        front, visitor, "scoring", "scoring", refusal=refusal, models=models, serving=serving,
        card=card_of(serving) if serving else None,
        cards={one.model_id: card_of(one) for one in models},
        chart=scores_chart(latest, visitor.language) if latest else None,
        applications=[
            ApplicationView(row, party_label(front, row.party_id)) for row in latest[:_SHOWN]
        ],
    )  # fmt: skip


@get(_PLACE)
async def show_scoring(front: Front, visitor: Asking) -> Response[str]:
    """The model that serves, and what it decided."""
    return _page(front, visitor)


@post(f"{_PLACE}/models/{{model_id:str}}/serve")
async def serve(
    model_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Let an earlier model serve again."""
    form = await read_form(request)
    try:
        await act(front, visitor, form, ServeScoreModel(model_id=model_id), "serve-model")
    except Refused as refused:
        return _page(front, visitor, refusal_text(refused.refusal, visitor.language))
    return front.redirect(_PLACE, done="model_serves")


@get(f"{_PLACE}/{{application_id:str}}")
async def show_decision(
    application_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """One decision with all that it was made by."""
    need_operator(visitor)
    row = front.platform.rows.get(Application, application_id)
    if row is None:
        raise Refused("CREDIT_APPLICATION_NOT_EXIST")
    return operators_page(
        front, visitor, "scoring_decision", "scoring", row=row, causes=causes_of(row),
        applicant=party_label(front, row.party_id), histories=tuple(HISTORIES),
        months=range(1, MONTHS + 1), singles=tuple(SINGLE),
        facts=decode_json(row.facts, dict[str, str]),
    )  # fmt: skip


SCORING: Final = (show_scoring, serve, show_decision)
