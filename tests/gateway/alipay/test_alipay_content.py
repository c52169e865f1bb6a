"""Business content, encryption, timestamps and signed forms."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.alipay.client_side import PLATFORM_KEY, signs

from tallystick.gateway.alipay import aes, timestamps
from tallystick.gateway.alipay.faults import Fault, fault
from tallystick.gateway.alipay.page_return import return_location
from tallystick.gateway.alipay.schemas import SCHEMAS, decode_content, decode_query
from tallystick.gateway.alipay.schemas_trade import (
    TradePay,
    TradeQuery,
    TradeRoyaltyRelationBatchquery,
)
from tallystick.partners import notify_form

PAY = {"out_trade_no": "o-1", "total_amount": "12.30", "subject": "x", "auth_code": "28"}


def pay(**changes: object) -> msgspec.Struct | Fault:
    return decode_content("alipay.trade.pay", json.dumps(PAY | changes))


def test_a_payment_is_read_and_unknown_members_are_let_through() -> None:
    content = pay(settle_info={"settle_detail_infos": [{"amount": 12.3}]}, new_member=[1])
    assert isinstance(content, TradePay)
    assert (content.out_trade_no, content.total_amount) == ("o-1", "12.30")
    assert content.settle_info is not None
    assert content.settle_info.settle_detail_infos[0].amount == "12.3"


@pytest.mark.parametrize(
    "written", ["12.30", "12.3", "12", "0.1", "1e3", "100000000000000000.01", "12.345"]
)
def test_an_amount_keeps_its_digits_as_text_and_as_number(written: str) -> None:
    for token in (written, f'"{written}"'):
        text = json.dumps(PAY).replace('"12.30"', token)
        content = decode_content("alipay.trade.pay", text)
        assert isinstance(content, TradePay)
        assert content.total_amount == written


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"out_trade_no": ""}, "out_trade_no"),
        ({"out_trade_no": None}, "out_trade_no"),
        ({"total_amount": None}, "total_amount"),
        ({"auth_code": ""}, "auth_code or auth_no"),
        ({"sub_merchant": {}}, "sub_merchant.merchant_id"),
        ({"settle_info": {"settle_detail_infos": [{}]}}, "settle_info.settle_detail_infos[...]"),
    ],
)
def test_a_missing_parameter_is_named(changes: dict[str, object], detail: str) -> None:
    content = pay(**changes)
    assert isinstance(content, Fault)
    assert (content.code, content.sub_code) == ("40001", "isv.missing-parameter")
    assert content.detail.startswith(detail.replace("[...]", "["))


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"out_trade_no": 5}, "out_trade_no"),
        ({"out_trade_no": "x" * 65}, "out_trade_no"),
        ({"total_amount": True}, "total_amount"),
        ({"total_amount": {"a": 1}}, "total_amount"),
        ({"settle_info": [1]}, "settle_info"),
        ({"goods_detail": {"goods_id": "1"}}, "goods_detail"),
    ],
)
def test_an_invalid_parameter_is_named(changes: dict[str, object], detail: str) -> None:
    content = pay(**changes)
    assert content == fault("isv.invalid-parameter", detail)


@pytest.mark.parametrize("text", ["{", '{"a":}', "nul", b"\xff", '{"trade_no":"\\ud800"}'])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    assert decode_content("alipay.trade.query", text) == fault("isv.illegal-json")


@pytest.mark.parametrize("text", ["[1]", "1", '"x"', "null", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert decode_content("alipay.trade.query", text) == fault(
        "isv.invalid-parameter", "biz_content"
    )


def test_every_method_says_what_is_missing_or_takes_no_content() -> None:
    for method in SCHEMAS:
        content = decode_content(method, "")
        if method == "alipay.fund.account.query":
            assert not isinstance(content, Fault)
        else:
            assert isinstance(content, Fault)
            assert content.sub_code == "isv.missing-parameter"
            assert content.detail


def test_query_fields_are_read_like_json() -> None:
    fields = {"out_request_no": "1", "page_num": "2"}
    method = "alipay.trade.royalty.relation.batchquery"
    assert decode_query(method, fields) == TradeRoyaltyRelationBatchquery("1", 2)
    assert decode_query("alipay.trade.query", {"trade_no": "t"}) == TradeQuery(None, "t")
    assert decode_query("alipay.trade.query", {}) == fault(
        "isv.missing-parameter", "out_trade_no or trade_no"
    )


def test_a_known_ciphertext_is_made_and_opened() -> None:
    # Made with: openssl enc -aes-128-cbc -K 000102...0f -iv 0 -base64 -A
    assert aes.encrypt(b'{"a":1}', bytes(range(16))) == "OPu5otG1drB6dWFGfVTzTA=="
    assert aes.decrypt("OPu5otG1drB6dWFGfVTzTA==", bytes(range(16))) == b'{"a":1}'


@given(st.binary(max_size=100), st.sampled_from([16, 24, 32]))
def test_what_is_encrypted_is_decrypted(plain: bytes, size: int) -> None:
    assert aes.decrypt(aes.encrypt(plain, bytes(size)), bytes(size)) == plain


def test_no_ciphertext_is_a_fault() -> None:
    for text in ("", "AAAA", "?", "é", "AAAAAAAAAAAAAAAAAAAAAA=="):
        assert aes.decrypt(text, bytes(16)) == fault("isv.decryption-error-unknown")


HOUR_MS = 3_600_000
NOW_MS = 1_795_485_600_000
WINDOW_MS = 600_000


@pytest.mark.parametrize(
    ("drift_ms", "asked_ms"),
    [
        (0, 0),
        (WINDOW_MS, WINDOW_MS),
        (-WINDOW_MS, -WINDOW_MS),
        (-8 * HOUR_MS + 30_000, 30_000),
        (-10 * HOUR_MS - 30_000, -30_000),
        (WINDOW_MS + 1, None),
        (-WINDOW_MS - 1, None),
        (HOUR_MS, None),
        (-HOUR_MS, None),
        (7 * HOUR_MS, None),
        (-24 * HOUR_MS, None),
    ],
)
def test_a_stamp_is_of_now_on_an_accepted_wall_clock_only(
    drift_ms: int, asked_ms: int | None
) -> None:
    """The clocks are those of China, UTC and a server two hours west of it."""
    found = timestamps.moment_of(
        NOW_MS + drift_ms, NOW_MS, window_ms=WINDOW_MS, utc_offsets_min=(480, 0, -120)
    )
    assert found == (None if asked_ms is None else NOW_MS + asked_ms)


def test_china_utc_and_the_servers_own_clock_are_accepted_unless_configured() -> None:
    found = timestamps.accepted_offsets_min((), NOW_MS)
    assert found[:2] == (480, 0)
    assert len(found) <= 3
    assert timestamps.accepted_offsets_min((330,), NOW_MS) == (330,)


def test_the_servers_own_clock_is_that_of_the_season(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        winter_ms, summer_ms = 1_767_225_600_000, 1_782_864_000_000
        assert timestamps.accepted_offsets_min((), winter_ms) == (480, 0, 60)
        assert timestamps.accepted_offsets_min((), summer_ms) == (480, 0, 120)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_notification_signs_all_but_sign_and_sign_type() -> None:
    given_fields = {"trade_status": "TRADE_SUCCESS", "subject": "一 & 二=", "refund_fee": ""}
    fields = notify_form.signed_fields(given_fields, PLATFORM_KEY)
    text = "charset=utf-8&subject=一 & 二=&trade_status=TRADE_SUCCESS"
    assert signs(text.encode(), fields["sign"])
    assert fields["sign_type"] == "RSA2"
    received = dict(parse_qsl(notify_form.form_body(fields).decode(), strict_parsing=True))
    assert received == fields


def test_a_notification_is_sent_in_the_charset_of_the_app() -> None:
    fields = notify_form.signed_fields({"subject": "一 😀"}, PLATFORM_KEY, charset="gbk")
    body = notify_form.form_body(fields).decode()
    assert dict(parse_qsl(body, encoding="gbk")) == fields
    assert fields["subject"] == "一 ?"
    assert signs("charset=gbk&subject=一 ?".encode("gbk"), fields["sign"])


@pytest.mark.parametrize(
    ("return_url", "expected"),
    [
        ("http://shop.example/back", "http://shop.example/back?"),
        ("http://shop.example/back?o=1", "http://shop.example/back?o=1&"),
        ("http://shop.example/back#top", "http://shop.example/back?"),
    ],
)
def test_the_way_back_to_the_shop_carries_the_signed_fields(return_url: str, expected: str) -> None:
    fields = notify_form.signed_fields({"out_trade_no": "一"}, PLATFORM_KEY)
    location = return_location(return_url, fields)
    assert location.startswith(expected)
    parts = urlsplit(location)
    assert fields.items() <= dict(parse_qsl(parts.query)).items()
    assert parts.fragment == ("top" if "#" in return_url else "")
