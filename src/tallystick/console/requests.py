"""From a request to a handler: who asks, what a form says, and how refusals become pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from tallystick.console.frontend import Frontend, refusal_text
from tallystick.console.security import (
    PARTY_COOKIE,
    VISIT_COOKIE,
    comes_from_here,
    is_csrf_token,
)
from tallystick.console.visitor import COOKIES, Visitor, WebRequest, area_of, visitor_of
from tallystick.money.amount import MoneyError, parse_amount
from tallystick.pipeline.refusals import Refusal, Refused, refusal_of

__all__ = [
    "BODY_MAX_BYTES", "Form", "SignInNeeded", "amount_in", "csrf_gate", "error_handlers",
    "form_request", "need_institution", "need_operator", "need_party", "read_form",
]  # fmt: skip

log = structlog.get_logger("tallystick.console")

BODY_MAX_BYTES: Final = 65_536
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Form = dict[str, str]
Handler = Callable[[WebRequest, Any], Response[Any]]


class SignInNeeded(Exception):
    """Raised where nobody is signed in; the visitor is sent to sign in and comes back."""


async def read_form(request: WebRequest) -> Form:
    """The form's fields as text, without surrounding space; files are left out."""
    form = await request.form()
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


def form_request(form: Form, what: str) -> str:
    """The request id of a form: sent twice, it is done once; empty where it has no number."""
    form_id = form.get("form_id", "")[:64]
    return f"{what}:{form_id}" if form_id else ""


def amount_in(form: Form, name: str, currency: str, *, allow_zero: bool = False) -> int:
    """Minor units of an amount in a form.

    Raises:
        Refused: INVALID_AMOUNT.
    """
    try:
        return parse_amount(form.get(name, ""), currency, allow_zero=allow_zero)
    except MoneyError as error:
        raise Refused("INVALID_AMOUNT", str(error)) from error


def need_party(visitor: Visitor) -> Visitor:
    """The visitor, if a person is signed in (else SignInNeeded)."""
    if visitor.party is None:
        raise SignInNeeded
    return visitor


def need_institution(visitor: Visitor) -> str:
    """The institution for which somebody is signed in (else SignInNeeded)."""
    if visitor.institution is None:
        raise SignInNeeded
    return visitor.institution.institution_id


def need_operator(visitor: Visitor) -> Visitor:
    """The visitor, if an operator is signed in (else SignInNeeded)."""
    if visitor.operator is None:
        raise SignInNeeded
    return visitor


def csrf_gate(front: Frontend) -> Callable[[WebRequest], Awaitable[Response[Any] | None]]:
    """Lets a form pass only when one of our own pages sent it, with the visitor's token."""

    async def gate(request: WebRequest) -> Response[Any] | None:
        if request.method in _READING:
            return None
        cookies = request.cookies
        session = cookies.get(COOKIES.get(area_of(request.url.path), PARTY_COOKIE), "")
        public_base = front.platform.settings.public_base
        if comes_from_here(request.headers, public_base):
            given = (await read_form(request)).get("csrf", "")
            sealer = front.platform.sealer
            if is_csrf_token(sealer, cookies.get(VISIT_COOKIE, ""), session, given):
                return None
        return _refused_page(front, request, Refusal("FORM_NOT_OURS"))

    return gate


def _refused_page(front: Frontend, request: WebRequest, refusal: Refusal) -> Response[str]:
    visitor = visitor_of(request, front.platform)
    said = refusal_text(refusal, visitor.language, refusal.detail if visitor.operator else "")
    if visitor.operator is not None:
        return front.page(visitor, "operators/refused.html", status=said.status, refusal=said)
    area = request.url.path.split("/")[1]
    back = f"/{area}" if area in ("wallet", "console", "institution") else ""
    return front.page(visitor, "refused.html", status=said.status, refusal=said, back=back)


def error_handlers(front: Frontend) -> dict[int | type[Exception], Handler]:
    """How what goes wrong is shown: always as a page, never with its inside."""

    def refused(request: WebRequest, error: Refused) -> Response[str]:
        return _refused_page(front, request, error.refusal)

    def sign_in(request: WebRequest, error: SignInNeeded) -> Response[Any]:
        area = area_of(request.url.path) or "/wallet"
        if request.headers.get("accept", "") == "application/json":
            return _refused_page(front, request, Refusal("NOT_SIGNED_IN"))
        asked = request.url.path if request.method == "GET" else area
        return front.redirect(f"{area}/sign-in?next={quote(asked, safe='')}")

    def http(request: WebRequest, error: HTTPException) -> Response[str]:
        code = {404: "NOT_FOUND", 405: "NOT_FOUND", 413: "TOO_LARGE"}.get(error.status_code)
        return _refused_page(front, request, Refusal(code or "INVALID_PARAMETER"))

    def failed(request: WebRequest, error: Exception) -> Response[str]:
        log.exception("page_failed", path=request.url.path, exc_info=error)
        return _refused_page(front, request, refusal_of(error))

    return {Refused: refused, SignInNeeded: sign_in, HTTPException: http, Exception: failed}
