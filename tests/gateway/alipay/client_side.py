"""The other end of the wire, written apart from the code under test."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

APP_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLATFORM_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

COMMON = {
    "app_id": "2026000000000001",
    "method": "alipay.trade.query",
    "format": "json",
    "charset": "utf-8",
    "sign_type": "RSA2",
    "timestamp": "2026-11-24 10:00:00",
    "version": "1.0",
}


def signature(text: bytes, key: rsa.RSAPrivateKey = APP_KEY) -> str:
    """Base64 of an RSA2 signature."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def signs(text: bytes, sign: str, key: rsa.RSAPrivateKey = PLATFORM_KEY) -> bool:
    """Whether a signature is the key's; PKCS#1 v1.5 gives one signature per text."""
    return signature(text, key) == sign


def verifies(text: bytes, sign: str, key: rsa.RSAPublicKey) -> bool:
    """Whether a signature fits, by the public key."""
    try:
        key.verify(base64.b64decode(sign), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def signed(parameters: dict[str, str], charset: str = "utf-8") -> dict[str, str]:
    """The parameters with their signature, as both Python clients make it."""
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return parameters | {"sign": signature(text.encode(charset))}


def query_of(parameters: dict[str, str], charset: str = "utf-8") -> bytes:
    """The parameters as a query string."""
    return urlencode(parameters, encoding=charset).encode()


def cut_like_official_python(body: str) -> tuple[str, str]:
    """Signed text and signature, found as alipay-sdk-python finds them."""
    begin = re.search(r'"[a-zA-Z_]+_response"[ \t\n]*:[ \t\n]*\{', body)
    ends = list(re.finditer(r'\}[ \t\n]*,[ \t\n]*"sign"[ \t\n]*:[ \t\n]*"', body))
    assert begin is not None
    sign_at = ends[-1].end()
    return body[begin.end() - 1 : ends[-1].start() + 1], body[sign_at : body.index('"', sign_at)]


def cut_like_community_python(body: str, key: str) -> tuple[str, str]:
    """Signed text and signature, found as python-alipay-sdk finds them: by counting braces."""
    start = body.index("{", body.index(key))
    depth = 0
    for at in range(start, len(body)):
        depth += {"{": 1, "}": -1}.get(body[at], 0)
        if depth == 0:
            return body[start : at + 1], json.loads(body)["sign"]
    raise AssertionError("braces do not balance")


def cut_like_node(body: str, key: str) -> tuple[str, str]:
    """Signed text and signature, found as the Node client finds them."""
    last = body.rindex('"sign"')
    rest = body[body.index(f'{key}"') + len(key) + 1 :][:last]
    rest = re.sub(r"^[^{]*{", "{", rest, count=1)
    return re.sub(r"\}([^}]*)$", "}", rest, count=1), json.loads(body)["sign"]
