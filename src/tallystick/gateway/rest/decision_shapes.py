"""The forms in which rules, decisions, reviews and cases come and go."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tallystick.gateway.rest.fields import Body, Cursor, Limit, Ms, OrderNo, PartyId, Query, Shape
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.model import CaseStatus, ReviewStatus, RuleStatus
from tallystick.risk.decision.rules import Lane, Points, Thresholds

__all__ = [
    "CaseEnd", "CaseQuery", "CaseShape", "CaseText", "DecisionQuery", "DecisionShape",
    "DecisionSummary", "FeatureBody", "Features", "Label", "ListBody", "ListQuery", "ListRemoval",
    "ListShape", "NewCase", "NoteShape", "Number", "PolicyBody", "Replay", "ReviewQuery",
    "ReviewShape", "RiskChange", "RuleBody", "RuleName", "RuleQuery", "RuleShape", "RulesTest",
    "StepUpBody", "TermsBody", "Version", "Words",
]  # fmt: skip

RuleName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}\Z", examples=["many_cards"])]
Version = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,8}\Z", examples=["1"])]
Number = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,17}\Z", examples=["1"])]
Words = Annotated[str, Meta(max_length=500, examples=["Called the buyer"])]
Said = Annotated[str, Meta(min_length=1, max_length=500, examples=["Stolen phone"])]
Subject = Literal["party", "payee", "merchant", "device", "card", "address"]
ListKind = Literal["block", "allow", "watch"]
Value = Annotated[str, Meta(min_length=1, max_length=128, examples=["phone-5f2c"])]
When = Annotated[
    str, Meta(min_length=1, max_length=4000, examples=["kind == 'payment' && amount > 500000"])
]
Key = Literal["party", "payee", "merchant", "app", "device", "card", "address", "currency", "kind"]


class RuleBody(Body, frozen=True, kw_only=True):
    """A rule to be kept as a draft."""

    name: RuleName
    when: When
    action: Literal["allow", "challenge", "hold", "deny", "points"]
    points: Points = 0
    priority: Annotated[int, Meta(ge=0, le=100_000)] = 100
    lane: Lane = Lane.CHAMPION
    note: Words = ""


class RuleShape(Shape, frozen=True, kw_only=True):
    """A version of a rule."""

    name: RuleName
    version: int
    status: RuleStatus
    when: str
    action: str
    points: int
    priority: int
    lane: Lane
    note: str
    changed_by: str
    changed_ms: Ms


class RuleQuery(Query, frozen=True, kw_only=True):
    """Which rules; what is left out does not filter."""

    status: RuleStatus | None = None
    name: RuleName | None = None


class FeatureBody(Body, frozen=True, kw_only=True):
    """A feature to be kept up."""

    name: RuleName
    aggregate: Literal["count", "sum", "average", "distinct"]
    by: Annotated[list[Key], Meta(min_length=1, max_length=3)]
    within_min: Annotated[int, Meta(ge=1, le=129_600, description="Minutes.")]
    of: Key | Literal[""] = ""
    where: Annotated[str, Meta(max_length=4000)] = ""


class Features(Shape, frozen=True, kw_only=True):
    """Every name that a rule can read with its type, and the features' definitions."""

    catalogue: dict[str, str]
    features: list[Feature]
    rule_set: int
    events_kept: int
    whole_since_ms: int


class TermsBody(Body, frozen=True, kw_only=True):
    """Thresholds, the challenger's share, and which saved model gives the score."""

    thresholds: Thresholds = Thresholds()
    challenger_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    model: Annotated[str, Meta(max_length=64)] = ""


class PolicyBody(Body, frozen=True, kw_only=True):
    """What becomes of a command when risk cannot answer."""

    command: Annotated[str, Meta(min_length=1, max_length=64, examples=["wallet.withdraw"])]
    policy: Literal["open", "closed"]


class ListBody(Body, frozen=True, kw_only=True):
    """A value for a list."""

    list: ListKind
    subject: Subject
    value: Value
    reason: Said
    expires_ms: Annotated[int, Meta(ge=0, le=4_102_444_800_000)] = 0


