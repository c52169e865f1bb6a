"""Exchange: rates, desks, quotes, exchanges, and positions revalued as of a moment."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal, cast

from msgspec import Meta

from tallystick.accounting.books.views import known_book
from tallystick.accounting.exchange.model import (
    CurrencyExchange,
    DefineDesk,
    DeskDefined,
    ExchangeDesk,
    ExchangeDone,
    ExecuteExchange,
    PutRates,
    QuoteExchange,
    QuoteGiven,
    RateDraft,
    RatesPut,
)
from tallystick.accounting.exchange.views import (
    PositionView,
    Revaluation,
    desks_page,
    rate_history,
    revaluation,
)
from tallystick.gateway.rest.accounting_fields import (
    AccountIdText,
    AmountUnits,
    BookNumber,
    NumberText,
    id_of,
    units_of,
)
from tallystick.gateway.rest.fields import MS_MAX, Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.fields import Currency as CurrencyText
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.pipeline.refusals import Refused

__all__ = ["EXCHANGE_OPERATIONS"]

_TAG: Final = "Bookkeeping"
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}\Z", examples=["ecb"])]
RateText = Annotated[
    str, Meta(pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,16})?\Z", examples=["7.1234"])
]
Signed = Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]{0,38})\Z", examples=["-120"])]
RoundingName = Literal["HALF_UP", "HALF_EVEN", "HALF_DOWN", "UP", "DOWN", "CEILING", "FLOOR"]
_DESK: Final = {"desk_id": Name}
_QUOTE: Final = {"quote_id": NumberText}


class NewRate(Body, frozen=True, kw_only=True):
    """One unit of `base` is so much of `quote`."""

    base: CurrencyText
    quote: CurrencyText
    rate: RateText


class NewRates(Body, frozen=True, kw_only=True):
    """Rates of a source as of a moment."""

    source: Name
    as_of_ms: Ms
    rates: Annotated[tuple[NewRate, ...], Meta(min_length=1, max_length=1000)]


class RatesTaken(Shape, frozen=True, kw_only=True):
    """How many."""

    rates: int


class DeskTerms(Body, frozen=True, kw_only=True):
    """How a desk exchanges: by whose rates, how old they may be, with which spread."""

    ledger: BookNumber
    source: Name
    stale_after_ms: Annotated[int, Meta(ge=1, le=MS_MAX)]
    spread: RateText = "0"
    quote_valid_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 60_000
    rounding: RoundingName = "HALF_EVEN"


class DeskShape(Shape, frozen=True, kw_only=True):
    """The desk that was defined."""

    desk_id: Name


class DeskTermsShape(Shape, frozen=True, kw_only=True):
    """A desk as it is defined now."""

    desk_id: Name
    ledger: int
    currency: str
    source: str
    stale_after_ms: int
    spread: str
    quote_valid_ms: int
    rounding: RoundingName
    defined_by: str
    defined_ms: Ms


class RateShape(Shape, frozen=True, kw_only=True):
    """A rate as it was put: one unit of `base` is so much of `quote`."""

    base: str
    quote: str
    source: str
    as_of_ms: Ms
    rate: str
    put_by: str
    put_ms: Ms


class ExchangeQuoteRequest(Body, frozen=True, kw_only=True):
    """How much of what is sold for what; between two foreign currencies it goes through home."""

    sell_ledger: BookNumber
    buy_ledger: BookNumber
    sell_amount: AmountUnits


class ExchangeQuoteShape(Shape, frozen=True, kw_only=True):
    """What is given for what. `rate` is the middle rate; the amounts are after the spread."""

    quote_id: NumberText
    sell_amount: AmountUnits
    buy_amount: AmountUnits
    rate: RateText
    rate_as_of_ms: Ms
    expires_ms: Ms


class ExchangeQuoteTaken(Body, frozen=True, kw_only=True):
    """The customer's accounts: one in the sold currency, one in the bought."""

    from_account_id: AccountIdText
    to_account_id: AccountIdText


