"""Lists a page at a time: every row exactly once, whatever comes meanwhile; cursors are sealed."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from tests.gateway.rest.rest_client import BUYER, TEA, Rest, new_number, until


@pytest.fixture(scope="module")
def listed(rest: Rest) -> dict[str, Any]:
    """Enough rows for several pages of every list, and how to ask for them."""
    person = {"kind": "person", "name": "x", "password": "correct-horse-7",
              "payment_password": "135790"}  # fmt: skip
    party = rest.done("/v1/parties", person | {"login": f"{new_number()}@pages.test"})["party_id"]
    for _ in range(5):
        rest.done("/v1/transfers", {"payer_id": BUYER, "payee_id": party, "amount": "1.00",
                                    "out_biz_no": new_number()})  # fmt: skip
        rest.paid_trade(buyer_id=BUYER, notify_url="http://127.0.0.1:9/pages")
        rest.done(f"/v1/wallets/{party}/top-ups", {"amount": "1.00", "bank_id": "1"})
        order = {"app_id": "2026000000000001", "out_order_no": new_number(), "amount": "1.00",
                 "out_request_no": "1", "title": "x", "payment_code": rest.new_code()}  # fmt: skip
        rest.done("/v1/holds", order)
    base = time.time_ns()
    accounts = [{"id": base + n, "ledger": 300 + n % 3, "code": 10 + n % 2} for n in range(9)]
    rest.done("/v1/ledger/accounts", accounts)
    moves = [{"id": base + n, "debit_account_id": base, "credit_account_id": base + 3,
              "amount": n, "ledger": 300, "code": 1} for n in range(1, 8)]  # fmt: skip
    rest.done("/v1/ledger/transfers", moves)
    until(lambda: len(rest.get("/v1/notifications", limit=50)["items"]) >= 5)
    return {"party": party, "account": base}


LISTS = {
    "/v1/trades": "trade_no",
    "/v1/holds": "hold_id",
    "/v1/bank-orders": "order_id",
    "/v1/parties": "party_id",
    "/v1/apps": "app_id",
    "/v1/api-keys": "key_id",
    "/v1/notifications": "notify_id",
    "/v1/ledger/accounts": "id",
    "/v1/ledger/accounts/{account}/transfers": "id",
    "/v1/ledger/accounts/{account}/statement": "transfer_id",
    "/v1/ledger/trial-balance": "ledger",
    "/v1/wallets/{party}/statement": "at_ms",
}


@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_have_every_row_once(
    rest: Rest, listed: dict[str, Any], path: str
) -> None:
    at = path.format(**listed)
    whole = [row[LISTS[path]] for row in rest.walk(at, limit=200)]
    for limit in (2, 3):
        assert [row[LISTS[path]] for row in rest.walk(at, limit=limit)] == whole
    if LISTS[path] != "at_ms":
        assert len(set(whole)) == len(whole)


def test_rows_that_come_meanwhile_are_neither_missed_nor_doubled(
    rest: Rest, listed: dict[str, Any]
) -> None:
    before = [t["trade_no"] for t in rest.walk("/v1/trades", limit=200)]
    seen = []
    for trade in rest.walk("/v1/trades", limit=2):
        seen.append(trade["trade_no"])
        if len(seen) % 2:
            rest.new_trade()
        if len(seen) >= len(before):
            break
    assert seen == before


def test_a_cursor_continues_its_own_list_only(rest: Rest, listed: dict[str, Any]) -> None:
    cursor = rest.get("/v1/trades", limit=1)["next_cursor"]
    assert rest.look("/v1/trades", limit=1, cursor=cursor).status == 200
    assert rest.look("/v1/holds", cursor=cursor).code == "CURSOR_INVALID"
    assert rest.look("/v1/trades", status="held", cursor=cursor).code == "CURSOR_INVALID"
    bound = rest.with_key("payments:read", app_id="2026000000000001")
    assert bound.look("/v1/trades", cursor=cursor).code == "CURSOR_INVALID"


@pytest.mark.parametrize("cursor", ["x", "AAAA", "!!", "é", "A" * 400, "AAAAAAAAAAAAW10"])
def test_a_cursor_that_is_none_is_refused(rest: Rest, cursor: str) -> None:
    answer = rest.look("/v1/trades", cursor=cursor)
    assert (answer.status, answer.code) == (422, "CURSOR_INVALID")


def test_a_cursor_that_was_changed_is_refused(rest: Rest, listed: dict[str, Any]) -> None:
    cursor = rest.get("/v1/trades", limit=1)["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[-3] ^= 1
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert rest.look("/v1/trades", cursor=changed).code == "CURSOR_INVALID"


def test_filters_hold_on_every_page(rest: Rest, listed: dict[str, Any]) -> None:
    assert {t["status"] for t in rest.walk("/v1/trades", status="held", limit=2)} == {"held"}
    assert {a["code"] for a in rest.walk("/v1/ledger/accounts", ledger=301, code=10, limit=1)} == {
        10}  # fmt: skip
    assert {t["seller_id"] for t in rest.walk("/v1/trades", seller_id=TEA, limit=50)} == {TEA}
