"""`script/bench risk`: decisions inside payments, rules over history, and what a model tells.

Parts: `gateway` (payments through a real server with 60 rules, 40 features and a model, and without
any, alternating), `live` (the same features, score and rules live and over history), `backtest` (60
rules over 10 million events, in a process of its own), `pandas` (the same features and rules in
plain pandas, on a part of the events), `model` (trained on some seeds, judged on others), `graph`
(the fraud graph's benchmark), and those with a module of their own: `anomaly`, `blacklist`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl
import uvloop
from tests.server_process import ServerProcess

from bench import graph
from bench.gateway import Shop
from bench.loopback import as_fast_as_answered
from bench.report import Figure, Options, Report, say
from bench.risk_blacklist import blacklist_figures
from bench.risk_live import live_figures
from bench.risk_rules import FEATURES, RULES, large_history, rule_set
from tallystick.pipeline.commands import SYSTEM, Command, Request
from tallystick.platform import Platform
from tallystick.risk.decision.backtest import backtest
from tallystick.risk.decision.files import read_events
from tallystick.risk.decision.history import Events
from tallystick.risk.decision.model import (
    DefineFeature,
    PublishRule,
    SaveModel,
    SaveRule,
    SetTerms,
)
from tallystick.risk.decision.scorecard import Scorecard
from tallystick.risk.decision.training import evaluate, train
from tallystick.sandbox.fraud import SCENARIOS, fraud_history
from tallystick.settings import load_settings

__all__ = ["run"]

_CONNECTIONS = 64


def _events(frame: pl.DataFrame, folder: Path, name: str) -> Events:
    path = folder / f"{name}.parquet"
    frame.write_parquet(path)
    return read_events(path)


def _model(folder: Path) -> Scorecard:
    return train(_events(fraud_history(1, events=20_000), folder, "train"), FEATURES, "bench")


# Inside payments.


def _publish(data: Path, model: Scorecard) -> None:
    """Put features, rules and the model in force, through the pipeline, while nothing serves."""
    platform = Platform.open(load_settings(None, {}, data=data))
    platform.executor.start()

    def ask(command: Command) -> Any:
        answer = platform.executor.submit_and_wait(Request.once(SYSTEM, command))
        assert answer.refusal is None, answer.refusal
        return answer.reply

    for feature in FEATURES:
        ask(DefineFeature(feature=feature))
    for rule in RULES:
        saved = ask(SaveRule(rule=rule))
        ask(PublishRule(name=rule.name, version=saved.number))
    ask(SaveModel(model=model))
    ask(SetTerms(model=model.name, thresholds=rule_set().thresholds))
    platform.executor.stop()
    platform.close()


def _paid(server: ServerProcess, shop: Shop, size: int) -> float:
    requests = shop.payments(size)
    answered = uvloop.run(
        as_fast_as_answered(server.host, server.port, requests, connections=_CONNECTIONS)
    )
    shop.check(answered.bodies, signatures=10)
    return size / answered.whole_s


def _gateway(folder: Path, quick: bool) -> dict[str, Figure]:
    rounds, size = (1, 400) if quick else (5, 4000)
    env = {"TALLYSTICK_LOG_LEVEL": "warning"}
    servers = [ServerProcess(folder / name, env=env) for name in ("with", "without")]
    servers[0].start()
    servers[0].stop()
    _publish(folder / "with", _model(folder))
    try:
        shops = [Shop(server.start()) for server in servers]
        shares = []
        for at in range(rounds + 1):
            with_rules, without = (
                _paid(server, shop, size) for server, shop in zip(servers, shops, strict=True)
            )
            say(f"round {at}: {with_rules:,.0f}/s with rules, {without:,.0f}/s without")
            if at > 0:  # The first round warms up.
                shares.append(1 - with_rules / without)
    finally:
        for server in servers:
            server.stop()
    connection = sqlite3.connect(folder / "with" / "tallystick.db")
    spent = [r[0] for r in connection.execute("SELECT latency_us FROM risk_decision")]
    connection.close()
    quantiles = statistics.quantiles(spent, n=100)
    return {
        "risk.decide_p50_ms": Figure(quantiles[49] / 1000, "ms", "60 rules, 40 features, 1 model"),
        "risk.decide_p99_ms": Figure(
            quantiles[98] / 1000,
            "ms",
            f"in the payment, {quantiles[98] / 5000:.2f} of the limit",
        ),
        "risk.gateway_share": Figure(
            statistics.median(shares),
            "",
            f"of the gateway's throughput, {statistics.median(shares) / 0.25:.2f} of the limit",
        ),
    }


# Over history.


def _live(folder: Path, quick: bool) -> dict[str, Figure]:
    labelled = _events(fraud_history(1, events=20_000), folder, "labelled")
    size = 20_000 if quick else 1_000_000
    return live_figures(_events(large_history(size), folder, "live"), labelled)


def _run_backtest(path: Path) -> dict[str, float]:
    """In a process of its own, so that its peak memory is its own."""
    began = time.perf_counter()
    events = read_events(path)
    read = time.perf_counter() - began
    began = time.perf_counter()
    found = backtest(events, rule_set())
    return {
        "events": found.events,
        "read_s": read,
        "run_s": time.perf_counter() - began,
        "rss_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024,
    }


def _backtest(folder: Path, quick: bool) -> dict[str, Figure]:
    size = 50_000 if quick else 10_000_000
    path = folder / "history.parquet"
    large_history(size).write_parquet(path)
    say(f"{size:,} events are written")
    command = [sys.executable, "-m", "bench.risk", str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    whole = found["read_s"] + found["run_s"]
    return {
        "risk.backtest_s": Figure(
            whole,
            "s",
            f"{size:,} events, 60 rules, 40 features; {whole / 60:.2f} of 60 s",
        ),
        "risk.backtest_events_per_s": Figure(
            size / whole, "/s", "file read and compiling included"
        ),
        "risk.backtest_rss_gb": Figure(
            found["rss_gb"], "GB", f"peak resident memory, {found['rss_gb'] / 4:.2f} of the limit"
        ),
    }


def _pandas(folder: Path, quick: bool) -> dict[str, Figure]:
    """All features and rules, as an analyst writes them in pandas, beside ours: the same hits."""
    from bench.risk_pandas import hits_in_pandas, table_of

    size = 5_000 if quick else 200_000
    frame = large_history(size, seed=2)
    events, table = _events(frame, folder, "pandas"), table_of(frame)
    backtest(events, rule_set())  # Compiled before the clock starts.
    began = time.perf_counter()
    ours = {rule.name: rule.hits for rule in backtest(events, rule_set()).rules}
    our_s = time.perf_counter() - began
    began = time.perf_counter()
    theirs = hits_in_pandas(table, FEATURES, RULES)
    their_s = time.perf_counter() - began
    if ours != theirs:
        raise RuntimeError("the rules do not hit the same in pandas")
    say(f"{size:,} events: {our_s:.2f} s, in pandas {their_s:.2f} s, {sum(ours.values()):,} hits")
    what = f"{len(RULES)} rules, {len(FEATURES)} features, {size:,} events in memory on both sides"
    return {
        "risk.backtest_vs_pandas": Figure(
            their_s / our_s, "", f"times faster than plain pandas: {what}; the same hits"
        ),
        "risk.pandas_events_per_s": Figure(size / their_s, "/s", "the same in plain pandas"),
    }


# What a model tells.


def _unseen(folder: Path, quick: bool) -> dict[str, Figure]:
    size = 5_000 if quick else 60_000
    learned = pl.concat(
        [
            fraud_history(seed, events=size).with_columns(
                pl.col("at_ms") + (seed - 1) * 100 * 86_400_000
            )
            for seed in (1, 2, 3)
        ]
    )
    model = train(_events(learned, folder, "learned"), FEATURES, "bench", kept_apart=0.05)
    reports = [
        evaluate(model, _events(fraud_history(seed, events=size), folder, "unseen"), FEATURES)
        for seed in (101, 102, 103)
    ]
    names = ["recall_at_1pct_fp", "auc", *(f"recall_{name}" for name in SCENARIOS)]
    found = {
        f"risk.model_{name}": Figure(
            statistics.median(float(r[name]) for r in reports), "", "seeds 101 to 103, median"
        )
        for name in names
    }
    return found | _never_seen(folder, min(size, 20_000))


def _never_seen(folder: Path, size: int) -> dict[str, Figure]:
    """For each scenario, how much of it a model finds that has learned from the others alone."""
    unseen = [
        _events(fraud_history(seed, events=size), folder, f"unseen-{seed}")
        for seed in (101, 102, 103)
    ]
    found: dict[str, Figure] = {}
    for name in SCENARIOS:
        others = tuple(other for other in SCENARIOS if other != name)
        learned = _events(fraud_history(1, events=size, scenarios=others), folder, "learned")
        model = train(learned, FEATURES, "bench", kept_apart=0.05)
        recalls = [float(evaluate(model, events, FEATURES)[f"recall_{name}"]) for events in unseen]
        found[f"risk.model_never_seen_{name}"] = Figure(
            statistics.median(recalls), "",
            f"by a model of the others, {size:,} events; seeds 101 to 103, median",
        )  # fmt: skip
        say(f"{name}: {', '.join(f'{recall:.3f}' for recall in recalls)}")
    every = [figure.value for figure in found.values()]
    found["risk.model_never_seen"] = Figure(
        statistics.mean(every), "", f"of all {len(every)} scenarios, mean"
    )
    return found


def _blacklist(folder: Path, quick: bool) -> dict[str, Figure]:
    return blacklist_figures(quick)


def _graph(folder: Path, quick: bool) -> dict[str, Figure]:
    """The fraud graph's own benchmark."""
    return dict(graph.run(Options(quick=quick)))


