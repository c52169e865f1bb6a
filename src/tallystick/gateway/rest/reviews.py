"""Risk's held commands, labels, cases and step-ups."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.gateway.rest.decision_shapes import (
    CaseEnd,
    CaseQuery,
    CaseShape,
    CaseText,
    Label,
    NewCase,
    NoteShape,
    Number,
    ReviewQuery,
    ReviewShape,
    RiskChange,
    StepUpBody,
    Words,
)
from tallystick.gateway.rest.decisions import changed
from tallystick.gateway.rest.fields import Body, OrderNo, PartyId, Query
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.model import (
    CloseCase,
    GrantStepUp,
    LabelDecision,
    NoteCase,
    OpenCase,
    RejectHeld,
    ReleaseHeld,
    Review,
    ReviewDone,
    RiskCase,
    RiskNote,
)

__all__ = ["REVIEW_OPERATIONS"]

_TAG: Final = "Risk"
_READ: Final = "risk:read"
_REVIEW: Final = "risk:review"
_ONE: Final = {"review_id": OrderNo}
_CASE: Final = {"case_id": OrderNo}


class ReviewNote(Body, frozen=True, kw_only=True):
    """Why a held command is released or rejected."""

    note: Words = ""


def _shape(call: Call, review: Review) -> ReviewShape:
    command = msgspec.to_builtins(call.platform.registry.decode(review.command))
    return ReviewShape(
        review_id=review.review_id, status=review.status, seq=review.seq, command=command,
        asked_by=f"{review.caller_kind}:{review.caller_id}", released_by=review.released_by,
        second_by=review.second_by, note=review.note, held_ms=review.held_ms,
    )  # fmt: skip


def list_reviews(call: Call, query: ReviewQuery) -> list[ReviewShape]:
    """The queue, oldest first."""
    found = call.platform.rows.query(
        Review, "WHERE status = ? ORDER BY held_ms, review_id LIMIT ?",
        (query.status.value, query.limit),
    )  # fmt: skip
    return [_shape(call, review) for review in found]


def get_review(call: Call, query: Query) -> ReviewShape:
    """One held command."""
    review = call.platform.rows.get(Review, call.path["review_id"])
    if review is None:
        raise Refused("RISK_REVIEW_NOT_EXIST")
    return _shape(call, review)


def release(call: Call, body: ReviewNote) -> ReleaseHeld:
    """The command that agrees."""
    return ReleaseHeld(review_id=call.path["review_id"], note=body.note)


def reject(call: Call, body: ReviewNote) -> RejectHeld:
    """The command that rejects."""
    return RejectHeld(review_id=call.path["review_id"], note=body.note)


def _reviewed(done: ReviewDone) -> ReviewShape:
    return ReviewShape(review_id=done.review_id, status=done.status, result=done.result)


def label(call: Call, body: Label) -> LabelDecision:
    """The command that labels."""
    return LabelDecision(seq=int(call.path["seq"]), fraud=body.fraud)


def open_case(call: Call, body: NewCase) -> OpenCase:
    """The command that begins an inquiry."""
    return OpenCase(subject=body.subject, value=body.value, title=body.title)


def note_case(call: Call, body: CaseText) -> NoteCase:
    """The command that writes into a case."""
    return NoteCase(case_id=call.path["case_id"], text=body.text, seq=body.seq)


def close_case(call: Call, body: CaseEnd) -> CloseCase:
    """The command that ends an inquiry."""
    return CloseCase(case_id=call.path["case_id"], outcome=body.outcome)


def _case(case: RiskCase, notes: list[RiskNote]) -> CaseShape:
    return CaseShape(
        case_id=case.case_id, subject=case.subject, value=case.value, title=case.title,
        status=case.status, outcome=case.outcome, opened_by=case.opened_by,
        opened_ms=case.opened_ms,
        notes=[
            NoteShape(text=n.text, seq=n.seq, written_by=n.written_by, written_ms=n.written_ms)
            for n in notes
        ],
    )  # fmt: skip


_CASES: Final = Listing(RiskCase, "opened_ms", "case_id")


def list_cases(call: Call, query: CaseQuery) -> Page[CaseShape]:
    """Cases, newest first, without their notes."""
    return page_of(
        call, _CASES, lambda case: _case(case, []), limit=query.limit, cursor=query.cursor,
        status=query.status or "",
    )  # fmt: skip


def get_case(call: Call, query: Query) -> CaseShape:
    """One case with its notes."""
    case = call.platform.rows.get(RiskCase, call.path["case_id"])
    if case is None:
        raise Refused("NOT_FOUND", "There is no such case.")
    return _case(case, call.platform.rows.select(RiskNote, case_id=case.case_id))


def step_up(call: Call, body: StepUpBody) -> GrantStepUp:
    """The command that lets a party's challenges pass."""
    return GrantStepUp(party_id=call.path["party_id"], minutes=body.minutes)


