"""The wallet's pages for who is overdue, and for who may ask about a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.requests import Form, amount_in, form_request, need_party, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.collections.commands import AskHardship, MakePromise, StopCase, TakeOffer
from tallystick.credit.collections.model import CollectionCase, OfferStatus
from tallystick.credit.collections.terms import Offered
from tallystick.credit.collections.views import case_story, cases_of
from tallystick.credit.inquiries.model import GrantConsent, Purpose, RevokeConsent
from tallystick.credit.inquiries.views import consents_of, inquiries_about, standing_of
from tallystick.credit.loans.timing import loan_day
from tallystick.decoding import decode_json
from tallystick.partners.model import App
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refusal, Refused

__all__ = ["OWING"]

_OVERDUE: Final = "/wallet/overdue"
_CONSENTS: Final = "/wallet/consents"
_REASONS: Final = {"dispute": "dispute", "complaint": "complaint"}
_DAYS_MAX: Final = 365


async def _ask(front: Frontend, visitor: Visitor, form: Form, command: Command, what: str) -> None:
    """Run a person's command; a form that is sent twice is done once.

    Raises:
        Refused: what the pipeline refused.
    """
    answer = await front.submit(visitor.caller, command, form_request(form, what))
    if answer.refusal is not None:
        raise Refused(*answer.refusal)


# Overdue.


def _overdue_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    rows, now_ms = front.platform.rows, front.platform.clock_ms()
    stories = []
    for case in cases_of(rows, need_party(visitor).party_id):
        story = case_story(rows, case)
        offers = [
            (offer, decode_json(offer.terms, Offered))
            for offer in story.offers
            if offer.status is OfferStatus.OPEN and offer.until_ms >= now_ms
        ]
        stories.append((story, offers))
    day = loan_day(now_ms)
    return front.page(
        visitor, "wallet/overdue.html", status=refusal.status if refusal else 200, here="home",
        refusal=refusal, stories=stories, today=day.isoformat(),
        latest=(day + timedelta(days=31)).isoformat(),
    )  # fmt: skip


@get(_OVERDUE)
async def show_overdue(front: Front, visitor: Asking) -> Response[str]:
    """What is overdue, and the ways out."""
    return _overdue_page(front, visitor)


def _own_command(what: str, case: CollectionCase, form: Form) -> Command:
    note = form.get("note", "")[:500]
    if what == "promise":
        amount = amount_in(form, "amount", case.currency)
        return MakePromise(case_id=case.case_id, amount=amount, due_day=form.get("due_day", ""))
    if what == "hardship":
        return AskHardship(case_id=case.case_id, reason=note)
    if what == "stop" and form.get("reason") in _REASONS:
        reason: Any = _REASONS[form["reason"]]
        return StopCase(case_id=case.case_id, reason=reason, note=note)
    if what == "offer":
        return TakeOffer(offer_id=form.get("offer_id", ""))
    raise Refused("INVALID_PARAMETER")


@post(f"{_OVERDUE}/{{case_id:str}}/{{what:str}}")
async def do_about_overdue(
    case_id: FromPath[str], what: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Promise, ask for a pause, say that something is wrong, or take an offer."""
    party_id, form = need_party(visitor).party_id, await read_form(request)
    case = front.platform.rows.get(CollectionCase, case_id)
    if case is None or case.borrower_id != party_id:
        raise Refused("COLLECTION_CASE_NOT_EXIST")
    try:
        await _ask(front, visitor, form, _own_command(what, case, form), f"overdue-{what}")
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _overdue_page(front, visitor, said)
    return front.redirect(_OVERDUE, done="saved")


# Consents.


def _consents_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    rows, party_id = front.platform.rows, need_party(visitor).party_id
    apps = rows.query(App, "ORDER BY app_id LIMIT 200")
    return front.page(
        visitor, "wallet/consents.html", status=refusal.status if refusal else 200, here="home",
        refusal=refusal, consents=consents_of(rows, party_id), now_ms=front.platform.clock_ms(),
        inquiries=inquiries_about(rows, party_id), score=standing_of(rows, party_id), apps=apps,
        names={app.app_id: app.name for app in apps}, purposes=list(Purpose),
    )  # fmt: skip


@get(_CONSENTS)
async def show_consents(front: Front, visitor: Asking) -> Response[str]:
    """Who may ask about the person, and who did."""
    return _consents_page(front, visitor)


@post(_CONSENTS)
async def grant(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Let somebody ask."""
    party_id, form = need_party(visitor).party_id, await read_form(request)
    days = form.get("days", "")
    try:
        if form.get("purpose") not in list(Purpose):
            raise Refused("INVALID_PARAMETER")
        command = GrantConsent(
            party_id=party_id, asker_id=form.get("app", ""), purpose=Purpose(form["purpose"]),
            days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0,
        )  # fmt: skip
        await _ask(front, visitor, form, command, "consent")
    except Refused as refused:
        return _consents_page(front, visitor, refusal_text(refused.refusal, visitor.language))
    return front.redirect(_CONSENTS, done="saved")


@post(f"{_CONSENTS}/{{consent_id:str}}/revoke")
async def revoke(
    consent_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take a consent back."""
    need_party(visitor)
    form = await read_form(request)
    try:
        await _ask(front, visitor, form, RevokeConsent(consent_id=consent_id), "revoke")
    except Refused as refused:
        said = refusal_text(Refusal(refused.refusal.code), visitor.language)
        return _consents_page(front, visitor, said)
    return front.redirect(_CONSENTS, done="saved")


OWING: Final = (show_overdue, do_about_overdue, show_consents, grant, revoke)
