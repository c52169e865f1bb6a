"""The fraud graph for operators: search, what is around a vertex, the way between two."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get

from tallystick.console.frontend import Front, Frontend
from tallystick.console.operators import operators_page
from tallystick.console.requests import need_operator
from tallystick.console.visitor import Asking, WebRequest
from tallystick.parties.model import Party
from tallystick.parties.views import party_by_login, party_view
from tallystick.pipeline.refusals import Refused
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import VertexKind
from tallystick.risk.graph.sign_ins import ADDRESS, DEVICE, medium_id

__all__ = ["FRAUD_GRAPH"]

_VERTICES_MAX: Final = 500
_MOMENTS: Final = 50
_ID_DIGITS_MAX: Final = 19
_KINDS: Final = [kind.value for kind in VertexKind]


@get("/console/fraud-graph")
async def show_graph(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The page; what is in the picture is asked for by its script."""
    find = request.query_params.get("find", "").strip()
    return operators_page(front, visitor, "fraud_graph", "fraud_graph", find=find, kinds=_KINDS)


def _vertex_of(front: Frontend, text: str) -> tuple[VertexKind, int] | None:
    """The vertex that a person means by a login, a number, a device's id or an address."""
    vertices = front.platform.graph.graph.vertices
    if text.isascii() and text.isdecimal() and len(text) <= _ID_DIGITS_MAX:
        for kind in (VertexKind.PERSON, VertexKind.COMPANY, *VertexKind):
            if int(text) in vertices[kind]:
                return kind, int(text)
    party = party_by_login(front.platform.rows, front.platform.sealer, text) if text else None
    if party is None:
        media = (medium_id(label, text) for label in (DEVICE, ADDRESS))
        found = next((medium for medium in media if medium in vertices[VertexKind.MEDIUM]), None)
        return None if found is None else (VertexKind.MEDIUM, found)
    number = int(party.party_id)
    for kind in (VertexKind.PERSON, VertexKind.COMPANY):
        if number in vertices[kind]:
            return kind, number
    return None


def _named(front: Frontend, vertex: dict[str, Any]) -> dict[str, Any]:
    """A party's vertex with its masked name, which is not in the graph."""
    if vertex["kind"] in (VertexKind.PERSON, VertexKind.COMPANY) and not vertex["label"]:
        party = front.platform.rows.get(Party, vertex["id"])
        if party is not None:
            return vertex | {"label": party_view(front.platform.sealer, party).name}
    return vertex


async def _asked(front: Frontend, query: str, params: Mapping[str, object]) -> list[dict[str, Any]]:
    follower = front.platform.graph
    if not follower.ready:
        raise Refused("GRAPH_NOT_READY")
    try:
        return await asyncio.to_thread(answer, follower.graph, query, params)
    except QueryError as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error


async def _around(front: Frontend, params: Mapping[str, object]) -> Response[Any]:
    asked = {"limit": _VERTICES_MAX, "moments": _MOMENTS, **params}
    rows = await _asked(front, "neighbourhood", asked)
    if not rows:
        raise Refused("NOT_FOUND")
    shown = rows[0] | {"vertices": [_named(front, v) for v in rows[0]["vertices"]]}
    return Response(shown, headers={"cache-control": "no-store"})


@get("/console/fraud-graph/find.json")
async def find(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A vertex by what a person calls it, with what is two steps around it."""
    need_operator(visitor)
    found = _vertex_of(front, request.query_params.get("text", "").strip())
    if found is None:
        raise Refused("NOT_FOUND")
    kind, number = found
    return await _around(front, {"kind": kind.value, "id": str(number), "hops": 2, "limit": 150})


@get("/console/fraud-graph/around.json")
async def around(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """What is one step around a vertex."""
    need_operator(visitor)
    query = request.query_params
    return await _around(front, {"kind": query.get("kind", ""), "id": query.get("id", "")})


@get("/console/fraud-graph/path.json")
async def path(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """The shortest way of money between two accounts, a transfer a line."""
    need_operator(visitor)
    query = request.query_params
    ends = {name: query.get(name, "") for name in ("id1", "id2")}
    hops = await _asked(front, "path", ends)
    return Response({"hops": hops}, headers={"cache-control": "no-store"})


FRAUD_GRAPH: Final = (show_graph, find, around, path)