class ExchangeDoneShape(Shape, frozen=True, kw_only=True):
    """What was exchanged, and what the desk realised by it, in its home currency."""

    exchange_id: NumberText
    sell_amount: AmountUnits
    buy_amount: AmountUnits
    realised: Signed


class ExchangeShape(Shape, frozen=True, kw_only=True):
    """An exchange that was made."""

    exchange_id: NumberText
    quote_id: NumberText
    desk_id: str
    from_account_id: AccountIdText
    to_account_id: AccountIdText
    sell_ledger: int
    buy_ledger: int
    sell_amount: AmountUnits
    buy_amount: AmountUnits
    realised: Signed
    at_ms: Ms


class ExchangeQuery(Query, frozen=True, kw_only=True):
    """How many, and from where on."""

    limit: Limit = 20
    cursor: Cursor = ""


class RevaluationQuery(Query, frozen=True, kw_only=True):
    """As of which moment; now when it is left out."""

    as_of_ms: Ms | None = None


class PositionShape(Shape, frozen=True, kw_only=True):
    """A position; `value` and `unrealised` are null where no rate was known."""

    ledger: int
    currency: str
    amount: Signed
    cost: Signed
    rate: str | None
    rate_as_of_ms: int | None
    value: Signed | None
    unrealised: Signed | None


class RevaluationShape(Shape, frozen=True, kw_only=True):
    """A desk's positions at the rates of a moment; costs and values in the home currency."""

    desk_id: str
    home_ledger: int
    home_currency: str
    as_of_ms: Ms
    realised: Signed
    positions: list[PositionShape]


def put_rates(call: Call, body: NewRates) -> PutRates:
    """The command that takes in rates."""
    drafts = tuple(RateDraft(r.base, r.quote, r.rate) for r in body.rates)
    return PutRates(source=body.source, as_of_ms=body.as_of_ms, rates=drafts)


def _put(done: RatesPut) -> RatesTaken:
    return RatesTaken(rates=done.rates)


def define_desk(call: Call, body: DeskTerms) -> DefineDesk:
    """The command that defines a desk."""
    return DefineDesk(
        desk_id=call.path["desk_id"], home_book=body.ledger, source=body.source,
        stale_after_ms=body.stale_after_ms, spread=body.spread,
        quote_valid_ms=body.quote_valid_ms, rounding=body.rounding,
    )  # fmt: skip


def _defined(done: DeskDefined) -> DeskShape:
    return DeskShape(desk_id=done.desk_id)


def quote(call: Call, body: ExchangeQuoteRequest) -> QuoteExchange:
    """The command that gives a quote."""
    return QuoteExchange(
        desk_id=call.path["desk_id"], sell_book=body.sell_ledger, buy_book=body.buy_ledger,
        sell_amount=units_of(body.sell_amount, "$.sell_amount"),
    )  # fmt: skip


def _quoted(q: QuoteGiven) -> ExchangeQuoteShape:
    return ExchangeQuoteShape(
        quote_id=q.quote_id, sell_amount=str(q.sell_amount), buy_amount=str(q.buy_amount),
        rate=q.rate, rate_as_of_ms=q.rate_as_of_ms, expires_ms=q.expires_ms,
    )  # fmt: skip


def execute(call: Call, body: ExchangeQuoteTaken) -> ExecuteExchange:
    """The command that takes a quote."""
    return ExecuteExchange(
        quote_id=call.path["quote_id"],
        from_account_id=id_of(body.from_account_id, "$.from_account_id"),
        to_account_id=id_of(body.to_account_id, "$.to_account_id"),
    )  # fmt: skip


def _exchanged(done: ExchangeDone) -> ExchangeDoneShape:
    return ExchangeDoneShape(
        exchange_id=done.exchange_id, sell_amount=str(done.sell_amount),
        buy_amount=str(done.buy_amount), realised=str(done.realised),
    )  # fmt: skip


