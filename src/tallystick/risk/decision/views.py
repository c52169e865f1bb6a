"""What can be seen of risk: what is in force, decisions with their why, and replaying one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tallystick.decoding import decode_json, decode_msgpack
from tallystick.risk.decision.decide import Circumstances, input_names, settle
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.live import Values
from tallystick.risk.decision.model import (
    SET_NUMBER,
    ActiveNumber,
    DecisionRow,
    FeatureRow,
    RuleSetRow,
)
from tallystick.risk.decision.rules import Rule, RuleSet, compile_set, judge
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "LATENCIES_MS", "Asked", "Explained", "Overview", "Replayed", "asked_rules", "explain",
    "features_of", "overview", "replay", "rule_set_in_force",
]  # fmt: skip

LATENCIES_MS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 50)
"""Upper bounds by which the overview counts latencies; what is above the last stands alone."""

_NEWEST: Final = 10_000


def features_of(rows: Rows) -> tuple[Feature, ...]:
    """The features that are kept up, by name."""
    return tuple(decode_json(r.contents, Feature) for r in rows.select(FeatureRow))


def rule_set_in_force(rows: Rows) -> RuleSet:
    """The rule set that decides now."""
    active = rows.get(ActiveNumber, SET_NUMBER)
    row = None if active is None else rows.get(RuleSetRow, active.number)
    return RuleSet() if row is None else decode_json(row.contents, RuleSet)


class Explained(NamedTuple):
    """A decision's inputs by name, and the circumstances that counted."""

    inputs: dict[str, Any]
    around: Circumstances
    rule_set: RuleSet


def explain(rows: Rows, decision: DecisionRow) -> Explained:
    """What a decision was made from."""
    row = rows.get(RuleSetRow, decision.rule_set) if decision.rule_set else None
    rule_set = RuleSet() if row is None else decode_json(row.contents, RuleSet)
    values, (listed, *known) = decode_msgpack(decision.inputs)
    names = input_names(rule_set, compile_set(rule_set))
    inputs = dict(zip(names, values, strict=False))
    return Explained(inputs, Circumstances(tuple(listed), *known), rule_set)


class Asked(NamedTuple):
    """A rule that was asked about a command; `held` is None when its evaluation failed."""

    rule: Rule
    held: bool | None


def asked_rules(explained: Explained) -> Iterator[Asked]:
    """Every rule of the set that decided, in its order, with what it said."""
    compiled = compile_set(explained.rule_set)
    values = Values({name: explained.inputs[name] for name in compiled.reads})
    for rule, _, condition in compiled.rules:
        try:
            yield Asked(rule, condition.holds(values))
        except ArithmeticError:
            yield Asked(rule, None)


class Overview(NamedTuple):
    """The newest decisions, ten thousand at most.

    Args:
        outcomes: how many by outcome.
        unanswered: how many had no answer of risk, by command and what became of it: `open` or
            `closed`.
        latencies: how many by the bounds of `LATENCIES_MS`, and one for the rest.
        percentiles_us: the median, and what 99 of a hundred stay below.
    """

    outcomes: dict[str, int]
    unanswered: dict[tuple[str, str], int]
    latencies: list[int]
    percentiles_us: tuple[int, int]


def overview(rows: ReadSession) -> Overview:
    """Outcomes, latencies and missing answers; for a thread of its own."""
    found = rows.connection.execute(
        "SELECT outcome, why, command, latency_us FROM risk_decision ORDER BY seq DESC LIMIT ?",
        (_NEWEST,),
    ).fetchall()
    outcomes: dict[str, int] = {}
    unanswered: dict[tuple[str, str], int] = {}
    latencies = [0] * (len(LATENCIES_MS) + 1)
    for outcome, why, command, latency_us in found:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        latencies[bisect_left(LATENCIES_MS, latency_us / 1000)] += 1
        if why == "failure":
            key = (command, "open" if outcome == "allow" else "closed")
            unanswered[key] = unanswered.get(key, 0) + 1
    spent = sorted(row[3] for row in found)
    at = (len(spent) // 2, len(spent) * 99 // 100)
    percentiles = (spent[at[0]], spent[at[1]]) if spent else (0, 0)
    return Overview(outcomes, unanswered, latencies, percentiles)


class Replayed(NamedTuple):
    """What the recorded inputs come to when they are judged again; `hits` as in the record."""

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
    settled = settle(verdict, around, decision.kind)
    score = 0 if rule_set.model is None else rule_set.model.score(inputs)
    hits = (*around.listed, *verdict.hits, *(f"!{label}" for label in verdict.failed))
    same = (
        " ".join(hits) == decision.hits
        and verdict.points == decision.points
        and score == decision.score
        and (settled.outcome.word == decision.outcome or decision.why == "review")
    )
    return Replayed(settled.outcome.word, hits, verdict.points, score, same)
