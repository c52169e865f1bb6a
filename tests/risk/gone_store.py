"""A store that is gone now and then, for those who read it in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

from tallystick.store.connection import Connection, ConnectionLost, StoreError
from tallystick.store.rows import ReadSession

__all__ = ["Gone", "gone_now_and_then", "running"]


class Gone:
    """A connection of which some statements, by their numbers, meet no database."""

    def __init__(self, connection: Connection, at: Collection[int]) -> None:
        self._connection = connection
        self._at = at
        self._asked = 0

    def execute(self, *asked: Any) -> Any:
        """Run one, or say that the database has gone."""
        self._asked += 1
        if self._asked in self._at:
            raise ConnectionLost("the database has gone")
        return self._connection.execute(*asked)

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def gone_now_and_then(
    connect: Callable[[], Connection], at: Collection[int]
) -> Callable[[], ReadSession]:
    """Opens sessions: the first cannot be had, and in the next these statements fail."""
    opened = []

    def open_rows() -> ReadSession:
        opened.append(1)
        if len(opened) == 1:
            raise StoreError("The database cannot be opened.")
        return ReadSession(cast(Connection, Gone(connect(), at)))

    return open_rows


@asynccontextmanager
async def running(
    worker: Coroutine[Any, Any, None],
) -> AsyncIterator[Callable[[Callable[[], bool]], Awaitable[None]]]:
    """A worker that runs meanwhile; what this gives waits until it has come somewhere."""
    task = asyncio.create_task(worker)

    async def until(come: Callable[[], bool]) -> None:
        while not come():
            assert not task.done(), task.result()
            await asyncio.sleep(0.01)

    try:
        yield until
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
