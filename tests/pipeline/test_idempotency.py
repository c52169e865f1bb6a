"""The same request gets the same answer; other contents under its id are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.pipeline.notebook import AddTo, Crash, Notebook, Noted, Refuse, Write, note
from tests.platform_parts import Parts, opened

from tallystick.pipeline.commands import SYSTEM, Caller, CallerKind, Command, Request

KEPT = frozenset({"notes"})


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, Notebook().register) as found:
        yield found


def kept(command: Command, request_id: str = "r1") -> Request:
    return Request(SYSTEM, request_id, command, keeps_refusals=True)


def test_the_same_request_gets_the_first_answer_and_has_one_effect(parts: Parts) -> None:
    first = parts.submit(AddTo(name="count"), request_id="r1")
    parts.accept(AddTo(name="count"), request_id="r2")
    again = parts.submit(AddTo(name="count"), request_id="r1")
    assert (first.reply, first.replayed) == (Noted(value="1"), False)
    assert (again.reply, again.replayed) == (Noted(value="1"), True)
    assert note(parts.rows, "count") == "2"


def test_the_first_answer_is_given_again_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path, Notebook().register) as parts:
        first = parts.submit(AddTo(name="count"), request_id="r1")
    with opened(tmp_path, Notebook().register) as parts:
        again = parts.submit(AddTo(name="count"), request_id="r1")
        assert (again.reply, again.replayed) == (first.reply, True)
        assert note(parts.rows, "count") == "1"


def test_the_same_request_many_times_in_one_batch_has_one_effect(parts: Parts) -> None:
    same = Request(SYSTEM, "r1", AddTo(name="count"))
    answers = parts.together([same] * 6)
    assert {a.reply for a in answers} == {Noted(value="1")}
    assert [a.replayed for a in answers] == [False] + [True] * 5
    assert note(parts.rows, "count") == "1"


def test_other_contents_under_the_same_id_are_refused_and_change_nothing(parts: Parts) -> None:
    parts.accept(Write(name="a", value="one"), request_id="r1")
    for other in (Write(name="a", value="two"), AddTo(name="a")):
        answer = parts.submit(other, request_id="r1")
        assert answer.refusal is not None
        assert answer.refusal.code == "IDEMPOTENCY_MISMATCH"
        # A caller's mistake, and told as one.
        assert 400 <= answer.refusal.kind.http_status < 500
    assert note(parts.rows, "a") == "one"
    assert parts.submit(Write(name="a", value="one"), request_id="r1").replayed


def test_other_contents_in_the_same_batch_are_refused(parts: Parts) -> None:
    first, other = Write(name="a", value="one"), Write(name="a", value="two")
    answers = parts.together([Request(SYSTEM, "r1", first), Request(SYSTEM, "r1", other)])
    assert answers[0].refusal is None
    assert answers[1].refusal is not None
    assert answers[1].refusal.code == "IDEMPOTENCY_MISMATCH"
    assert note(parts.rows, "a") == "one"


def test_callers_choose_their_ids_without_regard_to_each_other(parts: Parts) -> None:
    for kind, name in ((CallerKind.APP, "1"), (CallerKind.APP, "2"), (CallerKind.KEY, "1")):
        parts.accept(AddTo(name="count"), Caller(kind, name, KEPT), "r1")
    assert note(parts.rows, "count") == "3"


def test_a_refusal_is_tried_again_unless_it_is_to_be_kept(parts: Parts) -> None:
    assert parts.submit(Refuse(name="a"), request_id="r1").refusal is not None
    parts.accept(Write(name="allowed"))
    assert parts.submit(Refuse(name="a"), request_id="r1").reply == Noted(value="refused")


def test_a_kept_refusal_is_given_again_also_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path, Notebook().register) as parts:
        first, in_batch = parts.together([kept(Refuse(name="a"))] * 2)
        assert first.refusal == in_batch.refusal
        assert (first.replayed, in_batch.replayed) == (False, True)
        parts.accept(Write(name="allowed"))
    with opened(tmp_path, Notebook().register) as parts:
        again = parts.executor.submit_and_wait(kept(Refuse(name="a")))
        assert (again.refusal, again.replayed) == (first.refusal, True)
        other = parts.executor.submit_and_wait(kept(Refuse(name="b")))
        assert other.refusal is not None
        assert other.refusal.code == "IDEMPOTENCY_MISMATCH"
        assert note(parts.rows, "a") is None


def test_our_own_mistake_is_never_kept_as_the_answer(tmp_path: Path) -> None:
    notebook = Notebook()
    with opened(tmp_path, notebook.register) as parts:
        first = parts.executor.submit_and_wait(kept(Crash(name="a")))
        assert first.refusal is not None
        assert first.refusal.code == "INTERNAL_ERROR"
        notebook.mended = True
        assert parts.executor.submit_and_wait(kept(Crash(name="a"))).reply == Noted(value="crashed")


def test_a_request_without_an_id_is_not_taken_for_another_one(parts: Parts) -> None:
    answers = parts.together(
        [Request(SYSTEM, "", AddTo(name="a")), Request(SYSTEM, "", AddTo(name="b"))]
    )
    assert [a.refusal and a.refusal.code for a in answers] == ["INVALID_PARAMETER"] * 2
    first, second = Request.once(SYSTEM, AddTo(name="a")), Request.once(SYSTEM, AddTo(name="a"))
    assert [a.refusal for a in parts.together([first, second])] == [None, None]
    assert note(parts.rows, "a") == "2"
