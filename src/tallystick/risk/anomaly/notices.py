"""Telling the owner: a short message to the phones that are bound to the account.

A notice is due until it was sent; one that could not be sent is tried again, and after a crash
one may be sent twice. What it says names no amount, payee or device.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final

import structlog

from tallystick.pipeline.commands import SYSTEM, Answer, Registry, Request
from tallystick.risk.anomaly.model import AnomalyAlert, RecordAlertNotice
from tallystick.risk.person.contacts import phones_of
from tallystick.risk.person.providers import MessageProvider
from tallystick.store.connection import StoreError
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer
from tallystick.store.unit_of_work import Event

__all__ = ["AlertNotices"]

log = structlog.get_logger("tallystick.anomaly")

_AT_ONCE: Final = 50
_LOOK_S: Final = 1.0
_LOOK_ANYWAY_S: Final = 60
_TEXT: Final = (
    "[Tallystick] Something unusual happened on your account. Was it you? Open Security in your "
    "wallet. 您的账户出现异常操作，请打开钱包“安全”页面确认是否本人。"
)

Reader = Callable[[], AbstractContextManager[ReadSession]]


class AlertNotices:
    """Sends what is due.

    Args:
        reader: a session of its own for a worker thread.
        submit: runs a command.
    """

    def __init__(
        self,
        reader: Reader,
        sealer: Sealer,
        messages: MessageProvider,
        submit: Callable[[Request], Awaitable[Answer]],
    ) -> None:
        self._reader = reader
        self._sealer = sealer
        self._messages = messages
        self._submit = submit
        self._may_be_due = True

    def register(self, registry: Registry) -> None:
        """Hear of new alerts."""
        registry.follow("anomaly.alert_", self._note)

    def _note(self, happened: Event) -> None:
        self._may_be_due = True

    async def run(self) -> None:
        """Send until it is cancelled; wait while the store is gone."""
        looks = 0
        while True:
            if self._may_be_due or looks % _LOOK_ANYWAY_S == 0:
                self._may_be_due = False
                try:
                    await self.run_once()
                except (StoreError, sqlite3.Error) as error:
                    log.warning("alert_notices_cut_off", error=str(error))
                    self._may_be_due = True
            looks += 1
            await asyncio.sleep(_LOOK_S)

    async def run_once(self) -> None:
        """Send what is due now."""
        for alert_id, sent in await asyncio.to_thread(self._send_due):
            command = RecordAlertNotice(alert_id=alert_id, sent=sent)
            await self._submit(Request.once(SYSTEM, command))

    def _send_due(self) -> list[tuple[str, bool]]:
        """Each alert whose owner was told, or has no phone to be told by.

        One phone that was reached is enough: the others are not worth telling it again.
        """
        done = []
        with self._reader() as rows:
            tail = "WHERE notice = 'due' ORDER BY opened_ms LIMIT ?"
            for alert in rows.query(AnomalyAlert, tail, (_AT_ONCE,)):
                phones = phones_of(rows, self._sealer, alert.party)
                reached = [self._reaches(phone) for phone in phones]
                if any(reached) or not phones:
                    done.append((alert.alert_id, bool(phones)))
        return done

    def _reaches(self, phone: str) -> bool:
        try:
            self._messages.send(phone, _TEXT)
        except OSError as error:
            log.warning("alert_notice_not_sent", problem=error.strerror)
            return False
        return True
