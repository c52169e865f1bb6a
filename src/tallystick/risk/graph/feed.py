"""What the platform's events mean for the graph.

A person or merchant is a person or company, a wallet an account: its id is the party's number
and the currency's, so `2088000000000001156` is a wallet in CNY (156). A trade that is paid is a
transfer from the buyer to the seller, a refund one back; a withdrawal goes to an account that
stands for the party's account at the bank. A loan is applied for by its borrower, paid out to the
borrower's wallet and repaid from it. No name or login comes into the graph.

Amounts are in the currency's major unit, as 64-bit floats: they are looked at, never moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from tallystick.decoding import json_decoder
from tallystick.money.currency import currency
from tallystick.risk.graph.errors import QueryError, WriteRefused
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.parameters import Values, typed
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.writes import WRITES

__all__ = ["WRITTEN", "apply_event", "ensure_wallet", "number_of", "wallet_id"]

WRITTEN: Final = "graph.written"
"""The topic of a write that came by a command."""

_ACCOUNT = VertexKind.ACCOUNT


class _Payload(msgspec.Struct, frozen=True):
    """The parts of an event's payload that say something to the graph."""

    kind: str = ""
    status: str = ""
    party_id: str = ""
    payer_id: str = ""
    payee_id: str = ""
    buyer_id: str = ""
    seller_id: str = ""
    bank_id: str = ""
    currency: str = ""
    borrower_id: str = ""
    amount: int = 0
    owed: int = 0
    refund: int = 0
    transferred_ms: int = 0
    write: str = ""
    reason: str = ""
    params: dict[str, str | int | float | bool] = {}


_decode = json_decoder(_Payload)


def wallet_id(party_id: str, currency_code: str) -> int:
    """The id of a party's wallet in a currency."""
    return int(party_id) * 1000 + currency(currency_code).number


