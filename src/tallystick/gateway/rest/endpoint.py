"""One operation at work: who asks, what for, the command or the look, and the answer."""

from __future__ import annotations

import asyncio
import secrets
from inspect import isawaitable
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Stream
from litestar.types import Scope

from tallystick.accounting.made_file import MadeFile
from tallystick.gateway.rest.identity import Identity, identify
from tallystick.gateway.rest.operation import Calculation, Call, Operation, Question
from tallystick.gateway.rest.problem import BadRequest, problem_response
from tallystick.gateway.rest.reading import BodyReader, QueryReader, idempotency_key, read_path
from tallystick.pipeline.commands import Answer
from tallystick.pipeline.rate_limit import RateLimit
from tallystick.pipeline.refusals import Refusal, Refused, refusal_of
from tallystick.platform import Platform

__all__ = ["REPLAYED", "Endpoint", "http_refusal", "request_id_of"]

log = structlog.get_logger("tallystick.rest")

REPLAYED: Final = "idempotent-replayed"
"""The header that marks an answer which was given before."""

_ID_BYTES: Final = 10

RestRequest = Request[Any, Any, Any]

_OF_STATUS: Final = {
    400: "MALFORMED_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE",
}  # fmt: skip


def request_id_of(scope: Scope) -> str:
    """The id under which a request is logged and answered; the first who asks gives it."""
    state: dict[str, Any] = scope.setdefault("state", {})
    return str(state.setdefault("request_id", secrets.token_hex(_ID_BYTES)))


def http_refusal(error: HTTPException) -> Refusal:
    """What the framework did not take, in the platform's words."""
    return Refusal(_OF_STATUS.get(error.status_code, "INTERNAL_ERROR"))


class Endpoint:
    """Answers the requests for one operation."""

    def __init__(self, platform: Platform, operation: Operation) -> None:
        self._platform = platform
        self._operation = operation
        self._rate_limit = RateLimit(platform.clock_ms)
        self._body = BodyReader(operation.body) if operation.body is not None else None
        self._query = QueryReader(operation.query) if operation.query is not None else None

    async def answer(self, request: RestRequest) -> Response[Any]:
        """The operation's answer, or the problem that tells why there is none."""
        request_id = request_id_of(request.scope)
        try:
            return await self._answer(request, request_id)
        except BadRequest as error:
            return problem_response(error.refusal, request_id, field=error.field)
        except Refused as error:
            return problem_response(error.refusal, request_id)
        except HTTPException as error:
            return problem_response(http_refusal(error), request_id)
        except Exception as error:
            log.exception("operation_failed", operation=self._operation.name)
            return problem_response(refusal_of(error), request_id)

    def _identify(self, request: RestRequest) -> Identity:
        operation = self._operation
        identity = identify(self._platform.rows, request.headers.get("authorization", ""))
        identity.require(operation.scope)
        if identity.app_id and not operation.for_apps:
            raise Refused("NOT_PERMITTED", "A key that is bound to an app cannot do this.")
        return identity

    async def _answer(self, request: RestRequest, request_id: str) -> Response[Any]:
        operation = self._operation
        if isinstance(operation, Calculation):
            return await self._calculate(operation, request, request_id)
        identity = self._identify(request)
        words = read_path(operation.parameters, request.path_params)
        call = Call(self._platform, identity, words, accept=request.headers.get("accept", ""))
        if self._query is not None:
            query = self._query.read(request.query_params.multi_items())
            found = operation.run(call, query)
            shown = await found if isawaitable(found) else found
            return _response(shown, operation.status, request_id, {})
        if isinstance(operation, Question):
            return await self._ask(call, request, request_id)
        assert self._body is not None, operation.name
        key = idempotency_key(request.headers.getall("idempotency-key", []))
        body = self._body.read(await request.body(), request.headers.get("content-type", ""))
        return await self._change(call._replace(idempotency_key=key), body, request_id)

    async def _calculate(
        self, operation: Calculation, request: RestRequest, request_id: str
    ) -> Response[Any]:
        """What anybody may ask; an address that asks too often waits."""
        self._rate_limit.take(request.client.host if request.client else "")
        assert self._body is not None, operation.name
        body = self._body.read(await request.body(), request.headers.get("content-type", ""))
        shown = await asyncio.to_thread(operation.calculate, body)
        return _response(shown, operation.status, request_id, {})

    async def _ask(self, call: Call, request: RestRequest, request_id: str) -> Response[Any]:
        operation = self._operation
        assert self._body is not None, operation.name
        body = self._body.read(await request.body(), request.headers.get("content-type", ""))
        shown = await asyncio.to_thread(operation.run, call, body)
        return _response(shown, operation.status, request_id, {})

    async def _change(self, call: Call, body: Any, request_id: str) -> Response[Any]:
        operation = self._operation
        made = operation.run(call, body)
        command = await made if isawaitable(made) else made
        answer: Answer = await self._platform.submit(
            call.identity.caller, command, f"rest:{call.idempotency_key}", keeps_refusals=True
        )
        marked = {REPLAYED: "true"} if answer.replayed else {}
        if answer.refusal is not None:
            return problem_response(answer.refusal, request_id, headers=marked)
        assert operation.show is not None, operation.name
        return _response(operation.show(call, answer.reply), operation.status, request_id, marked)


def _file(made: MadeFile, request_id: str) -> Stream:
    return Stream(
        made.pieces(),
        media_type=made.media_type,
        headers={
            "x-request-id": request_id,
            "cache-control": "no-store",
            "content-length": str(made.size),
            "content-disposition": f'attachment; filename="{made.name}"',
            "x-content-type-options": "nosniff",
        },
    )


def _response(shown: Any, status: int, request_id: str, headers: dict[str, str]) -> Response[Any]:
    if isinstance(shown, MadeFile):
        return _file(shown, request_id)
    return Response(
        msgspec.json.encode(shown),
        status_code=status,
        media_type="application/json",
        headers={"x-request-id": request_id, "cache-control": "no-store", **headers},
    )
