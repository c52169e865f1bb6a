"""Loans for operators: products, the portfolio, a list, and one loan's whole story."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Line, Point, bar_chart, lines_chart, stacked_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.figures import CURRENCY
from tallystick.console.frontend import Front, Frontend
from tallystick.console.loan_charts import paid_chart
from tallystick.console.operators import operators_page, party_label
from tallystick.console.requests import need_operator
from tallystick.console.statements import entry_views
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, WebRequest
from tallystick.credit.loans.model import Loan, LoanProduct, LoanStatus, ProductTerms
from tallystick.credit.loans.portfolio import BUCKETS, Portfolio, portfolio, roll_of_30_days
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.merchant.model import MerchantProduct, policy_of
from tallystick.credit.receivables.views import receivables_of
from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused

__all__ = ["LOAN_DESK"]

_PAGE: Final = 25
_ROLLED_MAX: Final = 300
_VINTAGES_MAX: Final = 12
_BASIS_POINTS: Final = 10_000
_HERE: Final = "/console/loans"


def _bucket_name(bucket: str, language: Language) -> str:
    if bucket == "current":
        return text("desk.bucket.current", language)
    return f"{bucket} {text('desk.days', language)}"


def _buckets_chart(found: Portfolio, language: Language) -> Markup:
    points = [
        Point(
            _bucket_name(one.bucket, language),
            max(0, one.principal),
            text(
                "desk.says_bucket", language, bucket=_bucket_name(one.bucket, language),
                count=one.loans, amount=money_text(one.principal, CURRENCY),
            ),
        )
        for one in found.buckets
    ]  # fmt: skip
    return bar_chart(
        points, name="buckets", title=text("desk.buckets", language),
        description=text("desk.chart_lead", language),
        language=language, axis_text=lambda value: money_short(value, CURRENCY),
    )  # fmt: skip


def _vintages_chart(found: Portfolio, language: Language) -> Markup:
    shown = found.vintages[-_VINTAGES_MAX:]
    points = [
        Point(
            one.month[2:],
            max(0, one.left - one.late),
            text(
                "desk.says_vintage", language, month=one.month, count=one.loans,
                drawn=money_text(one.drawn, CURRENCY), left=money_text(one.left, CURRENCY),
                late=money_text(one.late, CURRENCY),
            ),
        )
        for one in shown
    ]  # fmt: skip
    return stacked_chart(
        points, [one.late for one in shown], name="vintages",
        title=text("desk.vintages", language), description=text("desk.chart_lead", language),
        language=language, axis_text=lambda value: money_short(value, CURRENCY),
    )  # fmt: skip


def _basis_points(lost: int, drawn: int) -> int:
    return lost * _BASIS_POINTS // drawn if drawn else 0


def _share_text(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02} %"


def _axis_share(basis_points: int) -> str:
    """A mark of an axis has no more digits than it needs."""
    whole, rest = divmod(basis_points, 100)
    digits = f".{rest:02}".rstrip("0") if rest else ""
    return f"{whole}{digits} %"


def _losses_chart(found: Portfolio, language: Language) -> Markup:
    """One line a vintage: what of it was written off by so many months after its drawdown."""
    lines = [
        Line(
            one.month[2:],
            [
                Point(str(age), share, f"{one.month}, {age}: {_share_text(share)}")
                for age, share in enumerate(_basis_points(lost, one.drawn) for lost in one.lost)
            ],
        )
        for one in found.vintages[-_VINTAGES_MAX:]
    ]
    return lines_chart(
        lines, name="losses", title=text("desk.losses", language),
        description=text("desk.losses_lead", language), language=language, axis_text=_axis_share,
    )  # fmt: skip


def _figures(front: Frontend) -> tuple[Portfolio, int, dict[tuple[str, str], int]]:
    """Read beside the event loop, in a session of its own."""
    with front.platform.reader() as rows:
        day = loan_day(front.platform.clock_ms())
        count, moved = roll_of_30_days(rows, day, _ROLLED_MAX)
        return portfolio(rows, CURRENCY, day), count, moved


def _products(front: Frontend) -> list[dict[str, Any]]:
    rows = front.platform.rows
    found = []
    for product in rows.select(LoanProduct):
        offered = rows.get(MerchantProduct, product.product_id)
        terms = decode_json(product.terms, ProductTerms)
        share = f"{policy_of(offered).share_rate * 100:f} %" if offered else ""
        rate = f"{terms.annual_rate * 100:.2f} %"
        found.append({"product": product, "terms": terms, "share": share, "rate": rate})
    return found


@get(_HERE)
async def show_desk(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Products, the portfolio by days past due and by month, and the newest loans."""
    need_operator(visitor)
    figures, count, moved = await asyncio.to_thread(_figures, front)
    status = request.query_params.get("status", "")
    known = status if status in {s.value for s in LoanStatus} else ""
    after = request.query_params.get("after", "")
    after = after if after.isascii() and after.isdigit() and len(after) <= 28 else ""
    tail = "WHERE (loan_id < ? OR ? = '') AND (status = ? OR ? = '') ORDER BY loan_id DESC LIMIT ?"
    loans = front.platform.rows.query(Loan, tail, (after, after, known, known, _PAGE + 1))
    language = visitor.language
    return operators_page(
        front, visitor, "loans", "loans", products=_products(front), loans=loans[:_PAGE],
        wanted=known, statuses=[s.value for s in LoanStatus], portfolio=figures,
        currency=CURRENCY, rolled=count, moved=moved, buckets=BUCKETS,
        bucket_name=lambda bucket: _bucket_name(bucket, language),
        buckets_chart=_buckets_chart(figures, language),
        vintages_chart=_vintages_chart(figures, language),
        losses_chart=_losses_chart(figures, language),
        receivables=receivables_of(front.platform.rows)[:_PAGE],
        newest=f"{_HERE}?status={known}" if after else "",
        older=f"{_HERE}?status={known}&after={loans[_PAGE - 1].loan_id}"
        if len(loans) > _PAGE
        else "",
    )  # fmt: skip


@get(_HERE + "/{loan_id:str}")
async def show_story(loan_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One loan: what is owed, what happened, every posting, paid against planned."""
    need_operator(visitor)
    platform = front.platform
    loan = platform.rows.get(Loan, loan_id)
    if loan is None:
        raise Refused("LOAN_NOT_EXIST")
    story = loan_story(platform.rows, loan, loan_day(platform.clock_ms()))
    transfers = platform.ledger.transfers_with_reference(int(loan_id))
    return operators_page(
        front, visitor, "loan", "loans", loan=loan, at=story.position, events=story.events,
        borrower=party_label(front, loan.borrower_id),
        postings=entry_views(platform.ledger, transfers, visitor.language),
        chart=paid_chart(story.position, loan.currency, visitor.language),
    )  # fmt: skip


LOAN_DESK: Final = (show_desk, show_story)
