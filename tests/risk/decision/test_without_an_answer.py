"""Commands that risk has no answer for: late, failed, stuck, or with windows still being filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.payments.market import ALICE
from tests.risk.decision.watched_market import ANN, WatchedMarket, watched
from tests.stores import database_for

from tallystick.payments.trades.model import PayTrade
from tallystick.pipeline.commands import Context
from tallystick.risk.decision import filling
from tallystick.risk.decision.facts import Facts
from tallystick.risk.decision.model import SetFailurePolicy
from tallystick.risk_facts import READERS
from tallystick.store.rows import ReadSession


class Stopwatch:
    """Stands still until something is to take long."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def failing(shop: WatchedMarket, readers: dict[Any, Any]) -> None:
    shop.engine._readers = {**shop.engine._readers, **readers}


def test_a_reader_that_fails_follows_the_commands_policy(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    options: dict[str, Any] = {"unanswered": lambda command, policy: told.append((command, policy))}

    def broken(command: PayTrade, context: Context) -> Facts | None:
        raise ZeroDivisionError

    with watched(tmp_path, **options) as shop:
        shop.publish("true", "deny")
        failing(shop, {PayTrade: broken})
        assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
        shop.accept(SetFailurePolicy(command_name="trade.pay", policy="closed"), ANN)
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_UNAVAILABLE"
        assert [(d.why, d.result) for d in shop.decisions()] == [
            ("failure", "accepted"), ("failure", "RISK_UNAVAILABLE"),
        ]  # fmt: skip
    assert told == [("trade.pay", "open"), ("trade.pay", "closed")]


def test_time_is_looked_at_between_the_steps(tmp_path: Path) -> None:
    watch = Stopwatch()

    def slow(command: PayTrade, context: Context) -> Facts | None:
        watch.now_s += 0.051
        return READERS[PayTrade](command, context)

    with watched(tmp_path, stopwatch=watch) as shop:
        shop.publish("true", "deny")
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_DENIED"
        failing(shop, {PayTrade: slow})
        assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
        assert shop.decisions()[-1].why == "failure"


def test_after_five_failures_risk_is_left_alone_for_a_second(tmp_path: Path) -> None:
    watch = Stopwatch()
    asked: list[float] = []
    broken = True

    def reader(command: PayTrade, context: Context) -> Facts | None:
        asked.append(watch.now_s)
        if broken:
            raise ZeroDivisionError
        return READERS[PayTrade](command, context)

    with watched(tmp_path, stopwatch=watch) as shop:
        shop.publish("true", "deny")
        failing(shop, {PayTrade: reader})
        codes = {shop.code_of(shop.pay(ALICE, 1)) for _ in range(8)}
        assert codes == {"accepted"}
        assert len(asked) == 5
        assert len(shop.decisions()) == 8
        broken = False
        watch.now_s += 1.1
        assert shop.code_of(shop.pay(ALICE, 1)) == "RISK_DENIED"


def test_a_long_history_is_read_beside_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_AT_ONCE_MAX", 2)

    def open_rows() -> ReadSession:
        return ReadSession(database_for(tmp_path).connect(readonly=True))

    options: dict[str, Any] = {"open_rows": open_rows}
    with watched(tmp_path, **options) as shop:
        shop.publish("amount > 4000", "deny", name="large")
        for _ in range(4):
            shop.pay(ALICE, 10)
        shop.define("paid", "count", ("party",), 60)
        shop.publish("paid >= 5", "deny", name="many")
        # What was in force before goes on deciding meanwhile, and what it lets through is counted.
        assert shop.code_of(shop.pay(ALICE, 4001)) == "RISK_DENIED"
        for _ in range(12_000):
            if not shop.engine.filling:
                break
            shop.engine._filling.wait(0.01)
        assert shop.code_of(shop.pay(ALICE, 10)) == "RISK_DENIED"
        assert shop.decisions()[-1].hits == "many@1"
