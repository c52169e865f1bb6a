"""Signed forms: what the platform sends to partners, and the way back to the shop.

Unlike a request's, these signatures leave out `sign_type` as well as `sign`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.partners import rsa2

__all__ = ["form_body", "signed_fields"]

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
    signed = b"&".join(
        b"%b=%b" % (name, encoded[name]) for name in sorted(encoded) if name not in _UNSIGNED
    )
    known = {name.decode(): text.decode(charset) for name, text in encoded.items()}
    extra = {"sign": rsa2.sign(signed, signing_key), "sign_type": "RSA2"}
    return dict(sorted((known | extra).items()))


def form_body(fields: Mapping[str, str]) -> bytes:
    """The fields of `signed_fields` as the body of a form post."""
    charset = fields["charset"]
    return "&".join(
        f"{name}={quote_plus(text, encoding=charset)}" for name, text in fields.items()
    ).encode("ascii")
