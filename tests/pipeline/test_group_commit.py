"""Group commit: one transaction for what waits together, and each command answers for itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.pipeline.notebook import (
    AddTo,
    BreakSchema,
    Crash,
    Notebook,
    Noted,
    Overflow,
    Refuse,
    Write,
    note,
)
from tests.platform_parts import Parts, opened
from tests.stores import database_for, traced

from tallystick.pipeline import executor as executor_room
from tallystick.pipeline.commands import SYSTEM, Answer, Caller, CallerKind, Command, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.connection import Database
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, Notebook().register) as found:
        yield found


def seen_from_outside(database: Database, name: str) -> str | None:
    """What another connection sees now."""
    rows = ReadSession(database.connect(readonly=True))
    try:
        return note(rows, name)
    finally:
        rows.connection.close()


def once(command: Command) -> Request:
    return Request.once(SYSTEM, command)


def code(answer: Answer) -> str:
    return "" if answer.refusal is None else answer.refusal.code


def test_commands_that_wait_together_share_one_transaction(parts: Parts) -> None:
    heard: list[str] = []
    with traced(parts.writer, heard.append):
        answers = parts.together([once(AddTo(name="count")) for _ in range(20)])
    assert [code(a) for a in answers] == [""] * 20
    # One transaction for the command that kept the others waiting, one for all the others.
    assert heard.count("COMMIT") == 2
    assert heard.count("BEGIN IMMEDIATE") == 2
    assert note(parts.rows, "count") == "20"


def test_a_command_sees_what_the_ones_before_it_in_the_batch_did(parts: Parts) -> None:
    answers = parts.together([once(AddTo(name="count", amount=n)) for n in (1, 2, 3)])
    assert [a.reply for a in answers] == [Noted(value=v) for v in ("1", "3", "6")]


@pytest.mark.parametrize(
    ("bad", "refusal"),
    [
        (Refuse(name="bad"), "BALANCE_NOT_ENOUGH"),
        (Crash(name="bad"), "INTERNAL_ERROR"),
        (BreakSchema(name="bad"), "INTERNAL_ERROR"),
        (Overflow(name="bad"), "INTERNAL_ERROR"),
        (Write(name="bad", value="\ud800"), "INVALID_PARAMETER"),
        (AddTo(name="bad", amount=2**70), "INVALID_PARAMETER"),
        (Write(name="bad", value="a\0b"), "INVALID_PARAMETER"),
    ],
)
def test_one_that_goes_wrong_leaves_no_trace_and_does_not_touch_the_others(
    parts: Parts, bad: Command, refusal: str
) -> None:
    answers = parts.together(
        [
            once(Write(name="before")),
            once(bad),
            once(AddTo(name="count")),
            once(AddTo(name="count")),
        ]
    )
    assert [code(a) for a in answers] == ["", refusal, "", ""]
    assert note(parts.rows, "before") == "written"
    assert note(parts.rows, "count") == "2"
    assert note(parts.rows, "bad") is None
    subjects = parts.rows.connection.execute("SELECT subject FROM outbox ORDER BY seq").fetchall()
    assert subjects == [("before",), ("count",), ("count",)]
    # And the executor goes on.
    parts.accept(Write(name="after"))


class SpokenToNobody:
    """A log of which every line fails, as on a stream that somebody has closed."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise ValueError("I/O operation on closed file")

        return fail


def test_a_log_that_fails_leaves_nobody_without_an_answer(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_room, "log", SpokenToNobody())
    bad = [once(Crash(name="bad")), once(BreakSchema(name="bad")), once(Overflow(name="bad"))]
    answers = parts.together([once(Write(name="before")), *bad, once(Write(name="after"))])
    assert [code(a) for a in answers] == ["", *["INTERNAL_ERROR"] * 3, ""]
    assert note(parts.rows, "before") == note(parts.rows, "after") == "written"
    assert note(parts.rows, "bad") is None
    parts.accept(Write(name="later"))


