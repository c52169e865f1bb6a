"""A loan that lives in a test: decisions, applied to a toy ledger and kept as rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st
from tests.credit.toy_ledger import ToyLedger

from tallystick.credit.loans import decide
from tallystick.credit.loans.life import Position, live
from tallystick.credit.loans.model import (
    Contract,
    LateTerms,
    Loan,
    LoanEvent,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    LoanTerms,
    NewDates,
    ProductTerms,
    contract_of,
)
from tallystick.credit.loans.state import LoanState, NewLoan
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.terms import AccruedInterest, Method, Unit
from tallystick.ledger.chart import BANK_RESERVE, CUSTOMER_WALLET, LOAN_ALLOWANCE
from tallystick.pipeline.decisions import AccountRef, Decision

__all__ = ["BANK", "LOAN_ID", "START", "WALLET", "LivingLoan", "contracts", "new_dates"]

START = date(2026, 1, 31)
LOAN_ID = "2026013100000000000000000001"
_BOOK = 1_000_156
WALLET = AccountRef(CUSTOMER_WALLET, "2088000000000301", _BOOK)
BANK = AccountRef(BANK_RESERVE, "1", _BOOK)
_OWN_MONEY = 10**15
_ORDERS = [
    (Bucket.PENALTY, Bucket.FEE, Bucket.INTEREST, Bucket.PRINCIPAL),
    (Bucket.PRINCIPAL, Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY),
    (Bucket.INTEREST, Bucket.PRINCIPAL, Bucket.PENALTY, Bucket.FEE),
]

_rates = st.integers(0, 3600).map(lambda n: Decimal(n) / 10_000)

contracts = st.builds(
    Contract,
    principal=st.integers(100, 10_000_000),
    start=st.just(START),
    count=st.integers(1, 6),
    first_due=st.sampled_from([None, START + timedelta(days=40)]),
    period_fee=st.sampled_from([0, 37]),
    product=st.builds(
        ProductTerms,
        annual_rate=_rates,
        day_count=st.sampled_from(DayCount),
        every=st.sampled_from([(1, Unit.MONTH), (1, Unit.WEEK), (10, Unit.DAY)]),
        method=st.sampled_from(
            [Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL, Method.INTEREST_FIRST]
        ),
        up_front_rate=st.sampled_from([Decimal(0), Decimal("0.01")]),
        period_fee_rate=st.sampled_from([Decimal(0), Decimal("0.005")]),
        prepayment_rate=st.sampled_from([Decimal(0), Decimal("0.01")]),
        drawdowns_max=st.just(4),
        re_ages_max=st.just(3),
        late=st.builds(
            LateTerms,
            penalty_rate=_rates,
            late_fee=st.sampled_from([0, 500]),
            grace_days=st.integers(0, 3),
            order=st.sampled_from(_ORDERS),
            oldest_first=st.booleans(),
            notice_days=st.integers(0, 5),
        ),
    ),
)


new_dates = st.builds(
    NewDates,
    count=st.integers(1, 8),
    every=st.sampled_from([None, (1, Unit.MONTH), (2, Unit.WEEK)]),
    annual_rate=st.none() | _rates,
    accrued=st.sampled_from(AccruedInterest),
)


class LivingLoan:
    """One loan, its events and its books; `day` is today."""

    def __init__(
        self, contract: Contract, loan_id: str = LOAN_ID, ledger: ToyLedger | None = None
    ) -> None:
        self.loan_id = loan_id
        self.day = contract.start
        self.ledger = ledger or ToyLedger()
        self.ledger.debits[(CUSTOMER_WALLET, WALLET.owner)] = -_OWN_MONEY
        self.events: tuple[LoanEvent, ...] = ()
        self.standing: LoanStanding | None = None
        self.ahead: LoanPlan | None = None
        self.terms: dict[str, LoanTerms] = {}
        text = msgspec.json.encode(contract).decode()
        self.loan = Loan(
            loan_id, "cash", WALLET.owner, "CNY", LoanStatus.ACTIVE, text, "",
            self.day.isoformat(), 0, 1, 0,
        )  # fmt: skip
        new = NewLoan(self.loan, WALLET, WALLET)
        self.keep(decide.draw(new, self.state()))

    def state(self, bank: AccountRef | None = None) -> LoanState:
        """What decisions look at."""
        return LoanState(
            self.loan, self.events, self.day, 1, "system:test", WALLET,
            available=self.ledger.balance(CUSTOMER_WALLET, WALLET.owner),
            allowance=self.ledger.balance(LOAN_ALLOWANCE, self.loan_id),
            bank=bank, bank_id="1" if bank else "", standing=self.standing,
        )  # fmt: skip

    def keep(self, decision: Decision) -> int:
        """Record a decision; returns how many postings moved anything."""
        moved = self.ledger.apply(decision.postings)
        for row in decision.rows:
            if isinstance(row, Loan):
                self.loan = row
            elif isinstance(row, LoanStanding):
                self.standing = row
            elif isinstance(row, LoanPlan):
                self.ahead = row
            elif isinstance(row, LoanTerms):
                self.terms[row.terms_id] = row
            elif isinstance(row, LoanEvent):
                self.events = (*self.events, row)
        if decision.removed:
            self.standing = self.ahead = None
        return moved

    def act(self, decision: Callable[..., Decision], *args: Any, bank: bool = False) -> Decision:
        """Decide and record."""
        made = decision(self.state(BANK if bank else None), *args)
        self.keep(made)
        return made

    def pass_days(self, days: int) -> None:
        """Let time pass."""
        self.day += timedelta(days=days)

    @property
    def position(self) -> Position:
        """Where the loan stands today."""
        return live(contract_of(self.loan), self.events, self.day)
