"""Held commands, lists and inquiries for operators."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.decoding import convert
from tallystick.partners.model import Operator
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.facts import LISTED, LISTED_KINDS
from tallystick.risk.decision.model import (
    AddToList,
    CloseCase,
    DecisionRow,
    ListEntry,
    NoteCase,
    OpenCase,
    RejectHeld,
    ReleaseHeld,
    RemoveFromList,
    Review,
    ReviewStatus,
    RiskCase,
    RiskNote,
)

__all__ = ["RISK_REVIEWS"]

_REVIEWS: Final = "/console/risk/reviews"
_LISTS: Final = "/console/risk/lists"
_CASES: Final = "/console/risk/cases"
_SHOWN: Final = 50
_DAY_MS: Final = 86_400_000
_DAYS_MAX: Final = 3650


class HeldView(NamedTuple):
    """A held command as a page shows it; `mine` when this operator has agreed already."""

    review: Review
    decision: DecisionRow | None
    payer: str
    contents: dict[str, Any]
    agreed_by: str
    mine: bool


def _name_of(front: Frontend, who: str) -> str:
    """An operator's login, for `operator:ID`."""
    kind, _, number = who.partition(":")
    operator = front.platform.rows.get(Operator, number) if kind == "operator" else None
    return who if operator is None else operator.login


def _held(front: Frontend, visitor: Visitor, review: Review) -> HeldView:
    platform = front.platform
    decision = platform.rows.get(DecisionRow, review.seq)
    command = msgspec.to_builtins(platform.registry.decode(review.command))
    assert visitor.operator is not None
    own = f"operator:{visitor.operator.operator_id}"
    return HeldView(
        review, decision, party_label(front, "" if decision is None else decision.party), command,
        _name_of(front, review.released_by), review.released_by == own,
    )  # fmt: skip


def _reviews_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    waiting = rows.query(
        Review, "WHERE status = ? ORDER BY held_ms, review_id LIMIT ?",
        (ReviewStatus.HELD.value, _SHOWN),
    )  # fmt: skip
    ended = rows.query(
        Review, "WHERE status <> ? ORDER BY ended_ms DESC, review_id LIMIT ?",
        (ReviewStatus.HELD.value, _SHOWN),
    )  # fmt: skip
    return operators_page(
        front, visitor, "risk_reviews", "risk", refusal=refusal,
        waiting=[_held(front, visitor, review) for review in waiting],
        ended=[_held(front, visitor, review) for review in ended],
    )  # fmt: skip


@get(_REVIEWS)
async def show_reviews(front: Front, visitor: Asking) -> Response[str]:
    """The queue, oldest first, and what was decided of late."""
    return _reviews_page(front, visitor)


async def _review(
    front: Frontend, visitor: Visitor, form: Form, command: Command, what: str
) -> Response[Any]:
    try:
        await act(front, visitor, form, command, what)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _reviews_page(front, visitor, said)
    return front.redirect(_REVIEWS, done="saved")


