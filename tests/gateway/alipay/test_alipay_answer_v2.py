"""Answers are verified by every client in its own way of cutting them up."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.alipay.client_side import (
    PLATFORM_KEY,
    cut_like_community_python,
    cut_like_node,
    cut_like_official_python,
    signs,
)

from tallystick.gateway.alipay.answer_v2 import (
    ERROR_KEY,
    answer_text,
    fault_content,
    response_key,
    signed_answer,
)
from tallystick.gateway.alipay.faults import FAULTS, fault, fault_of
from tallystick.gateway.alipay.schemas import SCHEMAS
from tallystick.partners import rsa2
from tallystick.pipeline.refusals import REFUSALS, Refusal

KEY = response_key("alipay.trade.query")


def encode(content: object, *, charset: str = "utf-8", aes_key: bytes | None = None) -> bytes:
    text = answer_text(content, charset=charset, aes_key=aes_key)
    return signed_answer(KEY, text, rsa2.sign(text, PLATFORM_KEY))


def check(body: bytes, content: object, charset: str = "utf-8") -> None:
    text = body.decode(charset)
    assert json.loads(text)[KEY] == content
    for signed_text, sign in (
        cut_like_official_python(text),
        cut_like_community_python(text, KEY),
        cut_like_node(text, KEY),
    ):
        assert signs(signed_text.encode(charset), sign)
        assert json.loads(signed_text) == content


def test_the_byte_form_is_fixed() -> None:
    body = encode({"code": "10000", "list": [{"a": "b"}]})
    head = b'{"alipay_trade_query_response":{"code":"10000","list":[{"a":"b"}]},"sign":"'
    assert body.startswith(head)
    assert body.endswith(b'=="}')


VALUES = st.recursive(
    st.text(max_size=8) | st.sampled_from(['"}', '{"', "}]", '},"sign":"x"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["code", "subject", "sign", "list"]), VALUES))
def test_every_client_can_cut_every_answer(content: dict[str, Any]) -> None:
    if "sign" in content:
        content["sign"] = str(content["sign"])
    check(encode(content), content)


@pytest.mark.parametrize("charset", ["gbk", "gb2312", "gb18030"])
def test_other_charsets_get_ascii_that_means_the_same(charset: str) -> None:
    content = {"subject": "中文 € 😀 {}", "list": [{"a": "b"}]}
    body = encode(content, charset=charset)
    assert body.isascii()
    check(body, content, charset)


def test_an_encrypted_answer_signs_the_quoted_ciphertext() -> None:
    aes_key = bytes(range(16))
    body = encode({"code": "10000"}, aes_key=aes_key).decode()
    answer = json.loads(body)
    assert signs(f'"{answer[KEY]}"'.encode(), answer["sign"])
    decryptor = Cipher(algorithms.AES(aes_key), modes.CBC(bytes(16))).decryptor()
    padded = decryptor.update(base64.b64decode(answer[KEY])) + decryptor.finalize()
    assert json.loads(padded[: -padded[-1]]) == {"code": "10000"}


def test_only_known_methods_have_an_answer_of_their_own() -> None:
    assert response_key("alipay.trade.page.pay") == "alipay_trade_page_pay_response"
    for method in ("", "alipay.trade.nothing", 'x","sign":"', "alipay_trade_query"):
        assert response_key(method) == ERROR_KEY == "error_response"
    assert len({response_key(method) for method in SCHEMAS}) == len(SCHEMAS) == 26


def test_a_fault_is_answered_with_code_sub_code_and_both_languages() -> None:
    content = fault_content(fault("isv.missing-parameter", "out_trade_no"))
    assert content == {
        "code": "40001",
        "msg": "Missing Required Arguments",
        "sub_code": "isv.missing-parameter",
        "sub_msg": "缺少必选参数。A required parameter is missing. (out_trade_no)",
    }


def test_every_fault_and_every_refusal_has_a_complete_answer() -> None:
    faults = [*FAULTS.values(), *(fault_of(Refusal(code)) for code in REFUSALS)]
    for each in faults:
        assert all(fault_content(each).values()), each
        assert each.v3_status in (400, 401, 403, 429, 500)
        assert not each.v3_code.startswith(("isv.", "isp.", "aop."))
    assert fault_of(Refusal("TRADE_NOT_EXIST")).v3_code == "ACQ.TRADE_NOT_EXIST"
