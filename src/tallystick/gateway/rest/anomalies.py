"""The watch over accounts: its policy, its alerts, and what it knows of an account."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from tallystick.gateway.rest.decision_shapes import CaseEnd
from tallystick.gateway.rest.fields import (
    Body,
    Cursor,
    Limit,
    Ms,
    NoFields,
    OrderNo,
    PartyId,
    Query,
    Shape,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.pipeline.refusals import Refused
from tallystick.risk.anomaly.model import (
    Action,
    AlertDone,
    AlertKind,
    AlertStatus,
    AnomalyAlert,
    ClearAnomalyPolicy,
    CloseAlert,
    Level,
    PolicyDone,
    SeeAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.anomaly.views import habits_of, parts_of, policies_of
from tallystick.risk.anomaly.words import reason

__all__ = ["ANOMALY_OPERATIONS"]

_TAG: Final = "Risk"
_READ: Final = "risk:read"
_REVIEW: Final = "risk:review"
_WRITE: Final = "risk:write"
_ONE: Final = {"alert_id": OrderNo}
_LevelName = Literal["notice", "warning", "alarm"]
_LEVEL: Final = {
    "level": Annotated[str, Meta(pattern=r"^(notice|warning|alarm)\Z", examples=["warning"])]
}


class AnomalyPolicyBody(Body, frozen=True, kw_only=True):
    """What a level begins with and does; `from_score` 0 takes the default."""

    action: Action = Action.NOTHING
    from_score: Annotated[int, Meta(ge=0, le=1000)] = 0
    notify: bool = True
    open_case: bool = False


class AnomalyPolicyShape(Shape, frozen=True, kw_only=True):
    """A level's policy."""

    level: _LevelName
    from_score: int
    action: Action
    notify: bool
    open_case: bool


class AnomalyPolicyChanged(Shape, frozen=True, kw_only=True):
    """The level that was changed."""

    level: _LevelName


class AlertReason(Shape, frozen=True, kw_only=True):
    """A part of the score: its points, and why, in words."""

    part: str
    points: int
    english: str
    chinese: str


class AlertShape(Shape, frozen=True, kw_only=True):
    """What the watch has to say of an account."""

    alert_id: OrderNo
    party_id: str
    kind: AlertKind
    level: _LevelName
    status: AlertStatus
    outcome: str
    count: int
    score: int
    reasons: list[AlertReason]
    seq: int
    case_id: str
    answer: str
    notice: str
    opened_ms: Ms
    last_ms: Ms


class AlertChanged(Shape, frozen=True, kw_only=True):
    """An alert after a change."""

    alert_id: str
    status: AlertStatus


class AlertQuery(Query, frozen=True, kw_only=True):
    """Which alerts; what is left out does not filter."""

    status: AlertStatus | None = None
    kind: AlertKind | None = None
    party_id: PartyId | None = None
    limit: Limit = 50
    cursor: Cursor = ""


class HabitsShape(Shape, frozen=True, kw_only=True):
    """What the watch knows of an account; hours are of China time, `usual` in minor units."""

    events: int
    hours: list[int]
    usual: int
    devices: int
    places: int
    payees: int


_ALERTS: Final = Listing(AnomalyAlert, "opened_ms", "alert_id")


def _name(level: int) -> _LevelName:
    names: tuple[_LevelName, ...] = ("notice", "warning", "alarm")
    return names[level - 1]


def _shape(alert: AnomalyAlert) -> AlertShape:
    told = [(part, reason(part)) for part in parts_of(alert)]
    return AlertShape(
        alert_id=alert.alert_id, party_id=alert.party, kind=alert.kind, level=_name(alert.level),
        status=alert.status, outcome=alert.outcome, count=alert.count, score=alert.score,
        reasons=[
            AlertReason(part=p.name, points=p.points, english=said[0], chinese=said[1])
            for p, said in told
        ],
        seq=alert.seq, case_id=alert.case_id, answer=alert.answer, notice=alert.notice,
        opened_ms=alert.opened_ms, last_ms=alert.last_ms,
    )  # fmt: skip


def list_alerts(call: Call, query: AlertQuery) -> Page[AlertShape]:
    """Alerts, newest first."""
    return page_of(
        call, _ALERTS, _shape, limit=query.limit, cursor=query.cursor,
        status=query.status or "", kind=query.kind or "", party=query.party_id or "",
    )  # fmt: skip


def get_alert(call: Call, query: Query) -> AlertShape:
    """One alert."""
    alert = call.platform.rows.get(AnomalyAlert, call.path["alert_id"])
    if alert is None:
        raise Refused("NOT_FOUND", "There is no such alert.")
    return _shape(alert)


