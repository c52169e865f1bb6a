"""A store that cannot write: every command is refused, nothing has changed, and it recovers."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.pipeline.notebook import AddTo, Notebook, Write, note
from tests.platform_parts import Parts, opened
from tests.stores import contents

from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.store.engine import SqliteDatabase

pytestmark = pytest.mark.embedded_store

LARGE = "x" * 200_000


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, Notebook().register) as found:
        found.writer.execute("PRAGMA busy_timeout = 20")
        yield found


@contextmanager
def full(parts: Parts) -> Iterator[None]:
    """The database may not grow."""
    pages = parts.writer.execute("PRAGMA page_count").fetchone()[0]
    before = parts.writer.execute("PRAGMA max_page_count").fetchone()[0]
    parts.writer.execute(f"PRAGMA max_page_count = {pages}")
    yield
    parts.writer.execute(f"PRAGMA max_page_count = {before}")


@contextmanager
def disk_full(parts: Parts) -> Iterator[None]:
    """The system refuses to let the write-ahead log grow; it says so while committing."""
    assert isinstance(parts.database, SqliteDatabase)
    written = parts.database.path.with_name("tallystick.db-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def readonly(parts: Parts) -> Iterator[None]:
    """The database may not be written."""
    parts.writer.execute("PRAGMA query_only = ON")
    yield
    parts.writer.execute("PRAGMA query_only = OFF")


@contextmanager
def locked(parts: Parts) -> Iterator[None]:
    """Another program writes into the file and does not end."""
    other = parts.database.connect()
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.parametrize("trouble", [full, disk_full, readonly, locked])
def test_all_are_refused_nothing_is_changed_and_it_recovers(
    parts: Parts, trouble: Callable[[Parts], AbstractContextManager[None]]
) -> None:
    parts.accept(AddTo(name="count"), request_id="before")
    before = contents(parts.database)
    requests = [
        Request(SYSTEM, "large", Write(name="large", value=LARGE), keeps_refusals=True),
        Request(SYSTEM, "small", AddTo(name="count"), keeps_refusals=True),
    ]
    with trouble(parts):
        answers = [parts.executor.submit_and_wait(requests[0])]
        # What was answered before needs no writing, so it says nothing of the store.
        parts.executor.submit_and_wait(Request(SYSTEM, "before", AddTo(name="count")))
        assert parts.executor.store_failure
        assert contents(parts.database) == before
        assert not parts.writer.in_transaction
    assert [a.refusal and a.refusal.code for a in answers] == ["STORE_UNAVAILABLE"]
    refusal = answers[0].refusal
    assert refusal is not None
    assert refusal.kind.http_status == 503
    # The same requests again, once there is room: each has its one effect.
    for request in (*requests, *requests):
        assert parts.executor.submit_and_wait(request).refusal is None
    assert parts.executor.store_failure == ""
    assert note(parts.rows, "large") == LARGE
    assert note(parts.rows, "count") == "2"


def test_a_batch_that_does_not_fit_is_refused_as_a_whole(parts: Parts) -> None:
    parts.accept(AddTo(name="count"))
    before = contents(parts.database)
    requests = [
        Request(SYSTEM, "1", AddTo(name="count")),
        Request(SYSTEM, "2", Write(name="large", value=LARGE)),
        Request(SYSTEM, "3", AddTo(name="count")),
    ]
    pages = parts.writer.execute("PRAGMA page_count").fetchone()[0]
    parts.writer.execute(f"PRAGMA max_page_count = {pages + 8}")
    answers = parts.together(requests)
    assert [a.refusal and a.refusal.code for a in answers] == ["STORE_UNAVAILABLE"] * 3
    assert contents(parts.database) == before


def test_what_is_known_can_still_be_read(parts: Parts) -> None:
    parts.accept(Write(name="a"))
    with readonly(parts):
        assert parts.submit(Write(name="b")).refusal is not None
        assert note(parts.rows, "a") == "written"
