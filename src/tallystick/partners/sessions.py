"""Web sessions: a random token in the browser's cookie; only its digest is stored."""

from __future__ import annotations

import hashlib
import secrets

from tallystick.partners.model import WebSession
from tallystick.store.rows import Rows

__all__ = ["new_token", "session_index", "session_subject"]


def new_token() -> str:
    """A fresh token: 32 random bytes, safe in a cookie."""
    return secrets.token_urlsafe(32)


def session_index(token: str) -> bytes:
    """The digest by which a session is found (16 bytes of SHA-256)."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()[:16]


def session_subject(rows: Rows, token: str, kind: str, now_ms: int) -> str:
    """Who is signed in with this token; empty when nobody, or no longer.

    Args:
        kind: `operator` or `party`; a session of the one opens nothing of the other.
    """
    if not token:
        return ""
    session = rows.get(WebSession, session_index(token))
    if session is None or session.kind != kind or session.expires_ms <= now_ms:
        return ""
    return session.subject_id
