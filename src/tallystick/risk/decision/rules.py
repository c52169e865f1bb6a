"""Rules and what they come to together: pure functions from values to a verdict."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from tallystick.risk.decision.checking import checked
from tallystick.risk.decision.features import Feature, catalogue_of, check_feature
from tallystick.risk.decision.language import ExpressionError, names_in, parse
from tallystick.risk.decision.live import Condition, Conditions
from tallystick.risk.decision.scorecard import Scorecard, Scorer, check_scorecard

__all__ = [
    "Action", "CompiledSet", "Lane", "Outcome", "OutOfTime", "Rule", "RuleSet", "Thresholds",
    "Verdict", "check_rule", "check_rule_set", "compile_set", "judge", "outcome_of",
]  # fmt: skip


class Outcome(IntEnum):
    """What is decided, the more severe the higher."""

    ALLOW = 0
    CHALLENGE = 1
    HOLD = 2
    DENY = 3

    @property
    def word(self) -> str:
        """`allow`, `challenge`, `hold` or `deny`."""
        return _WORDS[self]


_WORDS: Final = tuple(outcome.name.lower() for outcome in Outcome)


class Lane(StrEnum):
    """Which set a rule belongs to: the one that decides, its rival, or one that only watches."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"


Action = Literal["allow", "challenge", "hold", "deny", "points"]

Points = Annotated[int, Meta(ge=-10_000, le=10_000)]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule: when its condition holds, its action counts and its points are added.

    Args:
        priority: rules are gone through from the lowest number; an `allow` that holds ends it.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}\Z")]
    when: str
    action: Action
    points: Points = 0
    priority: Annotated[int, Meta(ge=0, le=100_000)] = 100
    lane: Lane = Lane.CHAMPION
    version: int = 1
    note: Annotated[str, Meta(max_length=500)] = ""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From how many points on a command is challenged, held or denied; 0 is never."""

    challenge: Annotated[int, Meta(ge=0)] = 0
    hold: Annotated[int, Meta(ge=0)] = 0
    deny: Annotated[int, Meta(ge=0)] = 0


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a decision depends on beside its inputs; numbered and kept.

    Args:
        challenger_percent: of how many parties of a hundred the challenger decides.
    """

    rules: tuple[Rule, ...] = ()
    features: tuple[Feature, ...] = ()
    model: Scorecard | None = None
    thresholds: Thresholds = Thresholds()
    challenger_percent: Annotated[int, Meta(ge=0, le=100)] = 0


class Verdict(NamedTuple):
    """What a rule set says of a command.

    Args:
        decided_by: the lane whose outcome counts.
        hits: names of the rules that held, with their versions, in their order.
        failed: rules whose evaluation ended in an error; they do not hold.
    """

    outcome: Outcome
    decided_by: Lane
    points: int
    champion: Outcome
    challenger: Outcome
    hits: tuple[str, ...]
    failed: tuple[str, ...]


class OutOfTime(Exception):
    """The rules took longer than they may."""


def check_rule(rule: Rule, features: tuple[Feature, ...]) -> None:
    """See that a rule's condition fits the catalogue.

    Raises:
        ExpressionError: it does not; with the rule's name and the column.
    """
    try:
        checked(rule.when, catalogue_of(features))
    except ExpressionError as error:
        raise error.inside(rule.name) from error


