"""The little of ASGI that the gateway's doors need: read a body, send an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple

__all__ = [
    "BodyLateError",
    "CallerGoneError",
    "BodyTooLargeError",
    "Receive",
    "Response",
    "Scope",
    "Send",
    "read_body",
]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BODY_WITHIN_S: Final = 30


class BodyTooLargeError(Exception):
    """The body is larger than configured."""


class BodyLateError(Exception):
    """The caller was still sending after half a minute."""


class CallerGoneError(Exception):
    """The caller went away before all of the body had come."""


class Response(NamedTuple):
    """An answer: `headers` beside content type and length."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, send: Send) -> None:
        """Hand it to the server."""
        headers = [(b"content-length", str(len(self.body)).encode())]
        if self.content_type:
            headers.append((b"content-type", self.content_type.encode()))
        headers += [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise CallerGoneError
    return message.get("body", b""), message.get("more_body", False)


async def read_body(receive: Receive, bytes_max: int) -> bytes:
    """The whole body of a request.

    Raises:
        BodyTooLargeError: as soon as more than `bytes_max` have come.
        BodyLateError: it takes too long to come.
        CallerGoneError: there will be no whole body.
    """
    body, more = await _next_part(receive)
    if not more and len(body) <= bytes_max:
        return body
    parts, size = [body], len(body)
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            while more and size <= bytes_max:
                part, more = await _next_part(receive)
                parts.append(part)
                size += len(part)
    except TimeoutError:
        raise BodyLateError from None
    if size > bytes_max:
        raise BodyTooLargeError
    return b"".join(parts)
