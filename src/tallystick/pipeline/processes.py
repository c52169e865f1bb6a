"""Several processes on one PostgreSQL database: who leads, and news from the others.

Background work that must not be done twice (timers, notifications, banks) is done by the one
process that holds an advisory lock; when it ends or is cut off, another takes over. What a
process keeps in memory is forgotten when another process changes what it was made from.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import structlog

from tallystick.pipeline.commands import Registry
from tallystick.store.connection import StoreError
from tallystick.store.postgres import TURN, PostgresConnection, PostgresDatabase
from tallystick.store.unit_of_work import Event

__all__ = ["Leader", "News", "Worker"]

log = structlog.get_logger("tallystick.processes")

_LEADING: Final = TURN + 2
_LOOK_S: Final = 1.0

Worker = Callable[[], Coroutine[Any, Any, None]]


class Leader:
    """Runs workers while this process holds the lock.

    Args:
        database: each leader has a connection of its own; the lock goes with it.
        workers: by name; begun each time this process comes to lead.
    """

    def __init__(self, database: PostgresDatabase, workers: Mapping[str, Worker]) -> None:
        self._database = database
        self._workers = workers
        self._connection: PostgresConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        # A connection that is closed while a thread asks ends the process.
        self._asking = threading.RLock()
        self.leads = False

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled.

        Raises:
            RuntimeError: a worker ended, though nobody stopped it.
        """
        try:
            while True:
                self.leads = await asyncio.to_thread(self._holds_lock)
                if self.leads and not self._tasks:
                    log.info("leading")
                    self._tasks = [
                        asyncio.create_task(run(), name=name) for name, run in self._workers.items()
                    ]
                elif not self.leads:
                    await self._end_workers()
                if ended := [task for task in self._tasks if task.done()]:
                    sentence = f"the worker {ended[0].get_name()} has ended"
                    raise RuntimeError(sentence) from ended[0].exception()
                await asyncio.sleep(_LOOK_S)
        finally:
            await self._end_workers()
            await asyncio.to_thread(self._let_go)

    def _holds_lock(self) -> bool:
        """Whether the lock is ours; taken now if it is free."""
        with self._asking:
            try:
                if self._connection is None:
                    self._connection = self._database.connect()
                if self.leads:
                    self._connection.execute("SELECT 1")
                    return True
                sql = f"SELECT pg_try_advisory_lock({_LEADING})"
                return bool(self._connection.execute(sql).fetchone()[0])
            except (StoreError, sqlite3.Error) as error:
                log.warning("leader_cut_off", error=str(error))
                self._let_go()
                return False

    def _let_go(self) -> None:
        with self._asking:
            connection, self._connection = self._connection, None
            self.leads = False
            if connection is not None:
                connection.close()

    async def _end_workers(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class News:
    """Tells a registry's followers of what other processes have committed.

    Followers hear the topic alone. After a connection was cut they are told of everything that
    they follow, since something may have been missed.
    """

    def __init__(self, database: PostgresDatabase, registry: Registry) -> None:
        self._database = database
        self._registry = registry
        self._process = PostgresConnection.process
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="news", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = self._database.connect(readonly=True)
                try:
                    self._listen(connection)
                finally:
                    connection.close()
            except (StoreError, sqlite3.Error) as error:
                log.warning("news_cut_off", error=str(error))
                self._stopping.wait(_LOOK_S)

    def _listen(self, connection: PostgresConnection) -> None:
        connection.listen()
        self._announce(self._registry.followed_topics())
        while not self._stopping.is_set():
            told = [one.partition(" ") for one in connection.heard()]
            topics = {topic for sender, _, topic in told if sender != self._process}
            self._announce(sorted(topics))

    def _announce(self, topics: list[str]) -> None:
        try:
            self._registry.announce([Event(topic, "", b"") for topic in topics])
        except Exception:
            log.exception("follower_failed")
