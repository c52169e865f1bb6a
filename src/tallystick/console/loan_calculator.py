"""The loan calculator: a page for anybody; the address holds the whole question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, get
from markupsafe import Markup

from tallystick.console.charts import Point, line_chart, stacked_chart
from tallystick.console.display import iso_day, money_short, money_text
from tallystick.console.frontend import Front, Frontend, error_text
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.offer import Offer, quote
from tallystick.credit.schedules.quote import QuoteRequest
from tallystick.credit.schedules.terms import Method, Unit
from tallystick.decoding import convert
from tallystick.money.amount import parse_amount
from tallystick.pipeline.refusals import Refused

__all__ = ["LOAN_CALCULATOR"]

_CURRENCY: Final = "CNY"
_BARS_MAX: Final = 60
_LABELS_MAX: Final = 4
"""Days that stand side by side below a chart on a phone."""
_DEFAULTS: Final = {
    "principal": "10000.00", "percent": "9.48", "count": "12", "number": "1", "unit": "month",
    "method": "equal_instalment", "day_count": "30/360", "balloon": "0", "grace": "0",
    "up_front": "0", "per_period": "0",
}  # fmt: skip


class _Bar(NamedTuple):
    """Payments that share a bar; amounts in minor units."""

    day: str
    principal: int
    interest: int
    balance: int


def _asked(query: Mapping[str, str], today: str) -> dict[str, str]:
    """The form's fields: what the address says, else an example."""
    known = {**_DEFAULTS, "start": today}
    return {name: query.get(name, known[name]).strip() or known[name] for name in known}


def _rate(percent: str) -> Decimal:
    try:
        return Decimal(percent) / 100
    except ArithmeticError as error:
        raise Refused("CREDIT_TERMS_INVALID", "annual_rate: this is not a number.") from error


def _request(asked: dict[str, str]) -> QuoteRequest:
    """The form as a quote's request.

    Raises:
        Refused: CREDIT_TERMS_INVALID; the detail names the field.
    """
    fields = {
        "principal": asked["principal"], "annual_rate": _rate(asked["percent"][:32]),
        "start": asked["start"], "count": asked["count"],
        "every": (asked["number"], asked["unit"]), "method": asked["method"],
        "day_count": asked["day_count"], "balloon": asked["balloon"],
        "grace": {"principal": asked["grace"]},
        "fees": {"up_front": asked["up_front"], "per_period": asked["per_period"]},
    }  # fmt: skip
    try:
        return convert(fields, QuoteRequest, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("CREDIT_TERMS_INVALID", f"{error}.") from error


def _bars(offer: Offer) -> list[_Bar]:
    """The payments, several to a bar when there are many."""

    def minor(text_: str) -> int:
        return parse_amount(text_, offer.currency)

    rows = [_Bar(row[0], minor(row[1]), minor(row[2]), minor(row[5])) for row in offer.rows]
    size = -(-len(rows) // _BARS_MAX)
    groups = [rows[at : at + size] for at in range(0, len(rows), size)]
    return [
        _Bar(g[-1].day, sum(r.principal for r in g), sum(r.interest for r in g), g[-1].balance)
        for g in groups
    ]


def _charts(offer: Offer, language: Language) -> dict[str, Markup]:
    bars = _bars(offer)
    step = -(-len(bars) // _LABELS_MAX)

    def says(key: str, bar: _Bar) -> str:
        amounts = {
            name: money_text(getattr(bar, name), offer.currency)
            for name in ("principal", "interest", "balance")
        }
        return text(key, language, day=bar.day, **amounts)

    def points(value: str, key: str) -> list[Point]:
        return [
            Point(bar.day[2:] if at % step == 0 else "", getattr(bar, value), says(key, bar))
            for at, bar in enumerate(bars)
        ]

    def axis(value: int) -> str:
        return money_short(value, offer.currency)

    return {
        "payments": stacked_chart(
            points("principal", "quote.says"), [bar.interest for bar in bars], name="payments",
            title=text("quote.chart", language), description=text("quote.lead", language),
            language=language, axis_text=axis,
        ),
        "balance": line_chart(
            points("balance", "quote.says_balance"), name="balance",
            title=text("quote.chart_balance", language),
            description=text("quote.lead", language), language=language, axis_text=axis,
        ),
    }  # fmt: skip


def _percent(rate: str | None) -> str:
    return "" if rate is None else f"{Decimal(rate) * 100:.4f} %"


def _page(front: Frontend, visitor: Visitor, asked: dict[str, str], **shown: Any) -> Response[str]:
    context = {"offer": None, "charts": {}, "all_in": "", "nominal": "", **shown}
    return front.page(
        visitor, "credit/quote.html", asked=asked, currency=_CURRENCY, methods=list(Method),
        units=list(Unit), day_counts=list(DayCount), **context,
    )  # fmt: skip


@get("/credit/quote")
async def loan_calculator(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """A loan's schedule, charts and cost; what cannot be calculated is said above the form."""
    asked = _asked(request.query_params, iso_day(front.platform.clock_ms()))
    try:
        front.rate_limit.take(request.client.host if request.client else "")
        offer = await asyncio.to_thread(quote, _request(asked))
    except Refused as error:
        refusal = error_text(error, visitor.language)
        return _page(front, visitor, asked, status=refusal.status, refusal=refusal)
    return _page(
        front, visitor, asked, offer=offer, charts=_charts(offer, visitor.language),
        all_in=_percent(offer.rates.all_in), nominal=_percent(offer.rates.nominal),
    )  # fmt: skip


LOAN_CALCULATOR: Final = (loan_calculator,)
