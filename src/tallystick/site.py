"""All doors of the platform under one roof: which path belongs to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import structlog
from litestar import Litestar

from tallystick.console.routes import routes as page_routes
from tallystick.gateway.alipay.endpoint import AlipayGateway
from tallystick.gateway.alipay.page_return import build_return_url
from tallystick.gateway.rest.routes import rest_config, rest_routes
from tallystick.observe.logs import begin_request
from tallystick.observe.metrics import Metrics
from tallystick.observe.origin import begin_origin
from tallystick.observe.routes import observe_routes
from tallystick.payments.bills import BILL_PATH
from tallystick.payments.trades.model import Trade
from tallystick.platform import Platform

__all__ = ["Site", "build_site"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


log = structlog.get_logger("tallystick.site")

_ID_HEADER: Final = b"x-request-id"


class Site:
    """Sends each request to its door: the partner gateway, or pages and REST.

    The gateway's paths come first and without a framework between, because every payment
    takes them.
    """

    def __init__(self, gateway: AlipayGateway, pages_and_rest: Litestar, metrics: Metrics) -> None:
        self._gateway = gateway
        self._rest = pages_and_rest
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, under an id of its own that its log lines and its answer carry."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)  # type: ignore[arg-type]
            return
        request_id = begin_request(scope["headers"])
        begin_origin(scope.get("client"), scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        door, serve = self._door(scope["path"])

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = list(message.get("headers", ()))
                if all(name != _ID_HEADER for name, _ in headers):
                    headers.append((_ID_HEADER, request_id.encode()))
                self._metrics.http_answer(door, message["status"])
                log.debug("answered", door=door, status=message["status"])
            await send(message)

        await serve(scope, receive, answer)

    def _door(self, path: str) -> tuple[str, Callable[[Scope, Receive, Send], Awaitable[None]]]:
        if path == "/gateway.do":
            return "gateway", self._gateway.serve_v2
        if path.startswith("/v3/"):
            return "gateway_v3", self._gateway.serve_v3
        if path == BILL_PATH:
            return "bill", self._gateway.serve_bill
        return ("rest" if path.startswith("/v1/") else "pages"), self._rest  # type: ignore[return-value]

    async def close(self) -> None:
        """Let go of what the doors hold."""
        await self._gateway.close()


def build_site(platform: Platform) -> Site:
    """Every door on one platform."""

    def return_location(trade: Trade) -> str:
        return build_return_url(platform, trade)

    app = Litestar(
        route_handlers=[
            *observe_routes(platform.watch, platform.settings.metrics_token),
            *rest_routes(platform),
            *page_routes(platform, return_location),
        ],
        request_max_body_size=platform.settings.body_max_bytes,
        logging_config=None,
        **rest_config(platform),
    )
    return Site(AlipayGateway(platform), app, platform.metrics)
