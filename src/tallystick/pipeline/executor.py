"""The executor: one thread that takes waiting commands, a batch a transaction (group commit).

Commands that wait together share one transaction and one disk sync. Each is accepted or
refused by itself, sees what the ones before it in the batch have done, and is answered only
after the whole batch is durable.
"""

from __future__ import annotations

import asyncio
import hashlib
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

import msgspec
import structlog

from tallystick.decoding import decode_msgpack
from tallystick.ledger.chart import transfer_id
from tallystick.pipeline.commands import (
    Answer,
    CallerKind,
    Command,
    Context,
    Registry,
    Reply,
    Request,
    command_bytes,
    holds_nul,
)
from tallystick.pipeline.refusals import Refusal, Refused
from tallystick.pipeline.turns import turns_on
from tallystick.store.archive import Archive
from tallystick.store.connection import BatchUndone, Connection, ConnectionLost
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["Executor", "Gate", "Observer", "Witness", "authorise"]

log = structlog.get_logger("tallystick.pipeline")

Gate = Callable[[Request, Context, str], None]
"""A step before the handler: (request, context, scope of the command); raises `Refused`."""

Witness = Callable[[UnitOfWork, Request, Answer], None]
"""A step after each command, also a refused one, of which everything else is undone by then."""

_BATCH_MAX = 256
_WAITING_MAX = 50_000
_TIMER_BACKOFF_MS = 60_000


class Observer(Protocol):
    """Follows the executor for metrics."""

    def batch(self, commands: int, seconds: float) -> None:
        """A batch of so many commands took so long, sync included."""
        ...

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """A command ended; `outcome` is `accepted`, `replayed` or a refusal code."""
        ...