def _exchange(x: CurrencyExchange) -> ExchangeShape:
    return ExchangeShape(
        exchange_id=x.exchange_id, quote_id=x.quote_id, desk_id=x.desk_id,
        from_account_id=str(int.from_bytes(x.from_account_id, "big")),
        to_account_id=str(int.from_bytes(x.to_account_id, "big")), sell_ledger=x.sell_book,
        buy_ledger=x.buy_book, sell_amount=str(x.sell_amount), buy_amount=str(x.buy_amount),
        realised=str(x.realised), at_ms=x.at_ms,
    )  # fmt: skip


def list_desks(call: Call, query: ExchangeQuery) -> Page[DeskTermsShape]:
    """Desks, in the order of their names."""
    scope, rows = "exchange desks", call.platform.rows
    place = call.read_cursor(scope, query.cursor)
    found = desks_page(rows, after="" if place is None else str(place[0]), limit=query.limit + 1)
    page = found[: query.limit]
    more = (page[-1].desk_id,) if len(found) > query.limit else None
    return Page(
        items=[_desk_terms(call, desk) for desk in page],
        next_cursor=call.write_cursor(scope, more),
    )


def _desk_terms(call: Call, d: ExchangeDesk) -> DeskTermsShape:
    home = known_book(call.platform.rows, d.home_book)
    return DeskTermsShape(
        desk_id=d.desk_id, ledger=d.home_book, currency="" if home is None else home.currency,
        source=d.source, stale_after_ms=d.stale_after_ms, spread=d.spread,
        quote_valid_ms=d.quote_valid_ms, rounding=cast(RoundingName, d.rounding),
        defined_by=d.defined_by, defined_ms=d.defined_ms,
    )  # fmt: skip


def list_rates(call: Call, query: ExchangeQuery) -> Page[RateShape]:
    """The history of a pair's rates, newest first."""
    source, base, quoted = (call.path[name] for name in ("source", "base", "quoted"))
    scope = f"exchange rates?{source},{base},{quoted}"
    place = call.read_cursor(scope, query.cursor)
    found = rate_history(
        call.platform.rows, base=base, quote=quoted, source=source,
        before_ms=MS_MAX + 1 if place is None else int(place[0]), limit=query.limit + 1,
    )  # fmt: skip
    page = found[: query.limit]
    more = (page[-1].as_of_ms,) if len(found) > query.limit else None
    return Page(
        items=[
            RateShape(base=r.base, quote=r.quote, source=r.source, as_of_ms=r.as_of_ms,
                      rate=r.rate, put_by=r.put_by, put_ms=r.put_ms)
            for r in page
        ],
        next_cursor=call.write_cursor(scope, more),
    )  # fmt: skip


_EXCHANGES: Final = Listing(CurrencyExchange, "at_ms", "exchange_id")


def list_exchanges(call: Call, query: ExchangeQuery) -> Page[ExchangeShape]:
    """Exchanges, newest first."""
    return page_of(call, _EXCHANGES, _exchange, limit=query.limit, cursor=query.cursor)


def _position(p: PositionView) -> PositionShape:
    return PositionShape(
        ledger=p.book, currency=p.currency, amount=str(p.amount), cost=str(p.cost),
        rate=None if p.rate is None else p.rate.rate,
        rate_as_of_ms=None if p.rate is None else p.rate.as_of_ms,
        value=None if p.value is None else str(p.value),
        unrealised=None if p.unrealised is None else str(p.unrealised),
    )  # fmt: skip


