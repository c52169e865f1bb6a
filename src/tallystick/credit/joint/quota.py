"""Quotas: what of each programme is in use, and what a further part of a loan takes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tallystick.credit.joint import decide
from tallystick.credit.joint.model import (
    FundingDecision,
    FundingStatus,
    Programme,
    ProgrammeDay,
    ProgrammeTerms,
)
from tallystick.credit.joint.routing import ppm_of
from tallystick.credit.loans.model import LoanEvent, LoanEventKind
from tallystick.credit.participation.model import (
    WHOLE_PPM,
    FundingPlan,
    JointLoan,
    Participant,
    Plan,
    plan_of,
)
from tallystick.credit.participation.share import owed_parts
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    LOAN_PRINCIPAL,
    PARTICIPATION_PRINCIPAL,
    SHARE_PRINCIPAL,
    book_id,
)
from tallystick.money.china_time import china_time
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.commands import Registry
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["borrower_use", "in_use", "programme_use", "register", "stored_plan", "take_further"]

_DAY_CHARS: Final = 10


def in_use(uow: UnitOfWork, ref: AccountRef) -> tuple[int, int]:
    """An account's balance on its side with what is pending there, and that alone."""
    account = uow.books.account(ref.id)
    if account is None:
        return 0, 0
    if ref.entry.side.value == "credit":
        pending = account.credits_pending
        return account.credits_posted - account.debits_posted + pending, pending
    pending = account.debits_pending
    return account.debits_posted - account.credits_posted + pending, pending


def programme_use(uow: UnitOfWork, programme: Programme, currency: str) -> tuple[int, int]:
    """What of a programme is in use, reservations included, and what is reserved alone."""
    book = platform_book(currency)
    return in_use(uow, AccountRef(PARTICIPATION_PRINCIPAL, str(programme.number), book))


def stored_plan(uow: UnitOfWork, plan_id: str) -> Plan:
    """A plan that loans or decisions name."""
    row = uow.get(FundingPlan, plan_id)
    assert row is not None, plan_id
    return plan_of(row)


def _parts_owed(uow: UnitOfWork, joint: JointLoan, plan: Plan) -> list[int]:
    """What each who takes part is owed of a loan's principal."""
    ref = AccountRef(LOAN_PRINCIPAL, joint.loan_id, platform_book(joint.currency))
    account = uow.books.account(ref.id)
    if account is None or account.debits_posted <= account.credits_posted:
        return [0] * len(plan.participants)
    return owed_parts(account.debits_posted, account.credits_posted, plan.shares)


def borrower_use(uow: UnitOfWork, borrower_id: str) -> Mapping[str, int]:
    """What a borrower owes each programme of principal, with what is reserved for it."""
    used: dict[str, int] = defaultdict(int)
    for joint in uow.select(JointLoan, borrower_id=borrower_id):
        plan = stored_plan(uow, joint.plan_id)
        for p, part in zip(plan.participants, _parts_owed(uow, joint, plan), strict=True):
            used[p.programme_id] += part if p.is_outside and not p.taken_from else 0
    for row in uow.select(
        FundingDecision, borrower_id=borrower_id, status=FundingStatus.RESERVED.value
    ):
        for share in decide.offered(stored_plan(uow, row.plan_id), row.amount):
            used[share.programme_id] += share.amount
    return used


def take_further(uow: UnitOfWork, happened: Event) -> None:
    """A loan was drawn further: its plan stays, and each who funds it must have room for its part.

    The part stands in the books when this is asked, so what is in use is held to the ceilings of
    now; the day's counts it from here on.

    Raises:
        Refused: FUNDING_DECLINED, with the rule that a programme would break.
    """
    joint = uow.get(JointLoan, happened.subject)
    if joint is None:
        return
    events = uow.select(LoanEvent, loan_id=joint.loan_id)
    further = [e for e in events if e.kind is LoanEventKind.DRAWDOWN]
    if not further:
        return  # The first part was decided, and counted then.
    plan, last = stored_plan(uow, joint.plan_id), max(further, key=lambda e: e.step)
    day, used = china_time(uow.now_ms)[:_DAY_CHARS], borrower_use(uow, joint.borrower_id)
    offered = decide.offered(plan, last.amount)
    owed = _parts_owed(uow, joint, plan)
    for participant, share, part in zip(plan.participants, offered, owed, strict=True):
        programme = uow.get(Programme, participant.programme_id)
        if not participant.is_outside or participant.taken_from or programme is None:
            continue
        today = uow.get(ProgrammeDay, programme.programme_id, day)
        today = today or ProgrammeDay(programme.programme_id, day, 0)
        today = replace(today, used=today.used + share.amount)
        terms = decode_json(programme.terms, ProgrammeTerms)
        taken = {
            "loan": (part, terms.loan_max),
            "borrower": (used[programme.programme_id], terms.borrower_max),
            "day": (today.used, terms.day_max),
            "total": (programme_use(uow, programme, joint.currency)[0], terms.total_max),
            "concentration": _class_use(uow, participant, terms),
        }
        _require_room(programme, taken)
        uow.put(today)


def _class_use(uow: UnitOfWork, participant: Participant, terms: ProgrammeTerms) -> tuple[int, int]:
    """What is in use of the loan's kind, and its ceiling."""
    if terms.concentration is None:
        return 0, 0
    book = book_id(participant.entity, terms.currency)
    found = in_use(uow, AccountRef(SHARE_PRINCIPAL, participant.class_account, book))[0]
    return found, terms.total_max * ppm_of(terms.concentration.share) // WHOLE_PPM


def _require_room(programme: Programme, taken: Mapping[str, tuple[int, int]]) -> None:
    if not programme.is_open:
        raise Refused("FUNDING_DECLINED", "open")
    for rule, (used, most) in taken.items():
        if most and used > most:
            raise Refused("FUNDING_DECLINED", rule)


def register(registry: Registry) -> None:
    """Follow what is drawn."""
    registry.subscribe("loan.drawn", take_further)
