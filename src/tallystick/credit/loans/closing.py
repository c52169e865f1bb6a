"""What closing a day and writing off do: accrual, provision for what may be lost, and losses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.line import interest_between, line_of
from tallystick.credit.loans.model import LoanEventKind, LoanLine, LoanStatus
from tallystick.credit.loans.state import (
    LoanState,
    caught_up_to_day,
    ended,
    kept,
    loan_done,
    loan_event,
    loan_happened,
    position_of,
)
from tallystick.credit.postings import Bucket, LoanBooks
from tallystick.credit.schedules.amortise import whole
from tallystick.money.rate import Rounding
from tallystick.pipeline.decisions import Decision, Posting
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row

__all__ = ["Idle", "charge_off", "close_day", "close_idle"]


def _provision(state: LoanState, wanted: int) -> Posting:
    """Bring the allowance to what is expected to be lost."""
    change = wanted - state.allowance
    name = "provision" if change >= 0 else "provision_release"
    return state.books.posting(name, abs(change))


def _expected_loss(state: LoanState, position: Position) -> int:
    """What is expected to be lost of the principal, by days past due."""
    if position.status is not LoanStatus.ACTIVE:
        return 0
    table = state.contract.product.late.expected_loss
    rate = max((r for r in table if r[0] <= position.days_past_due), default=(0, 0))[1]
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
    return Decision(
        reply=reply,
        rows=kept(state, after, off),
        postings=(*caught_up.postings, _provision(state, owed), *losses),
        cancelled_timers=ended(state, after),
        events=loan_happened("charged_off", state, reply),
    )


class Idle(NamedTuple):
    """A loan on which nothing happens, by its line."""

    line: LoanLine
    book: int


def close_idle(idle: Sequence[Idle], day: date) -> tuple[list[Row], list[Posting]]:
    """Accrue many loans by their lines up to the start of a day: their rows and postings."""
    rows: list[Row] = []
    postings = []
    for line, book in idle:
        interest = interest_between(line, day)
        rows.append(replace(line, accrued_day=day.isoformat()))
        if interest:
            books = LoanBooks(line.loan_id, book)
            postings.append(books.posting("accrual", interest, bucket=Bucket.INTEREST))
    return rows, postings


def close_day(state: LoanState) -> Decision:
    """Accrue, mark late and provide up to the day."""
    caught_up = caught_up_to_day(state)
    position = caught_up.position
    return Decision(
        reply=loan_done(state, state.loan, position),
        rows=(
            *kept(state, position),
            line_of(state.loan, state.contract, position, position.accruing),
        ),
        postings=(*caught_up.postings, _provision(state, _expected_loss(state, position))),
        cancelled_timers=ended(state, position),
    )
