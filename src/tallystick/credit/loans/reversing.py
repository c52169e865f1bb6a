"""What is done to an earlier day: the loan is found anew from there, and the books follow.

A payment is taken back, or a fee stands on the day that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from tallystick.credit.loans.life import Amounts, Position
from tallystick.credit.loans.model import LoanEvent, LoanEventKind, LoanStatus
from tallystick.credit.loans.state import (
    LoanState,
    caught_up_to_day,
    first_try,
    kept,
    loan_done,
    loan_event,
    loan_happened,
    position_of,
)
from tallystick.credit.postings import Bucket
from tallystick.pipeline.decisions import AccountRef, Decision, Posting
from tallystick.pipeline.refusals import Refused

__all__ = ["charge_fee_of", "reverse"]


def _payment(events: Sequence[LoanEvent], step: int) -> LoanEvent:
    taken_back = {e.detail for e in events if e.kind is LoanEventKind.REVERSAL}
    found = next((e for e in events if e.step == step), None)
    if found is None or found.kind is not LoanEventKind.PAYMENT or str(step) in taken_back:
        raise Refused("LOAN_PAYMENT_NOT_EXIST")
    return found


class _FoundAnew(NamedTuple):
    """What changes of a loan, of receivables, of income, of what waits.

    Args:
        receivables: what a payment that is taken back paid of each, and is owed again.
        income: what is earned more by each, or less.
        moved: what later payments pay less of each, or more.
        waiting: what of it waited; `advance`: what waits more now, that aside.
    """

    receivables: Amounts
    income: Amounts
    moved: Amounts
    waiting: int
    advance: int


def _found_anew(before: Position, after: Position, payment: LoanEvent | None = None) -> _FoundAnew:
    """Between two positions of one day what changes, beside a payment that is taken back."""
    receivables = before.brought(payment.step) if payment else dict.fromkeys(Bucket, 0)
    income = dict.fromkeys(Bucket, 0)
    for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
        earned = after.charged[bucket] - before.charged[bucket]
        forgiven = after.waived[bucket] - before.waived[bucket]
        income[bucket] = earned - forgiven
    moved = {b: after.left[b] - before.left[b] - receivables[b] - income[b] for b in Bucket}
    waiting = payment.amount - sum(receivables.values()) if payment else 0
    advance = after.advance - before.advance + waiting
    assert sum(moved.values()) == advance, (moved, advance)
    return _FoundAnew(receivables, income, moved, waiting, advance)


def _following(state: LoanState, found: _FoundAnew) -> list[Posting]:
    """What changes as postings: first what makes more owed, then what makes less owed."""
    books, source = state.books, state.source

    def each(
        name: str, amounts: Amounts, sign: int, source: AccountRef | None = None
    ) -> list[Posting]:
        return [
            books.posting(name, sign * amount, bucket=bucket, source=source)
            for bucket, amount in amounts.items()
            if sign * amount > 0
        ]

    return [
        *each("reversal", found.receivables, 1, source),
        *each("accrual", found.income, 1),
        *each("reallocated_from", found.moved, 1),
        books.posting("advance_reallocated_to", max(0, found.advance)),
        *each("reallocated_to", found.moved, -1),
        *each("waiver", found.income, -1),
        books.posting("advance_reallocated_from", max(0, -found.advance)),
        books.posting("advance_reversal", found.waiting, source=source),
    ]


def reverse(state: LoanState, step: int) -> Decision:
    """Take a payment back and find every later day anew.

    The payment's own postings are undone; income changes by what more accrued; and what later
    payments paid is moved to where they go now.
    """
    payment = _payment(state.events, step)
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    if before.status in (LoanStatus.CHARGED_OFF, LoanStatus.SOLD):
        raise Refused("LOAN_STATE_REFUSED")
    back = loan_event(state, LoanEventKind.REVERSAL, payment.amount, str(step))
    after = position_of(state, back)
    reply = loan_done(state, state.loan, after, step=back.step, amount=payment.amount)
    postings = (*caught_up.postings, *_following(state, _found_anew(before, after, payment)))
    now = kept(state, after, back, following=first_try(after))
    return now.decision(reply, postings, loan_happened("payment_reversed", state, reply))


def charge_fee_of(state: LoanState, amount: int, day: date) -> Decision:
    """A fee of an earlier day, as if it had been charged then: later payments are found anew.

    A loan that was repaid since owes it again.

    Raises:
        Refused: LOAN_STATE_REFUSED for one that was written off or sold.
    """
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    if before.status in (LoanStatus.CHARGED_OFF, LoanStatus.SOLD):
        raise Refused("LOAN_STATE_REFUSED")
    fee = loan_event(state, LoanEventKind.FEE, amount, "", day=min(day, state.day))
    after = position_of(state, fee)
    reply = loan_done(state, state.loan, after, step=fee.step, amount=amount)
    postings = (*caught_up.postings, *_following(state, _found_anew(before, after)))
    happened = loan_happened("fee_charged", state, reply)
    return kept(state, after, fee).decision(reply, postings, happened)
