"""Generated histories of all payment commands, against a naive model, with the laws of money.

`LAWS=deep` takes longer histories, and many more of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.payments.laws import LawKeeper
from tests.payments.market import (
    CONFIRM_WITHIN_MS,
    DAY_MS,
    FEE_PERCENT,
    FUNDED,
    PARTIES,
    REFUND_WITHIN_MS,
    SELLERS,
    market,
)
from tests.payments.naive_market import NaiveMarket
from tests.payments.operations import Operation, Scribe, opening, operations

from tallystick.pipeline.commands import Answer, Request

DEEP = os.environ.get("LAWS") == "deep"


class PaymentHistory(RuleBasedStateMachine):
    """The platform and the model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tallystick-laws-"))
        self._open = market(self.folder)
        self.market = self._open.__enter__()
        self.model = NaiveMarket(
            self.market.clock(), dict(FUNDED), SELLERS, FEE_PERCENT, CONFIRM_WITHIN_MS,
            REFUND_WITHIN_MS,
        )  # fmt: skip
        self.scribe = Scribe(self.model)
        self.laws = LawKeeper(self.market)
        self.accepted: dict[str, tuple[Request, Any]] = {}

    def teardown(self) -> None:
        self._open.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    def _judge(self, request: Request, expected: str, answer: Answer) -> None:
        told = answer.refusal.code if answer.refusal else ""
        assert told == expected, (request.command, told, expected)
        assert not answer.replayed
        if not told:
            self.accepted[request.request_id] = (request, answer.reply)

    @initialize(first=st.lists(opening, min_size=2, max_size=14))
    def begin(self, first: list[Operation]) -> None:
        self.together(first)

    @rule(operation=operations)
    def alone(self, operation: Operation) -> None:
        request, expected = operation(self.scribe)
        self._judge(request, expected, self.market.executor.submit_and_wait(request))

    @rule(several=st.lists(operations, min_size=2, max_size=8))
    def together(self, several: list[Operation]) -> None:
        """In one batch; each sees what the ones before it did."""
        written = [operation(self.scribe) for operation in several]
        answers = self.market.together([request for request, _ in written])
        for (request, expected), answer in zip(written, answers, strict=True):
            self._judge(request, expected, answer)

    @rule(which=st.integers(0, 50), times=st.integers(1, 3))
    def again(self, which: int, times: int) -> None:
        """An earlier request once more: the same answer, and nothing else."""
        if not self.accepted:
            return
        request, reply = list(self.accepted.values())[which % len(self.accepted)]
        for answer in self.market.together([request] * times):
            assert answer.reply == reply
            assert answer.replayed

    @rule(hours=st.sampled_from([1, 30, 100, 260, 2200]))
    def time_passes(self, hours: int) -> None:
        span = hours * DAY_MS // 24
        self.market.clock.pass_ms(span)
        while self.market.run_timers():
            pass
        self.model.pass_time(span)

    @invariant()
    def the_laws_hold(self) -> None:
        self.laws.check()

    @invariant()
    def balances_are_the_models(self) -> None:
        for party_id in PARTIES:
            assert self.market.available(party_id) == self.model.available[party_id], party_id
            assert self.market.frozen(party_id) == self.model.frozen[party_id], party_id
        for number, trade in self.model.trades.items():
            row = self.market.trade(number)
            stands = "wait" if row.status == "wait_buyer_pay" else row.status.value
            assert stands == trade.status, number
            assert self.laws.held(row.trade_no) == trade.held, number
            assert self.laws.refunded(row.trade_no) == trade.refunded, number
        assert self.laws.escrow_total() == sum(t.held for t in self.model.trades.values())
        assert self.market.sum_of(4001) == self.model.fees
        assert self.market.sum_of(1001) == self.model.reserve


TestPaymentHistory = PaymentHistory.TestCase
TestPaymentHistory.settings = settings(
    max_examples=1500 if DEEP else 80,
    stateful_step_count=60 if DEEP else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
