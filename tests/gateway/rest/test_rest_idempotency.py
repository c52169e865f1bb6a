"""The same request gets the same answer, whatever that was; other contents are refused."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.gateway.rest.rest_client import BUYER, COURIER, POOR, TEA, Rest, new_number


def transfer(amount: str = "1.00", payer: str = BUYER, **more: Any) -> dict[str, Any]:
    return {
        "payer_id": payer,
        "payee_id": TEA,
        "amount": amount,
        "out_biz_no": new_number(),
        **more,
    }


def test_the_same_request_gets_the_first_answer_and_moves_money_once(rest: Rest) -> None:
    key, body = new_number(), transfer()
    before = rest.get(f"/v1/wallets/{TEA}")["available"]
    first = rest.post("/v1/transfers", body, key=key)
    after = rest.get(f"/v1/wallets/{TEA}")["available"]
    again = rest.post("/v1/transfers", body, key=key)
    assert (first.status, first.replayed) == (201, False)
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert before != after == rest.get(f"/v1/wallets/{TEA}")["available"]


def test_other_contents_under_the_same_key_are_refused_and_change_nothing(rest: Rest) -> None:
    key, body = new_number(), transfer()
    made = rest.done("/v1/transfers", body, key=key)
    other = rest.post("/v1/transfers", body | {"amount": "2.00"}, key=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_MISMATCH")
    assert not other.replayed
    assert rest.get(f"/v1/transfers/{made['order_id']}")["amount"] == "1.00"


def test_another_operation_under_the_same_key_is_refused(rest: Rest) -> None:
    key = new_number()
    trade = rest.new_trade()
    rest.done(f"/v1/trades/{trade['trade_no']}/close", key=key)
    other = rest.new_trade()
    assert rest.refused(f"/v1/trades/{other['trade_no']}/close", key=key) == "IDEMPOTENCY_MISMATCH"
    assert rest.get(f"/v1/trades/{other['trade_no']}")["status"] == "wait_buyer_pay"


def test_spaces_and_the_order_of_fields_are_no_other_contents(rest: Rest) -> None:
    key, number = new_number(), new_number()
    texts = (
        f'{{"payer_id":"{BUYER}","payee_id":"{TEA}","amount":"1.00","out_biz_no":"{number}"}}',
        f'{{ "out_biz_no": "{number}", "amount": "1.00",\n "payee_id": "{TEA}", '
        f'"payer_id": "{BUYER}", "currency": "CNY" }}',
    )
    headers = {"idempotency-key": key, "content-type": "application/json; charset=UTF-8"}
    first, again = (
        rest.send("POST", "/v1/transfers", content=text.encode(), headers=headers) for text in texts
    )
    assert first.status == 201, first
    assert (again.body, again.replayed) == (first.body, True)


def test_a_refusal_is_given_again_though_it_could_be_done_now(rest: Rest) -> None:
    key, body = new_number(), transfer("5.00", POOR)
    first = rest.post("/v1/transfers", body, key=key)
    assert (first.status, first.code, first.replayed) == (422, "BALANCE_NOT_ENOUGH", False)
    rest.done("/v1/transfers", transfer("10.00") | {"payee_id": POOR})
    again = rest.post("/v1/transfers", body, key=key)
    assert (again.status, again.code, again.replayed) == (422, "BALANCE_NOT_ENOUGH", True)
    assert rest.post("/v1/transfers", body, key=new_number()).status == 201


def test_what_was_not_permitted_may_be_tried_again(rest: Rest) -> None:
    reader = rest.with_key("wallet:read")
    assert reader.refused("/v1/transfers", transfer(), key="first") == "NOT_PERMITTED"


@pytest.mark.parametrize("wishes", [4, 12])
def test_duplicates_that_come_at_once_are_one_request(rest: Rest, wishes: int) -> None:
    key, body = new_number(), transfer("3.00")
    before = rest.get(f"/v1/wallets/{BUYER}")["available"]
    with ThreadPoolExecutor(wishes) as pool:
        answers = list(pool.map(lambda _: rest.post("/v1/transfers", body, key=key), range(wishes)))
    assert {a.status for a in answers} == {201}
    assert len({a.body["order_id"] for a in answers}) == 1
    assert Counter(a.replayed for a in answers) == {False: 1, True: wishes - 1}
    spent = float(before) - float(rest.get(f"/v1/wallets/{BUYER}")["available"])
    assert round(spent, 2) == 3.00


def test_a_key_belongs_to_its_caller(rest: Rest) -> None:
    key, body = new_number(), transfer()
    other = rest.with_key("wallet:write", "wallet:read")
    first = rest.post("/v1/transfers", body, key=key)
    second = other.post("/v1/transfers", transfer("2.00"), key=key)
    assert (first.status, second.status, second.replayed) == (201, 201, False)


def test_what_the_platform_makes_up_is_the_same_in_the_repeated_answer(rest: Rest) -> None:
    key = new_number()
    person = {"kind": "person", "login": f"{new_number()}@test", "name": "李雷",
              "password": "correct-horse-7", "payment_password": "135790"}  # fmt: skip
    first, again = (rest.post("/v1/parties", person, key=key) for _ in range(2))
    assert (first.status, again.body, again.replayed) == (201, first.body, True)
    wrong = rest.post("/v1/parties", person | {"payment_password": "135791"}, key=key)
    assert wrong.code == "IDEMPOTENCY_MISMATCH"
    key = new_number()
    wanted = {"name": "Repeated", "scopes": ["payments:read"]}
    first, again = (rest.post("/v1/api-keys", wanted, key=key) for _ in range(2))
    assert (first.status, again.body, again.replayed) == (201, first.body, True)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "IDEMPOTENCY_KEY_MISSING"),
        ("x" * 65, "IDEMPOTENCY_KEY_INVALID"),
        ("two words", "IDEMPOTENCY_KEY_INVALID"),
        ('"quoted"', "IDEMPOTENCY_KEY_INVALID"),
    ],
)
def test_a_key_has_1_to_64_plain_characters(rest: Rest, key: str, code: str) -> None:
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    answer = rest.send("POST", "/v1/transfers", content=b"{}", headers=headers)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("key", ["a", "x" * 64, "Az09_.:-"])
def test_every_documented_character_and_length_is_taken(rest: Rest, key: str) -> None:
    caller = rest.with_key("wallet:write")
    assert caller.post("/v1/transfers", transfer(payee_id=COURIER), key=key).status == 201
