"""Bills of many borrowers at once: pure functions over columns of their loans.

They say of every bill what `decide` says of it alone; a property test holds them to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.days.close import days_past_due
from tallystick.credit.loans.days.columns import (
    BUCKETS,
    DAY,
    I64,
    LATE,
    LEFT,
    Flat,
    Loans,
    half_up,
)
from tallystick.credit.postings import Bucket

__all__ = ["BillsChecked", "BillsWritten", "checked_bills", "minimum_fits", "with_fees",
           "written_bills"]  # fmt: skip

_PENALTY, _FEE, _PRINCIPAL = (
    BUCKETS.index(b) for b in (Bucket.PENALTY, Bucket.FEE, Bucket.PRINCIPAL)
)
_DUE_PRINCIPAL = 1
_AMOUNTS = slice(1, 4)
"""Where a row that is to come has its principal, and all that is to be paid (see `PLAN_ROW`)."""

_EXACT_MAX = 2**59
_PRINCIPAL_MAX = 2**44


class BillsWritten(NamedTuple):
    """By bill what it says, in minor units."""

    total: I64
    minimum: I64


class BillsChecked(NamedTuple):
    """By bill what is left after its due day and what being late costs, in minor units.

    `oldest` is the loan that bears the fee.
    """

    left: I64
    late_fee: I64
    oldest: I64


def minimum_fits(rate: Decimal) -> bool:
    """Whether the minimum of any principal by this rate fits 64 bits."""
    exact = Fraction(rate)
    return _PRINCIPAL_MAX * exact.numerator + exact.denominator < _EXACT_MAX


def _summed(owner: I64, values: I64, size: int) -> I64:
    out = np.zeros(size, np.int64)
    np.add.at(out, owner, values)
    return out


def written_bills(
    loans: Loans, bill: I64, due: I64, at_once: npt.NDArray[np.bool_],
    rates: Sequence[Decimal], floor: I64,
) -> BillsWritten:  # fmt: skip
    """What bills say.

    Args:
        loans: as they stand on the day of writing.
        bill: by loan the place of its bill.
        due: by bill the ordinal of its due day.
        at_once: by loan whether it was bought without instalments.
        rates: by loan the part of such a purchase that must be paid.
        floor: by bill the least that must be paid, in minor units.
    """
    items, rows, size = loans.items, loans.rows, loans.size
    coming = rows.where(
        (rows.values[:, DAY] > loans.day[rows.owner])
        & (rows.values[:, DAY] <= due[bill[rows.owner]])
    )
    total = _summed(items.owner, items.values[:, LEFT].sum(axis=1), size) - loans.advance
    total += _summed(coming.owner, coming.values[:, _AMOUNTS].sum(axis=1), size)
    principal = _summed(items.owner, items.values[:, LEFT][:, _PRINCIPAL], size)
    principal += _summed(coming.owner, coming.values[:, _DUE_PRINCIPAL], size)
    exact = [Fraction(rate) for rate in rates]
    over = np.array([rate.numerator for rate in exact], np.int64)
    under = np.array([rate.denominator for rate in exact], np.int64)
    least = np.where(at_once, total - principal + half_up(principal * over, under), total)
    owed = total > 0
    totals = _summed(bill, np.where(owed, total, 0), due.size)
    minima = _summed(bill, np.where(owed, least, 0), due.size)
    return BillsWritten(totals, np.maximum(minima, np.minimum(floor, totals)))


def checked_bills(loans: Loans, bill: I64, written: BillsWritten, late_fee: I64) -> BillsChecked:
    """What bills came to.

    Args:
        loans: as they stand after the due day, those of a bill in order of their numbers.
        bill: by loan the place of its bill.
        written: what the bills said.
        late_fee: by bill what being late costs, in minor units.
    """
    items, size = loans.items, written.total.size
    left = items.values[:, LEFT].sum(axis=1) - items.values[:, LEFT][:, _PENALTY]
    sums = _summed(bill[items.owner], left, size)
    late = days_past_due(loans)
    order = np.lexsort((np.arange(loans.size), -late, bill))
    oldest = np.full(size, -1, np.int64)
    oldest[bill[order][::-1]] = order[::-1]
    missed = written.total - sums < written.minimum
    return BillsChecked(sums, np.where(missed, late_fee, 0), oldest)


def with_fees(loans: Loans, at: I64, fees: I64) -> Loans:
    """Loans after fees that are due at once, each on the day on which its loan stands.

    Args:
        at: which loans.
        fees: what each of them is charged, in minor units.
    """
    new = np.zeros((at.size, loans.items.values.shape[1]), np.int64)
    new[:, DAY], new[:, LATE] = loans.day[at], 1
    new[:, LEFT][:, _FEE] = fees
    values = np.concatenate((loans.items.values, new))
    owner = np.concatenate((loans.items.owner, at))
    order = np.argsort(owner, kind="stable")
    return loans._replace(items=Flat(values[order], owner[order]))
