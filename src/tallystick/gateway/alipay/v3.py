"""Protocol v3: REST paths, JSON bodies, signatures in headers.

A path is its method's name: `/v3/alipay/trade/pay` is `alipay.trade.pay`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tallystick.gateway.alipay import aes
from tallystick.gateway.alipay.faults import Fault, Rejected, fault
from tallystick.gateway.alipay.form import read_parameters
from tallystick.partners import rsa2

__all__ = [
    "V3Request",
    "answer_headers",
    "decode_v3",
    "error_body",
    "method_of",
    "open_body",
    "path_of",
    "seal_body",
    "verify_v3",
]

SCHEME: Final = "ALIPAY-SHA256withRSA"

_PATH: Final = re.compile(r"/v3/((?:alipay|zhima)(?:/[a-z0-9]+)+)")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class V3Request(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed v3 request; nobody has checked its signature yet.

    `timestamp_ms` is the caller's clock, milliseconds since 1970 UTC. `body` is as received,
    so still encrypted when `encrypted` is set. `query` are the parameters after `?`.
    `request_id` is the caller's own name for this call, for the log and the trace id.
    """

    app_id: str
    method: str
    nonce: str
    timestamp_ms: int
    sign: str
    signed_text: bytes
    body: bytes = b""
    encrypted: bool = False
    query: dict[str, str] = {}
    app_auth_token: str = ""
    request_id: str = ""


def method_of(path: str) -> str:
    """The method that a path names, empty when it names none."""
    match = _PATH.fullmatch(path)
    return match[1].replace("/", ".") if match else ""


def path_of(method: str) -> str:
    """The path of a method."""
    return f"/v3/{method.replace('.', '/')}"


def _authorization(header: str) -> tuple[str, dict[str, str], str] | Fault:
    """The header's signed part, the values in it, and the signature."""
    if not header:
        return fault("isv.missing-signature", "the header authorization is missing")
    scheme, _, rest = header.strip().partition(" ")
    if scheme != SCHEME:
        return fault("isv.invalid-signature-type", f"{SCHEME} is expected")
    text, _, signature = rest.strip().rpartition(",sign=")
    if not signature or not text:
        return fault("isv.missing-signature")
    values: dict[str, str] = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        if name in values:
            return fault("isv.invalid-parameter", "authorization names a value twice")
        values[name] = value
    for name, sub_code in (
        ("app_id", "isv.missing-app-id"),
        ("nonce", "isv.missing-nonce"),
        ("timestamp", "isv.missing-timestamp"),
    ):
        if not values.get(name):
            return fault(sub_code)
    if _NUMBER.fullmatch(values["timestamp"]) is None:
        return fault("isv.invalid-timestamp", "milliseconds since 1970 are expected")
    return text, values, signature


def decode_v3(
    http_method: str, target: str, headers: Mapping[str, str], body: bytes
) -> V3Request | Rejected:
    """Read a request.

    Args:
        http_method: in capitals.
        target: path and query exactly as received, since that is what was signed.
        headers: by lower-case name; values, like `target`, as ISO 8859-1 text, byte by byte.
        body: as received.
    """
    path, _, query = target.partition("?")
    method = method_of(path)
    read = _authorization(headers.get("authorization", ""))
    if isinstance(read, Fault):
        return Rejected(read, method=method)
    auth_text, values, signature = read
    app_id = values["app_id"]
    if not method:
        return Rejected(fault("isv.invalid-method"), app_id=app_id)
    fields = _query_fields(query)
    if isinstance(fields, Fault):
        return Rejected(fields, app_id=app_id, method=method)
    encrypt_type = headers.get("alipay-encrypt-type", "")
    if encrypt_type.upper() not in ("", "AES"):
        return Rejected(fault("isv.invalid-encrypt-type"), app_id=app_id, method=method)
    token = headers.get("alipay-app-auth-token", "")
    # Only what is signed is kept: a body sent along with a GET is nobody's word.
    body = body if http_method in _BODY_METHODS else b""
    texts = (auth_text, http_method, target)
    lines = [*(text.encode("latin-1", "replace") for text in texts), body]
    if token:
        lines.append(token.encode("latin-1", "replace"))
    return V3Request(
        app_id=app_id,
        method=method,
        nonce=values["nonce"],
        timestamp_ms=int(values["timestamp"]),
        sign=signature,
        signed_text=b"\n".join(lines) + b"\n",
        body=body,
        encrypted=bool(encrypt_type),
        query=fields,
        app_auth_token=token,
        request_id=headers.get("alipay-request-id", ""),
    )


def _query_fields(query: str) -> dict[str, str] | Fault:
    found = read_parameters(query.encode("latin-1", "replace"))
    if isinstance(found, Fault):
        return found
    try:
        return {name.decode(): value.decode() for name, value in found.items()}
    except UnicodeDecodeError:
        return fault("isv.invalid-charset")


def verify_v3(request: V3Request, public_key: RSAPublicKey) -> Fault | None:
    """The fault when the signature is not that of the app's key over what was received."""
    if rsa2.verify(request.signed_text, request.sign, public_key):
        return None
    return fault("isv.invalid-signature")


def open_body(request: V3Request, aes_key: bytes) -> bytes | Fault:
    """The JSON of an encrypted request; its signature must have been verified."""
    try:
        text = request.body.decode("ascii")
    except UnicodeDecodeError:
        return fault("isv.decryption-error-unknown")
    return aes.decrypt(text, aes_key)


def seal_body(body: bytes, aes_key: bytes) -> bytes:
    """The body of the answer to an encrypted request. Errors are never encrypted."""
    return aes.encrypt(body, aes_key).encode()


def answer_text(body: bytes, *, now_ms: int, nonce: str) -> bytes:
    """What is signed of an answer; `body` as sent, so encrypted where it is."""
    return f"{now_ms}\n{nonce}\n".encode() + body + b"\n"


def answer_headers(signature: str, *, now_ms: int, nonce: str, trace_id: str) -> dict[str, str]:
    """The headers that let the caller verify a body, with the signature over `answer_text`."""
    return {
        "alipay-timestamp": str(now_ms),
        "alipay-nonce": nonce,
        "alipay-signature": signature,
        "alipay-trace-id": trace_id,
    }


def error_body(refused: Fault) -> bytes:
    """The body that goes with `refused.v3_status`."""
    return msgspec.json.encode({"code": refused.v3_code, "message": refused.sub_message})
