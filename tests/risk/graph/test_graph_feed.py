"""The graph of a running platform: what events mean, and that it is the same when rebuilt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.platform_parts import START_MS, Parts
from tests.risk.gone_store import gone_now_and_then, running

from tallystick.pipeline.commands import Registry
from tallystick.pipeline.decisions import event
from tallystick.risk.graph import service
from tallystick.risk.graph.feed import WRITTEN, apply_event, wallet_id
from tallystick.risk.graph.follower import GraphFollower
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.model import WriteToGraph
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind
from tallystick.store.engine import connect
from tallystick.store.rows import ReadSession

ANNA, BOB, SHOP = "2088000000000101", "2088000000000102", "2088000000000001"
WHOLE = {"startTime": "0", "endTime": str(START_MS * 2)}

HAPPENED: list[tuple[str, str, dict[str, Any]]] = [
    ("party.registered", ANNA, {"kind": "person"}),
    ("party.registered", BOB, {"kind": "person"}),
    ("party.registered", SHOP, {"kind": "merchant"}),
    ("trade.created", "T1", {"buyer_id": "", "seller_id": SHOP, "amount": 1250, "currency": "CNY"}),
    ("trade.paid", "T1",
     {"buyer_id": ANNA, "seller_id": SHOP, "amount": 1250, "refund": 0, "currency": "CNY"}),
    ("trade.refunded", "T1",
     {"buyer_id": ANNA, "seller_id": SHOP, "amount": 1250, "refund": 250, "currency": "CNY"}),
    ("trade.closed", "T2",
     {"buyer_id": "", "seller_id": SHOP, "amount": 700, "refund": 0, "currency": "CNY"}),
    ("wallet.transferred", "W1",
     {"payer_id": ANNA, "payee_id": BOB, "amount": 300, "currency": "JPY",
      "transferred_ms": START_MS + 5}),
    ("bank.answered", "B1", {"kind": "withdrawal", "status": "accepted", "party_id": SHOP,
                             "bank_id": "1", "amount": 900, "currency": "CNY"}),
    ("bank.answered", "B2", {"kind": "withdrawal", "status": "rejected", "party_id": SHOP,
                             "bank_id": "1", "amount": 900, "currency": "CNY"}),
    ("bank.answered", "B3", {"kind": "top_up", "status": "accepted", "party_id": SHOP,
                             "bank_id": "1", "amount": 900, "currency": "CNY"}),
    ("loan.drawn", "2026112412345678901234567890",
     {"borrower_id": BOB, "amount": 500_00, "owed": 500_00, "currency": "CNY"}),
    ("loan.paid", "2026112412345678901234567890",
     {"borrower_id": BOB, "amount": 100_00, "owed": 402_00, "currency": "CNY"}),
    ("party.status_changed", BOB, {"status": "blocked"}),
]  # fmt: skip


def told(happened: list[tuple[str, str, dict[str, Any]]]) -> Graph:
    graph = Graph()
    for number, (topic, subject, payload) in enumerate(happened):
        data = json.dumps(payload).encode()
        assert apply_event(graph, topic, subject, data, START_MS + number), topic
    return graph


def test_parties_wallets_trades_refunds_transfers_and_withdrawals_are_in_the_graph() -> None:
    graph = told(HAPPENED)
    counts = {kind.value: len(table) for kind, table in graph.vertices.items()}
    assert (counts["Person"], counts["Company"], counts["Account"]) == (2, 1, 6)
    edges = {name: graph.out(name).edges for name in EDGE_KINDS}
    assert edges[EdgeKindName.TRANSFER] == 3
    assert edges[EdgeKindName.WITHDRAW] == 1
    assert (edges[EdgeKindName.PERSON_OWN], edges[EdgeKindName.COMPANY_OWN]) == (4, 2)
    shop = answer(graph, "tsr2", {"id": str(wallet_id(SHOP, "CNY")), **WHOLE})[0]
    assert (shop["sumEdge2Amount"], shop["sumEdge1Amount"]) == (12.5, 2.5)
    asked = {"id": str(wallet_id(BOB, "CNY")), "threshold": 0, **WHOLE}
    assert answer(graph, "tcr9", asked)[0]["ratioRepay"] == 5.0
    loans = graph.vertices[VertexKind.LOAN]
    assert (loans.labels[0], loans.amounts[0], loans.balances[0]) == (
        "2026112412345678901234567890", 500.0, 402.0)  # fmt: skip
    # A yen has no smaller unit.
    yen = answer(graph, "tsr2", {"id": str(wallet_id(BOB, "JPY")), **WHOLE})[0]
    assert yen["sumEdge2Amount"] == 300.0


def test_a_blocked_party_has_blocked_wallets_also_those_that_come_later() -> None:
    graph = told(HAPPENED)
    money = {"payer_id": ANNA, "payee_id": BOB, "amount": 300, "currency": "CNY"}
    apply_event(graph, "wallet.transferred", "W2", json.dumps(money).encode(), START_MS)
    for code in ("JPY", "CNY"):
        wallet = {"id": str(wallet_id(BOB, code))}
        assert answer(graph, "tsr1", wallet)[0]["isBlocked"]
    assert not answer(graph, "tsr1", {"id": str(wallet_id(ANNA, "CNY"))})[0]["isBlocked"]
    unblock = json.dumps({"status": "active"}).encode()
    apply_event(graph, "party.status_changed", BOB, unblock, START_MS)
    assert not answer(graph, "tsr1", {"id": str(wallet_id(BOB, "CNY"))})[0]["isBlocked"]


def test_an_event_about_a_party_that_is_not_there_is_not_taken() -> None:
    graph = Graph()
    money = {"payer_id": ANNA, "payee_id": BOB, "amount": 300, "currency": "CNY"}
    assert not apply_event(graph, "wallet.transferred", "W", json.dumps(money).encode(), START_MS)
    assert graph.out(EdgeKindName.TRANSFER).edges == 0


def test_a_write_that_only_an_earlier_version_took_keeps_nothing_back() -> None:
    old = {"write": "tw6", "params": {"personId": "1", "loanId": "2", "loanAmount": "-5",
                                      "balance": "0", "time": "1"}}  # fmt: skip
    assert not apply_event(Graph(), WRITTEN, "x", json.dumps(old).encode(), START_MS)


class Followed:
    """A store with an executor and a graph that follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "graph.db"
        registry = Registry()
        self.follower = self.new_follower()
        self.follower.register(registry)
        service.register(registry, lambda: self.follower.graph)
        self.parts = Parts(self.database, registry)
        self.follower.rebuild()

    def new_follower(self) -> GraphFollower:
        return GraphFollower(
            lambda: ReadSession(connect(self.database, readonly=True)), self.folder / "kept.npz"
        )

    def write(self, name: str, **params: Any) -> str:
        answer = self.parts.submit(WriteToGraph(write=name, params=params))
        return answer.refusal.code if answer.refusal is not None else "done"

    def close(self) -> None:
        self.follower.close()
        self.parts.close()


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    made = Followed(tmp_path)
    yield made
    made.close()


