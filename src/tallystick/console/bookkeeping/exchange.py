"""Exchange: rates with source and time, desks with their positions, quotes to take."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.accounting.exchange.model import (
    CurrencyExchange,
    DefineDesk,
    ExchangeDesk,
    ExchangeQuote,
    ExecuteExchange,
    LatestRate,
    PutRates,
    QuoteExchange,
    RateDraft,
)
from tallystick.accounting.exchange.views import (
    Revaluation,
    desks_page,
    rate_history,
    revaluation,
)
from tallystick.console.bookkeeping.fields import account_of, units_of, whole_of
from tallystick.console.bookkeeping.frame import (
    PLACE,
    Said,
    carry_out,
    currency_of,
    hex_of,
    in_thread,
    newest_rows,
    show,
    title_of_book,
    who_did,
)
from tallystick.console.charts import SignedPoint, signed_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.frontend import Front, Frontend
from tallystick.console.requests import Form, read_form
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.money.china_time import parse_china_time
from tallystick.money.rate import Rounding
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["EXCHANGE_PAGES"]

_EXCHANGE: Final = f"{PLACE}/exchange"
_SHOWN: Final = 200
_MINUTE_MS: Final = 60_000
_MINUTES_MAX: Final = 10_000_000
_SECONDS_MAX: Final = 86_400
_LOCAL_TIME_LENGTH: Final = 16


class DeskLine(NamedTuple):
    """A desk in the list."""

    desk: ExchangeDesk
    book: str
    currency: str
    by: str


class ExchangeLine(NamedTuple):
    """An exchange that was made, with its currencies."""

    row: CurrencyExchange
    sold: str
    bought: str
    home: str


async def _home(front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    rows = front.platform.rows
    latest = rows.query(LatestRate, "ORDER BY base, quote, source LIMIT ?", (_SHOWN,))
    desks = [
        DeskLine(desk, title_of_book(rows, desk.home_book, visitor.language),
                 currency_of(rows, desk.home_book), who_did(rows, desk.defined_by))
        for desk in desks_page(rows, after="", limit=_SHOWN)
    ]  # fmt: skip
    return show(
        front, visitor, "exchange", "exchange", said, desks=desks,
        roundings=[r.name for r in Rounding],
        rates=[(r, f"{_EXCHANGE}/rates?" + urlencode(
            {"base": r.base, "quote": r.quote, "source": r.source})) for r in latest],
    )  # fmt: skip


@get(_EXCHANGE)
async def show_exchange(front: Front, visitor: Asking) -> Response[str]:
    """The newest rates and the desks."""
    return await _home(front, visitor, Said())


def _as_of(form: Form, now_ms: int) -> int:
    """A moment `yyyy-mm-ddThh:mm` in China; now where nothing was written."""
    given = form.get("as_of", "")
    if not given:
        return now_ms
    at = parse_china_time(f"{given.replace('T', ' ')}:00")
    if at is None or len(given) != _LOCAL_TIME_LENGTH:
        raise Refused("INVALID_PARAMETER", "as_of: yyyy-mm-dd hh:mm.")
    return at


@post(f"{_EXCHANGE}/rates")
async def put_rate(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Take in a rate."""
    form = await read_form(request)

    def made() -> Command:
        base, quote = (form.get(name, "").upper() for name in ("base", "quote"))
        return PutRates(
            source=form.get("source", "")[:40],
            rates=(RateDraft(base, quote, form.get("rate", "")),),
            as_of_ms=_as_of(form, front.platform.clock_ms()),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "rate_put", to=_EXCHANGE,
        again=lambda said: _home(front, visitor, said),
    )  # fmt: skip


