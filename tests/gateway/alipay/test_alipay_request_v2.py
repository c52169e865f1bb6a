"""Requests of /gateway.do: what is read, what is signed, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.alipay.client_side import APP_KEY, COMMON, PLATFORM_KEY, query_of, signed

from tallystick.gateway.alipay.faults import Rejected
from tallystick.gateway.alipay.form import PARAMETERS_MAX
from tallystick.gateway.alipay.request_v2 import AlipayRequest, decode_v2, verify_v2

FORM = "application/x-www-form-urlencoded;charset=utf-8"
KEY = APP_KEY.public_key()

BIZ = json.dumps({"out_trade_no": "o-1", "subject": "一件商品 & {x}"}, ensure_ascii=False)


def accepted(query: bytes, body: bytes = b"", content_type: str = FORM) -> AlipayRequest:
    request = decode_v2("POST" if body else "GET", query, body, content_type)
    assert isinstance(request, AlipayRequest), request
    assert verify_v2(request, KEY) is None
    return request


def refused(parameters: dict[str, str], charset: str = "utf-8") -> Rejected:
    request = decode_v2("GET", query_of(parameters, charset), b"", "")
    assert isinstance(request, Rejected)
    return request


def test_the_same_request_is_read_from_query_body_and_both() -> None:
    parameters = signed(COMMON | {"biz_content": BIZ, "notify_url": "http://shop.example/n?a=b"})
    common = {name: text for name, text in parameters.items() if name != "biz_content"}
    everything = query_of(parameters)
    readings = [
        accepted(everything),
        accepted(b"", everything),
        accepted(query_of(common), query_of({"biz_content": BIZ})),
    ]
    assert readings[0] == readings[1] == readings[2]
    assert readings[0].biz_content == BIZ
    assert readings[0].notify_url == "http://shop.example/n?a=b"
    assert readings[0].timestamp_ms == 1795485600000


@pytest.mark.parametrize("charset", ["GBK", "gb2312", "GB18030", "UTF-8", "utf8"])
def test_values_are_read_and_signed_in_the_charset_of_the_request(charset: str) -> None:
    parameters = COMMON | {"charset": charset, "biz_content": '{"subject":"中文商品"}'}
    request = accepted(query_of(signed(parameters, charset), charset))
    assert request.biz_content == '{"subject":"中文商品"}'


def test_text_that_is_not_in_the_charset_is_refused_for_its_method() -> None:
    parameters = signed(COMMON | {"biz_content": '{"subject":"中文"}'}, "gbk")
    answer = refused(parameters, "gbk")
    assert answer.fault.sub_code == "isv.invalid-charset"
    assert answer.method == COMMON["method"]


@pytest.mark.parametrize(
    ("name", "sub_code"),
    [
        ("app_id", "isv.missing-app-id"),
        ("method", "isv.missing-method"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("charset", "isv.missing-charset"),
    ],
)
def test_a_missing_common_parameter_is_named(name: str, sub_code: str) -> None:
    parameters = signed(COMMON)
    assert refused(parameters | {name: ""}).fault.sub_code == sub_code
    del parameters[name]
    answer = refused(parameters)
    assert (answer.fault.code, answer.fault.sub_code) == ("40001", sub_code)


@pytest.mark.parametrize(
    ("name", "value", "sub_code"),
    [
        ("charset", "latin-1", "isv.invalid-charset"),
        ("sign_type", "RSA", "isv.invalid-signature-type"),
        ("sign_type", "rsa2", "isv.invalid-signature-type"),
        ("version", "2.0", "isv.invalid-version"),
        ("format", "xml", "isv.invalid-format"),
        ("encrypt_type", "DES", "isv.invalid-encrypt-type"),
        ("timestamp", "2026-11-24T10:00:00", "isv.invalid-timestamp"),
        ("timestamp", "2026-02-30 10:00:00", "isv.invalid-timestamp"),
    ],
)
def test_an_unsupported_common_parameter_is_named(name: str, value: str, sub_code: str) -> None:
    answer = refused(signed(COMMON | {name: value}))
    assert (answer.fault.code, answer.fault.sub_code) == ("40002", sub_code)
    assert (answer.app_id, answer.method) == (COMMON["app_id"], COMMON["method"])


def test_a_parameter_given_twice_is_refused_wherever_it_stands() -> None:
    query = query_of(signed(COMMON))
    for extra in (b"app_id=2", b"%61pp_id=2"):
        for request in (
            decode_v2("GET", query + b"&" + extra, b"", ""),
            decode_v2("POST", query, extra, FORM),
        ):
            assert isinstance(request, Rejected)
            assert request.fault.sub_code == "isv.invalid-parameter"
            assert "app_id is given twice" in request.fault.detail


def test_a_flood_of_parameters_is_refused() -> None:
    request = decode_v2("GET", b"&".join(b"a%d=1" % i for i in range(PARAMETERS_MAX + 1)), b"", "")
    assert isinstance(request, Rejected)
    assert request.fault.sub_code == "isv.invalid-parameter"


def test_a_body_that_is_no_form_is_refused() -> None:
    request = decode_v2("POST", query_of(signed(COMMON)), b"{}", "application/json")
    assert isinstance(request, Rejected)
    assert request.fault.sub_code == "isv.invalid-content-type"


def test_empty_parameters_may_be_signed_or_left_out_of_what_is_signed() -> None:
    for parameters in (signed(COMMON) | {"return_url": ""}, signed(COMMON | {"return_url": ""})):
        assert accepted(query_of(parameters)).return_url == ""
    other = decode_v2("GET", query_of(signed(COMMON | {"a": "1"}) | {"a": ""}), b"", "")
    assert isinstance(other, AlipayRequest)
    assert verify_v2(other, KEY) is not None


def test_parameters_of_no_common_name_are_kept_and_signed() -> None:
    request = accepted(query_of(signed(COMMON | {"alipay_sdk": "x", "ws_service_url": "y"})))
    assert request.fields == {"alipay_sdk": "x", "ws_service_url": "y"}


def test_another_apps_key_does_not_verify() -> None:
    request = accepted(query_of(signed(COMMON)))
    fault = verify_v2(request, PLATFORM_KEY.public_key())
    assert fault is not None
    assert fault.sub_code == "isv.invalid-signature"


SENT = query_of(signed(COMMON | {"biz_content": BIZ, "notify_url": "http://shop.example/n"}))


@settings(max_examples=300)
@given(st.integers(0, len(SENT) - 1), st.integers(1, 255))
def test_no_changed_byte_gives_another_request_that_verifies(at: int, change: int) -> None:
    mutated = bytearray(SENT)
    mutated[at] ^= change
    request = decode_v2("GET", bytes(mutated), b"", "")
    if isinstance(request, AlipayRequest) and verify_v2(request, KEY) is None:
        # Only another spelling of the very same request: `%3a` is `%3A`.
        assert request == accepted(SENT)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@given(st.dictionaries(st.from_regex(r"[a-z_]{3,12}", fullmatch=True), TEXTS, max_size=8))
def test_whatever_a_client_signs_verifies_and_reads_back(extra: dict[str, str]) -> None:
    extra = {name: text for name, text in extra.items() if name not in {*COMMON, "sign"}}
    extra.pop("encrypt_type", None)
    request = accepted(query_of(signed(COMMON | extra)))
    known = {"biz_content", "notify_url", "return_url", "app_auth_token"}
    assert request.fields == {name: extra[name] for name in extra if name not in known}


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(query: bytes, body: bytes) -> None:
    assert isinstance(decode_v2("POST", query, body, FORM), AlipayRequest | Rejected)
