"""Schedules at work: each occurrence once, in its order, whatever stands still or runs late."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.accounting.own_books import BOOK, account, accounts, balance, money, transfer
from tests.platform_parts import START_MS, Clock, Parts, opened

from tallystick.accounting import service
from tallystick.accounting.days import DAY_MS, day_of_ms
from tallystick.accounting.schedules import service as schedules
from tallystick.accounting.schedules.model import (
    CreateSchedule,
    EndSchedule,
    Missed,
    OnRefusal,
    PauseSchedule,
    ResumeSchedule,
    RunOutcome,
    RunSchedule,
    Schedule,
    ScheduleRun,
    ScheduleStatus,
)
from tallystick.accounting.schedules.rule import Unit
from tallystick.accounting.schedules.views import schedule_story
from tallystick.accounting.sweeps import service as sweeps
from tallystick.store.ledger_rows import id_bytes

TODAY = day_of_ms(START_MS)
PURSE, SHOP = 3, 2
"""An account that cannot be overdrawn, and where its money goes."""
REGISTERS = service.register, sweeps.register, schedules.register


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, *REGISTERS) as made:
        accounts(made, account(1), account(SHOP), account(PURSE, flags=2))
        yield made


def daily(amount: int = 10, **more: Any) -> CreateSchedule:
    wanted = {
        "name": "rent", "book": BOOK, "debit_account_id": id_bytes(PURSE),
        "credit_account_id": id_bytes(SHOP), "amount": amount, "unit": Unit.DAY,
        "first_day": TODAY + 1,
    }  # fmt: skip
    return CreateSchedule(**(wanted | more))  # type: ignore[arg-type]


def run_all(parts: Parts) -> None:
    while parts.run_timers():
        pass


def fund(parts: Parts, number: int, amount: int) -> None:
    assert money(parts, transfer(number, 1, PURSE, amount)) == ["created"]


def outcomes(parts: Parts, schedule_id: str) -> list[tuple[int, int, str]]:
    story = schedule_story(parts.rows, schedule_id)
    assert story is not None
    return [(r.occurrence, r.attempt, r.outcome.value) for r in reversed(story.runs)]


def status(parts: Parts, schedule_id: str) -> ScheduleStatus:
    row = parts.rows.get(Schedule, schedule_id)
    assert row is not None
    return row.status


def test_what_fell_due_while_the_platform_was_down_happens_once_each(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path, *REGISTERS, clock=clock) as before:
        accounts(before, account(1), account(SHOP), account(PURSE, flags=2))
        fund(before, 10, 1000)
        made = before.accept(daily(count_max=8))
    clock.pass_ms(5 * DAY_MS)
    with opened(tmp_path, *REGISTERS, clock=clock) as after:
        run_all(after)
        run_all(after)
        assert balance(after, SHOP) == 50
        assert outcomes(after, made.schedule_id) == [(n, 0, "moved") for n in range(1, 6)]
        clock.pass_ms(10 * DAY_MS)
        run_all(after)
        assert balance(after, SHOP) == 80
        assert status(after, made.schedule_id) is ScheduleStatus.ENDED
        assert after.next_timer_ms() is None


def test_an_occurrence_that_was_run_is_not_run_again(parts: Parts) -> None:
    fund(parts, 10, 1000)
    made = parts.accept(daily())
    parts.clock.pass_ms(DAY_MS)
    run_all(parts)
    again = RunSchedule(schedule_id=made.schedule_id, occurrence=1, attempt=0)
    assert parts.refuse(again) == "SCHEDULE_STATE"
    assert balance(parts, SHOP) == 10


def test_missing_money_is_tried_again_along_the_ladder_and_then_skipped(parts: Parts) -> None:
    made = parts.accept(daily(retry_after_s=(60, 3600), count_max=2))
    parts.clock.pass_ms(DAY_MS)
    run_all(parts)
    parts.clock.pass_ms(60_000)
    run_all(parts)
    parts.clock.pass_ms(3_600_000)
    run_all(parts)
    fund(parts, 10, 100)
    parts.clock.pass_ms(DAY_MS)
    run_all(parts)
    assert outcomes(parts, made.schedule_id) == [
        (1, 0, "refused"), (1, 1, "refused"), (1, 2, "refused"), (2, 0, "moved"),
    ]  # fmt: skip
    story = schedule_story(parts.rows, made.schedule_id)
    assert story is not None
    assert story.runs[-1].result == "exceeds_credits"
    assert status(parts, made.schedule_id) is ScheduleStatus.ENDED


def test_one_that_is_to_stop_stops_and_can_go_on(parts: Parts) -> None:
    made = parts.accept(daily(on_refusal=OnRefusal.STOP))
    parts.clock.pass_ms(DAY_MS)
    run_all(parts)
    assert status(parts, made.schedule_id) is ScheduleStatus.STOPPED
    assert parts.next_timer_ms() is None
    fund(parts, 10, 100)
    parts.accept(ResumeSchedule(schedule_id=made.schedule_id, missed=Missed.RUN))
    run_all(parts)
    assert outcomes(parts, made.schedule_id) == [(1, 0, "refused"), (1, 1, "moved")]


def test_at_most_moves_what_is_there(parts: Parts) -> None:
    fund(parts, 10, 7)
    made = parts.accept(daily(at_most=True, count_max=2))
    parts.clock.pass_ms(3 * DAY_MS)
    run_all(parts)
    assert outcomes(parts, made.schedule_id) == [(1, 0, "moved"), (2, 0, "nothing")]
    assert (balance(parts, PURSE), balance(parts, SHOP)) == (0, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_day": TODAY - 1}, {"every": 0}, {"amount": 0}, {"last_day": TODAY},
        {"month_end": True}, {"retry_after_s": (0,)}, {"minute": 1440}, {"name": ""},
        {"credit_account_id": id_bytes(PURSE)},
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(parts: Parts, wrong: dict[str, Any]) -> None:
    assert parts.refuse(daily(**wrong)) == "SCHEDULE_INVALID"


class Schedules(RuleBasedStateMachine):
    """One daily schedule, paused, resumed, starved and left alone, beside a naive count."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tallystick-schedules-"))
        self.context = opened(self.folder, *REGISTERS)
        self.parts = self.context.__enter__()
        accounts(self.parts, account(1), account(SHOP), account(PURSE, flags=2))
        made = self.parts.accept(daily())
        self.schedule_id = made.schedule_id
        self.numbers = iter(range(1000, 100_000))
        self.money = self.moved = self.refused = self.passed = 0
        self.next_day, self.paused = TODAY + 1, False

    def today(self) -> int:
        return day_of_ms(self.parts.clock.now_ms)

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @rule(amount=st.integers(1, 35))
    def fund(self, amount: int) -> None:
        fund(self.parts, next(self.numbers), amount)
        self.money += amount

    @rule(days=st.integers(0, 3))
    def wait(self, days: int) -> None:
        self.parts.clock.pass_ms(days * DAY_MS)
        run_all(self.parts)
        while not self.paused and self.next_day <= self.today():
            self.next_day += 1
            if self.money >= 10:
                self.money, self.moved = self.money - 10, self.moved + 1
            else:
                self.refused += 1

    @precondition(lambda self: not self.paused)
    @rule()
    def pause(self) -> None:
        self.parts.accept(PauseSchedule(schedule_id=self.schedule_id))
        self.paused = True

    @precondition(lambda self: self.paused)
    @rule(missed=st.sampled_from(Missed))
    def resume(self, missed: Missed) -> None:
        self.parts.accept(ResumeSchedule(schedule_id=self.schedule_id, missed=missed))
        self.paused = False
        while missed is Missed.SKIP and self.next_day <= self._last_over():
            self.next_day, self.passed = self.next_day + 1, self.passed + 1
        self.wait(0)

    def _last_over(self) -> int:
        """The last day whose first moment is over."""
        begun = (self.parts.clock.now_ms + 8 * 3_600_000) % DAY_MS > 0
        return self.today() if begun else self.today() - 1

    @invariant()
    def it_is_as_counted(self) -> None:
        assert balance(self.parts, SHOP) == 10 * self.moved
        assert balance(self.parts, PURSE) == self.money
        runs = self.parts.rows.select(ScheduleRun, schedule_id=self.schedule_id)
        by = [r.outcome for r in runs]
        assert by.count(RunOutcome.MOVED) == self.moved
        assert by.count(RunOutcome.REFUSED) == self.refused
        skipped = sum(int(r.result) for r in runs if r.outcome is RunOutcome.SKIPPED)
        assert skipped == self.passed


Schedules.TestCase.settings = settings(
    max_examples=6, stateful_step_count=12, suppress_health_check=list(HealthCheck)
)
TestSchedules = Schedules.TestCase


def test_ended_is_ended(parts: Parts) -> None:
    made = parts.accept(daily())
    parts.accept(EndSchedule(schedule_id=made.schedule_id))
    assert parts.next_timer_ms() is None
    assert parts.refuse(EndSchedule(schedule_id=made.schedule_id)) == "SCHEDULE_STATE"
    assert parts.refuse(PauseSchedule(schedule_id="0")) == "SCHEDULE_NOT_EXIST"
