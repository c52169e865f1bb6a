"""What can be seen of loans: one loan's whole story, and a borrower's loans."""

from __future__ import annotations

from datetime import date

import msgspec

from tallystick.credit.loans.life import Position, live
from tallystick.credit.loans.model import Loan, LoanEvent, contract_of
from tallystick.store.rows import Rows

__all__ = ["LoanStory", "loan_story"]


class LoanStory(msgspec.Struct, frozen=True):
    """A loan, what happened on it, and where it stands on a day."""

    loan: Loan
    events: tuple[LoanEvent, ...]
    position: Position


def loan_story(rows: Rows, loan: Loan, day: date) -> LoanStory:
    """Everything that is known of a loan, as of a day that is not before what is booked."""
    events = tuple(rows.select(LoanEvent, loan_id=loan.loan_id))
    day = max(day, date.fromisoformat(loan.accrued_day))
    return LoanStory(loan, events, live(contract_of(loan), events, day))
