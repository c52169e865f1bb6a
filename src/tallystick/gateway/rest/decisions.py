"""Risk's rules, features, lists and terms, and the decisions that came of them."""

from __future__ import annotations

import difflib
from typing import Any, Final

import msgspec

from tallystick.decoding import convert, decode_json
from tallystick.gateway.rest.decision_shapes import (
    DecisionQuery,
    DecisionShape,
    DecisionSummary,
    FeatureBody,
    Features,
    ListBody,
    ListQuery,
    ListRemoval,
    ListShape,
    Number,
    PolicyBody,
    Replay,
    RiskChange,
    RuleBody,
    RuleName,
    RuleQuery,
    RuleShape,
    RulesTest,
    TermsBody,
    Version,
)
from tallystick.gateway.rest.fields import NoFields, Query
from tallystick.gateway.rest.operation import Call, Operation, change, look, question
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.backtest import Backtest, backtest
from tallystick.risk.decision.features import Feature, catalogue_of
from tallystick.risk.decision.model import (
    SET_NUMBER,
    ActiveNumber,
    AddToList,
    DecisionRow,
    DefineFeature,
    DropFeature,
    LabelRow,
    ListEntry,
    PublishRule,
    RemoveFromList,
    RetireRule,
    RiskDone,
    RuleRow,
    SaveModel,
    SaveRule,
    SetFailurePolicy,
    SetTerms,
)
from tallystick.risk.decision.rules import Rule, check_rule_set
from tallystick.risk.decision.scorecard import Scorecard
from tallystick.risk.decision.views import explain, features_of, replay, rule_set_in_force
from tallystick.risk_facts import READERS

__all__ = ["DECISION_OPERATIONS", "changed"]

_TAG: Final = "Risk"
_READ: Final = "risk:read"
_WRITE: Final = "risk:write"
_RULE: Final = {"name": RuleName, "version": Version}
_NUMBER: Final = {"seq": Number}


def changed(done: RiskDone) -> RiskChange:
    """A change as it is answered."""
    return RiskChange(id=done.id, number=done.number)


def _rule(body: RuleBody) -> Rule:
    return convert(msgspec.to_builtins(body), Rule)


def save_rule(call: Call, body: RuleBody) -> SaveRule:
    """The command that keeps a draft."""
    return SaveRule(rule=_rule(body))


def publish_rule(call: Call, body: NoFields) -> PublishRule:
    """The command that puts a version in force."""
    return PublishRule(name=call.path["name"], version=int(call.path["version"]))


def retire_rule(call: Call, body: NoFields) -> RetireRule:
    """The command that takes a version out of force."""
    return RetireRule(name=call.path["name"], version=int(call.path["version"]))


def _rule_shape(row: RuleRow) -> RuleShape:
    rule = decode_json(row.contents, Rule)
    return RuleShape(
        name=row.name, version=row.version, status=row.status, when=rule.when, action=rule.action,
        points=rule.points, priority=rule.priority, lane=rule.lane, note=rule.note,
        changed_by=row.changed_by, changed_ms=row.changed_ms,
    )  # fmt: skip


def list_rules(call: Call, query: RuleQuery) -> list[RuleShape]:
    """Versions of rules by name, all that there are."""
    wanted: dict[str, str | int | bytes | None] = {}
    if query.name:
        wanted["name"] = query.name
    if query.status:
        wanted["status"] = query.status.value
    return [_rule_shape(row) for row in call.platform.rows.select(RuleRow, **wanted)]


def define_feature(call: Call, body: FeatureBody) -> DefineFeature:
    """The command that keeps up a feature."""
    return DefineFeature(feature=convert(msgspec.to_builtins(body), Feature))


def drop_feature(call: Call, body: NoFields) -> DropFeature:
    """The command that keeps a feature up no more."""
    return DropFeature(name=call.path["name"])


def see_features(call: Call, query: Query) -> Features:
    """The catalogue."""
    features = features_of(call.platform.rows)
    active = call.platform.rows.get(ActiveNumber, SET_NUMBER)
    events, since_ms = call.platform.decisions.kept
    return Features(
        catalogue={name: kind.value for name, kind in catalogue_of(features).items()},
        features=list(features),
        rule_set=0 if active is None else active.number,
        events_kept=events,
        whole_since_ms=since_ms,
    )


def save_model(call: Call, body: Scorecard) -> SaveModel:
    """The command that keeps a model."""
    return SaveModel(model=body)


_DECIDED: Final = sorted(str(command.__struct_config__.tag) for command in READERS)


def set_terms(call: Call, body: TermsBody) -> SetTerms:
    """The command that changes the terms."""
    return SetTerms(
        thresholds=body.thresholds, challenger_percent=body.challenger_percent, model=body.model
    )


def set_policy(call: Call, body: PolicyBody) -> SetFailurePolicy:
    """The command that sets a failure policy, for a command that risk decides.

    Raises:
        Refused: INVALID_PARAMETER, for the name of none: its policy would count for nothing.
    """
    if body.command not in _DECIDED:
        near = difflib.get_close_matches(body.command, _DECIDED, n=1)
        meant = f"; did you mean {near[0]}" if near else ""
        raise Refused("INVALID_PARAMETER", f"command: risk decides no {body.command!r}{meant}.")
    return SetFailurePolicy(command_name=body.command, policy=body.policy)


