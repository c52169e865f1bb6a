"""A day's work on a shard of loans, as a pure function from stored columns to columns.

It knows nothing of databases or engines: the pipeline runs it on a few thousand loans at a time,
and Spark on as many partitions as it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.days.close import close, days_past_due, provide
from tallystick.credit.loans.days.columns import (
    BUCKETS,
    DAY,
    I64,
    Loans,
    Rules,
    Source,
    interest_on,
    loans_of,
    rules_of,
)
from tallystick.credit.loans.days.entries import Entries, Leg, Owners, entries_of
from tallystick.credit.loans.model import LateTerms
from tallystick.credit.loans.standing import HORIZON_DAYS
from tallystick.credit.postings import INCOME, Bucket

__all__ = ["Notices", "Shard", "ShardClosed", "Standings", "close_shard", "far_overdue",
           "loans_at", "moves", "owners_of", "standings_of", "tell"]  # fmt: skip

_NOTHING = b""


class Shard(NamedTuple):
    """Loans as they are stored (see `LoanStanding`, `LoanPlan`), in order of their numbers.

    Plans, items and balances are needed of those that `moves` tells only.

    Args:
        principal, advance, allowance: balances of the loans' accounts, in minor units.
    """

    loan_id: Sequence[str]
    terms_id: Sequence[str]
    wallet: Sequence[bytes]
    book: Sequence[int]
    accrued_day: I64
    look_day: I64
    exact: npt.NDArray[np.bool_]
    line_start: I64
    line_base: I64
    line_slope: I64
    line_divisor: I64
    bucket: I64
    told_day: I64
    open_items: Sequence[bytes]
    due_rows: Sequence[bytes]
    accrual_lines: Sequence[bytes]
    principal: I64
    advance: I64
    allowance: I64


class Standings(NamedTuple):
    """What changes of loans on which more happened than interest, by their places in the shard."""

    at: list[int]
    accrued_day: list[int]
    look_day: list[int]
    line_start: list[int]
    line_base: list[int]
    line_slope: list[int]
    line_divisor: list[int]
    bucket: list[int]
    told_day: list[int]
    open_items: list[bytes]

    def some(self, places: Sequence[int]) -> Standings:
        """Those of some loans, by their places here."""
        columns: list[Any] = [[column[i] for i in places] for column in self]
        return Standings(*columns)


class Notices(NamedTuple):
    """What borrowers are told, by the places of `Standings`; amounts in minor units.

    Args:
        soon: what is due some days from now beside what is due already, and `soon_day` when.
    """

    soon: list[int]
    soon_day: list[int]
    fell_due: list[int]
    fees: list[int]
    due: list[int]
    days_past_due: list[int]
    bucket_before: list[int]

    def some(self, places: Sequence[int]) -> Notices:
        """Those of some loans, by their places here."""
        return Notices(*([column[i] for i in places] for column in self))


class ShardClosed(NamedTuple):
    """A shard after its day.

    Args:
        amounts: what was posted, by loan.
        quiet: loans on which nothing but interest happened.
        by_fold: the places of loans that the fold has to close.
    """

    entries: Entries
    amounts: dict[Leg, I64]
    quiet: npt.NDArray[np.bool_]
    changed: Standings
    notices: Notices
    by_fold: list[int]


def moves(shard: Shard, until: int) -> npt.NDArray[np.bool_]:
    """Of which loans more is needed than their running line."""
    return shard.exact & (shard.accrued_day < until) & (shard.look_day <= until)


def loans_at(shard: Shard, at: I64, terms: Mapping[str, LateTerms]) -> tuple[Loans, Rules]:
    """Some of a shard's loans as columns, and their rules."""
    ids = [shard.terms_id[i] for i in at.tolist()]
    places = {terms_id: place for place, terms_id in enumerate(dict.fromkeys(ids))}
    lists = [
        [column[i] for i in at.tolist()]
        for column in (shard.open_items, shard.due_rows, shard.accrual_lines)
    ]
    source = Source(
        [places[i] for i in ids], shard.accrued_day[at], shard.bucket[at], shard.told_day[at],
        lists[0], lists[1], lists[2], shard.principal[at], shard.advance[at], shard.allowance[at],
    )  # fmt: skip
    return loans_of(source), rules_of([terms[i] for i in places])


def far_overdue(loans: Loans, until: int) -> npt.NDArray[np.bool_]:
    """Loans so long overdue that their numbers may not fit 64 bits."""
    far = np.zeros(loans.size, np.bool_)
    far[loans.items.owner[until - loans.items.values[:, DAY] > HORIZON_DAYS]] = True
    return far


