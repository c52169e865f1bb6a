"""What changes a loan on one day comes to the same in any order, or is refused with why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.loans.life import Position, live
from tallystick.credit.loans.model import Contract, LoanEvent, LoanEventKind, NewDates, ProductTerms
from tallystick.credit.schedules.terms import AccruedInterest, Effect

START = date(2027, 1, 15)
K = LoanEventKind


def happened(step: int, kind: LoanEventKind, day: date, amount: int, detail: str) -> LoanEvent:
    return LoanEvent(
        "1", step, kind, day.isoformat(), amount, detail, Effect.LOWER, "", "t:1", step
    )


def lived(contract: Contract, changes: Sequence[tuple[K, int, str]], day: date) -> Position:
    events = [happened(step, kind, day, amount, detail)
              for step, (kind, amount, detail) in enumerate(changes, 1)]  # fmt: skip
    return live(contract, events, day + timedelta(days=100))


@given(
    st.integers(1, 27), st.integers(1, 500_000), st.integers(0, 3_000),
    st.integers(1, 24), st.sampled_from([AccruedInterest.CARRIED, AccruedInterest.CAPITALISED]),
)  # fmt: skip
def test_dates_rate_and_drawdown_of_one_day_come_to_the_same_in_any_order(
    days: int, more: int, rate: int, count: int, accrued: AccruedInterest
) -> None:
    product = ProductTerms(annual_rate=Decimal("0.12"), counts=(6,), drawdowns_max=3)
    contract = Contract(principal=1_000_000, start=START, count=6, product=product)
    dates = msgspec.json.encode(NewDates(count=count, accrued=accrued)).decode()
    changes = [
        (K.DRAWDOWN, more, ""),
        (K.RATE_CHANGE, 0, str(Decimal(rate) / 10_000)),
        (K.RESCHEDULE, 0, dates),
    ]
    day = START + timedelta(days=days)
    first, *others = (lived(contract, order, day) for order in permutations(changes))
    for other in others:
        assert other.schedule.rows == first.schedule.rows
        assert other.charged == first.charged
        assert other.left == first.left
