"""All pages as routers to mount: cashier, wallet, operators' console, static files."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.params import FromPath

from tallystick.console.applying import APPLYING
from tallystick.console.apps import APPS
from tallystick.console.audit import AUDIT
from tallystick.console.blacklist import BLACKLIST
from tallystick.console.bookkeeping.routes import BOOKKEEPING
from tallystick.console.books import BOOKS
from tallystick.console.borrowing import BORROWING
from tallystick.console.cashier import CASHIER
from tallystick.console.collections import COLLECTIONS
from tallystick.console.fraud_graph import FRAUD_GRAPH
from tallystick.console.frontend import Front, Frontend, ReturnLocation
from tallystick.console.funding import FUNDING_DESK
from tallystick.console.institution import INSTITUTION_PAGES
from tallystick.console.invoices import INVOICES
from tallystick.console.keys import KEYS
from tallystick.console.later_bills import LATER_BILLS
from tallystick.console.ledger_files import LEDGER_FILES
from tallystick.console.ledger_reports import LEDGER_REPORTS
from tallystick.console.loan_calculator import LOAN_CALCULATOR
from tallystick.console.loan_desk import LOAN_DESK
from tallystick.console.notifications import NOTIFICATIONS
from tallystick.console.operators import OPERATORS
from tallystick.console.overview import OVERVIEW
from tallystick.console.owing import OWING
from tallystick.console.proving import PROVING
from tallystick.console.receivable_desk import RECEIVABLE_DESK
from tallystick.console.reconciliation import RECONCILIATION
from tallystick.console.requests import BODY_MAX_BYTES, csrf_gate, error_handlers
from tallystick.console.risk_alerts import RISK_ALERTS
from tallystick.console.risk_decisions import RISK_DECISIONS
from tallystick.console.risk_reviews import RISK_REVIEWS
from tallystick.console.risk_rules import RISK_RULES
from tallystick.console.scoring import SCORING
from tallystick.console.trades import TRADES
from tallystick.console.visitor import Asking, Visitor, WebRequest, visitor_of
from tallystick.console.wallet import WALLET
from tallystick.console.wallet_alerts import WALLET_ALERTS
from tallystick.pipeline.refusals import Refused
from tallystick.platform import Platform

__all__ = ["routes"]

_CACHED: Final = "public, max-age=31536000, immutable"
_NOT_CACHED: Final = "no-cache"


@get("/assets/{version:str}/{name:str}")
async def asset(version: FromPath[str], name: FromPath[str], front: Front) -> Response[bytes]:
    """A static file; an address of these very contents may be kept for ever."""
    found = front.assets.get(name)
    if found is None:
        raise Refused("NOT_FOUND")
    is_current = version == front.assets_version
    return Response(
        found.body,
        media_type=found.media_type,
        headers={
            "cache-control": _CACHED if is_current else _NOT_CACHED,
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        },
    )


@get(
    [
        "/wallet/{rest:path}", "/console/{rest:path}", "/institution/{rest:path}", "/cashier",
        "/pay", "/verify",
    ]
)  # fmt: skip
async def unknown(front: Front, visitor: Asking) -> Response[Any]:
    """An address that leads nowhere."""
    raise Refused("NOT_FOUND")


def routes(platform: Platform, return_location: ReturnLocation) -> list[Router]:
    """The pages' routers, for the application's root.

    Args:
        return_location: gives the address, with signed parameters, to which the cashier sends
            the buyer of a paid trade; empty text for none.
    """
    front = Frontend(platform, return_location)

    def provide_visitor(request: WebRequest) -> Visitor:
        return visitor_of(request, platform)

    dependencies = {
        "front": Provide(lambda: front, sync_to_thread=False, use_cache=True),
        "visitor": Provide(provide_visitor, sync_to_thread=False),
    }
    handlers = (
        *CASHIER, *WALLET, *LATER_BILLS, *PROVING, *OPERATORS, *OVERVIEW, *TRADES, *BOOKS,
        *LEDGER_FILES, *BOOKKEEPING,
        *LEDGER_REPORTS, *RECONCILIATION, *NOTIFICATIONS, *APPS, *KEYS, *AUDIT, *FRAUD_GRAPH,
        *BLACKLIST, *RISK_DECISIONS, *RISK_RULES, *RISK_REVIEWS, *RISK_ALERTS, *WALLET_ALERTS,
        *LOAN_CALCULATOR, *BORROWING, *LOAN_DESK, *FUNDING_DESK, *INSTITUTION_PAGES,
        *COLLECTIONS, *OWING, *APPLYING, *SCORING, *INVOICES, *RECEIVABLE_DESK, unknown,
    )  # fmt: skip
    pages = Router(
        "/",
        route_handlers=handlers,
        dependencies=dependencies,
        before_request=csrf_gate(front),
        exception_handlers=error_handlers(front),
        request_max_body_size=BODY_MAX_BYTES,
        include_in_schema=False,
    )
    static = Router(
        "/",
        route_handlers=[asset],
        dependencies={"front": dependencies["front"]},
        exception_handlers=error_handlers(front),
        include_in_schema=False,
    )
    return [pages, static]
