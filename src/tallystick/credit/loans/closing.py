"""What closing a day and writing off do: accrual, provision for what may be lost, and losses."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import LoanEventKind, LoanStatus
from tallystick.credit.loans.standing import loss_bucket, loss_table
from tallystick.credit.loans.state import (
    LoanState,
    caught_up_to_day,
    kept,
    loan_done,
    loan_event,
    loan_happened,
    position_of,
    waiting_try,
)
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.amortise import whole
from tallystick.money.rate import Rounding
from tallystick.pipeline.decisions import Decision, Posting, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event

__all__ = ["charge_off", "close_day", "release_allowance"]


def _provision(state: LoanState, wanted: int) -> Posting:
    """Bring the allowance to what is expected to be lost."""
    change = wanted - state.allowance
    name = "provision" if change >= 0 else "provision_release"
    return state.books.posting(name, abs(change))


def release_allowance(state: LoanState) -> Posting:
    """Nothing is expected to be lost of a loan any more."""
    return _provision(state, 0)


def _expected_loss(state: LoanState, position: Position) -> int:
    """What is expected to be lost of the principal, by days past due."""
    if position.status is not LoanStatus.ACTIVE:
        return 0
    table = loss_table(state.contract.product.late)
    rate = table[loss_bucket(state.contract.product.late, position.days_past_due)][1]
    return whole(position.left[Bucket.PRINCIPAL] * Fraction(rate), Rounding.HALF_UP)


def charge_off(state: LoanState) -> Decision:
    """Write off all that is owed, out of an allowance that is filled first."""
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    if before.status is not LoanStatus.ACTIVE:
        raise Refused("LOAN_STATE_REFUSED")
    owed = before.owed_total
    off = loan_event(state, LoanEventKind.CHARGE_OFF, owed, "")
    after = position_of(state, off)
    reply = loan_done(state, state.loan, after, step=off.step, amount=owed)
    losses = [
        state.books.posting("charge_off", part, bucket=bucket)
        for bucket, part in before.left.items()
    ]
    postings = (*caught_up.postings, _provision(state, owed), *losses)
    happened = loan_happened("charged_off", state, reply)
    return kept(state, after, off).decision(reply, postings, happened)


def close_day(state: LoanState) -> Decision:
    """Accrue, mark late and provide up to the day."""
    caught_up = caught_up_to_day(state)
    position = caught_up.position
    bucket = loss_bucket(state.contract.product.late, position.days_past_due)
    told, soon = _told(state, position)
    now = kept(state, position, following=waiting_try(state), bucket=bucket, told_day=told)
    provision = _provision(state, _expected_loss(state, position))
    done = loan_done(state, state.loan, position)
    return now.decision(done, (*caught_up.postings, provision), soon)


def _told(state: LoanState, position: Position) -> tuple[int, tuple[Event, ...]]:
    """Of which due date the borrower has been told then, and what is told now."""
    told = state.standing.told_day if state.standing else 0
    due, days = position.next_due, state.contract.product.late.notice_days
    if due is None or not days or told >= due.toordinal():
        return told, ()
    if due - timedelta(days=days) > position.day:
        return told, ()
    amount = max(0, position.next_payment - position.advance)
    about = {
        "borrower_id": state.loan.borrower_id, "product_id": state.loan.product_id,
        "currency": state.loan.currency, "steps": state.loan.steps, "due": position.due_total,
        "days_past_due": position.days_past_due, "amount": amount, "due_day": due.isoformat(),
    }  # fmt: skip
    soon = event("loan.due_soon", state.loan.loan_id, about)
    return due.toordinal(), (soon,) if amount else ()
