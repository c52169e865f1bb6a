"""Sending webhooks: signed, at least once, a few at a time for one receiver.

What came of a try is a command; until that is durable the message stays due.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import httpx2
import structlog

from tallystick.partners.targets import (
    AddressGuard,
    Resolver,
    SystemResolver,
    TargetRefused,
    parse_target,
)
from tallystick.partners.webhooks.model import (
    RecordWebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.partners.webhooks.signing import signature_headers
from tallystick.partners.webhooks.views import due_messages
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer

__all__ = ["SECRET", "WebhookSender"]

log = structlog.get_logger("tallystick.webhooks")

SECRET: Final = "webhook.secret"  # noqa: S105 - the purpose for which secrets are sealed
_IN_ALL: Final = 32
_PER_HOST: Final = 4
_LOOKED_AT: Final = 256
_CONNECT_S, _TOTAL_S = 3.0, 15.0
_PAUSE_WHEN_UNRECORDED_S: Final = 2.0
_GONE: Final = 410


class _Outcome(NamedTuple):
    text: str
    http_status: int = 0
    delivered: bool = False
    hopeless: bool = False
    gone: bool = False


class WebhookSender:
    """Delivers what is due until it is cancelled.

    Args:
        rows: committed rows, on the event loop's thread.
        allow: networks and host names that may be reached though they are not public.
        resolve: how receivers' names are looked up; the system's resolver by default.
    """

    def __init__(
        self, rows: ReadSession, executor: Executor, sealer: Sealer, clock_ms: Callable[[], int],
        *, allow: Iterable[str] = (), resolve: Resolver | None = None, tick_s: float = 0.2,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._executor = executor
        self._sealer = sealer
        self._clock_ms = clock_ms
        self._guard = AddressGuard(allow)
        self._resolve = resolve
        self._tick_s = tick_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hosts: Counter[str] = Counter()

    async def run(self) -> None:
        """Send until cancelled; what is then on its way counts as not sent."""
        own = SystemResolver() if self._resolve is None else None
        resolve = self._resolve or own
        assert resolve is not None
        timeout = httpx2.Timeout(_TOTAL_S, connect=_CONNECT_S)
        limits = httpx2.Limits(max_connections=_IN_ALL, max_keepalive_connections=0)
        try:
            async with httpx2.AsyncClient(
                timeout=timeout, limits=limits, follow_redirects=False, trust_env=False,
                headers={"user-agent": "Tallystick", "accept-encoding": "identity"},
            ) as client:  # fmt: skip
                while True:
                    try:
                        self._begin_due(client, resolve)
                    except Exception:
                        log.exception("webhooks_failed")
                    await asyncio.sleep(self._tick_s)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if own is not None:
                own.close()

    def _begin_due(self, client: httpx2.AsyncClient, resolve: Resolver) -> None:
        for message in due_messages(self._rows, self._clock_ms(), _LOOKED_AT):
            if len(self._tasks) >= _IN_ALL:
                return
            endpoint = self._rows.get(WebhookEndpoint, message.endpoint_id)
            assert endpoint is not None, message.endpoint_id
            if message.message_id in self._tasks or self._hosts[endpoint.host] >= _PER_HOST:
                continue
            self._hosts[endpoint.host] += 1
            task = asyncio.create_task(self._deliver(message, endpoint, client, resolve))
            self._tasks[message.message_id] = task
            task.add_done_callback(
                lambda _, m=message.message_id, h=endpoint.host: self._ended(m, h)  # type: ignore[misc]
            )

    def _ended(self, message_id: str, host: str) -> None:
        del self._tasks[message_id]
        self._hosts[host] -= 1

    async def _deliver(
        self, message: WebhookMessage, endpoint: WebhookEndpoint, client: httpx2.AsyncClient,
        resolve: Resolver,
    ) -> None:  # fmt: skip
        started = time.monotonic()
        try:
            async with asyncio.timeout(_TOTAL_S):
                outcome = await self._try(message, endpoint, client, resolve)
        except TimeoutError:
            outcome = _Outcome("no answer in time")
        except Exception:
            log.exception("webhook_failed", message_id=message.message_id)
            outcome = _Outcome("could not be sent")
        command = RecordWebhookAttempt(
            message_id=message.message_id, attempt=message.attempts + 1,
            http_status=outcome.http_status, outcome=outcome.text,
            took_ms=int((time.monotonic() - started) * 1000), delivered=outcome.delivered,
            hopeless=outcome.hopeless, gone=outcome.gone,
        )  # fmt: skip
        answer = await self._executor.submit(Request.once(SYSTEM, command))
        if answer.refusal is not None:
            log.warning("webhook_attempt_not_recorded", code=answer.refusal.code)
            await asyncio.sleep(_PAUSE_WHEN_UNRECORDED_S)

    async def _try(
        self, message: WebhookMessage, endpoint: WebhookEndpoint, client: httpx2.AsyncClient,
        resolve: Resolver,
    ) -> _Outcome:  # fmt: skip
        if not endpoint.active:
            return _Outcome("the endpoint was ended", hopeless=True)
        try:
            target = parse_target(endpoint.url)
            addresses = await self._guard.allowed_addresses(target, resolve)
        except TargetRefused as refused:
            return _Outcome(f"refused: {refused}", hopeless=True)
        except OSError:
            return _Outcome("the host has no address")
        secret = bytes.fromhex(self._sealer.open(SECRET, endpoint.secret_sealed))
        headers = signature_headers(
            endpoint.algorithm, secret, message.message_id, self._clock_ms() // 1000, message.body
        ) | {
            "host": target.url.netloc.decode("ascii"),
            "content-type": "application/json", "connection": "close",
        }  # fmt: skip
        outcome = _Outcome("could not connect")
        for address in addresses:
            request = client.build_request(
                "POST", target.url.copy_with(host=address), content=message.body, headers=headers,
                extensions={"sni_hostname": target.host},
            )  # fmt: skip
            try:
                response = await client.send(request, stream=True)
            except httpx2.ConnectTimeout:
                outcome = _Outcome("could not connect in time")
                continue
            except httpx2.ConnectError:
                continue
            except httpx2.HTTPError as error:
                return _Outcome(f"broken answer: {type(error).__name__}")
            await response.aclose()
            return _judge(response.status_code)
        return outcome


def _judge(status: int) -> _Outcome:
    """Any 2xx is taken; 410 says that nothing more is wanted."""
    delivered = 200 <= status < 300
    return _Outcome(f"HTTP {status}", status, delivered=delivered, gone=status == _GONE)