def tell(loans: Loans, rules: Rules) -> tuple[Loans, I64, I64]:
    """Which borrowers are told of the next due date, that is so many days ahead or fewer.

    Returns:
        The loans with the dates that were told; by loan what is to be paid then beside what is
        due already, 0 for nothing to tell; and when.
    """
    at, due = loans.next_due(loans.day)
    days = rules.notice_days[loans.terms]
    telling = (days > 0) & (at >= 0) & (due - days <= loans.day) & (loans.told < due)
    amount = np.zeros(loans.size, np.int64)
    rows = loans.rows.values[at[telling]]
    amount[telling] = np.maximum(0, rows[:, 1:].sum(axis=1) - loans.advance[telling])
    return loans._replace(told=np.where(telling, due, loans.told)), amount, due


def standings_of(
    loans: Loans, rules: Rules, bucket: I64, at: Sequence[int], *, provided: bool
) -> Standings:
    """How loans stand now, to be stored."""
    start, end, base, slope, divisor = loans.line_on(loans.day).T
    busy = np.bincount(loans.items.owner, minlength=loans.size) > 0
    due = loans.next_due(loans.day)[1]
    notice = np.where(loans.told < due, due - rules.notice_days[loans.terms], due)
    look = np.where(busy | (not provided), 0, np.minimum(notice, end))
    return Standings(
        list(at), loans.day.tolist(), look.tolist(), start.tolist(), base.tolist(),
        slope.tolist(), divisor.tolist(), bucket.tolist(), loans.told.tolist(),
        loans.items.packed(loans.size),
    )  # fmt: skip


def owners_of(shard: Shard) -> Owners:
    """Whose the shard's postings are."""
    return Owners(shard.loan_id, shard.book, shard.wallet)


def close_shard(shard: Shard, terms: Mapping[str, LateTerms], until: int) -> ShardClosed:
    """Accrue, mark due and late, and provide up to the start of a day.

    Args:
        terms: what the shard's loans agreed on being late, by `terms_id`.
        until: the ordinal of the day.
    """
    open_now = shard.accrued_day < until
    moving = moves(shard, until)
    quiet = open_now & shard.exact & ~moving
    at = np.flatnonzero(moving)
    loans, rules = loans_at(shard, at, terms)
    closed = close(loans, rules, until)
    bucket, provision = provide(closed.loans, rules)
    by_hand = closed.over | far_overdue(loans, until)
    there, amounts = at[~by_hand], _amounts(shard, quiet, until)
    for place, kind in enumerate(BUCKETS):
        if kind in INCOME:
            amounts["accrual", kind][there] = closed.accrued[~by_hand, place]
        amounts["advance_used", kind] = _spread(shard, there, closed.used[~by_hand, place])
    change = provision[~by_hand]
    amounts["provision", None] = _spread(shard, there, np.maximum(0, change))
    amounts["provision_release", None] = _spread(shard, there, np.maximum(0, -change))
    keys = _keys(shard.loan_id, until)
    now, soon, soon_day = tell(closed.loans, rules)
    after = standings_of(now, rules, bucket, at.tolist(), provided=True)
    kept = np.flatnonzero(~by_hand).tolist()
    due = np.zeros(loans.size, np.int64)
    np.add.at(due, closed.loans.items.owner, closed.loans.items.values[:, 1:5].sum(axis=1))
    told = Notices(
        soon.tolist(), soon_day.tolist(), closed.fell_due.tolist(), closed.fees.tolist(),
        due.tolist(), days_past_due(closed.loans).tolist(), loans.bucket.tolist(),
    )  # fmt: skip
    others = np.flatnonzero(open_now & ~shard.exact).tolist()
    return ShardClosed(
        entries_of(owners_of(shard), keys, amounts),
        amounts,
        quiet,
        after.some(kept),
        told.some(kept),
        sorted([*others, *at[by_hand].tolist()]),
    )


def _keys(loan_ids: Sequence[str], until: int) -> list[str]:
    """What ids of transfers derive from: a loan's day is posted once."""
    day = date.fromordinal(until).isoformat()
    return [f"credit.close_day:{day}:{loan_id}" for loan_id in loan_ids]


def _spread(shard: Shard, at: I64, values: I64) -> I64:
    column = np.zeros(len(shard.loan_id), np.int64)
    column[at] = values
    return column


def _amounts(shard: Shard, quiet: npt.NDArray[np.bool_], until: int) -> dict[Leg, I64]:
    """The interest of quiet loans, and room for what others accrue."""
    line = [c[quiet] for c in (shard.line_start, shard.line_base, shard.line_slope,
                               shard.line_divisor)]  # fmt: skip
    amounts: dict[Leg, I64] = {
        ("accrual", kind): np.zeros(len(shard.loan_id), np.int64) for kind in INCOME
    }
    goal = np.full(line[0].size, until, np.int64)
    grown = interest_on(goal, *line) - interest_on(shard.accrued_day[quiet], *line)
    amounts["accrual", Bucket.INTEREST][quiet] = grown
    return amounts
