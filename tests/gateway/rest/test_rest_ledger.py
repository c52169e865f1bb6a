"""The ledger over HTTP: the written histories' answers, large calls, numbers at full precision."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.rest.rest_client import Rest, new_book, new_number, until

from tallystick.ledger.model import AMOUNT_MAX, ID_MAX

HISTORIES = Path(__file__).parents[2] / "data" / "ledger" / "conformance.jsonl.gz"
EVERY = 15
"""One history of so many is played over HTTP; all are played on the ledger itself."""

IDS = ("id", "debit_account_id", "credit_account_id", "pending_id")
TOTALS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
BULK = 8192


def histories() -> Iterator[dict[str, Any]]:
    with gzip.open(HISTORIES, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % EVERY == 0:
                yield json.loads(line)


def moved(entry: dict[str, Any], base: int) -> dict[str, Any]:
    """An entry among numbers of its own; 0 and `max` keep their meaning."""
    made = dict(entry)
    for name in IDS:
        if isinstance(made.get(name), int) and made[name]:
            made[name] += base
    if made.get("ledger"):
        made["ledger"] += base % 90_000 + 1000
    return made


@pytest.mark.parametrize("history", list(histories()), ids=lambda h: str(h["name"]))
def test_a_written_history_gets_the_same_answers(rest: Rest, history: dict[str, Any]) -> None:
    base = time.time_ns() * 1000
    accounts = [moved(a, base) for a in history["accounts"]]
    assert rest.done("/v1/ledger/accounts", accounts) == history["account_results"]
    for batch, results in zip(history["batches"], history["results"], strict=True):
        body = {"transfers": [moved(t, base) for t in batch]}
        assert rest.done("/v1/ledger/transfers", body) == results
    for balance in history["balances"]:
        found = rest.get(f"/v1/ledger/accounts/{balance['id'] + base}")
        assert {name: int(found[name]) for name in TOTALS} == {n: balance[n] for n in TOTALS}


@pytest.fixture
def book() -> int:
    return new_book()


@pytest.fixture
def pair(rest: Rest, book: int) -> tuple[int, int]:
    """Two accounts of a book."""
    base = time.time_ns() * 1000
    accounts = [{"id": base + n, "ledger": book, "code": 10} for n in (1, 2)]
    assert rest.done("/v1/ledger/accounts", {"accounts": accounts}) == ["created", "created"]
    return base + 1, base + 2


def move(pair: tuple[int, int], book: int, id_: int, amount: Any, **more: Any) -> dict[str, Any]:
    return {"id": id_, "debit_account_id": pair[0], "credit_account_id": pair[1],
            "amount": amount, "ledger": book, "code": 1, **more}  # fmt: skip


def test_8192_transfers_are_one_call_and_more_are_none(
    rest: Rest, pair: tuple[int, int], book: int
) -> None:
    base = pair[1] + 10
    many = [move(pair, book, base + n, 1) for n in range(BULK)]
    key = new_number()
    answer = rest.post("/v1/ledger/transfers", many, key=key)
    assert (answer.status, answer.body) == (200, ["created"] * BULK)
    assert rest.post("/v1/ledger/transfers", many, key=key).replayed
    assert rest.done("/v1/ledger/transfers", many) == ["exists"] * BULK
    assert rest.get(f"/v1/ledger/accounts/{pair[1]}")["credits_posted"] == str(BULK)
    extra = move(pair, book, base + BULK, 1)
    refused = rest.post("/v1/ledger/transfers", [*many, extra])
    assert (refused.status, refused.code) == (400, "MALFORMED_REQUEST")
    assert rest.look(f"/v1/ledger/transfers/{base + BULK}").code == "TRANSFER_NOT_EXIST"


def test_a_call_of_many_takes_metadata_and_names_the_place_of_what_does_not_fit(
    rest: Rest, pair: tuple[int, int], book: int
) -> None:
    base = pair[1] + 10
    many = [move(pair, book, base + n, 1) for n in range(300)]
    many[7] = move(pair, book, base + 7, 1, metadata={"invoice": "7"}, user_data_128=str(2**127))
    wrong = [*many, move(pair, book, base + 300, 1, user_data_64="99999999999999999999")]
    answer = rest.post("/v1/ledger/transfers", {"transfers": wrong})
    assert (answer.code, answer.body["field"]) == (
        "MALFORMED_REQUEST", "$.transfers[300].user_data_64"
    )  # fmt: skip
    dated = [*many, move(pair, book, base + 300, 1, effective_date="2026-11-24")]
    assert rest.refused("/v1/ledger/transfers", dated) == "EFFECTIVE_DATE_INVALID"
    assert rest.done("/v1/ledger/transfers", many) == ["created"] * 300
    found = rest.get("/v1/ledger/entries", metadata="invoice:7", account_id=pair[0])["items"]
    assert [x["transfer"]["user_data_128"] for x in found] == [str(2**127)]


def test_every_digit_of_a_large_number_is_kept(rest: Rest, book: int) -> None:
    account = {"id": str(ID_MAX - 1 - book), "ledger": book, "code": 65535,
               "user_data_128": ID_MAX, "user_data_64": str(2**64 - 1),
               "user_data_32": 2**32 - 1}  # fmt: skip
    other = {"id": ID_MAX - 2_000_000 - book, "ledger": book, "code": 1}
    assert rest.done("/v1/ledger/accounts", [account, other]) == ["created", "created"]
    found = rest.get(f"/v1/ledger/accounts/{account['id']}")
    assert {name: str(found[name]) for name in account} == {n: str(v) for n, v in account.items()}
    transfer = {"id": "max", "debit_account_id": other["id"], "credit_account_id": account["id"],
                "amount": "max", "ledger": book, "code": 1}  # fmt: skip
    assert rest.done("/v1/ledger/transfers", [transfer]) == ["id_must_not_be_int_max"]
    transfer |= {"id": ID_MAX - 5_000_000 - book}
    assert rest.done("/v1/ledger/transfers", [transfer]) == ["created"]
    assert rest.get(f"/v1/ledger/accounts/{account['id']}")["balance"] == str(AMOUNT_MAX)
    again = transfer | {"id": ID_MAX - 9_000_000 - book, "amount": 1}
    assert rest.done("/v1/ledger/transfers", [again]) == ["overflows_debits_posted"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", ID_MAX + 1), ("id", -1), ("id", "01"), ("id", "1e3"), ("id", 1.5), ("id", None),
     ("user_data_64", 2**64), ("user_data_32", 2**32), ("code", 65536), ("flags", -1),
     ("ledger", 2**32), ("user_data_128", "max")],
)  # fmt: skip
def test_a_number_that_does_not_fit_is_named(rest: Rest, field: str, value: Any) -> None:
    good = {"id": 1, "ledger": 1, "code": 1}
    for body, root in (([good | {field: value}], "$[0]"),
                       ({"accounts": [good | {field: value}]}, "$.accounts[0]")):  # fmt: skip
        answer = rest.post("/v1/ledger/accounts", body)
        assert (answer.status, answer.code) == (400, "MALFORMED_REQUEST")
        assert answer.body["field"] == f"{root}.{field}"


@pytest.mark.parametrize("body", [[], {"accounts": []}, {}, {"transfers": []}, [[]], "x"])
def test_an_empty_or_foreign_call_is_refused(rest: Rest, body: Any) -> None:
    assert rest.refused("/v1/ledger/accounts", body) == "MALFORMED_REQUEST"


def test_the_platforms_books_are_seen_and_never_written(rest: Rest) -> None:
    platforms = rest.get("/v1/ledger/trial-balance", ledger=1_000_156)["items"][0]
    assert platforms["balanced"]
    account = {"id": time.time_ns(), "ledger": 1_000_156, "code": 2001}
    answer = rest.post("/v1/ledger/accounts", [account | {"ledger": 1}, account])
    assert (answer.status, answer.code) == (403, "BOOK_RESERVED")
    assert rest.look(f"/v1/ledger/accounts/{account['id']}").code == "ACCOUNT_NOT_EXIST"
    wallets = rest.get("/v1/ledger/accounts", ledger=1_000_156, code=2001, limit=2)["items"]
    steal = {"id": time.time_ns(), "debit_account_id": wallets[0]["id"],
             "credit_account_id": wallets[1]["id"], "amount": 1, "code": 1}  # fmt: skip
    assert rest.refused("/v1/ledger/transfers", [steal | {"ledger": 1_000_156}]) == "BOOK_RESERVED"
    assert rest.done("/v1/ledger/transfers", [steal | {"ledger": 5}]) == [
        "transfer_must_have_the_same_ledger_as_accounts"]  # fmt: skip


def test_a_platforms_hold_cannot_be_settled_from_outside(rest: Rest) -> None:
    order = {"app_id": "2026000000000001", "out_order_no": new_number(), "amount": "1.00",
             "out_request_no": "1", "title": "x", "payment_code": rest.new_code()}  # fmt: skip
    rest.done("/v1/holds", order)
    wallet = next(a for a in rest.walk("/v1/ledger/accounts", ledger=1_000_156, code=2001, limit=50)
                  if a["debits_pending"] != "0")  # fmt: skip
    holds = rest.walk(f"/v1/ledger/accounts/{wallet['id']}/transfers", limit=200)
    held = next(t for t in holds if t["pending_state"] == "pending")
    post = {"id": time.time_ns(), "pending_id": held["id"], "flags": 4, "amount": "max"}
    assert rest.refused("/v1/ledger/transfers", [post]) == "BOOK_RESERVED"


def test_a_hold_times_out_by_itself(rest: Rest, pair: tuple[int, int], book: int) -> None:
    hold = move(pair, book, pair[1] + 1, 40, flags=2, timeout=1)
    assert rest.done("/v1/ledger/transfers", [hold]) == ["created"]
    at = f"/v1/ledger/transfers/{hold['id']}"
    until(lambda: rest.get(at)["pending_state"] == "expired")
    assert rest.get(f"/v1/ledger/accounts/{pair[0]}")["debits_pending"] == "0"
    post = {"id": pair[1] + 2, "pending_id": hold["id"], "flags": 4, "amount": "max"}
    assert rest.done("/v1/ledger/transfers", [post]) == ["pending_transfer_expired"]


def test_a_statement_opens_and_closes_with_its_period(
    rest: Rest, pair: tuple[int, int], book: int
) -> None:
    base, at = pair[1] + 10, f"/v1/ledger/accounts/{pair[1]}/statement"
    for n, amount in enumerate((100, 20, 3)):
        rest.done("/v1/ledger/transfers", [move(pair, book, base + n, amount)])
        rest.done("/v1/ledger/transfers", [move(pair, book, base + 50 + n, 7, flags=2)])
        time.sleep(0.01)
    whole = rest.get(at)
    assert (whole["opening"], whole["closing"]) == ("0", "123")
    assert [(i["change"], i["balance"]) for i in whole["items"]] == [
        ("100", "100"), ("20", "120"), ("3", "123")]  # fmt: skip
    first, second, third = (i["at_ms"] for i in whole["items"])
    middle = rest.get(at, from_ms=second, before_ms=third)
    assert (middle["opening"], middle["closing"]) == ("100", "120")
    assert [i["transfer_id"] for i in middle["items"]] == [str(base + 1)]
    before = rest.get(at, before_ms=first)
    assert (before["opening"], before["closing"], before["items"]) == ("0", "0", [])
    later = rest.get(at, from_ms=third + 60_000)
    assert (later["opening"], later["closing"], later["items"]) == ("123", "123", [])
    pages = list(rest.walk(at, limit=1))
    assert pages == whole["items"]
