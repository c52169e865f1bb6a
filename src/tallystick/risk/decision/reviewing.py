"""Held commands, labels and cases at work."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from tallystick.partners.views import person_of
from tallystick.pipeline.commands import Caller, CallerKind, Command, Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.around import fingerprint_of_run, has_own_number
from tallystick.risk.decision.model import (
    CaseStatus,
    CloseCase,
    DecisionRow,
    LabelDecision,
    LabelRow,
    NoteCase,
    OpenCase,
    RejectHeld,
    ReleaseHeld,
    Review,
    ReviewDone,
    ReviewStatus,
    RiskCase,
    RiskDone,
    RiskNote,
)

__all__ = ["register_reviewing", "released_now"]


def _by(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


def _open_review(context: Context, review_id: str) -> Review:
    review = context.uow.get(Review, review_id)
    if review is None:
        raise Refused("RISK_REVIEW_NOT_EXIST")
    if review.status is not ReviewStatus.HELD:
        raise Refused("RISK_REVIEW_ENDED")
    return review


def _agreeing(context: Context, review: Review) -> str:
    """The person who agrees: an operator, or the one for whom a key stands.

    Raises:
        Refused: RISK_REVIEWER_UNKNOWN for a key of nobody's, RISK_SAME_REVIEWER for the one who
            asked for the command.
    """
    person = person_of(context.uow, context.caller)
    if not person:
        raise Refused("RISK_REVIEWER_UNKNOWN")
    asked = Caller(CallerKind(review.caller_kind), review.caller_id)
    if person == person_of(context.uow, asked):
        raise Refused("RISK_SAME_REVIEWER")
    return f"{CallerKind.OPERATOR}:{person}"


def _spent(review: Review, held: Command) -> bytes:
    """What stands for a released command: one that would do its work anew is held anew.

    What the platform asks for a person they still have to do themselves, so it goes on to pass.
    """
    if review.caller_kind == CallerKind.SYSTEM or has_own_number(held):
        return review.fingerprint
    return fingerprint_of_run(review.fingerprint, review.request_key)


def _as_asked(registry: Registry, review: Review, context: Context) -> tuple[Command, Context]:
    """A held command, and the context of who had asked for it."""
    caller = Caller(
        CallerKind(review.caller_kind), review.caller_id, frozenset(review.scopes.split())
    )
    asked = Context(context.uow, caller, review.request_key, context.now_ms)
    return registry.decode(review.command), asked


def released_now(
    registry: Registry, command: ReleaseHeld, context: Context
) -> tuple[Command, Context] | None:
    """What runs with this agreement, and as whose; None while it is the first one."""
    review = context.uow.get(Review, command.review_id)
    if review is None or review.status is not ReviewStatus.HELD or not review.released_by:
        return None
    return _as_asked(registry, review, context)


def _releasing(registry: Registry) -> Callable[[ReleaseHeld, Context], Reply]:
    def release(command: ReleaseHeld, context: Context) -> Reply:
        """Agree; the second one's agreement runs the command as who had asked for it.

        When its own handler refuses it now, so is the release, and the first agreement stays.
        """
        uow = context.uow
        review = _open_review(context, command.review_id)
        by = _agreeing(context, review)
        if not review.released_by:
            uow.put(replace(review, released_by=by, note=command.note))
            return ReviewDone(review_id=review.review_id, status=ReviewStatus.HELD)
        if review.released_by == by:
            raise Refused("RISK_SAME_REVIEWER")
        held, asked = _as_asked(registry, review, context)
        reply = registry.entry(type(held)).handler(held, asked)
        uow.put(
            replace(
                review, status=ReviewStatus.RELEASED, second_by=by, ended_ms=context.now_ms,
                fingerprint=_spent(review, held),
            )
        )  # fmt: skip
        _tell(context, review, "released")
        return ReviewDone(
            review_id=review.review_id, status=ReviewStatus.RELEASED,
            result=msgspec.json.encode(reply).decode(),
        )  # fmt: skip

    return release


def _tell(context: Context, review: Review, what: str) -> None:
    context.uow.emit(
        event(f"risk.{what}", review.review_id, {"review_id": review.review_id, "seq": review.seq})
    )


def reject_held(command: RejectHeld, context: Context) -> Reply:
    """The command does not run."""
    review = _open_review(context, command.review_id)
    context.uow.put(
        replace(
            review, status=ReviewStatus.REJECTED, second_by=_by(context), ended_ms=context.now_ms,
            note=command.note or review.note,
        )
    )  # fmt: skip
    _tell(context, review, "rejected")
    return ReviewDone(review_id=review.review_id, status=ReviewStatus.REJECTED)


def _label(context: Context, seq: int, fraud: bool) -> None:
    if context.uow.get(DecisionRow, seq) is None:
        raise Refused("NOT_FOUND", f"There is no decision {seq}.")
    context.uow.put(LabelRow(seq, int(fraud), _by(context), context.now_ms))


def label_decision(command: LabelDecision, context: Context) -> Reply:
    """Say what a decided command turned out to be; the last word counts."""
    _label(context, command.seq, command.fraud)
    return RiskDone(id="label", number=command.seq)


def open_case(command: OpenCase, context: Context) -> Reply:
    """Begin an inquiry."""
    if not command.value or not command.title:
        raise Refused("INVALID_PARAMETER", "A case needs a value and a title.")
    case_id = dated_number(context.now_ms, context.request_key, "case")
    context.uow.put(
        RiskCase(
            case_id, command.subject, command.value, command.title, CaseStatus.OPEN, "",
            _by(context), context.now_ms, 0,
        )
    )  # fmt: skip
    return RiskDone(id=case_id)


def _open_case(context: Context, case_id: str) -> RiskCase:
    case = context.uow.get(RiskCase, case_id)
    if case is None:
        raise Refused("NOT_FOUND", "There is no such case.")
    if case.status is CaseStatus.CLOSED:
        raise Refused("RISK_REVIEW_ENDED", "The case is closed.")
    return case


def note_case(command: NoteCase, context: Context) -> Reply:
    """Write into an open case."""
    case = _open_case(context, command.case_id)
    if command.seq and context.uow.get(DecisionRow, command.seq) is None:
        raise Refused("NOT_FOUND", f"There is no decision {command.seq}.")
    step = len(context.uow.select(RiskNote, case_id=case.case_id)) + 1
    context.uow.put(
        RiskNote(case.case_id, step, command.text, command.seq, _by(context), context.now_ms)
    )
    return RiskDone(id=case.case_id, number=step)


def close_case(command: CloseCase, context: Context) -> Reply:
    """End an inquiry and label what its notes name."""
    case, uow = _open_case(context, command.case_id), context.uow
    for note in uow.select(RiskNote, case_id=case.case_id):
        if note.seq:
            _label(context, note.seq, command.outcome == "fraud")
    uow.put(
        replace(case, status=CaseStatus.CLOSED, outcome=command.outcome, closed_ms=context.now_ms)
    )
    return RiskDone(id=case.case_id)


def register_reviewing(registry: Registry) -> None:
    """Declare the commands of reviewers."""
    registry.add(ReleaseHeld, _releasing(registry), reply=ReviewDone, scope="risk:review")
    registry.add(RejectHeld, reject_held, reply=ReviewDone, scope="risk:review")
    registry.add(LabelDecision, label_decision, reply=RiskDone, scope="risk:review")
    registry.add(OpenCase, open_case, reply=RiskDone, scope="risk:review")
    registry.add(NoteCase, note_case, reply=RiskDone, scope="risk:review")
    registry.add(CloseCase, close_case, reply=RiskDone, scope="risk:review")
