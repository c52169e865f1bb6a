"""Risk's own commands at work: rules, features, models, terms and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.features import Feature, check_feature
from tallystick.risk.decision.language import ExpressionError, names_in, parse
from tallystick.risk.decision.model import (
    LISTS_NUMBER,
    SET_NUMBER,
    ActiveNumber,
    AddToList,
    DefineFeature,
    DropFeature,
    FailurePolicy,
    FeatureRow,
    GrantStepUp,
    ListEntry,
    ModelRow,
    PublishRule,
    RemoveFromList,
    RetireRule,
    RiskDone,
    RuleRow,
    RuleSetRow,
    RuleStatus,
    SaveModel,
    SaveRule,
    SetFailurePolicy,
    SetTerms,
    StepUp,
)
from tallystick.risk.decision.reviewing import register_reviewing
from tallystick.risk.decision.rules import Rule, RuleSet, check_rule
from tallystick.risk.decision.scorecard import Scorecard, check_scorecard
from tallystick.risk.decision.views import features_of, rule_set_in_force
from tallystick.store.rows import Rows

__all__ = ["register"]

_FEATURES_MAX: Final = 200
_RULES_MAX: Final = 500
_STEP_UP_MAX_MIN: Final = 24 * 60
_VALUE: Final = re.compile(r"[!-~]{1,128}")


def _by(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


def _invalid(error: ExpressionError) -> Refused:
    return Refused("RISK_RULE_INVALID", f"{error}.")


def _publish(context: Context, rule_set: RuleSet) -> int:
    """Put a rule set in force, under the next number."""
    uow = context.uow
    active = uow.get(ActiveNumber, SET_NUMBER)
    number = 1 if active is None else active.number + 1
    contents = msgspec.json.encode(rule_set)
    uow.put(RuleSetRow(number, contents, _by(context), context.now_ms))
    uow.put(ActiveNumber(SET_NUMBER, number))
    uow.emit(event("risk.rule_set_published", str(number), {"number": number}))
    return number


def _rule(rows: Rows, name: str, version: int) -> RuleRow:
    row = rows.get(RuleRow, name, version)
    if row is None:
        raise Refused("RISK_RULE_NOT_EXIST", f"There is no {name}@{version}.")
    return row


def save_rule(command: SaveRule, context: Context) -> Reply:
    """Keep a draft, once it fits the catalogue."""
    uow = context.uow
    try:
        check_rule(command.rule, features_of(uow))
    except ExpressionError as error:
        raise _invalid(error) from error
    versions = uow.select(RuleRow, name=command.rule.name)
    version = max((row.version for row in versions), default=0) + 1
    contents = msgspec.json.encode(replace(command.rule, version=version))
    uow.put(
        RuleRow(command.rule.name, version, RuleStatus.DRAFT, contents, _by(context),
                context.now_ms)
    )  # fmt: skip
    return RiskDone(id=command.rule.name, number=version)


def _others(rules: Iterable[Rule], name: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if rule.name != name)


def publish_rule(command: PublishRule, context: Context) -> Reply:
    """Have a version decide; what it reads must still be there."""
    uow = context.uow
    row = _rule(uow, command.name, command.version)
    rule = decode_json(row.contents, Rule)
    in_force = rule_set_in_force(uow)
    if len(in_force.rules) >= _RULES_MAX:
        raise Refused("INVALID_PARAMETER", f"At most {_RULES_MAX} rules are published.")
    try:
        check_rule(rule, features_of(uow))
    except ExpressionError as error:
        raise _invalid(error) from error
    for other in uow.select(RuleRow, name=command.name):
        if other.status is RuleStatus.PUBLISHED and other.version != command.version:
            _mark(context, other, RuleStatus.RETIRED)
    _mark(context, row, RuleStatus.PUBLISHED)
    rules = (*_others(in_force.rules, command.name), rule)
    _publish(context, replace(in_force, rules=rules, features=features_of(uow)))
    return RiskDone(id=command.name, number=command.version)


def _mark(context: Context, row: RuleRow, status: RuleStatus) -> None:
    context.uow.put(replace(row, status=status, changed_by=_by(context), changed_ms=context.now_ms))


def retire_rule(command: RetireRule, context: Context) -> Reply:
    """Have a version decide no more."""
    row = _rule(context.uow, command.name, command.version)
    if row.status is RuleStatus.PUBLISHED:
        in_force = rule_set_in_force(context.uow)
        rules = _others(in_force.rules, command.name)
        _publish(context, replace(in_force, rules=rules))
    _mark(context, row, RuleStatus.RETIRED)
    return RiskDone(id=command.name, number=command.version)


def define_feature(command: DefineFeature, context: Context) -> Reply:
    """Keep up a further feature, from the stored history on."""
    uow, feature = context.uow, command.feature
    try:
        check_feature(feature)
    except ExpressionError as error:
        raise _invalid(error) from error
    known = features_of(uow)
    same = next((f for f in known if f.name == feature.name), None)
    if same is not None and same != feature:
        raise Refused("RISK_RULE_INVALID", f"{feature.name} is defined otherwise.")
    if same is None:
        if len(known) >= _FEATURES_MAX:
            raise Refused("INVALID_PARAMETER", f"At most {_FEATURES_MAX} features are kept up.")
        uow.put(FeatureRow(feature.name, msgspec.json.encode(feature), context.now_ms))
        _publish(context, replace(rule_set_in_force(uow), features=features_of(uow)))
    return RiskDone(id=feature.name)


def drop_feature(command: DropFeature, context: Context) -> Reply:
    """Forget a feature that nothing in force reads."""
    uow = context.uow
    row = uow.get(FeatureRow, command.name)
    if row is None:
        raise Refused("RISK_RULE_NOT_EXIST", f"There is no feature {command.name}.")
    in_force = rule_set_in_force(uow)
    for rule in in_force.rules:
        if command.name in names_in(parse(rule.when)):
            raise Refused("RISK_RULE_INVALID", f"The rule {rule.name} reads {command.name}.")
    if in_force.model is not None and command.name in {b.feature for b in in_force.model.bins}:
        raise Refused("RISK_RULE_INVALID", f"The model reads {command.name}.")
    uow.delete(row)
    _publish(context, replace(in_force, features=features_of(uow)))
    return RiskDone(id=command.name)


def _check_model(model: Scorecard, features: tuple[Feature, ...]) -> None:
    try:
        check_scorecard(model, features)
    except ValueError as error:
        raise Refused("RISK_RULE_INVALID", f"{error}.") from error


def save_model(command: SaveModel, context: Context) -> Reply:
    """Keep a scorecard whose features are all kept up."""
    model, uow = command.model, context.uow
    _check_model(model, features_of(uow))
    known = uow.get(ModelRow, model.name)
    contents = msgspec.json.encode(model)
    if known is not None and known.contents != contents:
        raise Refused("RISK_RULE_INVALID", f"A model {model.name} is saved with other contents.")
    uow.put(ModelRow(model.name, contents, context.now_ms))
    return RiskDone(id=model.name)


def set_terms(command: SetTerms, context: Context) -> Reply:
    """Change thresholds, the challenger's share and the model that scores."""
    if not 0 <= command.challenger_percent <= 100:
        raise Refused("INVALID_PARAMETER", "challenger_percent is 0 to 100.")
    model: Scorecard | None = None
    if command.model:
        row = context.uow.get(ModelRow, command.model)
        if row is None:
            raise Refused("RISK_RULE_NOT_EXIST", f"There is no model {command.model}.")
        model = decode_json(row.contents, Scorecard)
        _check_model(model, features_of(context.uow))
    rule_set = replace(
        rule_set_in_force(context.uow), thresholds=command.thresholds, model=model,
        challenger_percent=command.challenger_percent,
    )  # fmt: skip
    return RiskDone(id=SET_NUMBER, number=_publish(context, rule_set))


