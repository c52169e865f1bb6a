"""The funding desk: quotas live, the latest decisions, and what other rules would have come to."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, get
from markupsafe import Markup

from tallystick.console.charts import Point, stacked_chart
from tallystick.console.display import DAY_MS, money_short, money_text, share_text
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import operators_page, party_label
from tallystick.console.requests import need_operator
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, WebRequest
from tallystick.credit.joint.decide import require_terms
from tallystick.credit.joint.model import FundingDecision, ProgrammeTerms
from tallystick.credit.joint.simulate import Changes, Simulated, compare
from tallystick.credit.joint.views import Quota, quotas, recent_decisions
from tallystick.credit.loans.timing import loan_day
from tallystick.money.amount import MoneyError, format_amount, parse_amount
from tallystick.pipeline.refusals import Refused

__all__ = ["FUNDING_DESK", "quota_views", "quotas_chart"]

_PLACE: Final = "/console/funding"
_SHOWN: Final = 25
_DAYS_MAX: Final = 366


class QuotaView(NamedTuple):
    """A programme as the desk shows it; texts are figures that are followed live."""

    quota: Quota
    share: str
    used: str
    reserved: str
    free: str
    total: str
    today: str


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f}"


def _share_text(terms: ProgrammeTerms, language: Language) -> str:
    if terms.share is not None:
        return text("fund.fixed", language, share=_percent(terms.share))
    low, high = _percent(terms.share_min), _percent(terms.share_max)
    return text("fund.flexible", language, low=low, high=high)


def _view(quota: Quota, language: Language) -> QuotaView:
    terms = quota.terms

    def shown(amount: int) -> str:
        return money_text(amount, terms.currency)

    nothing = text("fund.no_limit", language)
    free = terms.total_max - quota.used - quota.reserved
    today = shown(quota.day_used)
    if terms.day_max:
        today = text("fund.of", language, part=today, whole=shown(terms.day_max))
    return QuotaView(
        quota, _share_text(terms, language), shown(quota.used), shown(quota.reserved),
        shown(max(0, free)) if terms.total_max else nothing,
        shown(terms.total_max) if terms.total_max else nothing, today,
    )  # fmt: skip


def quota_views(front: Frontend, language: Language, institution_id: str = "") -> list[QuotaView]:
    """The programmes with their quotas, as they are now."""
    platform = front.platform
    found = quotas(platform.rows, loan_day(platform.clock_ms()), institution_id)
    return [_view(quota, language) for quota in found]


def quotas_chart(views: list[QuotaView], language: Language) -> Markup:
    """How much of each programme's quota is owed and reserved, in the first one's currency."""
    limited = [view for view in views if view.quota.terms.total_max]
    currency = limited[0].quota.terms.currency if limited else "CNY"
    points, others = [], []
    for view in limited:
        quota = view.quota
        if quota.terms.currency != currency:
            continue
        name = quota.programme.programme_id
        says = text(
            "fund.chart_says", language, name=name, used=view.used, reserved=view.reserved,
            total=view.total,
        )  # fmt: skip
        points.append(Point(name[:12], quota.used, says))
        others.append(quota.reserved)
    return stacked_chart(
        points, others, name="chart-quotas", title=text("fund.chart", language),
        description=text("fund.chart_sum", language, count=len(points)),
        language=language, axis_text=lambda amount: money_short(amount, currency),
    )  # fmt: skip


def _figures(views: list[QuotaView]) -> dict[str, str]:
    found = {}
    for view in views:
        name = view.quota.programme.programme_id
        for figure in ("used", "reserved", "free", "today"):
            found[f"{figure}-{name}"] = str(getattr(view, figure))
    return found


class DecisionView(NamedTuple):
    """A decision with its borrower as operators see one."""

    row: FundingDecision
    borrower: str


@get(_PLACE)
async def show_desk(front: Front, visitor: Asking) -> Response[str]:
    """The desk."""
    need_operator(visitor)
    views = quota_views(front, visitor.language)
    decisions = [
        DecisionView(row, party_label(front, row.borrower_id))
        for row in recent_decisions(front.platform.rows, _SHOWN)
    ]
    return operators_page(
        front, visitor, "funding", "funding", views=views,
        chart=quotas_chart(views, visitor.language), decisions=decisions,
    )  # fmt: skip


@get(f"{_PLACE}/live.json")
async def live(front: Front, visitor: Asking) -> Response[dict[str, Any]]:
    """The quotas again, for a page that is open."""
    need_operator(visitor)
    views = quota_views(front, visitor.language)
    charts = {"quotas": str(quotas_chart(views, visitor.language))}
    return front.json({"texts": _figures(views), "charts": charts})


# What if.


class Asked(NamedTuple):
    """The form of the simulator as it was filled in."""

    programme: str
    days: str
    share: str
    total: str
    day: str
    eligible: str
    is_open: bool


def _asked(request: WebRequest, views: list[QuotaView]) -> Asked:
    query = request.query_params
    names = [v.quota.programme.programme_id for v in views if v.quota.terms.total_max]
    programme = query.get("programme", names[0] if names else "")
    found = next((v.quota.terms for v in views if v.quota.programme.programme_id == programme),
                 ProgrammeTerms())  # fmt: skip
    if "days" in query:
        share, total, day, eligible, days = (
            query.get(name, "")[:4000] for name in ("share", "total", "day", "eligible", "days")
        )
        is_open = query.get("open", "yes") != "no"
        return Asked(programme, days, share, total, day, eligible, is_open=is_open)
    share = "" if found.share is None else f"{found.share.normalize():f}"
    total, day = (format_amount(a, found.currency) for a in (found.total_max, found.day_max))
    return Asked(programme, "30", share, total, day, found.eligible, is_open=True)


def _changes(asked: Asked, views: list[QuotaView]) -> Changes:
    """What the form changes.

    Raises:
        Refused: INVALID_AMOUNT, FUNDING_TERMS_INVALID, NOT_FOUND.
    """
    found = next(
        (v.quota.terms for v in views if v.quota.programme.programme_id == asked.programme), None
    )
    if found is None:
        raise Refused("NOT_FOUND", "programme")
    try:
        total = parse_amount(asked.total, found.currency, allow_zero=True)
        day = parse_amount(asked.day, found.currency, allow_zero=True)
        share = Decimal(asked.share) if asked.share else None
    except MoneyError as error:
        raise Refused("INVALID_AMOUNT", f"{error}.") from error
    except InvalidOperation as error:
        raise Refused("FUNDING_TERMS_INVALID", "share: a fraction from 0 to 1.") from error
    terms = msgspec.structs.replace(
        found, share=share, total_max=total, day_max=day, eligible=asked.eligible
    )
    require_terms(terms)
    closed = () if asked.is_open else (asked.programme,)
    return Changes(terms={asked.programme: terms}, closed=closed)


async def _simulated(front: Frontend, changes: Changes, days: int) -> dict[str, Simulated]:
    until = front.platform.clock_ms() + 1

    def work() -> dict[str, Simulated]:
        with front.platform.reader() as rows:
            return dict(compare(rows, until - days * DAY_MS, until, changes))

    return await asyncio.to_thread(work)


def _days(asked: Asked) -> int:
    if not asked.days.isdigit() or not 1 <= int(asked.days) <= _DAYS_MAX:
        raise Refused("INVALID_PARAMETER", f"days: 1 to {_DAYS_MAX}.")
    return int(asked.days)


@get(f"{_PLACE}/simulate")
async def show_simulator(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The simulator: the form, and what came of it once it was sent."""
    need_operator(visitor)
    views = quota_views(front, visitor.language)
    asked = _asked(request, views)
    found: dict[str, Simulated] = {}
    refusal: RefusalText | None = None
    if "days" in request.query_params:
        try:
            found = await _simulated(front, _changes(asked, views), _days(asked))
        except Refused as refused:
            refusal = error_text(refused, visitor.language)
    return operators_page(
        front, visitor, "funding_simulate", "funding", refusal=refusal, views=views, asked=asked,
        found=found, money_text=money_text, ppm=share_text, cost=_cost_text,
    )  # fmt: skip


def _cost_text(cost: Decimal) -> str:
    return f"{cost * 100:.4f} %"


FUNDING_DESK: Final = (show_desk, live, show_simulator)
