"""A loan's schedule: a pure function from its terms to rows that add up.

Roundings, each once: a period's interest; the instalment (or the equal principal); a fee. What
they leave over is cleared by the last payment.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from tallystick.credit.schedules.accrual import Accrual
from tallystick.credit.schedules.terms import Drawdown, Terms

__all__ = ["FeeCharged", "RowKind", "Schedule", "ScheduleRow"]


class RowKind(StrEnum):
    """Why a payment is made: it is due, or it is early."""

    DUE = "due"
    EARLY = "early"


class ScheduleRow(NamedTuple):
    """A payment and what is left after it. `payment` is principal, interest and fee together."""

    day: date
    principal: int
    interest: int
    fee: int
    balance: int
    kind: RowKind = RowKind.DUE

    @property
    def payment(self) -> int:
        """What is paid that day."""
        return self.principal + self.interest + self.fee


class FeeCharged(NamedTuple):
    """A fee that is paid outside the due dates."""

    day: date
    amount: int
    name: str


class Schedule(NamedTuple):
    """All that happens on a loan, in order of its days.

    Args:
        drawdowns: with the principal at the start.
        fees: those paid outside the rows (up front, on a day of their own).
        capitalised: interest that rescheduling made principal.
        instalments: the equal payment of each time that it was set.
        accruals: how interest accrues, in order of the days.
    """

    terms: Terms
    rows: tuple[ScheduleRow, ...]
    drawdowns: tuple[Drawdown, ...]
    fees: tuple[FeeCharged, ...]
    capitalised: int
    instalments: tuple[int, ...]
    accruals: tuple[Accrual, ...] = ()
