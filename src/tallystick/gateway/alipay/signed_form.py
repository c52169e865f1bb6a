"""What the platform sends signed: notifications, and the way back to the shop after a page pay.

Unlike a request's, these signatures leave out `sign_type` as well as `sign`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.gateway.alipay import signing
from tallystick.gateway.alipay.form import signed_text

__all__ = ["form_body", "return_location", "signed_fields"]

_UNSIGNED: Final = frozenset({b"sign", b"sign_type"})


def signed_fields(
    fields: Mapping[str, str], signing_key: RSAPrivateKey, *, charset: str = "utf-8"
) -> dict[str, str]:
    """The fields with `charset`, `sign_type` and `sign` added, sorted by name.

    Empty fields are dropped: clients disagree on whether an empty one is signed. A character
    that the charset does not have becomes a question mark before it is signed.
    """
    given = {name: text for name, text in fields.items() if text} | {"charset": charset}
    encoded = {
        name.encode("ascii"): text.encode(charset, "replace") for name, text in given.items()
    }
    signature = signing.sign(signed_text(encoded, _UNSIGNED), signing_key)
    known = {name.decode(): text.decode(charset) for name, text in encoded.items()}
    return dict(sorted((known | {"sign": signature, "sign_type": "RSA2"}).items()))


def form_body(fields: Mapping[str, str]) -> bytes:
    """The fields of `signed_fields` as the body of a form post."""
    charset = fields["charset"]
    return "&".join(
        f"{name}={quote_plus(text, encoding=charset)}" for name, text in fields.items()
    ).encode("ascii")


def return_location(return_url: str, fields: Mapping[str, str]) -> str:
    """Where a buyer is sent back to: the shop's address with the signed fields in its query."""
    address, mark, fragment = return_url.partition("#")
    joiner = "&" if "?" in address else "?"
    return f"{address}{joiner}{form_body(fields).decode()}{mark}{fragment}"
