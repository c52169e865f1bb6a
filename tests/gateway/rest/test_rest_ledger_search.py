"""Metadata, the search over entries, and groups of accounts over HTTP."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from tests.gateway.rest.rest_client import Rest, new_book


class Own:
    """A book of its own with two accounts and three transfers."""

    def __init__(self, rest: Rest) -> None:
        self.base, self.book = time.time_ns() * 1000, new_book()
        accounts = [{"id": self.base + n, "ledger": self.book, "code": 10} for n in (1, 2)]
        assert rest.done("/v1/ledger/accounts", accounts) == ["created"] * 2
        moves: list[dict[str, Any]] = [
            {"id": self.base + 10 + n, "debit_account_id": self.base + 1,
             "credit_account_id": self.base + 2, "amount": 10 * n + 1, "ledger": self.book,
             "code": 1 + n, "user_data_128": str(self.base + n // 2)} for n in range(3)
        ]  # fmt: skip
        moves[1]["metadata"] = {"invoice": f"n{self.base}"}
        assert rest.done("/v1/ledger/transfers", moves) == ["created"] * 3


@pytest.fixture
def own(rest: Rest) -> Own:
    return Own(rest)


def found(rest: Rest, own: Own, **query: Any) -> list[int]:
    items = rest.walk("/v1/ledger/entries", limit=1, **query)
    return [int(item["transfer"]["id"]) - own.base - 10 for item in items]


def test_entries_are_found(rest: Rest, own: Own) -> None:
    assert found(rest, own, account_id=str(own.base + 1)) == [2, 1, 0]
    assert found(rest, own, reference=str(own.base)) == [1, 0]
    assert found(rest, own, ledger=own.book, amount_min="11", amount_max="11") == [1]
    assert found(rest, own, account_id=str(own.base + 1), code=3) == [2]
    assert found(rest, own, metadata=f"invoice:n{own.base}") == [1]
    item = next(iter(rest.walk("/v1/ledger/entries", metadata=f"invoice:n{own.base}")))
    assert item["metadata"] == {"invoice": f"n{own.base}"}
    assert item["journal"]["index"] == 1


def test_metadata_is_set_and_seen(rest: Rest, own: Own) -> None:
    for path in (f"accounts/{own.base + 1}", f"transfers/{own.base + 10}"):
        address = f"/v1/ledger/{path}/metadata"
        assert rest.get(address)["metadata"] == {}
        done = rest.done(address, {"metadata": {"region": "south", "of": "x"}})
        assert done["metadata"] == {"of": "x", "region": "south"}
        rest.done(address, {"metadata": {"of": ""}})
        assert rest.get(address)["metadata"] == {"region": "south"}
    assert rest.refused("/v1/ledger/accounts/7/metadata", {"metadata": {}}) == "ACCOUNT_NOT_EXIST"


def test_a_group_has_balances_and_statements(rest: Rest, own: Own) -> None:
    group = f"/v1/ledger/groups/g{own.book}"
    assert rest.look(group).code == "ACCOUNT_GROUP_NOT_EXIST"
    rest.done(group, {"name": "Second", "accounts": [str(own.base + 2)]})
    assert rest.get(group)["accounts"] == [str(own.base + 2)]
    assert f"g{own.book}" in {g["group_id"] for g in rest.get("/v1/ledger/groups")["items"]}
    assert rest.refused(group, {"name": "Itself", "groups": [f"g{own.book}"]}) == (
        "ACCOUNT_GROUP_CYCLE"
    )
    (book,) = rest.get(f"{group}/balance")["books"]
    assert (book["ledger"], book["balance"]) == (own.book, "33")
    answer = httpx2.get(
        f"{rest.base_url}{group}/statement-file", params={"ledger": str(own.book)},
        headers={"authorization": f"Bearer {rest.key}"}, timeout=60,
    )  # fmt: skip
    assert answer.json()["closing"] == "33"
    rest.done(f"{group}/delete")
    assert rest.look(group).code == "ACCOUNT_GROUP_NOT_EXIST"
