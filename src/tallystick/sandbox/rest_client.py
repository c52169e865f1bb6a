"""A client of the REST API: changes with an Idempotency-Key, looks, and whole lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2
import msgspec

from tallystick.decoding import decode_json
from tallystick.sandbox.answers import Answer, NoAnswerError, WrongAnswerError

__all__ = ["RestClient"]

_PAGE: Final = 200
_LOOK_S: Final = 60.0
_NO_HEADERS: Final[Mapping[str, str]] = {}


class RestClient:
    """Asks the REST API with one key.

    Args:
        http: what carries the requests; the caller closes it.
        base: the server's address, without a slash at its end.
        key: an API key.
    """

    def __init__(self, http: httpx2.AsyncClient, base: str, key: str) -> None:
        self._http = http
        self._base = base
        self._headers = {"authorization": f"Bearer {key}"}

    async def post(
        self, path: str, body: Mapping[str, object], idempotency_key: str,
        more: Mapping[str, str] = _NO_HEADERS,
    ) -> Answer:  # fmt: skip
        """One try of a change; the same key and body are the same request.

        Args:
            more: further headers.

        Raises:
            NoAnswerError: the connection ended or took too long; it may have been done or not.
            WrongAnswerError: what came back is neither an answer nor a problem.
        """
        headers = {
            **self._headers,
            **more,
            "content-type": "application/json",
            "idempotency-key": idempotency_key,
        }
        return await self._ask("POST", path, headers, content=msgspec.json.encode(body))

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """A look that must succeed; a server with much to do has a minute for it.

        Raises:
            NoAnswerError: there was no answer, or none now.
            WrongAnswerError: it was refused.
        """
        answer = await self._ask("GET", path, self._headers, params=query, timeout=_LOOK_S)
        if answer.code == "STORE_UNAVAILABLE":
            raise NoAnswerError(answer.code)
        if not answer.accepted:
            raise WrongAnswerError(f"GET {path}: {answer.code}")
        return answer.told

    async def items(self, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            page = await self.get(path, limit=_PAGE, cursor=cursor, **query)
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]

    async def _ask(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Answer:
        try:
            reply = await self._http.request(method, self._base + path, headers=headers, **more)
        except httpx2.TransportError as error:
            raise NoAnswerError(type(error).__name__) from error
        try:
            told = decode_json(reply.content)
        except msgspec.DecodeError as error:
            raise WrongAnswerError(f"{method} {path}: HTTP {reply.status_code}, no JSON") from error
        if reply.is_success:
            return Answer(True, "", told)
        code = told.get("code") if isinstance(told, dict) else None
        if not isinstance(code, str):
            raise WrongAnswerError(f"{method} {path}: HTTP {reply.status_code} without a code")
        return Answer(False, code, told)