REVIEW_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/risk/reviews", "listReviews", tag=_TAG, scope=_READ, for_apps=False,
        summary="List held commands", description="Oldest first.", query=ReviewQuery,
        find=list_reviews, answer=list[ReviewShape],
    ),
    look(
        "/v1/risk/reviews/{review_id}", "getReview", tag=_TAG, scope=_READ, for_apps=False,
        parameters=_ONE, summary="See a held command", query=Query, find=get_review,
        answer=ReviewShape, refusals=("RISK_REVIEW_NOT_EXIST",),
    ),
    change(
        "/v1/risk/reviews/{review_id}/release", "releaseHeld", tag=_TAG, scope=_REVIEW,
        for_apps=False, parameters=_ONE, summary="Agree to a held command",
        description="It runs with the agreement of a second person: an operator, or the one for "
        "whom a key stands. What its own handler refuses by then is refused here with that code.",
        body=ReviewNote, command=release, show=_reviewed, answer=ReviewShape,
        refusals=("RISK_REVIEW_NOT_EXIST", "RISK_REVIEW_ENDED", "RISK_SAME_REVIEWER",
                  "RISK_REVIEWER_UNKNOWN"),
    ),
    change(
        "/v1/risk/reviews/{review_id}/reject", "rejectHeld", tag=_TAG, scope=_REVIEW,
        for_apps=False, parameters=_ONE, summary="Reject a held command", body=ReviewNote,
        command=reject, show=_reviewed, answer=ReviewShape,
        refusals=("RISK_REVIEW_NOT_EXIST", "RISK_REVIEW_ENDED"),
    ),
    change(
        "/v1/risk/decisions/{seq}/label", "labelDecision", tag=_TAG, scope=_REVIEW,
        for_apps=False, parameters={"seq": Number},
        summary="Say what a decided command turned out to be", body=Label, command=label,
        show=changed, answer=RiskChange, refusals=("NOT_FOUND",), example={"fraud": True},
    ),
    change(
        "/v1/risk/cases", "openCase", tag=_TAG, scope=_REVIEW, status=201, for_apps=False,
        summary="Begin an inquiry", body=NewCase, command=open_case, show=changed,
        answer=RiskChange, refusals=("INVALID_PARAMETER",),
        example={"subject": "device", "value": "phone-5f2c", "title": "Many accounts"},
    ),
    look(
        "/v1/risk/cases", "listCases", tag=_TAG, scope=_READ, for_apps=False,
        summary="List inquiries", description="Newest first.", query=CaseQuery, find=list_cases,
        answer=Page[CaseShape],
    ),
    look(
        "/v1/risk/cases/{case_id}", "getCase", tag=_TAG, scope=_READ, for_apps=False,
        parameters=_CASE, summary="See an inquiry", query=Query, find=get_case,
        answer=CaseShape, refusals=("NOT_FOUND",),
    ),
    change(
        "/v1/risk/cases/{case_id}/notes", "noteCase", tag=_TAG, scope=_REVIEW, for_apps=False,
        parameters=_CASE, summary="Write into an inquiry", body=CaseText, command=note_case,
        show=changed, answer=RiskChange, refusals=("NOT_FOUND", "RISK_REVIEW_ENDED"),
        example={"text": "Called the buyer"},
    ),
    change(
        "/v1/risk/cases/{case_id}/close", "closeCase", tag=_TAG, scope=_REVIEW, for_apps=False,
        parameters=_CASE, summary="End an inquiry",
        description="The decisions that its notes name are labelled.", body=CaseEnd,
        command=close_case, show=changed, answer=RiskChange,
        refusals=("NOT_FOUND", "RISK_REVIEW_ENDED"), example={"outcome": "fraud"},
    ),
    change(
        "/v1/risk/step-ups/{party_id}", "grantStepUp", tag=_TAG, scope=_REVIEW, for_apps=False,
        parameters={"party_id": PartyId}, summary="A party has proved itself",
        description="Challenges pass for so many minutes.", body=StepUpBody, command=step_up,
        show=changed, answer=RiskChange, refusals=("INVALID_PARAMETER",),
        example={"minutes": 15},
    ),
)  # fmt: skip
