"""Living loans laid side by side: their rows as a shard, and what columns say as postings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from tests.credit.loan_life import LivingLoan

from tallystick.credit.loans.days.entries import Entries
from tallystick.credit.loans.days.shard import Shard, ShardClosed, close_shard
from tallystick.credit.loans.model import LateTerms, LoanStanding, ProductTerms
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_ADVANCE, LOAN_ALLOWANCE, LOAN_PRINCIPAL
from tallystick.ledger.records import halves
from tallystick.pipeline.decisions import Decision

__all__ = ["Moved", "closed_side_by_side", "late_of", "moved_by", "moved_in", "shard_of",
           "standing_after"]  # fmt: skip

Moved = tuple[int, int, int, int]
"""A posting: debit and credit account, amount in minor units, movement."""


def late_of(loans: Sequence[LivingLoan]) -> dict[str, LateTerms]:
    """What the loans agreed on being late."""
    return {
        terms_id: decode_json(row.terms, ProductTerms).late
        for loan in loans
        for terms_id, row in loan.terms.items()
    }


def shard_of(loans: Sequence[LivingLoan]) -> Shard:
    """Open loans as they are stored."""
    rows = [loan.standing for loan in loans]
    plans = [loan.ahead for loan in loans]

    def column(name: str) -> Any:
        return [getattr(row, name) for row in rows]

    def number(name: str) -> Any:
        return np.array(column(name), np.int64)

    def balance(entry: Any) -> Any:
        return np.array([loan.ledger.balance(entry, loan.loan_id) for loan in loans], np.int64)

    return Shard(
        loan_id=column("loan_id"), terms_id=column("terms_id"), wallet=column("wallet"),
        book=column("book"), accrued_day=number("accrued_day"), look_day=number("look_day"),
        exact=number("exact").astype(np.bool_), line_start=number("line_start"),
        line_base=number("line_base"), line_slope=number("line_slope"),
        line_divisor=number("line_divisor"), bucket=number("bucket"), told_day=number("told_day"),
        open_items=column("open_items"), due_rows=[p.due_rows for p in plans if p],
        accrual_lines=[p.accrual_lines for p in plans if p], principal=balance(LOAN_PRINCIPAL),
        advance=balance(LOAN_ADVANCE), allowance=balance(LOAN_ALLOWANCE),
    )  # fmt: skip


def moved_by(decision: Decision) -> list[Moved]:
    """What a decision posts."""
    return [(p.debit.id, p.credit.id, p.amount, p.movement) for p in decision.postings if p.amount]


def moved_in(entries: Entries, loan_id: str) -> list[Moved]:
    """What the records of one loan post."""
    high, low = halves(entries.records["user_data_128"])
    number = int(loan_id)
    mine = (high == number >> 64) & (low == number & (2**64 - 1))
    records = entries.records[mine]
    ids = [
        [int(h) << 64 | int(lo) for h, lo in zip(*halves(records[side]), strict=True)]
        for side in ("debit_account_id", "credit_account_id")
    ]
    return list(zip(*ids, records["amount"].tolist(), records["code"].tolist(), strict=True))


def closed_side_by_side(loans: Sequence[LivingLoan], until: int) -> ShardClosed:
    """The loans' day, closed in columns."""
    return close_shard(shard_of(loans), late_of(loans), until)


def standing_after(closed: ShardClosed, at: int, before: LoanStanding, until: int) -> LoanStanding:
    """A loan's standing as the columns leave it."""
    if closed.quiet[at]:
        return msgspec.structs.replace(before, accrued_day=until)
    place = closed.changed.at.index(at)
    names = closed.changed._fields[1:]
    values = {name: getattr(closed.changed, name)[place] for name in names}
    return msgspec.structs.replace(before, **values)
