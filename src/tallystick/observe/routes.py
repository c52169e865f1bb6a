"""What whoever runs the platform asks it: is it alive, is it ready."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from tallystick.platform import Platform

__all__ = ["observe_routes"]


def observe_routes(platform: Platform) -> list[HTTPRouteHandler]:
    """`/healthz` and `/readyz`."""

    @get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    @get("/readyz", include_in_schema=False)
    async def readyz() -> Response[Any]:
        """The platform takes commands."""
        ready = platform.ready and not platform.stopped_workers
        body = {"status": "ready" if ready else "not ready"}
        return Response(body, status_code=200 if ready else 503)

    return [healthz, readyz]
