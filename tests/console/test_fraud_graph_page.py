"""The fraud graph's page: what it finds, what is around it, the way of money; and for whom."""

from __future__ import annotations

import time
from typing import Any

from tests.console.person import Person, operator
from tests.console.world import ALICE, BOB, TEA, World

from tallystick.risk.graph.feed import wallet_id

AT = "/console/fraud-graph"


def looking(world: World) -> Person:
    person = operator(world)
    person.headers = {"accept": "application/json"}
    return person


def found(person: Person, address: str) -> dict[str, Any]:
    """The answer, waited for: the graph follows what happens within half a second."""
    deadline = time.monotonic() + 120
    while person.get(f"{AT}/{address}").status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert person.status == 200, person.text
    answer: dict[str, Any] = person.answer.json()
    return answer


def test_a_person_is_found_by_login_and_by_number_with_wallets_and_counterparts(
    world: World,
) -> None:
    world.paid(1_100)
    person = looking(world)
    alice = str(wallet_id(ALICE.party_id, "CNY"))
    tea = str(wallet_id(TEA.party_id, "CNY"))
    for text in (ALICE.login, ALICE.party_id):
        answer = found(person, f"find.json?text={text}")
        ids = {v["id"]: v for v in answer["vertices"]}
        assert {ALICE.party_id, alice, tea} <= set(ids)
        assert answer["vertices"][0]["id"] == ALICE.party_id
        assert "*" in ids[ALICE.party_id]["label"]
        assert ALICE.name not in person.page
        (paid,) = [e for e in answer["edges"] if (e["fromId"], e["toId"]) == (alice, tea)]
        assert len(paid["times"]) == len(paid["amounts"]) == min(paid["count"], 50)


def test_a_wallet_is_expanded_and_the_way_of_money_found(world: World) -> None:
    world.paid(1_200)
    person = looking(world)
    alice = str(wallet_id(ALICE.party_id, "CNY"))
    tea = str(wallet_id(TEA.party_id, "CNY"))
    around = found(person, f"around.json?kind=Account&id={alice}")
    assert {v["distance"] for v in around["vertices"]} == {0, 1}
    (hop,) = found(person, f"path.json?id1={alice}&id2={tea}")["hops"]
    assert (hop["fromId"], hop["toId"]) == (alice, tea)
    assert found(person, f"path.json?id1={tea}&id2=7")["hops"] == []


def test_what_is_not_in_the_graph_is_said_and_questions_are_read_strictly(world: World) -> None:
    person = looking(world)
    found(person, f"find.json?text={BOB.party_id}")
    assert person.get(f"{AT}/find.json?text=nobody").status == 404
    assert person.get(f"{AT}/find.json?text=").status == 404
    assert person.get(f"{AT}/around.json?kind=Bank&id=1").status == 422
    assert person.get(f"{AT}/around.json?kind=Account&id=x").status == 422
    assert person.get(f"{AT}/around.json?kind=Account&id=7").status == 404


def test_the_graph_is_for_operators_alone(world: World) -> None:
    person = Person(world)
    person.headers = {"accept": "application/json"}
    for address in ("find.json?text=1", "around.json?kind=Account&id=1", "path.json?id1=1&id2=2"):
        assert person.get(f"{AT}/{address}").status == 401
