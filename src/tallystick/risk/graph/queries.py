"""The reads by name: parameters and columns with the specification's names, and their code.

Beside them what an analyst asks, under names of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tallystick.risk.graph.answers import Arguments, Row
from tallystick.risk.graph.communities import communities
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.flows import tcr4, tcr6, tcr7, tcr9, tcr10, tcr11, tcr12
from tallystick.risk.graph.graph import Graph, GraphView
from tallystick.risk.graph.parameters import ParameterKind, Values, arguments, typed
from tallystick.risk.graph.rings import money_path, rings
from tallystick.risk.graph.simple_reads import tsr1, tsr2, tsr3, tsr4, tsr5, tsr6
from tallystick.risk.graph.spread import association, components
from tallystick.risk.graph.surroundings import fan, neighbourhood, shared_devices
from tallystick.risk.graph.traces import tcr1, tcr2, tcr3, tcr5, tcr8

__all__ = ["ANALYSES", "READS", "Analysis", "Read", "answer", "answer_in"]

_K = ParameterKind
_WINDOW: Final = {"startTime": _K.TIME, "endTime": _K.TIME}
_TRUNCATION: Final = {"truncationLimit": _K.LIMIT, "truncationOrder": _K.ORDER}
_ID: Final = {"id": _K.ID}
_PAIR: Final = {"id1": _K.ID, "id2": _K.ID}
_THRESHOLD: Final = {"threshold": _K.AMOUNT}


class Read(NamedTuple):
    """A read.

    Args:
        parameters: their names and what they are.
        columns: the names of a row's values.
        run: answers it from a state of the graph.
    """

    name: str
    title: str
    parameters: Mapping[str, ParameterKind]
    columns: tuple[str, ...]
    run: Callable[[GraphView, Arguments], list[Row]]


class Analysis(NamedTuple):
    """What an analyst asks. Its parameters may be left out but for `required`.

    Args:
        whole: whether it looks at the whole graph; then writers do not wait for it.
    """

    name: str
    title: str
    parameters: Mapping[str, ParameterKind]
    required: tuple[str, ...]
    columns: tuple[str, ...]
    run: Callable[[GraphView, Values], list[Row]]
    whole: bool = False


_EDGE2: Final = ("numEdge2", "sumEdge2Amount", "maxEdge2Amount")
_EDGE3: Final = ("numEdge3", "sumEdge3Amount", "maxEdge3Amount")

READS: Final = {
    read.name: read
    for read in (
        Read("tcr1", "Blocked medium related accounts", {**_ID, **_WINDOW, **_TRUNCATION},
             ("otherId", "accountDistance", "mediumId", "mediumType"), tcr1),
        Read("tcr2", "Fund gathered from the accounts applying loans",
             {**_ID, **_WINDOW, **_TRUNCATION},
             ("otherId", "sumLoanAmount", "sumLoanBalance"), tcr2),
        Read("tcr3", "Shortest transfer path", {**_PAIR, **_WINDOW},
             ("shortestPathLength",), tcr3),
        Read("tcr4", "Three accounts in a transfer cycle", {**_PAIR, **_WINDOW},
             ("otherId", *_EDGE2, *_EDGE3), tcr4),
        Read("tcr5", "Exact account transfer trace", {**_ID, **_WINDOW, **_TRUNCATION},
             ("path",), tcr5),
        Read("tcr6", "Withdrawal after many-to-one transfer",
             {**_ID, "threshold1": _K.AMOUNT, "threshold2": _K.AMOUNT, **_WINDOW, **_TRUNCATION},
             ("midId", "sumEdge1Amount", "sumEdge2Amount"), tcr6),
        Read("tcr7", "Transfer in/out ratio", {**_ID, **_THRESHOLD, **_WINDOW, **_TRUNCATION},
             ("numSrc", "numDst", "inOutRatio"), tcr7),
        Read("tcr8", "Transfer trace after loan applied",
             {**_ID, **_THRESHOLD, **_WINDOW, **_TRUNCATION},
             ("dstId", "ratio", "minDistanceFromLoan"), tcr8),
        Read("tcr9", "Money laundering with loan involved",
             {**_ID, **_THRESHOLD, **_WINDOW, **_TRUNCATION},
             ("ratioRepay", "ratioDeposit", "ratioTransfer"), tcr9),
        Read("tcr10", "Similarity of investor relationship",
             {"pid1": _K.ID, "pid2": _K.ID, **_WINDOW}, ("jaccardSimilarity",), tcr10),
        Read("tcr11", "Guarantee chain detection", {**_ID, **_WINDOW, **_TRUNCATION},
             ("sumLoanAmount", "numLoans"), tcr11),
        Read("tcr12", "Transfer to company amount statistics",
             {**_ID, **_WINDOW, **_TRUNCATION}, ("compAccountId", "sumEdge2Amount"), tcr12),
        Read("tsr1", "Exact account query", {**_ID}, ("createTime", "isBlocked", "type"), tsr1),
        Read("tsr2", "Transfer-ins and transfer-outs", {**_ID, **_WINDOW},
             ("sumEdge1Amount", "maxEdge1Amount", "numEdge1",
              "sumEdge2Amount", "maxEdge2Amount", "numEdge2"), tsr2),
        Read("tsr3", "Many-to-one blocked account monitoring", {**_ID, **_THRESHOLD, **_WINDOW},
             ("blockRatio",), tsr3),
        Read("tsr4", "Account transfer-outs over threshold", {**_ID, **_THRESHOLD, **_WINDOW},
             ("dstId", "numEdges", "sumAmount"), tsr4),
        Read("tsr5", "Account transfer-ins over threshold", {**_ID, **_THRESHOLD, **_WINDOW},
             ("srcId", "numEdges", "sumAmount"), tsr5),
        Read("tsr6", "Accounts with the same transfer sources of exact account",
             {**_ID, **_WINDOW}, ("dstId",), tsr6),
    )
}  # fmt: skip


_LIMIT: Final = {"limit": _K.COUNT}

ANALYSES: Final = {
    analysis.name: analysis
    for analysis in (
        Analysis("rings", "Rings: time-ordered cycles of transfers through an account",
                 {**_ID, **_WINDOW, "maxLength": _K.COUNT, **_LIMIT}, ("id",),
                 ("path", "length", "times", "amounts", "complete"), rings),
        Analysis("path", "Shortest money path between two accounts",
                 {**_PAIR, **_WINDOW, "timeOrdered": _K.BOOLEAN}, ("id1", "id2"),
                 ("step", "fromId", "toId", "time", "amount"), money_path),
        Analysis("fan", "Fan-in and fan-out of an account", {**_ID, **_WINDOW}, ("id",),
                 ("direction", "accounts", "blockedAccounts", "transfers", "amount",
                  "greatestShare"), fan),
        Analysis("devices", "Accounts that share a device with an account",
                 {**_ID, **_WINDOW, **_LIMIT}, ("id",),
                 ("otherId", "isBlocked", "mediumId", "mediumType", "mediumIsBlocked", "signIns",
                  "otherSignIns"), shared_devices),
        Analysis("neighbourhood", "What is within some hops of a vertex",
                 {**_ID, "kind": _K.TEXT, "hops": _K.COUNT, "moments": _K.COUNT, **_WINDOW,
                  **_LIMIT}, ("id",),
                 ("vertices", "edges", "complete"), neighbourhood),
        Analysis("association", "Guilt by association: personalised PageRank from known bad",
                 {"ids": _K.IDS, **_LIMIT}, (), ("accountId", "score", "isBlocked"),
                 association, whole=True),
        Analysis("communities", "Communities of accounts, by modularity",
                 {**_ID, **_LIMIT}, (), ("size", "blocked", "accountIds", "complete"),
                 communities, whole=True),
        Analysis("components", "Connected components of accounts",
                 {**_ID, **_LIMIT}, (), ("size", "blocked", "accountIds", "complete"),
                 components, whole=True),
    )
}  # fmt: skip


def answer(graph: Graph, name: str, given: Mapping[str, object]) -> list[dict[str, object]]:
    """Answer one question from the state of now.

    Raises:
        QueryError: it is not there, or its parameters are not its own.
    """
    if name in ANALYSES and ANALYSES[name].whole:
        return answer_in(graph.frozen(), name, given)
    with graph.reading() as view:
        return answer_in(view, name, given)


def answer_in(view: GraphView, name: str, given: Mapping[str, object]) -> list[dict[str, object]]:
    """The same from a state that is held."""
    if name in ANALYSES:
        asked = ANALYSES[name]
        optional = frozenset(asked.parameters) - set(asked.required)
        values = Values(typed(name, asked.parameters, given, optional))
        return _named(asked.columns, asked.run(view, values))
    read = READS.get(name)
    if read is None:
        raise QueryError(f"{name[:40]!r} is no query; there are {', '.join([*READS, *ANALYSES])}")
    parameters = typed(name, read.parameters, given)
    return _named(read.columns, read.run(view, arguments(read.parameters, parameters)))


def _named(columns: tuple[str, ...], rows: list[Row]) -> list[dict[str, object]]:
    """Rows by name; the answers that may have thousands have one column or three."""
    if len(columns) == 1:
        (only,) = columns
        return [{only: value} for (value,) in rows]
    if len(columns) == 3:
        first, second, third = columns
        return [{first: a, second: b, third: c} for a, b, c in rows]
    return [dict(zip(columns, row, strict=True)) for row in rows]
