"""Sending what was decided: the provider's interface, the sandbox's one, and the worker.

A contact is recorded before it is sent and never sent again: killed in between, its line has no
delivery, and the borrower was asked once too seldom rather than once too often.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import structlog

from tallystick.credit.collections.commands import ContactBorrower, ContactMade, RecordDelivery
from tallystick.credit.collections.model import CollectionCase
from tallystick.credit.collections.terms import Channel
from tallystick.parties.model import Party
from tallystick.parties.views import masked_login, party_login
from tallystick.pipeline.commands import SYSTEM, Command, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["MessageProvider", "MessageWorker", "SandboxProvider", "sandbox_providers"]

log = structlog.get_logger("tallystick.collections")

_AT_ONCE: Final = 100


class MessageProvider(Protocol):
    """Sends short texts; may block, it is called on a worker thread."""

    def send(self, to: str, text: str, /) -> None:
        """Send a text.

        Raises:
            OSError: it cannot be sent.
        """
        ...


class SandboxProvider:
    """Writes messages into a file that its owner alone can read, and sends nothing.

    To an address that begins with `unreachable` nothing can be sent.
    """

    def __init__(self, path: Path, channel: str) -> None:
        self._path = path
        self._channel = channel

    def send(self, to: str, text: str, /) -> None:
        """Append the message as a line of JSON."""
        if to.startswith("unreachable"):
            raise OSError("unreachable")
        line = {"channel": self._channel, "to": to, "text": text}
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def sandbox_providers(path: Path) -> dict[str, MessageProvider]:
    """The sandbox's provider for each channel that is sent."""
    return {
        channel.value: SandboxProvider(path, channel.value)
        for channel in Channel
        if channel is not Channel.CALL
    }


class MessageWorker:
    """Has contacts recorded when their time has come, and sends them.

    Args:
        rows: committed rows; read on the event loop's thread.
        providers: by channel. What has none is recorded as `no_provider`.
    """

    def __init__(
        self, rows: ReadSession, executor: Executor, sealer: Sealer,
        providers: Mapping[str, MessageProvider], clock_ms: Callable[[], int], *,
        tick_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._executor = executor
        self._sealer = sealer
        self._providers = providers
        self._clock_ms = clock_ms
        self._tick_s = tick_s

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            sent = 0
            try:
                sent = await self.run_due()
            except Exception:
                log.exception("messages_failed")
            if not sent:
                await asyncio.sleep(self._tick_s)

    async def run_due(self) -> int:
        """Send what is due now; how many contacts were tried."""
        cases = self._rows.query(
            CollectionCase,
            "WHERE status = 'open' AND next_ms > 0 AND next_ms <= ? AND next_channel <> ? "
            "ORDER BY next_ms, case_id LIMIT ?",
            (self._clock_ms(), Channel.CALL.value, _AT_ONCE),
        )
        results = [await self._contact(case) for case in cases]
        return sum(results)

    async def _contact(self, case: CollectionCase) -> bool:
        """Record and send one; whether the case has moved on."""
        asked = ContactBorrower(case_id=case.case_id, due_ms=case.next_ms)
        answer = await self._executor.submit(Request.once(SYSTEM, asked))
        made = answer.reply
        if not isinstance(made, ContactMade):
            log.error("contact_refused", code=answer.refusal.code if answer.refusal else "")
            return False
        if made.entry_no:
            result = await asyncio.to_thread(self._send, made, self._address(made.borrower_id))
            recipient = masked_login(self._rows, self._sealer, made.borrower_id)
            told = RecordDelivery(
                case_id=made.case_id, entry_no=made.entry_no, recipient=recipient, result=result
            )
            await self._executor.submit(self._once(told, f"{made.case_id}:{made.entry_no}"))
        return True

    @staticmethod
    def _once(command: Command, name: str) -> Request:
        return Request(SYSTEM, f"collections.delivery:{name}", command)

    def _address(self, borrower_id: str) -> str:
        party = self._rows.get(Party, borrower_id)
        return "" if party is None else party_login(self._sealer, party)

    def _send(self, made: ContactMade, to: str) -> str:
        provider = self._providers.get(made.channel)
        if provider is None:
            return "no_provider"
        try:
            provider.send(to, made.contents)
        except OSError:
            log.warning("message_not_sent", channel=made.channel, case=made.case_id)
            return "failed"
        return "sent"
