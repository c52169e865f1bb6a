"""Loans side by side: columns of 64-bit whole numbers, and lists of several a loan laid flat."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.model import LateTerms
from tallystick.credit.loans.standing import (
    ITEM,
    NEVER,
    PLAN_LINE,
    PLAN_ROW,
    loss_table,
    penalty_rate,
)
from tallystick.credit.postings import Bucket

__all__ = [
    "BUCKETS", "DAY", "EXACT", "CHARGED", "LATE", "LEFT", "I64", "Flat", "Loans", "Rules",
    "Source", "half_up", "interest_on", "loans_of", "rules_of",
]  # fmt: skip

I64 = npt.NDArray[np.int64]

BUCKETS = tuple(Bucket)
DAY, LATE, EXACT, CHARGED = 0, 5, 6, 7
LEFT = slice(1, 5)
"""Where a loan's item has its day, what is left by bucket, and its penalty (see `ITEM`)."""


def half_up(numerator: I64, denominator: I64) -> I64:
    """Quotients of what is not negative, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def interest_on(day: I64, start: I64, base: I64, slope: I64, divisor: I64) -> I64:
    """Interest of a running period up to a day, by its line, rounded half up."""
    return half_up(base + slope * (day - start), divisor)


class Flat(NamedTuple):
    """Rows of several numbers each, loan after loan.

    Args:
        values: one line a row.
        owner: the loan of each row, rising.
    """

    values: I64
    owner: I64

    @classmethod
    def unpacked(cls, packed: Sequence[bytes], width: int) -> Flat:
        """Rows from each loan's bytes."""
        values = np.frombuffer(b"".join(packed), "<i8").astype(np.int64).reshape(-1, width)
        sizes = np.fromiter(map(len, packed), np.int64, len(packed)) // (8 * width)
        return cls(values, np.repeat(np.arange(len(packed)), sizes))

    def packed(self, loans: int) -> list[bytes]:
        """Each loan's rows as bytes."""
        data, width = self.values.astype("<i8").tobytes(), 8 * self.values.shape[1]
        ends = (np.searchsorted(self.owner, np.arange(loans + 1)) * width).tolist()
        return [data[a:b] for a, b in pairwise(ends)]

    def unpaid(self) -> Flat:
        """Of items, those of which anything is left."""
        return self.where(np.any(self.values[:, LEFT] != 0, axis=1))

    def where(self, kept: Any) -> Flat:
        """Some of the rows."""
        return Flat(self.values[kept], self.owner[kept])


class Rules(NamedTuple):
    """What being late costs by terms, and in which order payments are allocated.

    Args:
        rank: by terms and bucket its place in the order.
        notice_days: how many days ahead of a due date borrowers are told; 0 for never.
        losses: by terms the days past due from which a loss is expected, and the loss as a
            fraction.
    """

    penalty_over: I64
    penalty_under: I64
    late_fee: I64
    grace_days: I64
    rank: I64
    oldest_first: npt.NDArray[np.bool_]
    notice_days: I64
    losses: tuple[tuple[I64, I64, I64], ...]


def _losses(late: LateTerms) -> tuple[I64, I64, I64]:
    table = loss_table(late)
    days = [days for days, _ in table[1:]]
    over, under = ([getattr(r, f) for _, r in table] for f in ("numerator", "denominator"))
    return np.array(days, np.int64), np.array(over, np.int64), np.array(under, np.int64)


def rules_of(terms: Sequence[LateTerms]) -> Rules:
    """Terms side by side."""
    rates = [penalty_rate(late) for late in terms]
    return Rules(
        np.array([rate.numerator for rate in rates], np.int64),
        np.array([rate.denominator for rate in rates], np.int64),
        np.array([late.late_fee for late in terms], np.int64),
        np.array([late.grace_days for late in terms], np.int64),
        np.array([[late.order.index(b) for b in BUCKETS] for late in terms], np.int64),
        np.array([late.oldest_first for late in terms], np.bool_),
        np.array([late.notice_days for late in terms], np.int64),
        tuple(_losses(late) for late in terms),
    )


class Source(NamedTuple):
    """What is stored of loans that are to be closed: a sequence for each column."""

    terms: Sequence[int]
    accrued_day: I64
    bucket: I64
    told_day: I64
    open_items: Sequence[bytes]
    due_rows: Sequence[bytes]
    accrual_lines: Sequence[bytes]
    principal: I64
    advance: I64
    allowance: I64


class Loans(NamedTuple):
    """Loans at the start of a day.

    Args:
        terms: their places in `Rules`.
        day: up to its start each is booked.
        principal, advance, allowance: balances of their ledger accounts.
        bucket: the expected loss that was provided for last.
        told: the due date of which the borrower was told ahead last.
        items, rows, lines: see `ITEM`, `PLAN_ROW`, `PLAN_LINE`.
    """

    terms: I64
    day: I64
    principal: I64
    advance: I64
    allowance: I64
    bucket: I64
    told: I64
    items: Flat
    rows: Flat
    lines: Flat

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.day.size)

    def line_on(self, day: I64) -> I64:
        """Each loan's running line: start, end, base, slope, divisor; a level one for none."""
        out = np.zeros((self.size, len(PLAN_LINE)), np.int64)
        out[:, 0], out[:, 1], out[:, 4] = day, NEVER, 1
        values, owner = self.lines
        runs = (values[:, 0] <= day[owner]) & (day[owner] < values[:, 1])
        out[owner[runs]] = values[runs]
        return out

    def accruing_on(self, day: I64) -> I64:
        """Interest that has accrued on a day and not fallen due."""
        start, _, base, slope, divisor = self.line_on(day).T
        return interest_on(day, start, base, slope, divisor)

    def next_due(self, day: I64) -> tuple[I64, I64]:
        """The place among `rows` of what falls due first after a day, and when; -1 for none."""
        values, owner = self.rows
        at = np.full(self.size, -1, np.int64)
        ahead = np.flatnonzero(values[:, 0] > day[owner])[::-1]
        at[owner[ahead]] = ahead
        when = np.full(self.size, NEVER, np.int64)
        there = at >= 0
        when[there] = values[at[there], 0]
        return at, when


def loans_of(source: Source) -> Loans:
    """Loans as they are stored, as columns."""
    return Loans(
        np.array(source.terms, np.int64), source.accrued_day, source.principal, source.advance,
        source.allowance, source.bucket, source.told_day,
        Flat.unpacked(source.open_items, len(ITEM)),
        Flat.unpacked(source.due_rows, len(PLAN_ROW)),
        Flat.unpacked(source.accrual_lines, len(PLAN_LINE)),
    )  # fmt: skip
