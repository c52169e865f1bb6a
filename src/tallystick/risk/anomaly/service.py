"""Commands of the watch at work: load, decide, record; and a proof that lifts a warning."""

from __future__ import annotations

from typing import Final

from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.risk.anomaly import decide
from tallystick.risk.anomaly.model import (
    POLICY_SET,
    AccountWarning,
    AlertDone,
    AlertStatus,
    AnomalyAlert,
    AnomalyPolicy,
    AnswerAlert,
    ClearAnomalyPolicy,
    CloseAlert,
    PolicyDone,
    RaiseAlert,
    RecordAlertNotice,
    SeeAlert,
    SetAnomalyPolicy,
)
from tallystick.risk.decision.model import StepUp
from tallystick.risk.person.model import Factor
from tallystick.store.rows import Rows
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["PROOFS", "register"]

PROOFS: Final = ("person.proved", "risk.stepped_up")
"""What tells that somebody has proved themselves; the subject is the party."""


def _by(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


def _alert(rows: Rows, alert_id: str) -> AnomalyAlert:
    alert = rows.get(AnomalyAlert, alert_id)
    if alert is None:
        raise Refused("NOT_FOUND", "There is no such alert.")
    return alert


def _known(context: Context, party: str, open_alert: AnomalyAlert | None) -> decide.Known:
    uow = context.uow
    return decide.Known(
        tuple(uow.select(AnomalyPolicy)), open_alert, uow.get(AccountWarning, party),
        uow.get(StepUp, party),
    )  # fmt: skip


def set_policy(command: SetAnomalyPolicy, context: Context) -> Reply:
    """Change a level."""
    policies = tuple(context.uow.select(AnomalyPolicy))
    return record(context, decide.set_policy(policies, command, _by(context), context.now_ms))


def clear_policy(command: ClearAnomalyPolicy, context: Context) -> Reply:
    """Take a level away."""
    row = context.uow.get(AnomalyPolicy, command.level)
    if row is None:
        raise Refused("NOT_FOUND", "The level has no policy.")
    context.uow.delete(row)
    context.uow.emit(event(POLICY_SET, str(int(command.level)), {"action": "cleared"}))
    return PolicyDone(level=int(command.level))


def raise_alert(command: RaiseAlert, context: Context) -> Reply:
    """Open an alert, or count on the open one."""
    key = decide.open_key(command.party, command.kind)
    known = _known(context, command.party, context.uow.find(AnomalyAlert, open_key=key))
    number = dated_number(context.now_ms, context.request_key, "alert")
    return record(context, decide.raise_alert(known, command, number, context.now_ms))


def see_alert(command: SeeAlert, context: Context) -> Reply:
    """Mark it as looked into."""
    return record(context, decide.see_alert(_alert(context.uow, command.alert_id), _by(context)))


def close_alert(command: CloseAlert, context: Context) -> Reply:
    """End it."""
    alert = _alert(context.uow, command.alert_id)
    warning = context.uow.get(AccountWarning, alert.party)
    decision = decide.close_alert(alert, warning, command, _by(context), context.now_ms)
    return record(context, decision)


def answer_alert(command: AnswerAlert, context: Context) -> Reply:
    """What the owner says; somebody signed in answers for themselves only."""
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != command.party_id:
        raise Refused("NOT_PERMITTED", "A person acts for itself only.")
    alert = _alert(context.uow, command.alert_id)
    known = _known(context, command.party_id, alert)
    return record(context, decide.answer_alert(known, command, alert, context.now_ms))


def record_notice(command: RecordAlertNotice, context: Context) -> Reply:
    """Whether the owner could be told."""
    alert = _alert(context.uow, command.alert_id)
    return record(context, decide.record_notice(alert, sent=command.sent))


def _proved(uow: UnitOfWork, happened: Event) -> None:
    """Somebody has proved themselves: their warning is over."""
    warning = uow.get(AccountWarning, happened.subject)
    if warning is None:
        return
    if happened.topic == PROOFS[0] and not _by_an_old_factor(uow, warning):
        # Whoever holds the account could have bound it: it proves nothing about the owner.
        step_up = uow.get(StepUp, happened.subject)
        if step_up is not None:
            uow.delete(step_up)
        return
    uow.delete(warning)
    found = tuple(
        alert for alert in uow.select(AnomalyAlert, party=happened.subject)
        if alert.status is not AlertStatus.CLOSED
    )  # fmt: skip
    for row in decide.lift(found, uow.now_ms):
        uow.put(row)
    uow.emit(event("anomaly.lifted", happened.subject, {}))


def _by_an_old_factor(uow: UnitOfWork, warning: AccountWarning) -> bool:
    """Whether the factor that has just proved was there before the warning."""
    return any(
        factor.used_ms == uow.now_ms and factor.added_ms < warning.since_ms
        for factor in uow.select(Factor, party_id=warning.party)
    )


def register(registry: Registry) -> None:
    """Declare the commands. What the watch finds is the system's to say."""
    for policy_command, change in (
        (SetAnomalyPolicy, set_policy), (ClearAnomalyPolicy, clear_policy),
    ):  # fmt: skip
        registry.add(policy_command, change, reply=PolicyDone, scope="risk:write")  # type: ignore[arg-type]
    for command, handler, scope in (
        (RaiseAlert, raise_alert, "system"), (RecordAlertNotice, record_notice, "system"),
        (SeeAlert, see_alert, "risk:review"), (CloseAlert, close_alert, "risk:review"),
        (AnswerAlert, answer_alert, "party"),
    ):  # fmt: skip
        registry.add(command, handler, reply=AlertDone, scope=scope)  # type: ignore[arg-type]
    for topic in PROOFS:
        registry.subscribe(topic, _proved)
