"""Alerts, warnings of accounts and the policy of the watch: rows, commands and replies.

An alert is what the watch has to say of one account; while it is open, more of the same kind
counts on it. A warning is what the path of payments sees of it: a level, and what the policy does
about that level.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, Literal

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "DEFAULT_FROM", "POLICY_SET", "AccountWarning", "Action", "AlertDone", "AlertKind",
    "AlertStatus", "AnomalyAlert", "AnomalyPolicy", "AnswerAlert", "ClearAnomalyPolicy",
    "CloseAlert", "Level", "PolicyDone", "RaiseAlert", "RecordAlertNotice", "SeeAlert",
    "SetAnomalyPolicy",
]  # fmt: skip

POLICY_SET: Final = "anomaly.policy_set"


class Level(IntEnum):
    """How grave an alert is."""

    NOTICE = 1
    WARNING = 2
    ALARM = 3


DEFAULT_FROM: Final = {Level.NOTICE: 250, Level.WARNING: 330, Level.ALARM: 420}
"""The score from which each level is reached where the policy says nothing else."""


class Action(StrEnum):
    """What a level does by itself."""

    NOTHING = "nothing"
    STEP_UP = "step_up"
    """What moves money out wants a proof, until there is one."""
    FREEZE = "freeze"
    """Nothing leaves the account and nothing changes on it until its owner has proved
    themselves; what was proved before counts no more."""


class AlertKind(StrEnum):
    """What it looks like."""

    TAKEOVER = "takeover"
    MULE = "mule"
    UNUSUAL = "unusual"
    REPORTED = "reported"
    """The owner said that it was not they."""


class AlertStatus(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    SEEN = "seen"
    CLOSED = "closed"


class AnomalyPolicy(Row, frozen=True):
    """What a level begins with and does; a level without a row raises no alert."""

    level: Level
    from_score: int
    action: Action
    notify: bool
    open_case: bool
    changed_by: str
    changed_ms: int


class AnomalyAlert(Row, frozen=True):
    """What the watch found of an account.

    `reasons` is JSON of the parts of the highest score, `score` and `seq` its score and
    decision; `count` is how often it was found. `answer` is the owner's: `me`, `not_me` or
    empty. `open_key` is the party and kind while it is not closed, so that there is one only;
    `notice` is `due`, `sent`, `none` (nobody to send to) or empty.
    """

    alert_id: str
    open_key: str
    party: str
    kind: AlertKind
    level: Level
    status: AlertStatus
    outcome: str
    count: int
    score: int
    reasons: bytes
    seq: int
    case_id: str
    answer: str
    notice: str
    opened_ms: int
    last_ms: int
    proved_ms: int
    changed_by: str
    closed_ms: int


class AccountWarning(Row, frozen=True):
    """What the path of payments sees of an account that was warned of."""

    party: str
    level: Level
    action: Action
    alert_id: str
    since_ms: int


POLICIES: Final = Table("anomaly_policy", AnomalyPolicy, ("level",))
ALERTS: Final = Table("anomaly_alert", AnomalyAlert, ("alert_id",), unique=(("open_key",),))
WARNINGS: Final = Table("anomaly_warning", AccountWarning, ("party",))


class SetAnomalyPolicy(Command, frozen=True, kw_only=True, tag="anomaly.set_policy"):
    """Say from which score a level begins and what it does; the first turns the watch on."""

    level: Level
    action: Action = Action.NOTHING
    from_score: int = 0
    """0 takes the default."""
    notify: bool = True
    open_case: bool = False


class ClearAnomalyPolicy(Command, frozen=True, kw_only=True, tag="anomaly.clear_policy"):
    """Take a level away; without any the watch is off."""

    level: Level


class RaiseAlert(Command, frozen=True, kw_only=True, tag="anomaly.raise"):
    """The watch has found something; `reasons` is JSON of its parts."""

    party: str
    kind: AlertKind
    score: int
    reasons: bytes
    seq: int


class SeeAlert(Command, frozen=True, kw_only=True, tag="anomaly.see"):
    """Somebody looks into it."""

    alert_id: str


class CloseAlert(Command, frozen=True, kw_only=True, tag="anomaly.close"):
    """End it; its decision is labelled by the outcome. A warning stays after fraud."""

    alert_id: str
    outcome: Literal["fraud", "genuine"]


class AnswerAlert(Command, frozen=True, kw_only=True, tag="anomaly.answer"):
    """The account's owner says whether it was they.

    "Me" by itself lifts nothing: whoever holds the session could say so. "Not me" freezes.
    """

    party_id: str
    alert_id: str
    mine: bool


class RecordAlertNotice(Command, frozen=True, kw_only=True, tag="anomaly.record_notice"):
    """Whether the owner could be told."""

    alert_id: str
    sent: bool


class AlertDone(Reply, frozen=True, kw_only=True):
    """An alert after the command; empty when the level has no policy."""

    alert_id: str
    status: AlertStatus = AlertStatus.OPEN
    level: int = 0
    action: Action = Action.NOTHING


class PolicyDone(Reply, frozen=True, kw_only=True):
    """The level that was changed."""

    level: int
