"""Exchange at work: rates come in, quotes are given and taken, differences are posted."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.decide import ID_BYTES, require_own_books
from tallystick.accounting.exchange import decide
from tallystick.accounting.exchange.model import (
    CurrencyExchange,
    DefineDesk,
    DeskDefined,
    DeskPosition,
    ExchangeDesk,
    ExchangeDone,
    ExchangeQuote,
    ExchangeRate,
    ExecuteExchange,
    LatestRate,
    PutRates,
    QuoteExchange,
    QuoteGiven,
    RatesPut,
)
from tallystick.accounting.posting import post_linked, who
from tallystick.ledger.chart import (
    EXCHANGE_COST,
    EXCHANGE_GAIN,
    EXCHANGE_LOSS,
    EXCHANGE_POSITION,
    ChartEntry,
    account_id,
    open_account,
    transfer_id,
)
from tallystick.ledger.model import AMOUNT_MAX
from tallystick.money.rate import Rounding
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]

_RATES_MAX = 1000
_LEGS = 5


def put_rates(command: PutRates, context: Context) -> Reply:
    """Take in rates; one that was put before stays what it was."""
    uow = context.uow
    if not (1 <= len(command.rates) <= _RATES_MAX and command.source):
        raise Refused("RATE_INVALID", f"A source, and 1 to {_RATES_MAX} rates.")
    if not 0 < command.as_of_ms <= context.now_ms:
        raise Refused("RATE_INVALID", "A rate's time is not to come.")
    for draft in command.rates:
        decide.require_rate(draft)
        pair = (draft.base, draft.quote, command.source)
        known = uow.get(ExchangeRate, *pair, command.as_of_ms)
        if known is not None and known.rate != draft.rate:
            raise Refused("RATE_INVALID", "There is another rate of this moment.")
        uow.put(ExchangeRate(*pair, command.as_of_ms, draft.rate, who(context), context.now_ms))
        latest = uow.get(LatestRate, *pair)
        if latest is None or latest.as_of_ms < command.as_of_ms:
            uow.put(LatestRate(*pair, command.as_of_ms, draft.rate))
    return RatesPut(rates=len(command.rates))


def _book(uow: UnitOfWork, number: int) -> LedgerBook:
    require_own_books((number,))
    book = uow.get(LedgerBook, number)
    if book is None or not book.currency:
        raise Refused("BOOK_NOT_EXIST", f"Book {number} has no name with a currency.")
    return book


def define_desk(command: DefineDesk, context: Context) -> Reply:
    """Define a desk."""
    uow = context.uow
    _book(uow, command.home_book)
    known = uow.get(ExchangeDesk, command.desk_id)
    if known is not None and known.home_book != command.home_book:
        raise Refused("INVALID_PARAMETER", "A desk's home book stays what it is.")
    number = known.number if known else int(dated_number(context.now_ms, context.request_key)[-18:])
    desk = decide.new_desk(command, max(number, 1), who(context), context.now_ms)
    return record(context, Decision(DeskDefined(desk_id=desk.desk_id), rows=(desk,)))


def _desk(uow: UnitOfWork, desk_id: str) -> ExchangeDesk:
    desk = uow.get(ExchangeDesk, desk_id)
    if desk is None:
        raise Refused("DESK_NOT_EXIST")
    return desk


class _Priced(NamedTuple):
    """What a desk gives: `via` is what lies between two foreign currencies, else 0."""

    got: int
    via: int
    rate: str
    rate_as_of_ms: int


def _fresh(
    uow: UnitOfWork, desk: ExchangeDesk, foreign: LedgerBook, home: LedgerBook
) -> LatestRate:
    latest = uow.get(LatestRate, foreign.currency, home.currency, desk.source)
    return decide.require_fresh(latest, desk, uow.now_ms)


def _priced(
    uow: UnitOfWork, desk: ExchangeDesk, sold: LedgerBook, taken: LedgerBook, amount: int
) -> _Priced:
    home = _book(uow, desk.home_book)
    got, via = amount, 0
    rates = []
    if sold.book != home.book:
        rates.append(_fresh(uow, desk, sold, home))
        got = decide.bought(
            desk, rates[0].rate, sold.currency, home.currency, got, sells_foreign=True
        )
    if taken.book != home.book:
        via = got if rates else 0
        rates.append(_fresh(uow, desk, taken, home))
        got = decide.bought(
            desk, rates[-1].rate, taken.currency, home.currency, got, sells_foreign=False
        )
    rate = decide.cross_rate(rates[0].rate, rates[1].rate) if via else rates[0].rate
    return _Priced(got, via, rate, min(r.as_of_ms for r in rates))


def quote_exchange(command: QuoteExchange, context: Context) -> Reply:
    """Say what a desk gives for an amount."""
    uow, c, now_ms = context.uow, command, context.now_ms
    desk = _desk(uow, c.desk_id)
    sold, taken = _book(uow, c.sell_book), _book(uow, c.buy_book)
    if sold.currency == taken.currency or not 0 < c.sell_amount <= AMOUNT_MAX:
        raise Refused("INVALID_PARAMETER", "An amount, and two currencies.")
    found = _priced(uow, desk, sold, taken, c.sell_amount)
    quote = ExchangeQuote(
        dated_number(now_ms, context.request_key, "quote"), desk.desk_id, c.sell_book, c.buy_book,
        c.sell_amount, found.got, found.rate, found.rate_as_of_ms, now_ms + desk.quote_valid_ms,
        "", who(context), now_ms, found.via,
    )  # fmt: skip
    done = QuoteGiven(
        quote_id=quote.quote_id, sell_amount=quote.sell_amount, buy_amount=found.got,
        rate=found.rate, rate_as_of_ms=found.rate_as_of_ms, expires_ms=quote.expires_ms,
    )  # fmt: skip
    return record(context, Decision(done, rows=(quote,)))


def _balance(context: Context, book: int, entry: ChartEntry, owner: str) -> int:
    """Credits less debits of one of a desk's accounts, which is opened when it is not there."""
    books = context.uow.books
    found = books.account(account_id(book, entry, owner))
    if found is None:
        books.create_accounts([open_account(book, entry, owner)], context.now_ms * 1_000_000)
        return 0
    return found.credits_posted - found.debits_posted


