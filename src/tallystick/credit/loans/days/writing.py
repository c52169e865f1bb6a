"""Writing what a set of loans came to: entries, standings, and what others are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from tallystick.credit.loans.days.columns import I64
from tallystick.credit.loans.days.entries import Entries, Leg, Owners
from tallystick.credit.loans.days.reading import Parties, numbers_of
from tallystick.credit.loans.days.shard import Shard, ShardClosed, Standings
from tallystick.credit.participation.bulk import share_events
from tallystick.pipeline.commands import Context
from tallystick.pipeline.decisions import event
from tallystick.store.connection import Connection
from tallystick.store.unit_of_work import Event, UnitOfWork

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["notices", "post", "share_out", "write_quiet", "write_standings"]


def post(uow: UnitOfWork, index: JournalIndex, entries: Entries) -> None:
    """Open the accounts that are missing, and post; the ledger must take every entry."""
    if not len(entries.records):
        return
    missing = np.flatnonzero(numbers_of(index, entries.accounts) < 0).tolist()
    if missing:
        opened = uow.books.create_accounts(entries.opened(missing), uow.now_ms * 1_000_000)
        assert {r.value for r in opened} == {"created"}, set(opened)
    answers = uow.create_transfers(entries.records)
    if answers.any():
        first = int(np.flatnonzero(answers)[0])
        raise RuntimeError(f"the ledger refused entry {first} of a day: answer {answers[first]}")


def share_out(
    context: Context, index: JournalIndex, owners: Owners, amounts: Mapping[Leg, I64]
) -> None:
    """Share what was posted on loans that several fund."""
    share_events(context, index, owners.loan_ids, owners.books, amounts)


def write_quiet(connection: Connection, shard: Shard, until: int) -> None:
    """Say that the shard's loans on which only interest happened are booked up to a day."""
    if not shard.loan_id:
        return
    connection.execute(
        "UPDATE loan_standing SET accrued_day = ? WHERE loan_id >= ? AND loan_id <= ? "
        "AND exact = 1 AND accrued_day < ? AND look_day > ?",
        (until, shard.loan_id[0], shard.loan_id[-1], until, until),
    )


def write_standings(connection: Connection, shard: Shard, changed: Standings) -> None:
    """Write how loans stand now."""
    if not changed.at:
        return
    ids = [shard.loan_id[i] for i in changed.at]
    connection.executemany(
        "UPDATE loan_standing SET accrued_day = ?, look_day = ?, line_start = ?, line_base = ?, "
        "line_slope = ?, line_divisor = ?, bucket = ?, told_day = ?, open_items = ? "
        "WHERE loan_id = ?",
        list(zip(*changed[1:], ids, strict=True)),
    )


def notices(shard: Shard, closed: ShardClosed, parties: Mapping[str, Parties]) -> Iterator[Event]:
    """What borrowers, collectors and others are told of a day.

    `loan.due_soon` with the amount that a coming due date takes and its day, `loan.fell_due` with
    the amount of the due date, `loan.late_fee_charged` with the fee, and `loan.bucket_changed`
    with the places in the product's table of expected losses.
    """
    told = zip(closed.changed.at, closed.changed.bucket, *closed.notices, strict=True)
    for at, bucket, soon, soon_day, fell_due, fees, due, late_days, before in told:
        loan_id = shard.loan_id[at]
        about: dict[str, Any] = {
            **parties[loan_id]._asdict(), "due": due, "days_past_due": late_days,
        }  # fmt: skip
        if soon:
            on = date.fromordinal(soon_day).isoformat()
            yield event("loan.due_soon", loan_id, {**about, "amount": soon, "due_day": on})
        if fell_due:
            yield event("loan.fell_due", loan_id, {**about, "amount": fell_due})
        if fees:
            yield event("loan.late_fee_charged", loan_id, {**about, "amount": fees})
        if bucket != before:
            moved = {"bucket": bucket, "bucket_before": before}
            yield event("loan.bucket_changed", loan_id, {**about, **moved})
