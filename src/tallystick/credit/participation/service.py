"""Sharing at work: every posting of a jointly funded loan is shared in its own unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tallystick.credit.participation.model import FundingPlan, JointLoan, Plan, plan_of
from tallystick.credit.participation.moves import Move, moves_of, touches_loans
from tallystick.credit.participation.postings import ShareBooks
from tallystick.credit.participation.share import Funded, Running, share
from tallystick.ledger.chart import COMPENSATION_INCOME, LOAN_ALLOWANCE
from tallystick.money.china_time import china_time
from tallystick.pipeline import decisions
from tallystick.pipeline.commands import Context, Reply
from tallystick.pipeline.decisions import AccountRef, Decision, Posting

__all__ = [
    "funded_of",
    "merged",
    "plan_by_id",
    "record",
    "record_shared",
    "share_moves",
    "share_postings",
]

_DAY_CHARS: Final = 10


def plan_by_id(context: Context, plan_id: str) -> Plan:
    """The plan under its digest."""
    row = context.uow.get(FundingPlan, plan_id)
    assert row is not None, plan_id
    return plan_of(row)


def _compensated_so_far(context: Context, books: ShareBooks) -> int:
    account = context.uow.books.account(books.account(COMPENSATION_INCOME, "institution").id)
    return 0 if account is None else account.credits_posted - account.debits_posted


def funded_of(context: Context, joint: JointLoan) -> Funded:
    """A jointly funded loan with all that sharing looks at."""
    plan = plan_by_id(context, joint.plan_id)
    compensated = tuple(
        _compensated_so_far(context, ShareBooks(p, joint.currency, 0)) if p.cap else 0
        for p in plan.participants
    )
    day = china_time(context.now_ms)[:_DAY_CHARS]
    return Funded(joint, plan, compensated, day, context.uow.books.last_timestamp + 1)


def _joint_among(context: Context, loan_ids: Sequence[str]) -> list[JointLoan]:
    """Those of some loans that several fund; of many loans they are asked for at once."""
    if len(loan_ids) > 1:
        last = max(loan_ids)
        known = context.uow.connection.execute(
            "SELECT loan_id FROM joint_loan WHERE loan_id >= ? AND loan_id <= ?",
            (min(loan_ids), last),
        )
        there = {row[0] for row in known}
        loan_ids = [loan_id for loan_id in loan_ids if loan_id in there]
    found = (context.uow.get(JointLoan, loan_id) for loan_id in loan_ids)
    return [joint for joint in found if joint is not None]


def _running(context: Context, moves: Sequence[Move]) -> list[Running]:
    """Each move with the running total before it: the account's, less what came since."""
    books = context.uow.books
    since: dict[tuple[AccountRef, bool], int] = {}
    for move in moves:
        if move.account is not None:
            key = (move.account, move.on_debit)
            since[key] = since.get(key, 0) + move.amount
    found = []
    for move in moves:
        before = 0
        if move.account is not None:
            account = books.account(move.account.id)
            assert account is not None, move
            debits = account.debits_posted - since.get((move.account, True), 0)
            credits = account.credits_posted - since.get((move.account, False), 0)
            since[move.account, move.on_debit] -= move.amount
            before = debits if move.on_debit else credits
            if move.account.entry is LOAN_ALLOWANCE:
                before = credits - debits
        found.append(Running(move, before))
    return found


def merged(postings: Iterable[Posting]) -> list[Posting]:
    """Postings between the same accounts as one, which belongs to no loan."""
    sums: dict[tuple[AccountRef, AccountRef, int], Posting] = {}
    for p in postings:
        key = (p.debit, p.credit, p.movement)
        before = sums[key].amount if key in sums else 0
        sums[key] = p._replace(amount=before + p.amount, reference=0)
    return list(sums.values())


def share_postings(context: Context, postings: Sequence[Posting]) -> None:
    """Share postings that were just made on loans; on loans that nobody shares nothing happens.

    Raises:
        Refused: LOAN_STATE_REFUSED for what loans that several fund do not take part in.
    """
    joint = {j.loan_id for j in _joint_among(context, touches_loans(postings))}
    if joint:
        share_moves(context, moves_of(p for p in postings if f"{p.reference:028d}" in joint))


def share_moves(context: Context, moves: Sequence[Move]) -> None:
    """Share what was just moved on jointly funded loans."""
    by_loan: dict[str, list[Move]] = {}
    for move in moves:
        by_loan.setdefault(move.loan_id, []).append(move)
    made: list[Posting] = []
    for loan_id, theirs in by_loan.items():
        joint = context.uow.get(JointLoan, loan_id)
        assert joint is not None, loan_id
        shared = share(funded_of(context, joint), _running(context, theirs))
        made += shared.postings
        for row in (shared.joint, *shared.flows):
            if row is not joint:
                context.uow.put(row)
    record_shared(context, merged(made) if len(by_loan) > 1 else made)


def record_shared(
    context: Context, postings: Sequence[Posting], purpose: bytes = b"shares"
) -> None:
    """Post shares, with transfers of their own beside those of the loans.

    Args:
        purpose: tells apart what one command posts in several goes.

    Raises:
        Refused: LEDGER_REFUSED.
    """
    if not postings:
        return
    own = context._replace(request_key=context.request_key + purpose)
    decisions.record(own, Decision(Reply(), postings=tuple(postings)))


def record(context: Context, decision: Decision) -> Reply:
    """Record what a command does to loans, and share what it moved.

    Raises:
        Refused: as `decisions.record`; LOAN_STATE_REFUSED as `share_postings`.
    """
    reply = decisions.record(context, decision)
    share_postings(context, decision.postings)
    return reply
