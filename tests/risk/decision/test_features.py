"""Features: the same values live and over history, and as the definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.risk.decision.columns import Column
from tallystick.risk.decision.facts import PAST, hour_of
from tallystick.risk.decision.features import SUM_MAX, Feature, check_feature
from tallystick.risk.decision.history import History, features_over
from tallystick.risk.decision.language import ExpressionError
from tallystick.risk.decision.windows import Past, Windows

MINUTE = 60_000
FEATURES = (
    Feature(name="n1", aggregate="count", by=("party",), within_min=1),
    Feature(name="s1", aggregate="sum", by=("party",), within_min=1),
    Feature(name="m5", aggregate="average", by=("party", "payee"), within_min=5),
    Feature(name="d5", aggregate="distinct", by=("device",), within_min=5, of="party"),
    Feature(name="e5", aggregate="distinct", by=("device",), within_min=5, of="payee"),
    Feature(name="w3", aggregate="count", by=("payee",), within_min=3,
            where="result != 'accepted' || amount / (amount - 3) > 1"),
    Feature(name="t9", aggregate="sum", by=("party", "payee", "device"), within_min=9,
            where="hour >= 0 && kind == 'payment'"),
)  # fmt: skip


def past(at_ms: int, **facts: Any) -> Past:
    known: dict[str, Any] = dict.fromkeys(PAST, "")
    known |= {"amount": 0, "party_age_min": 0, "hour": hour_of(at_ms), "kind": "payment",
              "outcome": "allow", "result": "accepted"}  # fmt: skip
    return Past(at_ms, known | facts)


def history(events: list[Past]) -> History:
    columns: dict[str, Column] = {}
    for name in PAST:
        values = [event.facts[name] for event in events]
        if name in ("amount", "party_age_min", "hour"):
            columns[name] = Column(np.array(values, np.int64))
        else:
            known = sorted({str(value) for value in values})
            codes = {text: code for code, text in enumerate(known)}
            columns[name] = Column(np.array([codes[str(v)] for v in values], np.int32), known)
    return History(np.array([event.at_ms for event in events], np.int64), columns)


def live_values(events: list[Past], features: tuple[Feature, ...]) -> dict[str, list[Any]]:
    windows = Windows(features)
    found: dict[str, list[Any]] = {feature.name: [] for feature in features}
    for event in events:
        for name, value in windows.read(event.facts, event.at_ms).items():
            found[name].append(value)
        windows.add(event)
    return found


def plain(events: list[Past], at: int, feature: Feature) -> int:
    """The definition, word for word."""
    now = events[at]
    if not all(now.facts[name] for name in feature.by):
        return 0
    held = [
        event
        for event in events[:at]
        if event.at_ms > now.at_ms - feature.within_min * MINUTE
        and all(event.facts[name] == now.facts[name] for name in feature.by)
        and (not feature.where or WHERE[feature.name](event.facts))
    ]
    amounts = [int(event.facts["amount"]) for event in held]
    return {
        "count": len(held),
        "sum": min(sum(amounts), SUM_MAX),
        "average": min(sum(amounts) // max(1, len(held)), SUM_MAX),
        "distinct": len({event.facts[feature.of] for event in held}) if feature.of else 0,
    }[feature.aggregate]


def _quotient_holds(facts: Any) -> bool:
    amount = facts["amount"]
    return facts["result"] != "accepted" or (amount != 3 and int(amount / (amount - 3)) > 1)


WHERE: dict[str, Any] = {
    "w3": _quotient_holds,
    "t9": lambda facts: facts["kind"] == "payment",
}

event = st.tuples(
    st.sampled_from([0, 0, 1, 20_000, 60_000, 100_000]),
    st.sampled_from(["", "p1", "p2", "p3"]),
    st.sampled_from(["", "s1", "s2"]),
    st.sampled_from(["", "d1", "d2"]),
    st.one_of(st.integers(0, 10), st.sampled_from([2**52, 2**53 + 1, 2**62, 2**63 - 1])),
    st.sampled_from(["accepted", "RISK_DENIED"]),
    st.sampled_from(["payment", "transfer"]),
)


def events_of(drawn: list[tuple[Any, ...]]) -> list[Past]:
    at, found = 1_700_000_000_000, []
    for pause, party, payee, device, amount, result, kind in drawn:
        at += pause
        found.append(past(at, party=party, payee=payee, device=device, amount=amount,
                          result=result, kind=kind))  # fmt: skip
    return found


@given(st.lists(event, min_size=1, max_size=40))
@settings(deadline=None)
def test_live_and_history_give_what_the_definition_says(drawn: list[tuple[Any, ...]]) -> None:
    events = events_of(drawn)
    live = live_values(events, FEATURES)
    over = dict(features_over(history(events), FEATURES))
    for feature in FEATURES:
        expected = [plain(events, at, feature) for at in range(len(events))]
        assert live[feature.name] == expected, feature.name
        assert over[feature.name].tolist() == expected, feature.name


def test_live_and_history_agree_on_a_hundred_thousand_events() -> None:
    random = np.random.default_rng(7)
    size = 100_000
    at = 1_700_000_000_000 + np.cumsum(random.integers(0, 900, size))
    party, payee = random.zipf(1.4, size) % 5000, random.integers(0, 50, size)
    device, amount = random.integers(0, 8000, size), random.integers(0, 10**9, size)
    events = [
        past(int(at[i]), party=f"p{party[i]}", payee=f"s{payee[i]}", device=f"d{device[i]}",
             amount=int(amount[i]), result="accepted" if i % 7 else "RISK_DENIED")
        for i in range(size)
    ]  # fmt: skip
    live = live_values(events, FEATURES)
    for name, values in features_over(history(events), FEATURES):
        assert values.tolist() == live[name], name


@given(st.lists(event, min_size=1, max_size=30), st.integers(0, 30))
def test_what_is_taken_back_was_never_there(drawn: list[tuple[Any, ...]], count: int) -> None:
    events = events_of(drawn)
    count = min(count, len(events))
    # A batch has one moment.
    batch = [one._replace(at_ms=events[-1].at_ms) for one in events[len(events) - count :]]
    events[len(events) - count :] = batch
    kept = events[: len(events) - count]
    whole, part = Windows(FEATURES), Windows(FEATURES)
    for one in kept:
        part.add(one)
    for one in events:
        whole.add(one)
    whole.take_back(count)
    asked, at_ms = events[-1].facts, events[-1].at_ms
    assert whole.read(asked, at_ms) == part.read(asked, at_ms)


def test_memory_is_bounded_and_says_since_when_it_is_whole() -> None:
    windows = Windows(FEATURES, events_max=100)
    for number in range(1000):
        windows.add(past(1_700_000_000_000 + number, party=f"p{number}", device="d1"))
    assert windows.events <= 101
    assert windows.since_ms >= 1_700_000_000_000 + 800
    read = windows.read(past(0, device="d1").facts, 1_700_000_001_000)
    assert read["d5"] == 1_700_000_000_999 - windows.since_ms


def test_what_has_left_every_window_is_forgotten() -> None:
    windows = Windows(FEATURES)
    for number in range(1000):
        windows.add(past(1_700_000_000_000 + number * MINUTE, party=f"p{number}", device="d1"))
    assert windows.events < 20


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"by": ("part",)}, "by is one to three of"),
        ({"by": ()}, "by names one to three"),
        ({"within_min": 0}, "within_min"),
        ({"name": "amount"}, "taken"),
        ({"name": "loop"}, "taken"),
        ({"of": "party"}, "of is for distinct"),
        ({"aggregate": "distinct"}, "of is for distinct"),
        ({"where": "amont > 1"}, "column 1: there is no feature 'amont'; did you mean amount?"),
        ({"where": "score > 1"}, "no feature 'score'"),
    ],
)
def test_a_definition_that_cannot_be_kept_up_is_refused_by_name(
    wrong: dict[str, Any], says: str
) -> None:
    good: dict[str, Any] = {"name": "f", "aggregate": "count", "by": ("party",), "within_min": 5}
    check_feature(Feature(**good))
    with pytest.raises(ExpressionError, match=says.replace("?", r"\?")):
        check_feature(Feature(**(good | wrong)))
