"""Codes of a generator: RFC 6238 with SHA-1, six digits and steps of 30 seconds, as all apps do."""

from __future__ import annotations

import base64
import hmac
import os
from typing import Final
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

__all__ = ["STEP_S", "code_at", "new_secret", "provisioning_uri", "step_of_code"]

STEP_S: Final = 30
_DIGITS: Final = 6
_SECRET_BYTES: Final = 20
_STEPS_OFF: Final = 1
"""How many steps a person's clock, or their typing, may be off."""


def new_secret() -> bytes:
    """A fresh secret of 160 bits, as long as SHA-1's result (RFC 4226, section 4)."""
    return os.urandom(_SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The six digits of a time step."""
    totp = TOTP(secret, _DIGITS, SHA1(), STEP_S, enforce_key_length=False)  # noqa: S303
    return totp.generate(step * STEP_S).decode()


def step_of_code(secret: bytes, code: str, now_ms: int) -> int:
    """The time step that a code belongs to, at most one off; 0 when it belongs to none."""
    present = now_ms // 1000 // STEP_S
    found = 0
    for step in range(present - _STEPS_OFF, present + _STEPS_OFF + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found


def provisioning_uri(secret: bytes, account: str, issuer: str) -> str:
    """The address in the QR code that apps read (`otpauth://totp/…`)."""
    text = base64.b32encode(secret).decode().rstrip("=")
    query = urlencode({"secret": text, "issuer": issuer})
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{query}"
