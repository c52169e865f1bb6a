"""The console's first page: what happens now, in figures that follow and in charts."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart, line_chart
from tallystick.console.display import (
    china_time_of_day,
    day_text,
    hour_text,
    money_short,
    money_text,
    span_text,
)
from tallystick.console.figures import CURRENCY, Figures, Paid
from tallystick.console.frontend import Front
from tallystick.console.operators import operators_page
from tallystick.console.requests import need_operator
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking
from tallystick.payments.trades.model import TradeStatus
from tallystick.payments.trades.views import TradeFilter, list_trades

__all__ = ["OVERVIEW", "figure_charts", "figure_texts"]

_LATEST: Final = 8
_OPEN: Final = (TradeStatus.HELD, TradeStatus.SHIPPED, TradeStatus.DISPUTED)


def figure_texts(figures: Figures, language: Language) -> dict[str, str]:
    """Every figure of the overview as it is written."""
    totals = figures.totals
    all_trades = sum(totals.by_status.values())
    open_trades = sum(totals.by_status[s.value] for s in _OPEN)
    balanced = "figure.balanced_yes" if totals.balanced else "figure.balanced_no"
    texts = {
        "paid_today": money_text(figures.today.amount, CURRENCY),
        "paid_today_note": text("figure.paid_note", language, count=f"{figures.today.payments:,}"),
        "trades_today": f"{figures.trades_today:,}",
        "trades_today_note": text("figure.trades_note", language, count=f"{all_trades:,}"),
        "held": money_text(totals.held, CURRENCY),
        "held_note": text("figure.held_note", language, count=f"{open_trades:,}"),
        "balanced": text(balanced, language),
        "balanced_note": text(
            "figure.balanced_note", language, moment=china_time_of_day(totals.at_ms)
        ),
        "queue": f"{figures.queue:,}",
        "timer_lag": span_text(figures.timer_lag_ms, language),
        "notifications_due": f"{figures.notifications_due:,}",
        "notification_lag": span_text(figures.notification_lag_ms, language),
        "given_up": f"{figures.notifications_given_up:,}",
    }
    return texts | {f"status_{name}": f"{n:,}" for name, n in totals.by_status.items()}


def _summary(spans: list[Paid], language: Language) -> str:
    total = sum(span.amount for span in spans)
    if total == 0:
        return text("chart.none", language)
    highest = max(span.amount for span in spans)
    return text(
        "chart.summary", language, highest=money_text(highest, CURRENCY),
        total=money_text(total, CURRENCY),
    )  # fmt: skip


def figure_charts(figures: Figures, language: Language) -> dict[str, Markup]:
    """The overview's charts: paid by the hour, and by the day."""

    def axis_text(amount: int) -> str:
        return money_short(amount, CURRENCY)

    def point(span: Paid, label: str, shown: bool) -> Point:
        return Point(
            label if shown else "", span.amount, f"{label} · {money_text(span.amount, CURRENCY)}"
        )

    hours = [
        point(span, hour_text(span.start_ms), shown=at % 4 == 3)
        for at, span in enumerate(figures.hours)
    ]
    days = [
        point(span, day_text(span.start_ms, language), shown=at % 3 == 1)
        for at, span in enumerate(figures.days)
    ]
    return {
        "hours": bar_chart(
            hours, name="chart-hours", title=text("chart.hours", language),
            description=_summary(figures.hours, language), language=language, axis_text=axis_text,
        ),
        "days": line_chart(
            days, name="chart-days", title=text("chart.days", language),
            description=_summary(figures.days, language), language=language, axis_text=axis_text,
        ),
    }  # fmt: skip


@get("/console")
async def show_overview(front: Front, visitor: Asking) -> Response[str]:
    """The overview."""
    need_operator(visitor)
    figures = await front.figures.read()
    latest = list_trades(front.platform.rows, TradeFilter(), limit=_LATEST)
    return operators_page(
        front, visitor, "overview", "overview", figures=figure_texts(figures, visitor.language),
        charts=figure_charts(figures, visitor.language), trades=latest.trades,
        statuses=[status.value for status in TradeStatus],
    )  # fmt: skip


@get("/console/live.json")
async def live(front: Front, visitor: Asking) -> Response[dict[str, Any]]:
    """The figures again, for a page that is open."""
    need_operator(visitor)
    figures = await front.figures.read()
    return front.json(
        {
            "texts": figure_texts(figures, visitor.language),
            "charts": figure_charts(figures, visitor.language),
        }
    )


OVERVIEW: Final = (show_overview, live)