@get(f"{_EXCHANGE}/rates")
async def show_rates(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The history of a pair's rates, newest first."""
    rows, query = front.platform.rows, request.query_params
    pair = {name: query.get(name, "")[:40] for name in ("base", "quote", "source")}
    before = query.get("before", "")
    before_ms = int(before) if before.isascii() and before.isdecimal() and len(before) < 17 else 0
    found = rate_history(rows, **pair, before_ms=before_ms or 2**63 - 1, limit=51)
    page = found[:50]
    kept = urlencode({name: value for name, value in pair.items() if value})
    here = f"{_EXCHANGE}/rates?{kept}"
    return show(
        front, visitor, "rates", "exchange", Said(), pair=pair,
        rates=[(r, who_did(rows, r.put_by)) for r in page],
        older=f"{here}&before={page[-1].as_of_ms}" if len(found) > len(page) else "",
        newest=here if before_ms else "",
    )  # fmt: skip


@post(f"{_EXCHANGE}/desks")
async def define_desk(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Define a desk, or change how it exchanges."""
    form = await read_form(request)

    def made() -> Command:
        desk_id = form.get("desk_id", "")
        if not 1 <= len(desk_id) <= 40 or not desk_id.isascii() or "/" in desk_id:
            raise Refused("INVALID_PARAMETER", "desk_id: 1 to 40 plain letters.")
        return DefineDesk(
            desk_id=desk_id, home_book=whole_of(form, "book"), source=form.get("source", "")[:40],
            stale_after_ms=_MINUTE_MS * whole_of(form, "stale_after", most=_MINUTES_MAX),
            spread=form.get("spread", "") or "0", rounding=form.get("rounding", ""),
            quote_valid_ms=1000 * whole_of(form, "quote_valid", 60, _SECONDS_MAX),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "desk_defined",
        to=lambda done: f"{_EXCHANGE}/desks/{done.desk_id}",
        again=lambda said: _home(front, visitor, said),
    )  # fmt: skip


def _chart(found: Revaluation, language: Language) -> Markup:
    """What was realised, and what each position would realise now."""
    home = found.home_currency

    def point(label: str, amount: int) -> SignedPoint:
        return SignedPoint(label, amount, f"{label}: {money_text(amount, home)}")

    points = [point(text("exchange.realised", language), found.realised)]
    points += [point(p.currency, p.unrealised or 0) for p in found.positions]
    return signed_chart(
        points, name="chart-desk", title=text("exchange.chart", language),
        description=text("exchange.chart_says", language, currency=home),
        language=language, axis_text=lambda units: money_short(units, home),
    )  # fmt: skip


def _exchange(rows: ReadSession, row: CurrencyExchange, home: str) -> ExchangeLine:
    return ExchangeLine(
        row, currency_of(rows, row.sell_book), currency_of(rows, row.buy_book), home
    )


async def _desk(
    desk_id: str, request: WebRequest, front: Frontend, visitor: Visitor, said: Said
) -> Response[str]:
    now_ms, rows = front.platform.clock_ms(), front.platform.rows
    found = await in_thread(front, lambda session: revaluation(session, desk_id, now_ms))
    if found is None:
        raise Refused("DESK_NOT_EXIST")
    made, older = newest_rows(
        rows, CurrencyExchange, "exchange_id", request, "at_ms", desk_id=desk_id
    )
    here = f"{_EXCHANGE}/desks/{desk_id}"
    return show(
        front, visitor, "desk", "exchange", said, found=found,
        chart=_chart(found, visitor.language),
        positions=[(p, title_of_book(rows, p.book, visitor.language)) for p in found.positions],
        unrealised=sum(p.unrealised or 0 for p in found.positions),
        exchanges=[_exchange(rows, row, found.home_currency) for row in made],
        older=f"{here}?before={older}" if older else "",
        newest=here if request.query_params.get("before") else "",
        home_title=title_of_book(rows, found.desk.home_book, visitor.language),
    )  # fmt: skip


@get(f"{_EXCHANGE}/desks/{{desk_id:str}}")
async def show_desk(
    desk_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[str]:
    """A desk: positions, what it realised and would realise, its exchanges, a quote to ask for."""
    return await _desk(desk_id, request, front, visitor, Said())


@post(f"{_EXCHANGE}/desks/{{desk_id:str}}/quotes")
async def ask_quote(
    desk_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Ask what the desk gives."""
    form = await read_form(request)

    def made() -> Command:
        sold = whole_of(form, "sell_book")
        return QuoteExchange(
            desk_id=desk_id, sell_book=sold, buy_book=whole_of(form, "buy_book"),
            sell_amount=units_of(form, "sell_amount", currency_of(front.platform.rows, sold)),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "quote_given",
        to=lambda done: f"{_EXCHANGE}/quotes/{done.quote_id}",
        again=lambda said: _desk(desk_id, request, front, visitor, said),
    )  # fmt: skip


async def _quote(quote_id: str, front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    rows = front.platform.rows
    quote = rows.get(ExchangeQuote, quote_id)
    if quote is None:
        raise Refused("QUOTE_NOT_EXIST")
    desk = rows.get(ExchangeDesk, quote.desk_id)
    assert desk is not None, quote.desk_id
    made = rows.get(CurrencyExchange, quote.exchange_id) if quote.exchange_id else None
    return show(
        front, visitor, "quote", "exchange", said, quote=quote, made=made,
        sold=currency_of(rows, quote.sell_book), bought=currency_of(rows, quote.buy_book),
        home=currency_of(rows, desk.home_book),
        is_over=front.platform.clock_ms() >= quote.expires_ms,
        ends=[hex_of(made.from_account_id), hex_of(made.to_account_id)] if made else [],
    )  # fmt: skip


@get(f"{_EXCHANGE}/quotes/{{quote_id:str}}")
async def show_quote(quote_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """A quote, and what became of it."""
    return await _quote(quote_id, front, visitor, Said())


@post(f"{_EXCHANGE}/quotes/{{quote_id:str}}/execute")
async def execute_quote(
    quote_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Take it."""
    form = await read_form(request)

    def made() -> Command:
        return ExecuteExchange(
            quote_id=quote_id, from_account_id=account_of(form, "from"),
            to_account_id=account_of(form, "to"),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "exchange_made", to=f"{_EXCHANGE}/quotes/{quote_id}",
        again=lambda said: _quote(quote_id, front, visitor, said),
    )  # fmt: skip


EXCHANGE_PAGES: Final = (
    show_exchange, put_rate, show_rates, define_desk, show_desk, ask_quote, show_quote,
    execute_quote,
)  # fmt: skip
