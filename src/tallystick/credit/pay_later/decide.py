"""What billing decides: which days count, what a bill says, how a payment is spread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import (
    Contract,
    Loan,
    LoanEvent,
    LoanEventKind,
    LoanStatus,
    PaymentMode,
    ProductTerms,
)
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.periods import add_periods
from tallystick.credit.schedules.terms import Every, Unit
from tallystick.money.rate import Rounding, apply_rate
from tallystick.pipeline.refusals import Refused

__all__ = [
    "Billed", "Billing", "Checked", "Written", "bears_fee", "bill_day_after", "billed_on",
    "checked", "counted", "due_day_after", "last_bill_day", "notice_day",
    "purchase_contract", "spread", "written",
]  # fmt: skip

_MONTH = Every(1, Unit.MONTH)


def _next_day_of_month(after: date, day_of_month: int) -> date:
    """The first day after another one that is this day of its month."""
    this_month = after.replace(day=day_of_month)
    return this_month if this_month > after else add_periods(this_month, _MONTH, 1)


def bill_day_after(day: date, bill_day: int) -> date:
    """The bill day that closes the bill on which a purchase of this day stands."""
    return _next_day_of_month(day, bill_day)


def last_bill_day(today: date, bill_day: int) -> date:
    """The bill day on or before a day."""
    this_month = today.replace(day=bill_day)
    if this_month <= today:
        return this_month
    return date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, bill_day)


def due_day_after(billed: date, due_day: int) -> date:
    """The due day of a bill that was issued on its bill day."""
    return _next_day_of_month(billed, due_day)


def notice_day(due: date, issued: date, days: int) -> date | None:
    """When a bill is reminded of; None for never. It is said with the bill if that is later."""
    return max(due - timedelta(days=days), issued) if days else None


def purchase_contract(
    amount: int, day: date, count: int, terms: ProductTerms, *, seller_pays: bool
) -> Contract:
    """A purchase as a loan: due on the next bill's due day, or from it on in instalments.

    A payment's fee is the whole fee's equal part, rounded half up; the seller pays as many.

    Raises:
        Refused: CREDIT_TERMS_INVALID for a number of instalments that the product lacks.
    """
    later = terms.pay_later
    assert later is not None
    rates = dict(later.instalment_fees) | {1: Decimal(0)}
    if count not in rates:
        raise Refused("CREDIT_TERMS_INVALID", f"hb_fq_num: one of {sorted(rates)[1:]}.")
    fee = apply_rate(amount, rates[count] / count, Rounding.HALF_UP)
    first_due = due_day_after(bill_day_after(day, later.bill_day), later.due_day)
    return Contract(
        principal=amount,
        start=day,
        count=count,
        product=terms,
        first_due=first_due,
        period_fee=0 if seller_pays else fee,
        seller_fee=fee * count if seller_pays else 0,
    )


class Billing(NamedTuple):
    """A loan of a bill with where it stands."""

    loan: Loan
    contract: Contract
    position: Position


def counted(events: Sequence[LoanEvent], day: date, *, collected: bool) -> list[LoanEvent]:
    """What had happened on a loan when a day began, however late it is looked at.

    Args:
        collected: whether what was paid automatically since counts as paid before: the wallet is
            tried on the due day, and a try that comes later is the platform's delay.
    """
    text, last = day.isoformat(), (day - timedelta(days=1)).isoformat()
    gone = {event.detail for event in events if event.kind is LoanEventKind.REVERSAL}
    found = []
    for event in events:
        if event.day < text:
            found.append(event)
        elif collected and _is_automatic(event) and str(event.step) not in gone:
            found.append(replace(event, day=last))
    return found


def _is_automatic(event: LoanEvent) -> bool:
    return (
        event.kind is LoanEventKind.PAYMENT
        and event.detail == PaymentMode.DUE.value
        and event.caller.startswith("system:")
    )


class Billed(NamedTuple):
    """What one loan has on a bill, in minor units: all of it, and what of it must be paid."""

    total: int
    minimum: int


def billed_on(billing: Billing, due: date) -> Billed:
    """What of a loan is due on or before a due day and not paid."""
    position, contract = billing.position, billing.contract
    late = position.due_total
    coming = [
        row for row in position.schedule.rows
        if row.kind.value == "due" and row.day <= due and row.day > position.day
    ]  # fmt: skip
    total = late + sum(row.payment for row in coming) - position.advance
    if total <= 0:
        return Billed(0, 0)
    later = contract.product.pay_later
    if later is None or contract.count > 1:
        return Billed(total, total)
    principal = position.due[Bucket.PRINCIPAL] + sum(row.principal for row in coming)
    least = apply_rate(principal, later.minimum_rate, Rounding.HALF_UP)
    return Billed(total, total - principal + least)


class Written(NamedTuple):
    """A bill over all its loans, in minor units."""

    total: int
    minimum: int


def written(parts: Sequence[Billed], floor: int) -> Written:
    """What a bill says of its loans; `floor` is the least that is to be paid."""
    total = sum(part.total for part in parts)
    return Written(total, max(sum(part.minimum for part in parts), min(floor, total)))


class Checked(NamedTuple):
    """A bill after its due day, in minor units: what is left, and the late fee if any.

    `oldest` is the loan that bears the fee, by its place.
    """

    left: int
    late_fee: int
    oldest: int


def checked(total: int, minimum: int, billings: Sequence[Billing], late_fee: int) -> Checked:
    """Whether less than the minimum was paid by the due day; revolving interest is no part."""
    left = sum(b.position.due_total - b.position.due[Bucket.PENALTY] for b in billings)
    fee = late_fee if total - left < minimum else 0
    days = [b.position.days_past_due for b in billings]
    return Checked(left, fee, days.index(max(days)) if days else 0)


def bears_fee(billings: Sequence[Billing]) -> Billing | None:
    """The loan that was due longest of those that can still be charged; None for none."""
    gone = (LoanStatus.CHARGED_OFF, LoanStatus.SOLD)
    kept = [billing for billing in billings if billing.loan.status not in gone]
    return max(kept, key=lambda billing: billing.position.days_past_due, default=None)


class Part(NamedTuple):
    """What a loan gets of a payment of a bill."""

    billing: Billing
    amount: int
    mode: PaymentMode


def spread(billings: Sequence[Billing], due: date, amount: int) -> list[Part]:
    """Share a payment among a bill's loans, those that are due longest first; 0 pays all."""
    parts = []
    ordered = sorted(billings, key=lambda b: (-b.position.days_past_due, b.loan.drawn_ms))
    left = amount
    for billing in ordered:
        billed = billed_on(billing, due).total
        part = min(left, billed) if amount else billed
        left -= part
        if part > 0:
            # A purchase without instalments is repaid at once, which frees the line.
            at_once = billing.contract.count == 1
            parts.append(Part(billing, part, PaymentMode.EARLY if at_once else PaymentMode.NEXT))
    return parts
