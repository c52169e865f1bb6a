"""The end of a day at work: commands that close a shard of loans, or collect what is due.

Each command is one transaction over a few thousand loans, and sends itself on; payments come in
between. Killed anywhere, it goes on with the shard that was not committed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from tallystick.credit.loans import closing
from tallystick.credit.loans.days.collecting import collect_due
from tallystick.credit.loans.days.engine import post_day, read_day
from tallystick.credit.loans.days.reading import late_terms, read_shard, with_details
from tallystick.credit.loans.days.shard import close_shard, moves, owners_of
from tallystick.credit.loans.days.writing import (
    notices,
    post,
    share_out,
    write_quiet,
    write_standings,
)
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import (
    CloseCreditDay,
    CollectDue,
    CreditDayClosed,
    CreditDayColumns,
    DueCollected,
    Loan,
    LoanPlan,
    LoanStanding,
    LoanTerms,
    PostCreditDay,
    ReadCreditDay,
)
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.participation.model import JointLoan
from tallystick.credit.participation.service import record
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer

__all__ = ["register", "start_closing"]

_CLOSING: Final = "credit.close_day"
_ONE_DAY: Final = timedelta(days=1)
_BY_FOLD_MAX: Final = 100
"""Loans that the fold closes take a thousand times as long; nobody waits for more of them."""


def start_closing(context: Context) -> None:
    """See that days are closed from today on."""
    if not context.uow.timer_is_set(_CLOSING):
        _close_next(context, loan_day(context.now_ms))


def _close_next(context: Context, day: date, after_loan_id: str = "") -> None:
    due_ms = context.now_ms if after_loan_id else collect_ms(day + _ONE_DAY, 0)
    command = CloseCreditDay(day=day.isoformat(), after_loan_id=after_loan_id)
    set_timer(context.uow, _CLOSING, due_ms, command)


def close_day(command: CloseCreditDay, context: Context) -> Reply:
    """Close a day for some loans, and go on with the others; then wait for the next day.

    Days that were missed are closed at once. A loan that is closed for a later day is left.
    """
    today = loan_day(context.now_ms)
    day = max(date.fromisoformat(command.day), today - _ONE_DAY)
    if day >= today:
        raise Refused("INVALID_PARAMETER", "The day is not over.")
    uow, until = context.uow, (day + _ONE_DAY).toordinal()
    ledger = uow.work_on_sets(LoanStanding, LoanPlan, LoanTerms, Loan, JointLoan)
    found = read_shard(uow.connection, command.after_loan_id, command.size, _BY_FOLD_MAX)
    moving = np.flatnonzero(moves(found.shard, until)).tolist()
    shard, parties = with_details(uow.connection, ledger.index, found.shard, moving)
    closed = close_shard(shard, late_terms(uow.connection, shard.terms_id), until)
    post(uow, ledger.index, closed.entries)
    share_out(context, ledger.index, owners_of(shard), closed.amounts)
    write_quiet(uow.connection, shard, until)
    write_standings(uow.connection, shard, closed.changed)
    for happened in notices(shard, closed, parties):
        uow.emit(happened)
    for loan_id in (*found.without, *(shard.loan_id[at] for at in closed.by_fold)):
        one = context._replace(request_key=context.request_key + loan_id.encode())
        record(one, closing.close_day(loan_state(one, loan_id)))
    after = found.last if found.more else ""
    _close_next(context, day if after else today, after)
    if not after:
        uow.emit(event("credit.day_closed", day.isoformat(), {"day": day.isoformat()}))
    loans = len(shard.loan_id) + len(found.without)
    return CreditDayClosed(day=day.isoformat(), loans=loans, after_loan_id=after)


def register(registry: Registry) -> None:
    """Declare the commands of days."""
    registry.add(CloseCreditDay, close_day, reply=CreditDayClosed, scope="system")
    registry.add(ReadCreditDay, read_day, reply=CreditDayColumns, scope="system")
    registry.add(PostCreditDay, post_day, reply=CreditDayClosed, scope="system")
    registry.add(CollectDue, collect_due, reply=DueCollected, scope="system")
