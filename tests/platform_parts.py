"""A real store, registry and executor for tests of products, without gateway and workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tallystick.pipeline.commands import SYSTEM, Answer, Caller, Command, Registry, Request
from tallystick.pipeline.executor import Executor
from tallystick.pipeline.timers import TimerRunner
from tallystick.store.engine import connect, migrate
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["START_MS", "Clock", "Parts", "opened"]

START_MS = 1_800_000_000_000
"""When tests begin, milliseconds since 1970 UTC."""


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pass_ms(self, span_ms: int) -> None:
        """Let time pass."""
        self.now_ms += span_ms


class Parts:
    """What `opened` gives: submit commands, read what is committed, run due timers."""

    def __init__(self, database: Path, registry: Registry) -> None:
        self.database = database
        self.clock = Clock()
        self.sealer = Sealer(bytes(range(32)))
        self.registry = registry
        self._writer = connect(database)
        migrate(self._writer)
        self.rows = ReadSession(connect(database, readonly=True))
        self.executor = Executor(self._writer, registry, clock_ms=self.clock)
        self.executor.start()

    def submit(self, command: Command, caller: Caller = SYSTEM, request_id: str = "") -> Answer:
        """Have a command run and wait for its answer."""
        return asyncio.run(self.executor.submit(Request(caller, request_id, command)))

    def accept(self, command: Command, caller: Caller = SYSTEM, request_id: str = "") -> Any:
        """The reply to a command that is accepted."""
        answer = self.submit(command, caller, request_id)
        assert answer.refusal is None, (command, answer.refusal)
        return answer.reply

    def refuse(self, command: Command, caller: Caller = SYSTEM) -> str:
        """The code with which a command is refused."""
        answer = self.submit(command, caller)
        assert answer.refusal is not None, command
        return answer.refusal.code

    def run_timers(self) -> int:
        """Run the timers that are due now."""
        runner = TimerRunner(self.rows, self.executor, self.registry, self.clock)
        return asyncio.run(runner.run_due())

    def next_timer_ms(self) -> int | None:
        """When the next timer is due."""
        row = self.rows.connection.execute("SELECT MIN(due_ms) FROM timer").fetchone()
        return None if row[0] is None else int(row[0])

    def close(self) -> None:
        """Stop, and close the store."""
        self.executor.stop()
        self.rows.connection.close()
        self._writer.close()


@contextmanager
def opened(folder: Path, *registers: Callable[[Registry], None]) -> Iterator[Parts]:
    """Parts on a new database in a folder, with the products that register there."""
    registry = Registry()
    for register in registers:
        register(registry)
    parts = Parts(folder / "tallystick.db", registry)
    try:
        yield parts
    finally:
        parts.close()