def number_of(*parts: str) -> int:
    """63 bits that stand for something whose own number is longer, or that has none."""
    digest = hashlib.blake2b(":".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def apply_event(graph: Graph, topic: str, subject: str, payload: bytes, at_ms: int) -> bool:
    """Do what an event means, for someone who holds the lock for writing.

    Returns:
        Whether the graph took it; False for one about a vertex that is not there, and for a write
        that an earlier version took and this one does not: it must not keep the rest back.
    """
    meaning = _MEANINGS.get(topic)
    if meaning is None:
        return True
    try:
        meaning(graph, subject, _decode(payload), at_ms)
    except (WriteRefused, QueryError):
        return False
    return True


def _registered(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    kind = VertexKind.COMPANY if told.kind == "merchant" else VertexKind.PERSON
    graph.add_vertex(kind, int(subject), at_ms)


def _status_changed(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    """A party that is blocked has blocked accounts, those that come later, too."""
    party, blocked = int(subject), told.status == "blocked"
    kind, edge = _owner(graph, party)
    graph.block(kind, party, blocked=blocked)
    owned = graph.out(edge).view().block(graph.vertices[kind].row(party)).neighbours
    for account in owned.tolist():
        graph.block_row(_ACCOUNT, account, blocked=blocked)


def _owner(graph: Graph, party: int) -> tuple[VertexKind, EdgeKindName]:
    if party in graph.vertices[VertexKind.COMPANY]:
        return VertexKind.COMPANY, EdgeKindName.COMPANY_OWN
    return VertexKind.PERSON, EdgeKindName.PERSON_OWN


def _account(graph: Graph, account: int, party_id: str, label: str, at_ms: int) -> int:
    """An account of a party, made known when money first moves there; its id."""
    if account not in graph.vertices[_ACCOUNT]:
        party = int(party_id)
        kind, edge = _owner(graph, party)
        blocked = bool(graph.vertices[kind].blocked[graph.required_row(kind, party)])
        graph.add_vertex(_ACCOUNT, account, at_ms, label=label, blocked=blocked)
        graph.add_edge(edge, party, account, at_ms)
    return account


def _wallet(graph: Graph, party_id: str, told: _Payload, at_ms: int) -> int:
    account = wallet_id(party_id, told.currency)
    return _account(graph, account, party_id, f"wallet {told.currency}", at_ms)


def ensure_wallet(graph: Graph, party_id: str, currency_code: str, at_ms: int) -> int | None:
    """A party's wallet, made known if it is not yet; None when the party is not there."""
    try:
        return _wallet(graph, party_id, _Payload(currency=currency_code), at_ms)
    except WriteRefused:
        return None


def _major(amount: int, told: _Payload) -> float:
    return float(amount / 10 ** currency(told.currency).minor_units)


def _moved(graph: Graph, payer: str, payee: str, amount: int, told: _Payload, at_ms: int) -> None:
    if not (payer and payee and amount):
        return
    source, target = (_wallet(graph, party, told, at_ms) for party in (payer, payee))
    graph.add_edge(EdgeKindName.TRANSFER, source, target, at_ms, _major(amount, told))


def _transferred(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    _moved(graph, told.payer_id, told.payee_id, told.amount, told, told.transferred_ms or at_ms)


def _paid(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    _moved(graph, told.buyer_id, told.seller_id, told.amount, told, at_ms)


def _refunded(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    _moved(graph, told.seller_id, told.buyer_id, told.refund, told, at_ms)


def _bank_answered(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    if told.kind != "withdrawal" or told.status != "accepted":
        return
    party = told.party_id
    bank = number_of("bank", told.bank_id, party, told.currency)
    source = _wallet(graph, party, told, at_ms)
    target = _account(graph, bank, party, f"account at {told.bank_id}", at_ms)
    graph.add_edge(EdgeKindName.WITHDRAW, source, target, at_ms, _major(told.amount, told))


def _drawn(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    """The loan's vertex has the loan's number as its label."""
    loan, borrower = number_of("loan", subject), int(told.borrower_id)
    wallet = _wallet(graph, told.borrower_id, told, at_ms)
    amount, owed = _major(told.amount, told), _major(told.owed, told)
    graph.add_vertex(VertexKind.LOAN, loan, at_ms, label=subject, amount=amount, balance=owed)
    kind, _ = _owner(graph, borrower)
    applied = EdgeKindName.PERSON_APPLY
    if kind is VertexKind.COMPANY:
        applied = EdgeKindName.COMPANY_APPLY
    graph.add_edge(applied, borrower, loan, at_ms)
    graph.add_edge(EdgeKindName.DEPOSIT, loan, wallet, at_ms, amount)


def _repaid(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    loan = number_of("loan", subject)
    row = graph.required_row(VertexKind.LOAN, loan)
    wallet = _wallet(graph, told.borrower_id, told, at_ms)
    graph.add_edge(EdgeKindName.REPAY, wallet, loan, at_ms, _major(told.amount, told))
    graph.vertices[VertexKind.LOAN].balances[row] = _major(told.owed, told)


def _written(graph: Graph, subject: str, told: _Payload, at_ms: int) -> None:
    wanted = WRITES[told.write]
    values = Values(typed(told.write, wanted.parameters, told.params))
    if wanted.guard is not None:
        wanted.guard.settle(graph, values, told.reason)
    else:
        wanted.run(graph, values)


_MEANINGS: Final[dict[str, Callable[[Graph, str, _Payload, int], None]]] = {
    "party.registered": _registered,
    "party.status_changed": _status_changed,
    "wallet.transferred": _transferred,
    "trade.paid": _paid,
    "trade.refunded": _refunded,
    "trade.closed": _refunded,
    "bank.answered": _bank_answered,
    "loan.drawn": _drawn,
    "loan.paid": _repaid,
    WRITTEN: _written,
}
"""Topics that say something to the graph; the others say nothing to it."""