_PARTS: Final[dict[str, Callable[[Path, bool], dict[str, Figure]]]] = {
    "gateway": _gateway, "live": _live, "backtest": _backtest, "pandas": _pandas,
    "model": _unseen, "graph": _graph,
}  # fmt: skip
"""What is measured here, by the name for `--only`."""

_MODULES: Final = {"anomaly": "bench.risk_anomaly", "blacklist": "bench.risk_blacklist"}
"""Parts that have a module of their own, with a function `NAME_figures(quick)`."""


def _measured(name: str, quick: bool) -> dict[str, Figure]:
    if name in _MODULES:
        figures: dict[str, Figure] = getattr(
            importlib.import_module(_MODULES[name]), f"{name}_figures"
        )(quick)
        return figures
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        return _PARTS[name](Path(folder), quick)


def run(options: Options) -> Report:
    """Measure risk: each figure says with which part it was measured."""
    figures: dict[str, Figure] = {}
    known = [name for name, module in _MODULES.items() if importlib.util.find_spec(module)]
    for name in (*_PARTS, *known):
        if options.only and name not in options.only:
            continue
        say(name)
        for metric, figure in _measured(name, options.quick).items():
            meaning = f"{figure.meaning} · --only {name}".removeprefix(" · ")
            figures[metric] = figure._replace(meaning=meaning)
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run_backtest(Path(sys.argv[1]))))
