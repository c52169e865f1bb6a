"""The answer to a quote: rows, totals, and the yearly rates beside the cost in money."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.credit.schedules.all_in_rate import (
    CashFlow,
    all_in_rate,
    cash_flows,
    simple_rate,
)
from tallystick.credit.schedules.check import require_rate, require_terms
from tallystick.credit.schedules.quote import Ceiling, QuoteRequest, terms_of
from tallystick.credit.schedules.schedule import Schedule
from tallystick.credit.schedules.walk import schedule_of
from tallystick.money.amount import format_amount
from tallystick.pipeline.refusals import Refused

__all__ = ["Offer", "quote", "require_below_ceiling"]

_SIX: Final = Decimal("0.000001")
_SHOWN_MAX: Final = Decimal(10) ** 12
"""From here on a yearly rate says nothing more: most of a loan of days is taken as fees."""

RowText = Annotated[
    tuple[str, str, str, str, str, str],
    Meta(
        description="Due date, principal, interest, fee, payment, balance.",
        examples=[["2024-02-01", "16.10", "1.33", "0.00", "17.43", "83.90"]],
    ),
]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the whole loan: principal, interest and fees together are the payments.

    `capitalised` is interest that became principal. `cost` is what the loan costs in money: the
    payments less what was drawn.
    """

    drawn: str
    principal: str
    capitalised: str
    interest: str
    fees: str
    payments: str
    cost: str


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Yearly rates as fractions of 1, to 0.0001 %.

    `all_in` is the internal rate of return of all cash flows (a year of 365 days, compounded
    yearly); `all_in_simple` is the same without compounding: the period's rate times the
    periods in a year. Null when no rate exists, because nothing is left of what is drawn, or when
    it is 10^12 and more.
    """

    nominal: str
    all_in: str | None
    all_in_simple: str | None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A loan, calculated.

    `instalments` are the equal payments, a new one for each time that it was set; `charges` are
    fees outside the due dates; `cash_flows` are what the rate is found from.
    """

    currency: str
    method: str
    day_count: str
    rows: list[RowText]
    instalments: list[str]
    charges: list[tuple[str, str, str]]
    totals: Totals
    rates: Rates
    cash_flows: list[tuple[str, str]]


def _six(rate: Decimal | None) -> str | None:
    if rate is None or rate >= _SHOWN_MAX:
        return None
    return format(rate.quantize(_SIX, rounding=ROUND_HALF_EVEN) + 0, "f")


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).quantize(Decimal('0.0001'), rounding=ROUND_HALF_EVEN)} %"


def require_below_ceiling(rate: Decimal | None, ceiling: Ceiling) -> None:
    """See that an all-in yearly rate is not above a product's ceiling.

    Raises:
        Refused: CREDIT_RATE_ABOVE_CEILING, saying by how much and by which rule.
    """
    source = f" ({ceiling.source})" if ceiling.source else ""
    if rate is None:
        raise Refused(
            "CREDIT_RATE_ABOVE_CEILING",
            f"Fees leave nothing of what is drawn; the ceiling is "
            f"{_percent(ceiling.annual_rate)}{source}.",
        )
    if rate >= _SHOWN_MAX:
        raise Refused(
            "CREDIT_RATE_ABOVE_CEILING",
            f"The all-in yearly rate, with fees, is {_percent(_SHOWN_MAX)} and more; the ceiling "
            f"is {_percent(ceiling.annual_rate)}{source}.",
        )
    if rate > ceiling.annual_rate:
        raise Refused(
            "CREDIT_RATE_ABOVE_CEILING",
            f"The all-in yearly rate of {_percent(rate)}, with fees, is "
            f"{_percent(rate - ceiling.annual_rate)} above the ceiling of "
            f"{_percent(ceiling.annual_rate)}{source}.",
        )


def _totals(schedule: Schedule, currency: str) -> Totals:
    rows = schedule.rows
    drawn = sum(drawdown.amount for drawdown in schedule.drawdowns)
    apart = sum(fee.amount for fee in schedule.fees)
    payments = sum(row.payment for row in rows) + apart

    def text(amount: int) -> str:
        return format_amount(amount, currency)

    return Totals(
        drawn=text(drawn),
        principal=text(sum(row.principal for row in rows)),
        capitalised=text(schedule.capitalised),
        interest=text(sum(row.interest for row in rows)),
        fees=text(sum(row.fee for row in rows) + apart),
        payments=text(payments),
        cost=text(payments - drawn),
    )


def _offer(request: QuoteRequest, schedule: Schedule, flows: list[CashFlow]) -> Offer:
    currency = request.currency
    rate = all_in_rate(flows)
    ceiling = request.ceiling
    if ceiling is not None:
        if isinstance(ceiling, Decimal):
            ceiling = Ceiling(annual_rate=ceiling)
        require_rate("ceiling", ceiling.annual_rate)
        require_below_ceiling(rate, ceiling)

    def text(amount: int) -> str:
        return format_amount(amount, currency)

    return Offer(
        currency=currency,
        method=request.method.value,
        day_count=request.day_count.value,
        rows=[
            (
                row.day.isoformat(), text(row.principal), text(row.interest), text(row.fee),
                text(row.payment), text(row.balance),
            )
            for row in schedule.rows
        ],
        instalments=[text(amount) for amount in schedule.instalments],
        charges=[(fee.day.isoformat(), text(fee.amount), fee.name) for fee in schedule.fees],
        totals=_totals(schedule, currency),
        rates=Rates(
            nominal=_six(request.annual_rate) or "",
            all_in=_six(rate),
            all_in_simple=_six(rate and simple_rate(rate, schedule.terms.dates.every)),
        ),
        cash_flows=[(flow.day.isoformat(), text(flow.amount)) for flow in flows],
    )  # fmt: skip


def quote(request: QuoteRequest) -> Offer:
    """The schedule of a loan with what it costs; nothing is kept.

    Raises:
        Refused: CREDIT_TERMS_INVALID, INVALID_AMOUNT, CREDIT_PREPAYMENT_AMOUNT or
            CREDIT_RATE_ABOVE_CEILING; the detail names the field.
    """
    terms = terms_of(request)
    require_terms(terms)
    try:
        schedule = schedule_of(terms)
    except (OverflowError, ValueError) as error:
        raise Refused("CREDIT_TERMS_INVALID", f"start, every, count: {error}.") from error
    return _offer(request, schedule, cash_flows(schedule))
