"""A day that another engine works out: its columns are read, and what comes back is posted.

What happened in between is safe: a loan is taken only as it was read, and the ordinary command
closes the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any, Final

import msgspec
import numpy as np

from tallystick.credit.loans.days.frames import closed_from, terms_text
from tallystick.credit.loans.days.reading import (
    late_terms,
    read_shard,
    read_those,
    with_details,
)
from tallystick.credit.loans.days.shard import moves, owners_of
from tallystick.credit.loans.days.writing import notices, post, share_out, write_standings
from tallystick.credit.loans.model import (
    CloseCreditDay,
    CreditDayClosed,
    CreditDayColumns,
    Loan,
    LoanPlan,
    LoanStanding,
    LoanTerms,
    PostCreditDay,
    ReadCreditDay,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.model import JointLoan
from tallystick.decoding import decode_msgpack
from tallystick.pipeline.commands import Command, Context, Reply
from tallystick.pipeline.refusals import Refused

__all__ = ["AT_ONCE", "Ask", "close_elsewhere", "post_day", "read_day"]

AT_ONCE: Final = 4_000
"""How many loans are posted in one transaction."""

Ask = Callable[[Command], Reply]
"""Has a command run, and returns its answer once it is durable."""

_ONE_DAY: Final = timedelta(days=1)


def _until(command: ReadCreditDay | PostCreditDay, context: Context) -> date:
    try:
        day = date.fromisoformat(command.day)
    except ValueError:
        raise Refused("INVALID_PARAMETER", "day: a date is asked for.") from None
    if day >= loan_day(context.now_ms):
        raise Refused("INVALID_PARAMETER", "The day is not over.")
    return day + _ONE_DAY


def read_day(command: ReadCreditDay, context: Context) -> Reply:
    """The columns of the next open loans in order of their numbers; nothing is changed."""
    until = _until(command, context).toordinal()
    connection = context.uow.connection
    ledger = context.uow.work_on_sets(LoanStanding, LoanPlan, LoanTerms, Loan)
    found = read_shard(connection, command.after_loan_id, command.size, command.size)
    moving = np.flatnonzero(moves(found.shard, until)).tolist()
    shard, _ = with_details(connection, ledger.index, found.shard, moving)
    columns: dict[str, Any] = {
        name: column.tolist() if isinstance(column, np.ndarray) else list(column)
        for name, column in shard._asdict().items()
    }
    steps = _steps(context, shard.loan_id)
    columns["steps"] = [steps[loan_id] for loan_id in shard.loan_id]
    return CreditDayColumns(
        columns=msgspec.msgpack.encode(columns),
        terms=terms_text(late_terms(connection, shard.terms_id)),
        loans=len(shard.loan_id),
        after_loan_id=found.last if found.more else "",
    )


def _steps(context: Context, loan_ids: Iterable[str]) -> dict[str, int]:
    """How many events loans have had, by those between the first and the last number."""
    ids = list(loan_ids)
    if not ids:
        return {}
    rows = context.uow.connection.execute(
        "SELECT loan_id, steps FROM loan WHERE loan_id >= ? AND loan_id <= ?",
        (min(ids), max(ids)),
    )
    return {loan_id: int(steps) for loan_id, steps in rows.fetchall()}


def post_day(command: PostCreditDay, context: Context) -> Reply:
    """Post the day of loans that are as they were read."""
    until = _until(command, context)
    columns: dict[str, list[Any]] = decode_msgpack(command.columns)
    uow = context.uow
    ledger = uow.work_on_sets(LoanStanding, LoanPlan, LoanTerms, Loan, JointLoan)
    stored = read_those(uow.connection, columns["loan_id"])
    steps = _steps(context, stored.loan_id)
    booked = dict(zip(stored.loan_id, stored.accrued_day.tolist(), strict=True))
    kept = [
        at
        for at, loan_id in enumerate(columns["loan_id"])
        if not columns["by_fold"][at]
        and booked.get(loan_id) == columns["seen_day"][at] < until.toordinal()
        and steps[loan_id] == columns["seen_steps"][at]
    ]
    kept.sort(key=lambda at: str(columns["loan_id"][at]))
    shard = read_those(uow.connection, [columns["loan_id"][at] for at in kept])
    closed = closed_from(shard, columns, kept, until.isoformat())
    _, parties = with_details(uow.connection, ledger.index, shard, closed.changed.at)
    post(uow, ledger.index, closed.entries)
    share_out(context, ledger.index, owners_of(shard), closed.amounts)
    uow.connection.executemany(
        "UPDATE loan_standing SET accrued_day = ? WHERE loan_id = ?",
        [(until.toordinal(), loan_id) for loan_id in shard.loan_id],
    )
    write_standings(uow.connection, shard, closed.changed)
    for happened in notices(shard, closed, parties):
        uow.emit(happened)
    return CreditDayClosed(day=command.day, loans=len(kept), after_loan_id="")


def close_elsewhere(
    ask: Ask, day: date, work: Callable[[list[CreditDayColumns]], Iterable[dict[str, list[Any]]]]
) -> tuple[int, int]:
    """Close a day with another engine.

    Args:
        ask: carries commands out.
        work: from the columns that were read to `CLOSED_COLUMNS`, in parts.

    Returns:
        How many loans were posted as the engine worked them out, and how many were open.
    """
    parts: list[CreditDayColumns] = []
    after = ""
    while True:
        part = ask(ReadCreditDay(day=day.isoformat(), after_loan_id=after))
        assert isinstance(part, CreditDayColumns)
        parts.append(part)
        after = part.after_loan_id
        if not after:
            break
    posted = 0
    for closed in work([part for part in parts if part.loans]):
        command = PostCreditDay(day=day.isoformat(), columns=msgspec.msgpack.encode(closed))
        done = ask(command)
        assert isinstance(done, CreditDayClosed)
        posted += done.loans
    return posted, _close_rest(ask, day)


def _close_rest(ask: Ask, day: date) -> int:
    """The ordinary command for what is left, which also sees to the next day."""
    loans, after = 0, ""
    while True:
        done = ask(CloseCreditDay(day=day.isoformat(), after_loan_id=after))
        assert isinstance(done, CreditDayClosed)
        loans, after = loans + done.loans, done.after_loan_id
        if not after:
            return loans