def test_a_row_that_breaks_the_schema_makes_the_batch_run_one_by_one(parts: Parts) -> None:
    heard: list[str] = []
    with traced(parts.writer, heard.append):
        parts.together([once(Write(name="a")), once(BreakSchema(name="b")), once(Write(name="c"))])
    # The waiting one, the whole batch in vain, then three by themselves, one of them in vain.
    assert heard.count("BEGIN IMMEDIATE") == 1 + 1 + 3
    assert heard.count("COMMIT") == 1 + 2


def test_a_caller_without_the_scope_is_refused(parts: Parts) -> None:
    nobody = Caller(CallerKind.APP, "1", frozenset({"payments:write"}))
    assert parts.refuse(Write(name="a"), nobody) == "NOT_PERMITTED"
    assert note(parts.rows, "a") is None


def test_nobody_is_answered_before_the_commit(parts: Parts) -> None:
    answered: list[Answer] = []
    at_commit: list[int] = []

    def look(statement: str) -> None:
        if statement == "COMMIT":
            time.sleep(0.05)  # Who had been answered by now would have written it down.
            at_commit.append(len(answered))

    def ask(name: str) -> str | None:
        answered.append(parts.executor.submit_and_wait(once(Write(name=name))))
        return seen_from_outside(parts.database, name)

    with traced(parts.writer, look), ThreadPoolExecutor(1) as pool:
        for number in range(3):
            # Another connection sees the row at the moment of the answer.
            assert pool.submit(ask, f"n{number}").result() == "written"
    assert at_commit == [0, 1, 2]


def test_a_follower_that_fails_does_not_deny_what_is_durable(tmp_path: Path) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("a cache in trouble")

    with opened(tmp_path, Notebook().register, lambda r: r.follow("note.", fail)) as parts:
        assert parts.submit(Write(name="a")).refusal is None
        assert note(parts.rows, "a") == "written"
        assert parts.submit(Write(name="b")).refusal is None


def test_followers_hear_of_what_is_durable_and_of_nothing_else(tmp_path: Path) -> None:
    heard: list[tuple[str, str | None]] = []

    def follow(event: Event) -> None:
        heard.append((event.subject, seen_from_outside(database, event.subject)))

    database = database_for(tmp_path)
    with opened(tmp_path, Notebook().register, lambda r: r.follow("note.", follow)) as parts:
        parts.together([once(Write(name="a")), once(Refuse(name="b")), once(BreakSchema(name="c"))])
    assert heard == [("a", "written")]


def test_stopping_finishes_what_was_accepted_and_refuses_the_rest(tmp_path: Path) -> None:
    async def stop_while_asking(executor: Executor) -> list[Answer]:
        tasks = [
            asyncio.create_task(executor.submit(once(AddTo(name="count")))) for _ in range(500)
        ]
        await asyncio.sleep(0)
        await asyncio.to_thread(executor.stop)
        late = await executor.submit(once(AddTo(name="count")))
        return [*await asyncio.gather(*tasks), late]

    with opened(tmp_path, Notebook().register) as parts:
        answers = asyncio.run(stop_while_asking(parts.executor))
        assert [code(a) for a in answers] == [""] * 500 + ["SYSTEM_BUSY"]
        assert note(parts.rows, "count") == "500"


def test_nobody_waits_for_ever_when_many_ask_while_it_stops(tmp_path: Path) -> None:
    def ask(executor: Executor, me: int) -> None:
        while executor.submit_and_wait(once(AddTo(name=f"n{me}"))).refusal is None:
            accepted[me] += 1

    accepted = [0] * 8
    with opened(tmp_path, Notebook().register) as parts:
        threads = [
            threading.Thread(target=ask, args=(parts.executor, me), daemon=True) for me in range(8)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        parts.executor.stop()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        assert [int(note(parts.rows, f"n{me}") or 0) for me in range(8)] == accepted
