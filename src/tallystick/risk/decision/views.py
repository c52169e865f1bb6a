"""What can be seen of risk: what is in force, decisions with their why, and replaying one."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tallystick.risk.decision.decide import Circumstances, input_names, settle
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.model import (
    SET_NUMBER,
    ActiveNumber,
    DecisionRow,
    FeatureRow,
    RuleSetRow,
)
from tallystick.risk.decision.rules import RuleSet, compile_set, judge
from tallystick.store.rows import Rows

__all__ = ["Explained", "Replayed", "explain", "features_of", "replay", "rule_set_in_force"]


def features_of(rows: Rows) -> tuple[Feature, ...]:
    """The features that are kept up, by name."""
    return tuple(msgspec.json.decode(r.contents, type=Feature) for r in rows.select(FeatureRow))


def rule_set_in_force(rows: Rows) -> RuleSet:
    """The rule set that decides now."""
    active = rows.get(ActiveNumber, SET_NUMBER)
    row = None if active is None else rows.get(RuleSetRow, active.number)
    return RuleSet() if row is None else msgspec.json.decode(row.contents, type=RuleSet)


class Explained(NamedTuple):
    """A decision's inputs by name, and the circumstances that counted."""

    inputs: dict[str, Any]
    around: Circumstances
    rule_set: RuleSet


def explain(rows: Rows, decision: DecisionRow) -> Explained:
    """What a decision was made from."""
    row = rows.get(RuleSetRow, decision.rule_set) if decision.rule_set else None
    rule_set = RuleSet() if row is None else msgspec.json.decode(row.contents, type=RuleSet)
    values, (listed, stepped_up, review) = msgspec.msgpack.decode(decision.inputs)
    names = input_names(rule_set, compile_set(rule_set))
    inputs = dict(zip(names, values, strict=False))
    return Explained(inputs, Circumstances(tuple(listed), stepped_up, review), rule_set)


class Replayed(NamedTuple):
    """What the recorded inputs come to when they are judged again."""

    outcome: str
    hits: tuple[str, ...]
    points: int
    score: int
    same: bool


def replay(rows: Rows, decision: DecisionRow) -> Replayed:
    """Decide a recorded command again, from its record alone."""
    if decision.why == "failure":
        return Replayed(decision.outcome, (), 0, 0, True)
    inputs, around, rule_set = explain(rows, decision)
    verdict = judge(compile_set(rule_set), inputs)
    settled = settle(verdict, around)
    score = 0 if rule_set.model is None else rule_set.model.score(inputs)
    failed = tuple(f"!{label}" for label in verdict.failed)
    same = (
        " ".join((*around.listed, *verdict.hits, *failed)) == decision.hits
        and verdict.points == decision.points
        and score == decision.score
        and (settled.outcome.word == decision.outcome or decision.why == "review")
    )
    return Replayed(settled.outcome.word, verdict.hits, verdict.points, score, same)
