"""The laws of sharing, over generated lives: the parts are the whole at every cent."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.credit.loan_life import LOAN_ID, contracts
from tests.credit.participation.shared_life import (
    GUARANTOR,
    PLATFORM_BOOK,
    SharedLoan,
    institution,
    plans,
)

from tallystick.credit.loans import closing, decide, reversing
from tallystick.credit.loans.model import CollectLoan, Contract, LoanStatus, PaymentMode
from tallystick.credit.merchant.decide import share_wanted
from tallystick.credit.participation.model import WHOLE_PPM, Plan
from tallystick.credit.participation.share import buy_back
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.credit.schedules.terms import Effect
from tallystick.ledger.chart import (
    INSTITUTION_SETTLEMENT,
    PARTICIPATION_ALLOWANCE,
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    SALES_SHARE,
    SHARE_ALLOWANCE,
    SHARE_CASH,
    SHARE_PRINCIPAL,
    SHARE_RECEIVABLE,
    book_id,
)
from tallystick.money.share import apportion
from tallystick.pipeline.commands import Reply
from tallystick.pipeline.decisions import Decision
from tallystick.pipeline.refusals import Refused

_EXPECTED_REFUSALS = {
    "LOAN_NOTHING_TO_PAY", "LOAN_STATE_REFUSED", "LOAN_PAYMENT_NOT_EXIST", "INVALID_AMOUNT",
}  # fmt: skip


def require_each_book_has_its_share(living: SharedLoan) -> None:
    """See that every book holds its share of what is owed and of what is expected to be lost."""
    everybody = (*living.first_plan.participants, *living.plan.participants)
    wanted = {p.account: (p, Counter[str]()) for p in everybody if p.institution_id}
    losses = apportion(living.allowance, living.plan.shares)
    parts = zip(living.plan.participants, living.owed(), losses, strict=True)
    for p, part, loss in parts:
        if p.is_outside:
            sums = wanted[p.account][1]
            sums["principal"] += part[Bucket.PRINCIPAL]
            sums["income"] += sum(part.values()) - part[Bucket.PRINCIPAL]
            sums["loss"] += loss
    for account, (p, sums) in wanted.items():
        own, platform = book_id(p.entity, "CNY"), PLATFORM_BOOK
        held = living.balance(PARTICIPATION_PRINCIPAL, account, platform)
        assert held == living.balance(SHARE_PRINCIPAL, p.class_account, own)
        assert held == sums["principal"]
        income = living.balance(PARTICIPATION_INCOME, account, platform)
        assert income == living.balance(SHARE_RECEIVABLE, account, own) == sums["income"]
        expected = living.balance(PARTICIPATION_ALLOWANCE, account, platform)
        assert expected == living.balance(SHARE_ALLOWANCE, account, own) == sums["loss"]


class SharedLife(RuleBasedStateMachine):
    """Whatever happens on a loan, each who funds it has exactly its share of it."""

    living: SharedLoan

    @initialize(contract=contracts, plan=plans())
    def draw(self, contract: Contract, plan: Plan) -> None:
        self.living = SharedLoan(contract, plan)
        self.settled = self.taken = 0
        self.drawn = contract.start.toordinal()

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

    @rule(amount=st.integers(1, 500), days=st.integers(0, 20))
    def charge_fee(self, amount: int, days: int) -> None:
        """A late fee, of today or of a day that was missed."""
        day = max(self.living.day - timedelta(days), date.fromordinal(self.drawn))
        self._try(reversing.charge_fee_of, amount, day)

    @rule(amount=st.integers(0, 5_000_000), rate=st.integers(1, 100))
    def sell(self, amount: int, rate: int) -> None:
        """A share of a merchant's settlement is set aside for the loan."""
        living = self.living
        state = living.state()
        self.settled += amount
        wanted = share_wanted(Decimal(rate) / 100, self.settled, self.taken)
        taken = min(wanted, max(0, living.position.payoff - self.collected))
        self.taken += taken
        posting = state.books.posting("sales_share", taken, source=state.wallet)
        living.keep(Decision(Reply(), postings=(posting,)))

    @rule(effect=st.sampled_from(Effect))
    def sweep(self, effect: Effect) -> None:
        """What was set aside pays the loan."""
        collected, state = self.collected, self.living.state()
        if collected and self.living.loan.status is LoanStatus.ACTIVE:
            reserve = state._replace(bank=state.books.account(SALES_SHARE), bank_id="")
            try:
                self.living.keep(decide.pay(reserve, collected, PaymentMode.EARLY, effect))
            except Refused as refused:
                assert refused.refusal.code == "LOAN_NOTHING_TO_PAY", refused  # noqa: PT017
                back = state.books.posting(
                    "returned", collected, source=reserve.bank, payee=state.wallet
                )
                self.living.keep(Decision(Reply(), postings=(back,)))
            assert self.collected == 0

    @property
    def collected(self) -> int:
        return self.living.balance(SALES_SHARE, LOAN_ID, PLATFORM_BOOK)

    @rule()
    def collect(self) -> None:
        self._try(decide.collect, CollectLoan(loan_id=LOAN_ID, due_day=self.living.day.isoformat()))

    @rule(bucket=st.sampled_from([Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY]))
    def waive(self, bucket: Bucket) -> None:
        self._try(decide.waive, bucket, (self.living.position.due[bucket] + 1) // 2)

    @rule()
    def close_day(self) -> None:
        self.living.act(closing.close_day)

    @precondition(lambda self: self.living.events)
    @rule(at=st.integers(0, 20), bank=st.booleans())
    def reverse(self, at: int, bank: bool) -> None:
        step = self.living.events[at % len(self.living.events)].step
        self._try(reversing.reverse, step, bank=bank)

    @precondition(lambda self: self.living.loan.status is LoanStatus.ACTIVE)
    @rule()
    def buy_back(self) -> None:
        living = self.living
        late = living.position.days_past_due
        found = buy_back(living.funded(), living.owed(), late, living.allowance)
        if found is not None:
            living.take(found[0])
            living.plan = found[1]

    @precondition(lambda self: self.living.day > self.living.position.schedule.rows[-1].day)
    @rule()
    def charge_off(self) -> None:
        self._try(closing.charge_off)

    @invariant()
    def the_parts_are_the_whole(self) -> None:
        living = self.living
        owed = living.owed()
        for bucket, entry in RECEIVABLES.items():
            whole = living.balance(entry, LOAN_ID, PLATFORM_BOOK)
            assert sum(part[bucket] for part in owed) == whole, bucket
            for p, part in zip(living.plan.participants, owed, strict=True):
                assert part[bucket] >= 0
                debits, credits = living.totals(bucket)
                exact = (debits - credits) * p.share_ppm
                assert abs(part[bucket] * WHOLE_PPM - exact) < len(owed) * WHOLE_PPM

    @invariant()
    def each_book_has_its_share(self) -> None:
        require_each_book_has_its_share(self.living)

    @invariant()
    def what_is_expected_to_be_lost_is_borne_whole(self) -> None:
        living = self.living
        outside = [p for p in living.plan.participants if p.is_outside]
        accounts = {p.account: book_id(p.entity, "CNY") for p in outside}
        shared = sum(living.balance(SHARE_ALLOWANCE, a, book) for a, book in accounts.items())
        losses = apportion(living.allowance, living.plan.shares)
        own = sum(
            loss for p, loss in zip(living.plan.participants, losses, strict=True)
            if not p.is_outside
        )  # fmt: skip
        assert own + shared == living.allowance

    @invariant()
    def the_flows_tell_what_was_booked(self) -> None:
        living = self.living
        first = living.first_plan.participants
        whose = {p.institution_id: p.entity for p in first if p.institution_id}
        for who, entity in {**whose, GUARANTOR: 2999}.items():
            net = sum(f.net for f in living.flows if f.institution_id == who)
            assert living.balance(INSTITUTION_SETTLEMENT, who, PLATFORM_BOOK) == net
            assert living.balance(SHARE_CASH, who, book_id(entity, "CNY")) == net
        for place, p in enumerate(living.first_plan.participants):
            drawn = sum(f.principal for f in living.flows if f.institution_id == institution(place))
            if p.institution_id:
                own = book_id(p.entity, "CNY")
                assert living.balance(SHARE_PRINCIPAL, p.class_account, own) == drawn
        taken = sum(f.principal for f in living.flows if f.institution_id == GUARANTOR)
        own = book_id(2999, "CNY")
        assert living.balance(SHARE_PRINCIPAL, "2999000000000", own) == taken

    @invariant()
    def a_loan_that_is_over_owes_nobody(self) -> None:
        if self.living.loan.status is LoanStatus.CLOSED:
            assert not any(sum(part.values()) for part in self.living.owed())


TestSharedLife = SharedLife.TestCase
TestSharedLife.settings = settings(max_examples=25, stateful_step_count=20)


@given(contracts, plans(), st.lists(st.integers(1, 60), max_size=4))
@settings(max_examples=25)
def test_what_is_lost_and_recovered_is_borne_whole_by_somebody(
    contract: Contract, plan: Plan, recovered: list[int]
) -> None:
    living = SharedLoan(contract, plan)
    living.pass_days(400)
    owed = living.position.owed_total
    living.act(closing.charge_off)
    lost = [f for f in living.flows if f.kind.value == "lost"]
    for p in plan.participants:
        if p.institution_id:
            compensated = sum(
                f.other for f in living.flows
                if f.programme_id == p.programme_id and f.kind.value == "compensated"
            )  # fmt: skip
            own = -sum(
                f.principal + f.interest + f.fee + f.penalty
                for f in lost if f.programme_id == p.programme_id
            )  # fmt: skip
            assert compensated == (min(p.cap, own) if p.cap else 0)
    before = {f.institution_id: 0 for f in living.flows}
    for percent in recovered:
        amount = max(1, owed * percent // 400)
        left = living.position.owed_total - living.position.recovered
        if left <= 0:
            break
        living.act(decide.pay, min(amount, left), PaymentMode.DUE, Effect.LOWER)
    for who in before:
        got = sum(
            f.net for f in living.flows if f.institution_id == who and f.kind.value == "recovered"
        )
        assert got >= 0
    assert living.joint.recovered == living.position.recovered


@given(contracts, plans())
@settings(max_examples=40)
def test_a_share_that_is_bought_back_takes_its_expected_loss_along(
    contract: Contract, plan: Plan
) -> None:
    living = SharedLoan(contract, plan)
    living.pass_days(200)
    living.act(closing.close_day)
    assert living.allowance > 0
    require_each_book_has_its_share(living)
    late = living.position.days_past_due
    found = buy_back(living.funded(), living.owed(), late, living.allowance)
    if found is not None:
        living.take(found[0])
        living.plan = found[1]
    require_each_book_has_its_share(living)
    living.act(closing.charge_off)
    require_each_book_has_its_share(living)
