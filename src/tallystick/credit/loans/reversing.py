"""What taking a payment back does: the loan is found anew without it, and the books follow."""

from __future__ import annotations

from collections.abc import Sequence
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

__all__ = ["reverse"]


def _payment(events: Sequence[LoanEvent], step: int) -> LoanEvent:
    taken_back = {e.detail for e in events if e.kind is LoanEventKind.REVERSAL}
    found = next((e for e in events if e.step == step), None)
    if found is None or found.kind is not LoanEventKind.PAYMENT or str(step) in taken_back:
        raise Refused("LOAN_PAYMENT_NOT_EXIST")
    return found


class _Undone(NamedTuple):
    """A payment that is taken back, in what it changes: of receivables, of income, of what waits.

    Args:
        receivables: what it paid of each, and is owed again.
        income: what is earned more by each, or less.
        moved: what later payments pay less of each, or more.
        waiting: what of it waited; `advance`: what waits more now, that aside.
    """

    receivables: Amounts
    income: Amounts
    moved: Amounts
    waiting: int
    advance: int


def _undone(before: Position, after: Position, payment: LoanEvent) -> _Undone:
    receivables = before.brought(payment.step)
    income = dict.fromkeys(Bucket, 0)
    for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
        earned = after.charged[bucket] - before.charged[bucket]
        forgiven = after.waived[bucket] - before.waived[bucket]
        income[bucket] = earned - forgiven
    moved = {b: after.left[b] - before.left[b] - receivables[b] - income[b] for b in Bucket}
    waiting = payment.amount - sum(receivables.values())
    advance = after.advance - before.advance + waiting
    assert sum(moved.values()) == advance, (moved, advance)
    return _Undone(receivables, income, moved, waiting, advance)


def _undoing(state: LoanState, undone: _Undone) -> list[Posting]:
    """What is taken back as postings: first what makes more owed, then what makes less owed."""
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
        *each("reversal", undone.receivables, 1, source),
        *each("accrual", undone.income, 1),
        *each("reallocated_from", undone.moved, 1),
        books.posting("advance_reallocated_to", max(0, undone.advance)),
        *each("reallocated_to", undone.moved, -1),
        *each("waiver", undone.income, -1),
        books.posting("advance_reallocated_from", max(0, -undone.advance)),
        books.posting("advance_reversal", undone.waiting, source=source),
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
    postings = (*caught_up.postings, *_undoing(state, _undone(before, after, payment)))
    now = kept(state, after, back, following=first_try(after))
    return now.decision(reply, postings, loan_happened("payment_reversed", state, reply))
