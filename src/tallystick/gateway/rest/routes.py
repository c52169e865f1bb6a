"""The REST API's routes."""

from __future__ import annotations

from typing import Any

from litestar.handlers import HTTPRouteHandler

from tallystick.platform import Platform

__all__ = ["rest_config", "rest_routes"]


def rest_routes(platform: Platform) -> list[HTTPRouteHandler]:
    """Every operation as a route."""
    return []


def rest_config(platform: Platform) -> dict[str, Any]:
    """What the application needs for them."""
    return {"openapi_config": None}
