"""What a borrower owes late, and what they paid: read from loans and their events."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from tallystick.credit.collections.planning import Overdue
from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import Loan, LoanEvent, LoanEventKind, LoanStatus, contract_of
from tallystick.credit.postings import Bucket
from tallystick.store.connection import Connection
from tallystick.store.rows import Rows

__all__ = ["Borrowed", "borrowed", "overdue_loans", "paid_since"]

_PAYMENTS = (LoanEventKind.PAYMENT, LoanEventKind.REFUND)
_GONE = (LoanStatus.CHARGED_OFF, LoanStatus.SOLD)


def paid_since(events: Iterable[LoanEvent], since_ms: int, until_ms: int) -> int:
    """What was paid from a moment until before another and not taken back, in minor units."""
    known = tuple(events)
    taken_back = {int(e.detail) for e in known if e.kind is LoanEventKind.REVERSAL}
    return sum(
        e.amount
        for e in known
        if e.kind in _PAYMENTS and since_ms <= e.at_ms < until_ms and e.step not in taken_back
    )


class Borrowed(NamedTuple):
    """A borrower's loans in one currency: what is overdue of them, and what was paid.

    `is_gone` when one was written off or sold.
    """

    overdue: tuple[Overdue, ...]
    events: tuple[LoanEvent, ...]
    is_gone: bool

    def paid(self, since_ms: int, until_ms: int) -> int:
        """What was paid between two moments; a loan's steps are its own."""
        by_loan: dict[str, list[LoanEvent]] = {}
        for happened in self.events:
            by_loan.setdefault(happened.loan_id, []).append(happened)
        return sum(paid_since(events, since_ms, until_ms) for events in by_loan.values())


def borrowed(rows: Rows, borrower_id: str, currency: str, day: date, since_ms: int = 0) -> Borrowed:
    """All that a case needs to know, as of a day.

    Args:
        since_ms: loans that ended before are left out.
    """
    overdue: list[Overdue] = []
    happened: list[LoanEvent] = []
    is_gone = False
    for loan in rows.select(Loan, borrower_id=borrower_id):
        if loan.currency != currency or (loan.closed_ms and loan.closed_ms < since_ms):
            continue
        events = tuple(rows.select(LoanEvent, loan_id=loan.loan_id))
        happened += events
        is_gone = is_gone or loan.status in _GONE
        if loan.status is LoanStatus.ACTIVE:
            found = _overdue(loan, events, day)
            overdue += [found] if found else []
    return Borrowed(tuple(overdue), tuple(happened), is_gone)


def _overdue(loan: Loan, events: tuple[LoanEvent, ...], day: date) -> Overdue | None:
    contract = contract_of(loan)
    at = live(contract, events, max(day, date.fromisoformat(loan.accrued_day)))
    if at.days_past_due <= 0 or at.due_total <= 0:
        return None
    charges = at.due[Bucket.PENALTY] + at.due[Bucket.FEE]
    is_purchase = contract.product.pay_later is not None
    return Overdue(
        loan.loan_id, loan.product_id, at.due_total, charges, at.days_past_due, is_purchase
    )


def overdue_loans(
    connection: Connection, after_loan_id: str, size: int, today: date
) -> tuple[list[tuple[str, str]], str]:
    """Who owes something late, a page at a time: (borrower, currency), and the last loan.

    The last loan is empty when there are no more.
    """
    found = connection.execute(
        "SELECT s.loan_id, l.borrower_id, l.currency, s.open_items "
        "FROM loan_standing s JOIN loan l ON l.loan_id = s.loan_id "
        "WHERE s.loan_id > ? AND (length(s.open_items) > 0 OR s.exact = 0) "
        "ORDER BY s.loan_id LIMIT ?",
        (after_loan_id, size),
    ).fetchall()
    # The first number of an item is its due date, as an ordinal.
    late = {
        (str(borrower), str(currency))
        for _, borrower, currency, items in found
        if not items or struct.unpack_from("<q", bytes(items))[0] < today.toordinal()
    }
    last = str(found[-1][0]) if len(found) == size else ""
    return sorted(late), last
