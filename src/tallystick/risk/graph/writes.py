"""The writes tw1 to tw19 and the read-writes trw1 to trw3, with the specification's parameters.

A write is done whole or refused; what is refused has changed nothing. A read-write adds an edge,
looks at what has come of it, and takes it back if that is a pattern of fraud; then both ends are
blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.answers import Row
from tallystick.risk.graph.errors import QueryError, WriteRefused
from tallystick.risk.graph.flows import cycle_accounts, tcr7, tcr11
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.parameters import ParameterKind, Values, typed
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind
from tallystick.risk.graph.vertices import UNKNOWN_MS

__all__ = ["WRITES", "Guard", "Write", "write"]

_K = ParameterKind
_P, _C, _A = VertexKind.PERSON, VertexKind.COMPANY, VertexKind.ACCOUNT
_L, _M = VertexKind.LOAN, VertexKind.MEDIUM
_Run = Callable[[Graph, Values], list[Row]]


class Guard(NamedTuple):
    """The two halves of a read-write, for someone who holds the lock for writing.

    Args:
        judge: what would come of it: `done`, `blocked` or `detected`; the graph stays as it is.
        settle: does what was judged.
    """

    judge: Callable[[Graph, Values], str]
    settle: Callable[[Graph, Values, str], None]


class Write(NamedTuple):
    """A write.

    Args:
        parameters: their names and what they are.
        columns: of the row that it answers; none for a plain write, which answers no row.
        run: does it, for someone who holds the lock for writing.
        needs: the vertices that must be there, by parameter.
        makes: the vertex that it adds, by parameter.
        guard: the halves of a read-write; None for a plain write.
    """

    name: str
    title: str
    parameters: Mapping[str, ParameterKind]
    columns: tuple[str, ...]
    run: _Run
    needs: Mapping[str, VertexKind]
    makes: tuple[str, VertexKind] | None = None
    guard: Guard | None = None

    def require(self, graph: Graph, values: Values) -> None:
        """See that the vertices that it is about are there, and that a new one is not.

        Raises:
            WriteRefused: it could not be done now.
        """
        for parameter, kind in self.needs.items():
            graph.required_row(kind, values.number(parameter))
        if self.makes is not None:
            parameter, kind = self.makes
            vertex_id = values.number(parameter)
            if vertex_id in graph.vertices[kind]:
                raise WriteRefused("vertex_exists", kind.value, vertex_id)


def write(graph: Graph, name: str, given: Mapping[str, object]) -> list[dict[str, object]]:
    """Do one write.

    Returns:
        No row for a plain write; for a read-write one row: `committed`, and `reason` (`done`,
        `blocked` if an end was blocked before, `detected` if the pattern was found).

    Raises:
        QueryError: it is not there, or its parameters are not those of the specification.
        WriteRefused: a vertex is missing, or is there already.
    """
    wanted = WRITES.get(name)
    if wanted is None:
        raise QueryError(f"{name[:40]!r} is no write; there are {', '.join(WRITES)}")
    values = Values(typed(name, wanted.parameters, given))
    with graph.lock.writing():
        rows = wanted.run(graph, values)
    return [dict(zip(wanted.columns, row, strict=True)) for row in rows]


def _person(graph: Graph, v: Values) -> list[Row]:
    graph.add_vertex(_P, v.number("personId"), UNKNOWN_MS, label=v.text("personName"),
                     blocked=v.flag("isBlocked"))  # fmt: skip
    return []


def _company(graph: Graph, v: Values) -> list[Row]:
    graph.add_vertex(_C, v.number("companyId"), UNKNOWN_MS, label=v.text("companyName"),
                     blocked=v.flag("isBlocked"))  # fmt: skip
    return []


def _medium(graph: Graph, v: Values) -> list[Row]:
    graph.add_vertex(_M, v.number("mediumId"), UNKNOWN_MS, label=v.text("mediumType"),
                     blocked=v.flag("isBlocked"))  # fmt: skip
    return []


def _account_of(owner: VertexKind, name: str, edge: EdgeKindName) -> _Run:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.required_row(owner, v.number(name))
        account, time_ms = v.number("accountId"), v.number("time")
        graph.add_vertex(_A, account, time_ms, label=v.text("accountType"),
                         blocked=v.flag("accountBlocked"))  # fmt: skip
        graph.add_edge(edge, v.number(name), account, time_ms)
        return []

    return run


def _loan_of(owner: VertexKind, name: str, edge: EdgeKindName) -> _Run:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.required_row(owner, v.number(name))
        loan, time_ms = v.number("loanId"), v.number("time")
        graph.add_vertex(_L, loan, time_ms, amount=v.amount("loanAmount"),
                         balance=v.amount("balance"))  # fmt: skip
        graph.add_edge(edge, v.number(name), loan, time_ms)
        return []

    return run


def _edge(kind: EdgeKindName, source: str, target: str, value: str = "") -> _Run:
    def run(graph: Graph, v: Values) -> list[Row]:
        amount = v.amount(value) if value else 0.0
        graph.add_edge(kind, v.number(source), v.number(target), v.number("time"), amount)
        return []

    return run


def _remove_account(graph: Graph, v: Values) -> list[Row]:
    graph.remove_account(v.number("accountId"))
    return []


def _block(kind: VertexKind, name: str) -> _Run:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.block(kind, v.number(name))
        return []

    return run


def _guarded(
    vertex: VertexKind, edge: EdgeKindName, detected: Callable[[Graph, Values], bool]
) -> Guard:
    """A read-write: an edge between two vertices, unless that makes a pattern."""

    def add(graph: Graph, v: Values) -> None:
        amount = v.amount("amount") if edge is EdgeKindName.TRANSFER else 0.0
        ends = (v.number("srcId"), v.number("dstId"))
        graph.add_edge(edge, *ends, v.number("time"), amount)

    def judge(graph: Graph, v: Values) -> str:
        ends = (v.number("srcId"), v.number("dstId"))
        rows = np.array([graph.required_row(vertex, end) for end in ends])
        if graph.vertices[vertex].blocked[rows].any():
            return "blocked"
        add(graph, v)
        try:
            return "detected" if detected(graph, v) else "done"
        finally:
            graph.take_back_edge(edge, *ends, v.number("time"))

    def settle(graph: Graph, v: Values, reason: str) -> None:
        if reason == "done":
            add(graph, v)
        elif reason == "detected":
            for end in ("srcId", "dstId"):
                graph.block(vertex, v.number(end))

    return Guard(judge, settle)


def _run_guarded(guard: Guard) -> _Run:
    def run(graph: Graph, v: Values) -> list[Row]:
        reason = guard.judge(graph, v)
        guard.settle(graph, v, reason)
        return [(reason == "done", reason)]

    return run


def _closes_cycle(graph: Graph, v: Values) -> bool:
    view = graph.view()
    source, target = (view.row(_A, v.number(name)) for name in ("srcId", "dstId"))
    window = v.arguments({}, 0).window
    return len(cycle_accounts(view, source, target, window)[0].keys) > 0


def _flows_through(graph: Graph, v: Values) -> bool:
    """The ratio of either end exceeds the bound."""
    for name in ("srcId", "dstId"):
        asked = v.arguments({"amountThreshold": _K.AMOUNT}, v.number(name))
        ratio = tcr7(graph.view(), asked)[0][2]
        assert isinstance(ratio, float)
        if ratio > v.amount("ratioThreshold"):
            return True
    return False


def _guarantees_too_much(graph: Graph, v: Values) -> bool:
    amount = tcr11(graph.view(), v.arguments({}, v.number("srcId")))[0][0]
    assert isinstance(amount, float)
    return amount > v.amount("threshold")


_WINDOW: Final = {"startTime": _K.TIME, "endTime": _K.TIME}
_TRUNCATION: Final = {"truncationLimit": _K.LIMIT, "truncationOrder": _K.ORDER}
_ACCOUNT: Final = {"accountId": _K.ID, "time": _K.TIME, "accountBlocked": _K.BOOLEAN,
                   "accountType": _K.TEXT}  # fmt: skip
_LOAN: Final = {"loanId": _K.ID, "loanAmount": _K.VALUE, "balance": _K.VALUE, "time": _K.TIME}
_DONE: Final = ("committed", "reason")
_E = EdgeKindName


def _two(first: str, second: str, **more: ParameterKind) -> dict[str, ParameterKind]:
    return {first: _K.ID, second: _K.ID, **more}


def _named(kind: VertexKind, title: str, name: str, label: str, run: _Run) -> Write:
    vertex = f"{kind.value.lower()}Id"
    parameters = {vertex: _K.ID, label: _K.TEXT, "isBlocked": _K.BOOLEAN}
    return Write(name, title, parameters, (), run, {}, (vertex, kind))


def _owned(name: str, title: str, owner: VertexKind, edge: EdgeKindName) -> Write:
    """An account or a loan with the edge from whose it is."""
    ends = EDGE_KINDS[edge]
    parameter = f"{owner.value.lower()}Id"
    make, more = (_account_of, _ACCOUNT) if ends.target is _A else (_loan_of, _LOAN)
    made = f"{ends.target.value.lower()}Id"
    return Write(
        name, title, {parameter: _K.ID, **more}, (), make(owner, parameter, edge),
        {parameter: owner}, (made, ends.target),
    )  # fmt: skip


def _joined(
    name: str, title: str, edge: EdgeKindName, source: str, target: str, value: str = ""
) -> Write:
    """An edge between two vertices."""
    ends = EDGE_KINDS[edge]
    parameters = {source: _K.ID, target: _K.ID, "time": _K.TIME}
    if value:
        parameters[value] = _K.VALUE
    needs = {source: ends.source, target: ends.target}
    return Write(name, title, parameters, (), _edge(edge, source, target, value), needs)


def _on_one(name: str, title: str, parameter: str, kind: VertexKind, run: _Run) -> Write:
    return Write(name, title, {parameter: _K.ID}, (), run, {parameter: kind})


def _read_write(
    name: str, title: str, edge: EdgeKindName, more: Mapping[str, ParameterKind],
    detected: Callable[[Graph, Values], bool],
) -> Write:  # fmt: skip
    kind = EDGE_KINDS[edge].source
    ends = {"srcId": _K.ID, "dstId": _K.ID, "time": _K.TIME}
    guard = _guarded(kind, edge, detected)
    return Write(
        name, title, {**ends, **more}, _DONE, _run_guarded(guard),
        {"srcId": kind, "dstId": kind}, guard=guard,
    )  # fmt: skip


WRITES: Final = {
    w.name: w
    for w in (
        _named(_P, "Add a person", "tw1", "personName", _person),
        _named(_C, "Add a company", "tw2", "companyName", _company),
        _named(_M, "Add a medium", "tw3", "mediumType", _medium),
        _owned("tw4", "Add an account owned by a person", _P, _E.PERSON_OWN),
        _owned("tw5", "Add an account owned by a company", _C, _E.COMPANY_OWN),
        _owned("tw6", "Add a loan applied for by a person", _P, _E.PERSON_APPLY),
        _owned("tw7", "Add a loan applied for by a company", _C, _E.COMPANY_APPLY),
        _joined("tw8", "A person invests in a company", _E.PERSON_INVEST, "personId",
                "companyId", "ratio"),
        _joined("tw9", "A company invests in a company", _E.COMPANY_INVEST, "companyId1",
                "companyId2", "ratio"),
        _joined("tw10", "A person guarantees for a person", _E.PERSON_GUARANTEE, "personId1",
                "personId2"),
        _joined("tw11", "A company guarantees for a company", _E.COMPANY_GUARANTEE,
                "companyId1", "companyId2"),
        _joined("tw12", "A transfer between accounts", _E.TRANSFER, "accountId1", "accountId2",
                "amount"),
        _joined("tw13", "A withdrawal to an account", _E.WITHDRAW, "accountId1", "accountId2",
                "amount"),
        _joined("tw14", "An account repays a loan", _E.REPAY, "accountId", "loanId", "amount"),
        _joined("tw15", "A loan is paid out to an account", _E.DEPOSIT, "loanId", "accountId",
                "amount"),
        _joined("tw16", "A medium signs in to an account", _E.SIGN_IN, "mediumId", "accountId"),
        _on_one("tw17", "Remove an account", "accountId", _A, _remove_account),
        _on_one("tw18", "Block an account", "accountId", _A, _block(_A, "accountId")),
        _on_one("tw19", "Block a person", "personId", _P, _block(_P, "personId")),
        _read_write("trw1", "Transfer under transfer cycle detection", _E.TRANSFER,
                    {"amount": _K.VALUE, **_WINDOW}, _closes_cycle),
        _read_write("trw2", "Transfer under in/out ratio", _E.TRANSFER,
                    {"amount": _K.VALUE, "amountThreshold": _K.AMOUNT, **_WINDOW,
                     "ratioThreshold": _K.AMOUNT, **_TRUNCATION}, _flows_through),
        _read_write("trw3", "Guarantee under guarantee chain detection", _E.PERSON_GUARANTEE,
                    {"threshold": _K.AMOUNT, **_WINDOW, **_TRUNCATION}, _guarantees_too_much),
    )
}  # fmt: skip
