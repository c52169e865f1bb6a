"""Sending what was decided, by the provider that sends everything to people.

A contact is recorded before it is sent and never sent again: killed in between, its line has no
delivery, and the borrower was asked once too seldom rather than once too often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from tallystick.credit.collections.commands import ContactBorrower, ContactMade, RecordDelivery
from tallystick.credit.collections.model import CollectionCase
from tallystick.credit.collections.terms import Channel
from tallystick.pipeline.commands import SYSTEM, Command, Request
from tallystick.pipeline.executor import Executor
from tallystick.risk.person.contacts import Contacts, contacts_by
from tallystick.risk.person.providers import MessageChannel, MessageProvider
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["MessageWorker"]

log = structlog.get_logger("tallystick.collections")

_AT_ONCE: Final = 100


class MessageWorker:
    """Has contacts recorded when their time has come, and sends them.

    Args:
        rows: committed rows; read on the event loop's thread.
        messages: the one provider. Who has no address for a channel is recorded as `no_address`,
            who has none but phones that cool down as `cooling`.
    """

    def __init__(
        self, rows: ReadSession, executor: Executor, sealer: Sealer,
        messages: MessageProvider, clock_ms: Callable[[], int], *,
        tick_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._executor = executor
        self._sealer = sealer
        self._messages = messages
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
            channel = MessageChannel(made.channel)
            contacts = contacts_by(
                self._rows, self._sealer, made.borrower_id, channel, self._clock_ms()
            )
            recipient, result = await asyncio.to_thread(self._send, made, channel, contacts)
            told = RecordDelivery(
                case_id=made.case_id, entry_no=made.entry_no, recipient=recipient, result=result
            )
            await self._executor.submit(self._once(told, f"{made.case_id}:{made.entry_no}"))
        return True

    @staticmethod
    def _once(command: Command, name: str) -> Request:
        return Request(SYSTEM, f"collections.delivery:{name}", command)

    def _send(
        self, made: ContactMade, channel: MessageChannel, contacts: Contacts
    ) -> tuple[str, str]:
        """Send it; the recipient, masked, and what became of it."""
        recipient = ""
        try:
            to = contacts.told_by(self._messages, self._clock_ms())
            if to is None:
                return "", "cooling" if contacts.known or contacts.cooling else "no_address"
            recipient = to.masked
            self._messages.send(to.address, made.contents, channel)
        except OSError:
            log.warning("message_not_sent", channel=made.channel, case=made.case_id)
            return recipient, "failed"
        return recipient, "sent"
