"""Decisions, rules, lists, reviews, cases and labels: rows, commands and replies."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from tallystick.pipeline.commands import Command, Reply
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.rules import Rule, Thresholds
from tallystick.risk.decision.scorecard import Scorecard
from tallystick.store.table import Row, Table

__all__ = [
    "ActiveNumber", "AddToList", "CaseStatus", "CloseCase", "DecisionRow", "DefineFeature",
    "DropFeature", "FailurePolicy", "FeatureRow", "GrantStepUp", "LISTS_NUMBER", "LabelDecision",
    "LabelRow", "ListEntry", "ModelRow", "NoteCase", "OpenCase", "PublishRule", "RejectHeld",
    "ReleaseHeld", "RemoveFromList", "RetireRule", "Review", "ReviewDone", "ReviewStatus",
    "RiskCase", "RiskDone", "RiskNote", "RuleRow", "RuleSetRow", "RuleStatus", "SET_NUMBER",
    "SaveModel", "SaveRule", "SetFailurePolicy", "SetTerms", "StepUp",
]  # fmt: skip

SET_NUMBER: Final = "rule_set"
LISTS_NUMBER: Final = "lists"


class RuleStatus(StrEnum):
    """Where a version of a rule stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class ReviewStatus(StrEnum):
    """Where a held command stands."""

    HELD = "held"
    RELEASED = "released"
    REJECTED = "rejected"


