"""Merchants' credit over REST: an offer on sales, an invoice from notice to last payment."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx2 as httpx
from tests.server_process import ServerProcess


def _ask(server: ServerProcess, path: str, key: str = "", body: Any = None) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {server.credentials['rest_key']}"}
    url = f"{server.base_url}/v1/credit/{path}"
    if not key:
        answer = httpx.get(url, headers=headers)
    else:
        answer = httpx.post(url, headers={**headers, "idempotency-key": f"mc-{key}"}, json=body)
    return answer.status_code, answer.json()


def test_a_product_is_offered_by_policy_and_history_decides(running_server: ServerProcess) -> None:
    server = running_server
    buyer = server.credentials["buyers"][0]["party_id"]
    product = {
        "product_id": "rest-sales", "name": "On sales", "annual_rate": "0.10", "counts": [3],
        "amount_max": "1000.00",
    }  # fmt: skip
    assert _ask(server, "products", "p", product)[0] == 200
    policy = {"product_id": "rest-sales", "policy": {"share_rate": "0"}}
    assert _ask(server, "merchant-products", "o1", policy)[1]["code"] == "CREDIT_TERMS_INVALID"
    policy = {"product_id": "rest-sales", "policy": {"share_rate": "0.2"}}
    assert _ask(server, "merchant-products", "o2", policy)[0] == 200
    status, said = _ask(server, f"merchant-offers/{buyer}/rest-sales")
    assert (status, said["code"]) == (422, "MERCHANT_HISTORY_SHORT")
    asked = {"merchant_id": buyer, "product_id": "rest-sales", "amount": "5.00", "count": 3}
    assert _ask(server, "merchant-loans", "d", asked)[1]["code"] == "NOT_PERMITTED"


def test_an_invoice_from_its_notice_to_the_last_payment(running_server: ServerProcess) -> None:
    server = running_server
    seller, debtor = (b["party_id"] for b in server.credentials["buyers"][:2])
    terms = {"product_id": "rest-invoices", "retry_days": [3, 1]}
    assert _ask(server, "receivable-terms", "t1", terms)[1]["code"] == "CREDIT_TERMS_INVALID"
    assert _ask(server, "receivable-terms", "t2", {**terms, "retry_days": [0, 3]})[0] == 200
    invoice = {
        "seller_id": seller, "debtor_id": debtor, "number": "REST-1", "amount": "100.00",
        "due_day": (date.today() + timedelta(days=60)).isoformat(),  # noqa: DTZ011
    }  # fmt: skip
    _, made = _ask(server, "receivables", "i1", invoice)
    at = f"receivables/{made['receivable_id']}"
    wanted = {"product_id": "rest-invoices"}
    _, told = _ask(server, f"{at}/offers")
    (offer,) = [o for o in told["offers"] if o["product_id"] == "rest-invoices"]
    assert (offer["advance"], offer["refused"]) == ("80.00", "RECEIVABLE_NOT_ACKNOWLEDGED")
    assert 0.094 < float(offer["all_in"]) < 0.096
    said = _ask(server, f"{at}/financing", "f0", wanted)[1]
    assert said["code"] == "RECEIVABLE_NOT_ACKNOWLEDGED"
    assert _ask(server, f"{at}/answers", "a", {"accepted": True})[1]["status"] == "acknowledged"
    _, assigned = _ask(server, f"{at}/financing", "f1", wanted)
    assert (assigned["status"], assigned["advance"]) == ("assigned", "80.00")
    assert assigned["fee"] == offer["fee"]
    reduced = {"amount": "5.00", "reason": "returned"}
    assert _ask(server, f"{at}/reductions", "r", reduced)[1]["face_left"] == "95.00"
    _, paid = _ask(server, f"{at}/payments", "y", {"bank_id": "1"})
    assert (paid["status"], paid["owed"], paid["face_left"]) == ("settled", "0.00", "0.00")
    _, told = _ask(server, at)
    kinds = [event["kind"] for event in told["events"]]
    assert kinds == ["notice", "acknowledged", "advance", "reduced", "collected"]
    _, found = _ask(server, f"receivables?seller_id={seller}&status=settled")
    assert told in found["receivables"]
    trade = {**wanted, "trade_no": "2026112412345678901234567890"}
    assert _ask(server, "trade-financing", "tf", trade)[1]["code"] == "TRADE_NOT_EXIST"
