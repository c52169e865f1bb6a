"""Who looks at a page: their language, their session, what they may do."""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from litestar import Request
from litestar.di import NamedDependency

from tallystick.console.places import INSTITUTION_AREA, OPERATOR_AREA
from tallystick.console.security import (
    INSTITUTION_COOKIE,
    OPERATOR_COOKIE,
    PARTY_COOKIE,
    VISIT_COOKIE,
    csrf_token,
)
from tallystick.console.texts import TEXTS, Language, choose_language
from tallystick.parties.model import Party
from tallystick.parties.views import party_name
from tallystick.partners.model import KeyStatus, Operator, Role
from tallystick.partners.sessions import session_subject
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.platform import Platform

__all__ = [
    "COOKIES", "LANGUAGE_COOKIE", "Asking", "Visitor", "WebRequest", "area_of", "visitor_of",
]  # fmt: skip

LANGUAGE_COOKIE = "tallystick_language"

WebRequest = Request[Any, Any, Any]

_PARTY_SCOPES = frozenset(
    {"party", "payments:write", "wallet:write", "parties:codes", "blacklist:subject"}
)
_VIEWER_SCOPES = frozenset(
    {
        "payments:read", "wallet:read", "ledger:read", "parties:read", "apps:read",
        "notifications:read", "risk:read", "reconciliation:read", "blacklist:read",
        "webhooks:read", "credit:read",
    }
)  # fmt: skip
_OPERATOR_SCOPES = _VIEWER_SCOPES | {
    "payments:write", "disputes:resolve", "notifications:write", "apps:write",
    "reconciliation:write", "ledger:write", "ledger:close",
    "blacklist:write", "blacklist:subject", "blacklist:keep", "webhooks:write",
    "risk:write", "risk:review", "credit:write",
}  # fmt: skip


class Visitor(NamedTuple):
    """Everything that a page needs to know of who asked for it.

    Args:
        path: with `query`, the address of the page, also where a form was sent to another.
        posted: whether a form was sent, so that the browser's address is not the page's.
        visit: names the browser, also before anybody signs in; with `new_visit` it has yet
            to be given its cookie.
        session: the session token of the area (console, or cashier and wallet).
        asked_language: whether the address asked for the language, which is then kept.
        notice: the key of the text that says what was just done, or empty.
    """

    path: str
    query: str
    posted: bool
    language: Language
    asked_language: bool
    visit: str
    new_visit: bool
    session: str
    csrf: str
    notice: str = ""
    party: Party | None = None
    party_name: str = ""
    operator: Operator | None = None
    institution: Operator | None = None
    """Somebody who works for an institution, in its own area only."""

    @property
    def party_id(self) -> str:
        """The signed-in person, or empty."""
        return self.party.party_id if self.party else ""

    @property
    def may_act(self) -> bool:
        """Whether an operator may do more than look."""
        return self.operator is not None and self.operator.role is Role.OPERATOR

    @property
    def caller(self) -> Caller:
        """The visitor as the pipeline knows them; only for somebody signed in."""
        if self.operator is not None:
            scopes = _OPERATOR_SCOPES if self.may_act else _VIEWER_SCOPES
            return Caller(CallerKind.OPERATOR, self.operator.operator_id, scopes)
        assert self.party is not None
        return Caller(CallerKind.PARTY, self.party.party_id, _PARTY_SCOPES)

    @property
    def address(self) -> str:
        """The page's path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def in_language(self, language: Language) -> str:
        """The same page in another language."""
        kept = [(k, v) for k, v in parse_qsl(self.query) if k not in ("lang", "done")]
        return f"{self.path}?{urlencode([*kept, ('lang', language.value)])}"


COOKIES: Final = {OPERATOR_AREA: OPERATOR_COOKIE, INSTITUTION_AREA: INSTITUTION_COOKIE}
"""The cookie of each area that has one of its own."""


def area_of(path: str) -> str:
    """The area that a path lies in; empty for cashier and wallet."""
    first = f"/{path.split('/')[1]}" if path.startswith("/") else ""
    return first if first in COOKIES else ""


Asking = NamedDependency[Visitor]
"""The visitor as a handler is given them."""


def _operator(platform: Platform, token: str) -> Operator | None:
    subject = session_subject(platform.rows, token, "operator", platform.clock_ms())
    operator = platform.rows.get(Operator, subject) if subject else None
    here = operator and operator.status is KeyStatus.ACTIVE and not operator.institution_id
    return operator if here else None


def _institution(platform: Platform, token: str) -> Operator | None:
    subject = session_subject(platform.rows, token, "institution", platform.clock_ms())
    operator = platform.rows.get(Operator, subject) if subject else None
    here = operator and operator.status is KeyStatus.ACTIVE and operator.institution_id
    return operator if here else None


def _party(platform: Platform, token: str) -> Party | None:
    subject = session_subject(platform.rows, token, "party", platform.clock_ms())
    return platform.rows.get(Party, subject) if subject else None


def _page_address(request: WebRequest) -> tuple[str, str]:
    """Path and query of the page: of the one with the form, when a form was sent."""
    path, query = request.url.path, request.url.query
    if request.method != "POST":
        return path, query
    sender = urlsplit(request.headers.get("referer", ""))
    if sender.netloc == request.headers.get("host", "") and sender.path.startswith("/"):
        return sender.path, sender.query
    return f"/{path.split('/')[1]}", ""


def visitor_of(request: WebRequest, platform: Platform) -> Visitor:
    """Find out who asks. A session that is over counts as none."""
    query, cookies = request.query_params, request.cookies
    path = request.url.path
    asked = query.get("lang", "")
    language = choose_language(
        asked, cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", "")
    )
    visit = cookies.get(VISIT_COOKIE, "")
    new_visit = not visit
    if new_visit:
        visit = secrets.token_urlsafe(18)
    area = area_of(path)
    session = cookies.get(COOKIES.get(area, PARTY_COOKIE), "")
    operator = _operator(platform, session) if area == OPERATOR_AREA and session else None
    institution = _institution(platform, session) if area == INSTITUTION_AREA and session else None
    party = _party(platform, session) if session and not area else None
    notice = f"notice.{query.get('done', '')}"
    page_path, page_query = _page_address(request)
    return Visitor(
        path=page_path,
        query=page_query,
        posted=request.method == "POST",
        language=language,
        asked_language=bool(asked),
        visit=visit,
        new_visit=new_visit,
        session=session,
        csrf=csrf_token(platform.sealer, visit, session),
        notice=notice if notice in TEXTS else "",
        party=party,
        party_name=party_name(platform.sealer, party) if party else "",
        operator=operator,
        institution=institution,
    )
