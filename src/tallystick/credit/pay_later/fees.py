"""Charging late fees to many loans at once, as `loans.decide.charge_fee` charges one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tallystick.credit.loans.days.close import days_past_due
from tallystick.credit.loans.days.columns import BUCKETS, I64, LEFT, Loans
from tallystick.credit.loans.days.entries import Leg, entries_of
from tallystick.credit.loans.days.shard import owners_of, standings_of
from tallystick.credit.loans.days.writing import post, share_out, write_standings
from tallystick.credit.loans.model import LOAN_EVENTS, LoanEvent, LoanEventKind, LoanStatus
from tallystick.credit.loans.standing import Try, try_at
from tallystick.credit.loans.state import collection
from tallystick.credit.pay_later.columns import with_fees
from tallystick.credit.pay_later.loading import Loaded
from tallystick.credit.postings import INCOME, Bucket
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.commands import Context
from tallystick.pipeline.decisions import event
from tallystick.pipeline.timers import set_timer

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["Fee", "charge_fees", "fee_amounts"]

_PRINCIPAL = BUCKETS.index(Bucket.PRINCIPAL)


class Fee(NamedTuple):
    """Which loans are charged, and how much each in minor units."""

    at: I64
    amount: I64


def fee_amounts(loaded: Loaded, fee: Fee) -> dict[Leg, I64]:
    """What is posted on loans that are charged: what brings them to the day, and the fee."""
    size = loaded.closed.loans.size
    charged = np.zeros(size, np.int64)
    charged[fee.at] = fee.amount
    kept = (charged > 0).astype(np.int64)
    amounts: dict[Leg, I64] = {}
    for place, bucket in enumerate(BUCKETS):
        if bucket in INCOME:
            amounts["accrual", bucket] = loaded.closed.accrued[:, place] * kept
        amounts["advance_used", bucket] = loaded.closed.used[:, place] * kept
    amounts["accrual", Bucket.FEE] = amounts["accrual", Bucket.FEE] + charged
    return amounts


def charge_fees(context: Context, index: JournalIndex, loaded: Loaded, key: str, fee: Fee) -> None:
    """Post the fees, write the loans' events and where they stand.

    Args:
        key: with the number of a loan what the ids of its transfers derive from.
    """
    if not fee.at.size:
        return
    shard, connection = loaded.shard, context.uow.connection
    owners, amounts = owners_of(shard), fee_amounts(loaded, fee)
    keys = [f"{key}:{loan_id}" for loan_id in shard.loan_id]
    post(context.uow, index, entries_of(owners, keys, amounts))
    share_out(context, index, owners, amounts)
    after = with_fees(loaded.closed.loans, fee.at, fee.amount)
    at = fee.at.tolist()
    every = standings_of(after, loaded.rules, after.bucket, range(after.size), provided=False)
    write_standings(connection, shard, every.some(at))
    _write_events(context, loaded, after, fee)
    _write_tries(context, loaded, after, at)


def _write_events(context: Context, loaded: Loaded, after: Loans, fee: Fee) -> None:
    uow, caller = context.uow, f"{context.caller.kind}:{context.caller.id}"
    owed = _owed(after)
    late, days = days_past_due(after).tolist(), after.day.tolist()
    events, loans = [], []
    for at, amount in zip(fee.at.tolist(), fee.amount.tolist(), strict=True):
        loan_id = loaded.shard.loan_id[at]
        party, day = loaded.parties[loan_id], date.fromordinal(days[at]).isoformat()
        step = party.steps + 1
        row = LoanEvent(
            loan_id, step, LoanEventKind.FEE, day, amount, "", Effect.LOWER, "", caller,
            context.now_ms,
        )  # fmt: skip
        events.append(LOAN_EVENTS.values(row))
        loans.append((step, day, loan_id))
        uow.emit(event("loan.fee_charged", loan_id, {
            "borrower_id": party.borrower_id, "product_id": party.product_id,
            "status": LoanStatus.ACTIVE, "currency": party.currency, "amount": amount,
            "owed": owed[at], "days_past_due": late[at],
        }))  # fmt: skip
    uow.connection.executemany(LOAN_EVENTS.upsert_sql, events)
    uow.connection.executemany(
        "UPDATE loan SET steps = ?, accrued_day = ? WHERE loan_id = ?", loans
    )


def _owed(loans: Loans) -> list[int]:
    """By loan everything that is owed, due or not."""
    owed = loans.principal + loans.accruing_on(loans.day)
    left = loans.items.values[:, LEFT]
    np.add.at(owed, loans.items.owner, left.sum(axis=1) - left[:, _PRINCIPAL])
    return [int(amount) for amount in owed]


def _write_tries(context: Context, loaded: Loaded, after: Loans, at: Sequence[int]) -> None:
    """Where no automatic payment waits, the next due date's is the next one."""
    there, due = (column.tolist() for column in after.next_due(after.day))
    rows = []
    for place in at:
        if there[place] >= 0:
            late = loaded.terms[loaded.shard.terms_id[place]].late
            following = Try(date.fromordinal(due[place]), 0)
            rows.append((*try_at(late, following), loaded.shard.loan_id[place]))
    if not rows:
        return
    context.uow.connection.executemany(
        "UPDATE loan_standing SET try_day = ?, try_no = ?, try_ms = ? "
        "WHERE loan_id = ? AND try_day = 0",
        rows,
    )
    for at_ms in {row[2] for row in rows}:
        for timer in collection(at_ms):
            set_timer(context.uow, *timer)
