"""Closing a day of many loans: a pure function over columns, the same as the fold of each loan.

Time passes in rounds: each brings every loan to its next due date or to the day that is closed,
whichever comes first, so that days that were missed are closed at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.days.allocate import allocate
from tallystick.credit.loans.days.columns import (
    BUCKETS,
    CHARGED,
    DAY,
    EXACT,
    I64,
    LATE,
    LEFT,
    Flat,
    Loans,
    Rules,
    half_up,
)
from tallystick.credit.loans.standing import ITEM
from tallystick.credit.postings import Bucket

__all__ = ["Closed", "close", "days_past_due", "provide"]

_PENALTY, _FEE, _INTEREST, _PRINCIPAL = (
    BUCKETS.index(b) for b in (Bucket.PENALTY, Bucket.FEE, Bucket.INTEREST, Bucket.PRINCIPAL)
)


class Closed(NamedTuple):
    """Loans brought to a day.

    Args:
        loans: as they stand then.
        accrued: by loan and bucket the income that came about.
        used: by loan and bucket what money that waited paid.
        fell_due: by loan what fell due, with interest and fees.
        fees: late fees that came about.
        over: loans that are at their end; whose life ends is told by the fold.
    """

    loans: Loans
    accrued: I64
    used: I64
    fell_due: I64
    fees: I64
    over: npt.NDArray[np.bool_]


class _Passing:
    """Loans while time passes."""

    def __init__(self, loans: Loans, rules: Rules) -> None:
        self.loans, self.rules = loans, rules
        self.day = loans.day
        self.items = loans.items
        self.accrued = np.zeros((loans.size, len(BUCKETS)), np.int64)
        self.used = np.zeros_like(self.accrued)
        self.fell_due, self.fees = (np.zeros(loans.size, np.int64) for _ in range(2))
        self.advance = loans.advance.copy()

    def pass_to(self, day: I64) -> None:
        """Penalties and late fees up to a day of each loan."""
        values, owner = self.items
        terms, rules = self.loans.terms[owner], self.rules
        nights = np.maximum(0, day[owner] - np.maximum(self.day[owner], values[:, DAY]))
        over, under = rules.penalty_over[terms], rules.penalty_under[terms]
        values[:, EXACT] += values[:, LEFT][:, _PRINCIPAL] * over * nights
        newly = (values[:, LATE] == 0) & (day[owner] > values[:, DAY] + rules.grace_days[terms])
        fee = np.where(newly, rules.late_fee[terms], 0)
        values[:, LATE] |= newly
        charged = np.where(values[:, LATE], half_up(values[:, EXACT], under), values[:, CHARGED])
        penalty = charged - values[:, CHARGED]
        values[:, CHARGED] = charged
        values[:, LEFT][:, _PENALTY] += penalty
        values[:, LEFT][:, _FEE] += fee
        np.add.at(self.accrued[:, _PENALTY], owner, penalty)
        np.add.at(self.accrued[:, _FEE], owner, fee)
        np.add.at(self.fees, owner, fee)
        self.day = day

    def fall_due(self, falling: I64, rows: I64) -> None:
        """What falls due now of some loans; what had waited pays first."""
        new = np.zeros((falling.size, len(ITEM)), np.int64)
        day, principal, interest, fee = rows.T
        new[:, DAY] = day
        left = new[:, LEFT]
        left[:, _FEE], left[:, _INTEREST], left[:, _PRINCIPAL] = fee, interest, principal
        self.accrued[falling, _FEE] += fee
        self.accrued[falling, _INTEREST] += interest
        self.fell_due[falling] += principal + interest + fee
        values = np.concatenate((self.items.values, new))
        owner = np.concatenate((self.items.owner, falling))
        order = np.argsort(owner, kind="stable")
        self.items = Flat(values[order], owner[order])
        amount = np.zeros_like(self.advance)
        amount[falling] = self.advance[falling]
        paid = allocate(self.items, amount, self.loans.terms, self.rules)
        self.advance -= paid.sum(axis=1)
        self.used += paid
        self.items = self.items.unpaid()


def close(loans: Loans, rules: Rules, until: int) -> Closed:
    """Bring loans up to the start of a day; what each of them is booked beyond it stays.

    Args:
        until: the ordinal of the day.
    """
    goal = np.maximum(loans.day, until)
    items = Flat(loans.items.values.copy(), loans.items.owner)
    passing = _Passing(loans._replace(items=items), rules)
    passing.accrued[:, _INTEREST] -= loans.accruing_on(loans.day)
    while True:
        at, due = loans.next_due(passing.day)
        falls = due <= goal
        passing.pass_to(np.where(falls, due, goal))
        if not falls.any():
            break
        falling = np.flatnonzero(falls)
        passing.fall_due(falling, loans.rows.values[at[falling]])
    passing.accrued[:, _INTEREST] += loans.accruing_on(goal)
    after = loans._replace(
        day=goal, items=passing.items, advance=passing.advance,
        principal=loans.principal - passing.used[:, _PRINCIPAL],
    )  # fmt: skip
    over = (at < 0) & (np.bincount(passing.items.owner, minlength=loans.size) == 0)
    return Closed(after, passing.accrued, passing.used, passing.fell_due, passing.fees, over)


def days_past_due(loans: Loans) -> I64:
    """Since how many days each loan's oldest item is overdue."""
    oldest = loans.day.copy()
    np.minimum.at(oldest, loans.items.owner, loans.items.values[:, DAY])
    return loans.day - oldest


def provide(loans: Loans, rules: Rules) -> tuple[I64, I64]:
    """By loan the bucket of its days past due, and how its allowance is to change."""
    late = days_past_due(loans)
    bucket = np.zeros(loans.size, np.int64)
    wanted = np.zeros(loans.size, np.int64)
    for terms in np.unique(loans.terms).tolist():
        these = np.flatnonzero(loans.terms == terms)
        days, over, under = rules.losses[terms]
        bucket[these] = np.searchsorted(days, late[these], side="right")
        place = bucket[these]
        wanted[these] = half_up(loans.principal[these] * over[place], under[place])
    return bucket, wanted - loans.allowance