def get_habits(call: Call, query: Query) -> HabitsShape:
    """An account's habits."""
    found = habits_of(call.platform.anomaly.profiles, call.path["party_id"])
    if found is None:
        raise Refused("NOT_FOUND", "The watch knows nothing of this account.")
    return HabitsShape(
        events=found.events, hours=list(found.hours), usual=found.usual, devices=found.devices,
        places=found.places, payees=found.payees,
    )  # fmt: skip


def see_alert(call: Call, body: NoFields) -> SeeAlert:
    """The command that marks it as looked into."""
    return SeeAlert(alert_id=call.path["alert_id"])


def close_alert(call: Call, body: CaseEnd) -> CloseAlert:
    """The command that ends it."""
    return CloseAlert(alert_id=call.path["alert_id"], outcome=body.outcome)


def _changed(done: AlertDone) -> AlertChanged:
    return AlertChanged(alert_id=done.alert_id, status=done.status)


def list_policies(call: Call, query: Query) -> list[AnomalyPolicyShape]:
    """The levels that are set; none when the watch is off."""
    return [
        AnomalyPolicyShape(
            level=_name(row.level), from_score=row.from_score, action=row.action,
            notify=row.notify, open_case=row.open_case,
        )
        for row in policies_of(call.platform.rows)
    ]  # fmt: skip


def _level(call: Call) -> Level:
    return Level[call.path["level"].upper()]


def set_policy(call: Call, body: AnomalyPolicyBody) -> SetAnomalyPolicy:
    """The command that changes a level."""
    return SetAnomalyPolicy(
        level=_level(call), action=body.action, from_score=body.from_score, notify=body.notify,
        open_case=body.open_case,
    )  # fmt: skip


def clear_policy(call: Call, body: NoFields) -> ClearAnomalyPolicy:
    """The command that takes a level away."""
    return ClearAnomalyPolicy(level=_level(call))


def _policy_changed(done: PolicyDone) -> AnomalyPolicyChanged:
    return AnomalyPolicyChanged(level=_name(done.level))


ANOMALY_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/risk/alerts", "listAlerts", tag=_TAG, scope=_READ, for_apps=False,
        summary="List alerts of accounts", description="Newest first.", query=AlertQuery,
        find=list_alerts, answer=Page[AlertShape],
    ),
    look(
        "/v1/risk/alerts/{alert_id}", "getAlert", tag=_TAG, scope=_READ, for_apps=False,
        parameters=_ONE, summary="See an alert with its reasons", query=Query, find=get_alert,
        answer=AlertShape, refusals=("NOT_FOUND",),
    ),
    change(
        "/v1/risk/alerts/{alert_id}/see", "seeAlert", tag=_TAG, scope=_REVIEW, for_apps=False,
        parameters=_ONE, summary="Mark an alert as looked into", body=NoFields,
        command=see_alert, show=_changed, answer=AlertChanged,
        refusals=("NOT_FOUND", "ALERT_CLOSED"),
    ),
    change(
        "/v1/risk/alerts/{alert_id}/close", "closeAlert", tag=_TAG, scope=_REVIEW,
        for_apps=False, parameters=_ONE, summary="End an alert",
        description="Its decision is labelled; a genuine one takes the account's warning along.",
        body=CaseEnd, command=close_alert, show=_changed, answer=AlertChanged,
        refusals=("NOT_FOUND", "ALERT_CLOSED"), example={"outcome": "genuine"},
    ),
    look(
        "/v1/risk/habits/{party_id}", "getHabits", tag=_TAG, scope=_READ, for_apps=False,
        parameters={"party_id": PartyId}, summary="What the watch knows of an account",
        query=Query, find=get_habits, answer=HabitsShape, refusals=("NOT_FOUND",),
    ),
    look(
        "/v1/risk/anomaly-policies", "listAnomalyPolicies", tag=_TAG, scope=_READ,
        for_apps=False, summary="The policy of the watch over accounts", query=Query,
        find=list_policies, answer=list[AnomalyPolicyShape],
    ),
    change(
        "/v1/risk/anomaly-policies/{level}", "setAnomalyPolicy", tag=_TAG, scope=_WRITE,
        for_apps=False, parameters=_LEVEL, summary="Say what a level does",
        description="The first one turns the watch on.", body=AnomalyPolicyBody,
        command=set_policy, show=_policy_changed, answer=AnomalyPolicyChanged,
        refusals=("INVALID_PARAMETER",), example={"action": "step_up", "open_case": True},
    ),
    change(
        "/v1/risk/anomaly-policies/{level}/clear", "clearAnomalyPolicy", tag=_TAG, scope=_WRITE,
        for_apps=False, parameters=_LEVEL, summary="Take a level away",
        description="Without any the watch is off.", body=NoFields, command=clear_policy,
        show=_policy_changed, answer=AnomalyPolicyChanged, refusals=("NOT_FOUND",),
    ),
)  # fmt: skip
