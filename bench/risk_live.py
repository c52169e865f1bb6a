"""One definition, two ways: features, score and rules event by event, and over whole columns.

A million events go through what decides live (`Windows`, `Scorer`, `judge`) one after the other,
each seeing the ones before it, and through what runs over history. Every feature's value of every
event, the score, and every rule's hits are compared; the first that differs is named.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.report import Figure, say
from bench.risk_rules import FEATURES, rule_set
from tallystick.risk.decision.columns import Column, condition_over
from tallystick.risk.decision.facts import PAST, SCORE
from tallystick.risk.decision.history import Events, History, features_over
from tallystick.risk.decision.language import parse
from tallystick.risk.decision.rules import CompiledSet, RuleSet, compile_set, judge
from tallystick.risk.decision.scorecard import scores_over
from tallystick.risk.decision.training import train
from tallystick.risk.decision.windows import Past, Windows

__all__ = ["live_figures"]

_AT_ONCE: Final = 50_000


class _Live(NamedTuple):
    """What was found event by event: values by name, hits by rule, processor time in seconds."""

    values: dict[str, NDArray[np.int64]]
    hits: dict[str, NDArray[np.bool_]]
    windows_s: float
    judging_s: float


def _facts(history: History) -> Iterator[dict[str, Any]]:
    """The facts of each event, a part of the history at a time."""
    for start in range(0, history.size, _AT_ONCE):
        parts = []
        for name in PAST:
            column = history.columns[name]
            values = column.values[start : start + _AT_ONCE].tolist()
            parts.append(values if column.texts is None else [column.texts[v] for v in values])
        for row in zip(*parts, strict=True):
            yield dict(zip(PAST, row, strict=True))


def _event_by_event(history: History, compiled: CompiledSet) -> _Live:
    size, scorer = history.size, compiled.scorer
    assert scorer is not None
    names = [*(f.name for f in FEATURES), SCORE]
    values = {name: np.zeros(size, np.int64) for name in names}
    hits = {rule.label: np.zeros(size, np.bool_) for rule in compiled.rules}
    windows = Windows(FEATURES, events_max=size)
    clock = time.thread_time
    windows_s = judging_s = 0.0
    for at, (at_ms, facts) in enumerate(zip(history.at_ms.tolist(), _facts(history), strict=True)):
        began = clock()
        inputs = dict(facts)
        windows.add_values(inputs, at_ms)
        windows.add(Past(at_ms, inputs))
        counted = clock()
        inputs[SCORE] = scorer.score(inputs)
        verdict = judge(compiled, inputs)
        judging_s += clock() - counted
        windows_s += counted - began
        for name in names:
            values[name][at] = inputs[name]
        for label in verdict.hits:
            hits[label][at] = True
        if at % 200_000 == 0 and at:
            say(f"{at:,} events")
    return _Live(values, hits, windows_s, judging_s)


def _differences(live: _Live, history: History, rules: RuleSet) -> Iterator[tuple[str, int]]:
    """By feature, score and rule, for how many events live and history differ."""
    over = dict(features_over(history, FEATURES))
    assert rules.model is not None
    read = {name: column.values for name, column in history.columns.items()} | over
    over[SCORE] = scores_over(rules.model, read)
    for name, values in over.items():
        yield name, int((live.values[name] != values).sum())
    columns = dict(history.columns) | {name: Column(values) for name, values in over.items()}
    for rule in rules.rules:
        holds = condition_over(parse(rule.when), columns, history.size)
        yield rule.name, int((live.hits[f"{rule.name}@{rule.version}"] != holds).sum())


def live_figures(events: Events, labelled: Events) -> dict[str, Figure]:
    """Compare every value of every event, and say how many a second are counted and judged.

    Raises:
        RuntimeError: a value differs; names the first of them.
    """
    history, size = events.history, events.history.size
    rules = msgspec.structs.replace(rule_set(), model=train(labelled, FEATURES, "bench"))
    live = _event_by_event(history, compile_set(rules))
    found = dict(_differences(live, history, rules))
    wrong = {name: count for name, count in found.items() if count}
    for name, count in islice(wrong.items(), 10):
        say(f"{name} differs for {count:,} events")
    if wrong:
        raise RuntimeError(f"{next(iter(wrong))} is not the same live and over history")
    hit = sum(int(hits.sum()) for hits in live.hits.values())
    say(f"{size:,} events, {hit:,} hits: all the same")
    features = len(FEATURES)
    return {
        "risk.live_differs_from_history": Figure(
            sum(found.values()), "", f"of {size * len(found):,} values: {features} features, the "
            f"score and {len(rules.rules)} rules of {size:,} events",
        ),
        "risk.live_events_per_s": Figure(
            size / live.windows_s, "/s", f"of processor time: {features} features read and kept up"
        ),
        "risk.live_judged_per_s": Figure(
            size / live.judging_s, "/s",
            f"of processor time: scored, and {len(rules.rules)} rules asked",
        ),
    }  # fmt: skip
