"""What changes a live loan: a further drawdown, another rate, other dates, and a sale."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from tallystick.credit.loans.closing import release_allowance
from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import (
    LoanEvent,
    LoanEventKind,
    LoanStatus,
    NewDates,
    PaymentMode,
)
from tallystick.credit.loans.state import (
    LoanState,
    accrued,
    advance_used,
    caught_up_to_day,
    first_try,
    kept,
    loan_done,
    loan_event,
    loan_happened,
    position_of,
)
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.check import require_terms
from tallystick.credit.schedules.offer import require_below_ceiling
from tallystick.credit.schedules.quote import Ceiling
from tallystick.pipeline.decisions import Decision, Posting
from tallystick.pipeline.refusals import Refused

__all__ = ["change_rate", "draw_more", "re_age", "reschedule", "sell"]

# A schedule takes what happens on one day in this order.
_ORDER: Final = {
    LoanEventKind.RE_AGE: 0, LoanEventKind.RESCHEDULE: 0, LoanEventKind.RATE_CHANGE: 1,
    LoanEventKind.DRAWDOWN: 2, LoanEventKind.PAYMENT: 3, LoanEventKind.REFUND: 3,
}  # fmt: skip
_TODAY: Final = {
    LoanEventKind.RE_AGE: "it was re-aged", LoanEventKind.RESCHEDULE: "it got other dates",
    LoanEventKind.RATE_CHANGE: "it got another rate", LoanEventKind.DRAWDOWN: "more was drawn",
    LoanEventKind.PAYMENT: "it was paid ahead", LoanEventKind.REFUND: "its purchase was refunded",
}  # fmt: skip
_PAID_AS_PLANNED: Final = (PaymentMode.DUE.value, PaymentMode.NEXT.value)
_YEAR: Final = timedelta(days=365)


def _require_changeable(
    state: LoanState, position: Position, kind: LoanEventKind, *, sets_rate: bool = False
) -> None:
    """See that a loan is open, and that nothing that happened today would become something else.

    On one day a schedule takes new dates, then a new rate, then what is drawn, then what is paid
    ahead. Dates, rate and drawdowns come to the same in any order; what was paid ahead does not,
    nor do two changes of one kind, nor dates that bring a rate of their own after a new rate.

    Raises:
        Refused: LOAN_STATE_REFUSED, with what of today stands in the way.
    """
    if position.status is not LoanStatus.ACTIVE:
        raise Refused("LOAN_STATE_REFUSED")
    if state.contract.product.pay_later is not None:
        raise Refused("LOAN_STATE_REFUSED", "Purchases are repaid as they were agreed.")
    today, rank = state.day.isoformat(), _ORDER[kind]
    gone = {e.detail for e in state.events if e.kind is LoanEventKind.REVERSAL}
    for event in state.events:
        if event.day != today or event.kind not in _ORDER or event.detail in _PAID_AS_PLANNED:
            continue
        if str(event.step) in gone:
            continue
        other = _ORDER[event.kind]
        again = other == rank != _ORDER[LoanEventKind.DRAWDOWN]
        paid = other == _ORDER[LoanEventKind.PAYMENT]
        two_rates = sets_rate and event.kind is LoanEventKind.RATE_CHANGE
        if again or paid or two_rates:
            raise Refused("LOAN_STATE_REFUSED", f"Tomorrow: {_TODAY[event.kind]} today.")


def _require_offered(state: LoanState, after: Position) -> None:
    terms, product = after.schedule.terms, state.contract.product
    require_terms(terms)
    if product.ceiling is not None:
        ceiling = Ceiling(annual_rate=product.ceiling, source=product.ceiling_source)
        require_below_ceiling(all_in_rate(cash_flows(after.schedule)), ceiling)


def _changed(
    state: LoanState, changed: LoanEvent, after: Position, postings: list[Posting], what: str,
    amount: int = 0,
) -> Decision:  # fmt: skip
    """The decision that a change comes to: what was made principal by it, and what fell due.

    Interest that is due at once is paid by what waited first.
    """
    caught_up = caught_up_to_day(state)
    before, books = caught_up.position, state.books
    for bucket, part in after.capitalised.items():
        grown = part - before.capitalised[bucket]
        postings.append(books.posting("capitalised", grown, bucket=bucket))
    postings += advance_used(books, before, after)
    reply = loan_done(state, state.loan, after, step=changed.step, amount=amount)
    everything = (*caught_up.postings, *accrued(books, before, after), *postings)
    following = first_try(after) if not after.due_total else None
    now = kept(state, after, changed, following=following)
    return now.decision(reply, everything, loan_happened(what, state, reply))


def _last_day(position: Position) -> date:
    return max(row.day for row in position.schedule.rows)


def draw_more(state: LoanState, amount: int) -> Decision:
    """Draw a further part of a loan that is not overdue, before its last due date."""
    before = caught_up_to_day(state).position
    _require_changeable(state, before, LoanEventKind.DRAWDOWN)
    if amount <= 0:
        raise Refused("INVALID_AMOUNT")
    parts = 1 + sum(e.kind is LoanEventKind.DRAWDOWN for e in state.events)
    if parts >= state.contract.product.drawdowns_max:
        raise Refused("CREDIT_TERMS_INVALID", f"drawdowns: {parts} parts were drawn.")
    if before.due_total or not state.day < _last_day(before):
        raise Refused("LOAN_STATE_REFUSED", "Nothing more is drawn of what is due or over.")
    drawn = loan_event(state, LoanEventKind.DRAWDOWN, amount, "")
    after = position_of(state, drawn)
    _require_offered(state, after)
    fees = sum(f.amount for f in after.schedule.fees) - sum(f.amount for f in before.schedule.fees)
    postings = [
        state.books.posting("drawdown", amount, payee=state.wallet),
        state.books.posting(
            "upfront_fee", fees, source=state.wallet, refused_as="BORROWER_BALANCE_NOT_ENOUGH"
        ),
    ]
    return _changed(state, drawn, after, postings, "drawn", amount)


def change_rate(state: LoanState, annual_rate: Decimal) -> Decision:
    """Have another rate hold from today on; what is due already stays as it is."""
    before = caught_up_to_day(state).position
    _require_changeable(state, before, LoanEventKind.RATE_CHANGE)
    if not annual_rate.is_finite() or annual_rate < 0:
        raise Refused("CREDIT_TERMS_INVALID", "annual_rate: a fraction of 1, as 0.0948.")
    if not state.day < _last_day(before):
        raise Refused("LOAN_STATE_REFUSED", "The last due date is over.")
    changed = loan_event(state, LoanEventKind.RATE_CHANGE, 0, str(annual_rate))
    after = position_of(state, changed)
    _require_offered(state, after)
    return _changed(state, changed, after, [], "rate_changed")


def _require_dates(state: LoanState, new: NewDates) -> None:
    if not 1 <= new.count <= 600 or (new.first_due is not None and new.first_due <= state.day):
        raise Refused("CREDIT_TERMS_INVALID", "dates: 1 to 600 payments, the first after today.")
    if new.every is not None and not 1 <= new.every[0] <= 120:
        raise Refused("CREDIT_TERMS_INVALID", "every: 1 to 120 days, weeks, months or years.")
    rate = new.annual_rate
    if rate is not None and not (rate.is_finite() and rate >= 0):
        raise Refused("CREDIT_TERMS_INVALID", "annual_rate: a fraction of 1, as 0.0948.")


def _by_new_dates(state: LoanState, changed: LoanEvent) -> Position:
    try:
        return position_of(state, changed)
    except OverflowError as error:
        raise Refused("CREDIT_TERMS_INVALID", f"dates: {error}.") from error


def reschedule(state: LoanState, new: NewDates) -> Decision:
    """Repay what is left by other dates."""
    before = caught_up_to_day(state).position
    _require_changeable(
        state, before, LoanEventKind.RESCHEDULE, sets_rate=new.annual_rate is not None
    )
    _require_dates(state, new)
    if before.due_total:
        raise Refused("LOAN_STATE_REFUSED", "What is due is paid or re-aged first.")
    text = msgspec.json.encode(new).decode()
    changed = loan_event(state, LoanEventKind.RESCHEDULE, 0, text)
    after = _by_new_dates(state, changed)
    _require_offered(state, after)
    return _changed(state, changed, after, [], "rescheduled")


def re_age(state: LoanState, new: NewDates) -> Decision:
    """Put what is overdue back to what is to come."""
    before = caught_up_to_day(state).position
    _require_changeable(state, before, LoanEventKind.RE_AGE, sets_rate=new.annual_rate is not None)
    _require_dates(state, new)
    if not before.due_total:
        raise Refused("LOAN_STATE_REFUSED", "Nothing is overdue.")
    since = (state.day - _YEAR).isoformat()
    again = sum(e.kind is LoanEventKind.RE_AGE and e.day > since for e in state.events)
    if again >= state.contract.product.re_ages_max:
        raise Refused("LOAN_STATE_REFUSED", f"Re-aged {again} times within a year.")
    changed = loan_event(
        state, LoanEventKind.RE_AGE, before.due_total, msgspec.json.encode(new).decode()
    )
    after = _by_new_dates(state, changed)
    require_terms(after.schedule.terms)
    return _changed(state, changed, after, [], "re_aged", before.due_total)


def sell(state: LoanState, buyer: str, price: int) -> Decision:
    """Sell a loan: what is owed leaves the books, the price comes in, the rest is gain or loss."""
    caught_up = caught_up_to_day(state)
    before, books = caught_up.position, state.books
    if before.status is not LoanStatus.ACTIVE:
        raise Refused("LOAN_STATE_REFUSED")
    if before.advance:
        raise Refused("LOAN_STATE_REFUSED", "A payment waits for the next due date.")
    if not buyer.strip() or price < 0:
        raise Refused("INVALID_PARAMETER", "A sale has a buyer, and a price that is not negative.")
    sold = loan_event(state, LoanEventKind.SALE, price, buyer.strip())
    after = position_of(state, sold)
    gain = price - before.owed_total
    postings = (
        *caught_up.postings,
        release_allowance(state),
        books.posting("sale_price", price, source=state.source),
        books.posting("sale_loss", max(0, -gain)),
        *(books.posting("sale", part, bucket=b) for b, part in before.left.items()),
        books.posting("sale_gain", max(0, gain)),
    )
    reply = loan_done(state, state.loan, after, step=sold.step, amount=price)
    happened = loan_happened("sold", state, reply)
    return kept(state, after, sold).decision(reply, postings, happened)
