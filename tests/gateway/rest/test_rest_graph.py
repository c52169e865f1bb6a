"""The fraud graph over REST: the platform's own money is in it, and what is written to it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.gateway.rest.rest_client import BUYER, TEA, Rest, until
from tests.server_process import ServerProcess
from tests.stores import database_for

from tallystick.risk.graph.feed import wallet_id

WHOLE = {"startTime": "0", "endTime": "9999999999999"}
QUERY = "/v1/risk/graph/query"
WRITES = "/v1/risk/graph/writes"


def ask(rest: Rest, query: str, **params: Any) -> list[dict[str, Any]]:
    answer = rest.post(QUERY, {"query": query, "params": params})
    assert answer.status == 200, answer
    rows: list[dict[str, Any]] = answer.body["rows"]
    return rows


def paid_to_tea(rest: Rest) -> float:
    buyer = str(wallet_id(BUYER, "CNY"))
    rows = ask(rest, "tsr4", id=buyer, threshold=0, **WHOLE)
    tea = str(wallet_id(TEA, "CNY"))
    return sum(float(row["sumAmount"]) for row in rows if row["dstId"] == tea)


def caught_up(rest: Rest, data: Path) -> bool:
    """Whether the graph has read all that other tests did."""
    with closing(database_for(data).connect(readonly=True)) as db:
        (newest,) = db.execute("SELECT MAX(seq) FROM outbox").fetchone()
    state = rest.get("/v1/risk/graph")
    return bool(state["ready"]) and state["position"] >= newest


def test_a_trade_that_is_paid_is_a_transfer_and_its_refund_another(
    rest: Rest, running_server: ServerProcess
) -> None:
    until(lambda: caught_up(rest, running_server.data))
    before = paid_to_tea(rest)
    trade = rest.paid_trade("33.25")
    until(lambda: round(paid_to_tea(rest) - before, 2) == 33.25)
    rest.done(f"/v1/trades/{trade['trade_no']}/refunds",
              {"amount": "33.25", "out_request_no": "r1", "reason": "x"})  # fmt: skip

    def rings() -> list[dict[str, Any]]:
        return ask(rest, "rings", id=str(wallet_id(BUYER, "CNY")), maxLength=2)

    until(rings)


def test_devices_are_written_and_found_again(rest: Rest) -> None:
    start = time.time_ns()
    person, medium, accounts = str(start), str(start + 1), [str(start + n) for n in (2, 3)]
    writes = [
        ("tw1", {"personId": person, "personName": "", "isBlocked": False}),
        ("tw3", {"mediumId": medium, "mediumType": "IPv4", "isBlocked": True}),
        *(
            ("tw4", {"personId": person, "accountId": account, "time": 5,
                     "accountBlocked": False, "accountType": "card"})
            for account in accounts
        ),
        *(("tw16", {"mediumId": medium, "accountId": account, "time": 6}) for account in accounts),
    ]  # fmt: skip
    for name, params in writes:
        assert rest.done(WRITES, {"write": name, "params": params})["write"] == name
    (row,) = ask(rest, "devices", id=accounts[0])
    assert (row["otherId"], row["mediumId"], row["mediumIsBlocked"]) == (accounts[1], medium, True)
    (around,) = ask(rest, "neighbourhood", id=person, kind="person", hops=2)
    assert {v["id"] for v in around["vertices"]} == {person, medium, *accounts}


def test_the_same_write_sent_again_is_done_once(rest: Rest) -> None:
    number = str(time.time_ns())
    body = {"write": "tw2", "params": {"companyId": number, "companyName": "", "isBlocked": False}}
    key = f"graph-{number}"
    first, again = (rest.post(WRITES, body, key=key) for _ in range(2))
    assert (first.status, again.status, again.replayed) == (200, 200, True)
    assert rest.refused(WRITES, body) == "GRAPH_VERTEX_EXISTS"


def test_what_cannot_be_asked_or_written_is_refused_by_name(rest: Rest) -> None:
    for query, params, said in (
        ("tcr99", {}, "is no query"),
        ("tsr2", {"id": "1"}, "tsr2 needs the parameter startTime"),
        ("tsr2", {"id": "x", **WHOLE}, "tsr2, id: 'x' is not an id"),
        ("tcr1", {"id": "1", **WHOLE, "truncationOrder": "UP"}, "is not one of TIMESTAMP_ASC"),
    ):
        answer = rest.post(QUERY, {"query": query, "params": params})
        assert answer.code == "INVALID_PARAMETER"
        assert said in answer.body["detail"]
    missing = {"accountId1": 1, "accountId2": 2, "time": 1, "amount": 1}
    assert rest.refused(WRITES, {"write": "tw12", "params": missing}) == "GRAPH_VERTEX_UNKNOWN"
    assert rest.refused(WRITES, {"write": "trw1", "params": {}}) == "INVALID_PARAMETER"


def test_a_read_write_is_judged_recorded_and_blocks_both_ends_of_a_pattern(rest: Rest) -> None:
    start = time.time_ns() + 100
    person, first, second, third = (str(start + n) for n in range(4))
    named = {"personId": person, "personName": "", "isBlocked": False}
    rest.done(WRITES, {"write": "tw1", "params": named})
    for account in (first, second, third):
        owned = {"personId": person, "accountId": account, "time": 5, "accountBlocked": False,
                 "accountType": "card"}  # fmt: skip
        rest.done(WRITES, {"write": "tw4", "params": owned})

    def pay(payer: str, payee: str, at: int) -> dict[str, Any]:
        params = {"srcId": payer, "dstId": payee, "time": at, "amount": 7.5, "startTime": 1,
                  "endTime": 100}  # fmt: skip
        done: dict[str, Any] = rest.done(WRITES, {"write": "trw1", "params": params})
        return done

    ways = ((second, third, 20), (third, first, 30), (first, second, 10), (second, first, 40))
    reasons = [pay(*way)["reason"] for way in ways]
    assert reasons == ["done", "done", "detected", "blocked"]
    kept = [
        ask(rest, "fan", id=account, startTime="0", endTime="1000") for account in (first, third)
    ]
    assert [sum(row["transfers"] for row in rows) for rows in kept] == [1, 2]
    for account, blocked in ((first, True), (second, True), (third, False)):
        (seen,) = ask(rest, "tsr1", id=account)
        assert seen["isBlocked"] is blocked
