"""Every operation over HTTP, each with what it is for; none is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway.rest.rest_client import (
    BUYER,
    COURIER,
    MARKET,
    TEA,
    Rest,
    new_number,
    new_public_key,
    until,
)

from tallystick.gateway.rest.api import OPERATIONS
from tallystick.verify import read_key, verify

APP = "2026000000000001"


def balance(rest: Rest, party_id: str) -> Decimal:
    return Decimal(rest.get(f"/v1/wallets/{party_id}")["available"])


@pytest.fixture(scope="module")
def merchant(rest: Rest) -> str:
    body = {"kind": "merchant", "login": f"{new_number()}@shop.test", "name": "小店 Corner shop",
            "password": "correct-horse-7", "payment_password": "135790"}  # fmt: skip
    return str(rest.done("/v1/parties", body)["party_id"])


# Trades.


def test_an_escrow_trade_from_order_to_split(rest: Rest) -> None:
    trade = rest.new_trade("100.00")
    at = f"/v1/trades/{trade['trade_no']}"
    assert trade["status"] == "wait_buyer_pay"
    before = balance(rest, BUYER)
    assert rest.done(f"{at}/pay", {"payment_code": rest.new_code()})["status"] == "held"
    assert balance(rest, BUYER) == before - Decimal("100.00")
    shipped = rest.done(f"{at}/ship", {"carrier": "快递", "tracking_no": "SC1"})
    assert shipped["status"] == "shipped"
    seller = balance(rest, TEA)
    settled = rest.done(f"{at}/confirm", {"out_request_no": new_number()})
    assert settled["status"] == "settled"
    assert balance(rest, TEA) == seller + Decimal("99.40")
    parts = [{"receiver_id": COURIER, "amount": "1.00", "memo": "delivery"}]
    split = rest.done(f"{at}/split", {"out_request_no": new_number(), "splits": parts})
    assert split["trade_no"] == trade["trade_no"]
    refund = rest.done(f"{at}/refunds", {"amount": "30.00", "out_request_no": "r1", "reason": "x"})
    assert (refund["amount"], refund["refunded_total"], refund["changed"]) == (
        "30.00", "30.00", True)  # fmt: skip
    assert [r["out_request_no"] for r in rest.get(f"{at}/refunds")["items"]] == ["r1"]
    seen = rest.get(at)
    assert seen["shipment"] == {"carrier": "快递", "tracking_no": "SC1"}
    story = rest.get(f"{at}/story")
    assert [e["status_after"] for e in story["events"]][:4] == [
        "wait_buyer_pay", "held", "shipped", "settled"]  # fmt: skip
    assert sum(Decimal(p["amount"]) for p in story["postings"]) > 0


def test_an_order_is_closed_or_cancelled(rest: Rest) -> None:
    unpaid = rest.new_trade()
    assert rest.done(f"/v1/trades/{unpaid['trade_no']}/close")["status"] == "closed"
    paid = rest.paid_trade("8.00")
    before = balance(rest, BUYER)
    undone = rest.done(f"/v1/trades/{paid['trade_no']}/cancel")
    assert (undone["status"], undone["action"]) == ("closed", "refund")
    assert balance(rest, BUYER) == before + Decimal("8.00")


def test_a_dispute_is_resolved_to_both_sides(rest: Rest) -> None:
    at = f"/v1/trades/{rest.paid_trade('12.30')['trade_no']}"
    assert rest.done(f"{at}/dispute", {"reason": "Nothing arrived"})["status"] == "disputed"
    assert rest.refused(f"{at}/resolve", {"to_buyer": "1.00", "to_seller": "1.00"}) == (
        "DISPUTE_SUM_WRONG")  # fmt: skip
    resolved = rest.done(f"{at}/resolve", {"to_buyer": "2.30", "to_seller": "10.00"})
    assert resolved["status"] in ("settled", "closed", "finished")


def test_trades_are_found_by_number_and_state(rest: Rest) -> None:
    trade = rest.new_trade()
    by_number = rest.get("/v1/trades", number=trade["out_trade_no"])["items"]
    assert [t["trade_no"] for t in by_number] == [trade["trade_no"]]
    assert rest.get("/v1/trades", number=trade["out_trade_no"], status="held")["items"] == []


# Holds.


def test_a_hold_is_frozen_seen_and_given_free(rest: Rest) -> None:
    number = new_number()
    order = {"app_id": APP, "out_order_no": number, "out_request_no": f"{number}-1",
             "amount": "50.00", "title": "Room", "payment_code": rest.new_code()}  # fmt: skip
    hold = rest.done("/v1/holds", order)
    assert (hold["frozen"], hold["status"]) == ("50.00", "authorized")
    at = f"/v1/holds/{hold['hold_id']}"
    freed = rest.done(f"{at}/unfreeze", {"out_request_no": "u1", "amount": "20.00"})
    assert freed["frozen"] == "30.00"
    assert rest.refused(f"{at}/unfreeze", {"out_request_no": "u2", "amount": "30.01"}) == (
        "HOLD_AMOUNT_EXCEEDED")  # fmt: skip
    story = rest.get(at)
    assert [o["kind"] for o in story["operations"]] == ["FREEZE", "UNFREEZE"]
    listed = rest.get("/v1/holds", out_order_no=number)["items"]
    assert [h["hold_id"] for h in listed] == [hold["hold_id"]]


# Wallets.


def test_money_comes_from_a_bank_and_goes_back(rest: Rest) -> None:
    order = rest.done(f"/v1/wallets/{BUYER}/top-ups", {"amount": "100.00", "bank_id": "1"})
    at = f"/v1/bank-orders/{order['order_id']}"
    until(lambda: rest.get(at)["status"] == "accepted")
    out = rest.done(f"/v1/wallets/{BUYER}/withdrawals", {"amount": "40.00", "bank_id": "1"})
    assert out["kind"] == "withdrawal"
    listed = rest.get("/v1/bank-orders", party_id=BUYER, kind="withdrawal")["items"]
    assert out["order_id"] in [o["order_id"] for o in listed]


def test_a_transfer_shows_in_both_statements(rest: Rest) -> None:
    number = new_number()
    body = {"payer_id": BUYER, "payee_id": TEA, "amount": "5.00", "out_biz_no": number}
    made = rest.done("/v1/transfers", body)
    assert rest.get(f"/v1/transfers/{made['order_id']}")["out_biz_no"] == number
    assert rest.done("/v1/transfers", body)["order_id"] == made["order_id"]
    assert rest.refused("/v1/transfers", body | {"amount": "5.01"}) == "TRANSFER_MISMATCH"
    # A bank may have answered for others meanwhile: the newest line may be theirs.
    statements = [
        rest.get(f"/v1/wallets/{party}/statement", limit=50)["items"] for party in (BUYER, TEA)
    ]
    changes = [
        [line["change"] for line in lines if line["reference"] == made["order_id"]]
        for lines in statements
    ]
    assert changes == [["-5.00"], ["5.00"]]


# Parties.


def test_a_party_is_registered_found_and_blocked(rest: Rest, merchant: str) -> None:
    seen = rest.get(f"/v1/parties/{merchant}")
    assert (seen["name"], seen["kind"]) == ("小店 Corner shop", "merchant")
    listed = rest.get("/v1/parties", login=seen["login"])["items"]
    assert [p["party_id"] for p in listed] == [merchant]
    rest.done(f"/v1/parties/{merchant}/block", {"blocked": True})
    assert rest.get(f"/v1/parties/{merchant}")["status"] == "blocked"
    rest.done(f"/v1/parties/{merchant}/block", {"blocked": False})


def test_a_payment_code_pays_once(rest: Rest) -> None:
    code = rest.new_code()
    first, second = rest.new_trade(), rest.new_trade()
    rest.done(f"/v1/trades/{first['trade_no']}/pay", {"payment_code": code})
    assert rest.refused(f"/v1/trades/{second['trade_no']}/pay", {"payment_code": code}) == (
        "PAYMENT_CODE_INVALID")  # fmt: skip


# Apps and keys.


def test_an_app_is_opened_changed_disabled_and_gets_sellers(rest: Rest, merchant: str) -> None:
    signs = rest.get("/v1/gateway-keys")["items"][0]["key_id"]
    body = {"name": "Corner", "merchant_id": merchant, "public_key": new_public_key(),
            "gateway_key_id": signs}  # fmt: skip
    app_id = rest.done("/v1/apps", body)["app_id"]
    at = f"/v1/apps/{app_id}"
    rest.done(f"{at}/settings", {"fee_rate": "0.01", "name": "Corner 2"})
    seen = rest.get(at)
    assert (seen["fee_rate"], seen["name"], seen["enabled"]) == ("0.01", "Corner 2", True)
    rest.done(f"{at}/sellers", {"party_id": TEA})
    assert rest.get(f"{at}/sellers")["items"] == [TEA]
    rest.done(f"{at}/status", {"enabled": False})
    order = {"app_id": app_id, "out_trade_no": new_number(), "amount": "1.00", "subject": "x"}
    assert rest.refused("/v1/trades", order) == "APP_DISABLED"
    assert app_id in [a["app_id"] for a in rest.get("/v1/apps", merchant_id=merchant)["items"]]


def test_an_apps_key_is_changed_without_a_moment_in_which_none_is_accepted(
    rest: Rest, merchant: str
) -> None:
    signs = rest.get("/v1/gateway-keys")["items"][0]["key_id"]
    body = {"name": "Rotating", "merchant_id": merchant, "public_key": new_public_key(),
            "gateway_key_id": signs}  # fmt: skip
    at = f"/v1/apps/{rest.done('/v1/apps', body)['app_id']}/keys"
    old = rest.get(at)["items"][0]["key_id"]
    assert rest.refused(f"{at}/{old}/retire") == "KEY_IS_LAST"
    new = rest.done(at, {"public_key": new_public_key()})["key_id"]
    assert [k["active"] for k in rest.get(at)["items"]] == [True, True]
    rest.done(f"{at}/{old}/retire")
    active = {k["key_id"]: k["active"] for k in rest.get(at)["items"]}
    assert active == {old: False, new: True}


def test_an_api_key_is_shown_once_used_and_revoked(rest: Rest) -> None:
    issued = rest.done("/v1/api-keys", {"name": "Stock", "scopes": ["payments:read"]})
    other = rest.with_text(issued["api_key"])
    assert other.look("/v1/trades").status == 200
    listed = {k["key_id"]: k for k in rest.walk("/v1/api-keys", limit=50)}
    assert listed[issued["key_id"]]["scopes"] == ["payments:read"]
    assert issued["api_key"] not in str(listed)
    rest.done(f"/v1/api-keys/{issued['key_id']}/revoke")
    assert other.look("/v1/trades").code == "API_KEY_INVALID"


# Notifications.


def test_a_notification_is_seen_with_its_attempts_and_sent_again(rest: Rest) -> None:
    # Nobody listens there, and the platform's own network is not spoken to anyway.
    trade = rest.paid_trade(notify_url="http://127.0.0.1:9/notify")
    found = until(lambda: rest.get("/v1/notifications", subject=trade["trade_no"])["items"])
    at = f"/v1/notifications/{found[0]['notify_id']}"
    tried = until(lambda: rest.get(at)["attempts"])
    assert tried[0]["outcome"] != "success"
    assert rest.get(at)["form"]["trade_no"] == trade["trade_no"]
    assert rest.done(f"{at}/resend")["notify_id"] == found[0]["notify_id"]
    until(lambda: len(rest.get(at)["attempts"]) > len(tried))


# The ledger.


def test_the_ledger_is_kept_and_seen(rest: Rest) -> None:
    book, base = 7, time.time_ns()
    accounts = [{"id": base + n, "ledger": book, "code": 10} for n in (1, 2)]
    assert rest.done("/v1/ledger/accounts", accounts) == ["created", "created"]
    move = {"id": base, "debit_account_id": base + 1, "credit_account_id": base + 2,
            "amount": 1230, "ledger": book, "code": 1}  # fmt: skip
    assert rest.done("/v1/ledger/transfers", [move]) == ["created"]
    at = f"/v1/ledger/accounts/{base + 2}"
    assert rest.get(at)["balance"] == "1230"
    assert rest.get(f"/v1/ledger/transfers/{base}")["amount"] == "1230"
    assert [t["id"] for t in rest.get(f"{at}/transfers")["items"]] == [str(base)]
    assert rest.get(f"{at}/statement")["closing"] == "1230"
    assert str(base + 1) in [a["id"] for a in rest.walk("/v1/ledger/accounts", ledger=book)]
    balances = rest.get("/v1/ledger/trial-balance", ledger=book)["items"]
    assert [(b["ledger"], b["balanced"]) for b in balances] == [(book, True)]


def addresses() -> Iterator[tuple[str, str]]:
    for operation in OPERATIONS:
        yield operation.method, operation.path


def test_the_ledger_proves_what_it_has(rest: Rest) -> None:
    base = time.time_ns()
    accounts = [{"id": base + i, "ledger": 78, "code": 1} for i in (1, 2)]
    assert rest.done("/v1/ledger/accounts", accounts) == ["created", "created"]
    move = {"id": base + 3, "debit_account_id": base + 1, "credit_account_id": base + 2,
            "amount": 250, "ledger": 78, "code": 9}  # fmt: skip
    assert rest.done("/v1/ledger/transfers", [move]) == ["created"]
    head = rest.done("/v1/ledger/heads")
    key = read_key(rest.get("/v1/ledger/keys")[0]["public_key"])
    proof = rest.get(f"/v1/ledger/transfers/{base + 3}/proof")
    assert verify(proof, key)
    assert proof["entry"]["amount"] == "250"
    heads = rest.get("/v1/ledger/heads", limit=500)["items"]
    assert head["number"] in [one["number"] for one in heads]
    first = min(one["size"] for one in heads if one["size"])
    assert verify(rest.get("/v1/ledger/consistency", first=first), key)
    page = rest.get(f"/v1/ledger/accounts/{base + 2}/statement/proof")
    assert verify(page["statement"], key)
    assert page["statement"]["closing"] == "250"
    missing = rest.look("/v1/ledger/consistency", first=10**15)
    assert missing.code == "HEAD_NOT_EXIST"


def test_a_parameter_that_is_required_must_be_given(rest: Rest) -> None:
    answer = rest.look("/v1/ledger/consistency", second=0)
    assert (answer.status, answer.code) == (400, "MALFORMED_REQUEST")
    assert answer.body["field"] == "query.first"
    described = rest.get("/openapi.json")["paths"]["/v1/ledger/consistency"]["get"]["parameters"]
    assert {p["name"]: p["required"] for p in described} == {"first": True, "second": False}


def test_no_two_operations_share_an_address_or_a_name() -> None:
    assert len(set(addresses())) == len(OPERATIONS)
    assert len({o.name for o in OPERATIONS}) == len(OPERATIONS)


def test_an_answer_never_tells_a_secret(rest: Rest) -> None:
    parties: list[Any] = list(rest.walk("/v1/parties", limit=50))
    assert MARKET in [p["party_id"] for p in parties]
    assert not {"password", "login_hash", "payment_hash"} & {name for p in parties for name in p}
