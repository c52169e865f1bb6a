"""What alerts, answers and policies come to: pure decisions."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from tallystick.pipeline.decisions import Decision, event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.anomaly.model import (
    DEFAULT_FROM,
    POLICY_SET,
    AccountWarning,
    Action,
    AlertDone,
    AlertKind,
    AlertStatus,
    AnomalyAlert,
    AnomalyPolicy,
    AnswerAlert,
    CloseAlert,
    Level,
    PolicyDone,
    RaiseAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.decision.model import CaseStatus, LabelRow, RiskCase, RiskNote, StepUp
from tallystick.store.table import Row

__all__ = [
    "Known", "answer_alert", "close_alert", "level_of", "lift", "open_key", "raise_alert",
    "record_notice", "see_alert", "set_policy",
]  # fmt: skip

_SCORE_MAX: Final = 1000
_RANK: Final = {Action.NOTHING: 0, Action.STEP_UP: 1, Action.FREEZE: 2}
_BY_THE_WATCH: Final = "system:anomaly"


class Known(NamedTuple):
    """What is known of an account when its alert is decided."""

    policies: tuple[AnomalyPolicy, ...] = ()
    open_alert: AnomalyAlert | None = None
    warning: AccountWarning | None = None
    step_up: StepUp | None = None


def set_policy(
    policies: tuple[AnomalyPolicy, ...], command: SetAnomalyPolicy, by: str, now_ms: int
) -> Decision:
    """Change a level; the levels' scores must rise with them.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    from_score = command.from_score or DEFAULT_FROM[command.level]
    if not 1 <= from_score <= _SCORE_MAX:
        raise Refused("INVALID_PARAMETER", f"from_score is 1 to {_SCORE_MAX}.")
    for other in policies:
        if (other.level < command.level and other.from_score >= from_score) or (
            other.level > command.level and other.from_score <= from_score
        ):
            raise Refused(
                "INVALID_PARAMETER",
                f"from_score {from_score} and level {int(other.level)} from {other.from_score} "
                "are in the wrong order.",
            )
    row = AnomalyPolicy(
        command.level, from_score, command.action, command.notify, command.open_case, by, now_ms
    )
    happened = event(POLICY_SET, str(int(command.level)), {"action": command.action})
    return Decision(PolicyDone(level=int(command.level)), rows=(row,), events=(happened,))


def level_of(policies: tuple[AnomalyPolicy, ...], score: int) -> AnomalyPolicy | None:
    """The gravest level that a score reaches."""
    reached = [policy for policy in policies if score >= policy.from_score]
    return max(reached, key=lambda policy: policy.level, default=None)


def raise_alert(known: Known, command: RaiseAlert, number: str, now_ms: int) -> Decision:
    """Open an alert, or count on the open one; then what the policy says.

    Args:
        number: the id of a new alert; a case of it has the same.
    """
    policy = level_of(known.policies, command.score)
    if policy is None:
        return Decision(AlertDone(alert_id=""))
    alert = known.open_alert
    is_new = alert is None
    if alert is None:
        alert = _opened(command, number, policy, now_ms)
    else:
        alert = _counted(alert, command, policy, now_ms)
    rows: list[Row] = []
    if policy.open_case and not alert.case_id:
        alert = replace(alert, case_id=number)
        rows += _case(alert, now_ms)
    warning = _warning(known, policy.action, alert, now_ms)
    events = [event("anomaly.alert_raised" if is_new else "anomaly.alert_counted", alert.alert_id,
                    {"party_id": alert.party, "kind": alert.kind, "level": int(alert.level),
                     "count": alert.count})]  # fmt: skip
    removed: tuple[Row, ...] = ()
    if warning is not None:
        rows.append(warning)
        if warning.action is Action.FREEZE and known.step_up is not None:
            removed = (known.step_up,)
        events.append(event("anomaly.warned", alert.party, {"action": warning.action}))
    reply = AlertDone(
        alert_id=alert.alert_id, status=alert.status, level=int(alert.level),
        action=Action.NOTHING if warning is None else warning.action,
    )  # fmt: skip
    return Decision(reply, rows=(alert, *rows), events=tuple(events), removed=removed)


def open_key(party: str, kind: AlertKind) -> str:
    """What an open alert is found by."""
    return f"{kind.value}:{party}"


def _opened(
    command: RaiseAlert, number: str, policy: AnomalyPolicy, now_ms: int
) -> AnomalyAlert:  # fmt: skip
    return AnomalyAlert(
        number, open_key(command.party, command.kind), command.party, command.kind, policy.level,
        AlertStatus.OPEN, "", 1, command.score, command.reasons, command.seq, "", "",
        "due" if policy.notify else "", now_ms, now_ms, 0, _BY_THE_WATCH, 0,
    )  # fmt: skip


def _counted(
    alert: AnomalyAlert, command: RaiseAlert, policy: AnomalyPolicy, now_ms: int
) -> AnomalyAlert:
    counted = replace(
        alert, count=alert.count + 1, last_ms=now_ms, level=max(alert.level, policy.level),
        notice="due" if policy.notify and not alert.notice else alert.notice,
    )  # fmt: skip
    if command.score <= alert.score:
        return counted
    return replace(counted, score=command.score, reasons=command.reasons, seq=command.seq)


