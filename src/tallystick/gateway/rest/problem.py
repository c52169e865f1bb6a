"""Errors as RFC 9457 problems: every refusal, and everything that HTTP itself can refuse."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from litestar import Response

from tallystick.pipeline.refusals import REFUSALS, Refusal, Refused

__all__ = [
    "PROBLEM_TYPE", "BadRequest", "Problem", "bad_request", "problem_of", "problem_response",
]  # fmt: skip

PROBLEM_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = "1"
_PATH: Final = re.compile(r" - at `(\$[^`]*)`$")
_UNKNOWN: Final = re.compile(r"unknown field `(.*?)`", re.DOTALL)
_DETAIL_LENGTH_MAX: Final = 300


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was wrong. `code` is stable; `field` says where in the request, as `$.amount`."""

    type: str
    title: str
    title_zh: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str = ""


class BadRequest(Refused):
    """A request that cannot be read, with the place where it goes wrong."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__("MALFORMED_REQUEST", detail)
        self.field = field


def bad_request(error: Exception, root: str = "$") -> BadRequest:
    """A decoder's complaint as a refusal with the field's path.

    Args:
        root: what the path starts from: `$` for the body, else `query`.
    """
    if isinstance(error, UnicodeDecodeError):
        return BadRequest("The text is not UTF-8.", root)
    if isinstance(error, RecursionError):
        return BadRequest("The values are nested too deeply.", root)
    message = str(error)
    where = _PATH.search(message)
    path = where[1] if where else "$"
    sentence = message[: where.start()] if where else message
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        path = f"{path}.{unknown[1][:64]}"
    return BadRequest(f"{sentence}."[:_DETAIL_LENGTH_MAX], root + path[1:])


def problem_of(refusal: Refusal, request_id: str, field: str = "") -> Problem:
    """The problem that tells of a refusal."""
    kind = REFUSALS[refusal.code]
    return Problem(
        type=f"/docs/refusals#{refusal.code}",
        title=kind.english,
        title_zh=kind.chinese,
        status=kind.http_status,
        detail=refusal.detail or kind.english,
        code=refusal.code,
        request_id=request_id,
        field=field,
    )


def problem_response(
    refusal: Refusal, request_id: str, *, field: str = "", headers: dict[str, str] | None = None
) -> Response[Any]:
    """The whole answer: the problem, its status, and what a client needs to go on."""
    problem = problem_of(refusal, request_id, field)
    more = {"x-request-id": request_id, "cache-control": "no-store", **(headers or {})}
    if problem.status == 401:
        more["www-authenticate"] = 'Bearer realm="tallystick"'
    if problem.status in (429, 503):
        more["retry-after"] = _RETRY_AFTER_S
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers=more,
    )
