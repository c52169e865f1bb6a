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
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.flows import cycle_accounts, tcr7, tcr11
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.parameters import ParameterKind, Values, typed
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.vertices import UNKNOWN_MS

__all__ = ["WRITES", "Write", "write"]

_K = ParameterKind
_P, _C, _A = VertexKind.PERSON, VertexKind.COMPANY, VertexKind.ACCOUNT
_L, _M = VertexKind.LOAN, VertexKind.MEDIUM


class Write(NamedTuple):
    """A write.

    Args:
        parameters: their names and what they are.
        columns: of the row that it answers; none for a plain write, which answers no row.
        run: does it, for someone who holds the lock for writing.
    """

    name: str
    title: str
    parameters: Mapping[str, ParameterKind]
    columns: tuple[str, ...]
    run: Callable[[Graph, Values], list[Row]]


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


def _account_of(owner: VertexKind, name: str, edge: EdgeKindName) -> Callable[..., list[Row]]:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.required_row(owner, v.number(name))
        account, time_ms = v.number("accountId"), v.number("time")
        graph.add_vertex(_A, account, time_ms, label=v.text("accountType"),
                         blocked=v.flag("accountBlocked"))  # fmt: skip
        graph.add_edge(edge, v.number(name), account, time_ms)
        return []

    return run


def _loan_of(owner: VertexKind, name: str, edge: EdgeKindName) -> Callable[..., list[Row]]:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.required_row(owner, v.number(name))
        loan, time_ms = v.number("loanId"), v.number("time")
        graph.add_vertex(_L, loan, time_ms, amount=v.amount("loanAmount"),
                         balance=v.amount("balance"))  # fmt: skip
        graph.add_edge(edge, v.number(name), loan, time_ms)
        return []

    return run


def _edge(
    kind: EdgeKindName, source: str, target: str, value: str = ""
) -> Callable[..., list[Row]]:
    def run(graph: Graph, v: Values) -> list[Row]:
        amount = v.amount(value) if value else 0.0
        graph.add_edge(kind, v.number(source), v.number(target), v.number("time"), amount)
        return []

    return run


def _remove_account(graph: Graph, v: Values) -> list[Row]:
    graph.remove_account(v.number("accountId"))
    return []


def _block(kind: VertexKind, name: str) -> Callable[..., list[Row]]:
    def run(graph: Graph, v: Values) -> list[Row]:
        graph.block(kind, v.number(name))
        return []

    return run


def _guarded(
    vertex: VertexKind, edge: EdgeKindName, detected: Callable[[Graph, Values], bool]
) -> Callable[..., list[Row]]:
    """A read-write: an edge between two vertices, unless that makes a pattern."""

    def run(graph: Graph, v: Values) -> list[Row]:
        ends = (v.number("srcId"), v.number("dstId"))
        rows = np.array([graph.required_row(vertex, end) for end in ends])
        if graph.vertices[vertex].blocked[rows].any():
            return [(False, "blocked")]
        amount = v.amount("amount") if edge is EdgeKindName.TRANSFER else 0.0
        graph.add_edge(edge, *ends, v.number("time"), amount)
        if not detected(graph, v):
            return [(True, "done")]
        graph.take_back_edge(edge, *ends, v.number("time"))
        for end in ends:
            graph.block(vertex, end)
        return [(False, "detected")]

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
_ENDS: Final = {"srcId": _K.ID, "dstId": _K.ID, "time": _K.TIME}
_ACCOUNT: Final = {"accountId": _K.ID, "time": _K.TIME, "accountBlocked": _K.BOOLEAN,
                   "accountType": _K.TEXT}  # fmt: skip
_LOAN: Final = {"loanId": _K.ID, "loanAmount": _K.AMOUNT, "balance": _K.AMOUNT, "time": _K.TIME}
_MONEY: Final = {"time": _K.TIME, "amount": _K.AMOUNT}
_DONE: Final = ("committed", "reason")
_E = EdgeKindName


def _two(first: str, second: str, **more: ParameterKind) -> dict[str, ParameterKind]:
    return {first: _K.ID, second: _K.ID, **more}


