"""Generated lives of a receivable against a model that only counts who has which money."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.receivables import decide
from tallystick.credit.receivables.decide import Exposure, ReceivableState
from tallystick.credit.receivables.model import (
    TRANSITIONS,
    Receivable,
    ReceivableEvent,
    ReceivableKind,
    ReceivableStatus,
    ReceivableTerms,
)
from tallystick.ledger.chart import CUSTOMER_WALLET, MERCHANT_WALLET
from tallystick.pipeline.decisions import AccountRef, Decision
from tallystick.pipeline.refusals import Refused

BOOK = 1_000_156
SELLER, DEBTOR = AccountRef(MERCHANT_WALLET, "1", BOOK), AccountRef(CUSTOMER_WALLET, "2", BOOK)
NEW = Receivable(
    "7", ReceivableKind.INVOICE, "1", "2", "I1", "CNY", 100_000, "2027-06-30",
    ReceivableStatus.REGISTERED, "", 0, 0, 0, 1, 0, 0,
)  # fmt: skip


@dataclass
class Life:
    """A receivable under real decisions, and what the model says of the same."""

    terms: ReceivableTerms
    balances: Counter[AccountRef] = field(default_factory=Counter)
    row: Receivable = NEW
    events: tuple[ReceivableEvent, ...] = ()
    day: date = date(2027, 5, 1)
    lender: int = 0
    """What the lender has got, less what it has paid."""
    debtor_paid: int = 0
    reduced: int = 0

    def state(self) -> ReceivableState:
        return ReceivableState(
            self.row, self.events, self.day, collect_ms(self.day, 12), "t:1", BOOK, SELLER,
            max(0, self.balances[SELLER]), DEBTOR,
        )  # fmt: skip

    def apply(self, decision: Decision) -> None:
        for posting in decision.postings:
            assert posting.amount >= 0
            self.balances[posting.debit] -= posting.amount
            self.balances[posting.credit] += posting.amount
            for side, sign in ((posting.debit, -1), (posting.credit, 1)):
                if side.entry.code in (1205, 4102, 4104):
                    self.lender += sign * posting.amount
        for changed in decision.rows:
            if isinstance(changed, Receivable):
                self.row = changed
            elif isinstance(changed, ReceivableEvent):
                self.events = (*self.events, changed)

    def proceeds(self) -> int:
        return sum(n for ref, n in self.balances.items() if ref.entry.code == 2203)

    def advanced(self) -> int:
        return -sum(n for ref, n in self.balances.items() if ref.entry.code == 1205)


_deeds = st.lists(
    st.tuples(
        st.sampled_from(["collect", "repay", "reduce", "check", "fund"]), st.integers(0, 60_000)
    ),
    max_size=12,
)
_terms = st.builds(
    ReceivableTerms,
    advance_rate=st.integers(1, 95).map(lambda n: Decimal(n) / 100),
    discount_rate=st.integers(0, 20).map(lambda n: Decimal(n) / 100),
    with_recourse=st.booleans(),
    retry_days=st.just((0, 2)),
)


def _do(life: Life, deed: str, amount: int) -> None:
    state = life.state()
    if deed == "fund":
        life.balances[SELLER] += amount
        return
    made = {
        "collect": lambda: decide.collect(state, amount),
        "repay": lambda: decide.repay(state, min(amount, max(0, state.available))),
        "reduce": lambda: decide.reduce(state, amount, "returned"),
        "check": lambda: decide.check(state, amount % 2),
    }[deed]()
    if any(p.debit == SELLER and p.amount > state.available for p in made.postings):
        return  # the ledger refuses it
    if deed == "collect":
        life.debtor_paid += amount or state.standing.face_left
    if deed == "reduce":
        life.reduced += amount
    life.apply(made)


@given(_terms, _deeds)
def test_every_life_balances_and_follows_the_table(
    terms: ReceivableTerms, deeds: list[tuple[str, int]]
) -> None:
    life = Life(terms)
    life.apply(decide.register(life.state()))
    life.apply(decide.answer(life.state(), True, ""))
    life.apply(decide.finance(life.state(), terms, Exposure(0, 0)))
    claim = life.row.advance + life.row.fee
    assert life.advanced() == life.row.advance
    for deed, amount in deeds:
        before = life.row.status
        try:
            _do(life, deed, amount)
        except Refused:
            continue
        at = life.state().standing
        after = life.row.status
        assert before is after or any((t.before, t.after) == (before, after) for t in TRANSITIONS)
        assert life.proceeds() == 0
        assert at.face_left == 100_000 - life.debtor_paid - life.reduced >= 0
        assert life.advanced() == at.advance
        # The lender gets its claim and not a cent more, whoever pays.
        assert life.lender <= claim - life.row.advance + life.row.advance
        assert at.owed + at.lost == claim - _received(life)
        if after is ReceivableStatus.SETTLED:
            assert at.owed == 0
        if after is ReceivableStatus.LOST:
            assert life.advanced() == 0


def _received(life: Life) -> int:
    """What came to the lender, counted from the postings' effect on its accounts."""
    fees = sum(n for ref, n in life.balances.items() if ref.entry.code in (4102, 4104))
    lost = -sum(n for ref, n in life.balances.items() if ref.entry.code == 5101)
    return fees + life.row.advance - life.advanced() - lost
