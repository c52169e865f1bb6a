"""Receivables for operators: what is advanced by due day, terms, a list, one's whole story."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Final

from litestar import Response, get
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, bar_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.figures import CURRENCY
from tallystick.console.frontend import Front, Frontend
from tallystick.console.operators import operators_page, party_label
from tallystick.console.requests import need_operator
from tallystick.console.statements import entry_views
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, WebRequest
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.receivables.decide import all_in
from tallystick.credit.receivables.model import (
    Receivable,
    ReceivableProduct,
    ReceivableStatus,
    terms_of_receivable,
)
from tallystick.credit.receivables.views import (
    DueBucket,
    due_buckets,
    receivable_story,
    receivables_of,
)
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["RECEIVABLE_DESK"]

_HERE: Final = "/console/receivables"
_SHOWN: Final = 50


def _chart(buckets: list[DueBucket], language: Language) -> Markup:
    points = []
    for bucket in buckets:
        name = text(f"receivables.bucket.{bucket.name}", language)
        says = text(
            "receivables.says_bucket", language, bucket=name, count=bucket.receivables,
            amount=money_text(bucket.advanced, CURRENCY),
        )  # fmt: skip
        points.append(Point(name, max(0, bucket.advanced), says))
    return bar_chart(
        points, name="due", title=text("receivables.chart", language),
        description=text("receivables.chart_lead", language),
        axis_text=lambda value: money_short(value, CURRENCY), language=language,
    )  # fmt: skip


def _buckets(front: Frontend) -> list[DueBucket]:
    """Read beside the event loop, in a session of its own."""
    platform = front.platform
    with platform.reader() as rows:
        day = loan_day(platform.clock_ms())
        return due_buckets(rows, SqlLedgerReader(rows.connection).accounts, CURRENCY, day)


@get(_HERE)
async def show_receivables(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """What is advanced, by which terms, and the newest receivables."""
    need_operator(visitor)
    buckets = await asyncio.to_thread(_buckets, front)
    asked = request.query_params.get("status", "")
    status = ReceivableStatus(asked) if asked in set(ReceivableStatus) else None
    rows = front.platform.rows
    products = [(p.product_id, terms_of_receivable(p)) for p in rows.select(ReceivableProduct)]
    return operators_page(
        front, visitor, "receivables", "loans", chart=_chart(buckets, visitor.language),
        stories=receivables_of(rows, status=status)[:_SHOWN], wanted=status or "",
        statuses=[s.value for s in ReceivableStatus], products=products,
    )  # fmt: skip


@get(_HERE + "/{receivable_id:str}")
async def show_receivable(
    receivable_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """One receivable: what is owed, what happened, every posting."""
    need_operator(visitor)
    platform = front.platform
    row = platform.rows.get(Receivable, receivable_id)
    if row is None:
        raise Refused("RECEIVABLE_NOT_EXIST")
    story = receivable_story(platform.rows, row)
    rate = None
    if row.advance:
        assigned = loan_day(row.financed_ms)
        rate = all_in(row.advance, row.fee, assigned, date.fromisoformat(row.due_day))
    transfers = platform.ledger.transfers_with_reference(int(receivable_id))
    return operators_page(
        front, visitor, "receivable", "loans", row=row, story=story, at=story.standing,
        seller=party_label(front, row.seller_id), debtor=party_label(front, row.debtor_id),
        rate="" if rate is None else f"{rate * 100:.4f} %",
        terms=terms_of_receivable(row) if row.terms else None,
        postings=entry_views(platform.ledger, transfers, visitor.language),
    )  # fmt: skip


RECEIVABLE_DESK: Final = (show_receivables, show_receivable)