def _trade(
    context: Context, desk: ExchangeDesk, book: int, foreign: int, home: int
) -> decide.Trade:
    """A trade in one position, with what it realises."""
    held = _balance(context, book, EXCHANGE_POSITION, str(desk.number))
    cost = -_balance(context, desk.home_book, EXCHANGE_COST, decide.cost_owner(desk, book))
    before = decide.Position(held, cost)
    outcome = decide.traded(before, foreign, home, Rounding[desk.rounding])
    return decide.Trade(book, foreign, home, outcome.realised)


def _trades(context: Context, desk: ExchangeDesk, quote: ExchangeQuote) -> list[decide.Trade]:
    """What the desk takes in, and what it gives out, of other currencies than its own."""
    for entry in (EXCHANGE_GAIN, EXCHANGE_LOSS):
        _balance(context, desk.home_book, entry, str(desk.number))
    trades = []
    if quote.sell_book != desk.home_book:
        home = quote.via_amount or quote.buy_amount
        trades.append(_trade(context, desk, quote.sell_book, quote.sell_amount, home))
    if quote.buy_book != desk.home_book:
        home = quote.via_amount or quote.sell_amount
        trades.append(_trade(context, desk, quote.buy_book, -quote.buy_amount, -home))
    return trades


def execute_exchange(command: ExecuteExchange, context: Context) -> Reply:
    """Take a quote: the legs of all books and the realised differences, linked."""
    uow, now_ms = context.uow, context.now_ms
    quote = uow.get(ExchangeQuote, command.quote_id)
    if quote is None:
        raise Refused("QUOTE_NOT_EXIST")
    if quote.exchange_id or now_ms >= quote.expires_ms:
        raise Refused("QUOTE_OVER")
    if any(len(i) != ID_BYTES for i in (command.from_account_id, command.to_account_id)):
        raise Refused("INVALID_PARAMETER", "A 128-bit number must be 16 bytes.")
    desk = _desk(uow, quote.desk_id)
    trades = _trades(context, desk, quote)
    exchange_id = dated_number(now_ms, context.request_key, "exchange")
    ends = (command.from_account_id, command.to_account_id)
    post_linked(context, decide.legs(
        desk, exchange_id, trades=trades,
        ends=(int.from_bytes(ends[0], "big"), int.from_bytes(ends[1], "big")),
        ids=[transfer_id(context.request_key, leg) for leg in range(_LEGS)],
    ))  # fmt: skip
    realised = sum(trade.realised for trade in trades)
    made = CurrencyExchange(
        exchange_id, quote.quote_id, desk.desk_id, *ends, quote.sell_book, quote.buy_book,
        quote.sell_amount, quote.buy_amount, realised, now_ms,
    )  # fmt: skip
    done = ExchangeDone(
        exchange_id=exchange_id, sell_amount=quote.sell_amount, buy_amount=quote.buy_amount,
        realised=realised,
    )  # fmt: skip
    held = tuple(DeskPosition(desk.desk_id, trade.book) for trade in trades)
    rows = (made, replace(quote, exchange_id=exchange_id), *held)
    return record(context, Decision(
        done, rows=rows, events=(event("exchange.made", exchange_id, done),)
    ))  # fmt: skip


def register(registry: Registry) -> None:
    """Declare the commands of exchange."""
    write = "ledger:write"
    registry.add(PutRates, put_rates, reply=RatesPut, scope=write)
    registry.add(DefineDesk, define_desk, reply=DeskDefined, scope=write)
    registry.add(QuoteExchange, quote_exchange, reply=QuoteGiven, scope=write)
    registry.add(ExecuteExchange, execute_exchange, reply=ExchangeDone, scope=write)
