"""The laws of loans, over generated lives: any order of payments, reversals, waivers, days."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
import msgspec
from hypothesis import assume, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.credit.loan_life import LOAN_ID, WALLET, LivingLoan, contracts, new_dates

from tallystick.credit.loans import changing, closing, decide, reversing
from tallystick.credit.loans.model import (
    CollectLoan,
    Contract,
    LoanEventKind,
    LoanStatus,
    NewDates,
    PaymentMode,
    contract_of,
)
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.credit.schedules.terms import AccruedInterest, Effect
from tallystick.ledger.chart import CUSTOMER_WALLET, LOAN_ADVANCE, LOAN_CLEARING
from tallystick.pipeline.refusals import Refused

_EXPECTED_REFUSALS = {
    "LOAN_NOTHING_TO_PAY", "LOAN_STATE_REFUSED", "LOAN_PAYMENT_NOT_EXIST", "INVALID_AMOUNT",
    "CREDIT_TERMS_INVALID",
}  # fmt: skip


class LoanLife(RuleBasedStateMachine):
    """Whatever happens on a loan, its books say what the loan says."""

    living: LivingLoan

    @initialize(contract=contracts)
    def draw(self, contract: Contract) -> None:
        self.living = LivingLoan(contract)

    def _try(self, decision, *args, bank: bool = False) -> None:  # type: ignore[no-untyped-def]
        try:
            self.living.act(decision, *args, bank=bank)
        except Refused as refused:
            assert refused.refusal.code in _EXPECTED_REFUSALS, refused  # noqa: PT017

    @rule(days=st.integers(1, 45))
    def days_pass(self, days: int) -> None:
        self.living.pass_days(days)

    @rule(
        percent=st.integers(0, 120), mode=st.sampled_from(PaymentMode),
        effect=st.sampled_from(Effect), bank=st.booleans(),
    )  # fmt: skip
    def pay(self, percent: int, mode: PaymentMode, effect: Effect, bank: bool) -> None:
        amount = self.living.position.payoff * percent // 100
        self._try(decide.pay, amount, mode, effect, bank=bank)

    @rule(percent=st.integers(1, 100))
    def refund(self, percent: int) -> None:
        amount = max(1, self.living.position.payoff * percent // 100)
        self._try(decide.refund, amount, f"R{len(self.living.events)}")

    @precondition(lambda self: self.living.loan.status is LoanStatus.ACTIVE)
    @rule(amount=st.integers(1, 500), days=st.integers(0, 20))
    def charge_fee(self, amount: int, days: int) -> None:
        """A late fee, of today or of a day that was missed."""
        day = max(self.living.day - timedelta(days), contract_of(self.living.loan).start)
        self._try(reversing.charge_fee_of, amount, day)

    @rule()
    def collect(self) -> None:
        day = self.living.day.isoformat()
        self._try(decide.collect, CollectLoan(loan_id=LOAN_ID, due_day=day))

    @rule(bucket=st.sampled_from([Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY]))
    def waive(self, bucket: Bucket) -> None:
        self._try(decide.waive, bucket, (self.living.position.due[bucket] + 1) // 2)

    @rule()
    def close_day(self) -> None:
        self.living.act(closing.close_day)
        assert self.living.keep(closing.close_day(self.living.state())) == 0

    @precondition(lambda self: self.living.events)
    @rule(at=st.integers(0, 20), bank=st.booleans())
    def reverse(self, at: int, bank: bool) -> None:
        step = self.living.events[at % len(self.living.events)].step
        self._try(reversing.reverse, step, bank=bank)

    @rule(percent=st.integers(1, 150))
    def draw_more(self, percent: int) -> None:
        self._try(changing.draw_more, contract_of(self.living.loan).principal * percent // 100)

    @rule(rate=st.integers(0, 3600))
    def change_rate(self, rate: int) -> None:
        self._try(changing.change_rate, Decimal(rate) / 10_000)

    @rule(dates=new_dates)
    def reschedule(self, dates: NewDates) -> None:
        self._try(changing.reschedule, dates)

    @rule(dates=new_dates)
    def re_age(self, dates: NewDates) -> None:
        before = self.living.position
        self._try(changing.re_age, dates)
        if self.living.events and self.living.events[-1].kind is LoanEventKind.RE_AGE:
            assert self.living.position.days_past_due == 0
            assert self.living.position.owed_total == before.owed_total

    @precondition(lambda self: len(self.living.events) > 2)
    @rule(percent=st.integers(0, 120))
    def sell(self, percent: int) -> None:
        self._try(
            changing.sell, "Bank B", self.living.position.owed_total * percent // 100, bank=True
        )

    @precondition(lambda self: self.living.day > self.living.position.schedule.rows[-1].day)
    @rule()
    def charge_off(self) -> None:
        self._try(closing.charge_off)

    @invariant()
    def the_books_are_what_the_loan_says(self) -> None:
        living = self.living
        living.act(closing.close_day)
        position, ledger = living.position, living.ledger
        off = position.status in (LoanStatus.CHARGED_OFF, LoanStatus.SOLD)
        for bucket, entry in RECEIVABLES.items():
            assert position.left[bucket] >= 0
            assert ledger.balance(entry, LOAN_ID) == (0 if off else position.left[bucket]), bucket
        assert ledger.balance(LOAN_ADVANCE, LOAN_ID) == position.advance
        assert ledger.balance(LOAN_CLEARING, LOAN_ID) == 0
        assert sum(ledger.debits.values()) == -(10**15)

    @invariant()
    def principal_is_never_made_or_lost(self) -> None:
        position = self.living.position
        repaid = position.charged[Bucket.PRINCIPAL] - position.left[Bucket.PRINCIPAL]
        drawn = contract_of(self.living.loan).principal + sum(
            e.amount for e in self.living.events if e.kind is LoanEventKind.DRAWDOWN
        )
        made_principal = sum(position.capitalised.values())
        assert position.charged[Bucket.PRINCIPAL] == drawn + made_principal
        assert 0 <= repaid <= position.charged[Bucket.PRINCIPAL]
        if position.status is LoanStatus.CLOSED:
            assert repaid == position.charged[Bucket.PRINCIPAL]


TestLoanLife = LoanLife.TestCase
TestLoanLife.settings = settings(max_examples=40, stateful_step_count=20)


@given(contracts, st.lists(st.integers(1, 20), min_size=1, max_size=5), st.data())
@settings(max_examples=25)
def test_closing_each_day_or_several_at_once_books_the_same(
    contract: Contract, spans: list[int], data: st.DataObject
) -> None:
    daily, lazy = LivingLoan(contract), LivingLoan(contract)
    for span in spans:
        for _ in range(span):
            daily.pass_days(1)
            daily.act(closing.close_day)
        lazy.pass_days(span)
        amount = daily.position.payoff * data.draw(st.integers(1, 60)) // 100
        for living in (daily, lazy):
            if amount:
                living.act(decide.pay, amount, PaymentMode.EARLY, Effect.LOWER)
        if daily.loan.status is not LoanStatus.ACTIVE:
            break
    lazy.act(closing.close_day)
    daily.act(closing.close_day)
    assert {k: v for k, v in daily.ledger.debits.items() if v} == {
        k: v for k, v in lazy.ledger.debits.items() if v
    }


@given(contracts, st.integers(0, 60), st.integers(0, 40), st.integers(1, 100))
def test_a_payment_that_is_taken_back_leaves_the_loan_as_if_it_had_never_been(
    contract: Contract, before: int, after: int, percent: int
) -> None:
    paid, never = LivingLoan(contract), LivingLoan(contract)
    for living in (paid, never):
        living.pass_days(before)
    amount = paid.position.payoff * percent // 100
    assume(amount > 0)
    paid.act(decide.pay, amount, PaymentMode.EARLY, Effect.SHORTEN)
    step = paid.events[-1].step
    for living in (paid, never):
        living.pass_days(after)
    paid.act(reversing.reverse, step)
    for living in (paid, never):
        living.act(closing.close_day)
    assert paid.position.left == never.position.left
    assert paid.ledger.balance(CUSTOMER_WALLET, WALLET.owner) == never.ledger.balance(
        CUSTOMER_WALLET, WALLET.owner
    )
    assert {k: v for k, v in paid.ledger.debits.items() if v} == {
        k: v for k, v in never.ledger.debits.items() if v
    }


@given(contracts, st.integers(1, 25), st.integers(1, 90), st.booleans(), new_dates)
@settings(max_examples=40)
def test_interest_that_other_dates_make_due_is_paid_by_what_waits(
    contract: Contract, days: int, percent: int, charged: bool, dates: NewDates
) -> None:
    living = LivingLoan(contract)
    living.pass_days(days)
    amount = living.position.next_payment * percent // 100
    assume(amount > 0 and not living.position.due_total)
    living.act(decide.pay, amount, PaymentMode.NEXT, Effect.LOWER)
    if charged:
        living.act(decide.charge_fee, 700)
    due = msgspec.structs.replace(dates, accrued=AccruedInterest.DUE)
    try:
        living.act(changing.re_age if charged else changing.reschedule, due)
    except Refused:
        assume(False)
    position, ledger = living.position, living.ledger
    assert ledger.balance(LOAN_ADVANCE, LOAN_ID) == position.advance
    for bucket, entry in RECEIVABLES.items():
        assert ledger.balance(entry, LOAN_ID) == position.left[bucket], bucket


@given(contracts)
def test_paid_on_each_due_date_a_loan_costs_what_its_schedule_says(contract: Contract) -> None:
    living = LivingLoan(contract)
    schedule = living.position.schedule
    for row in schedule.rows:
        living.pass_days((row.day - living.day).days)
        paid = living.act(decide.collect, CollectLoan(loan_id=LOAN_ID, due_day=row.day.isoformat()))
        assert paid.reply.amount == row.payment or not row.payment  # type: ignore[attr-defined]
    assert living.loan.status is LoanStatus.CLOSED
    assert sum(e.amount for e in living.events if e.kind is LoanEventKind.PAYMENT) == sum(
        row.payment for row in schedule.rows
    )
