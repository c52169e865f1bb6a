"""All doors of the platform under one roof: which path belongs to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from litestar import Litestar

from tallystick.console.routes import routes as page_routes
from tallystick.gateway.alipay.endpoint import AlipayGateway
from tallystick.gateway.alipay.page_return import build_return_url
from tallystick.gateway.rest.routes import rest_config, rest_routes
from tallystick.observe.routes import observe_routes
from tallystick.payments.bills import BILL_PATH
from tallystick.payments.trades.model import Trade
from tallystick.platform import Platform

__all__ = ["Site", "build_site"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Site:
    """Sends each request to its door: the partner gateway, or pages and REST.

    The gateway's paths come first and without a framework between, because every payment
    takes them.
    """

    def __init__(self, gateway: AlipayGateway, pages_and_rest: Litestar) -> None:
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
            if path == BILL_PATH:
                await self._gateway.serve_bill(scope, receive, send)
                return
        await self._rest(scope, receive, send)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let go of what the doors hold."""
        self._gateway.close()


def build_site(platform: Platform) -> Site:
    """Every door on one platform."""

    def return_location(trade: Trade) -> str:
        return build_return_url(platform, trade)

    app = Litestar(
        route_handlers=[
            *observe_routes(platform),
            *rest_routes(platform),
            *page_routes(platform, return_location),
        ],
        request_max_body_size=platform.settings.body_max_bytes,
        logging_config=None,
        **rest_config(platform),
    )
    return Site(AlipayGateway(platform), app)