def check_rule_set(rule_set: RuleSet) -> None:
    """See that features, rules and model of a set fit each other.

    Raises:
        ExpressionError: a feature or rule that does not fit; names it and its column.
        ValueError: a name that is there twice, or a model that does not fit.
    """
    names = [feature.name for feature in rule_set.features]
    names += [rule.name for rule in rule_set.rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is there twice")
    for feature in rule_set.features:
        check_feature(feature)
    for rule in rule_set.rules:
        check_rule(rule, rule_set.features)
    if rule_set.model is not None:
        check_scorecard(rule_set.model, rule_set.features)


_AT_ONCE: Final = 16
"""So many rules are asked between two looks at the clock."""


class _Ready(NamedTuple):
    rule: Rule
    label: str
    condition: Condition


class _Together(NamedTuple):
    """Some rules in their order, asked at once."""

    rules: tuple[_Ready, ...]
    conditions: Conditions


class CompiledSet(NamedTuple):
    """A rule set ready to judge: rules in their order, and the names that they read.

    Args:
        needs: the names that rules and the model read.
        together: the rules, so many at once.
        scorer: what gives the score; None without a model.
    """

    rules: tuple[_Ready, ...]
    reads: frozenset[str]
    needs: frozenset[str]
    source: RuleSet
    together: tuple[_Together, ...]
    scorer: Scorer | None


def compile_set(rule_set: RuleSet) -> CompiledSet:
    """Compile the rules of a set."""
    ordered = sorted(rule_set.rules, key=lambda r: (r.priority, r.name, r.version))
    ready = tuple(_Ready(r, f"{r.name}@{r.version}", Condition(r.when)) for r in ordered)
    reads = frozenset().union(*(names_in(parse(r.when)) for r in ordered))
    model = rule_set.model
    scored = () if model is None else (b.feature for b in model.bins)
    together = tuple(
        _Together(part, Conditions([each.rule.when for each in part]))
        for part in (ready[at : at + _AT_ONCE] for at in range(0, len(ready), _AT_ONCE))
    )
    scorer = None if model is None else Scorer(model)
    return CompiledSet(ready, reads, reads | frozenset(scored), rule_set, together, scorer)


_ACTS: Final[Mapping[str, Outcome]] = {
    "challenge": Outcome.CHALLENGE, "hold": Outcome.HOLD, "deny": Outcome.DENY,
}  # fmt: skip


def outcome_of(hits: list[Rule], thresholds: Thresholds) -> tuple[Outcome, int]:
    """What rules that held, in their order, come to: the outcome and the points."""
    if not hits:
        return Outcome.ALLOW, 0
    worst, points = Outcome.ALLOW, 0
    for rule in hits:
        if rule.action == "allow":
            break
        points += rule.points
        worst = max(worst, _ACTS.get(rule.action, Outcome.ALLOW))
    if thresholds.challenge and points >= thresholds.challenge:
        worst = max(worst, Outcome.CHALLENGE)
    if thresholds.hold and points >= thresholds.hold:
        worst = max(worst, Outcome.HOLD)
    if thresholds.deny and points >= thresholds.deny:
        worst = Outcome.DENY
    return worst, points


def challenged_share(party: str) -> int:
    """0 to 99, the same for a party always: below the percentage its challenger decides."""
    return int.from_bytes(hashlib.blake2b(party.encode(), digest_size=4).digest(), "big") % 100


def judge(
    compiled: CompiledSet,
    inputs: Mapping[str, Any],
    *,
    deadline: float = float("inf"),
    clock: Callable[[], float] = time.perf_counter,
) -> Verdict:
    """Judge a command by its inputs alone (the values of `compiled.reads`, and `party`).

    Raises:
        OutOfTime: the clock passed the deadline before every rule was asked.
    """
    champions: list[Rule] = []
    challengers: list[Rule] = []
    labels: list[str] = []
    failed: list[str] = []
    for rules, conditions in compiled.together:
        if clock() > deadline:
            raise OutOfTime
        held = conditions.hold(inputs)
        if held.count(False) == len(held):
            continue
        for place, holds in enumerate(held):
            if holds is False:
                continue
            rule, label, _ = rules[place]
            if holds is None:
                failed.append(label)
                continue
            labels.append(label)
            if rule.lane is Lane.CHAMPION:
                champions.append(rule)
            elif rule.lane is Lane.CHALLENGER:
                challengers.append(rule)
    thresholds = compiled.source.thresholds
    champion, points = outcome_of(champions, thresholds)
    challenger, other = outcome_of(challengers, thresholds)
    percent = compiled.source.challenger_percent
    if percent and challenged_share(str(inputs.get("party", ""))) < percent:
        return Verdict(challenger, Lane.CHALLENGER, other, champion, challenger, tuple(labels),
                       tuple(failed))  # fmt: skip
    return Verdict(champion, Lane.CHAMPION, points, champion, challenger, tuple(labels),
                   tuple(failed))  # fmt: skip
