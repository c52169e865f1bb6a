"""Signatures of Standard Webhooks: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`).

What is signed is `id.timestamp.body`; see the specification at standardwebhooks.com.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SECRET_BYTES", "public_key_text", "secret_text", "signature_headers"]

SECRET_BYTES: Final = 32


def secret_text(secret: bytes) -> str:
    """The secret of `hmac` as its owner keeps it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def public_key_text(secret: bytes) -> str:
    """The public key that goes with a secret of `ed25519`."""
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return f"whpk_{base64.b64encode(public).decode()}"


def signature_headers(
    algorithm: str, secret: bytes, message_id: str, at_s: int, body: bytes
) -> dict[str, str]:
    """The headers that say who sent a message, and when.

    Args:
        algorithm: `hmac` or `ed25519`; `secret` has 32 bytes.
        at_s: seconds since 1970 UTC, of this attempt.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), at_s, body)
    if algorithm == "ed25519":
        version, made = "v1a", Ed25519PrivateKey.from_private_bytes(secret).sign(signed)
    else:
        version, made = "v1", hmac.digest(secret, signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"{version},{base64.b64encode(made).decode()}",
    }
