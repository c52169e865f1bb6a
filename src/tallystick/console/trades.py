"""Trades for operators: the search, one trade's whole story, and what can be done to it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.cashier import shop_name
from tallystick.console.display import DAY_MS, parse_day
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text, refusal_text
from tallystick.console.listing import cursor_text, pair_cursor, shipment_text
from tallystick.console.operators import act, operators_page, party_label
from tallystick.console.requests import Form, amount_in, need_operator, read_form
from tallystick.console.statements import entry_views
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.ledger.statements import available_of
from tallystick.money.amount import format_amount
from tallystick.parties.views import party_by_login
from tallystick.partners.model import Notification
from tallystick.payments.accounts import trade_escrow
from tallystick.payments.trades.model import (
    CloseTrade,
    RefundTrade,
    ResolveDispute,
    Trade,
    TradeStatus,
)
from tallystick.payments.trades.views import TradeFilter, TradeStory, list_trades, trade_story
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["TRADES", "TradeSearch", "possible_actions", "trade_filter"]

_PAGE: Final = 25
_REFUNDABLE: Final = (TradeStatus.HELD, TradeStatus.SHIPPED, TradeStatus.SETTLED)


class TradeSearch(NamedTuple):
    """What was asked for, as the form had it."""

    text: str = ""
    buyer: str = ""
    status: str = ""
    from_day: str = ""
    to_day: str = ""


def trade_filter(wanted: TradeSearch, buyer_id: str) -> TradeFilter:
    """The filter that a search means; a day or status that is none does not filter."""
    known = {status.value for status in TradeStatus}
    from_ms, to_ms = parse_day(wanted.from_day), parse_day(wanted.to_day)
    everything = TradeFilter()
    return TradeFilter(
        text=wanted.text,
        buyer_id=buyer_id,
        status=TradeStatus(wanted.status) if wanted.status in known else None,
        from_ms=everything.from_ms if from_ms is None else from_ms,
        before_ms=everything.before_ms if to_ms is None else to_ms + DAY_MS,
    )


def _buyer_id(front: Frontend, buyer: str) -> str:
    """A party number by login; what is not a login counts as a number."""
    if not buyer:
        return ""
    party = party_by_login(front.platform.rows, front.platform.sealer, buyer)
    return party.party_id if party else buyer


@get("/console/trades")
async def show_trades(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The trades that fit a search, newest first, a page at a time."""
    need_operator(visitor)
    query = request.query_params
    fields = {"text": "text", "buyer": "buyer", "status": "status", "from_day": "from",
              "to_day": "to"}  # fmt: skip
    wanted = TradeSearch(
        **{name: query.get(key, "").replace("\0", " ").strip() for name, key in fields.items()}
    )
    after = pair_cursor(query.get("after", ""))
    page = list_trades(
        front.platform.rows, trade_filter(wanted, _buyer_id(front, wanted.buyer)),
        limit=_PAGE, after=after,
    )  # fmt: skip
    kept = {key: query[key] for key in fields.values() if query.get(key)}
    newest = f"/console/trades?{urlencode(kept)}"
    older = urlencode(kept | {"after": cursor_text(page.after)})
    return operators_page(
        front, visitor, "trades", "trades", wanted=wanted, trades=page.trades,
        statuses=[status.value for status in TradeStatus],
        newest=newest if after else "", older=f"/console/trades?{older}" if page.after else "",
    )  # fmt: skip


def possible_actions(trade: Trade) -> list[str]:
    """What an operator may do to a trade in its state."""
    if trade.status is TradeStatus.WAIT_BUYER_PAY:
        return ["close"]
    if trade.status is TradeStatus.DISPUTED:
        return ["resolve"]
    return ["refund"] if trade.status in _REFUNDABLE else []


def _story(front: Frontend, trade_no: str) -> TradeStory:
    if not (trade_no.isascii() and trade_no.isdigit()):
        raise Refused("TRADE_NOT_EXIST")
    story = trade_story(front.platform.rows, front.platform.ledger, trade_no)
    if story is None:
        raise Refused("TRADE_NOT_EXIST")
    return story


def _held(front: Frontend, trade: Trade) -> int:
    """What the trade's escrow holds, in minor units."""
    escrow = trade_escrow(trade.trade_no, trade.currency)
    accounts = front.platform.ledger.accounts([escrow.id])
    return available_of(accounts[0]) if accounts else 0


