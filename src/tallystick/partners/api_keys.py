"""REST API keys: `tsk_<key id>_<secret>`; only the SHA-256 of the whole text is stored.

The secret is 192 random bits, so a plain digest is as safe as a slow one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

from tallystick.partners.model import ApiKey, KeyStatus
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.store.rows import Rows

__all__ = [
    "INSTITUTION_SCOPES", "SCOPES", "NewSecret", "api_key_of", "api_key_text", "caller_of",
    "new_key_id", "new_secret", "secret_digest",
]  # fmt: skip

SCOPES: Final = frozenset(
    {
        "payments:write", "payments:read", "wallet:write", "wallet:read", "ledger:write",
        "ledger:read", "parties:write", "parties:read", "parties:codes", "parties:challenge",
        "apps:write", "apps:read", "notifications:write", "notifications:read", "disputes:resolve",
        "credit:write", "credit:read",
        "risk:read", "risk:write", "risk:review",
        "reconciliation:write", "reconciliation:read", "ledger:close",
        "blacklist:read", "blacklist:write", "blacklist:subject", "blacklist:keep",
        "blacklist:audit",
        "webhooks:write", "webhooks:read",
        "institution:read", "institution:write",
    }
)  # fmt: skip
"""What an API key may be allowed."""

INSTITUTION_SCOPES: Final = frozenset({"institution:read", "institution:write"})
"""What a key of an institution may be allowed, on its own loans; another key has no use of it."""

_MARK: Final = "tsk"
_TEXT_MAX: Final = 200
_SECRET_BYTES: Final = 24


class NewSecret(NamedTuple):
    """A key as its owner keeps it, shown once, and as it is stored."""

    text: str
    digest: bytes
    key_id: str


def new_key_id() -> str:
    """A fresh id: 12 hex digits."""
    return secrets.token_hex(6)


def new_secret(key_id: str) -> NewSecret:
    """A fresh secret for a key."""
    return api_key_text(key_id, secrets.token_bytes(_SECRET_BYTES))


def api_key_text(key_id: str, secret: bytes) -> NewSecret:
    """A key made of 24 bytes that nobody can know before."""
    assert len(secret) == _SECRET_BYTES, len(secret)
    text = f"{_MARK}_{key_id}_{secret.hex()}"
    return NewSecret(text, secret_digest(text), key_id)


def secret_digest(text: str) -> bytes:
    """What is stored of a key's text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def api_key_of(rows: Rows, text: str) -> ApiKey | None:
    """The active key that this text is, or None; the comparison takes the same time always."""
    mark, _, rest = text.partition("_")
    key_id, _, secret = rest.rpartition("_")
    if len(text) > _TEXT_MAX or mark != _MARK or not key_id or not secret:
        return None
    key = rows.get(ApiKey, key_id)
    digest = secret_digest(text)
    if key is None or not hmac.compare_digest(key.secret_hash, digest):
        return None
    return key if key.status is KeyStatus.ACTIVE else None


def caller_of(key: ApiKey) -> Caller:
    """Who asks with this key: one bound to an app or institution is that."""
    scopes = frozenset(key.scopes.split())
    if key.institution_id:
        return Caller(CallerKind.INSTITUTION, key.institution_id, scopes & INSTITUTION_SCOPES)
    if key.app_id:
        return Caller(CallerKind.APP, key.app_id, scopes)
    return Caller(CallerKind.KEY, key.key_id, scopes)
