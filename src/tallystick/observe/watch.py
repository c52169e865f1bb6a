"""The watch: what the running platform's state is, and whether it can take work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from tallystick.observe.books import check_books
from tallystick.observe.metrics import ArchiveState, Metrics, State
from tallystick.partners.model import ForgetExpired, NotificationStatus
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.archive import Archive
from tallystick.store.engine import free_bytes
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer, key_fits

__all__ = ["Reason", "Watch", "Watched"]

log = structlog.get_logger("tallystick.watch")

_TICK_S: Final = 1.0
_COST_FACTOR: Final = 20
_MIB: Final = 1024 * 1024


class Reason(NamedTuple):
    """Why the platform is not ready: which part, and a sentence without secrets."""

    part: str
    sentence: str


class Watched(NamedTuple):
    """The parts of a platform that are watched.

    Args:
        reader: a session of its own for a read in a worker thread.
        rows: committed rows on the event loop's thread.
        workers: each background worker by name, and whether it runs; empty before the start.
        archive: the copy of the embedded database's log, where one is kept.
    """

    folder: Path
    executor: Executor
    sealer: Sealer
    rows: ReadSession
    reader: Callable[[], AbstractContextManager[ReadSession]]
    clock_ms: Callable[[], int]
    workers: Callable[[], Mapping[str, bool]]
    archive: Archive | None = None


def _one(rows: ReadSession, sql: str, *parameters: object) -> tuple[int, int]:
    """The two numbers of a one-row answer, nothing counting as 0."""
    first, second = rows.connection.execute(sql, parameters).fetchone()
    return int(first or 0), int(second or 0)


class Watch:
    """Adds up the books from time to time, reads the state, and says whether all is ready."""

    def __init__(
        self, watched: Watched, metrics: Metrics, *, books_check_seconds: int, disk_free_min_mb: int
    ) -> None:
        self._watched = watched
        self._metrics = metrics
        self._books_check_s = books_check_seconds
        self._disk_free_min = disk_free_min_mb * _MIB

    async def run(self) -> None:
        """Look until cancelled; a look at the books takes at most a twentieth of the time."""
        next_look = 0.0
        while True:
            try:
                if self._watched.executor.store_failure:
                    await self._try_store()
                if time.monotonic() >= next_look:
                    started = time.monotonic()
                    await asyncio.to_thread(self.look_at_books)
                    took = time.monotonic() - started
                    next_look = started + max(self._books_check_s, took * _COST_FACTOR)
            except Exception:
                log.exception("watch_failed")
            await asyncio.sleep(_TICK_S)

    def look_at_books(self) -> None:
        """Add up every book now; blocks, so not on the event loop's thread."""
        with self._watched.reader() as rows:
            books = check_books(rows, self._watched.clock_ms())
        self._metrics.books = books
        if not books.balanced or not books.held_matches:
            log.error(
                "books_out_of_order", balanced=books.balanced, escrow_matches=books.held_matches
            )

    async def _try_store(self) -> None:
        """Write a little: after a failure nobody else may ask, and the platform stays unready."""
        request_id = f"watch:{self._watched.clock_ms()}"
        await self._watched.executor.submit(Request(SYSTEM, request_id, ForgetExpired()))

    def state(self) -> State:
        """What waits and how late it is; blocks, so not on the event loop's thread."""
        watched = self._watched
        now_ms = watched.clock_ms()
        due_status, waiting_status = NotificationStatus.DUE.value, NotificationStatus.WAITING.value
        with watched.reader() as rows:
            timers, first_ms = _one(
                rows, "SELECT COUNT(*), MIN(due_ms) FROM timer WHERE due_ms <= ?", now_ms
            )
            due, next_ms = _one(
                rows, "SELECT COUNT(*), MIN(next_ms) FROM notification WHERE status = ?", due_status
            )
            waiting, given_up = _one(
                rows,
                "SELECT SUM(CASE WHEN status = ? THEN 1 END), SUM(CASE WHEN status = ? THEN 1 END) "
                "FROM notification WHERE status IN (?, ?)",
                waiting_status, "given_up", waiting_status, "given_up",
            )  # fmt: skip
            _, oldest_ms = _one(
                rows, "SELECT 0, MIN(created_ms) FROM notification WHERE status IN (?, ?)",
                due_status, waiting_status,
            )  # fmt: skip
        return State(
            commands_waiting=watched.executor.waiting,
            timers_due=timers,
            timer_lag_ms=max(0, now_ms - first_ms) if timers else 0,
            notifications_due=due,
            notifications_waiting=waiting,
            notifications_given_up=given_up,
            outbox_oldest_ms=max(0, now_ms - oldest_ms) if oldest_ms else 0,
            outbox_lag_ms=max(0, now_ms - next_ms) if due else 0,
            store_writable=not watched.executor.store_failure,
            disk_free_bytes=free_bytes(watched.folder),
            workers=watched.workers(),
            archive=self._archive_state(now_ms),
            tried_again=watched.executor.tried_again,
        )

    def _archive_state(self, now_ms: int) -> ArchiveState | None:
        archive = self._watched.archive
        if archive is None:
            return None
        return ArchiveState(not archive.failure, max(0, now_ms - archive.whole_ms))

    def exposition(self) -> bytes:
        """All metrics as text; blocks, so not on the event loop's thread."""
        return self._metrics.exposition(self.state())

    def reasons(self) -> list[Reason]:
        """Why the platform should not be given work now; empty when it should."""
        watched, found = self._watched, []
        if not watched.workers():
            found.append(Reason("platform", "It is starting or stopping."))
        if not watched.executor.alive:
            found.append(Reason("executor", "Commands are not being run."))
        if watched.executor.store_failure:
            found.append(Reason("store", "The last batch of commands could not be written."))
        stopped = [name for name, alive in watched.workers().items() if not alive]
        if stopped:
            found.append(Reason("workers", f"Ended, though nobody stopped it: {stopped[0]}."))
        try:
            if free_bytes(watched.folder) < self._disk_free_min:
                found.append(Reason("disk", "There is less free space than is configured."))
            if not key_fits(watched.rows.connection, watched.sealer):
                found.append(Reason("master_key", "Sealed data does not open with the key."))
        except Exception as error:
            log.warning("readiness_unknown", error=type(error).__name__)
            found.append(Reason("store", "The data folder cannot be read."))
        return found

    def warnings(self) -> list[Reason]:
        """What somebody must look after though the platform can take work; often empty."""
        archive = self._watched.archive
        if archive is None or not archive.failure:
            return []
        return [Reason("archive", "The newest commits could not be copied to the archive.")]
