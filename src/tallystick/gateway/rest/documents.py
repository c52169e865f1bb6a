"""What describes the API: the OpenAPI document, a page to try it, and the table of refusals."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import mimetypes
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from tallystick.gateway.rest.endpoint import request_id_of
from tallystick.gateway.rest.openapi import openapi_json
from tallystick.gateway.rest.operation import Operation
from tallystick.gateway.rest.problem import problem_response
from tallystick.gateway.rest.refusal_table import refusals_rows_html
from tallystick.pipeline.refusals import Refusal

__all__ = ["document_routes"]

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ROWS_MARK: Final = b"<!-- rows -->"


class _Document(NamedTuple):
    """Something served as it is, with a tag by which a browser need not load it twice."""

    body: bytes
    media_type: str

    @property
    def etag(self) -> str:
        """Stands for these very contents."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    def answer(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """The document, or that it has not changed."""
        known = request.headers.get("if-none-match", "") == self.etag
        return Response(
            b"" if known else self.body,
            status_code=304 if known else 200,
            media_type=self.media_type,
            headers={
                "etag": self.etag,
                "cache-control": "no-cache",
                "content-security-policy": _POLICY,
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
            },
        )


def _load() -> dict[str, _Document]:
    folder = resources.files("tallystick.gateway.rest") / "page"
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        media_type = mimetypes.guess_type(entry.name)[0]
        if media_type is not None:
            found[entry.name] = _Document(entry.read_bytes(), media_type)
    return found


def document_routes(operations: Sequence[Operation], base_url: str) -> list[HTTPRouteHandler]:
    """`/openapi.json`, `/docs`, `/docs/refusals`, and what these pages load."""
    files = _load()
    rows = refusals_rows_html().encode()
    page = files.pop("docs.html")
    refusals = files.pop("refusals.html")
    refusals = refusals._replace(body=refusals.body.replace(_ROWS_MARK, rows))

    # Made when somebody asks: it takes a while, and most starts of a server are not for it.
    @functools.cache
    def described() -> _Document:
        return _Document(openapi_json(operations, base_url), "application/json")

    @get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The OpenAPI document."""
        return (await asyncio.to_thread(described)).answer(request)

    @get("/docs", include_in_schema=False)
    async def docs(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The page to try the API."""
        return page.answer(request)

    @get("/docs/refusals", include_in_schema=False)
    async def docs_refusals(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The table of refusals."""
        return refusals.answer(request)

    @get("/docs/page/{name:str}", include_in_schema=False)
    async def docs_file(request: Request[Any, Any, Any]) -> Response[Any]:
        """A style sheet or script."""
        found = files.get(request.path_params["name"])
        if found is None:
            return problem_response(Refusal("NOT_FOUND"), request_id_of(request.scope))
        return found.answer(request)

    return [openapi, docs, docs_refusals, docs_file]