def contents(graph: Graph) -> list[Any]:
    return [
        *(t.ids[: t.count].tolist() for t in graph.vertices.values()),
        *(t.blocked[: t.count].tolist() for t in graph.vertices.values()),
        *(
            {name: column.tolist() for name, column in graph.out(kind).packed().items()}
            for kind in EDGE_KINDS
        ),
        graph.position,
    ]


def some_writes(followed: Followed) -> None:
    assert followed.write("tw1", personId="7", personName="A", isBlocked=False) == "done"
    for account in ("70", "71"):
        assert followed.write("tw4", personId=7, accountId=account, time=5, accountBlocked="false",
                              accountType="card") == "done"  # fmt: skip
    assert followed.write("tw12", accountId1=70, accountId2=71, time=6, amount="1.5") == "done"


def test_a_write_is_in_the_graph_when_it_is_answered(followed: Followed) -> None:
    some_writes(followed)
    rows = answer(followed.follower.graph, "tsr4", {"id": 70, "threshold": 0, **WHOLE})
    assert rows == [{"dstId": "71", "numEdges": 1, "sumAmount": 1.5}]


def test_a_snapshot_that_cannot_be_written_does_not_spoil_the_stop(
    followed: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._SNAPSHOT_AFTER", 0)
    database = followed.database
    other = GraphFollower(
        lambda: ReadSession(connect(database, readonly=True)), tmp_path / "gone" / "kept.npz"
    )
    other.rebuild()
    with capture_logs() as told:
        other.close()
    assert [line["event"] for line in told] == ["graph_snapshot_not_kept"]
    assert other._rows is None  # The database is let go of all the same.


def test_it_follows_on_after_the_store_was_gone(
    followed: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._AGAIN_S", 0.0)
    rows = gone_now_and_then(lambda: connect(followed.database, readonly=True), {1, 3, 8, 11})
    other = GraphFollower(rows, tmp_path / "other.npz")

    async def follow() -> None:
        async with running(other.run()) as until:
            for name in ("A", "B"):
                await asyncio.to_thread(
                    followed.write, "tw1",
                    personId=name.encode()[0], personName=name, isBlocked=False,
                )  # fmt: skip
                await until(lambda: other.graph.position >= followed.follower.graph.position)

    asyncio.run(asyncio.wait_for(follow(), 120))
    other.close()
    assert contents(other.graph) == contents(followed.follower.graph)


def test_a_write_that_cannot_be_done_is_refused_and_leaves_no_event(followed: Followed) -> None:
    some_writes(followed)
    position = followed.follower.graph.position
    again = {"personName": "A", "isBlocked": False}
    assert followed.write("tw1", personId=7, **again) == "GRAPH_VERTEX_EXISTS"
    money = {"time": 1, "amount": 1}
    assert followed.write("tw12", accountId1=70, accountId2=99, **money) == "GRAPH_VERTEX_UNKNOWN"
    assert followed.write("tw12", accountId1=70, accountId2="x", **money) == "INVALID_PARAMETER"
    assert followed.write("trw1", srcId=70, dstId=71) == "INVALID_PARAMETER"
    followed.follower.catch_up()
    assert followed.follower.graph.position == position


def test_a_graph_that_is_rebuilt_from_the_outbox_is_the_same(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._EVENTS_AT_ONCE", 3)
    some_writes(followed)
    other = followed.new_follower()
    other.rebuild()
    assert contents(other.graph) == contents(followed.follower.graph)
    other.close()
    assert not (followed.folder / "kept.npz").exists()


def test_a_large_graph_is_kept_when_the_platform_stops_and_goes_on_from_there(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._SNAPSHOT_AFTER", 3)
    some_writes(followed)
    other = followed.new_follower()
    other.rebuild()
    other.close()
    assert (followed.folder / "kept.npz").exists()
    assert followed.write("tw18", accountId=71) == "done"
    monkeypatch.setattr("tallystick.risk.graph.follower.apply_event", counted := Counted())
    last = followed.new_follower()
    last.rebuild()
    assert contents(last.graph) == contents(followed.follower.graph)
    assert counted.topics == ["graph.written"]
    last.close()


class Counted:
    """Counts what it passes on."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def __call__(self, graph: Graph, topic: str, *rest: Any) -> bool:
        self.topics.append(topic)
        return apply_event(graph, topic, *rest)


def test_a_kept_graph_that_does_not_fit_is_rebuilt(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._SNAPSHOT_AFTER", 3)
    some_writes(followed)
    other = followed.new_follower()
    other.rebuild()
    other.graph.position += 1000
    other.close()
    for spoil in (None, b"PK\x03\x04 damaged"):
        if spoil is not None:
            (followed.folder / "kept.npz").write_bytes(spoil)
        last = followed.new_follower()
        last.rebuild()
        assert contents(last.graph) == contents(followed.follower.graph)
        monkeypatch.setattr("tallystick.risk.graph.follower._SNAPSHOT_AFTER", 10**9)
        last.close()


def test_events_have_a_form_that_the_graph_reads() -> None:
    happened = event("party.registered", ANNA, {"kind": "person"})
    graph = Graph()
    assert apply_event(graph, happened.topic, happened.subject, happened.payload, START_MS)
    assert graph.vertices[VertexKind.PERSON].created_ms[0] == START_MS
