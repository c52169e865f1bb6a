"""Answers of `/gateway.do`, in the one byte form that every client can verify.

`{"alipay_x_y_response":{...},"sign":"..."}`: clients do not parse before they verify but cut the
signed text out by position, each in its own way, so the members stand in this order and without
spaces, and no string inside may hold a brace.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tallystick.gateway.alipay import aes
from tallystick.gateway.alipay.faults import Fault
from tallystick.gateway.alipay.schemas import SCHEMAS

__all__ = [
    "CONTENT_TYPE",
    "ERROR_KEY",
    "answer_text",
    "fault_content",
    "response_key",
    "signed_answer",
]

# Alipay itself says text/html. No client looks, and a browser must not run what a subject says.
CONTENT_TYPE: Final = "application/json;charset=utf-8"
ERROR_KEY: Final = "error_response"

_ENCODER: Final = msgspec.json.Encoder()
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


def response_key(method: str) -> str:
    """The first member's name: each known method has its own, all others share `ERROR_KEY`."""
    return f"{method.replace('.', '_')}_response" if method in SCHEMAS else ERROR_KEY


def fault_content(fault: Fault) -> dict[str, str]:
    """The first member's value when a request is refused."""
    return {
        "code": fault.code,
        "msg": fault.message,
        "sub_code": fault.sub_code,
        "sub_msg": fault.sub_message,
    }


def _says_brace(content: object) -> bool:
    """Whether a text within holds a brace; of what is no dict, list or text nobody knows."""
    if isinstance(content, str):
        return "{" in content or "}" in content
    if isinstance(content, dict):
        return any(_says_brace(name) or _says_brace(value) for name, value in content.items())
    if isinstance(content, list):
        return any(_says_brace(value) for value in content)
    return not isinstance(content, int | float | None)


def _without_braces(text: re.Match[bytes]) -> bytes:
    string = text[0]
    if b"{" in string or b"}" in string:
        string = string.replace(b"{", rb"\u007b").replace(b"}", rb"\u007d")
    return string


def _ascii(text: bytes) -> bytes:
    r"""UTF-8 JSON with every other character written `\uXXXX`, so that any charset reads it."""
    if text.isascii():
        return text
    pieces = []
    for character in text.decode():
        if character.isascii():
            pieces.append(character)
            continue
        units = character.encode("utf-16-be")
        pieces += [f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)]
    return "".join(pieces).encode()


def _content_bytes(content: object, charset: str) -> bytes:
    text = _ENCODER.encode(content)
    if _says_brace(content):
        # The community Python client counts braces without looking for quotes.
        text = _STRING.sub(_without_braces, text)
    return text if charset == "utf-8" else _ascii(text)


def answer_text(content: object, *, charset: str = "utf-8", aes_key: bytes | None = None) -> bytes:
    """The first member's value as it is sent, which is what is signed.

    Args:
        content: what msgspec encodes as a JSON object.
        charset: the codec of the request; other than UTF-8 the answer is pure ASCII.
        aes_key: encrypt the content, when the request's was.
    """
    text = _content_bytes(content, charset)
    return text if aes_key is None else b'"%b"' % aes.encrypt(text, aes_key).encode()


def signed_answer(key: str, text: bytes, signature: str) -> bytes:
    """The answer's body.

    Args:
        key: the first member's name, from `response_key`.
        text: from `answer_text`.
        signature: over `text`, with the private half of the platform key that the app knows.
    """
    return b'{"%b":%b,"sign":"%b"}' % (key.encode(), text, signature.encode())
