"""The shop's end of notifications: takes them on a local port, verifies and counts them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tallystick.partners.rsa2 import verify
from tallystick.sandbox.own_server import free_port

__all__ = ["Receiver"]

_UNSIGNED: Final = ("sign", "sign_type")
_BODY_MAX: Final = 64 * 1024


class _Server(uvicorn.Server):
    """Leaves signals to the run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Receiver:
    """Listens until it is closed; answers `success` to whatever the platform signed.

    Args:
        platform_key: verifies notifications.
    """

    def __init__(self, platform_key: RSAPublicKey) -> None:
        self._key = platform_key
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/notify"
        self.by_trade: dict[str, dict[str, str]] = defaultdict(dict)
        """Trade number → notify id → the state that it told of."""
        self.received = 0
        self.differences: list[str] = []
        config = uvicorn.Config(
            self._serve, host="127.0.0.1", port=self._port, log_config=None, access_log=False,
            lifespan="off",
            interface="asgi3", loop="none",
        )  # fmt: skip
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen."""
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started and not self._task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Listen no more."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    def take(self, body: bytes) -> bool:
        """Count one notification; False when its signature is not the platform's."""
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        signed = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v and k not in _UNSIGNED)
        if not verify(signed.encode(), fields.get("sign", ""), self._key):
            self.differences.append("a notification without the platform's signature came in")
            return False
        self.received += 1
        told = self.by_trade[fields.get("trade_no", "")]
        told[fields["notify_id"]] = fields.get("trade_status") or fields.get("notify_type", "")
        return True

    async def wait_for(self, notices: dict[str, int], within_s: float) -> None:
        """Wait until every trade's notifications are in, but not for ever."""
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            if all(len(self.by_trade[trade]) >= count for trade, count in notices.items()):
                return
            await asyncio.sleep(0.1)

    def compare(self, notices: dict[str, int]) -> list[str]:
        """Trades that were told of too rarely or too often, by distinct notify id."""
        return self.differences + [
            f"trade {trade}: {count} notifications are owed, {len(self.by_trade[trade])} came"
            for trade, count in notices.items()
            if len(self.by_trade[trade]) != count
        ]

    def states(self) -> dict[str, int]:
        """How many notifications told of each state."""
        return dict(Counter(s for told in self.by_trade.values() for s in told.values()))

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more and len(body) <= _BODY_MAX:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # Half a message: its sender was stopped, and will send it again.
            body += message.get("body", b"")
            more = message.get("more_body", False)
        taken = self.take(body)
        start: dict[str, Any] = {
            "type": "http.response.start",
            "status": 200 if taken else 400,
            "headers": [],
        }
        await send(start)
        await send({"type": "http.response.body", "body": b"success" if taken else b"fail"})
