"""Bills by the day: after the day of the loans is closed, bills are checked, told of and issued.

Each command is one transaction over a few thousand bills of one day, the earliest first, and sends
itself on. What is done leaves the selection with it, so that it goes on anywhere it was stopped.
Bills are issued and checked as the loans stood when their day began, however late that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from tallystick.credit.loans.days.columns import I64
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import Loan, LoanEvent, LoanPlan, LoanStanding, LoanTerms
from tallystick.credit.loans.reversing import charge_fee_of
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.model import JointLoan
from tallystick.credit.participation.service import record
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.columns import BillsWritten, checked_bills, written_bills
from tallystick.credit.pay_later.fees import Fee, charge_fees
from tallystick.credit.pay_later.loading import (
    Loaded,
    Pair,
    billings_of,
    billings_on,
    load,
    open_loans,
)
from tallystick.credit.pay_later.model import (
    BILLS,
    CYCLES,
    Bill,
    BillCycle,
    BillsClosed,
    CloseBills,
)
from tallystick.pipeline.commands import Command, Context, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.timers import set_timer
from tallystick.store.connection import Connection
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["close_all_bills", "close_bills", "follow_days"]

_CLOSING: Final = "pay_later.close_bills"
_ONE_DAY: Final = timedelta(days=1)
_BY_ONE_MAX: Final = 100
"""Bills that are worked out one by one take longer; nobody waits for more of them."""


def follow_days(uow: UnitOfWork, _: Event) -> None:
    """Once the day of the loans is closed, bills have theirs."""
    set_timer(uow, _CLOSING, uow.now_ms, CloseBills())


def close_all_bills(ask: Callable[[Command], Reply]) -> int:
    """Work on bills until none waits; how many were checked, told of and looked at."""
    bills = 0
    while True:
        done = ask(CloseBills())
        assert isinstance(done, BillsClosed)
        if not done.checked + done.reminded + done.issued:
            return bills
        bills += done.checked + done.reminded + done.issued


class _Turn(NamedTuple):
    """What one transaction works on: loans, and whose bills."""

    loaded: Loaded
    pairs: list[Pair]


class _Work(NamedTuple):
    """What is to be done first: on which day, and with which function."""

    day: date
    act: Callable[[_Bills, date, int], int]
    kind: str


def close_bills(command: CloseBills, context: Context) -> Reply:
    """Work on the bills of the earliest day that waits, then go on with the others."""
    today = loan_day(context.now_ms)
    bills = _Bills(context, today)
    done = {"checked": 0, "reminded": 0, "issued": 0}
    work = bills.first()
    if work is None:
        return BillsClosed(day=today.isoformat(), **done)
    done[work.kind] = work.act(bills, work.day, command.size)
    set_timer(context.uow, _CLOSING, context.now_ms, command)
    return BillsClosed(day=work.day.isoformat(), **done)


class _Bills:
    """The bills of one transaction."""

    def __init__(self, context: Context, today: date) -> None:
        self.context, self.today = context, today
        self.index = context.uow.work_on_sets(
            LoanStanding, LoanPlan, LoanTerms, Loan, LoanEvent, JointLoan, Bill, BillCycle
        ).index
        self.connection: Connection = context.uow.connection

    def first(self) -> _Work | None:
        """What is to be done first, if any of it is to be done by today."""
        waiting = [
            _Work(day + wait, act, kind)
            for sql, wait, act, kind in (
                ("SELECT MIN(due_day) FROM pay_later_bill WHERE checked_ms = 0",
                 _ONE_DAY, _Bills.check, "checked"),
                ("SELECT MIN(notice_day) FROM pay_later_bill WHERE notice_day > ''",
                 timedelta(0), _Bills.remind, "reminded"),
                ("SELECT MIN(bill_day) FROM pay_later_cycle",
                 timedelta(0), _Bills.issue, "issued"),
            )
            if (day := self._day(sql)) is not None
        ]  # fmt: skip
        due = [work for work in waiting if work.day <= self.today]
        return min(due, key=lambda work: work.day, default=None)

    def _day(self, sql: str) -> date | None:
        found = self.connection.execute(sql).fetchone()[0]
        return None if found is None else date.fromisoformat(found)

    def _selected(self, where: str, *values: str | int) -> list[Bill]:
        rows = self.connection.execute(
            f"{BILLS.select_sql} WHERE {where} ORDER BY borrower_id, product_id, due_day LIMIT ?",
            values,
        )
        return [Bill(*row) for row in rows.fetchall()]

    def _load(self, pairs: Sequence[Pair], day: date) -> _Turn:
        """The loans of bills as they stood when a day began; of slow ones only so many."""
        loaded = load(self.context, self.index, pairs, day, as_it_began=True)
        later = set(loaded.by_one[_BY_ONE_MAX:])
        loaded = loaded._replace(by_one=loaded.by_one[:_BY_ONE_MAX])
        return _Turn(loaded, [pair for pair in pairs if pair not in later])

    def _written(self, loaded: Loaded, due: Sequence[date]) -> BillsWritten:
        floor = [bill.terms.minimum_floor for bill in loaded.bills]
        return written_bills(
            loaded.closed.loans, loaded.bill,
            np.array([day.toordinal() for day in due], np.int64),
            loaded.at_once, loaded.rates, np.array(floor, np.int64),
        )  # fmt: skip

    # Issuing.

    def issue(self, day: date, size: int) -> int:
        """Write down what is due by the next due day, and look forward to the next bill."""
        rows = self.connection.execute(
            "SELECT borrower_id, product_id FROM pay_later_cycle WHERE bill_day = ? "
            "ORDER BY borrower_id, product_id LIMIT ?",
            (day.isoformat(), size),
        )
        pairs: list[Pair] = [(row[0], row[1]) for row in rows.fetchall()]
        loaded, pairs = self._load(pairs, day)
        terms = [bill.terms for bill in loaded.bills]
        due = [decide.due_day_after(day, later.due_day) for later in terms]
        says = self._written(loaded, due)
        bills = [
            self._bill(billed.pair, billed.currency, day, on, decide.Written(*amounts),
                       billed.terms.notice_days)
            for billed, on, *amounts in zip(
                loaded.bills, due, says.total.tolist(), says.minimum.tolist(), strict=True
            )
        ]  # fmt: skip
        following = {
            billed.pair: decide.bill_day_after(day, billed.terms.bill_day)
            for billed in loaded.bills
        }
        for pair in loaded.by_one:
            billings = billings_on(self.context, pair, day)
            later = billings[-1].contract.product.pay_later
            if later is None:
                continue
            on = decide.due_day_after(day, later.due_day)
            parts = [decide.billed_on(billing, on) for billing in billings]
            written = decide.written(parts, later.minimum_floor)
            currency = billings[-1].loan.currency
            bills.append(self._bill(pair, currency, day, on, written, later.notice_days))
            following[pair] = decide.bill_day_after(day, later.bill_day)
        following |= self._bought_since([pair for pair in pairs if pair not in following], day)
        self._keep_issued([bill for bill in bills if bill.total], pairs, following)
        return len(pairs)

    def _bill(
        self, pair: Pair, currency: str, day: date, due: date, says: decide.Written, notice: int
    ) -> Bill:
        reminded = decide.notice_day(due, self.today, notice)
        return Bill(
            *pair, due.isoformat(), day.isoformat(), currency, says.total, says.minimum, 0,
            self.context.now_ms, 0, reminded.isoformat() if reminded else "",
        )  # fmt: skip

    def _keep_issued(
        self, bills: Sequence[Bill], pairs: Sequence[Pair], following: dict[Pair, date]
    ) -> None:
        if bills:
            self.connection.executemany(BILLS.upsert_sql, [BILLS.values(bill) for bill in bills])
        for bill in bills:
            self.context.uow.emit(event("bill.issued", bill.borrower_id, bill))
        again = [(*pair, day.isoformat()) for pair, day in following.items()]
        if again:
            self.connection.executemany(CYCLES.upsert_sql, again)
        over = [pair for pair in pairs if pair not in following]
        if over:
            self.connection.executemany(CYCLES.delete_sql, over)

    def _bought_since(self, pairs: Iterable[Pair], day: date) -> dict[Pair, date]:
        """The next bill day of who owed nothing when a day began, and bought something since."""
        found = {}
        for pair in {loan.pair for loan in open_loans(self.connection, pairs)}:
            later = billings_of(self.context, *pair)[-1].contract.product.pay_later
            if later is not None:
                found[pair] = decide.bill_day_after(day, later.bill_day)
        return found

    # Reminding.

    def remind(self, day: date, size: int) -> int:
        """Tell of what is left of bills some days before they are due."""
        bills = self._selected("notice_day = ?", day.isoformat(), size)
        pairs = [_pair(bill) for bill in bills]
        loaded = load(self.context, self.index, pairs, self.today, as_it_began=False)
        due = {_pair(bill): date.fromisoformat(bill.due_day) for bill in bills}
        says = self._written(loaded, [due[billed.pair] for billed in loaded.bills])
        left = {b.pair: n for b, n in zip(loaded.bills, says.total.tolist(), strict=True)}
        for pair in loaded.by_one:
            billings = billings_of(self.context, *pair)
            left[pair] = sum(decide.billed_on(billing, due[pair]).total for billing in billings)
        for bill in bills:
            amount = left.get(_pair(bill), 0)
            if amount and due[_pair(bill)] >= self.today:
                self.context.uow.emit(_due_soon(bill, amount))
        self.connection.executemany(
            "UPDATE pay_later_bill SET notice_day = '' "
            "WHERE borrower_id = ? AND product_id = ? AND due_day = ?",
            [BILLS.key_of(bill) for bill in bills],
        )
        return len(bills)

    # Checking.

    def check(self, day: date, size: int) -> int:
        """Charge the late fee where less than the minimum was paid by the due day."""
        due = (day - _ONE_DAY).isoformat()
        bills = self._selected("checked_ms = 0 AND due_day = ?", due, size)
        of_pair = {_pair(bill): bill for bill in bills}
        loaded, pairs = self._load(list(of_pair), day)
        ordered = [of_pair[billed.pair] for billed in loaded.bills]
        late = [billed.terms.late_fee for billed in loaded.bills]
        said = BillsWritten(_column(ordered, "total"), _column(ordered, "minimum"))
        done = checked_bills(loaded.closed.loans, loaded.bill, said, np.array(late, np.int64))
        fees = dict(zip((b.pair for b in loaded.bills), done.late_fee.tolist(), strict=True))
        charged = np.flatnonzero(done.late_fee)
        charge_fees(
            self.context, self.index, loaded, f"pay_later.late_fee:{due}",
            Fee(done.oldest[charged], done.late_fee[charged]),
        )  # fmt: skip
        slow = set(loaded.by_one)
        self._keep_checked([of_pair[pair] for pair in pairs if pair not in slow], fees)
        for pair in loaded.by_one:
            self._check_one(of_pair[pair], day)
        return len(pairs)

    def _keep_checked(self, bills: Sequence[Bill], fees: dict[Pair, int]) -> None:
        self.connection.executemany(
            "UPDATE pay_later_bill SET checked_ms = ?, late_fee = ? "
            "WHERE borrower_id = ? AND product_id = ? AND due_day = ?",
            [
                (self.context.now_ms, fees.get(_pair(bill), 0), *BILLS.key_of(bill))
                for bill in bills
            ],
        )

    def _check_one(self, bill: Bill, day: date) -> None:
        billings = billings_on(self.context, _pair(bill), day, collected=True)
        later = billings[-1].contract.product.pay_later
        bearer = decide.bears_fee(billings)
        fee = later.late_fee if later and bearer else 0
        done = decide.checked(bill.total, bill.minimum, billings, fee)
        checked = replace(bill, checked_ms=self.context.now_ms, late_fee=done.late_fee)
        self.context.uow.put(checked)
        if done.late_fee and bearer:
            loan_id = bearer.loan.loan_id
            purpose = f"late fee:{bill.due_day}:{loan_id}".encode()
            one = self.context._replace(request_key=self.context.request_key + purpose)
            record(one, charge_fee_of(loan_state(one, loan_id), done.late_fee, day))


def _pair(bill: Bill) -> Pair:
    return bill.borrower_id, bill.product_id


def _column(bills: Sequence[Bill], name: str) -> I64:
    return np.array([getattr(bill, name) for bill in bills], np.int64)


def _due_soon(bill: Bill, amount: int) -> Event:
    return event("bill.due_soon", bill.borrower_id, {
        "borrower_id": bill.borrower_id, "product_id": bill.product_id, "due_day": bill.due_day,
        "currency": bill.currency, "total": bill.total, "minimum": bill.minimum, "amount": amount,
    })  # fmt: skip
