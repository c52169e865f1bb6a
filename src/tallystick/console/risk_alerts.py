"""Alerts of accounts for operators, each with the account's habits beside the event."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.anomaly.model import (
    DEFAULT_FROM,
    Action,
    AlertStatus,
    AnomalyAlert,
    ClearAnomalyPolicy,
    CloseAlert,
    Level,
    SeeAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.anomaly.views import Habits, habits_of, parts_of, policies_of
from tallystick.risk.anomaly.words import KINDS, LEVELS, reason
from tallystick.risk.decision.facts import hour_of
from tallystick.risk.decision.model import DecisionRow

__all__ = ["RISK_ALERTS", "kind_text"]

_PLACE: Final = "/console/risk/alerts"
_SHOWN: Final = 50
_HOURS: Final = 24


class PartView(NamedTuple):
    """A reason as a page shows it; `share` of 100 is how wide its bar is."""

    words: str
    points: int
    share: int


def kind_text(alert: AnomalyAlert, language: Language) -> str:
    """What an alert looks like, in words."""
    return language.pick(*KINDS[alert.kind.value])


def _parts(alert: AnomalyAlert, language: Language) -> list[PartView]:
    parts = parts_of(alert)
    most = max((part.points for part in parts), default=1)
    return [
        PartView(language.pick(*reason(part)), part.points, 100 * part.points // most)
        for part in parts
    ]


def _alerts_page(
    front: Frontend, visitor: Visitor, status: str = "", refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    where, values = (
        ("WHERE status = ? ", (status,)) if status else ("WHERE status <> ? ", ("closed",))
    )
    tail = f"{where}ORDER BY level DESC, last_ms DESC, alert_id LIMIT ?"
    found = rows.query(AnomalyAlert, tail, (*values, _SHOWN))
    set_now = {int(policy.level): policy for policy in policies_of(rows)}
    return operators_page(
        front, visitor, "risk_alerts", "risk", refusal=refusal, shown=status,
        alerts=[(a, kind_text(a, visitor.language), visitor.language.pick(*LEVELS[a.level]),
                 party_label(front, a.party), _parts(a, visitor.language)[:2]) for a in found],
        levels=[(int(level), visitor.language.pick(*LEVELS[level]), set_now.get(level),
                 DEFAULT_FROM[level]) for level in Level],
        actions=[action.value for action in Action],
    )  # fmt: skip


@get(_PLACE)
async def show_alerts(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Open alerts, gravest first, and the policy."""
    status = request.query_params.get("status", "")
    known = {status.value for status in AlertStatus}
    return _alerts_page(front, visitor, status if status in known else "")


def _hours_chart(habits: Habits, hour: int, language: Language) -> Markup:
    """When the account acts, and the hour of the event."""
    points = [
        Point(
            f"{at}" if at % 3 == 0 or at == hour else "", habits.hours[at],
            text("alerts.hour_says", language, hour=at, count=habits.hours[at])
            + (f" · {text('alerts.hour_of_event', language)}" if at == hour else ""),
        )
        for at in range(_HOURS)
    ]  # fmt: skip
    return bar_chart(
        points, name="chart-hours", title=text("alerts.hours", language),
        description=text("alerts.hours_sum", language, hour=hour, count=habits.hours[hour],
                         all=sum(habits.hours)), language=language, axis_text=str,
    )  # fmt: skip


def _alert_page(
    front: Frontend, visitor: Visitor, alert_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    alert = rows.get(AnomalyAlert, alert_id[:64])
    if alert is None:
        raise Refused("NOT_FOUND")
    language = visitor.language
    decision = rows.get(DecisionRow, alert.seq) if alert.seq else None
    habits = habits_of(front.platform.anomaly.profiles, alert.party)
    hour = hour_of(alert.last_ms if decision is None else decision.at_ms)
    return operators_page(
        front, visitor, "risk_alert", "risk", refusal=refusal, alert=alert, decision=decision,
        habits=habits, parts_shown=_parts(alert, language), kind=kind_text(alert, language),
        level=language.pick(*LEVELS[alert.level]), who=party_label(front, alert.party),
        chart=None if habits is None else _hours_chart(habits, hour, language),
    )  # fmt: skip


@get(f"{_PLACE}/{{alert_id:str}}")
async def show_alert(alert_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One alert: the event beside the account's habits."""
    return _alert_page(front, visitor, alert_id)


async def _on_alert(
    front: Frontend, visitor: Visitor, form: Form, alert_id: str, command: Command
) -> Response[Any]:
    try:
        await act(front, visitor, form, command, f"alert:{alert_id[:64]}")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _alert_page(front, visitor, alert_id, said)
    return front.redirect(f"{_PLACE}/{alert_id}", done="saved")


@post(f"{_PLACE}/{{alert_id:str}}/see")
async def see(
    alert_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Mark it as looked into."""
    form = await read_form(request)
    return await _on_alert(front, visitor, form, alert_id, SeeAlert(alert_id=alert_id))


@post(f"{_PLACE}/{{alert_id:str}}/close")
async def close(
    alert_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """End it, as fraud or as genuine."""
    form = await read_form(request)
    is_fraud = form.get("outcome") == "fraud"
    command = CloseAlert(alert_id=alert_id, outcome="fraud" if is_fraud else "genuine")
    return await _on_alert(front, visitor, form, alert_id, command)


def _policy_command(form: Form) -> Command:
    """The command that a form of the policy asks for (raises Refused INVALID_PARAMETER)."""
    asked, score = form.get("level", ""), form.get("from_score", "")
    if asked not in {str(int(level)) for level in Level}:
        raise Refused("INVALID_PARAMETER", "level is 1 to 3.")
    level = Level(int(asked))
    if form.get("does") == "off":
        return ClearAnomalyPolicy(level=level)
    if form.get("does") not in {action.value for action in Action}:
        raise Refused("INVALID_PARAMETER", "does is nothing, step_up, freeze or off.")
    return SetAnomalyPolicy(
        level=level, action=Action(form["does"]),
        from_score=int(score) if score.isascii() and score.isdigit() and len(score) < 5 else 0,
        notify=form.get("notify") == "yes", open_case=form.get("open_case") == "yes",
    )  # fmt: skip


@post(f"{_PLACE}/policy")
async def set_policy(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Change what a level does."""
    form = await read_form(request)
    try:
        await act(front, visitor, form, _policy_command(form), "anomaly-policy")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _alerts_page(front, visitor, refusal=said)
    return front.redirect(_PLACE, done="saved")


RISK_ALERTS: Final = (show_alerts, show_alert, see, close, set_policy)
