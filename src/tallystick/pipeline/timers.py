"""Timers: a due timer is a command, asked for by the system, in the order of their due times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from tallystick.pipeline.commands import SYSTEM, Command, Registry, Request, command_bytes
from tallystick.pipeline.executor import Executor
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["DUE_MAX_MS", "TimerRunner", "due_timers", "set_timer"]

log = structlog.get_logger("tallystick.timers")

_AT_ONCE = 500

DUE_MAX_MS = 253_402_300_800_000
"""The year 10000: what lies beyond is no deadline."""


def set_timer(uow: UnitOfWork, timer_id: str, due_ms: int, command: Command) -> None:
    """Have `command` run at or after `due_ms` (a timer of the same id is replaced)."""
    uow.set_timer(timer_id, due_ms, command_bytes(command))


def due_timers(
    rows: ReadSession, now_ms: int, limit: int = _AT_ONCE
) -> list[tuple[str, int, bytes]]:
    """The timers that are due, oldest first: (timer id, due time, stored command)."""
    return rows.connection.execute(
        "SELECT timer_id, due_ms, command FROM timer WHERE due_ms <= ? "
        "ORDER BY due_ms, timer_id LIMIT ?",
        (now_ms, limit),
    ).fetchall()


class TimerRunner:
    """Watches the clock and submits what is due; after a pause it catches up in order.

    That a timer has no effect twice is the executor's work: it takes a timer's command only
    while the timer is set, and removes it in the same transaction.
    """

    def __init__(
        self,
        rows: ReadSession,
        executor: Executor,
        registry: Registry,
        clock_ms: Callable[[], int],
        *,
        tick_s: float = 0.2,
    ) -> None:
        self._rows = rows
        self._executor = executor
        self._registry = registry
        self._clock_ms = clock_ms
        self._tick_s = tick_s
        self._unreadable: set[str] = set()
        """Timers whose command this version does not know; they stay, and hold up no others."""

    def lag_ms(self) -> int:
        """How late the oldest due timer is; 0 when none is due."""
        row = self._rows.connection.execute("SELECT MIN(due_ms) FROM timer").fetchone()
        return 0 if row[0] is None else max(0, self._clock_ms() - int(row[0]))

    async def run_due(self) -> int:
        """Run everything that is due now; returns how many timers were asked for."""
        due = due_timers(self._rows, self._clock_ms(), _AT_ONCE + len(self._unreadable))
        requests = [request for timer in due if (request := self._request(*timer))]
        answers = await asyncio.gather(*(self._executor.submit(r) for r in requests))
        for request, answer in zip(requests, answers, strict=True):
            if answer.refusal is not None:
                kind = request.timer_id.split(":")[0]
                log.info("timer_refused", timer=kind, code=answer.refusal.code)
        stuck = any(a.refusal and a.refusal.code in _STUCK for a in answers)
        return 0 if stuck else len(requests)

    def _request(self, timer_id: str, due_ms: int, command: bytes) -> Request | None:
        """What a due timer asks; its answer is not kept, since the timer itself is used up."""
        if timer_id in self._unreadable:
            return None
        try:
            known = self._registry.decode(command)
        except (msgspec.DecodeError, ValueError):
            log.error("timer_unreadable", timer=timer_id.split(":")[0])
            self._unreadable.add(timer_id)
            return None
        return Request(
            SYSTEM, f"timer:{timer_id}:{due_ms}", known, timer_id=timer_id, timer_due_ms=due_ms,
            remembered=False,
        )  # fmt: skip

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                done = await self.run_due()
            except Exception:
                log.exception("timers_failed")
                done = 0
            if done == 0:
                await asyncio.sleep(self._tick_s)


_STUCK = frozenset({"STORE_UNAVAILABLE", "SYSTEM_BUSY"})
