"""Requests of `/gateway.do`: common parameters, business content and signature.

How the pieces arrive differs by client: everything in the query of a GET (browser redirects and
the community Python client), common parameters in the query with the rest in a form body (both
official clients), or everything in the body (a browser posting a form). All are one thing here.
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tallystick.gateway.alipay.faults import Fault, Rejected, fault
from tallystick.gateway.alipay.form import read_parameters, signed_text
from tallystick.money.china_time import parse_china_time
from tallystick.partners import rsa2

__all__ = ["CHARSETS", "AlipayRequest", "decode_v2", "verify_v2"]

# Names as clients spell them, in lower case, to Python's codec.
CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "gbk": "gbk",
    "gb2312": "gb2312",
    "gb18030": "gb18030",
}

_FORM: Final = "application/x-www-form-urlencoded"
_UNSIGNED: Final = frozenset({b"sign"})

# Common parameters that must be there, in the order in which a missing one is reported, with
# the fault that says so.
_REQUIRED: Final = (
    ("app_id", "isv.missing-app-id"),
    ("method", "isv.missing-method"),
    ("sign_type", "isv.missing-signature-type"),
    ("sign", "isv.missing-signature"),
    ("timestamp", "isv.missing-timestamp"),
    ("version", "isv.missing-version"),
)

_COMMON: Final = frozenset(
    {name for name, _ in _REQUIRED}
    | {"charset", "format", "notify_url", "return_url", "app_auth_token", "encrypt_type"}
    | {"biz_content"}
)


class AlipayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed request; nobody has checked its signature yet.

    `charset` is a Python codec name. `timestamp_ms` is the stamp read as China time, in
    milliseconds since 1970 UTC. `biz_content` is the JSON text, or its ciphertext when
    `encrypt_type` is set. `fields` are the parameters that are none of the common ones.
    `signed_text` leaves empty parameters out, as documented; `signed_text_with_empty`, set when
    there are any, is what the clients in fact sign then.
    """

    app_id: str
    method: str
    charset: str
    sign_type: str
    sign: str
    timestamp_ms: int
    version: str
    signed_text: bytes
    signed_text_with_empty: bytes = b""
    format: str = "JSON"
    notify_url: str = ""
    return_url: str = ""
    app_auth_token: str = ""
    encrypt_type: str = ""
    biz_content: str = ""
    fields: dict[str, str] = {}


def decode_v2(
    http_method: str, query: bytes, body: bytes, content_type: str
) -> AlipayRequest | Rejected:
    """Read a request.

    Args:
        http_method: `GET` or `POST`; a GET has no body.
        query: what stands after `?` in the request target, as received.
        body: the request's body, as received.
        content_type: the header of that name, empty when there is none.
    """
    if http_method == "POST" and body:
        if content_type and content_type.partition(";")[0].strip().lower() != _FORM:
            return Rejected(fault("isv.invalid-content-type", _FORM + " is expected"))
        parameters = read_parameters(query, body)
    else:
        parameters = read_parameters(query)
    if isinstance(parameters, Fault):
        return Rejected(parameters)

    app_id, method, charset = (
        parameters.get(name, b"").decode("ascii", "replace")
        for name in (b"app_id", b"method", b"charset")
    )
    codec = CHARSETS.get(charset.lower())
    try:
        texts = {
            name.decode("ascii"): value.decode(codec or "ascii")
            for name, value in parameters.items()
            if value
        }
    except UnicodeDecodeError:
        wrong = "isv.invalid-charset" if charset else "isv.missing-charset"
        return Rejected(fault(wrong), app_id, method, codec or "utf-8")
    with_empty = b""
    if len(texts) < len(parameters):
        with_empty = signed_text(parameters, _UNSIGNED, with_empty=True)
    return _checked(texts, codec, signed_text(parameters, _UNSIGNED), with_empty)


def _checked(
    texts: dict[str, str], codec: str | None, signed: bytes, with_empty: bytes
) -> AlipayRequest | Rejected:
    """The request made of its parameters, once what every request must have is there."""
    wrong = _fault_of_common(texts, codec)
    timestamp_ms = None
    if wrong is None:
        timestamp_ms = parse_china_time(texts["timestamp"])
    if wrong is not None or timestamp_ms is None:
        return Rejected(
            wrong or fault("isv.invalid-timestamp", "yyyy-MM-dd HH:mm:ss is expected"),
            app_id=texts.get("app_id", ""),
            method=texts.get("method", ""),
            charset=codec or "utf-8",
        )
    return AlipayRequest(
        app_id=texts["app_id"],
        method=texts["method"],
        charset=codec or "utf-8",
        sign_type=texts["sign_type"],
        sign=texts["sign"],
        timestamp_ms=timestamp_ms,
        version=texts["version"],
        signed_text=signed,
        signed_text_with_empty=with_empty,
        format=texts.get("format", "JSON"),
        notify_url=texts.get("notify_url", ""),
        return_url=texts.get("return_url", ""),
        app_auth_token=texts.get("app_auth_token", ""),
        encrypt_type=texts.get("encrypt_type", "").upper(),
        biz_content=texts.get("biz_content", ""),
        fields={name: text for name, text in texts.items() if name not in _COMMON},
    )


def _fault_of_common(texts: dict[str, str], codec: str | None) -> Fault | None:
    """What is missing or not supported among the common parameters."""
    for name, sub_code in _REQUIRED:
        if name not in texts:
            return fault(sub_code)
    if "charset" not in texts:
        return fault("isv.missing-charset")
    if codec is None:
        return fault("isv.invalid-charset")
    if texts["sign_type"] != "RSA2":
        return fault("isv.invalid-signature-type")
    if texts["version"] != "1.0":
        return fault("isv.invalid-version")
    if texts.get("format", "JSON").upper() != "JSON":
        return fault("isv.invalid-format")
    if texts.get("encrypt_type", "AES").upper() != "AES":
        return fault("isv.invalid-encrypt-type")
    return None


def verify_v2(request: AlipayRequest, public_key: RSAPublicKey) -> Fault | None:
    """The fault when the signature is not that of the app's key over what was received."""
    if rsa2.verify(request.signed_text, request.sign, public_key):
        return None
    other = request.signed_text_with_empty
    if other and rsa2.verify(other, request.sign, public_key):
        return None
    return fault("isv.invalid-signature")
