"""Automatic payments of many loans at once: what is due, as far as each wallet goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans import decide
from tallystick.credit.loans.days.allocate import allocate
from tallystick.credit.loans.days.close import Closed, close, days_past_due
from tallystick.credit.loans.days.columns import BUCKETS, I64, LEFT, Loans, Rules
from tallystick.credit.loans.days.entries import Leg, entries_of
from tallystick.credit.loans.days.reading import (
    Parties,
    available,
    late_terms,
    read_those,
    with_details,
)
from tallystick.credit.loans.days.shard import Shard, far_overdue, loans_at, owners_of, standings_of
from tallystick.credit.loans.days.writing import post, share_out, write_standings
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import (
    LOAN_EVENTS,
    LOAN_PLANS,
    LOAN_STANDINGS,
    CollectDue,
    CollectLoan,
    DueCollected,
    LateTerms,
    Loan,
    LoanDone,
    LoanEvent,
    LoanEventKind,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    LoanTerms,
    PaymentMode,
)
from tallystick.credit.loans.standing import Try, try_at
from tallystick.credit.loans.state import collection
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.model import JointLoan
from tallystick.credit.participation.service import record
from tallystick.credit.postings import INCOME, Bucket
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.commands import Context, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.timers import set_timer
from tallystick.store.connection import Connection

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["Collected", "collect_due", "collected", "greedy"]

_MORE: Final = "credit.collect_due:more"
_PRINCIPAL: Final = BUCKETS.index(Bucket.PRINCIPAL)


class Collected(NamedTuple):
    """Loans after a try.

    Args:
        loans: as they stand then, by the rules of their terms.
        paid: by loan and bucket.
        due, owed: what is left then, in minor units.
        over: loans that are repaid.
        by_fold: loans on which the fold has to decide; nothing of them is to be kept.
    """

    closed: Closed
    loans: Loans
    rules: Rules
    paid: I64
    due: I64
    owed: I64
    over: npt.NDArray[np.bool_]
    by_fold: npt.NDArray[np.bool_]


def greedy(wanted: I64, wallet: Sequence[bytes], balance: I64) -> I64:
    """What each loan gets of its wallet, the first one as much as it wants.

    Args:
        wallet: by loan; several may have the same.
        balance: by loan what its wallet can pay.
    """
    places = {name: place for place, name in enumerate(dict.fromkeys(wallet))}
    which = np.array([places[name] for name in wallet], np.int64)
    order = np.argsort(which, kind="stable")
    which, sorted_wanted = which[order], wanted[order]
    before = np.cumsum(sorted_wanted) - sorted_wanted
    first = np.searchsorted(which, which)
    given = np.clip(balance[order] - (before - before[first]), 0, sorted_wanted)
    out = np.zeros_like(wanted)
    out[order] = given
    return out


def collected(shard: Shard, balance: I64, terms: Mapping[str, LateTerms], today: int) -> Collected:
    """Bring loans to today and pay what is due of each from its wallet, as far as that goes.

    Args:
        shard: with the details of all its loans.
        balance: by loan what its wallet can pay.
    """
    loans, rules = loans_at(shard, np.arange(len(shard.loan_id)), terms)
    closed = close(loans, rules, today)
    now = closed.loans
    fold = ~shard.exact | closed.over | far_overdue(now, today)
    due = np.zeros(now.size, np.int64)
    np.add.at(due, now.items.owner, now.items.values[:, LEFT].sum(axis=1))
    ahead = now.principal.copy()
    np.subtract.at(ahead, now.items.owner, now.items.values[:, LEFT][:, _PRINCIPAL])
    amount = greedy(np.where(fold, 0, due), shard.wallet, balance)
    paid = allocate(now.items, amount, now.terms, rules)
    items = now.items.unpaid()
    after = now._replace(items=items, principal=now.principal - paid[:, _PRINCIPAL])
    left = due - amount
    over = (after.next_due(after.day)[0] < 0) & (left == 0)
    # What still waits when a loan ends is for the fold to give back.
    fold |= over & (after.advance > 0)
    owed = left + ahead + after.accruing_on(after.day)
    return Collected(closed, after, rules, paid, left, owed, over & ~fold, fold)


def collect_due(command: CollectDue, context: Context) -> Reply:
    """Try all loans whose time it is, a part of them in this transaction."""
    uow = context.uow
    ledger = uow.work_on_sets(LoanStanding, LoanPlan, LoanTerms, Loan, LoanEvent, JointLoan)
    trying = uow.connection.execute(
        "SELECT loan_id, try_day, try_no FROM loan_standing WHERE try_ms <= ? "
        "ORDER BY try_ms, loan_id LIMIT ?",
        (context.now_ms, command.size),
    ).fetchall()
    tries = {loan_id: Try(date.fromordinal(day), no) for loan_id, day, no in trying}
    paid: Counter[str] = Counter()
    if tries:
        paid = _Collection(context, ledger.index, tries).run()
    if len(trying) == command.size:
        set_timer(uow, _MORE, context.now_ms, command)
    return DueCollected(loans=len(trying), paid=dict(paid))


class _Collection:
    """One transaction's tries."""

    def __init__(self, context: Context, index: JournalIndex, tries: dict[str, Try]) -> None:
        self.context, self.index, self.tries = context, index, tries
        self.connection: Connection = context.uow.connection
        shard = read_those(self.connection, list(tries))
        everything = list(range(len(shard.loan_id)))
        self.shard, self.parties = with_details(self.connection, index, shard, everything)
        self.terms = late_terms(self.connection, shard.terms_id)
        self.day = loan_day(context.now_ms)

    def run(self) -> Counter[str]:
        """Pay, and say how much by currency."""
        shard = self.shard
        today = max([self.day.toordinal(), *shard.accrued_day.tolist()])
        done = collected(shard, available(self.index, shard.wallet), self.terms, today)
        kept = np.flatnonzero(~done.by_fold).tolist()
        amount = done.paid.sum(axis=1)
        amounts = self._amounts(done)
        owners = owners_of(shard)
        post(self.context.uow, self.index, entries_of(owners, self._keys(), amounts))
        share_out(self.context, self.index, owners, amounts)
        self._write_loans(done, amount, kept)
        self._write_standings(done, kept)
        paid: Counter[str] = Counter()
        for at in kept:
            if amount[at]:
                paid[self._party(at).currency] += int(amount[at])
        for at in np.flatnonzero(done.by_fold).tolist():
            self._by_fold(at, paid)
        return paid

    def _party(self, at: int) -> Parties:
        return self.parties[self.shard.loan_id[at]]

    def _amounts(self, done: Collected) -> dict[Leg, I64]:
        kept = (~done.by_fold).astype(np.int64)
        amounts: dict[Leg, I64] = {}
        for place, bucket in enumerate(BUCKETS):
            if bucket in INCOME:
                amounts["accrual", bucket] = done.closed.accrued[:, place] * kept
            amounts["advance_used", bucket] = done.closed.used[:, place] * kept
            amounts["payment", bucket] = done.paid[:, place] * kept
        return amounts

    def _keys(self) -> list[str]:
        """What ids of transfers derive from: a try happens once at a moment."""
        now = self.context.now_ms
        return [
            f"credit.collect_due:{self.tries[i].due}:{self.tries[i].number}:{now}:{i}"
            for i in self.shard.loan_id
        ]

    def _write_loans(self, done: Collected, amount: I64, kept: list[int]) -> None:
        uow, now = self.context.uow, self.context.now_ms
        caller = f"{self.context.caller.kind}:{self.context.caller.id}"
        day, events, loans = self.day.isoformat(), [], []
        late = days_past_due(done.loans).tolist()
        for at in kept:
            loan_id, party, paid = self.shard.loan_id[at], self._party(at), int(amount[at])
            if not paid:
                continue
            step, over = party.steps + 1, bool(done.over[at])
            status = LoanStatus.CLOSED if over else LoanStatus.ACTIVE
            row = LoanEvent(
                loan_id, step, LoanEventKind.PAYMENT, day, paid, PaymentMode.DUE.value,
                Effect.LOWER, "", caller, now,
            )  # fmt: skip
            events.append(LOAN_EVENTS.values(row))
            loans.append((step, day, status.value, now if over else 0, loan_id))
            uow.emit(event("loan.paid", loan_id, {
                "borrower_id": party.borrower_id, "product_id": party.product_id,
                "status": status, "currency": party.currency, "amount": paid,
                "owed": int(done.owed[at]), "days_past_due": late[at],
            }))  # fmt: skip
        if events:
            self.connection.executemany(LOAN_EVENTS.upsert_sql, events)
            self.connection.executemany(
                "UPDATE loan SET steps = ?, accrued_day = ?, status = ?, closed_ms = ? "
                "WHERE loan_id = ?",
                loans,
            )

    def _write_standings(self, done: Collected, kept: list[int]) -> None:
        over = [(self.shard.loan_id[at],) for at in kept if done.over[at]]
        if over:
            self.connection.executemany(LOAN_STANDINGS.delete_sql, over)
            self.connection.executemany(LOAN_PLANS.delete_sql, over)
        rest = [at for at in kept if not done.over[at]]
        every = standings_of(
            done.loans,
            done.rules,
            done.loans.bucket,
            range(len(self.shard.loan_id)),
            provided=False,
        )
        changed = every.some(rest)
        write_standings(self.connection, self.shard, changed)
        self._write_tries(done, rest)

    def _write_tries(self, done: Collected, rest: Iterable[int]) -> None:
        following = done.loans.next_due(done.loans.day)
        rows = []
        for at in rest:
            loan_id = self.shard.loan_id[at]
            late, tried = self.terms[self.shard.terms_id[at]], self.tries[loan_id]
            again: Try | None = Try(tried.due, tried.number + 1)
            if not done.due[at] or tried.number + 1 >= len(late.retry_hours):
                there = following[0][at] >= 0
                again = Try(date.fromordinal(int(following[1][at])), 0) if there else None
            rows.append((*try_at(late, again), loan_id))
        self.connection.executemany(
            "UPDATE loan_standing SET try_day = ?, try_no = ?, try_ms = ? WHERE loan_id = ?", rows
        )
        for at_ms in {row[2] for row in rows}:
            for timer in collection(at_ms):
                set_timer(self.context.uow, *timer)

    def _by_fold(self, at: int, paid: Counter[str]) -> None:
        loan_id = self.shard.loan_id[at]
        tried = self.tries[loan_id]
        one = self.context._replace(request_key=self.context.request_key + loan_id.encode())
        command = CollectLoan(
            loan_id=loan_id, due_day=tried.due.isoformat(), attempt=tried.number
        )  # fmt: skip
        done = record(one, decide.collect(loan_state(one, loan_id), command))
        assert isinstance(done, LoanDone)
        if done.amount:
            paid[done.currency] += done.amount
