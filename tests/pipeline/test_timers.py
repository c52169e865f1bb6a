"""Timers: caught up in order, never twice to effect, put off after our own mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipeline.notebook import AddTo, BreakSchema, Crash, Notebook, Plan, Refuse, Write, note
from tests.platform_parts import START_MS, Clock, Parts, opened
from tests.stores import unwritable

from tallystick.ledger.chart import BANK_RESERVE, open_account
from tallystick.pipeline.commands import SYSTEM, Answer, Context, Registry, Reply, Request
from tallystick.pipeline.timers import TimerRunner, due_timers

MINUTE_MS = 60_000


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def parts(tmp_path: Path, notebook: Notebook) -> Iterator[Parts]:
    with opened(tmp_path, notebook.register) as found:
        yield found


def run_all(parts: Parts) -> int:
    """Run what is due until nothing is, within a bound."""
    for rounds in range(20):
        if parts.run_timers() == 0:
            return rounds
    raise AssertionError("the timers never come to rest")


def asked_by(parts: Parts) -> list[Request]:
    """What the timers that are due ask now."""
    return [
        Request(
            SYSTEM, f"timer:{timer_id}:{due_ms}", parts.registry.decode(command),
            timer_id=timer_id, timer_due_ms=due_ms, remembered=False,
        )
        for timer_id, due_ms, command in due_timers(parts.rows, parts.clock())
    ]  # fmt: skip


def codes(answers: list[Answer]) -> list[str]:
    return [a.refusal.code if a.refusal else "" for a in answers]


def due_of(parts: Parts, timer_id: str) -> int | None:
    row = parts.rows.connection.execute(
        "SELECT due_ms FROM timer WHERE timer_id = ?", (timer_id,)
    ).fetchone()
    return None if row is None else int(row[0])


def test_a_timer_runs_when_it_is_due_and_not_before(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS + 1000, then=Write(name="a")))
    parts.clock.pass_ms(999)
    assert parts.run_timers() == 0
    assert note(parts.rows, "a") is None
    parts.clock.pass_ms(1)
    assert parts.run_timers() == 1
    assert note(parts.rows, "a") == "written"
    assert parts.next_timer_ms() is None


def test_after_a_pause_timers_are_caught_up_in_the_order_of_their_times(
    tmp_path: Path, notebook: Notebook
) -> None:
    clock, count = Clock(), 1200  # More than are taken in one round.
    with opened(tmp_path, notebook.register, clock=clock) as parts:
        due = [START_MS + 1 + (n * 7919) % 100_000 for n in range(count)]
        parts.together(
            [
                Request.once(SYSTEM, Plan(timer_id=f"t{n}", due_ms=at, then=Write(name=str(at))))
                for n, at in enumerate(due)
            ]
        )
    clock.pass_ms(86_400_000)
    with opened(tmp_path, notebook.register, clock=clock) as parts:
        run_all(parts)
    assert [int(name) for name, _ in notebook.ran] == sorted(due)


def test_a_timer_that_asks_twice_has_one_effect(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS, then=AddTo(name="count")))
    asked = asked_by(parts)
    assert codes(parts.together(asked * 3)) == ["", "NOT_FOUND", "NOT_FOUND"]
    assert codes([parts.executor.submit_and_wait(asked[0])]) == ["NOT_FOUND"]
    assert note(parts.rows, "count") == "1"


def test_two_runners_have_one_effect(parts: Parts) -> None:
    for number in range(50):
        parts.accept(Plan(timer_id=f"t{number}", due_ms=START_MS, then=AddTo(name="count")))

    async def both() -> None:
        runners = [
            TimerRunner(parts.rows, parts.executor, parts.registry, parts.clock) for _ in range(2)
        ]
        await asyncio.gather(*(runner.run_due() for runner in runners))

    asyncio.run(both())
    assert note(parts.rows, "count") == "50"


def test_one_that_was_set_anew_meanwhile_does_not_run_early(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS, then=Write(name="a", value="early")))
    asked, later = asked_by(parts), START_MS + MINUTE_MS
    parts.accept(Plan(timer_id="t", due_ms=later, then=Write(name="a", value="late")))
    assert codes(parts.together(asked)) == ["NOT_FOUND"]
    assert note(parts.rows, "a") is None
    assert due_of(parts, "t") == later
    parts.clock.pass_ms(MINUTE_MS)
    run_all(parts)
    assert note(parts.rows, "a") == "late"


def test_a_timer_set_again_for_the_same_time_runs_again(parts: Parts) -> None:
    for total in ("1", "2"):
        parts.accept(Plan(timer_id="t", due_ms=START_MS, then=AddTo(name="count")))
        run_all(parts)
        assert note(parts.rows, "count") == total


@pytest.mark.parametrize("bad", [Crash(name="bad"), BreakSchema(name="bad")])
def test_after_our_own_mistake_a_timer_is_tried_again_a_minute_later(
    parts: Parts, notebook: Notebook, bad: Crash | BreakSchema
) -> None:
    parts.accept(Plan(timer_id="bad", due_ms=START_MS, then=bad))
    parts.accept(Plan(timer_id="good", due_ms=START_MS + 1, then=Write(name="good")))
    parts.clock.pass_ms(1)
    run_all(parts)
    assert note(parts.rows, "good") == "written"
    assert note(parts.rows, "bad") is None
    assert due_of(parts, "bad") == START_MS + 1 + MINUTE_MS
    notebook.mended = True
    parts.clock.pass_ms(MINUTE_MS)
    run_all(parts)
    assert note(parts.rows, "bad") is not None
    assert parts.next_timer_ms() is None


def test_a_timer_whose_command_is_refused_is_over(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS, then=Refuse(name="a")))
    run_all(parts)
    assert parts.next_timer_ms() is None
    assert note(parts.rows, "a") is None


def test_one_that_this_version_does_not_know_stays_and_holds_up_no_others(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS + 1, then=Write(name="a")))
    parts.writer.execute("INSERT INTO timer VALUES ('future', ?, ?)", (START_MS, b"\x81\xa1c\x01"))
    parts.clock.pass_ms(1)
    run_all(parts)
    assert note(parts.rows, "a") == "written"
    assert due_of(parts, "future") == START_MS


def test_while_the_store_cannot_write_timers_wait(parts: Parts) -> None:
    parts.accept(Plan(timer_id="t", due_ms=START_MS, then=AddTo(name="count")))
    with unwritable(parts.writer):
        assert parts.run_timers() == 0
        assert due_of(parts, "t") == START_MS
    run_all(parts)
    assert note(parts.rows, "count") == "1"


def test_how_late_the_oldest_is_can_be_seen(parts: Parts) -> None:
    runner = TimerRunner(parts.rows, parts.executor, parts.registry, parts.clock)
    assert runner.lag_ms() == 0
    parts.accept(Plan(timer_id="t", due_ms=START_MS + 500, then=Write(name="a")))
    assert runner.lag_ms() == 0
    parts.clock.pass_ms(1700)
    assert runner.lag_ms() == 1200


# The clock.


def test_a_clock_that_is_set_back_holds_time_still_until_it_has_caught_up(
    parts: Parts, notebook: Notebook
) -> None:
    for now_ms in (START_MS, START_MS - 5000, START_MS - 1, START_MS + 3):
        parts.clock.now_ms = now_ms
        parts.accept(Write(name="a"))
    assert [at_ms - START_MS for _, at_ms in notebook.ran] == [0, 0, 0, 3]


class Post(Write, frozen=True, kw_only=True, tag="test.post"):
    """Touches the ledger, whose entries carry the time."""


def _post(command: Post, context: Context) -> Reply:
    opened = open_account(1_000_156, BANK_RESERVE, command.name)
    context.uow.books.create_accounts([opened], context.now_ms * 1_000_000)
    return Reply()


def _with_ledger(registry: Registry) -> None:
    registry.add(Post, _post, reply=Reply, scope="notes")


def test_nor_does_time_go_back_behind_the_books_over_a_restart(
    tmp_path: Path, notebook: Notebook
) -> None:
    with opened(tmp_path, notebook.register, _with_ledger) as parts:
        parts.accept(Post(name="1"))
    with opened(
        tmp_path, notebook.register, _with_ledger, clock=Clock(START_MS - 86_400_000)
    ) as parts:
        parts.accept(Write(name="a"))
    assert notebook.ran == [("a", START_MS)]