async def get_revaluation(call: Call, query: RevaluationQuery) -> RevaluationShape:
    """A desk's positions as of a moment."""
    at = call.platform.clock_ms() if query.as_of_ms is None else min(query.as_of_ms, MS_MAX - 1)

    def read() -> Revaluation | None:
        with call.platform.reader() as rows:
            return revaluation(rows, call.path["desk_id"], at)

    found = await asyncio.to_thread(read)
    if found is None:
        raise Refused("DESK_NOT_EXIST")
    return RevaluationShape(
        desk_id=found.desk.desk_id, home_ledger=found.desk.home_book,
        home_currency=found.home_currency, as_of_ms=found.as_of_ms, realised=str(found.realised),
        positions=[_position(p) for p in found.positions],
    )  # fmt: skip


_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:write", "for_apps": False}
_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:read", "for_apps": False}

EXCHANGE_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/ledger/rates", "putRates", **_WRITE, status=201, summary="Put rates",
        description="Each with its source and moment; a rate that was put is never changed.",
        body=NewRates, command=put_rates, show=_put, answer=RatesTaken,
        refusals=("RATE_INVALID",),
        example={"source": "ecb", "as_of_ms": 1795516800000,
                 "rates": [{"base": "USD", "quote": "CNY", "rate": "7.1234"}]},
    ),
    change(
        "/v1/ledger/desks/{desk_id}", "defineDesk", **_WRITE, parameters=_DESK,
        summary="Define an exchange desk", body=DeskTerms, command=define_desk, show=_defined,
        answer=DeskShape, refusals=("BOOK_RESERVED", "BOOK_NOT_EXIST", "INVALID_PARAMETER"),
        example={"ledger": 7, "source": "ecb", "stale_after_ms": 86400000, "spread": "0.002"},
    ),
    change(
        "/v1/ledger/desks/{desk_id}/quotes", "quoteExchange", **_WRITE, parameters=_DESK,
        status=201, summary="Ask a desk for a quote", body=ExchangeQuoteRequest, command=quote,
        show=_quoted, answer=ExchangeQuoteShape,
        refusals=("DESK_NOT_EXIST", "BOOK_RESERVED", "BOOK_NOT_EXIST", "RATE_NOT_EXIST",
                  "RATE_STALE", "INVALID_AMOUNT", "INVALID_PARAMETER"),
        example={"sell_ledger": 8, "buy_ledger": 7, "sell_amount": "10000"},
    ),
    change(
        "/v1/ledger/quotes/{quote_id}/execute", "executeExchange", **_WRITE, parameters=_QUOTE,
        status=201, summary="Take a quote", body=ExchangeQuoteTaken, command=execute,
        show=_exchanged,
        description="The legs of both books and the realised difference, together.",
        answer=ExchangeDoneShape,
        refusals=("QUOTE_NOT_EXIST", "QUOTE_OVER", "LEDGER_REFUSED", "INVALID_PARAMETER"),
        example={"from_account_id": "81", "to_account_id": "71"},
    ),
    look(
        "/v1/ledger/rates/{source}/{base}/{quoted}", "listRates", **_READ,
        summary="See the history of a rate", description="Of one pair and source, newest first.",
        parameters={"source": Name, "base": CurrencyText, "quoted": CurrencyText},
        query=ExchangeQuery, find=list_rates, answer=Page[RateShape],
    ),
    look(
        "/v1/ledger/desks", "listDesks", **_READ, summary="List exchange desks",
        description="In the order of their names.", query=ExchangeQuery, find=list_desks,
        answer=Page[DeskTermsShape],
    ),
    look(
        "/v1/ledger/exchanges", "listExchanges", **_READ, summary="List exchanges",
        description="Newest first.", query=ExchangeQuery, find=list_exchanges,
        answer=Page[ExchangeShape],
    ),
    look(
        "/v1/ledger/desks/{desk_id}/revaluation", "getRevaluation", **_READ, parameters=_DESK,
        summary="See a desk's positions at the rates of a moment", query=RevaluationQuery,
        find=get_revaluation, answer=RevaluationShape, refusals=("DESK_NOT_EXIST",),
    ),
)  # fmt: skip