class ListRemoval(Body, frozen=True, kw_only=True):
    """A value that is to be taken off a list."""

    list: ListKind
    subject: Subject
    value: Value


class ListQuery(Query, frozen=True, kw_only=True):
    """Which list."""

    list: ListKind = "block"
    limit: Limit = 20


class ListShape(Shape, frozen=True, kw_only=True):
    """An entry that is in force."""

    list: str
    subject: str
    value: str
    reason: str
    added_by: str
    added_ms: Ms
    expires_ms: int


class RiskChange(Shape, frozen=True, kw_only=True):
    """What was changed, with its version or number."""

    id: str
    number: int


class RulesTest(Body, frozen=True, kw_only=True):
    """Rules to be run over the recorded decisions; features in force are there already."""

    rules: Annotated[list[RuleBody], Meta(min_length=1, max_length=60)]
    thresholds: Thresholds = Thresholds()
    events_max: Annotated[int, Meta(ge=1, le=200_000, description="The newest ones.")] = 100_000


class DecisionQuery(Query, frozen=True, kw_only=True):
    """Which decisions, newest first; what is left out does not filter."""

    party: PartyId | None = None
    outcome: Literal["allow", "challenge", "hold", "deny"] | None = None
    before: Annotated[int, Meta(ge=0, description="Only numbers below this one; 0 is all.")] = 0
    limit: Limit = 20


class DecisionSummary(Shape, frozen=True, kw_only=True):
    """A decided command."""

    seq: int
    at_ms: Ms
    command: str
    kind: str
    amount: int
    currency: str
    party: str
    payee: str
    outcome: str
    result: str
    why: str
    hits: list[str]
    points: int
    score: int
    latency_us: int
    review_id: str


class DecisionShape(Shape, frozen=True, kw_only=True):
    """A decision with everything that it was made from."""

    decision: DecisionSummary
    rule_set: int
    inputs: dict[str, Any]
    label: str


class Replay(Shape, frozen=True, kw_only=True):
    """A decision judged again from its record."""

    outcome: str
    hits: list[str]
    points: int
    score: int
    same: bool


class ReviewQuery(Query, frozen=True, kw_only=True):
    """Which reviews."""

    status: ReviewStatus = ReviewStatus.HELD
    limit: Limit = 20


class ReviewShape(Shape, frozen=True, kw_only=True):
    """A held command. `result` is JSON of its reply once it has run."""

    review_id: OrderNo
    status: ReviewStatus
    seq: int = 0
    command: dict[str, Any] = msgspec.field(default_factory=dict)
    asked_by: str = ""
    released_by: str = ""
    second_by: str = ""
    note: str = ""
    held_ms: int = 0
    result: str = ""


class Label(Body, frozen=True, kw_only=True):
    """What a decided command turned out to be."""

    fraud: bool


class NewCase(Body, frozen=True, kw_only=True):
    """An inquiry."""

    subject: Subject
    value: Value
    title: Said


class CaseText(Body, frozen=True, kw_only=True):
    """A note; `seq` may name a decision."""

    text: Said
    seq: Annotated[int, Meta(ge=0, le=2**53)] = 0


class CaseEnd(Body, frozen=True, kw_only=True):
    """How an inquiry ended."""

    outcome: Literal["fraud", "genuine"]


class CaseQuery(Query, frozen=True, kw_only=True):
    """Which cases."""

    status: CaseStatus | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class NoteShape(Shape, frozen=True, kw_only=True):
    """A note in a case."""

    text: str
    seq: int
    written_by: str
    written_ms: Ms


class CaseShape(Shape, frozen=True, kw_only=True):
    """An inquiry; with its notes when it is seen alone."""

    case_id: OrderNo
    subject: str
    value: str
    title: str
    status: CaseStatus
    outcome: str
    opened_by: str
    opened_ms: Ms
    notes: list[NoteShape]


class StepUpBody(Body, frozen=True, kw_only=True):
    """A party has proved itself; its challenges pass for so long."""

    minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
