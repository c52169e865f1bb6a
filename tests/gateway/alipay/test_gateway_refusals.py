"""Whatever is wrong with a request has its documented error, and nothing changes.

Each case is sent to the running server; every table is compared before and after.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from tests.gateway.alipay.client_side import APP_KEY, signature, verifies
from tests.gateway.alipay.marketplace import CHANGING, RETIRED, SECOND_KEY, Marketplace, prepare
from tests.gateway.alipay.shop import FORM, Auditor, Shop, china_now, new_number
from tests.gateway.rest.rest_client import wait_for_partner_days

PAY = "alipay.trade.pay"

# What goes on by itself while a test looks: deliveries of earlier tests' notifications, and heads.
BACKGROUND = frozenset(
    {"notification", "notification_attempt", "timer", "outbox", "ledger_head", "ledger_page"}
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """A marketplace of its own: what other tests began may not go on in it meanwhile."""
    made = prepare(tmp_path_factory.mktemp("refusals") / "data")
    made.server.start()
    wait_for_partner_days(made.server.data)
    yield made
    made.close()


@pytest.fixture
def nothing_changes(auditor: Auditor) -> Iterator[None]:
    """Fail when a test that expects refusals has changed any table."""
    before = auditor.tables(without=BACKGROUND)
    yield
    assert auditor.tables(without=BACKGROUND) == before


@pytest.fixture
def paying(shop: Shop) -> dict[str, str]:
    """A payment that would be accepted, unsigned."""
    return shop.parameters(PAY, shop.order(auth_code=shop.server.buyer_code))


def changed(given: dict[str, str], change: dict[str, str | None]) -> dict[str, str]:
    return {k: v for k, v in (given | change).items() if v is not None}


WRONG_COMMON: list[tuple[dict[str, str | None], str, str]] = [
    ({"app_id": None}, "40001", "isv.missing-app-id"),
    ({"method": None}, "40001", "isv.missing-method"),
    ({"sign_type": None}, "40001", "isv.missing-signature-type"),
    ({"timestamp": None}, "40001", "isv.missing-timestamp"),
    ({"version": None}, "40001", "isv.missing-version"),
    ({"charset": None}, "40001", "isv.missing-charset"),
    ({"app_id": "2026000000009999"}, "40002", "isv.invalid-app-id"),
    ({"method": "alipay.trade.steal"}, "40002", "isv.invalid-method"),
    ({"method": "../../etc/passwd"}, "40002", "isv.invalid-method"),
    ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
    ({"sign_type": "none"}, "40002", "isv.invalid-signature-type"),
    ({"charset": "utf-16"}, "40002", "isv.invalid-charset"),
    ({"format": "xml"}, "40002", "isv.invalid-format"),
    ({"version": "2.0"}, "40002", "isv.invalid-version"),
    ({"encrypt_type": "DES"}, "40002", "isv.invalid-encrypt-type"),
    ({"timestamp": "yesterday"}, "40002", "isv.invalid-timestamp"),
    ({"timestamp": "2020-01-01 00:00:00"}, "40002", "isv.invalid-timestamp"),
    ({"biz_content": "{"}, "40002", "isv.illegal-json"),
    ({"biz_content": "[]"}, "40002", "isv.invalid-parameter"),
    ({"biz_content": "[" * 100_000}, "40002", "isv.invalid-parameter"),
    ({"encrypt_type": "AES"}, "40002", "isv.decryption-error-unknown"),
    ({"notify_url": "shop.example/notify"}, "40002", "isv.invalid-parameter"),
    ({"return_url": "javascript:alert(1)"}, "40002", "isv.invalid-parameter"),
]


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(("change", "code", "sub_code"), WRONG_COMMON)
def test_a_wrong_common_parameter_is_refused_by_name(
    shop: Shop,
    paying: dict[str, str],
    change: dict[str, str | None],
    code: str,
    sub_code: str,
) -> None:
    answer = shop.read(shop.send(shop.sign(changed(paying, change))))
    assert (answer["code"], answer["sub_code"]) == (code, sub_code)
    assert answer["msg"]
    assert answer["sub_msg"]
    method = changed(paying, change).get("method")
    assert answer["_key"] == ("alipay_trade_pay_response" if method == PAY else "error_response")


@pytest.mark.usefixtures("nothing_changes")
def test_a_request_without_or_with_a_wrong_signature_is_refused(
    shop: Shop, paying: dict[str, str]
) -> None:
    answer = shop.read(shop.send(paying))
    assert (answer["code"], answer["sub_code"]) == ("40001", "isv.missing-signature")
    signed = shop.sign(paying)
    for wrong in (
        signed | {"sign": signed["sign"][::-1]},
        signed | {"sign": "AAAA"},
        signed | {"sign": "é"},
        signed | {"sign": signed["sign"] + "="},
        signed | {"notify_url": "http://thief.example/"},
        signed | {"biz_content": signed["biz_content"].replace("100.00", "000.01")},
        signed | {"app_id": "2026000000000002"},
    ):
        answer = shop.read(shop.send(wrong))
        assert (answer["code"], answer["sub_code"]) == ("40002", "isv.invalid-signature")


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(
    ("content", "code", "named"),
    [
        ({"total_amount": None}, "40001", "total_amount"),
        ({"out_trade_no": None}, "40001", "out_trade_no"),
        ({"out_trade_no": ""}, "40001", "out_trade_no"),
        ({"subject": None}, "40001", "subject"),
        ({"auth_code": None}, "40001", "auth_code or auth_no"),
        ({"out_trade_no": "x" * 65}, "40002", "out_trade_no"),
        ({"out_trade_no": {"a": 1}}, "40002", "out_trade_no"),
        ({"subject": ["x"]}, "40002", "subject"),
        ({"settle_info": {"settle_detail_infos": [{}]}}, "40001", "amount"),
        ({"settle_info": {"settle_detail_infos": 5}}, "40002", "settle_info.settle_detail_infos"),
        ({"total_amount": True}, "40002", "total_amount"),
        ({"total_amount": "12.345"}, "40004", "total_amount"),
        ({"total_amount": "1e3"}, "40004", "total_amount"),
        ({"total_amount": "99999999999999999999"}, "40004", "total_amount"),
    ],
)
def test_a_missing_or_malformed_parameter_is_named(
    shop: Shop, content: dict[str, object], code: str, named: str
) -> None:
    order = shop.order(auth_code=shop.server.buyer_code) | content
    order = {k: v for k, v in order.items() if v is not None}
    answer = shop.call(PAY, order)
    assert answer["code"] == code, answer
    assert named in answer["sub_msg"]


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("drift_s", [-3600, 3600, -7200, 5 * 3600, 86_400])
def test_an_old_or_future_stamp_is_refused(shop: Shop, drift_s: int) -> None:
    answer = shop.call(PAY, shop.order(auth_code="28"), timestamp=china_now(drift_s))
    assert answer["sub_code"] == "isv.invalid-timestamp"


@pytest.mark.parametrize("offset_h", [8, 0])
def test_a_stamp_of_china_or_utc_is_accepted(shop: Shop, offset_h: int) -> None:
    shop.done("alipay.trade.create", shop.order(), timestamp=china_now(offset_h=offset_h))


@pytest.mark.usefixtures("nothing_changes")
def test_an_oversized_body_is_refused(shop: Shop, paying: dict[str, str]) -> None:
    big = shop.sign(paying | {"padding": "x" * 3_000_000})
    body = urlencode(big).encode()
    reply = shop.http("POST", "/gateway.do", body, {"content-type": FORM})
    shop.hang_up()
    answer = shop.read(reply)
    assert (answer["code"], answer["sub_code"]) == ("40002", "isv.request-too-large")
    target = "/v3/alipay/trade/pay"
    body = b'"' + b"x" * 3_000_000 + b'"'
    reply = shop.http("POST", target, body, shop.v3_headers("POST", target, body))
    shop.hang_up()
    assert reply.status == 413
    assert shop.read_v3(reply)["code"] == "request-too-large"


@pytest.mark.usefixtures("nothing_changes")
def test_a_content_type_or_a_verb_that_is_none_of_the_protocols_is_refused(
    shop: Shop, paying: dict[str, str]
) -> None:
    body = urlencode(shop.sign(paying)).encode()
    reply = shop.http("POST", "/gateway.do", body, {"content-type": "text/xml"})
    assert shop.read(reply)["sub_code"] == "isv.invalid-content-type"
    for verb in ("PUT", "DELETE", "PATCH"):
        reply = shop.http(verb, "/gateway.do?" + body.decode())
        assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")
        assert reply.json["error_response"]["sub_code"] == "isv.invalid-method"


@pytest.mark.usefixtures("nothing_changes")
def test_a_parameter_that_comes_twice_is_refused(shop: Shop, paying: dict[str, str]) -> None:
    signed = shop.sign(paying)
    target = "/gateway.do?" + urlencode(signed)
    reply = shop.http("POST", target, urlencode({"biz_content": "{}"}).encode(),
                      {"content-type": FORM})  # fmt: skip
    answer = shop.read(reply)
    assert answer["sub_code"] == "isv.invalid-parameter"
    assert "biz_content is given twice" in answer["sub_msg"]


@pytest.mark.usefixtures("nothing_changes")
def test_a_disabled_app_is_refused(market: Marketplace) -> None:
    shop = market.disabled
    answer = shop.call("alipay.trade.create", shop.order())
    assert (answer["code"], answer["sub_code"]) == ("40006", "isv.app-disabled")
    answer = shop.call_v3("/v3/alipay/trade/create", shop.order())
    assert (answer["status"], answer["code"]) == (403, "app-disabled")


def test_both_keys_of_an_app_count_while_they_change(market: Marketplace) -> None:
    for key in (APP_KEY, SECOND_KEY):
        shop = market.shop(CHANGING, key)
        shop.done("alipay.trade.create", shop.order())
        assert shop.call_v3("/v3/alipay/trade/create", shop.order())["trade_no"]


def test_a_retired_key_counts_no_more(market: Marketplace, auditor: Auditor) -> None:
    before = auditor.count("trade")
    old, new = market.shop(RETIRED, APP_KEY), market.shop(RETIRED, SECOND_KEY)
    answer = old.call("alipay.trade.create", old.order())
    assert answer["sub_code"] == "isv.invalid-signature"
    answer = old.call_v3("/v3/alipay/trade/create", old.order())
    assert (answer["status"], answer["code"]) == (400, "invalid-signature")
    assert auditor.count("trade") == before
    new.done("alipay.trade.create", new.order())


def test_the_same_signed_request_twice_is_one_payment_with_one_answer(
    shop: Shop, auditor: Auditor, paying: dict[str, str]
) -> None:
    signed = shop.sign(paying)
    transfers = auditor.count("ledger_transfer")
    first = shop.send(signed)
    once = auditor.count("ledger_transfer")
    assert shop.read(first)["code"] == "10000"
    assert once > transfers
    assert shop.send(signed).body == first.body
    # The same pieces in another order and place are the same request.
    body = urlencode(sorted(signed.items(), reverse=True)).encode()
    assert shop.http("POST", "/gateway.do", body, {"content-type": FORM}).body == first.body
    assert auditor.count("ledger_transfer") == once


# Version 3.


@pytest.mark.usefixtures("nothing_changes")
def test_v3_refuses_a_wrong_signature_stamp_path_and_body(shop: Shop) -> None:
    target = "/v3/alipay/trade/pay"
    body = json.dumps(shop.order(auth_code=shop.server.buyer_code)).encode()
    right = shop.v3_headers("POST", target, body)
    cases: list[tuple[str, bytes, dict[str, str], int, str]] = [
        (target, body, {}, 400, "missing-signature"),
        (target, body + b" ", right, 400, "invalid-signature"),
        ("/v3/alipay/trade/create", body, right, 400, "invalid-signature"),
        (target + "?a=1", body, right, 400, "invalid-signature"),
        (target, body, shop.v3_headers("POST", target, body, drift_ms=-3_600_000), 400,
         "invalid-timestamp"),
        (target, body, shop.v3_headers("POST", target, body, drift_ms=3_600_000), 400,
         "invalid-timestamp"),
        (target, b"{", shop.v3_headers("POST", target, b"{"), 400, "illegal-json"),
        (target, b"{}", shop.v3_headers("POST", target, b"{}"), 400, "missing-parameter"),
    ]  # fmt: skip
    for path in ("/v3/alipay/trade/steal", "/v3/alipay/trade/page/pay", "/v3/x", "/v3/"):
        cases.append((path, body, shop.v3_headers("POST", path, body), 400, "invalid-method"))
    for path, sent, headers, status, code in cases:
        reply = shop.http("POST", path, sent, headers)
        assert (reply.status, shop.read_v3(reply)["code"]) == (status, code), path


def test_v3_takes_a_nonce_once(shop: Shop, auditor: Auditor) -> None:
    target = "/v3/alipay/trade/create"
    body = json.dumps(shop.order()).encode()
    nonce = new_number("nonce")
    headers = shop.v3_headers("POST", target, body, nonce=nonce)
    assert shop.read_v3(shop.http("POST", target, body, headers))["trade_no"]
    trades, nonces = auditor.count("trade"), auditor.count("seen_nonce")
    reply = shop.http("POST", target, body, headers)
    assert (reply.status, shop.read_v3(reply)["code"]) == (400, "invalid-nonce")
    other = json.dumps(shop.order()).encode()
    reply = shop.http("POST", target, other, shop.v3_headers("POST", target, other, nonce=nonce))
    assert shop.read_v3(reply)["code"] == "invalid-nonce"
    assert (auditor.count("trade"), auditor.count("seen_nonce")) == (trades, nonces)


def test_v3_business_errors_have_the_status_400_and_our_code(shop: Shop) -> None:
    answer = shop.call_v3("/v3/alipay/trade/query", {"out_trade_no": new_number()})
    assert (answer["status"], answer["code"]) == (400, "ACQ.TRADE_NOT_EXIST")
    assert answer["message"]


def test_v3_answers_are_plain_fields(shop: Shop) -> None:
    order = shop.order()
    made = shop.call_v3("/v3/alipay/trade/create", order)
    assert made == {"out_trade_no": order["out_trade_no"], "trade_no": made["trade_no"]}
    target = "/v3/alipay/fund/account/query?account_type=ACCTRANS_ACCOUNT"
    assert shop.call_v3(target, None, method="GET")["available_amount"]


# Charsets and encryption.


def test_gbk_is_read_signed_and_answered(shop: Shop, auditor: Auditor) -> None:
    order = shop.order() | {"subject": "茶叶一斤"}
    parameters = shop.sign(shop.parameters("alipay.trade.create", order, charset="GBK"), "gbk")
    reply = shop.send(parameters, "gbk")
    assert reply.body.isascii()
    trade_no = shop.read(reply)["trade_no"]
    assert auditor.rows("SELECT subject FROM trade WHERE trade_no = ?", trade_no) == [("茶叶一斤",)]
    asking = shop.sign(shop.parameters("alipay.trade.query", order, charset="GBK"), "gbk")
    reply = shop.send(asking, "gbk")
    assert reply.body.isascii()
    assert shop.read(reply)["subject"] == "茶叶一斤"


def test_bytes_that_are_not_in_the_charset_are_refused(shop: Shop) -> None:
    parameters = shop.sign(shop.parameters("alipay.trade.create", shop.order(), charset="GBK"))
    assert shop.read(shop.send(parameters))["sub_code"] in (
        "isv.invalid-charset",
        "isv.invalid-signature",
    )


def encrypted(text: bytes, key: bytes) -> str:
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    padded = padder.update(text) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypted(text: str, key: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(base64.b64decode(text)) + decryptor.finalize()
    return padded[: -padded[-1]]


def test_encrypted_content_is_opened_and_the_answer_sealed(shop: Shop) -> None:
    order = shop.order() | {"subject": "茶叶"}
    sealed = encrypted(json.dumps(order, ensure_ascii=False).encode(), shop.aes_key)
    parameters = shop.parameters("alipay.trade.create", sealed, encrypt_type="AES")
    reply = shop.send(shop.sign(parameters))
    value = reply.json["alipay_trade_create_response"]
    assert isinstance(value, str)
    content = json.loads(decrypted(value, shop.aes_key))
    assert (content["code"], content["out_trade_no"]) == ("10000", order["out_trade_no"])
    assert verifies(f'"{value}"'.encode(), reply.json["sign"], shop.platform_key)


def test_encrypted_v3_content_is_opened_and_the_answer_sealed(shop: Shop) -> None:
    target = "/v3/alipay/trade/create"
    order = shop.order()
    body = encrypted(json.dumps(order).encode(), shop.aes_key).encode()
    headers = shop.v3_headers("POST", target, body) | {
        "content-type": "text/plain",
        "alipay-encrypt-type": "AES",
    }
    reply = shop.http("POST", target, body, headers)
    assert reply.status == 200
    text = f"{reply.headers['alipay-timestamp']}\n{reply.headers['alipay-nonce']}\n".encode()
    signed = text + reply.body + b"\n"
    assert verifies(signed, reply.headers["alipay-signature"], shop.platform_key)
    content = json.loads(decrypted(reply.body.decode(), shop.aes_key))
    assert content["out_trade_no"] == order["out_trade_no"]


@pytest.mark.usefixtures("nothing_changes")
def test_content_sealed_with_another_key_or_for_an_app_without_one_is_refused(
    shop: Shop, market: Marketplace
) -> None:
    text = json.dumps(shop.order()).encode()
    answer = shop.call("alipay.trade.create", encrypted(text, bytes(16)), encrypt_type="AES")
    assert answer["sub_code"] in ("isv.decryption-error-unknown", "isv.illegal-json",
                                  "isv.invalid-charset")  # fmt: skip
    other = market.instant
    sealed = encrypted(text, shop.aes_key)
    answer = other.call("alipay.trade.create", sealed, encrypt_type="AES")
    assert answer["sub_code"] == "isv.decryption-error-not-valid-encrypt-key"


# How the pieces arrive.


def test_everything_in_the_query_of_a_get_is_taken(shop: Shop) -> None:
    signed = shop.sign(shop.parameters("alipay.trade.create", shop.order()))
    reply = shop.http("GET", "/gateway.do?" + urlencode(signed))
    assert shop.read(reply)["code"] == "10000"


def test_a_request_target_in_absolute_form_is_taken(shop: Shop) -> None:
    signed = shop.sign(shop.parameters("alipay.trade.create", shop.order()))
    target = f"{shop.server.base_url}/gateway.do?{urlencode(signed)}"
    assert shop.read(shop.http("POST", target))["code"] == "10000"


def test_parameters_that_are_empty_may_be_signed_or_left_out(shop: Shop) -> None:
    parameters = shop.parameters("alipay.trade.create", shop.order()) | {"app_auth_token": ""}
    assert shop.read(shop.send(shop.sign(parameters)))["code"] == "10000"
    parameters = shop.parameters("alipay.trade.create", shop.order()) | {"app_auth_token": ""}
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    assert "app_auth_token=&" in text
    signed = parameters | {"sign": signature(text.encode(), shop.key)}
    assert shop.read(shop.send(signed))["code"] == "10000"
