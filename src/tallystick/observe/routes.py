"""What whoever runs the platform asks it: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from typing import Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tallystick.observe.watch import Watch

__all__ = ["observe_routes"]

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_NO_STORE: Final = {"cache-control": "no-store"}


def _is_this_machine(request: Request[Any, Any, Any]) -> bool:
    """Whether a process of this machine asks, and not a proxy on behalf of another."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _may_see(request: Request[Any, Any, Any], token: str) -> bool:
    given = request.headers.get("authorization", "")
    expected = f"Bearer {token}"
    right = hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
    return (bool(token) and right) or _is_this_machine(request)


def observe_routes(watch: Watch, metrics_token: str) -> list[HTTPRouteHandler]:
    """`/healthz`, `/readyz` and `/metrics`."""

    @get("/healthz", include_in_schema=False)
    async def healthz() -> Response[Any]:
        """The process answers."""
        return Response({"status": "alive"}, headers=_NO_STORE)

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[Any]:
        """The platform takes commands; if not, why. Warnings do not make it unready."""
        reasons = watch.reasons()
        body: dict[str, Any] = {"status": "not ready" if reasons else "ready"}
        if reasons:
            body["reasons"] = [reason._asdict() for reason in reasons]
        if warnings := watch.warnings():
            body["warnings"] = [warning._asdict() for warning in warnings]
        return Response(body, status_code=503 if reasons else 200, headers=_NO_STORE)

    @get("/metrics", include_in_schema=False)
    async def metrics(request: Request[Any, Any, Any]) -> Response[Any]:
        """Prometheus's text, for who has the token or is on this machine."""
        if not _may_see(request, metrics_token):
            challenge = {"www-authenticate": 'Bearer realm="metrics"'} if metrics_token else {}
            return Response(
                "This needs the metrics token.\n",
                status_code=401 if metrics_token else 403,
                media_type="text/plain",
                headers={**_NO_STORE, **challenge},
            )
        body = await asyncio.to_thread(watch.exposition)
        headers = {**_NO_STORE, "content-type": CONTENT_TYPE_PLAIN_0_0_4}
        return Response(body, headers=headers, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [healthz, readyz, metrics]
