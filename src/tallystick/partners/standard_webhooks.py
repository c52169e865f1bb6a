"""Signatures of the Standard Webhooks specification (v1: HMAC-SHA256)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

__all__ = ["webhook_headers"]

_PREFIX = "whsec_"


def webhook_headers(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers that a webhook carries beside its body.

    Args:
        secret: `whsec_` and the base64 of the shared key.
        message_id: the same in every retry; without a dot.
        timestamp_s: when this try is sent, seconds since 1970 UTC.

    Raises:
        ValueError: the secret is not base64, or the id has a dot.
    """
    if "." in message_id:
        raise ValueError("a webhook's id has no dot")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook's secret is written in base64") from error
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
