"""A rule set over history: what each rule would have hit, saved and cost.

Features are computed a column at a time, each rule's hits are a bit, and a column is let go when no
rule reads it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.columns import Column, condition_over
from tallystick.risk.decision.facts import FACTS, LISTED, LISTED_KINDS, SCORE, TOLD
from tallystick.risk.decision.history import Events, features_over
from tallystick.risk.decision.language import names_in, parse
from tallystick.risk.decision.model import ListEntry
from tallystick.risk.decision.rules import Lane, Rule, RuleSet
from tallystick.risk.decision.scorecard import scores_over

__all__ = ["Backtest", "RuleResult", "SetResult", "backtest", "listed_over"]

Mask = NDArray[np.bool_]

_EXACT: Final = 1 << 20
"""Sums of so many ones are exact as 32-bit floats."""

_STOPS: Final = ("challenge", "hold", "deny")


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule hit. Amounts in minor units.

    Args:
        false_positives: hits known to be genuine.
        caught: hits known to be fraud.
        amount_saved: what the fraud that was hit would have moved.
        only_here: fraud that no other rule hit.
        overlap: the five rules that share most hits, by name.
    """

    name: str
    version: int
    lane: Lane
    action: str
    hits: int
    caught: int
    false_positives: int
    precision: float
    amount_hit: int
    amount_saved: int
    only_here: int
    overlap: dict[str, int]


class SetResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules of one lane together would have decided."""

    lane: Lane
    outcomes: dict[str, int]
    caught: int
    false_positives: int
    recall: float
    false_positive_share: float
    amount_saved: int


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set over a history. `fraud` and `genuine` are how much of it is labelled so."""

    events: int
    fraud: int
    genuine: int
    amount_fraud: int
    rules: list[RuleResult]
    sets: list[SetResult]


def listed_over(
    events: Events, entries: Sequence[ListEntry], names: frozenset[str]
) -> dict[str, Column]:
    """The list names that rules read, by what is on the lists now and until when."""
    at_ms = events.history.at_ms
    found: dict[str, Column] = {}
    for kind in LISTED_KINDS:
        for subject in LISTED:
            name = f"{kind}_{subject}"
            if name not in names:
                continue
            column = events.history.columns[subject]
            until = np.zeros(max(1, len(column.texts or ())), np.int64)
            for entry in entries:
                code = column.code_of(entry.value)
                fits = (entry.list_kind, entry.subject) == (kind, subject)
                if fits and code is not None and not entry.removed_ms:
                    until[code] = entry.expires_ms or np.iinfo(np.int64).max
            found[name] = Column(until[column.values] > at_ms)
    return found


def _unknown(value: int | str | bool, size: int) -> Column:
    """A column of what is not known of any event."""
    if isinstance(value, str):
        return Column(np.zeros(size, np.int32), [value])
    return Column(np.full(size, value, np.bool_ if isinstance(value, bool) else np.int32))


def _hits(
    events: Events, rule_set: RuleSet, entries: Sequence[ListEntry]
) -> Iterator[tuple[Rule, Mask]]:
    """Each rule's hits, as soon as what it reads is there."""
    history = events.history
    waiting = {rule.name: (rule, parse(rule.when)) for rule in rule_set.rules}
    needs = {name: set(names_in(tree)) for name, (_, tree) in waiting.items()}
    used = frozenset().union(*needs.values())
    model = rule_set.model
    scored = {b.feature for b in model.bins} if model is not None and SCORE in used else set()
    at_hand = {name: history.columns[name] for name in FACTS}
    for name, unknown in TOLD.items():
        if name in used or name in scored:
            at_hand[name] = history.columns.get(name) or _unknown(unknown, history.size)
    at_hand |= listed_over(events, entries, used)
    if model is None:
        at_hand[SCORE] = Column(np.zeros(history.size, np.int32))
    wanted = [f for f in rule_set.features if f.name in used or f.name in scored]
    produced = features_over(history, wanted)
    while True:
        for rule_name in [n for n, names in needs.items() if names <= at_hand.keys()]:
            rule, tree = waiting.pop(rule_name)
            del needs[rule_name]
            yield rule, condition_over(tree, at_hand, history.size)
        still = set().union(*needs.values()) | (scored if SCORE not in at_hand else set())
        for gone in [n for n in at_hand if n not in FACTS and n not in still]:
            del at_hand[gone]
        following = next(produced, None)
        if following is not None:
            at_hand[following[0]] = Column(following[1])
        if model is not None and SCORE not in at_hand and scored <= at_hand.keys() and needs:
            columns = {name: at_hand[name].values for name in scored}
            at_hand[SCORE] = Column(scores_over(model, columns))
        if not needs:
            return


