"""All doors of the platform under one roof: which path belongs to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tallystick.gateway.alipay.endpoint import AlipayGateway

__all__ = ["Asgi", "Site"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class Site:
    """Sends each request to its door: the partner gateway, or pages and REST.

    The gateway's paths come first and without a framework between, because every payment
    takes them.
    """

    def __init__(self, gateway: AlipayGateway, pages_and_rest: Asgi) -> None:
        self._gateway = gateway
        self._rest = pages_and_rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            path = scope["path"]
            if path == "/gateway.do":
                await self._gateway.serve_v2(scope, receive, send)
                return
            if path.startswith("/v3/"):
                await self._gateway.serve_v3(scope, receive, send)
                return
        await self._rest(scope, receive, send)

    def close(self) -> None:
        """Let go of what the doors hold."""
        self._gateway.close()
