"""A real store, registry and executor for tests of products, without gateway and workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.stores import database_for

from tallystick.pipeline.commands import (
    SYSTEM,
    Answer,
    Caller,
    Command,
    Context,
    Registry,
    Reply,
    Request,
)
from tallystick.pipeline.executor import Executor, Gate, Witness, authorise
from tallystick.pipeline.timers import TimerRunner
from tallystick.store.connection import Database
from tallystick.store.engine import SqliteDatabase, migrate
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["START_MS", "Clock", "Parts", "opened", "opened_as"]

START_MS = 1_800_000_000_000
"""When tests begin, milliseconds since 1970 UTC."""

_PATIENCE_S = 60


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pass_ms(self, span_ms: int) -> None:
        """Let time pass."""
        self.now_ms += span_ms


class HoldUp(Command, frozen=True, kw_only=True, tag="test.hold_up"):
    """Keeps the executor busy until the others have queued up."""


class HeldUp(Reply, frozen=True, kw_only=True):
    """Nothing to tell."""


class Parts:
    """What `opened` gives: submit commands, read what is committed, run due timers."""

    def __init__(
        self,
        database: Database | Path,
        registry: Registry,
        clock: Clock | None = None,
        *,
        gates: Sequence[Gate] = (authorise,),
        witnesses: Sequence[Witness] = (),
    ) -> None:
        self.database = SqliteDatabase(database) if isinstance(database, Path) else database
        self.clock = clock or Clock()
        self.sealer = Sealer(bytes(range(32)))
        self.registry = registry
        self._busy, self._go_on = threading.Event(), threading.Event()
        registry.add(HoldUp, self._hold_up, reply=HeldUp, scope="system")
        self.writer = self.database.connect()
        migrate(self.writer)
        self.rows = ReadSession(self.database.connect(readonly=True))
        self.executor = Executor(
            self.writer, registry, clock_ms=self.clock, gates=gates, witnesses=witnesses
        )
        self.executor.start()

    def submit(self, command: Command, caller: Caller = SYSTEM, request_id: str = "") -> Answer:
        """Have a command run and wait for its answer."""
        request = Request(caller, request_id, command) if request_id else None
        return self.executor.submit_and_wait(request or Request.once(caller, command))

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

    def _hold_up(self, command: HoldUp, context: Context) -> Reply:
        self._busy.set()
        assert self._go_on.wait(_PATIENCE_S)
        return HeldUp()

    def together(self, requests: Sequence[Request]) -> list[Answer]:
        """Have requests wait together, so that they are one batch; answers in their order."""
        return asyncio.run(self._together(requests))

    async def _together(self, requests: Sequence[Request]) -> list[Answer]:
        self._busy.clear()
        self._go_on.clear()
        before = asyncio.create_task(self.executor.submit(Request.once(SYSTEM, HoldUp())))
        await asyncio.to_thread(self._busy.wait, _PATIENCE_S)
        tasks = [asyncio.create_task(self.executor.submit(request)) for request in requests]
        await asyncio.sleep(0)
        assert self.executor.waiting == len(requests)
        self._go_on.set()
        await before
        return await asyncio.gather(*tasks)

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
        self._go_on.set()
        self.executor.stop()
        self.rows.connection.close()
        self.writer.close()


P = TypeVar("P", bound=Parts)


@contextmanager
def opened_as(
    kind: type[P],
    folder: Path,
    *registers: Callable[[Registry], None],
    clock: Clock | None = None,
) -> Iterator[P]:
    """Parts of a kind on the database in a folder, with the products that register there."""
    registry = Registry()
    for register in registers:
        register(registry)
    parts = kind(database_for(folder), registry, clock)
    try:
        yield parts
    finally:
        parts.close()


def opened(
    folder: Path, *registers: Callable[[Registry], None], clock: Clock | None = None
) -> AbstractContextManager[Parts]:
    """The parts on the database in a folder, with the products that register there."""
    return opened_as(Parts, folder, *registers, clock=clock)
