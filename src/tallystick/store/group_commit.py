"""Group commit for callers with few transfers each: those who wait together share one commit.

The executor does this for commands. This is the same for the bare ledger, over any store that a
bulk session runs on: whoever asks while a batch is being written is in the next one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

from tallystick.ledger.bulk import CALL_MAX, result_names
from tallystick.ledger.model import Transfer, TransferFlags, TransferResult
from tallystick.ledger.ranges import check_transfer
from tallystick.store.bulk_store import BulkSession

__all__ = ["GroupCommit"]

_LINKED = int(TransferFlags.LINKED)


Answers = list[TransferResult]


class _Call(NamedTuple):
    transfers: Sequence[Transfer]
    waiter: Future[Answers] | asyncio.Future[Answers]
    loop: asyncio.AbstractEventLoop | None

    @property
    def open_chain(self) -> bool:
        """Whether its last transfer would be linked to the next caller's first."""
        return bool(self.transfers[-1].flags & _LINKED)


class GroupCommit:
    """One thread that posts what waits, a batch a transaction.

    Args:
        session: the bulk session; from here on used by this thread alone.
        clock_ns: wall clock, nanoseconds since 1970 UTC.
    """

    def __init__(
        self, session: BulkSession, *, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:  # fmt: skip
        self._session = session
        self._clock_ns = clock_ns
        self._queue: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="group-commit", daemon=True)

    def start(self) -> None:
        """Begin to take calls."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what was asked for, then end."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, transfers: Sequence[Transfer]) -> Future[Answers]:
        """Ask for a call's transfers; the answers come once they are durable.

        Raises:
            ValueError: a field does not fit its width, or there are no transfers or too many.
        """
        waiter: Future[Answers] = Future()
        self._ask(_Call(transfers, waiter, None))
        return waiter

    async def create_transfers(self, transfers: Sequence[Transfer]) -> Answers:
        """The same for callers on an event loop.

        Raises:
            ValueError: a field does not fit its width, or there are no transfers or too many.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answers] = loop.create_future()
        self._ask(_Call(transfers, waiter, loop))
        return await waiter

    def _ask(self, call: _Call) -> None:
        if not 1 <= len(call.transfers) <= CALL_MAX:
            raise ValueError(f"a call takes 1 to {CALL_MAX} transfers")
        for transfer in call.transfers:
            check_transfer(transfer)
        self._queue.put(call)

    def _loop(self) -> None:
        while calls := self._waiting():
            self._post(calls)

    def _waiting(self) -> list[_Call]:
        """The calls that wait now, at least one; empty when it is time to stop."""
        call = self._queue.get()
        calls: list[_Call] = []
        room = CALL_MAX
        while call is not None:
            calls.append(call)
            room -= len(call.transfers)
            if room <= 0:
                return calls
            try:
                call = self._queue.get_nowait()
            except queue.Empty:
                return calls
        if calls:  # What was asked for before the end is finished first.
            self._queue.put(None)
        return calls

    def _post(self, calls: list[_Call]) -> None:
        if not calls:
            return
        try:
            answers: list[list[TransferResult]] = []
            with self._session.transaction() as ledger:
                for part in _together(calls):
                    joined = [t for call in part for t in call.transfers]
                    given = result_names(ledger.create_transfers(joined, self._clock_ns()))
                    for call in part:
                        answers.append(given[: len(call.transfers)])
                        del given[: len(call.transfers)]
        except Exception as error:
            _deliver(calls, [error] * len(calls))
        else:
            _deliver(calls, answers)


def _deliver(calls: Sequence[_Call], answers: Sequence[Answers | Exception]) -> None:
    """Tell every caller; those of an event loop all at once, on that loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[_Call, Answers | Exception]]]
    by_loop = defaultdict(list)
    for call, answer in zip(calls, answers, strict=True):
        if call.loop is None:
            _tell([(call, answer)])
        else:
            by_loop[call.loop].append((call, answer))
    for loop, pairs in by_loop.items():
        # A loop that is closed has nobody who waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_tell, pairs)


def _tell(pairs: Sequence[tuple[_Call, Answers | Exception]]) -> None:
    for call, answer in pairs:
        if call.waiter.done():
            continue
        if isinstance(answer, Exception):
            call.waiter.set_exception(answer)
        else:
            call.waiter.set_result(answer)


def _together(calls: list[_Call]) -> list[list[_Call]]:
    """Calls that may be one: none is followed by another when its last chain is open."""
    parts: list[list[_Call]] = [[]]
    for call in calls:
        parts[-1].append(call)
        if call.open_chain:
            parts.append([])
    return [part for part in parts if part]
