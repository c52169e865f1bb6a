"""The fraud graph: questions and writes with the names of the FinBench specification."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from tallystick.gateway.rest.fields import Body, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look, question
from tallystick.pipeline.refusals import Refused
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.model import GraphWritten, WriteToGraph
from tallystick.risk.graph.queries import ANALYSES, READS, answer
from tallystick.risk.graph.schema import EDGE_KINDS

__all__ = ["RISK_OPERATIONS"]

_TAG: Final = "Risk"
_READ: Final = "risk:read"
_WRITE: Final = "risk:write"

Name = Annotated[str, Meta(min_length=1, max_length=20, examples=["tcr4"])]
_Text = Annotated[str, Meta(max_length=256)]
_Texts = Annotated[list[_Text], Meta(max_length=200)]


class GraphQuestion(Body, frozen=True, kw_only=True):
    """A question: its name, and its parameters by theirs. Ids and times may be texts."""

    query: Name
    params: dict[str, _Text | int | float | bool | _Texts] = msgspec.field(default_factory=dict)


class GraphRows(Shape, frozen=True, kw_only=True):
    """The rows of the answer, in the order of the specification."""

    rows: list[dict[str, Any]]


class GraphWrite(Body, frozen=True, kw_only=True):
    """A write: tw1 to tw19 or trw1 to trw3, and its parameters by the specification's names."""

    write: Name
    params: dict[str, _Text | int | float | bool] = msgspec.field(default_factory=dict)


class GraphAccepted(Shape, frozen=True, kw_only=True):
    """The write that was done; of a read-write what came of it: `done`, `blocked`, `detected`."""

    write: str
    committed: bool
    reason: str


class GraphState(Shape, frozen=True, kw_only=True):
    """What the graph holds, and how far it has read the platform's events."""

    ready: bool
    position: int
    skipped: int
    vertices: dict[str, int]
    edges: dict[str, int]


def ask(call: Call, body: Any) -> GraphRows:
    """The rows of a question."""
    if not call.platform.graph.ready:
        raise Refused("GRAPH_NOT_READY")
    try:
        return GraphRows(rows=answer(call.platform.graph.graph, body.query, body.params))
    except QueryError as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error


def write(call: Call, body: Any) -> WriteToGraph:
    """The command of a write."""
    return WriteToGraph(write=body.write, params=body.params)


def _accepted(reply: GraphWritten) -> GraphAccepted:
    reason = reply.reason
    return GraphAccepted(
        write=reply.write, committed=reason in ("", "done"), reason=reason or "done"
    )


def state(call: Call, query: Query) -> GraphState:
    """How large the graph is."""
    follower = call.platform.graph
    graph = follower.graph
    return GraphState(
        ready=follower.ready,
        position=graph.position,
        skipped=follower.skipped,
        vertices={kind.value: len(table) for kind, table in graph.vertices.items()},
        edges={name.value: graph.out(name).edges for name in EDGE_KINDS},
    )


RISK_OPERATIONS: Final[tuple[Operation, ...]] = (
    question(
        "/v1/risk/graph/query",
        "askGraph",
        tag=_TAG,
        summary="Ask the fraud graph",
        description=(
            f"The reads of LDBC FinBench, {READS['tcr1'].name} to tcr12 and tsr1 to tsr6, with "
            "the parameters and columns of its specification, and what an analyst asks: "
            f"{', '.join(ANALYSES)}. Ids are texts, times milliseconds since 1970 UTC."
        ),
        scope=_READ,
        body=GraphQuestion,
        find=ask,
        answer=GraphRows,
        for_apps=False,
        refusals=("INVALID_PARAMETER", "GRAPH_NOT_READY"),
        example={"query": "fan", "params": {"id": "2088000000000101156"}},
    ),
    change(
        "/v1/risk/graph/writes",
        "writeToGraph",
        tag=_TAG,
        summary="Write to the fraud graph",
        description=(
            "The writes of LDBC FinBench, tw1 to tw19: what the platform does not see by itself, "
            "such as devices, sign-ins, loans elsewhere, guarantees. It is kept as an event. A "
            "read-write, trw1 to trw3, adds its edge unless that makes a pattern of fraud, and "
            "then blocks both ends."
        ),
        scope=_WRITE,
        body=GraphWrite,
        command=write,
        show=_accepted,
        answer=GraphAccepted,
        for_apps=False,
        refusals=("INVALID_PARAMETER", "GRAPH_VERTEX_UNKNOWN", "GRAPH_VERTEX_EXISTS"),
        example={
            "write": "tw3", "params": {"mediumId": "77", "mediumType": "IPv4", "isBlocked": False},
        },
    ),
    look(
        "/v1/risk/graph",
        "getGraph",
        tag=_TAG,
        summary="What the fraud graph holds",
        scope=_READ,
        query=Query,
        find=state,
        answer=GraphState,
        for_apps=False,
    ),
)  # fmt: skip