def add_entry(call: Call, body: ListBody) -> AddToList:
    """The command that puts a value on a list."""
    return AddToList(
        list_kind=body.list, subject=body.subject, value=body.value, reason=body.reason,
        expires_ms=body.expires_ms,
    )  # fmt: skip


def remove_entry(call: Call, body: ListRemoval) -> RemoveFromList:
    """The command that takes a value off a list."""
    return RemoveFromList(list_kind=body.list, subject=body.subject, value=body.value)


def list_entries(call: Call, query: ListQuery) -> list[ListShape]:
    """The newest entries in force."""
    tail = (
        "WHERE list_kind = ? AND removed_ms = 0 AND (expires_ms = 0 OR expires_ms > ?) "
        "ORDER BY change_no DESC LIMIT ?"
    )
    found = call.platform.rows.query(
        ListEntry, tail, (query.list, call.platform.clock_ms(), query.limit)
    )
    return [
        ListShape(
            list=e.list_kind, subject=e.subject, value=e.value, reason=e.reason,
            added_by=e.added_by, added_ms=e.added_ms, expires_ms=e.expires_ms,
        )
        for e in found
    ]  # fmt: skip


def _summary(row: DecisionRow) -> DecisionSummary:
    return DecisionSummary(
        seq=row.seq, at_ms=row.at_ms, command=row.command, kind=row.kind, amount=row.amount,
        currency=row.currency, party=row.party, payee=row.payee, outcome=row.outcome,
        result=row.result, why=row.why, hits=row.hits.split(), points=row.points,
        score=row.score, latency_us=row.latency_us, review_id=row.review_id,
    )  # fmt: skip


def list_decisions(call: Call, query: DecisionQuery) -> list[DecisionSummary]:
    """Decisions, newest first."""
    clauses, values = ["1 = 1"], []
    for column, value in (("party", query.party), ("outcome", query.outcome)):
        if value:
            clauses.append(f"{column} = ?")
            values.append(value)
    if query.before:
        clauses.append(f"seq < {int(query.before)}")
    tail = f"WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?"
    return [
        _summary(r) for r in call.platform.rows.query(DecisionRow, tail, (*values, query.limit))
    ]


def _decision(call: Call) -> DecisionRow:
    row = call.platform.rows.get(DecisionRow, int(call.path["seq"]))
    if row is None:
        raise Refused("NOT_FOUND", "There is no such decision.")
    return row


def get_decision(call: Call, query: Query) -> DecisionShape:
    """A decision with its why."""
    row = _decision(call)
    inputs: dict[str, Any] = {}
    if row.why != "failure":
        inputs = explain(call.platform.rows, row).inputs
    label = call.platform.rows.get(LabelRow, row.seq)
    said = "" if label is None else ("fraud" if label.fraud else "genuine")
    return DecisionShape(decision=_summary(row), rule_set=row.rule_set, inputs=inputs, label=said)


def replay_decision(call: Call, query: Query) -> Replay:
    """A decision judged again."""
    found = replay(call.platform.rows, _decision(call))
    return Replay(
        outcome=found.outcome, hits=list(found.hits), points=found.points, score=found.score,
        same=found.same,
    )  # fmt: skip


def try_rules(call: Call, body: RulesTest) -> Backtest:
    """Rules over the recorded decisions."""
    # Columns are loaded only where there is something for them.
    from tallystick.risk.decision.recorded import recorded_events

    with call.platform.reader() as rows:
        in_force = rule_set_in_force(rows)
        rule_set = msgspec.structs.replace(
            in_force, rules=tuple(_rule(rule) for rule in body.rules), thresholds=body.thresholds,
            features=features_of(rows),
        )  # fmt: skip
        try:
            check_rule_set(rule_set)
        except ValueError as error:
            raise Refused("RISK_RULE_INVALID", f"{error}.") from error
        return backtest(recorded_events(rows, body.events_max), rule_set, rows.select(ListEntry))


_RULE_EXAMPLE: Final = {
    "name": "large_first", "when": "kind == 'payment' && amount > 500000 && party_age_min < 1440",
    "action": "hold",
}  # fmt: skip

