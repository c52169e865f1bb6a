"""The REST API's routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from litestar import HttpMethod, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from tallystick.gateway.rest.api import OPERATIONS
from tallystick.gateway.rest.documents import document_routes
from tallystick.gateway.rest.endpoint import Endpoint, http_refusal, request_id_of
from tallystick.gateway.rest.operation import BODY_BYTES_MAX, Operation
from tallystick.gateway.rest.problem import problem_response
from tallystick.pipeline.refusals import refusal_of
from tallystick.platform import Platform

__all__ = ["rest_config", "rest_routes"]

log = structlog.get_logger("tallystick.rest")


def _path(operation: Operation) -> str:
    """The operation's address as the framework writes it."""
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", f"{{{name}:str}}")
    return path


def _route(platform: Platform, operation: Operation) -> HTTPRouteHandler:
    endpoint = Endpoint(platform, operation)

    async def answer(request: Request[Any, Any, Any]) -> Response[Any]:
        return await endpoint.answer(request)

    return HTTPRouteHandler(
        _path(operation),
        http_method=operation.method,  # type: ignore[arg-type]
        name=operation.name,
        status_code=operation.status,
        request_max_body_size=operation.body_bytes_max if operation.body else BODY_BYTES_MAX,
        include_in_schema=False,
    )(answer)


def _options(path: str, methods: Sequence[str]) -> HTTPRouteHandler:
    """Says which methods an address takes; the framework would name one operation's only."""
    allow = {"allow": ", ".join(methods)}

    async def answer() -> Response[None]:
        return Response(None, status_code=204, headers=allow)

    return HTTPRouteHandler(
        path, http_method=HttpMethod.OPTIONS, status_code=204, include_in_schema=False
    )(answer)


def rest_routes(platform: Platform) -> list[HTTPRouteHandler]:
    """Every operation as a route, and the documents that describe them."""
    methods: dict[str, list[str]] = {}
    for operation in OPERATIONS:
        methods.setdefault(_path(operation), ["OPTIONS"]).append(operation.method)
    operations = [_route(platform, operation) for operation in OPERATIONS]
    options = [_options(path, taken) for path, taken in methods.items()]
    # First: an address without one gets one from the framework.
    return [*options, *operations, *document_routes(OPERATIONS, platform.settings.public_base)]


def _problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """What went wrong before any handler was found, or in one without a handler of its own."""
    request_id = request_id_of(request.scope)
    if isinstance(error, HTTPException):
        return problem_response(http_refusal(error), request_id, headers=error.headers)
    log.error("request_failed", exc_info=error)
    return problem_response(refusal_of(error), request_id)


def rest_config(platform: Platform) -> dict[str, Any]:
    """What the application needs for them."""
    return {
        "openapi_config": None,
        "exception_handlers": {HTTPException: _problem, Exception: _problem},
    }
