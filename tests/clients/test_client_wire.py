"""What the real clients send to a browser and accept as a notification, without a server."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.clients.install import node_is_wanted
from tests.clients.runner import run_client
from tests.gateway.alipay.client_side import APP_KEY, PLATFORM_KEY

from tallystick.gateway.alipay.request_v2 import AlipayRequest, decode_v2, verify_v2
from tallystick.gateway.alipay.timestamps import accepted_offsets_min, moment_of
from tallystick.partners.notify_form import form_body, signed_fields

FORM = "application/x-www-form-urlencoded"
V2_CLIENTS = ["official", "community", *(["node-v2"] if node_is_wanted() else [])]
NOTIFY_CLIENTS = ["community", *(["node-v2"] if node_is_wanted() else [])]
SUBJECT = '一件商品 & "quoted" {braces} 100%'


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("keys")
    pkcs1 = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "app.pem").write_bytes(APP_KEY.private_bytes(*pkcs1))
    (folder / "platform.pem").write_bytes(PLATFORM_KEY.public_key().public_bytes(*spki))
    return {
        "gateway": "http://pay.example/gateway.do",
        "app_id": "2026000000000001",
        "app_private_key_path": str(folder / "app.pem"),
        "alipay_public_key_path": str(folder / "platform.pem"),
        "merchant_id": "2088000000000001",
        "out_trade_no": "o-1",
    }


def check(request: object) -> None:
    assert isinstance(request, AlipayRequest), request
    assert verify_v2(request, APP_KEY.public_key()) is None
    assert request.method == "alipay.trade.page.pay"
    assert json.loads(request.biz_content)["subject"] == SUBJECT
    assert request.notify_url == "http://shop.example/notify?from=alipay&x=1"
    assert request.return_url == "http://shop.example/回来"
    now_ms = time.time_ns() // 1_000_000
    asked_ms = moment_of(
        request.timestamp_ms,
        now_ms,
        window_ms=60_000,
        utc_offsets_min=accepted_offsets_min((), now_ms),
    )
    assert asked_ms is not None


def submitted(page: str) -> object:
    """The request that a browser makes of a page with one form.

    The clients escape quotes only. A browser leaves `&timestamp` in an attribute as it is, where
    Python's `html.unescape` would see `&times`.
    """
    action = re.search(r'<form[^>]* action="([^"]*)"', page)
    assert action is not None
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)
    body = urlencode({name: value.replace("&quot;", '"') for name, value in inputs})
    return decode_v2("POST", urlsplit(action[1]).query.encode(), body.encode(), FORM)


@pytest.mark.parametrize("client", V2_CLIENTS)
def test_what_a_client_sends_through_a_browser_is_read_and_verified(
    client: str, settings: dict[str, Any]
) -> None:
    made = run_client(client, settings | {"do": "pages"})
    check(decode_v2("GET", urlsplit(made["get"]).query.encode(), b"", ""))
    if "sdk" in made:
        check(decode_v2("POST", b"", made["sdk"].encode(), FORM))
    if "post" in made:
        check(submitted(made["post"]))


def test_the_official_python_client_signs_gbk(settings: dict[str, Any]) -> None:
    made = run_client("official", settings | {"do": "pages", "charset": "GBK"})
    for request in (
        decode_v2("GET", urlsplit(made["get"]).query.encode(), b"", ""),
        decode_v2("POST", b"", made["sdk"].encode(), FORM),
    ):
        check(request)
        assert isinstance(request, AlipayRequest)
        assert request.charset == "gbk"


def test_the_official_python_client_cannot_encrypt(settings: dict[str, Any]) -> None:
    """Its padding is text where its cipher wants bytes; the day this changes, we want to know."""
    made = run_client("official", settings | {"do": "encrypted", "aes_key": "A" * 22 + "=="})
    assert made["error"].startswith("TypeError")


@pytest.mark.parametrize("client", NOTIFY_CLIENTS)
@pytest.mark.parametrize("changed", [False, True])
def test_a_client_verifies_our_notifications(
    client: str, changed: bool, settings: dict[str, Any]
) -> None:
    fields = {"notify_id": "n-1", "trade_status": "TRADE_SUCCESS", "subject": SUBJECT, "body": ""}
    sent = signed_fields(fields, PLATFORM_KEY)
    assert form_body(sent)
    received = sent | ({"trade_status": "TRADE_CLOSED"} if changed else {})
    answer = run_client(client, settings | {"do": "notify", "fields": received})
    assert answer["verified"] is not changed