DECISION_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/risk/rules", "saveRule", tag=_TAG, scope=_WRITE, status=201, for_apps=False,
        summary="Keep a rule as a draft",
        description="Typed against the catalogue; the version is the next one of the name.",
        body=RuleBody, command=save_rule, show=changed, answer=RiskChange,
        refusals=("RISK_RULE_INVALID",), example=_RULE_EXAMPLE,
    ),
    look(
        "/v1/risk/rules", "listRules", tag=_TAG, scope=_READ, summary="List versions of rules",
        for_apps=False, query=RuleQuery, find=list_rules, answer=list[RuleShape],
    ),
    change(
        "/v1/risk/rules/{name}/{version}/publish", "publishRule", tag=_TAG, scope=_WRITE,
        for_apps=False, parameters=_RULE, summary="Put a version of a rule in force",
        command=publish_rule, show=changed, answer=RiskChange,
        refusals=("RISK_RULE_NOT_EXIST", "RISK_RULE_INVALID", "INVALID_PARAMETER"),
    ),
    change(
        "/v1/risk/rules/{name}/{version}/retire", "retireRule", tag=_TAG, scope=_WRITE,
        for_apps=False, parameters=_RULE, summary="Take a version of a rule out of force",
        command=retire_rule, show=changed, answer=RiskChange, refusals=("RISK_RULE_NOT_EXIST",),
    ),
    question(
        "/v1/risk/backtest", "testRules", tag=_TAG, scope=_READ, for_apps=False,
        summary="Run rules over the recorded decisions",
        description="Hits, false positives, money saved and overlap; changes nothing.",
        body=RulesTest, find=try_rules, answer=Backtest, refusals=("RISK_RULE_INVALID",),
        example={"rules": [_RULE_EXAMPLE]},
    ),
    look(
        "/v1/risk/features", "seeFeatures", tag=_TAG, scope=_READ, for_apps=False,
        summary="The catalogue of names that rules read", query=Query, find=see_features,
        answer=Features,
    ),
    change(
        "/v1/risk/features", "defineFeature", tag=_TAG, scope=_WRITE, status=201, for_apps=False,
        summary="Keep up a feature", body=FeatureBody, command=define_feature, show=changed,
        answer=RiskChange, refusals=("RISK_RULE_INVALID", "INVALID_PARAMETER"),
        example={"name": "paid_1h", "aggregate": "count", "by": ["party"], "within_min": 60},
    ),
    change(
        "/v1/risk/features/{name}/drop", "dropFeature", tag=_TAG, scope=_WRITE, for_apps=False,
        parameters={"name": RuleName}, summary="Keep a feature up no more",
        command=drop_feature, show=changed, answer=RiskChange,
        refusals=("RISK_RULE_NOT_EXIST", "RISK_RULE_INVALID"),
    ),
    change(
        "/v1/risk/models", "saveModel", tag=_TAG, scope=_WRITE, status=201, for_apps=False,
        summary="Keep a trained scorecard",
        description="What `tallystick risk model train` writes.",
        body=Scorecard, command=save_model, show=changed, answer=RiskChange,
        refusals=("RISK_RULE_INVALID",), body_bytes_max=1024 * 1024,
        example={"name": "m1", "base": -4000000, "cuts": [0],
                 "bins": [{"feature": "amount", "edges": [500000], "points": [0, 900000]}]},
    ),
    change(
        "/v1/risk/terms", "setRiskTerms", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Set thresholds, the challenger's share and the model", body=TermsBody,
        command=set_terms, show=changed, answer=RiskChange,
        refusals=("RISK_RULE_NOT_EXIST", "RISK_RULE_INVALID", "INVALID_PARAMETER"),
        example={"thresholds": {"challenge": 50, "hold": 80, "deny": 100}},
    ),
    change(
        "/v1/risk/failure-policies", "setFailurePolicy", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Say what becomes of a command when risk cannot answer", body=PolicyBody,
        command=set_policy, show=changed, answer=RiskChange,
        example={"command": "wallet.withdraw", "policy": "closed"},
    ),
    change(
        "/v1/risk/lists", "addToList", tag=_TAG, scope=_WRITE, status=201, for_apps=False,
        summary="Put a value on a list", body=ListBody, command=add_entry, show=changed,
        answer=RiskChange, refusals=("INVALID_PARAMETER",),
        example={"list": "block", "subject": "device", "value": "phone-5f2c",
                 "reason": "Stolen phone"},
    ),
    look(
        "/v1/risk/lists", "seeList", tag=_TAG, scope=_READ, for_apps=False,
        summary="The newest entries of a list", query=ListQuery, find=list_entries,
        answer=list[ListShape],
    ),
    change(
        "/v1/risk/lists/remove", "removeFromList", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Take a value off a list", body=ListRemoval, command=remove_entry, show=changed,
        answer=RiskChange, refusals=("RISK_RULE_NOT_EXIST",),
        example={"list": "block", "subject": "device", "value": "phone-5f2c"},
    ),
    look(
        "/v1/risk/decisions", "listDecisions", tag=_TAG, scope=_READ, for_apps=False,
        summary="List decisions", description="Newest first; continue with `before`.",
        query=DecisionQuery, find=list_decisions, answer=list[DecisionSummary],
    ),
    look(
        "/v1/risk/decisions/{seq}", "getDecision", tag=_TAG, scope=_READ, for_apps=False,
        parameters=_NUMBER, summary="See a decision and what it was made from", query=Query,
        find=get_decision, answer=DecisionShape, refusals=("NOT_FOUND",),
    ),
    look(
        "/v1/risk/decisions/{seq}/replay", "replayDecision", tag=_TAG, scope=_READ,
        for_apps=False, parameters=_NUMBER, summary="Judge a decision again from its record",
        query=Query, find=replay_decision, answer=Replay, refusals=("NOT_FOUND",),
    ),
)  # fmt: skip
