"""Protocol v3: paths, the authorization header, signed headers, encryption."""

from __future__ import annotations

import json

import pytest
from tests.gateway.alipay.client_side import APP_KEY, PLATFORM_KEY, signature, signs

from tallystick.gateway.alipay import aes, v3
from tallystick.gateway.alipay.faults import Fault, Rejected, fault
from tallystick.gateway.alipay.schemas import SCHEMAS
from tallystick.partners import rsa2

KEY = APP_KEY.public_key()
AUTH = "app_id=2026000000000001,nonce=5f9e,timestamp=1795485600000"


def headers_for(
    method: str, target: str, body: str = "", auth: str = AUTH, token: str = ""
) -> dict[str, str]:
    text = f"{auth}\n{method}\n{target}\n{body}\n" + (f"{token}\n" if token else "")
    headers = {"authorization": f"ALIPAY-SHA256withRSA {auth},sign={signature(text.encode())}"}
    return headers | ({"alipay-app-auth-token": token} if token else {})


def decoded(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> v3.V3Request:
    request = v3.decode_v3(method, target, headers, body)
    assert isinstance(request, v3.V3Request), request
    return request


def test_a_post_is_read_and_verified() -> None:
    body = '{"out_trade_no":"一"}'
    headers = headers_for("POST", "/v3/alipay/trade/query", body)
    headers["alipay-request-id"] = "r-1"
    request = decoded("POST", "/v3/alipay/trade/query", headers, body.encode())
    assert v3.verify_v3(request, KEY) is None
    assert request.method == "alipay.trade.query"
    assert request.app_id == "2026000000000001"
    assert (request.nonce, request.timestamp_ms) == ("5f9e", 1795485600000)
    assert (request.request_id, request.body) == ("r-1", body.encode())


def test_a_get_signs_its_query_and_its_body_counts_for_nothing() -> None:
    target = "/v3/alipay/fund/account/query?alipay_user_id=2088&account_type=A+B%2C"
    request = decoded("GET", target, headers_for("GET", target), b'{"smuggled":1}')
    assert v3.verify_v3(request, KEY) is None
    assert request.query == {"alipay_user_id": "2088", "account_type": "A B,"}
    assert request.body == b""


def test_certificate_numbers_further_values_and_an_app_auth_token_are_signed_too() -> None:
    auth = "app_id=1,app_cert_sn=abc,nonce=n,timestamp=1,expired_seconds=60"
    path = "/v3/alipay/trade/pay"
    headers = headers_for("POST", path, "{}", auth, token="token-1")
    request = decoded("POST", path, headers, b"{}")
    assert v3.verify_v3(request, KEY) is None
    assert request.app_auth_token == "token-1"
    for changed in ({"alipay-app-auth-token": "token-2"}, {"alipay-app-auth-token": ""}):
        other = decoded("POST", path, headers | changed, b"{}")
        assert v3.verify_v3(other, KEY) == fault("isv.invalid-signature")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v3/alipay/trade/pay", b'{"a":2}'),
        ("POST", "/v3/alipay/trade/refund", b'{"a":1}'),
        ("POST", "/v3/alipay/trade/pay?a=1", b'{"a":1}'),
        ("PUT", "/v3/alipay/trade/pay", b'{"a":1}'),
    ],
)
def test_a_signature_does_not_fit_another_request(method: str, target: str, body: bytes) -> None:
    headers = headers_for("POST", "/v3/alipay/trade/pay", '{"a":1}')
    request = decoded(method, target, headers, body)
    assert v3.verify_v3(request, KEY) == fault("isv.invalid-signature")


@pytest.mark.parametrize(
    ("header", "sub_code"),
    [
        ("", "isv.missing-signature"),
        ("Bearer abc", "isv.invalid-signature-type"),
        ("ALIPAY-SHA256withRSA " + AUTH, "isv.missing-signature"),
        ("ALIPAY-SHA256withRSA ,sign=x", "isv.missing-signature"),
        ("ALIPAY-SHA256withRSA nonce=n,timestamp=1,sign=x", "isv.missing-app-id"),
        ("ALIPAY-SHA256withRSA app_id=1,timestamp=1,sign=x", "isv.missing-nonce"),
        ("ALIPAY-SHA256withRSA app_id=1,nonce=n,sign=x", "isv.missing-timestamp"),
        ("ALIPAY-SHA256withRSA app_id=1,nonce=n,timestamp=1e3,sign=x", "isv.invalid-timestamp"),
        ("ALIPAY-SHA256withRSA app_id=1,app_id=2,nonce=n,timestamp=1,sign=x",
         "isv.invalid-parameter"),
    ],
)  # fmt: skip
def test_a_faulty_authorization_header_is_refused_by_name(header: str, sub_code: str) -> None:
    refused = v3.decode_v3("POST", "/v3/alipay/trade/pay", {"authorization": header}, b"{}")
    assert isinstance(refused, Rejected)
    assert refused.fault.sub_code == sub_code
    assert refused.method == "alipay.trade.pay"


def test_paths_and_methods_are_each_others_reverse() -> None:
    for method in SCHEMAS:
        assert v3.method_of(v3.path_of(method)) == method
    for path in ("", "/v3/", "/v3/alipay", "/v3/alipay/trade/", "/v3/alipay/../x", "/v3/koubei/a",
                 "/v2/alipay/trade/pay", "/v3/alipay/trade.pay"):  # fmt: skip
        assert v3.method_of(path) == ""


def test_an_answer_is_signed_in_its_headers() -> None:
    body = '{"subject":"一"}'.encode()
    signature = rsa2.sign(v3.answer_text(body, now_ms=5, nonce="n"), PLATFORM_KEY)
    headers = v3.answer_headers(signature, now_ms=5, nonce="n", trace_id="t")
    assert signs(b"5\nn\n" + body + b"\n", headers["alipay-signature"])
    assert (headers["alipay-timestamp"], headers["alipay-nonce"]) == ("5", "n")
    assert headers["alipay-trace-id"] == "t"


def test_an_encrypted_request_is_opened_and_its_answer_sealed() -> None:
    key = bytes(range(16))
    sealed = aes.encrypt(b'{"a":1}', key)
    headers = headers_for("POST", "/v3/alipay/trade/pay", sealed)
    headers["alipay-encrypt-type"] = "AES"
    request = decoded("POST", "/v3/alipay/trade/pay", headers, sealed.encode())
    assert v3.verify_v3(request, KEY) is None
    assert request.encrypted
    assert v3.open_body(request, key) == b'{"a":1}'
    assert aes.decrypt(v3.seal_body(b"answer", key).decode(), key) == b"answer"
    other = decoded("POST", "/v3/alipay/trade/pay", headers, b"\xff")
    assert v3.open_body(other, key) == fault("isv.decryption-error-unknown")
    refused = v3.decode_v3("POST", "/v3/alipay/trade/pay",
                           headers | {"alipay-encrypt-type": "DES"}, b"")  # fmt: skip
    assert isinstance(refused, Rejected)
    assert refused.fault.sub_code == "isv.invalid-encrypt-type"


def test_an_error_is_plain_json_with_the_code_of_v3() -> None:
    refused = fault("isv.invalid-signature")
    assert isinstance(refused, Fault)
    assert refused.v3_status == 400
    assert json.loads(v3.error_body(refused)) == {
        "code": "invalid-signature",
        "message": refused.sub_message,
    }