@post(f"{_REVIEWS}/{{review_id:str}}/release")
async def release(
    review_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Agree; with the second person's agreement the command runs."""
    form = await read_form(request)
    command = ReleaseHeld(review_id=review_id, note=form.get("note", "")[:500])
    return await _review(front, visitor, form, command, "release")


@post(f"{_REVIEWS}/{{review_id:str}}/reject")
async def reject(
    review_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """The command does not run."""
    form = await read_form(request)
    command = RejectHeld(review_id=review_id, note=form.get("note", "")[:500])
    return await _review(front, visitor, form, command, "reject")


# Lists.


def _lists_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    entries = front.platform.rows.query(
        ListEntry,
        "WHERE removed_ms = 0 AND (expires_ms = 0 OR expires_ms > ?) "
        "ORDER BY change_no DESC LIMIT ?",
        (front.platform.clock_ms(), 4 * _SHOWN),
    )
    return operators_page(
        front, visitor, "risk_lists", "risk", refusal=refusal,
        lists={kind: [e for e in entries if e.list_kind == kind] for kind in LISTED_KINDS},
        subjects=LISTED,
    )  # fmt: skip


@get(_LISTS)
async def show_lists(front: Front, visitor: Asking) -> Response[str]:
    """What is on the lists, newest first."""
    return _lists_page(front, visitor)


async def _list(
    front: Frontend, visitor: Visitor, form: Form, make: dict[str, Any], kind: type[Command]
) -> Response[Any]:
    try:
        await act(front, visitor, form, convert(make, kind), "list")
    except (Refused, msgspec.ValidationError) as error:
        said = error_text(error, visitor.language)
        return _lists_page(front, visitor, said)
    return front.redirect(_LISTS, done="saved")


def _entry(form: Form) -> dict[str, Any]:
    return {
        "command": "", "list_kind": form.get("list", ""), "subject": form.get("subject", ""),
        "value": form.get("value", "")[:128],
    }  # fmt: skip


@post(_LISTS)
async def add_entry(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Put a value on a list, for so many days or for good."""
    form = await read_form(request)
    days = form.get("days", "")
    within = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
    until = front.platform.clock_ms() + min(within, _DAYS_MAX) * _DAY_MS if within else 0
    make = {**_entry(form), "reason": form.get("reason", "")[:500], "expires_ms": until}
    make["command"] = "risk.add_to_list"
    return await _list(front, visitor, form, make, AddToList)


@post(f"{_LISTS}/remove")
async def remove_entry(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Take a value off a list."""
    form = await read_form(request)
    make = {**_entry(form), "command": "risk.remove_from_list"}
    return await _list(front, visitor, form, make, RemoveFromList)


# Inquiries.


def _cases_page(
    front: Frontend, visitor: Visitor, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    cases = front.platform.rows.query(
        RiskCase, "ORDER BY opened_ms DESC, case_id LIMIT ?", (_SHOWN,)
    )
    return operators_page(
        front, visitor, "risk_cases", "risk", refusal=refusal, cases=cases, subjects=LISTED
    )


@get(_CASES)
async def show_cases(front: Front, visitor: Asking) -> Response[str]:
    """Inquiries, newest first."""
    return _cases_page(front, visitor)


@post(_CASES)
async def open_case(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Begin an inquiry."""
    form = await read_form(request)
    make = {"command": "risk.open_case", "subject": form.get("subject", ""),
            "value": form.get("value", "")[:128], "title": form.get("title", "")[:500]}  # fmt: skip
    try:
        await act(front, visitor, form, convert(make, OpenCase), "case")
    except (Refused, msgspec.ValidationError) as error:
        said = error_text(error, visitor.language)
        return _cases_page(front, visitor, said)
    return front.redirect(_CASES, done="saved")


def _case_page(
    front: Frontend, visitor: Visitor, case_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    case = rows.get(RiskCase, case_id[:64])
    if case is None:
        raise Refused("NOT_FOUND")
    tail = "WHERE party = ? ORDER BY seq DESC LIMIT 20"
    about = rows.query(DecisionRow, tail, (case.value,)) if case.subject == "party" else []
    notes = [(n, _name_of(front, n.written_by)) for n in rows.select(RiskNote, case_id=case_id)]
    return operators_page(
        front, visitor, "risk_case", "risk", refusal=refusal, case=case, about=about, notes=notes
    )


@get(f"{_CASES}/{{case_id:str}}")
async def show_case(case_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One inquiry with its notes."""
    return _case_page(front, visitor, case_id)


async def _on_case(
    front: Frontend, visitor: Visitor, form: Form, case_id: str, command: Command
) -> Response[Any]:
    try:
        await act(front, visitor, form, command, f"case:{case_id[:64]}")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _case_page(front, visitor, case_id, said)
    return front.redirect(f"{_CASES}/{case_id}", done="saved")


@post(f"{_CASES}/{{case_id:str}}/notes")
async def write_note(
    case_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Write into it; a note may name a decision."""
    form = await read_form(request)
    seq = form.get("seq", "")
    number = int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 18 else 0
    command = NoteCase(case_id=case_id, text=form.get("text", "")[:500], seq=number)
    return await _on_case(front, visitor, form, case_id, command)


@post(f"{_CASES}/{{case_id:str}}/close")
async def close_case(
    case_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """End it; the decisions that its notes name are labelled."""
    form = await read_form(request)
    is_fraud = form.get("outcome") == "fraud"
    command = CloseCase(case_id=case_id, outcome="fraud" if is_fraud else "genuine")
    return await _on_case(front, visitor, form, case_id, command)


RISK_REVIEWS: Final = (
    show_reviews, release, reject, show_lists, add_entry, remove_entry, show_cases, open_case,
    show_case, write_note, close_case,
)  # fmt: skip