class CaseStatus(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLOSED = "closed"


class ActiveNumber(Row, frozen=True):
    """The number of the rule set that decides now, or of the latest change to the lists."""

    name: str
    number: int


class RuleSetRow(Row, frozen=True):
    """A rule set that decided from `published_ms` on; `contents` is JSON of `RuleSet`."""

    number: int
    contents: bytes
    published_by: str
    published_ms: int


class RuleRow(Row, frozen=True):
    """A version of a rule; `contents` is JSON of `Rule`."""

    name: str
    version: int
    status: RuleStatus
    contents: bytes
    changed_by: str
    changed_ms: int


class FeatureRow(Row, frozen=True):
    """A feature that is kept up; `contents` is JSON of `Feature`."""

    name: str
    contents: bytes
    created_ms: int


class ModelRow(Row, frozen=True):
    """A trained scorecard; `contents` is JSON of `Scorecard`."""

    name: str
    contents: bytes
    saved_ms: int


class ListEntry(Row, frozen=True):
    """A value on a list. `expires_ms` 0 is never; what was taken off has `removed_ms`."""

    list_kind: str
    subject: str
    value: str
    reason: str
    added_by: str
    added_ms: int
    expires_ms: int
    removed_ms: int
    change_no: int


class DecisionRow(Row, frozen=True):
    """A decided command: what was known, what came of it, and why.

    `outcome` is risk's, `result` is `accepted` or the code with which the command was refused.
    `inputs` is MessagePack of what `replay` decides from again; `latency_us` is risk's own time.
    """

    seq: int
    at_ms: int
    command: str
    kind: str
    amount: int
    currency: str
    party: str
    payee: str
    merchant: str
    app: str
    device: str
    card: str
    address: str
    party_age_min: int
    outcome: str
    result: str
    why: str
    hits: str
    points: int
    score: int
    rule_set: int
    inputs: bytes
    latency_us: int
    request_key: bytes
    review_id: str


class Review(Row, frozen=True):
    """A held command: its bytes, who asked, and who released or rejected it."""

    review_id: str
    fingerprint: bytes
    seq: int
    status: ReviewStatus
    command: bytes
    caller_kind: str
    caller_id: str
    scopes: str
    request_key: bytes
    released_by: str
    second_by: str
    note: str
    held_ms: int
    ended_ms: int


class LabelRow(Row, frozen=True):
    """What a decided command turned out to be: 1 fraud, 0 genuine."""

    seq: int
    fraud: int
    labelled_by: str
    labelled_ms: int


class RiskCase(Row, frozen=True):
    """An inquiry about one party, device, … ; `outcome` is `fraud` or `genuine` when closed."""

    case_id: str
    subject: str
    value: str
    title: str
    status: CaseStatus
    outcome: str
    opened_by: str
    opened_ms: int
    closed_ms: int


class RiskNote(Row, frozen=True):
    """A note in a case; `seq` names a decision, 0 for none."""

    case_id: str
    step: int
    text: str
    seq: int
    written_by: str
    written_ms: int


class StepUp(Row, frozen=True):
    """A party has proved itself by a second factor; challenges pass until `until_ms`."""

    party: str
    until_ms: int


class FailurePolicy(Row, frozen=True):
    """Whether a command is let through (`open`) or refused (`closed`) when risk fails."""

    command: str
    policy: str


ACTIVE = Table("risk_active", ActiveNumber, ("name",))
RULE_SETS = Table("risk_rule_set", RuleSetRow, ("number",))
RULES = Table("risk_rule", RuleRow, ("name", "version"))
FEATURES = Table("risk_feature", FeatureRow, ("name",))
MODELS = Table("risk_model", ModelRow, ("name",))
LIST_ENTRIES = Table("risk_list_entry", ListEntry, ("list_kind", "subject", "value"))
DECISIONS = Table("risk_decision", DecisionRow, ("seq",))
REVIEWS = Table("risk_review", Review, ("review_id",), unique=(("fingerprint",),))
LABELS = Table("risk_label", LabelRow, ("seq",))
CASES = Table("risk_case", RiskCase, ("case_id",))
NOTES = Table("risk_note", RiskNote, ("case_id", "step"))
STEP_UPS = Table("risk_step_up", StepUp, ("party",))
POLICIES = Table("risk_failure_policy", FailurePolicy, ("command",))


class SaveRule(Command, frozen=True, kw_only=True, tag="risk.save_rule"):
    """A new draft of a rule; its version is the next of its name."""

    rule: Rule


class PublishRule(Command, frozen=True, kw_only=True, tag="risk.publish_rule"):
    """Have a version take part in decisions; an earlier one of the name is retired."""

    name: str
    version: int


class RetireRule(Command, frozen=True, kw_only=True, tag="risk.retire_rule"):
    """Have a version take part no more."""

    name: str
    version: int


class DefineFeature(Command, frozen=True, kw_only=True, tag="risk.define_feature"):
    """Keep up a further feature."""

    feature: Feature


class DropFeature(Command, frozen=True, kw_only=True, tag="risk.drop_feature"):
    """Keep a feature up no more; not while a published rule or the model reads it."""

    name: str


class SaveModel(Command, frozen=True, kw_only=True, tag="risk.save_model"):
    """Keep a trained scorecard; `SetTerms` makes it the score."""

    model: Scorecard


class SetTerms(Command, frozen=True, kw_only=True, tag="risk.set_terms"):
    """Thresholds of points, the challenger's share, and which model gives the score ("" none)."""

    thresholds: Thresholds = Thresholds()
    challenger_percent: int = 0
    model: str = ""


class SetFailurePolicy(Command, frozen=True, kw_only=True, tag="risk.set_failure_policy"):
    """Let a command through, or refuse it, when risk fails."""

    command_name: str
    policy: Literal["open", "closed"]


class AddToList(Command, frozen=True, kw_only=True, tag="risk.add_to_list"):
    """Put a value on a list, or change its entry."""

    list_kind: Literal["block", "allow", "watch"]
    subject: Literal["party", "payee", "merchant", "device", "card", "address"]
    value: str
    reason: str
    expires_ms: int = 0


class RemoveFromList(Command, frozen=True, kw_only=True, tag="risk.remove_from_list"):
    """Take a value off a list."""

    list_kind: Literal["block", "allow", "watch"]
    subject: Literal["party", "payee", "merchant", "device", "card", "address"]
    value: str


class ReleaseHeld(Command, frozen=True, kw_only=True, tag="risk.release"):
    """Agree to a held command; with the second one's agreement it runs."""

    review_id: str
    note: str = ""


class RejectHeld(Command, frozen=True, kw_only=True, tag="risk.reject"):
    """A held command does not run, now or when it is asked again."""

    review_id: str
    note: str = ""


class LabelDecision(Command, frozen=True, kw_only=True, tag="risk.label"):
    """Say what a decided command turned out to be."""

    seq: int
    fraud: bool


class OpenCase(Command, frozen=True, kw_only=True, tag="risk.open_case"):
    """Begin an inquiry."""

    subject: Literal["party", "payee", "merchant", "device", "card", "address"]
    value: str
    title: str


class NoteCase(Command, frozen=True, kw_only=True, tag="risk.note_case"):
    """Write into a case; `seq` may name a decision."""

    case_id: str
    text: str
    seq: int = 0


class CloseCase(Command, frozen=True, kw_only=True, tag="risk.close_case"):
    """End an inquiry; the decisions that its notes name are labelled by its outcome."""

    case_id: str
    outcome: Literal["fraud", "genuine"]


class GrantStepUp(Command, frozen=True, kw_only=True, tag="risk.grant_step_up"):
    """A party has proved itself: its challenges pass for so many minutes."""

    party_id: str
    minutes: int = 15


class RiskDone(Reply, frozen=True, kw_only=True):
    """The name or number of what was changed, and its version or number."""

    id: str
    number: int = 0


class ReviewDone(Reply, frozen=True, kw_only=True):
    """A review after the command; `result` is JSON of the reply of the command that ran."""

    review_id: str
    status: ReviewStatus
    result: str = ""
