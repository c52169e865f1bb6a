"""Loans for tests: quotes by field, and generated terms."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.offer import Offer, quote
from tallystick.credit.schedules.quote import QuoteRequest
from tallystick.credit.schedules.terms import (
    AccruedInterest,
    BusinessDayRule,
    Drawdown,
    DueDates,
    Every,
    Fee,
    FeeBase,
    FeeTime,
    Grace,
    Method,
    RateChange,
    Reschedule,
    Terms,
    Unit,
)
from tallystick.decoding import decode_json
from tallystick.money.rate import Rounding

__all__ = ["PLAIN", "START", "offered", "plain_terms", "terms"]

START = date(2024, 1, 31)

PLAIN: dict[str, Any] = {
    "principal": "1000.00", "annual_rate": "0.12", "day_count": "30/360", "start": "2024-01-01",
    "every": [1, "month"], "count": 6, "method": "equal_instalment",
}  # fmt: skip


def offered(**fields: Any) -> Offer:
    """The answer to a quote of `PLAIN` with other fields."""
    body = msgspec.json.encode({**PLAIN, **fields})
    return quote(decode_json(body, QuoteRequest))


_rates = st.integers(0, 6000).map(lambda n: Decimal(n) / 10_000)
_amounts = st.integers(1, 10_000_000)
_everies = st.sampled_from(
    [
        Every(1, Unit.MONTH), Every(3, Unit.MONTH), Every(1, Unit.WEEK), Every(15, Unit.DAY),
        Every(1, Unit.DAY), Every(1, Unit.YEAR),
    ]
)  # fmt: skip
_fees = st.builds(
    Fee,
    when=st.sampled_from([FeeTime.UP_FRONT, FeeTime.PER_PERIOD]),
    amount=st.integers(0, 500),
    rate=st.integers(0, 50).map(lambda n: Decimal(n) / 10_000),
    of=st.sampled_from(FeeBase),
    day=st.none(),
    name=st.just(""),
)


@st.composite
def plain_terms(draw: st.DrawFn, method: Method | None = None) -> Terms:
    """A loan drawn at once, without grace, changes or fees."""
    method = method or draw(st.sampled_from(Method))
    principal = draw(_amounts) + 1
    balloon = draw(st.integers(1, principal - 1))
    return Terms(
        principal=principal,
        annual_rate=draw(_rates),
        day_count=draw(st.sampled_from(DayCount)),
        start=draw(st.dates(START, START + timedelta(days=800))),
        dates=DueDates(draw(_everies), draw(st.integers(1, 24))),
        method=method,
        balloon=balloon if method is Method.BALLOON else 0,
        rounding=draw(st.sampled_from([Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.DOWN])),
    )


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """A loan with any of the things that may happen to one, but paying early."""
    loan = draw(plain_terms())
    count = loan.dates.payments
    # Happenings lie in the first period, whatever its length, or on a multiple of it.
    days = st.integers(0, count - 1).map(lambda n: loan.start + timedelta(days=n))
    rule = draw(st.sampled_from(BusinessDayRule)) if loan.dates.every.unit is not Unit.DAY else None
    dates = loan.dates._replace(
        rule=rule or BusinessDayRule.UNADJUSTED,
        end_of_month=draw(st.booleans()),
        interest_moves=draw(st.booleans()),
    )
    return loan._replace(
        dates=dates,
        drawdowns=tuple(draw(st.lists(st.builds(Drawdown, days, _amounts), max_size=3))),
        rate_changes=tuple(draw(st.lists(st.builds(RateChange, days, _rates), max_size=2))),
        reschedules=tuple(
            draw(
                st.lists(
                    st.builds(
                        Reschedule, days, st.integers(count, 24), st.none(), st.none(), st.none(),
                        st.sampled_from(AccruedInterest), st.just(0),
                    ),
                    max_size=1,
                )
            )
        ),
        fees=tuple(draw(st.lists(_fees, max_size=3))),
        grace=Grace(*(draw(st.integers(0, min(3, count - 1))) for _ in range(3))),
    )  # fmt: skip