class _Tally:
    """Hits as bits: one row of bytes a rule, eight events a byte."""

    def __init__(self, events: Events, size: int) -> None:
        self._fraud = events.fraud == 1
        self._genuine = events.fraud == 0
        self._amount = events.history.columns["amount"].values
        self.bits: dict[str, NDArray[np.uint8]] = {}
        self.rules: list[tuple[Rule, dict[str, Any]]] = []
        self.seen = np.zeros(size, np.uint8)
        """How many rules hit an event: 0, 1, or 2 for more."""

    def add(self, rule: Rule, hits: Mask) -> None:
        """Count a rule's hits."""
        places = np.flatnonzero(hits)
        amounts, caught = self._amount[places], self._fraud[places]
        counts = {
            "hits": len(places),
            "caught": int(np.count_nonzero(caught)),
            "false_positives": int(np.count_nonzero(self._genuine[places])),
            "amount_hit": _total(amounts),
            "amount_saved": _total(amounts[caught]),
        }
        self.rules.append((rule, counts))
        self.bits[rule.name] = np.packbits(hits)
        np.minimum(self.seen + hits, 2, out=self.seen)

    def results(self) -> list[RuleResult]:
        """Every rule's result, in the order of their names."""
        alone = np.packbits((self.seen == 1) & self._fraud)
        shared = self._shared()
        found = []
        for rule, counts in sorted(self.rules, key=lambda each: each[0].name):
            own = self.bits[rule.name]
            judged = counts["caught"] + counts["false_positives"]
            found.append(
                RuleResult(
                    name=rule.name, version=rule.version, lane=rule.lane, action=rule.action,
                    precision=counts["caught"] / judged if judged else 0.0,
                    only_here=int(np.bitwise_count(own & alone).sum()),
                    overlap=_largest(rule.name, shared[rule.name]), **counts,
                )
            )  # fmt: skip
        return found

    def _shared(self) -> dict[str, dict[str, int]]:
        """By rule, how many hits it shares with each: only events that two hit can say it."""
        several = np.flatnonzero(self.seen == 2)
        names, size = list(self.bits), len(self.seen)
        hits = np.empty((len(names), len(several)), np.float32)
        for row, bits in zip(hits, self.bits.values(), strict=True):
            row[:] = np.unpackbits(bits, count=size)[several]
        counts = np.zeros((len(names), len(names)), np.int64)
        for start in range(0, len(several), _EXACT):
            part = hits[:, start : start + _EXACT]
            counts += np.rint(part @ part.T).astype(np.int64)
        return {
            name: dict(zip(names, row.tolist(), strict=True))
            for name, row in zip(names, counts, strict=True)
        }


def _largest(name: str, shared: Mapping[str, int]) -> dict[str, int]:
    """The five that share most."""
    others = sorted((-count, other) for other, count in shared.items() if other != name and count)
    return {other: -count for count, other in others[:5]}


def _total(amounts: NDArray[Any]) -> int:
    """What amounts come to, also beyond 64 bits."""
    return (int((amounts >> 32).sum()) << 32) + int((amounts & 0xFFFFFFFF).sum())


def _share(count: int, of: Mask) -> float:
    whole = int(np.count_nonzero(of))
    return count / whole if whole else 0.0


def _set_result(
    events: Events, rule_set: RuleSet, lane: Lane, bits: Mapping[str, NDArray[np.uint8]]
) -> SetResult:
    """What a lane's rules come to, event by event, in their order."""
    size = events.history.size
    outcome, points = np.zeros(size, np.int8), np.zeros(size, np.int32)
    exempt = np.zeros(size, np.bool_)
    ordered = sorted(rule_set.rules, key=lambda r: (r.priority, r.name, r.version))
    for rule in (r for r in ordered if r.lane is lane):
        hits = np.unpackbits(bits[rule.name], count=size).view(np.bool_) & ~exempt
        if rule.action == "allow":
            exempt |= hits
            continue
        points[hits] += rule.points
        if rule.action in _STOPS:
            severity = _STOPS.index(rule.action) + 1
            outcome[hits] = np.maximum(outcome[hits], severity)
    for severity, word in enumerate(_STOPS, 1):
        needed = getattr(rule_set.thresholds, word)
        if needed:
            reached = points >= needed
            outcome[reached] = np.maximum(outcome[reached], severity)
    stopped = outcome > 0
    fraud, genuine = events.fraud == 1, events.fraud == 0
    caught = stopped & fraud
    false_positives = int(np.count_nonzero(stopped & genuine))
    amount = events.history.columns["amount"].values
    return SetResult(
        lane=lane,
        outcomes={
            word: int(np.count_nonzero(outcome == severity))
            for severity, word in enumerate(("allow", *_STOPS))
        },
        caught=int(np.count_nonzero(caught)),
        false_positives=false_positives,
        recall=_share(int(np.count_nonzero(caught)), fraud),
        false_positive_share=_share(false_positives, genuine),
        amount_saved=_total(amount[caught]),
    )


def backtest(events: Events, rule_set: RuleSet, entries: Sequence[ListEntry] = ()) -> Backtest:
    """Run a checked rule set over a history.

    Args:
        entries: what is on the lists; rules see it as it is now, with its expiry.
    """
    tally = _Tally(events, events.history.size)
    for rule, hits in _hits(events, rule_set, entries):
        tally.add(rule, hits)
    lanes = [lane for lane in Lane if any(rule.lane is lane for rule in rule_set.rules)]
    amount = events.history.columns["amount"].values
    return Backtest(
        events=events.history.size,
        fraud=int(np.count_nonzero(events.fraud == 1)),
        genuine=int(np.count_nonzero(events.fraud == 0)),
        amount_fraud=_total(amount[events.fraud == 1]),
        rules=tally.results(),
        sets=[_set_result(events, rule_set, lane, tally.bits) for lane in lanes],
    )
