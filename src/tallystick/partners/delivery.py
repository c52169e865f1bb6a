"""Sending notifications: signed, at least once, and no receiver holds up another.

The sender takes what is due in turns of receivers, at most so many at a time for one host, for
one app, and in all. What came of a try is a command; until that is durable the notification
stays due, so a crash on the way means that it is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import httpx2
import structlog

from tallystick.decoding import decode_json
from tallystick.partners.keyring import Keyring
from tallystick.partners.model import Notification, NotificationStatus, RecordAttempt
from tallystick.partners.notify_form import form_body, signed_fields
from tallystick.partners.targets import (
    AddressGuard,
    Resolver,
    SystemResolver,
    Target,
    TargetRefused,
    parse_target,
)
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.rows import ReadSession

__all__ = ["Limits", "NotificationSender"]

log = structlog.get_logger("tallystick.notifications")

_ANSWER_MAX_BYTES: Final = 4096
_SHOWN_MAX: Final = 60
_HOSTS_A_ROUND: Final = 200
_PAUSE_WHEN_UNRECORDED_S: Final = 2.0


class Limits(NamedTuple):
    """How much is sent at a time, and how long a receiver may take (seconds)."""

    in_all: int = 64
    per_host: int = 4
    per_app: int = 32
    connect_s: float = 3.0
    total_s: float = 10.0


class _Outcome(NamedTuple):
    text: str
    http_status: int = 0
    delivered: bool = False
    hopeless: bool = False


class NotificationSender:
    """Delivers what is due until it is cancelled.

    Args:
        rows: committed rows, on the event loop's thread.
        allow: networks and host names that may be reached though they are not public.
        resolve: how receivers' names are looked up; the system's resolver by default.
        tick_s: how long to wait before looking again when nothing is due.
    """

    def __init__(
        self,
        rows: ReadSession,
        executor: Executor,
        keyring: Keyring,
        clock_ms: Callable[[], int],
        *,
        allow: Iterable[str] = (),
        resolve: Resolver | None = None,
        limits: Limits | None = None,
        tick_s: float = 0.1,
    ) -> None:
        self._rows = rows
        self._executor = executor
        self._keyring = keyring
        self._clock_ms = clock_ms
        self._guard = AddressGuard(allow)
        self._resolve = resolve
        self._limits = limits or Limits()
        self._tick_s = tick_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hosts: Counter[str] = Counter()
        self._apps: Counter[str] = Counter()
        self._last_host = ""
        self._wake = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """How many notifications are being sent now."""
        return len(self._tasks)

    def lag_ms(self) -> int:
        """For how long the oldest notification that is due has been waiting; 0 when none is."""
        oldest = self._rows.connection.execute(
            "SELECT MIN(next_ms) FROM notification WHERE status = ?", (NotificationStatus.DUE,)
        ).fetchone()[0]
        return 0 if oldest is None else max(0, self._clock_ms() - int(oldest))

    async def run(self) -> None:
        """Send until cancelled; what is then on its way counts as not sent."""
        own = SystemResolver() if self._resolve is None else None
        resolve = self._resolve or own
        assert resolve is not None
        try:
            async with self._client() as client:
                try:
                    await self._send_forever(client, resolve)
                finally:
                    await self._abandon()
        finally:
            if own is not None:
                own.close()

    async def _send_forever(self, client: httpx2.AsyncClient, resolve: Resolver) -> None:
        while True:
            self._wake.clear()
            try:
                for notification in self._next_due():
                    self._begin(notification, client, resolve)
            except Exception:
                log.exception("notifications_failed")
            try:
                async with asyncio.timeout(self._tick_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _abandon(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Choosing.

    def _next_host(self, after: str) -> str | None:
        row = self._rows.connection.execute(
            "SELECT MIN(host) FROM notification WHERE status = ? AND host > ?",
            (NotificationStatus.DUE, after),
        ).fetchone()
        return None if row[0] is None else str(row[0])

    def _due_of(self, host: str, most: int) -> list[Notification]:
        """The host's oldest ones that are not on their way, of apps that have not too many."""
        full = [app for app, count in self._apps.items() if count >= self._limits.per_app]
        marks = ", ".join("?" * len(full))
        apart = f"AND app_id NOT IN ({marks}) " if full else ""
        found = self._rows.query(
            Notification,
            f"WHERE status = ? AND host = ? {apart}ORDER BY next_ms, notify_id LIMIT ?",
            (NotificationStatus.DUE, host, *full, most + self._hosts[host]),
        )
        return [n for n in found if n.notify_id not in self._tasks][:most]

    def _next_due(self) -> Iterable[Notification]:
        """What to send now, going round the hosts from where the last round ended."""
        seen: set[str] = set()
        while len(self._tasks) < self._limits.in_all and len(seen) < _HOSTS_A_ROUND:
            # Every address that is no address has the host ""; the round starts before it.
            host = self._next_host(self._last_host)
            if host is None:
                host = self._first_host()
            if host is None or host in seen:
                return
            seen.add(host)
            self._last_host = host
            room = min(
                self._limits.per_host - self._hosts[host], self._limits.in_all - len(self._tasks)
            )
            if room > 0:
                for notification in self._due_of(host, room):
                    if self._apps[notification.app_id] < self._limits.per_app:
                        yield notification

    def _first_host(self) -> str | None:
        row = self._rows.connection.execute(
            "SELECT MIN(host) FROM notification WHERE status = ?", (NotificationStatus.DUE,)
        ).fetchone()
        return None if row[0] is None else str(row[0])

    # Sending.

    def _begin(
        self, notification: Notification, client: httpx2.AsyncClient, resolve: Resolver
    ) -> None:
        self._hosts[notification.host] += 1
        self._apps[notification.app_id] += 1
        task = asyncio.create_task(self._deliver(notification, client, resolve))
        self._tasks[notification.notify_id] = task
        task.add_done_callback(lambda _: self._ended(notification))

    def _ended(self, notification: Notification) -> None:
        del self._tasks[notification.notify_id]
        for counter, name in ((self._hosts, notification.host), (self._apps, notification.app_id)):
            counter[name] -= 1
            if counter[name] <= 0:
                del counter[name]
        self._wake.set()

    async def _deliver(
        self, notification: Notification, client: httpx2.AsyncClient, resolve: Resolver
    ) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.total_s):
                outcome = await self._try(notification, client, resolve)
        except TimeoutError:
            outcome = _Outcome("no answer in time")
        except Exception:
            log.exception("notification_failed", notify_id=notification.notify_id)
            outcome = _Outcome("could not be sent")
        command = RecordAttempt(
            notify_id=notification.notify_id,
            attempt=notification.attempts + 1,
            http_status=outcome.http_status,
            outcome=outcome.text,
            took_ms=int((time.monotonic() - started) * 1000),
            delivered=outcome.delivered,
            hopeless=outcome.hopeless,
        )
        answer = await self._executor.submit(Request.once(SYSTEM, command))
        if answer.refusal is not None:
            # It stays due; the pause keeps a store that cannot write from a storm of sending.
            log.warning("attempt_not_recorded", code=answer.refusal.code)
            await asyncio.sleep(_PAUSE_WHEN_UNRECORDED_S)

    async def _try(
        self, notification: Notification, client: httpx2.AsyncClient, resolve: Resolver
    ) -> _Outcome:
        """One try, as the log says it."""
        keys = self._keyring.app(notification.app_id)
        if keys is None:
            return _Outcome("the app is unknown", hopeless=True)
        try:
            target = parse_target(notification.url)
            addresses = await self._guard.allowed_addresses(target, resolve)
        except TargetRefused as refused:
            return _Outcome(f"refused: {refused}", hopeless=True)
        except OSError:
            return _Outcome("the host has no address")
        form = decode_json(notification.payload, dict[str, str])
        fields = await asyncio.to_thread(signed_fields, form, keys.signing_key)
        body = form_body(fields)
        outcome = _Outcome("could not connect")
        for address in addresses:
            try:
                return await _post(client, target, address, body)
            except httpx2.ConnectTimeout:
                outcome = _Outcome("could not connect in time")
            except httpx2.ConnectError:
                outcome = _Outcome("could not connect")
            except httpx2.HTTPError as error:
                return _Outcome(f"broken answer: {type(error).__name__}")
        return outcome

    def _client(self) -> httpx2.AsyncClient:
        """A client that goes only where it is told: no proxy, no redirect, no pooled way."""
        limits = self._limits
        return httpx2.AsyncClient(
            timeout=httpx2.Timeout(limits.total_s, connect=limits.connect_s),
            # A kept connection is known by its address; another host may share that.
            limits=httpx2.Limits(max_connections=limits.in_all, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": "Tallystick", "accept-encoding": "identity"},
        )


async def _post(client: httpx2.AsyncClient, target: Target, address: str, body: bytes) -> _Outcome:
    """Post to an address that was judged, speaking to the host by its name."""
    request = client.build_request(
        "POST",
        target.url.copy_with(host=address),
        content=body,
        headers={
            "host": target.url.netloc.decode("ascii"),
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "connection": "close",
        },
        extensions={"sni_hostname": target.host},
    )
    response = await client.send(request, stream=True)
    try:
        answer = b""
        async for part in response.aiter_raw():
            answer += part
            if len(answer) > _ANSWER_MAX_BYTES:
                return _Outcome("the answer is too long", response.status_code)
    finally:
        await response.aclose()
    return _judge(response.status_code, answer)


def _judge(status: int, answer: bytes) -> _Outcome:
    """The receiver has it when it says `success`, and nothing else."""
    if not 200 <= status < 300:
        return _Outcome(f"HTTP {status}", status)
    if answer.strip() == b"success":
        return _Outcome("success", status, delivered=True)
    shown = "".join(c if c.isprintable() else "?" for c in answer[:_SHOWN_MAX].decode("latin-1"))
    return _Outcome(f"answered: {shown}", status)
