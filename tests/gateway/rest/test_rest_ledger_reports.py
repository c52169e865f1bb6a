"""Balances and reports over HTTP, as of moments."""

from __future__ import annotations

import time

import httpx2
from tests.gateway.rest.rest_client import Rest, new_book

LATEST = 9_000_000_000_000


def test_a_balance_and_the_reports_are_as_of_a_moment(rest: Rest) -> None:
    base, book = time.time_ns() * 1000, new_book()
    codes = {1: 1001, 2: 2001, 3: 4001, 4: 5001}
    accounts = [{"id": base + n, "ledger": book, "code": code} for n, code in codes.items()]
    assert rest.done("/v1/ledger/accounts", accounts) == ["created"] * 4

    def move(number: int, debit: int, credit: int, amount: int) -> None:
        sides = {"debit_account_id": base + debit, "credit_account_id": base + credit}
        entry = {"id": base + 10 + number, **sides, "amount": amount, "ledger": book, "code": 1}
        assert rest.done("/v1/ledger/transfers", [entry]) == ["created"]

    move(1, 1, 2, 1000)
    at_ms = rest.get(f"/v1/ledger/transfers/{base + 11}")["posted_ms"] + 1
    time.sleep(0.01)
    move(2, 2, 3, 30)
    move(3, 4, 2, 10)
    then = rest.get(f"/v1/ledger/accounts/{base + 2}/balance", before_ms=at_ms)
    now = rest.get(f"/v1/ledger/accounts/{base + 2}/balance")
    assert (then["balance"], now["balance"]) == ("1000", "980")
    (found,) = rest.get("/v1/ledger/reports", ledger=book, from_ms=at_ms)["books"]
    sheet, income = found["balance_sheet"], found["income_statement"]
    assert found["balanced"]
    assert (sheet["total_assets"], sheet["total_claims"], sheet["earnings"]) == (
        "1000",
        "1000",
        "20",
    )
    assert (income["total_income"], income["total_expenses"], income["result"]) == (
        "30",
        "10",
        "20",
    )
    (before,) = rest.get("/v1/ledger/reports", ledger=book, before_ms=at_ms)["books"]
    assert before["balance_sheet"]["earnings"] == "0"
    assert before["balance_sheet"]["total_assets"] == "1000"
    for form, begins in (("csv", "\ufeff".encode()), ("pdf", b"%PDF-")):
        for report in ("trial_balance", "balance_sheet", "income_statement"):
            answer = httpx2.get(
                f"{rest.base_url}/v1/ledger/report-file",
                params={"ledger": str(book), "report": report, "format": form, "lang": "zh"},
                headers={"authorization": f"Bearer {rest.key}"}, timeout=60,
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
            assert answer.content.startswith(begins)


def test_a_period_that_ends_before_it_begins_is_refused(rest: Rest) -> None:
    answer = rest.look("/v1/ledger/reports", from_ms=5, before_ms=4)
    assert answer.code == "INVALID_PARAMETER"