def _case(alert: AnomalyAlert, now_ms: int) -> list[Row]:
    title = f"Account anomaly: {alert.kind.value}"
    return [
        RiskCase(
            alert.case_id, "party", alert.party, title, CaseStatus.OPEN, "", _BY_THE_WATCH,
            now_ms, 0,
        ),
        RiskNote(
            alert.case_id, 1, f"Alert {alert.alert_id}, score {alert.score}.", alert.seq,
            _BY_THE_WATCH, now_ms,
        ),
    ]  # fmt: skip


def _warning(
    known: Known, action: Action, alert: AnomalyAlert, now_ms: int
) -> AccountWarning | None:
    """The account's warning, where it changes; the owner who has just proved themselves gets
    none."""
    if known.step_up is not None and known.step_up.until_ms > now_ms:
        return None
    before = known.warning
    if before is not None and _RANK[before.action] >= _RANK[action] and (
        before.level >= alert.level
    ):  # fmt: skip
        return None
    stronger = before is not None and _RANK[before.action] > _RANK[action]
    level = alert.level if before is None else max(before.level, alert.level)
    kept = before.action if before is not None and stronger else action
    return AccountWarning(alert.party, level, kept, alert.alert_id, now_ms)


def _still_open(alert: AnomalyAlert) -> None:
    if alert.status is AlertStatus.CLOSED:
        raise Refused("ALERT_CLOSED")


def see_alert(alert: AnomalyAlert, by: str) -> Decision:
    """Mark it as looked into (raises Refused ALERT_CLOSED)."""
    _still_open(alert)
    seen = replace(alert, status=AlertStatus.SEEN, changed_by=by)
    return Decision(
        AlertDone(alert_id=alert.alert_id, status=seen.status, level=int(alert.level)),
        rows=(seen,),
    )


def close_alert(
    alert: AnomalyAlert, warning: AccountWarning | None, command: CloseAlert, by: str, now_ms: int
) -> Decision:
    """End it and label its decision; a genuine one takes its own warning along.

    Raises:
        Refused: ALERT_CLOSED.
    """
    _still_open(alert)
    rows: list[Row] = [_closed(alert, command.outcome, by, now_ms)]
    if alert.seq:
        rows.append(LabelRow(alert.seq, int(command.outcome == "fraud"), by, now_ms))
    own = warning is not None and warning.alert_id == alert.alert_id
    lifted = command.outcome == "genuine" and own
    return Decision(
        AlertDone(alert_id=alert.alert_id, status=AlertStatus.CLOSED, level=int(alert.level)),
        rows=tuple(rows), removed=(warning,) if lifted and warning is not None else (),
        events=(event("anomaly.alert_closed", alert.alert_id,
                      {"party_id": alert.party, "outcome": command.outcome}),),
    )  # fmt: skip


def _closed(alert: AnomalyAlert, outcome: str, by: str, now_ms: int) -> AnomalyAlert:
    return replace(
        alert, status=AlertStatus.CLOSED, outcome=outcome, changed_by=by, closed_ms=now_ms,
        open_key=alert.alert_id,
    )  # fmt: skip


def answer_alert(known: Known, command: AnswerAlert, alert: AnomalyAlert, now_ms: int) -> Decision:
    """What the owner says.

    Raises:
        Refused: NOT_FOUND for another's alert, ALERT_CLOSED.
    """
    if alert.party != command.party_id:
        raise Refused("NOT_FOUND", "There is no such alert.")
    _still_open(alert)
    by = f"party:{command.party_id}"
    if command.mine:
        said = replace(alert, answer="me", changed_by=by)
        return Decision(AlertDone(alert_id=alert.alert_id, level=int(alert.level)), rows=(said,))
    said = replace(alert, answer="not_me", level=Level.ALARM, changed_by=by)
    before = known.warning
    warning = AccountWarning(alert.party, Level.ALARM, Action.FREEZE, alert.alert_id,
                             now_ms if before is None else before.since_ms)  # fmt: skip
    rows: list[Row] = [said, warning]
    if not said.case_id:
        rows[0] = said = replace(said, case_id=said.alert_id)
        rows += _case(said, now_ms)
    return Decision(
        AlertDone(alert_id=alert.alert_id, level=int(Level.ALARM), action=Action.FREEZE),
        rows=tuple(rows), removed=() if known.step_up is None else (known.step_up,),
        events=(event("anomaly.reported", alert.alert_id, {"party_id": alert.party}),
                event("anomaly.warned", alert.party, {"action": Action.FREEZE})),
    )  # fmt: skip


def record_notice(alert: AnomalyAlert, *, sent: bool) -> Decision:
    """Whether the owner could be told."""
    told = replace(alert, notice="sent" if sent else "none")
    return Decision(AlertDone(alert_id=alert.alert_id, level=int(alert.level)), rows=(told,))


def lift(alerts: tuple[AnomalyAlert, ...], now_ms: int) -> tuple[Row, ...]:
    """The open alerts of somebody who has proved themselves.

    One that they had answered "me" is closed as genuine; the others stay for an analyst.
    """
    rows = []
    for alert in alerts:
        proved = replace(alert, proved_ms=now_ms)
        if alert.answer == "me":
            proved = _closed(proved, "genuine", f"party:{alert.party}", now_ms)
        rows.append(proved)
    return tuple(rows)
