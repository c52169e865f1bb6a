"""Charts of loans: what each payment is made of, what was paid of it, sales by month."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart, line_chart, stacked_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.texts import Language, text
from tallystick.credit.loans.life import Position
from tallystick.credit.merchant.model import SalesMonth
from tallystick.credit.schedules.schedule import ScheduleRow

__all__ = ["paid_chart", "sales_chart", "schedule_chart"]

_BARS_MAX = 36
_LABELS_MAX = 5


def _label(day: str, at: int, count: int) -> str:
    return day[2:] if at % -(-count // _LABELS_MAX) == 0 else ""


def schedule_chart(
    rows: Sequence[ScheduleRow], currency: str, language: Language, name: str = "schedule"
) -> Markup:
    """Principal of each payment, with interest and fee on top."""
    shown = rows[:_BARS_MAX]
    points = [
        Point(
            _label(row.day.isoformat(), at, len(shown)),
            row.principal,
            text(
                "quote.says", language, day=row.day.isoformat(),
                principal=money_text(row.principal, currency),
                interest=money_text(row.interest + row.fee, currency),
            ),
        )
        for at, row in enumerate(shown)
    ]  # fmt: skip
    return stacked_chart(
        points, [row.interest + row.fee for row in shown], name=name,
        title=text("quote.chart", language), description=text("loans.chart_lead", language),
        language=language, axis_text=lambda value: money_short(value, currency),
    )  # fmt: skip


def paid_chart(position: Position, currency: str, language: Language) -> Markup:
    """What was paid of each payment so far or early, and what is still to pay of it."""
    left = {item.day: item.owed for item in position.instalments}
    rows = position.schedule.rows[:_BARS_MAX]
    points, open_parts = [], []
    for at, row in enumerate(rows):
        ahead = row.payment if row.day > position.day else 0
        still = ahead or left.get(row.day, 0)
        paid = max(0, row.payment - still)
        points.append(
            Point(
                _label(row.day.isoformat(), at, len(rows)),
                paid,
                text(
                    "loans.says_paid", language, day=row.day.isoformat(),
                    paid=money_text(paid, currency), left=money_text(still, currency),
                ),
            )
        )  # fmt: skip
        open_parts.append(still)
    return stacked_chart(
        points, open_parts, name="paid", title=text("loans.chart_paid", language),
        description=text("loans.chart_lead", language),
        language=language, axis_text=lambda value: money_short(value, currency),
    )  # fmt: skip


def sales_chart(months: Sequence[SalesMonth], currency: str, language: Language) -> Markup:
    """What was sold each month, refunds taken off."""
    points = [
        Point(
            month.month[2:],
            max(0, month.volume - month.refunded),
            text(
                "loans.says_sales", language, month=month.month,
                volume=money_text(month.volume, currency),
                refunded=money_text(month.refunded, currency), trades=month.trades,
            ),
        )
        for month in months
    ]  # fmt: skip
    draw = bar_chart if len(points) <= _BARS_MAX else line_chart
    return draw(
        points, name="sales", title=text("loans.chart_sales", language),
        description=text("loans.sales_lead", language),
        language=language, axis_text=lambda value: money_short(value, currency),
    )  # fmt: skip
