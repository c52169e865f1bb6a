"""The benchmark's comparison of live and history, on fewer events than its million."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bench.risk_live import live_figures
from bench.risk_rules import FEATURES, RULES, large_history

from tallystick.risk.decision.files import read_events
from tallystick.risk.decision.history import Events
from tallystick.risk.decision.scorecard import Scorer
from tallystick.sandbox.fraud import fraud_history


def events_in(folder: Path, frame: pl.DataFrame) -> Events:
    frame.write_parquet(folder / "events.parquet")
    return read_events(folder / "events.parquet")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Events:
    return events_in(tmp_path_factory.mktemp("labelled"), fraud_history(1, events=2_000))


def test_features_score_and_rules_are_the_same_live_and_over_history(
    tmp_path: Path, labelled: Events
) -> None:
    size = 10_000
    figures = live_figures(events_in(tmp_path, large_history(size)), labelled)
    differs = figures["risk.live_differs_from_history"]
    assert differs.value == 0
    assert f"of {size * (len(FEATURES) + 1 + len(RULES)):,} values" in differs.meaning


def test_what_differs_is_named(
    tmp_path: Path, labelled: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Scorer.score

    def off_by_one(scorer: Scorer, values: Mapping[str, Any]) -> int:
        return right(scorer, values) + 1

    monkeypatch.setattr(Scorer, "score", off_by_one)
    with pytest.raises(RuntimeError, match="score is not the same live and over history"):
        live_figures(events_in(tmp_path, large_history(500)), labelled)
