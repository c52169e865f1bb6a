"""Accrual lines: how a loan on which nothing happens accrues, so that a day is closed cheaply.

Between two happenings the interest of a loan is a straight line through the days. The line is
kept with the loan, but only when it says what the loan itself says, and it holds until the next
day on which anything may fall due. It is a short cut: without it a day is closed by the fold.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import Contract, Loan, LoanLine, LoanStatus, terms_of
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.amortise import whole
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.periods import Period, periods_of
from tallystick.money.rate import Rounding

__all__ = ["interest_between", "line_of", "no_line"]


def no_line(loan: Loan, day: date) -> LoanLine:
    """A line that holds for no day: the loan is closed by the fold."""
    return LoanLine(loan.loan_id, day.isoformat(), day.isoformat(), day.isoformat(), 0, "0", "1")


def _interest(line: LoanLine, day: date) -> int:
    """Interest since the line begins, in minor units."""
    days = (day - date.fromisoformat(line.from_day)).days
    exact = Fraction(line.base * int(line.numerator) * days, int(line.denominator))
    return whole(exact, Rounding.HALF_UP)


def interest_between(line: LoanLine, day: date) -> int:
    """What accrues from the day up to which the loan is booked to another that the line holds for.

    The same rounding as the schedule's: what has accrued so far is rounded, and the difference
    posted.
    """
    return _interest(line, day) - _interest(line, date.fromisoformat(line.accrued_day))


def _slope(contract: Contract, period: Period) -> Fraction:
    """Interest on 1 for a day of a period."""
    part = period.part(period.start, period.end)
    if period.day_count is DayCount.THIRTY_360:
        return Fraction(contract.product.annual_rate) * part / (period.end - period.start).days
    first = period.part(period.start, date.fromordinal(period.start.toordinal() + 1))
    return Fraction(contract.product.annual_rate) * first


def line_of(loan: Loan, contract: Contract, position: Position, accrued: int) -> LoanLine:
    """The line that a loan follows from a day on, or none.

    Args:
        position: the loan on that day.
        accrued: the interest of the period up to that day, as the fold has it.
    """
    day, nothing = position.day, no_line(loan, position.day)
    idle = position.status is LoanStatus.ACTIVE and not position.due_total and not position.advance
    if not idle or position.next_due is None:
        return nothing
    terms = terms_of(contract)
    periods = periods_of(terms.start, terms.dates, terms.day_count)
    period = next((p for p in periods if p.start <= day < p.end), None)
    if period is None:
        return nothing
    early = [p.day for p in position.schedule.rows if p.kind.value == "early"]
    start = max([period.start, *(d for d in early if d <= day)])
    until = min(position.next_due, period.end)
    if period.day_count is DayCount.ACT_ACT:
        until = min(until, date(day.year + 1, 1, 1))
        if start.year != day.year or period.start.year != day.year:
            return nothing
    slope = _slope(contract, period)
    line = LoanLine(
        loan.loan_id, day.isoformat(), until.isoformat(), start.isoformat(),
        position.left[Bucket.PRINCIPAL], str(slope.numerator), str(slope.denominator),
    )  # fmt: skip
    return line if _interest(line, day) == accrued else nothing
