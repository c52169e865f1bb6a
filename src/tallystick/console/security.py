"""What keeps pages safe: headers, cookies, CSRF tokens, the Origin check, ways back.

Pure functions; `frontend` and `visitor` apply them to every request.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tallystick.store.sealing import Sealer

__all__ = [
    "INSTITUTION_COOKIE", "OPERATOR_COOKIE", "PAGE_HEADERS", "PARTY_COOKIE", "PROOF_COOKIE",
    "VISIT_COOKIE",
    "comes_from_here", "csrf_token", "is_csrf_token", "local_path",
]  # fmt: skip

PARTY_COOKIE: Final = "tallystick_party"
OPERATOR_COOKIE: Final = "tallystick_operator"
INSTITUTION_COOKIE: Final = "tallystick_institution"
VISIT_COOKIE: Final = "tallystick_visit"
PROOF_COOKIE: Final = "tallystick_proof"
"""The challenge that stands between a right password and being signed in."""

PAGE_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",
}
"""The headers of every page. Nothing inline runs, nobody frames us, nothing is cached."""


def csrf_token(sealer: Sealer, visit: str, session: str) -> str:
    """The token of a visitor's forms: bound to the browser and to who is signed in."""
    return sealer.index("console.csrf", f"{visit}\0{session}").hex()


def is_csrf_token(sealer: Sealer, visit: str, session: str, given: str) -> bool:
    """Whether a form's token is this visitor's, compared in constant time."""
    wanted = csrf_token(sealer, visit, session)
    return bool(visit) and hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def comes_from_here(headers: Mapping[str, str], public_base: str) -> bool:
    """Whether a form was sent by one of our own pages, as far as the browser says.

    A browser names the sender in `Origin`; it must be the host that was asked, or our public
    address. Where there is none, `Sec-Fetch-Site` may not name another site.
    """
    origin = headers.get("origin", "")
    if origin:
        ours = {headers.get("host", "").lower(), urlsplit(public_base).netloc.lower()}
        return urlsplit(origin).netloc.lower() in ours - {""}
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def local_path(asked: str, default: str) -> str:
    """A path of this site to go on to, else `default`; never an address elsewhere."""
    parts = urlsplit(asked)
    plain = asked.isascii() and asked.isprintable() and "\\" not in asked
    if not plain or parts.scheme or parts.netloc or not asked.startswith("/"):
        return default
    return default if asked.startswith("//") else asked
