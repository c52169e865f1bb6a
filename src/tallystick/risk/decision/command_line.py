"""`tallystick risk backtest`, `risk model train` and `evaluate`, over files of events."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tallystick.decoding import decode_json
from tallystick.risk.decision.backtest import Backtest, backtest
from tallystick.risk.decision.errors import RiskFileError
from tallystick.risk.decision.files import read_events, read_rules
from tallystick.risk.decision.rules import RuleSet
from tallystick.risk.decision.scorecard import Scorecard, check_scorecard
from tallystick.risk.decision.training import TrainingError, evaluate, train

__all__ = ["backtest_command", "evaluate_command", "train_command"]

AsJson = Annotated[bool, Parameter("--json", negative=())]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _table(found: Backtest) -> str:
    lines = [
        f"{found.events:,} events, {found.fraud:,} known as fraud, {found.genuine:,} as genuine",
        f"{'rule':<28}{'lane':<12}{'action':<10}{'hits':>10}{'caught':>9}{'false':>9}"
        f"{'precision':>11}{'saved':>16}{'only here':>11}  overlap",
    ]
    for rule in found.rules:
        overlap = ", ".join(f"{name} {count:,}" for name, count in rule.overlap.items())
        lines.append(
            f"{rule.name:<28}{rule.lane:<12}{rule.action:<10}{rule.hits:>10,}{rule.caught:>9,}"
            f"{rule.false_positives:>9,}{rule.precision:>11.3f}{rule.amount_saved:>16,}"
            f"{rule.only_here:>11,}  {overlap}"
        )
    for lane in found.sets:
        outcomes = ", ".join(f"{word} {count:,}" for word, count in lane.outcomes.items())
        lines.append(
            f"{lane.lane} together: {outcomes}; recall {lane.recall:.3f}, "
            f"{lane.false_positive_share:.4f} of the genuine stopped, saved {lane.amount_saved:,} "
            f"of {found.amount_fraud:,}"
        )
    return "\n".join(lines)


def backtest_command(rules: Path, *, events: Path, as_json: AsJson = False) -> None:
    """Run rules over a history: hits, false positives, money saved, overlap.

    Args:
        rules: a rule set as JSON: features, rules, and if wanted thresholds and a model.
        events: .csv, .parquet or .jsonl, a line an event.
        as_json: one JSON object instead of a table.
    """
    found = backtest(read_events(events), read_rules(rules))
    _say(msgspec.json.encode(found).decode() if as_json else _table(found))


def _reported(model: Scorecard) -> str:
    lines = [f"{name:<24}{value}" for name, value in model.report.items()]
    strongest = sorted(model.bins, key=lambda b: max(b.points) - min(b.points), reverse=True)
    lines += [
        f"{bins.feature:<24}points {min(bins.points):,} to {max(bins.points):,}"
        for bins in strongest[:10]
    ]
    return "\n".join(lines)


def train_command(
    labelled: Path,
    *,
    out: Path,
    features: Path,
    unseen: Path | None = None,
    name: str = "scorecard",
    as_json: AsJson = False,
) -> None:
    """Train a scorecard from labelled history, and report what it tells of what it has not seen.

    Args:
        labelled: events with `fraud`.
        out: where the model is written, as JSON.
        features: a rule set whose features the model may use.
        unseen: another labelled history for the report; else the last 30 % are kept apart.
        name: the model's name.
        as_json: the report as one JSON object.
    """
    kept_up = read_rules(features).features
    try:
        model = train(read_events(labelled), kept_up, name)
    except TrainingError as error:
        raise RiskFileError(f"{labelled}: {error}") from error
    if unseen is not None:
        report = evaluate(model, read_events(unseen), kept_up)
        model = msgspec.structs.replace(model, report=report)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(model)))
    _say(json.dumps(model.report) if as_json else _reported(model))


def evaluate_command(model: Path, *, features: Path, events: Path, as_json: AsJson = False) -> None:
    """Report what a trained model tells of a labelled history.

    Args:
        model: what `train` has written.
        features: the rule set with the features that it reads.
        events: events with `fraud`.
        as_json: one JSON object.
    """
    kept_up: RuleSet = read_rules(features)
    try:
        scorecard = decode_json(model.read_bytes(), Scorecard)
        check_scorecard(scorecard, kept_up.features)
    except ValueError as error:
        raise RiskFileError(f"{model}: {error}") from error
    report = evaluate(scorecard, read_events(events), kept_up.features)
    shown = msgspec.structs.replace(scorecard, report=report)
    _say(json.dumps(report) if as_json else _reported(shown))
