"""What becomes of a command: pure functions from what was known to what is decided."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.risk.decision.facts import (
    ANOMALY,
    FACTS,
    GRAPH,
    LISTED,
    LISTED_KINDS,
    OBSERVED,
    SCORE,
    SHARED,
)  # fmt: skip
from tallystick.risk.decision.rules import CompiledSet, Outcome, RuleSet, Verdict

__all__ = [
    "NO_WARNING", "UNREMARKABLE", "Circumstances", "Settled", "Warned", "input_names", "settle",
    "wants_proof",
]  # fmt: skip

_LIST_NAMES = tuple(f"{kind}_{subject}" for kind in LISTED_KINDS for subject in LISTED)


_MOVES_OUT = frozenset({"payment", "pay_later", "transfer", "withdrawal", "freeze"})
_MAY_WHEN_FROZEN = frozenset({"sign_in", "session", "refund", "repayment", "top_up", "recovery"})


class Warned(NamedTuple):
    """What the watch over accounts says of the party.

    Args:
        level: 0 for nothing, 1 notice, 2 warning, 3 alarm.
        action: what its policy wants: `step_up`, `freeze`; else nothing.
    """

    level: int = 0
    action: str = ""


NO_WARNING = Warned()


class Circumstances(NamedTuple):
    """What counts beside the rules.

    Args:
        listed: the lists that hold one of the command's values: `block_device`, ….
        stepped_up: whether the party has just proved itself.
        review: of the same command asked before: `held`, `released`, `rejected` or empty.
        warned: what is to become of the party's commands by the policy of the watch.
    """

    listed: tuple[str, ...] = ()
    stepped_up: bool = False
    review: str = ""
    warned: str = ""


UNREMARKABLE = Circumstances()
"""Nothing counts beside the rules: so it is with nearly every command."""


class Settled(NamedTuple):
    """The outcome, and what it comes from: `rules`, `list`, `step_up`, `review`, `anomaly` or
    `observed`."""

    outcome: Outcome
    why: str


_ALLOWED = Settled(Outcome.ALLOW, "")


def input_names(rule_set: RuleSet, compiled: CompiledSet) -> tuple[str, ...]:
    """The names of a decision's inputs, in the order in which they are recorded."""
    lists = tuple(name for name in _LIST_NAMES if name in compiled.reads)
    shared = tuple(SHARED) if not compiled.needs.isdisjoint(SHARED) else ()
    graph = tuple(GRAPH) if not compiled.needs.isdisjoint(GRAPH) else ()
    features = (feature.name for feature in rule_set.features)
    anomaly = tuple(ANOMALY) if not compiled.needs.isdisjoint(ANOMALY) else ()
    return (*FACTS, *features, *lists, SCORE, *shared, *graph, *anomaly)


def wants_proof(around: Circumstances, kind: str) -> bool:
    """Whether the watch's policy wants a proof for this kind of command."""
    if around.warned == "freeze":
        return kind not in _MAY_WHEN_FROZEN
    return around.warned == "step_up" and kind in _MOVES_OUT


def settle(verdict: Verdict, around: Circumstances, kind: str = "") -> Settled:
    """Lists go before rules, a block before an allow; then what a person has answered counts.

    Args:
        kind: what is decided; what is only observed is never stopped.
    """
    if kind in OBSERVED:
        return Settled(Outcome.ALLOW, "observed")
    if around is UNREMARKABLE and not verdict.hits:
        return _ALLOWED
    if any(name.startswith("block_") for name in around.listed):
        return Settled(Outcome.DENY, "list")
    if any(name.startswith("allow_") for name in around.listed):
        return Settled(Outcome.ALLOW, "list")
    if verdict.outcome < Outcome.CHALLENGE and wants_proof(around, kind):
        if around.stepped_up:
            return Settled(Outcome.ALLOW, "step_up")
        return Settled(Outcome.CHALLENGE, "anomaly")
    if verdict.outcome is Outcome.CHALLENGE and around.stepped_up:
        return Settled(Outcome.ALLOW, "step_up")
    if verdict.outcome is Outcome.HOLD and around.review == "released":
        return Settled(Outcome.ALLOW, "review")
    if verdict.outcome is Outcome.HOLD and around.review == "rejected":
        return Settled(Outcome.DENY, "review")
    return Settled(verdict.outcome, "rules" if verdict.hits else "")