WRITES: Final = {
    w.name: w
    for w in (
        Write("tw1", "Add a person",
              {"personId": _K.ID, "personName": _K.TEXT, "isBlocked": _K.BOOLEAN}, (), _person),
        Write("tw2", "Add a company",
              {"companyId": _K.ID, "companyName": _K.TEXT, "isBlocked": _K.BOOLEAN}, (), _company),
        Write("tw3", "Add a medium",
              {"mediumId": _K.ID, "mediumType": _K.TEXT, "isBlocked": _K.BOOLEAN}, (), _medium),
        Write("tw4", "Add an account owned by a person", {"personId": _K.ID, **_ACCOUNT}, (),
              _account_of(_P, "personId", _E.PERSON_OWN)),
        Write("tw5", "Add an account owned by a company", {"companyId": _K.ID, **_ACCOUNT}, (),
              _account_of(_C, "companyId", _E.COMPANY_OWN)),
        Write("tw6", "Add a loan applied for by a person", {"personId": _K.ID, **_LOAN}, (),
              _loan_of(_P, "personId", _E.PERSON_APPLY)),
        Write("tw7", "Add a loan applied for by a company", {"companyId": _K.ID, **_LOAN}, (),
              _loan_of(_C, "companyId", _E.COMPANY_APPLY)),
        Write("tw8", "A person invests in a company",
              _two("personId", "companyId", time=_K.TIME, ratio=_K.AMOUNT), (),
              _edge(_E.PERSON_INVEST, "personId", "companyId", "ratio")),
        Write("tw9", "A company invests in a company",
              _two("companyId1", "companyId2", time=_K.TIME, ratio=_K.AMOUNT), (),
              _edge(_E.COMPANY_INVEST, "companyId1", "companyId2", "ratio")),
        Write("tw10", "A person guarantees for a person",
              _two("personId1", "personId2", time=_K.TIME), (),
              _edge(_E.PERSON_GUARANTEE, "personId1", "personId2")),
        Write("tw11", "A company guarantees for a company",
              _two("companyId1", "companyId2", time=_K.TIME), (),
              _edge(_E.COMPANY_GUARANTEE, "companyId1", "companyId2")),
        Write("tw12", "A transfer between accounts", _two("accountId1", "accountId2", **_MONEY), (),
              _edge(_E.TRANSFER, "accountId1", "accountId2", "amount")),
        Write("tw13", "A withdrawal to an account",
              _two("accountId1", "accountId2", **_MONEY), (),
              _edge(_E.WITHDRAW, "accountId1", "accountId2", "amount")),
        Write("tw14", "An account repays a loan", _two("accountId", "loanId", **_MONEY), (),
              _edge(_E.REPAY, "accountId", "loanId", "amount")),
        Write("tw15", "A loan is paid out to an account", _two("loanId", "accountId", **_MONEY), (),
              _edge(_E.DEPOSIT, "loanId", "accountId", "amount")),
        Write("tw16", "A medium signs in to an account",
              _two("mediumId", "accountId", time=_K.TIME), (),
              _edge(_E.SIGN_IN, "mediumId", "accountId")),
        Write("tw17", "Remove an account", {"accountId": _K.ID}, (), _remove_account),
        Write("tw18", "Block an account", {"accountId": _K.ID}, (), _block(_A, "accountId")),
        Write("tw19", "Block a person", {"personId": _K.ID}, (), _block(_P, "personId")),
        Write("trw1", "Transfer under transfer cycle detection",
              {**_ENDS, "amount": _K.AMOUNT, **_WINDOW}, _DONE,
              _guarded(_A, _E.TRANSFER, _closes_cycle)),
        Write("trw2", "Transfer under in/out ratio",
              {**_ENDS, "amount": _K.AMOUNT, "amountThreshold": _K.AMOUNT, **_WINDOW,
               "ratioThreshold": _K.AMOUNT, **_TRUNCATION}, _DONE,
              _guarded(_A, _E.TRANSFER, _flows_through)),
        Write("trw3", "Guarantee under guarantee chain detection",
              {**_ENDS, "threshold": _K.AMOUNT, **_WINDOW, **_TRUNCATION}, _DONE,
              _guarded(_P, _E.PERSON_GUARANTEE, _guarantees_too_much)),
    )
}  # fmt: skip
