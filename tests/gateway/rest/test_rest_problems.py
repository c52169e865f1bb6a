"""Whatever goes wrong is answered as a problem (RFC 9457), and nothing has changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from litestar import Litestar
from tests.gateway.rest.rest_client import Answer, Rest, new_number
from tests.stores import settings_on

from tallystick.gateway.rest import routes
from tallystick.gateway.rest.api import OPERATIONS
from tallystick.gateway.rest.ledger import BULK_BYTES_MAX
from tallystick.gateway.rest.operation import BODY_BYTES_MAX
from tallystick.pipeline.refusals import REFUSALS
from tallystick.platform import Platform

JSON = {"content-type": "application/json"}


def post_text(rest: Rest, content: bytes, content_type: str = "application/json") -> Answer:
    headers = {"content-type": content_type, "idempotency-key": new_number()}
    return rest.send("POST", "/v1/trades", content=content, headers=headers)


def test_a_problem_says_what_a_person_and_a_program_need(rest: Rest) -> None:
    answer = rest.look("/v1/trades/2026112412345678901234567890")
    kind = REFUSALS["TRADE_NOT_EXIST"]
    assert answer.code == "TRADE_NOT_EXIST"
    assert answer.body["type"] == "/docs/refusals#TRADE_NOT_EXIST"
    assert (answer.body["title"], answer.body["title_zh"]) == (kind.english, kind.chinese)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/v1/trades/1/2/3", "/v1/Trades"])
def test_an_unknown_address_is_not_found(rest: Rest, path: str) -> None:
    answer = rest.look(path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/trades", {"GET", "POST", "OPTIONS"}),
        ("PUT", "/v1/trades/2026112412345678901234567890", {"GET", "OPTIONS"}),
        ("GET", "/v1/transfers", {"POST", "OPTIONS"}),
        ("TRACE", "/v1/holds", {"GET", "POST", "OPTIONS"}),
    ],
)
def test_a_method_that_an_address_does_not_take(
    rest: Rest, method: str, path: str, allowed: set[str]
) -> None:
    answer = rest.send(method, path)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert set(re.split(", ?", answer.headers["allow"])) == allowed


def test_options_names_every_method(rest: Rest) -> None:
    answer = rest.send("OPTIONS", "/v1/trades")
    assert answer.status == 204
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST", "OPTIONS"}


@pytest.mark.parametrize(
    "authorization", ["", "Basic eDp5", "Bearer", "Bearer tsk_sandbox_wrong", "Bearer \xe9", "tsk_"]
)
def test_without_a_valid_key_nothing_is_told(rest: Rest, authorization: str) -> None:
    headers = {"authorization": authorization}
    raw = httpx2.Headers([(k.encode(), v.encode("latin-1")) for k, v in headers.items()])
    reply = httpx2.get(f"{rest.base_url}/v1/trades", headers=raw)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.json()["code"] == "API_KEY_INVALID"


def test_the_key_is_asked_for_before_anything_is_read(rest: Rest) -> None:
    answer = rest.send("POST", "/v1/trades", content=b"{", headers={"authorization": "", **JSON})
    assert answer.code == "API_KEY_INVALID"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk",
     "application/jsonp"],
)  # fmt: skip
def test_a_body_that_is_not_json_is_not_taken(rest: Rest, content_type: str) -> None:
    answer = post_text(rest, b"{}", content_type)
    assert (answer.status, answer.code) == (415, "MEDIA_TYPE_UNSUPPORTED")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1,2", b"nul", b'{"a":1}x', b"\xff\xfe{}", b'{"out_trade_no":"\xff"}',
     b"[" * 100_000 + b"]", b'{"out_trade_no":"\\ud800"}', b"[]", b"12", b'"text"'],
)  # fmt: skip
def test_malformed_json_is_a_bad_request(rest: Rest, content: bytes) -> None:
    answer = post_text(rest, content[:60_000])
    assert (answer.status, answer.code) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 12.3}, "$.amount"),
        ({"amount": "12.345.6"}, "$.amount"),
        ({"amount": "1e3"}, "$.amount"),
        ({"out_trade_no": "A\n"}, "$.out_trade_no"),
        ({"out_trade_no": None}, "$.out_trade_no"),
        ({"pay_within_ms": "60000"}, "$.pay_within_ms"),
        ({"splits": [{"receiver_id": "x", "amount": "1"}]}, "$.splits[0].receiver_id"),
        ({"surprise": 1}, "$.surprise"),
        ({"settlement": "later"}, "$.settlement"),
    ],
)
def test_a_field_that_is_wrong_is_named(rest: Rest, change: dict[str, Any], field: str) -> None:
    order = {"out_trade_no": new_number(), "amount": "1.00", "subject": "x"}
    answer = rest.post("/v1/trades", order | change)
    assert (answer.status, answer.code, answer.body["field"]) == (400, "MALFORMED_REQUEST", field)


@pytest.mark.parametrize(
    ("amount", "currency"), [("12.345", "CNY"), ("1.5", "JPY"), ("0.00", "CNY"), ("0", "CNY")]
)
def test_an_amount_that_its_currency_does_not_have(rest: Rest, amount: str, currency: str) -> None:
    body = {"app_id": "2026000000000001", "out_trade_no": new_number(), "amount": amount,
            "subject": "x", "currency": currency}  # fmt: skip
    answer = rest.post("/v1/trades", body)
    assert (answer.status, answer.code) == (422, "INVALID_AMOUNT")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "query.limit"),
        ({"limit": "201"}, "query.limit"),
        ({"limit": "2e1"}, "query.limit"),
        ({"status": "null"}, "query.status"),
        ({"status": ""}, "query.status"),
        ({"surprise": "1"}, "query.surprise"),
        ({"app_id": "1"}, "query.app_id"),
        ({"limit": ["1", "2"]}, "query.limit"),
    ],
)
def test_a_query_parameter_that_is_wrong_is_named(
    rest: Rest, query: dict[str, Any], field: str
) -> None:
    answer = rest.look("/v1/trades", **query)
    assert (answer.status, answer.code, answer.body["field"]) == (400, "MALFORMED_REQUEST", field)


@pytest.mark.parametrize("number", ["1", "2026112412345678901234567890%0A", "%00", "%E4%B8%80"])
def test_a_number_in_the_path_that_is_none_is_named(rest: Rest, number: str) -> None:
    answer = rest.look(f"/v1/trades/{number}")
    assert (answer.status, answer.code, answer.body["field"]) == (
        400, "MALFORMED_REQUEST", "path.trade_no")  # fmt: skip


def test_a_body_beyond_its_operations_limit_is_refused(rest: Rest) -> None:
    fits = b'{"x":"' + b"a" * (BODY_BYTES_MAX - 8) + b'"}'
    assert post_text(rest, fits).code == "MALFORMED_REQUEST"
    answer = post_text(rest, fits + b" ")
    assert (answer.status, answer.code) == (413, "TOO_LARGE")
    bulk = {"idempotency-key": new_number(), **JSON}
    answer = rest.send("POST", "/v1/ledger/transfers", content=fits + b" ", headers=bulk)
    assert answer.code == "MALFORMED_REQUEST"
    large = b" " * (BULK_BYTES_MAX + 1)
    answer = rest.send("POST", "/v1/ledger/transfers", content=large, headers=bulk)
    assert answer.code == "TOO_LARGE"


def test_a_change_without_fields_needs_no_body(rest: Rest) -> None:
    trade = rest.new_trade()
    at = f"/v1/trades/{trade['trade_no']}"
    for way, status in (("ship", 409), ("close", 200)):
        answer = rest.send("POST", f"{at}/{way}", headers={"idempotency-key": new_number()})
        assert answer.status == status


def test_a_request_id_that_was_sent_is_kept(rest: Rest) -> None:
    answer = rest.send("GET", "/v1/nothing", headers={"x-request-id": "trace-17"})
    assert answer.headers["x-request-id"] == answer.body["request_id"] == "trace-17"


@asynccontextmanager
async def application(folder: Path) -> AsyncIterator[tuple[Litestar, Platform]]:
    """The API's application on a platform of its own, in this process."""
    platform = Platform.open(settings_on(folder / "data", sandbox=False))
    await platform.start()
    try:
        handlers, config = routes.rest_routes(platform), routes.rest_config(platform)
        yield Litestar(route_handlers=handlers, **config), platform
    finally:
        await platform.stop()


def test_a_fault_of_our_own_tells_nothing_of_its_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(call: Any, query: Any) -> Any:
        raise RuntimeError("the secret inside")

    spoilt = tuple(o._replace(run=broken) for o in OPERATIONS)
    monkeypatch.setattr(routes, "OPERATIONS", spoilt)
    monkeypatch.setattr("tallystick.gateway.rest.endpoint.identify", lambda *_: ANYBODY)

    async def ask() -> httpx2.Response:
        async with application(tmp_path) as (app, _):
            transport = httpx2.ASGITransport(app=app)  # type: ignore[arg-type]
            async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
                return await client.get("/v1/trades")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.text


class _Anybody:
    app_id = ""

    def require(self, scope: str) -> None:
        """May do everything."""


ANYBODY = _Anybody()