def _form(front: Frontend, story: TradeStory, held: int, given: Form | None) -> Form:
    """What the forms of the actions hold at first: everything to the buyer, or what was given."""
    trade = story.trade
    left = trade.amount - story.refunded_total
    first = {
        "to_buyer": format_amount(held, trade.currency),
        "to_seller": format_amount(0, trade.currency),
        "amount": format_amount(max(0, left), trade.currency),
        "reason": "",
    }
    return first | {name: value for name, value in (given or {}).items() if name in first}


def _story_page(
    front: Frontend, visitor: Visitor, trade_no: str, *,
    refusal: RefusalText | None = None, given: Form | None = None,
) -> Response[str]:  # fmt: skip
    need_operator(visitor)
    story = _story(front, trade_no)
    trade, rows = story.trade, front.platform.rows
    held = _held(front, trade)
    times = [
        ("paid_at", trade.paid_ms), ("shipped_at", trade.shipped_ms),
        ("confirm_by", trade.confirm_by_ms if trade.status is TradeStatus.SHIPPED else 0),
        ("disputed_at", trade.disputed_ms), ("settled_at", trade.settled_ms),
        ("closed_at", trade.closed_ms),
    ]  # fmt: skip
    return operators_page(
        front, visitor, "trade", "trades", refusal=refusal, trade=trade, held=held, times=times,
        events=story.events, refunds=story.refunds, settlements=story.settlements,
        postings=entry_views(front.platform.ledger, story.postings, visitor.language),
        notifications=rows.query(
            Notification, "WHERE subject = ? ORDER BY created_ms, notify_id", (trade_no,)
        ),
        shop_name=shop_name(front, trade.app_id), seller=party_label(front, trade.seller_id),
        buyer=party_label(front, trade.buyer_id), shipment=shipment_text(trade),
        actions=possible_actions(trade), form=_form(front, story, held, given),
    )  # fmt: skip


@get("/console/trades/{trade_no:str}")
async def show_trade(trade_no: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One trade's whole story."""
    return _story_page(front, visitor, trade_no)


async def _act_on_trade(
    front: Frontend, visitor: Visitor, trade: Trade, form: Form, command: Command, done: str
) -> Response[Any]:
    """Run a trade's command; the story says what became of it."""
    try:
        await act(front, visitor, form, command, f"{done}:{trade.trade_no}")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _story_page(front, visitor, trade.trade_no, refusal=said, given=form)
    return front.redirect(f"/console/trades/{trade.trade_no}", done=done)


def _amount(
    visitor: Visitor, form: Form, name: str, trade: Trade, *, allow_zero: bool = False
) -> int:
    """An amount of the form; a viewer's is not read, so that the pipeline refuses all the rest.

    Raises:
        Refused: INVALID_AMOUNT.
    """
    if not visitor.may_act:
        return 0
    return amount_in(form, name, trade.currency, allow_zero=allow_zero)


@post("/console/trades/{trade_no:str}/resolve")
async def resolve(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Decide a dispute."""
    need_operator(visitor)
    trade, form = _story(front, trade_no).trade, await read_form(request)
    try:
        command = ResolveDispute(
            app_id=trade.app_id, trade_no=trade_no,
            to_buyer=_amount(visitor, form, "to_buyer", trade, allow_zero=True),
            to_seller=_amount(visitor, form, "to_seller", trade, allow_zero=True),
        )  # fmt: skip
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _story_page(front, visitor, trade_no, refusal=said, given=form)
    return await _act_on_trade(front, visitor, trade, form, command, "resolved")


@post("/console/trades/{trade_no:str}/refund")
async def refund(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Give the buyer money back."""
    need_operator(visitor)
    trade, form = _story(front, trade_no).trade, await read_form(request)
    try:
        command = RefundTrade(
            app_id=trade.app_id, trade_no=trade_no,
            amount=_amount(visitor, form, "amount", trade),
            out_request_no=form.get("form_id", "")[:64], reason=form.get("reason", "")[:200],
        )  # fmt: skip
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _story_page(front, visitor, trade_no, refusal=said, given=form)
    return await _act_on_trade(front, visitor, trade, form, command, "refunded")


@post("/console/trades/{trade_no:str}/close")
async def close(
    trade_no: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Close an unpaid order."""
    need_operator(visitor)
    trade, form = _story(front, trade_no).trade, await read_form(request)
    command = CloseTrade(app_id=trade.app_id, trade_no=trade_no)
    return await _act_on_trade(front, visitor, trade, form, command, "closed")


TRADES: Final = (show_trades, show_trade, resolve, refund, close)