def set_failure_policy(command: SetFailurePolicy, context: Context) -> Reply:
    """Say what becomes of a command when risk cannot answer."""
    context.uow.put(FailurePolicy(command.command_name, command.policy))
    return RiskDone(id=command.command_name)


def _change_no(context: Context) -> int:
    active = context.uow.get(ActiveNumber, LISTS_NUMBER)
    number = 1 if active is None else active.number + 1
    context.uow.put(ActiveNumber(LISTS_NUMBER, number))
    return number


def _require_met(subject: str, value: str) -> None:
    """See that a command can have the value: an entry that meets none would stop nobody."""
    if not _VALUE.fullmatch(value):
        raise Refused("INVALID_PARAMETER", "value: 1 to 128 printable characters without spaces.")
    if subject == "address":
        try:
            known = str(ip_address(value))
        except ValueError as error:
            raise Refused("INVALID_PARAMETER", "value: one network address.") from error
        if known != value:
            raise Refused("INVALID_PARAMETER", f"value: this address is written {known}.")


def add_to_list(command: AddToList, context: Context) -> Reply:
    """Put a value on a list, from now on."""
    if not command.value or not command.reason:
        raise Refused("INVALID_PARAMETER", "An entry needs a value and a reason.")
    _require_met(command.subject, command.value)
    if command.expires_ms and command.expires_ms <= context.now_ms:
        raise Refused("INVALID_PARAMETER", "expires_ms lies in the past.")
    context.uow.put(
        ListEntry(
            command.list_kind, command.subject, command.value, command.reason, _by(context),
            context.now_ms, command.expires_ms, 0, _change_no(context),
        )
    )  # fmt: skip
    return RiskDone(id=command.value)


def remove_from_list(command: RemoveFromList, context: Context) -> Reply:
    """Take a value off a list; that it was there stays known."""
    uow = context.uow
    entry = uow.get(ListEntry, command.list_kind, command.subject, command.value)
    if entry is None or entry.removed_ms:
        raise Refused("RISK_RULE_NOT_EXIST", "The value is not on that list.")
    uow.put(replace(entry, removed_ms=context.now_ms, change_no=_change_no(context)))
    return RiskDone(id=command.value)


def grant_step_up(command: GrantStepUp, context: Context) -> Reply:
    """A party has proved itself; its challenges pass for a while."""
    if not 1 <= command.minutes <= _STEP_UP_MAX_MIN:
        raise Refused("INVALID_PARAMETER", f"minutes is 1 to {_STEP_UP_MAX_MIN}.")
    until_ms = context.now_ms + command.minutes * 60_000
    context.uow.put(StepUp(command.party_id, until_ms))
    context.uow.emit(event("risk.stepped_up", command.party_id, {"until_ms": until_ms}))
    return RiskDone(id=command.party_id, number=until_ms)


def register(registry: Registry) -> None:
    """Declare risk's commands."""
    for command, handler in (
        (SaveRule, save_rule), (PublishRule, publish_rule), (RetireRule, retire_rule),
        (DefineFeature, define_feature), (DropFeature, drop_feature), (SaveModel, save_model),
        (SetTerms, set_terms), (SetFailurePolicy, set_failure_policy), (AddToList, add_to_list),
        (RemoveFromList, remove_from_list),
    ):  # fmt: skip
        registry.add(command, handler, reply=RiskDone, scope="risk:write")  # type: ignore[arg-type]
    registry.add(GrantStepUp, grant_step_up, reply=RiskDone, scope="risk:review")
    register_reviewing(registry)
