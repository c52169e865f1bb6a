"""Takes bank orders to their banks and the banks' answers into the books.

Everything it does may be done twice: an order is sent under its own id however often, and the
commands that report back carry request ids of their own. So it may be killed at any moment: an
order that is still new is sent (again), one that was sent and got no answer is asked about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import structlog

from tallystick.payments.banks.adapter import (
    BankAdapter,
    BankReply,
    BankUnreachable,
    UnknownAtBank,
)
from tallystick.payments.wallet.model import (
    BankAnswered,
    BankOrder,
    BankOrderSent,
    BankOrderStatus,
)
from tallystick.pipeline.commands import SYSTEM, Command, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.rows import ReadSession

__all__ = ["BankWorker"]

log = structlog.get_logger("tallystick.banks")

_AT_ONCE: Final = 200
_OPEN_CALLS_MAX: Final = 64
_UNREACHED_FIRST_MS: Final = 500
_UNREACHED_MAX_MS: Final = 60_000
_SILENT_MAX_MS: Final = 3_600_000


class _Calls:
    """The calls that are under way at one bank."""

    def __init__(self) -> None:
        self.orders: set[str] = set()
        self.collecting = False


class BankWorker:
    """Watches the bank orders and talks to the banks, each bank by itself.

    Args:
        rows: committed rows; read on the event loop's thread.
        banks: adapters by bank id. Orders to a bank that is not there wait.
        ask_after_ms: an order without an answer is asked about after this long, and then
            after twice as long each time, up to an hour. A bank that cannot be reached is
            tried again sooner, at least once a minute.
        call_timeout_s: a bank that takes longer counts as not reached.
    """

    def __init__(
        self,
        rows: ReadSession,
        executor: Executor,
        banks: Mapping[str, BankAdapter],
        clock_ms: Callable[[], int],
        *,
        tick_s: float = 0.2,
        ask_after_ms: int = 10_000,
        call_timeout_s: float = 15.0,
    ) -> None:
        self._rows = rows
        self._executor = executor
        self._banks = banks
        self._clock_ms = clock_ms
        self._tick_s = tick_s
        self._ask_after_ms = ask_after_ms
        self._call_timeout_s = call_timeout_s
        self._calls = {bank_id: _Calls() for bank_id in banks}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cursors: dict[BankOrderStatus, tuple[int, str]] = {}
        self._waits: dict[str, tuple[int, int]] = {}
        """Order id → (when it may be tried again, how long it waited for that), in ms."""

    async def run(self) -> None:
        """Run until cancelled; calls that are under way end with it."""
        try:
            while True:
                try:
                    self._start_due()
                except Exception:
                    log.exception("bank_worker_failed")
                await asyncio.sleep(self._tick_s)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run_once(self) -> None:
        """One round, to its end: everything that is due is asked or collected once."""
        self._start_due()
        await asyncio.gather(*self._tasks)

    # What is due.

    def _start_due(self) -> None:
        now_ms = self._clock_ms()
        for bank_id, bank in self._banks.items():
            if not self._calls[bank_id].collecting:
                self._calls[bank_id].collecting = True
                self._start(self._collect(bank_id, bank))
        for order in self._page(BankOrderStatus.NEW, now_ms):
            self._start_call(order, now_ms, self._send)
        for order in self._page(BankOrderStatus.SENT, now_ms - self._ask_after_ms):
            self._start_call(order, now_ms, self._ask)

    def _page(self, status: BankOrderStatus, until_ms: int) -> list[BankOrder]:
        """The next orders of a status, round and round, so that none hides the others."""
        since_ms, order_id = self._cursors.get(status, (0, ""))
        found = self._rows.query(
            BankOrder,
            "WHERE status = ? AND (created_ms > ? OR (created_ms = ? AND order_id > ?)) "
            "AND sent_ms <= ? ORDER BY created_ms, order_id LIMIT ?",
            (status.value, since_ms, since_ms, order_id, until_ms, _AT_ONCE),
        )
        full = len(found) == _AT_ONCE
        self._cursors[status] = (found[-1].created_ms, found[-1].order_id) if full else (0, "")
        return found

    def _start_call(
        self,
        order: BankOrder,
        now_ms: int,
        call: Callable[[BankOrder, BankAdapter], Coroutine[Any, Any, None]],
    ) -> None:
        bank, calls = self._banks.get(order.bank_id), self._calls.get(order.bank_id)
        if bank is None or calls is None or len(calls.orders) >= _OPEN_CALLS_MAX:
            return
        due_ms, _ = self._waits.get(order.order_id, (0, 0))
        if order.order_id in calls.orders or now_ms < due_ms:
            return
        calls.orders.add(order.order_id)
        self._start(self._guarded(order, calls, call(order, bank)))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Talking to banks.

    async def _guarded(
        self, order: BankOrder, calls: _Calls, call: Coroutine[Any, Any, None]
    ) -> None:
        try:
            async with asyncio.timeout(self._call_timeout_s):
                await call
        except (BankUnreachable, TimeoutError):
            log.warning("bank_unreachable", bank=order.bank_id, order=order.order_id)
            self._wait(order, _UNREACHED_FIRST_MS, _UNREACHED_MAX_MS)
        except Exception:
            log.exception("bank_call_failed", bank=order.bank_id, order=order.order_id)
            self._wait(order, self._ask_after_ms)
        finally:
            calls.orders.discard(order.order_id)

    async def _collect(self, bank_id: str, bank: BankAdapter) -> None:
        try:
            async with asyncio.timeout(self._call_timeout_s):
                late = await bank.collect()
            for order_id, reply in late:
                await self._answered(order_id, reply)
        except (BankUnreachable, TimeoutError):
            log.warning("bank_unreachable", bank=bank_id)
        except Exception:
            log.exception("bank_collect_failed", bank=bank_id)
        finally:
            self._calls[bank_id].collecting = False

    async def _send(self, order: BankOrder, bank: BankAdapter) -> None:
        reply = await bank.send(order)
        if reply is not None:
            await self._answered(order.order_id, reply)
        else:
            await self._submit(
                f"bank.sent:{order.order_id}", BankOrderSent(order_id=order.order_id)
            )
            self._wait(order, self._ask_after_ms)

    async def _ask(self, order: BankOrder, bank: BankAdapter) -> None:
        """Ask about a silent order; one that the bank does not know goes there again."""
        try:
            reply = await bank.query(order)
        except UnknownAtBank:
            reply = await bank.send(order)
        if reply is not None:
            await self._answered(order.order_id, reply)
        else:
            self._wait(order, self._ask_after_ms)

    def _wait(self, order: BankOrder, first_ms: int, max_ms: int = _SILENT_MAX_MS) -> None:
        _, waited_ms = self._waits.get(order.order_id, (0, 0))
        wait_ms = min(max(waited_ms * 2, first_ms), max_ms)
        self._waits[order.order_id] = (self._clock_ms() + wait_ms, wait_ms)

    # Into the books.

    async def _answered(self, order_id: str, reply: BankReply) -> None:
        command = BankAnswered(
            order_id=order_id,
            accepted=reply.accepted,
            bank_reference=reply.reference,
            reason=reply.reason,
        )
        outcome = "accepted" if reply.accepted else "rejected"
        await self._submit(f"bank.answered:{order_id}:{outcome}:{reply.reference}", command)

    async def _submit(self, request_id: str, command: BankOrderSent | BankAnswered) -> None:
        answer = await self._executor.submit(Request(SYSTEM, request_id, command))
        if answer.refusal is None:
            if isinstance(command, BankAnswered):
                self._waits.pop(command.order_id, None)
            return
        # What could not be recorded now is sent or asked about again; a bank that contradicts
        # itself needs a person.
        log.error(
            "bank_answer_refused", order=command.order_id, code=answer.refusal.code,
            command=_tag(command),
        )  # fmt: skip


def _tag(command: Command) -> str:
    return str(command.__struct_config__.tag)
