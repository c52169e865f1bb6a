"""Loans over REST: from a product to a paid loan, as an operator of credit sees it."""

from __future__ import annotations

import json
from typing import Any

import httpx2 as httpx
from tests.server_process import ServerProcess


def _ask(server: ServerProcess, key: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {server.credentials['rest_key']}"}
    url = f"{server.base_url}{path}"
    if body is None:
        answer = httpx.get(url, headers=headers)
    else:
        answer = httpx.post(url, headers={**headers, "idempotency-key": key}, json=body)
    return answer.status_code, answer.json()


def test_a_loan_from_its_product_to_its_end(running_server: ServerProcess) -> None:
    server = running_server
    borrower = server.credentials["buyers"][0]["party_id"]
    product = {
        "product_id": "rest-cash", "name": "Cash", "annual_rate": "0.10", "counts": [3],
        "amount_max": "1000.00", "ceiling": "0.24",
    }  # fmt: skip
    assert _ask(server, "p1", "/v1/credit/products", product)[0] == 200
    line = {"borrower_id": borrower, "product_id": "rest-cash", "amount": "500.00"}
    assert _ask(server, "l1", "/v1/credit/lines", line)[1]["amount"] == "500.00"
    asked = {**line, "amount": "600.00", "count": 3}
    status, refused = _ask(server, "d0", "/v1/credit/loans", asked)
    assert (status, refused["code"]) == (422, "CREDIT_LINE_EXCEEDED")
    asked["amount"] = "400.00"
    status, drawn = _ask(server, "d1", "/v1/credit/loans", asked)
    assert (status, drawn["owed"]) == (200, "400.00")
    assert _ask(server, "d1", "/v1/credit/loans", asked)[1] == drawn
    loan = f"/v1/credit/loans/{drawn['loan_id']}"
    _, told = _ask(server, "", loan)
    assert len(told["schedule"]) == 3
    assert told["payoff"] == "400.00"
    _, paid = _ask(server, "y1", f"{loan}/payments", {"mode": "all"})
    assert (paid["status"], paid["paid"]) == ("closed", {"principal": "400.00"})
    _, back = _ask(server, "r1", f"{loan}/reversals", {"step": paid["step"]})
    assert (back["status"], back["owed"]) == ("active", "400.00")
    for at, change in enumerate(("reschedules", "re-ages")):
        no_day = {"count": 6, "first_due": "7484-29-50"}
        status, refused = _ask(server, f"n{at}", f"{loan}/{change}", no_day)
        assert (status, refused["code"]) == (422, "INVALID_PARAMETER")
    beyond = {"count": 85, "first_due": "9999-12-01"}
    status, refused = _ask(server, "n2", f"{loan}/reschedules", beyond)
    assert (status, refused["code"]) == (422, "CREDIT_TERMS_INVALID")
    _, slower = _ask(server, "s1", f"{loan}/reschedules", {"count": 12, "annual_rate": "0.08"})
    assert slower["owed"] == "400.00"
    assert len(_ask(server, "", loan)[1]["schedule"]) == 12
    assert _ask(server, "s2", f"{loan}/re-ages", {"count": 6})[1]["code"] == "LOAN_STATE_REFUSED"
    sale = {"buyer": "Bank B", "price": "390.00", "bank_id": "1"}
    _, sold = _ask(server, "s3", f"{loan}/sale", sale)
    assert (sold["status"], sold["owed"], sold["amount"]) == ("sold", "0.00", "390.00")
    dear = {**product, "product_id": "dear", "annual_rate": "0.30"}
    status, above = _ask(server, "p2", "/v1/credit/products", dear)
    assert (status, above["code"]) == (422, "CREDIT_RATE_ABOVE_CEILING")
    assert "above the ceiling of 24.0000 %" in above["detail"]
    assert json.dumps(told).count("event") >= 1


def test_a_bill_is_seen_and_only_paid_when_something_is_billed(
    running_server: ServerProcess,
) -> None:
    server = running_server
    borrower = server.credentials["buyers"][0]["party_id"]
    product = {
        "product_id": "rest-later", "name": "Later", "annual_rate": "0", "counts": [1],
        "amount_max": "1000.00", "pay_later": {"bill_day": 5, "due_day": 15,
                                               "instalment_fees": [{"count": 3, "rate": "0.02"}]},
    }  # fmt: skip
    assert _ask(server, "b1", "/v1/credit/products", product)[0] == 200
    bills = f"/v1/credit/bills/{borrower}/rest-later"
    assert _ask(server, "", bills)[1]["bills"] == []
    status, refused = _ask(server, "b2", f"{bills}/payments", {})
    assert (status, refused["code"]) == (409, "LOAN_NOTHING_TO_PAY")
    bearing = {**product, "annual_rate": "0.1"}
    assert _ask(server, "b3", "/v1/credit/products", bearing)[1]["code"] == "CREDIT_TERMS_INVALID"
