"""Where a loan stands, as numbers side by side: what many loans at once are worked on by.

Everything here follows from the fold of one loan. Interest between two happenings is a straight
line, and what lies ahead is known until something happens, so that a day of many loans is closed
without going through the life of each. A number that may not fit 64 bits makes a loan inexact:
the fold closes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import Final, NamedTuple

import msgspec
import numpy as np

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import (
    Contract,
    LateTerms,
    Loan,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    LoanTerms,
    ProductTerms,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.accrual import AccrualLine, accrual_lines
from tallystick.credit.schedules.schedule import RowKind

__all__ = [
    "HORIZON_DAYS", "ITEM", "NEVER", "PLAN_LINE", "PLAN_ROW", "Try", "loss_bucket", "loss_table",
    "penalty_rate", "plan_of", "standing_of", "terms_row", "try_at",
]  # fmt: skip

PLAN_ROW: Final = ("day", "principal", "interest", "fee")
PLAN_LINE: Final = ("start", "end", "base", "slope", "divisor")
ITEM: Final = (
    "day", *(bucket.value for bucket in Bucket), "is_late", "penalty_exact", "penalty_charged",
)  # fmt: skip
"""What fell due: `penalty_exact` counts in parts of the penalty rate's denominator."""

NEVER: Final = 2**62
"""A day, or a moment, that does not come."""

HORIZON_DAYS: Final = 4000
"""How many days an item may be overdue before the fold closes its loan."""

_EXACT_MAX: Final = 2**59
_AMOUNT_MAX: Final = 2**44
_NUMBERS: Final = np.dtype("<i8")


class Try(NamedTuple):
    """The next automatic payment of what fell due on a day; `number` counts from 0."""

    due: date
    number: int


@lru_cache(maxsize=256)
def penalty_rate(late: LateTerms) -> Fraction:
    """What a day costs for 1 of overdue principal."""
    return Fraction(late.penalty_rate) / 365


@lru_cache(maxsize=256)
def loss_table(late: LateTerms) -> tuple[tuple[int, Fraction], ...]:
    """Expected losses of the principal by days past due, from (0, ...) on, in rising order."""
    lines = sorted((days, Fraction(rate)) for days, rate in late.expected_loss)
    return tuple(lines) if lines and lines[0][0] <= 0 else ((0, Fraction(0)), *lines)


def loss_bucket(late: LateTerms, days_past_due: int) -> int:
    """The place in `loss_table` of so many days past due."""
    return sum(days <= days_past_due for days, _ in loss_table(late)[1:])


@lru_cache(maxsize=256)
def _terms_id(terms: ProductTerms) -> str:
    return hashlib.blake2b(msgspec.json.encode(terms), digest_size=16).hexdigest()


def terms_row(terms: ProductTerms) -> LoanTerms:
    """A product's terms as loans share them."""
    return LoanTerms(_terms_id(terms), msgspec.json.encode(terms).decode())


def _packed(rows: Iterable[Sequence[int]]) -> bytes:
    return np.array([n for row in rows for n in row], _NUMBERS).tobytes()


def _line_numbers(line: AccrualLine) -> tuple[int, int, int, int, int]:
    divisor = lcm(line.at_start.denominator, line.per_day.denominator)
    base, slope = int(line.at_start * divisor), int(line.per_day * divisor)
    return line.start.toordinal(), line.end.toordinal(), base, slope, divisor


def _lines_ahead(position: Position) -> list[tuple[int, int, int, int, int]]:
    """The accrual lines from a position's day on; without principal ahead there is none."""
    if not position.ahead:
        return []
    coming = (a for a in position.schedule.accruals if a.end > position.day)
    lines = (line for accrual in coming for line in accrual_lines(accrual))
    return [_line_numbers(line) for line in lines if line.end > position.day]


def _rows_ahead(position: Position) -> list[tuple[int, int, int, int]]:
    return [
        (row.day.toordinal(), row.principal, row.interest, row.fee)
        for row in position.schedule.rows
        if row.kind is RowKind.DUE and row.day > position.day
    ]


def plan_of(loan: Loan, position: Position) -> LoanPlan:
    """What of a loan lies ahead of a position."""
    rows, lines = _rows_ahead(position), _lines_ahead(position)
    if not _fits(rows, lines, position):
        rows, lines = [], []
    return LoanPlan(loan.loan_id, _packed(rows), _packed(lines))


def _items(position: Position, rate: Fraction) -> list[tuple[int, ...]]:
    """What fell due and is not paid, as the numbers of `ITEM`."""
    items = []
    for item in position.instalments:
        if item.owed:
            exact = item.penalty_exact * rate.denominator
            assert exact.denominator == 1, item
            left = (item.left[bucket] for bucket in Bucket)
            numbers = (int(item.is_late), int(exact), item.penalty_charged)
            items.append((item.day.toordinal(), *left, *numbers))
    return items


def _fits(
    rows: Sequence[Sequence[int]], lines: Sequence[Sequence[int]], position: Position
) -> bool:
    steep = (base + slope * (end - start) + divisor for start, end, base, slope, divisor in lines)
    amounts = (sum(position.left.values()), sum(sum(row[1:]) for row in rows), position.advance)
    return max(amounts) < _AMOUNT_MAX and max(steep, default=0) < _EXACT_MAX


def _late_fits(late: LateTerms, position: Position, items: Sequence[Sequence[int]]) -> bool:
    principal, rate = position.left[Bucket.PRINCIPAL], penalty_rate(late)
    steep = [principal * rate.numerator * HORIZON_DAYS + rate.denominator]
    steep += [item[-2] for item in items]
    for _, exact in loss_table(late):
        steep.append(principal * exact.numerator + exact.denominator)
    return max(steep) < _EXACT_MAX


def try_at(late: LateTerms, following: Try | None) -> tuple[int, int, int]:
    """A try as the columns of a standing: its due date, its number, and when."""
    if following is None:
        return 0, 0, NEVER
    due, number = following
    return due.toordinal(), number, collect_ms(due, late.retry_hours[number])


def standing_of(
    loan: Loan, contract: Contract, position: Position, wallet: tuple[int, int],
    following: Try | None, bucket: int, told_day: int = 0, *, provided: bool,
) -> LoanStanding:  # fmt: skip
    """Where an open loan stands.

    Args:
        wallet: the book and the ledger account of the borrower's wallet.
        following: the next automatic payment.
        bucket: the place in `loss_table` that was provided for last.
        told_day: the ordinal of the due date of which the borrower was told ahead last; told of
            the next one with its day, if that is `provided`.
        provided: whether that is today's; else the loan is looked at when its day is closed.
    """
    assert position.status is LoanStatus.ACTIVE, loan
    late, day = contract.product.late, position.day.toordinal()
    rows, lines = _rows_ahead(position), _lines_ahead(position)
    items = _items(position, penalty_rate(late))
    exact = _fits(rows, lines, position) and _late_fits(late, position, items)
    running = next((line for line in lines if line[0] <= day < line[1]), None)
    start, end, base, slope, divisor = running if exact and running else (day, NEVER, 0, 0, 1)
    due = rows[0][0] if rows else NEVER
    notice = due - late.notice_days if told_day < due else due
    look = min(end, notice) if provided and exact and not items else 0
    book, account = wallet
    return LoanStanding(
        loan.loan_id, _terms_id(contract.product), account.to_bytes(16, "big"), book, day, look,
        exact, start, base, slope, divisor, bucket, contract.count,
        _packed(items) if exact else b"", *try_at(late, following),
        told_day,
    )  # fmt: skip
