"""Day counts, due dates and rates beside QuantLib and pyxirr."""

from __future__ import annotations

from datetime import date

import pytest
import pyxirr
import QuantLib as ql
from hypothesis import given
from hypothesis import strategies as st
from tests.credit.loans import terms

from tallystick.credit.schedules.all_in_rate import CashFlow, all_in_rate, cash_flows
from tallystick.credit.schedules.day_count import DayCount, year_fraction
from tallystick.credit.schedules.periods import add_periods
from tallystick.credit.schedules.terms import Every, Terms, Unit
from tallystick.credit.schedules.walk import schedule_of

_DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
_COUNTS = {
    DayCount.THIRTY_360: ql.Thirty360(ql.Thirty360.BondBasis),
    DayCount.ACT_365: ql.Actual365Fixed(),
    DayCount.ACT_360: ql.Actual360(),
    DayCount.ACT_364: ql.Actual364(),
    DayCount.ACT_ACT: ql.ActualActual(ql.ActualActual.ISDA),
}
_UNITS = {Unit.DAY: ql.Days, Unit.WEEK: ql.Weeks, Unit.MONTH: ql.Months, Unit.YEAR: ql.Years}


def _ql(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


@given(st.sampled_from(DayCount), _DAYS, _DAYS)
def test_parts_of_a_year_are_quantlibs(day_count: DayCount, one: date, other: date) -> None:
    start, end = sorted((one, other))
    wanted = _COUNTS[day_count].yearFraction(_ql(start), _ql(end))
    assert float(year_fraction(day_count, start, end)) == pytest.approx(wanted, abs=1e-12)


@given(_DAYS, st.sampled_from(Unit), st.integers(1, 6), st.integers(0, 20))
def test_due_dates_are_quantlibs(start: date, unit: Unit, number: int, times: int) -> None:
    wanted = _ql(start) + ql.Period(number * times, _UNITS[unit])
    assert add_periods(start, Every(number, unit), times) == wanted.to_date()


@given(terms())
def test_the_all_in_rate_is_the_internal_rate_of_return(loan: Terms) -> None:
    flows = cash_flows(schedule_of(loan))
    rate = all_in_rate(flows)
    if rate is None:
        assert not flows or flows[0].amount <= 0
        return
    net = pyxirr.xnpv(float(rate), [f.day for f in flows], [float(f.amount) for f in flows])
    if net is None:  # It gives no value where all flows are on one day or the power overflows.
        assert rate <= -1 or len({f.day for f in flows}) == 1 or rate > 10**6, rate
        return
    assert net == pytest.approx(0, abs=1e-6 * sum(abs(f.amount) for f in flows))


def test_the_all_in_rate_of_a_known_loan_is_pyxirrs_to_a_hundredth_of_a_basis_point() -> None:
    days = [date(2024, 1, 1), *(date(2024, month, 1) for month in range(2, 8))]
    amounts = [9900, -1753, -1753, -1753, -1753, -1753, -1757]
    wanted = pyxirr.xirr(days, amounts)

    rate = all_in_rate([CashFlow(d, a) for d, a in zip(days, amounts, strict=True)])
    assert float(rate or 0) == pytest.approx(wanted, abs=1e-9)
