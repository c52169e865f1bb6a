"""Rules over history: what they hit, beside deciding each event live; files; the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from tallystick.cli import answer
from tallystick.decoding import decode_json
from tallystick.risk.decision.backtest import backtest
from tallystick.risk.decision.columns import Column
from tallystick.risk.decision.errors import RiskFileError
from tallystick.risk.decision.facts import PAST, hour_of
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.files import read_events
from tallystick.risk.decision.history import Events
from tallystick.risk.decision.model import ListEntry
from tallystick.risk.decision.rules import Lane, Rule, RuleSet, Thresholds, compile_set, judge
from tallystick.risk.decision.scorecard import Bins, Scorecard, scores_over
from tallystick.risk.decision.training import evaluate, train
from tallystick.risk.decision.windows import Past, Windows
from tallystick.sandbox.fraud import SCENARIOS, fraud_history

FEATURES = (
    Feature(name="paid_1h", aggregate="count", by=("party",), within_min=60),
    Feature(name="sum_1d", aggregate="sum", by=("party",), within_min=1440),
    Feature(name="mean_30d", aggregate="average", by=("party",), within_min=43_200),
    Feature(name="parties_1d", aggregate="distinct", by=("device",), within_min=1440, of="party"),
    Feature(name="cards_1d", aggregate="distinct", by=("device",), within_min=1440, of="card"),
    Feature(name="refused_1h", aggregate="count", by=("device",), within_min=60,
            where="result != 'accepted'"),
    Feature(name="seen_30d", aggregate="count", by=("party", "device"), within_min=43_200),
    Feature(name="refunds_7d", aggregate="count", by=("party",), within_min=10_080,
            where="kind == 'refund'"),
    Feature(name="got_1d", aggregate="count", by=("payee",), within_min=1440),
    Feature(name="payers_1d", aggregate="distinct", by=("payee",), within_min=1440, of="party"),
)  # fmt: skip
RULES = (
    Rule(name="many_cards", when="cards_1d >= 3 && amount < 2000", action="deny", points=60),
    Rule(name="new_device", when="seen_30d == 0 && amount > 3 * mean_30d && paid_1h > 0",
         action="challenge", points=40),
    Rule(name="refunder", when="refunds_7d >= 2 && kind == 'refund'", action="hold"),
    Rule(name="crowd", when="parties_1d > 4", action="points", points=50),
    Rule(name="regular", when="seen_30d > 20", action="allow", priority=1),
    Rule(name="rival", when="score > 480", action="deny", lane=Lane.CHALLENGER),
    Rule(name="watched", when="watch_device", action="deny", lane=Lane.SHADOW),
)  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return fraud_history(11, events=6000, parties=400)


@pytest.fixture(scope="module")
def events(frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Events:
    path = tmp_path_factory.mktemp("events") / "history.parquet"
    frame.write_parquet(path)
    return read_events(path)


def test_a_backtest_hits_what_live_decisions_would_have(
    frame: pl.DataFrame, events: Events
) -> None:
    model = train(events, FEATURES, "m1")
    device = frame["device"][4000]
    watched = ListEntry("watch", "device", device, "seen", "a", 0, 0, 0, 1)
    rule_set = RuleSet(rules=RULES, features=FEATURES, model=model,
                       thresholds=Thresholds(hold=90))  # fmt: skip
    found = backtest(events, rule_set, [watched])
    windows, compiled = Windows(FEATURES), compile_set(rule_set)
    hits: dict[str, list[int]] = {rule.name: [] for rule in RULES}
    outcomes: dict[str, int] = {}
    for at, row in enumerate(frame.iter_rows(named=True)):
        facts: dict[str, Any] = {name: row.get(name, "") for name in PAST}
        facts |= {"hour": hour_of(row["at_ms"]), "outcome": "allow"}
        inputs = facts | windows.read(facts, row["at_ms"])
        inputs["watch_device"] = row["device"] == device
        inputs["score"] = model.score(inputs)
        verdict = judge(compiled, inputs)
        for label in verdict.hits:
            hits[label.split("@")[0]].append(at)
        outcomes[verdict.outcome.word] = outcomes.get(verdict.outcome.word, 0) + 1
        windows.add(Past(row["at_ms"], facts))
    fraud = frame["fraud"].to_numpy()
    assert all(hits.values()), {name: len(each) for name, each in hits.items()}
    for result in found.rules:
        own = hits[result.name]
        assert result.hits == len(own), result.name
        assert result.caught == int(fraud[own].sum())
        assert result.false_positives == int((fraud[own] == 0).sum())
        assert result.amount_saved == int(frame["amount"].to_numpy()[own][fraud[own] == 1].sum())
        for other, count in result.overlap.items():
            assert count == len(set(own) & set(hits[other]))
        alone = set(own) - {at for name, each in hits.items() if name != result.name for at in each}
        assert result.only_here == sum(int(fraud[at]) for at in alone)
    champion = next(each for each in found.sets if each.lane is Lane.CHAMPION)
    assert {word: n for word, n in champion.outcomes.items() if n} == outcomes


def test_the_score_is_the_same_live_and_over_columns(events: Events) -> None:
    model = train(events, FEATURES, "m1")
    random = np.random.default_rng(3)
    columns = {b.feature: random.integers(-5, 10**7, 500) for b in model.bins}
    over = scores_over(model, columns)
    live = [model.score({name: int(column[at]) for name, column in columns.items()})
            for at in range(500)]  # fmt: skip
    assert over.tolist() == live
    assert len(set(live)) > 10


def test_a_model_tells_fraud_on_a_seed_that_it_has_not_seen(events: Events, tmp_path: Path) -> None:
    model = train(events, FEATURES, "m1")
    fraud_history(99, events=6000, parties=400).write_parquet(tmp_path / "other.parquet")
    report = evaluate(model, read_events(tmp_path / "other.parquet"), FEATURES)
    assert float(report["auc"]) > 0.9
    assert float(report["recall_at_1pct_fp"]) > 0.4
    assert {f"recall_{name}" for name in SCENARIOS} <= report.keys()


def test_the_same_seed_gives_the_same_history() -> None:
    assert fraud_history(5, events=300, parties=50).equals(fraud_history(5, events=300, parties=50))
    assert not fraud_history(5, events=300, parties=50).equals(
        fraud_history(6, events=300, parties=50)
    )
    only = fraud_history(5, events=300, parties=50, scenarios=("takeover",))
    assert set(only["scenario"].unique()) == {"", "takeover"}


def test_the_command_line_trains_and_backtests(
    frame: pl.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history, rules, model = (tmp_path / n for n in ("h.csv", "rules.json", "model.json"))
    frame.write_csv(history)
    rules.write_bytes(msgspec.json.encode(RuleSet(rules=RULES, features=FEATURES)))
    trained = [
        "risk",
        "model",
        "train",
        str(history),
        "--out",
        str(model),
        "--features",
        str(rules),
    ]
    assert answer([*trained, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recall_at_1pct_fp"] > 0.3
    card = decode_json(model.read_bytes(), Scorecard)
    scored = RuleSet(rules=RULES, features=FEATURES, model=card)
    rules.write_bytes(msgspec.json.encode(scored))
    assert answer(["risk", "backtest", str(rules), "--events", str(history), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {rule["name"] for rule in found["rules"]} == {rule.name for rule in RULES}
    assert answer(["risk", "backtest", str(rules), "--events", str(history)]) == 0
    assert "many_cards" in capsys.readouterr().out
    # What others know of people is not in this history: it counts as not known.
    graph = Bins("graph_payee_association", (1,), (0, 5))
    model.write_bytes(msgspec.json.encode(msgspec.structs.replace(card, bins=(*card.bins, graph))))
    judged = ["risk", "model", "evaluate", str(model), "--events", str(history), "--features"]
    assert answer([*judged, str(rules)]) == 0
    rules.write_text("{}")
    assert answer([*judged, str(rules)]) == 2
    assert "there is no number" in capsys.readouterr().err
    history.write_text("at_ms,kind,fraud\n" + "1,payment,0\n1,payment,1\n" * 9)
    assert answer([*trained, "--json"]) == 2
    assert "nothing varies in this history" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rules", "events", "says"),
    [
        ('{"rules":[{"name":"r","when":"amont>1","action":"deny"}]}', "at_ms,kind\n1,a\n",
         "r: column 1: there is no feature 'amont'; did you mean amount?"),
        ('{"rules":[{"name":"r","when":"true","action":"stop"}]}', "at_ms,kind\n1,a\n", "stop"),
        ('{"rulez":[]}', "at_ms,kind\n1,a\n", "rulez"),
        ('{"rules":[]}', "at_ms\n1\n", "there is no column 'kind'"),
        ('{"rules":[]}', "at_ms,kind\n2,a\n1,a\n", "event 2: at_ms goes back"),
        ('{"rules":[]}', "at_ms,kind,fraud\n2,a,3\n", "fraud is 1, 0 or empty"),
        ('{"rules":[]}', "at_ms,kind,fraud\n2,a,0.5\n", "event 1: fraud: '0.5' is not a whole"),
        ('{"rules":[]}', "at_ms,kind,amount\n2,a,5\n2,a,1.5\n", "event 2: amount: '1.5' is not"),
        ('{"rules":[]}', "at_ms,kind,amount\n2,a,5\n2,,1\n", "event 2: kind is empty"),
        ('{"rules":[]}', "at_ms,kind,amount\n2,a,5\n,a,1\n", "event 2: at_ms is empty"),
        ('{"rules":[]}', "at_ms,kind,amount\n2,a,5\n2,a\n", "line 3: has 2 values instead of 3"),
        ('{"rules":[{"name":"r","when":"kind==1","action":"deny"}]}', "at_ms,kind\n1,a\n",
         "r.json: r: column 5: == compares a text with a number"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_refused_by_name_and_place(
    rules: str, events: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.json").write_text(rules)
    (tmp_path / "e.csv").write_text(events)
    code = answer(
        ["risk", "backtest", str(tmp_path / "r.json"), "--events", str(tmp_path / "e.csv")]
    )
    assert code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("e.csv", "at_ms,kind,device,amount,fraud\n1,a,7,1,\n2,a,007,50,1.0\n3,a,1e3,2,0.0\n"),
        ("e.jsonl", '{"at_ms":1,"kind":"a","device":7,"amount":1}\n' * 120
         + '{"at_ms":2,"kind":"a","device":"007","amount":50,"fraud":1}\n'
         + '{"at_ms":3,"kind":"a","device":"1e3","amount":2,"fraud":0}\n'),
    ],
)  # fmt: skip
def test_a_name_of_digits_is_that_text_whatever_stands_beside_it(
    name: str, events: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(events)
    rules = (Rule(name="seven", when="device == '007'", action="deny"),
             Rule(name="thousand", when="device == '1e3'", action="deny"))  # fmt: skip
    found = backtest(read_events(tmp_path / name), RuleSet(rules=rules))
    assert [(rule.name, rule.hits, rule.amount_saved) for rule in found.rules] == [
        ("seven", 1, 50), ("thousand", 1, 0),
    ]  # fmt: skip
    assert (found.fraud, found.genuine) == (1, 1)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"at_ms":1,"kind":"a"}\nnothing\n')
    with pytest.raises(RiskFileError, match=r"e\.jsonl: line 2: "):
        read_events(tmp_path / "e.jsonl")


def test_moments_of_any_unit_are_milliseconds_and_truth_is_no_amount(tmp_path: Path) -> None:
    moments = pl.Series("at_ms", [1_700_000_000_000, 1_700_000_060_000]).cast(pl.Datetime("ms"))
    frame = pl.DataFrame({"at_ms": moments.dt.cast_time_unit("us"), "kind": ["a", "b"]})
    frame.write_parquet(tmp_path / "e.parquet")
    history = read_events(tmp_path / "e.parquet").history
    assert history.at_ms.tolist() == [1_700_000_000_000, 1_700_000_060_000]
    for wrong in (pl.Series("amount", [True, False]), moments.dt.date().alias("amount")):
        frame.with_columns(wrong).write_parquet(tmp_path / "e.parquet")
        with pytest.raises(RiskFileError, match="event 1: amount: .* is not a whole number"):
            read_events(tmp_path / "e.parquet")


def test_an_empty_history_has_no_hits(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("at_ms,kind\n")
    found = backtest(read_events(tmp_path / "e.csv"), RuleSet(rules=RULES[:1], features=FEATURES))
    assert (found.events, found.rules[0].hits) == (0, 0)


def test_a_text_is_tested_once_for_each_different_one() -> None:
    column = Column(np.array([0, 1, 0, 1], np.int32), ["ab", "b"])
    assert column.where_text("startsWith", "a").tolist() == [True, False, True, False]


def test_the_sandbox_writes_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "h.parquet"
    command = ["sandbox", "fraud", "--events", "200", "--parties", "20", "--out", str(out)]
    assert answer([*command, "--scenario", "mule_chain"]) == 0
    assert set(pl.read_parquet(out)["scenario"].unique()) == {"", "mule_chain"}
    assert answer([*command, "--scenario", "nothing"]) == 2
    assert "mule_chain" in capsys.readouterr().err