class _NoObserver:
    def batch(self, commands: int, seconds: float) -> None:
        """Nobody looks."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """Nobody looks."""


class _Item(NamedTuple):
    request: Request
    waiter: asyncio.Future[Answer] | Future[Answer]
    loop: asyncio.AbstractEventLoop | None
    submitted: float


class _Known(NamedTuple):
    fingerprint: bytes
    accepted: bool
    answer: bytes
    stored: bool


def authorise(request: Request, context: Context, scope: str) -> None:
    """The first gate: the caller must hold the command's scope.

    Raises:
        Refused: NOT_PERMITTED.
    """
    scopes = request.caller.scopes
    if scope not in scopes and "*" not in scopes:
        raise Refused("NOT_PERMITTED", f"This needs the scope {scope}.")


def _fingerprint(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _name(command: Command) -> str:
    return str(command.__struct_config__.tag)


class Executor:
    """Runs commands against one writing connection.

    Args:
        connection: the writing connection; the executor's thread alone uses it from here on.
        registry: the commands and their handlers.
        clock_ms: wall clock, milliseconds since 1970 UTC. It may jump; the platform's time
            never goes back.
        gates: steps before each handler, in order.
        witnesses: steps after each command that was run, in order; what they write is kept.
        archive: copies the embedded database's log before it is let go.

    Attributes:
        store_failure: why a batch could not be written; empty when one was since.
        tried_again: how often a batch was tried again because the database had undone it for
            another's sake, and because the connection was cut.
    """

    def __init__(
        self,
        connection: Connection,
        registry: Registry,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        gates: Sequence[Gate] = (authorise,),
        witnesses: Sequence[Witness] = (),
        observer: Observer | None = None,
        batch_max: int = _BATCH_MAX,
        archive: Archive | None = None,
    ) -> None:
        self._connection = connection
        self._registry = registry
        self._clock_ms = clock_ms
        self._gates = gates
        self._witnesses = witnesses
        self._observer: Observer = observer or _NoObserver()
        self._batch_max = batch_max
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="executor", daemon=True)
        self._door = threading.Lock()
        self._stopping = False
        self.store_failure = ""
        self.tried_again = {"undone": 0, "connection": 0}
        self._last_timestamp = SqlLedgerReader(connection).last_timestamp()
        self._now_ms = self._last_timestamp // 1_000_000
        self._turns = turns_on(connection, clock_ms(), archive)

    # Asking.

    def start(self) -> None:
        """Begin to take commands."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what was accepted, then end; later requests are refused."""
        with self._door:
            self._stopping = True
            self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether commands are being run."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Commands that wait for their batch."""
        return self._queue.qsize()

    def _took(self, item: _Item) -> bool:
        """Put a request into the queue; not when it is full or nobody will empty it."""
        with self._door:
            if self._stopping or self._queue.qsize() >= _WAITING_MAX:
                return False
            self._queue.put(item)
            return True

    async def submit(self, request: Request) -> Answer:
        """Have a command run; the answer comes after it is durable."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()
        if not self._took(_Item(request, waiter, loop, time.perf_counter())):
            return Answer(None, Refusal("SYSTEM_BUSY"))
        return await waiter

    def submit_and_wait(self, request: Request) -> Answer:
        """The same for callers without an event loop; blocks."""
        waiter: Future[Answer] = Future()
        if not self._took(_Item(request, waiter, None, time.perf_counter())):
            return Answer(None, Refusal("SYSTEM_BUSY"))
        return waiter.result()

    # Running.

    def _loop(self) -> None:
        while True:
            batch = self._next_batch()
            if not batch:
                return
            started = time.perf_counter()
            answers = self._run_batch([item.request for item in batch])
            ended = time.perf_counter()
            self._deliver(batch, answers)
            try:
                self._observe(batch, answers, started, ended)
            except Exception:
                log.exception("observer_failed")
            if self._queue.empty():
                self._turns.rest()

    def _observe(
        self, batch: list[_Item], answers: list[Answer], started: float, ended: float
    ) -> None:
        self._observer.batch(len(batch), ended - started)
        for item, answer in zip(batch, answers, strict=True):
            outcome = answer.refusal.code if answer.refusal else "accepted"
            self._observer.command(
                _name(item.request.command),
                "replayed" if answer.replayed else outcome,
                ended - item.submitted,
            )

    def _next_batch(self) -> list[_Item]:
        """The commands that wait now, at least one; empty when it is time to stop."""
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < self._batch_max:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            batch.append(item)
        return batch

    @staticmethod
    def _deliver(batch: list[_Item], answers: list[Answer]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Answer], Answer]]]
        by_loop = defaultdict(list)
        for item, answer in zip(batch, answers, strict=True):
            if isinstance(item.waiter, Future):
                item.waiter.set_result(answer)
            elif item.loop is not None:
                by_loop[item.loop].append((item.waiter, answer))
        for loop, pairs in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, pairs)
            except RuntimeError:  # The loop is closed: nobody waits for the answer any more.
                log.warning("answers_without_listener", count=len(pairs))

    def _run_batch(self, requests: list[Request]) -> list[Answer]:
        """Run a batch; whatever goes wrong, each command has an answer."""
        try:
            return self._try_patiently(requests)
        except Exception as error:
            try:
                return self._after_failure(requests, error)
            except Exception:  # Not even the log can be told. Nobody shall wait for ever.
                return [Answer(None, Refusal("INTERNAL_ERROR")) for _ in requests]

    def _after_failure(self, requests: list[Request], error: Exception) -> list[Answer]:
        if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_COMMAND):
            self.store_failure = str(error)
            log.error("store_cannot_write", error=str(error), commands=len(requests))
            return [Answer(None, Refusal("STORE_UNAVAILABLE")) for _ in requests]
        # What somebody asked for cannot be written. Alone, each command answers for itself.
        if len(requests) > 1:
            return [self._run_batch([request])[0] for request in requests]
        name = _name(requests[0].command)
        log.error("command_cannot_be_written", command=name, exc_info=error)
        self._put_off(requests[0])
        return [Answer(None, Refusal("INTERNAL_ERROR"))]

    def _put_off(self, request: Request) -> None:
        """Have a timer whose command cannot be written wait, so that it does not spin."""
        if not request.timer_id:
            return
        try:
            self._connection.execute(
                "UPDATE timer SET due_ms = ? WHERE timer_id = ? AND due_ms = ?",
                (self._now_ms + _TIMER_BACKOFF_MS, request.timer_id, request.timer_due_ms),
            )
        except sqlite3.Error as error:
            log.error("timer_not_put_off", error=str(error))

    def _try_patiently(self, requests: list[Request]) -> list[Answer]:
        """Try a batch again when the database undid it for a reason of its own."""
        for pause_s in self._turns.pauses_s:
            try:
                return self._try_batch(requests)
            except (BatchUndone, ConnectionLost) as error:
                why = "undone" if isinstance(error, BatchUndone) else "connection"
                self.tried_again[why] += 1
                log.warning("batch_tried_again", error=str(error), commands=len(requests))
                time.sleep(pause_s)
        return self._try_batch(requests)

    def _try_batch(self, requests: list[Request]) -> list[Answer]:
        connection = self._connection
        if connection.in_transaction:  # An earlier batch could not even be rolled back.
            connection.execute("ROLLBACK")
        last_timestamp = self._turns.begin(self._last_timestamp)
        self._now_ms = max(self._now_ms, self._clock_ms(), last_timestamp // 1_000_000)
        uow = UnitOfWork(connection, self._now_ms, last_timestamp)
        try:
            known = self._known_answers(requests)
            self._load_ahead(uow, requests, known)
            answers = [self._run(uow, request, known) for request in requests]
            wrote = uow.changed
            uow.flush()
            wrote |= self._store_answers(known)
            last_timestamp = uow.books.last_timestamp
            self._turns.commit(self._now_ms, self._registry.followed(uow.events))
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            uow.undone()
            raise
        uow.committed()
        self._last_timestamp = last_timestamp
        if wrote:  # Only then does it say anything of a disk that has failed.
            self.store_failure = ""
        try:
            self._registry.announce(uow.events)
        except Exception:  # It is durable; a follower's trouble is no reason to deny that.
            log.exception("follower_failed")
        return answers

    def _known_answers(self, requests: list[Request]) -> dict[bytes, _Known]:
        keys = [request.key for request in requests if request.remembered]
        known: dict[bytes, _Known] = {}
        for start in range(0, len(keys), 400):
            part = keys[start : start + 400]
            rows = self._connection.execute(
                "SELECT request_key, fingerprint, accepted, answer FROM answered_request "  # noqa: S608
                f"WHERE request_key IN ({', '.join('?' * len(part))})",
                part,
            )
            known.update({r[0]: _Known(r[1], bool(r[2]), r[3], True) for r in rows})
        return known

    def _load_ahead(
        self, uow: UnitOfWork, requests: list[Request], known: dict[bytes, _Known]
    ) -> None:
        """Ask once for the whole batch what each command asks first: is its transfer new?"""
        accounts: list[int] = []
        transfers: list[int] = []
        for request in requests:
            if request.remembered and request.key in known:
                continue
            if ahead := self._registry.entry(type(request.command)).ahead:
                wanted = ahead(request.command)
                accounts.extend(wanted[0])
                transfers.extend(wanted[1])
            elif request.remembered:
                transfers.append(transfer_id(request.key, 0))
        uow.books.load(accounts, transfers)

    def _store_answers(self, known: dict[bytes, _Known]) -> bool:
        """Write the answers that are new; whether there are any."""
        rows = [
            (key, k.fingerprint, int(k.accepted), k.answer, self._now_ms)
            for key, k in known.items()
            if not k.stored
        ]
        if rows:
            self._connection.executemany(
                "INSERT INTO answered_request (request_key, fingerprint, accepted, answer, "
                "answered_ms) VALUES (?, ?, ?, ?, ?)",
                rows,
            )
        return bool(rows)

    def _run(self, uow: UnitOfWork, request: Request, known: dict[bytes, _Known]) -> Answer:
        """Run one command of a batch; whatever it does, the others are not touched."""
        if request.remembered and not request.request_id:
            return Answer(None, Refusal("INVALID_PARAMETER", "A request needs an id."))
        try:
            key, data = request.key, command_bytes(request.command)
        except (OverflowError, ValueError):
            return Answer(None, Refusal("INVALID_PARAMETER", "A value is too large or no text."))
        if holds_nul(request.command, data):
            return Answer(None, Refusal("INVALID_PARAMETER", "A text holds a NUL."))
        fingerprint = _fingerprint(data)
        if request.remembered and (earlier := known.get(key)):
            return self._again(request, earlier, fingerprint)
        mark = uow.mark()
        answer = self._attempt(uow, request, key)
        if answer.refusal is not None:
            uow.rollback(mark)
            for row in answer.record:
                uow.put(row)
            self._after_refusal(uow, request, data, answer.refusal)
        for witness in self._witnesses:
            witness(uow, request, answer)
        self._audit(uow, request, answer)
        storable = answer.reply is not None or (
            request.keeps_refusals and answer.refusal is not None
            and answer.refusal.code not in _PASSING
        )  # fmt: skip
        if request.remembered and storable:
            stored = msgspec.msgpack.encode(answer.reply or answer.refusal)
            known[key] = _Known(fingerprint, answer.reply is not None, stored, False)
        return answer

    def _again(self, request: Request, earlier: _Known, fingerprint: bytes) -> Answer:
        if earlier.fingerprint != fingerprint:
            return Answer(None, Refusal("IDEMPOTENCY_MISMATCH"))
        if not earlier.accepted:
            return Answer(None, Refusal(*decode_msgpack(earlier.answer)), replayed=True)
        reply_type = self._registry.entry(type(request.command)).reply
        reply: Reply = decode_msgpack(earlier.answer, reply_type)
        return Answer(reply, None, replayed=True)

    def _attempt(self, uow: UnitOfWork, request: Request, key: bytes) -> Answer:
        entry = self._registry.entry(type(request.command))
        context = Context(uow, request.caller, key, uow.now_ms)
        events_before = len(uow.events)
        try:
            if request.timer_id:
                if not _timer_asks(uow, request):
                    return Answer(None, Refusal("NOT_FOUND", "The timer is no longer set."))
                uow.cancel_timer(request.timer_id)
            for gate in self._gates:
                gate(request, context, entry.scope)
            reply = entry.handler(request.command, context)
            self._registry.publish(uow, uow.events[events_before:])
        except Refused as refused:
            return Answer(None, refused.refusal, record=refused.record)
        except sqlite3.Error:
            raise
        except Exception:
            log.exception(
                "command_failed", command=_name(request.command), request_id=request.trace_id
            )
            return Answer(None, Refusal("INTERNAL_ERROR"))
        return Answer(reply)

    @staticmethod
    def _after_refusal(uow: UnitOfWork, request: Request, data: bytes, refusal: Refusal) -> None:
        """A refused timer is over; one that failed by our own fault is tried again later."""
        if not request.timer_id or not _timer_asks(uow, request):
            return
        if refusal.code == "INTERNAL_ERROR":
            uow.set_timer(request.timer_id, uow.now_ms + _TIMER_BACKOFF_MS, data)
        else:
            uow.cancel_timer(request.timer_id)

    @staticmethod
    def _audit(uow: UnitOfWork, request: Request, answer: Answer) -> None:
        if request.caller.kind is not CallerKind.OPERATOR:
            return
        outcome = answer.refusal.code if answer.refusal else "accepted"
        uow.audit(
            uow.now_ms,
            request.caller.kind,
            request.caller.id,
            _name(request.command),
            subject_of(request.command),
            outcome,
            request.request_id,
        )


_PASSING = frozenset({"INTERNAL_ERROR", "STORE_UNAVAILABLE", "SYSTEM_BUSY", "NOT_PERMITTED"})
"""Refusals that say nothing about the command itself; they are never kept as its answer."""

_OF_THE_COMMAND = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError,
)  # fmt: skip
"""What the store says of a value or statement that is not fit for it; the rest is its own."""


def _timer_asks(uow: UnitOfWork, request: Request) -> bool:
    """Whether the timer is still set as it was when it asked."""
    return uow.timer_due_ms(request.timer_id) == request.timer_due_ms


_SUBJECTS = (
    "trade_no", "out_trade_no", "order_id", "hold_id", "party_id", "app_id", "notify_id",
    "key_id", "operator_id",
)  # fmt: skip


def subject_of(command: Command) -> str:
    """What a command is about, for the audit trail: its first identifying field."""
    for field in _SUBJECTS:
        value = getattr(command, field, None)
        if value:
            return f"{field}={value}"
    return ""


def _resolve(pairs: list[tuple[asyncio.Future[Answer], Answer]]) -> None:
    for waiter, answer in pairs:
        if not waiter.done():
            waiter.set_result(answer)
