"""Joint lending on a real server: quotas under many clients, and whose loans are whose."""

from __future__ import annotations

import base64
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from tests.server_process import ServerProcess

CLIENTS = 16


class Desk:
    """Asks a server with one key."""

    def __init__(self, server: ServerProcess, key: str = "") -> None:
        self.server = server
        self.headers = {"authorization": f"Bearer {key or server.rest_key}"}

    def post(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        answer = httpx.post(
            f"{self.server.base_url}{path}", json=body, timeout=120,
            headers={**self.headers, "idempotency-key": f"joint-{key}"},
        )  # fmt: skip
        return answer.status_code, answer.json()

    def get(self, path: str) -> tuple[int, Any]:
        answer = httpx.get(f"{self.server.base_url}{path}", headers=self.headers, timeout=120)
        return answer.status_code, answer.json()


def _setting(server: ServerProcess) -> tuple[Desk, dict[str, str]]:
    """A product of its own with two banks' programmes, and a key for each bank."""
    desk = Desk(server)
    product = {"product_id": "joint", "name": "Joint", "annual_rate": "0.12", "counts": [3],
               "amount_max": "100000.00"}  # fmt: skip
    assert desk.post("/v1/credit/products", product, "product")[0] == 200
    keys = {}
    for who in server.credentials["institutions"][:2]:
        name = who["login"].replace("-", "_")
        terms = {"products": ["joint"], "share": "0.5", "total_max": "10000.00",
                 "eligible": "score >= 600"}  # fmt: skip
        body = {"programme_id": name, "institution_id": who["institution_id"], "terms": terms}
        assert desk.post("/v1/credit/programmes", body, name)[0] == 200
        key = {"name": name, "scopes": ["institution:read", "institution:write"],
               "institution_id": who["institution_id"]}  # fmt: skip
        keys[who["institution_id"]] = _key(desk, key)
    return desk, keys


def _key(desk: Desk, body: Any) -> str:
    """A key of an institution."""
    status, made = desk.post("/v1/api-keys", body, f"key-{body['name']}")
    assert status == 201, made
    return str(made["api_key"])


@pytest.fixture(scope="module")
def setting(running_server: ServerProcess) -> tuple[Desk, dict[str, str]]:
    return _setting(running_server)


def _apply(desk: Desk, number: int, amount: str = "900.00", score: int = 700) -> Any:
    borrower = desk.server.credentials["buyers"][0]["party_id"]
    body = {"borrower_id": borrower, "product_id": "joint", "amount": amount, "count": 3,
            "facts": {"score": score, "region": "east"}}  # fmt: skip
    status, decided = desk.post("/v1/credit/funding", body, f"apply-{number}")
    assert status == 200, decided
    return decided


@pytest.mark.parametrize("eligible", ["0" * 4000, "true" + "&&true" * 600, "score"])
def test_rules_that_make_no_sense_are_not_simulated(
    setting: tuple[Desk, dict[str, str]], eligible: str
) -> None:
    desk, _ = setting
    terms = {"total_max": "1.00", "eligible": eligible}
    body = {"programmes": [{"programme_id": "no-sense", "terms": terms}]}
    status, refused = desk.post("/v1/credit/funding/simulate", body, "simulate")
    assert (status, refused["code"]) == (422, "FUNDING_TERMS_INVALID")
    assert "eligible: column" in refused["detail"]


def test_an_institution_sees_its_own_loans_and_nothing_else(
    setting: tuple[Desk, dict[str, str]],
) -> None:
    desk, keys = setting
    borrower = desk.server.credentials["buyers"][0]["party_id"]
    line = {"borrower_id": borrower, "product_id": "joint", "amount": "90000.00"}
    assert desk.post("/v1/credit/lines", line, "line")[0] == 200
    only_east = {"programme_id": "east_alone",
                 "institution_id": desk.server.credentials["institutions"][0]["institution_id"],
                 "terms": {"products": ["joint"], "total_max": "5000.00", "preference": 1,
                           "eligible": "score >= 900"}}  # fmt: skip
    assert desk.post("/v1/credit/programmes", only_east, "east-alone")[0] == 200
    decided = _apply(desk, 900, score=950)
    status, drawn = desk.post(f"/v1/credit/funding/{decided['decision_id']}/draw", {}, "draw-900")
    assert status == 200, drawn
    east, west = (Desk(desk.server, key) for key in keys.values())
    own = f"/v1/institution/loans/{drawn['loan_id']}"
    status, seen = east.get(own)
    assert (status, seen["owed"]["principal"]) == (200, "900.00")
    assert west.get(own)[0] == 404
    assert desk.get(own)[0] == 403
    assert east.get("/v1/credit/programmes")[0] == 403
    assert east.get(f"/v1/credit/loans/{drawn['loan_id']}")[0] == 403
    listed = east.get("/v1/institution/loans")[1]["items"]
    assert drawn["loan_id"] in {item["loan_id"] for item in listed}
    assert drawn["loan_id"] not in {
        item["loan_id"] for item in west.get("/v1/institution/loans")[1]["items"]
    }
    book = east.get("/v1/institution")[1]
    assert book["institution"]["kind"] == "funder"
    other = "2088000000000802-CNY-2026-11-25-payments.csv"
    assert east.get(f"/v1/institution/files/{other}")[0] == 404
    day = seen["flows"][0]["day"]
    report = (
        f"day,amount,currency,reference\n{day},-900.00,CNY,{drawn['loan_id']}\n{day},5.00,CNY,x\n"
    )
    body = {"day": day, "content_base64": base64.b64encode(report.encode()).decode()}
    status, told = east.post("/v1/institution/reports", body, "report")
    assert (status, told["lines"], told["matched"]) == (201, 2, 1)
    assert [d["side"] for d in told["differences"]] == ["institution"]
    bad = {"day": day, "content_base64": base64.b64encode(b"nothing\n").decode()}
    status, refused = east.post("/v1/institution/reports", bad, "report-2")
    assert (status, refused["code"]) == (422, "PARTNER_REPORT_MALFORMED")


def test_what_is_not_allowed_or_does_not_type_is_refused_by_name(
    setting: tuple[Desk, dict[str, str]],
) -> None:
    desk, _ = setting
    terms = {"total_max": "1000.00", "eligible": "score > 'high'"}
    body = {"programme_id": "bad", "institution_id": "2088000000000801", "terms": terms}
    status, refused = desk.post("/v1/credit/programmes", body, "bad")
    assert (status, refused["code"]) == (422, "FUNDING_TERMS_INVALID")
    assert "eligible: column 9" in refused["detail"]
    wide = {"name": "wide", "scopes": ["credit:write"], "institution_id": "2088000000000801"}
    assert desk.post("/v1/api-keys", wide, "wide")[1]["code"] == "INVALID_PARAMETER"
    nobody = {"name": "no", "scopes": ["institution:read"], "institution_id": "2088000000000101"}
    assert desk.post("/v1/api-keys", nobody, "nobody")[1]["code"] == "INSTITUTION_NOT_EXIST"


def test_sixteen_clients_never_oversell_a_quota(setting: tuple[Desk, dict[str, str]]) -> None:
    desk, _ = setting
    borrower = desk.server.credentials["buyers"][0]["party_id"]
    line = {"borrower_id": borrower, "product_id": "joint", "amount": "90000.00"}
    assert desk.post("/v1/credit/lines", line, "line-2")[0] == 200

    def client(number: int) -> str:
        decided = _apply(desk, number, "1900.00")
        if decided["status"] == "reserved" and number % 2:
            path = f"/v1/credit/funding/{decided['decision_id']}"
            what = "draw" if number % 4 == 1 else "cancel"
            assert desk.post(f"{path}/{what}", {}, f"{what}-{number}")[0] == 200
        return str(decided["status"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = Counter(pool.map(client, range(3 * CLIENTS)))
    assert found["declined"]
    assert found["reserved"]
    for item in desk.get("/v1/credit/programmes")[1]["items"]:
        if item["programme"]["programme_id"] in ("east_bank", "west_bank"):
            together = Decimal(item["used"]) + Decimal(item["reserved"])
            assert 0 < together <= Decimal(item["total_max"])
