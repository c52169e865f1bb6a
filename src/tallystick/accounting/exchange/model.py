"""Exchange: rates, desks, quotes and exchanges; rows and commands.

A rate says how much one unit of `base` is in `quote` (in whole units, not minor ones), who said so
and as of when. A desk exchanges between its home book and books of other currencies.
"""

from __future__ import annotations

import msgspec

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "CurrencyExchange", "DefineDesk", "DeskDefined", "DeskPosition", "ExchangeDesk",
    "ExchangeDone", "ExchangeQuote", "ExchangeRate", "ExecuteExchange", "LatestRate", "PutRates",
    "QuoteExchange", "QuoteGiven", "RateDraft", "RatesPut",
]  # fmt: skip


class ExchangeRate(Row, frozen=True):
    """A rate as it was put; never changed."""

    base: str
    quote: str
    source: str
    as_of_ms: int
    rate: str
    put_by: str
    put_ms: int


class LatestRate(Row, frozen=True):
    """The newest rate of a pair and source."""

    base: str
    quote: str
    source: str
    as_of_ms: int
    rate: str


class ExchangeDesk(Row, frozen=True):
    """How exchanges are made: by whose rates, how old those may be, and with which spread.

    `number` is the owner of the desk's accounts. `rounding` is a name of `money.rate.Rounding`.
    """

    desk_id: str
    number: int
    home_book: int
    source: str
    stale_after_ms: int
    spread: str
    quote_valid_ms: int
    rounding: str
    defined_by: str
    defined_ms: int


class DeskPosition(Row, frozen=True):
    """A book in which a desk has a position."""

    desk_id: str
    book: int


class ExchangeQuote(Row, frozen=True):
    """What a customer gives and gets, until it expires; `exchange_id` once it was taken.

    For two foreign currencies `via_amount` is what lies between in the home book (else 0), and
    `rate` is that of the one to the other.
    """

    quote_id: str
    desk_id: str
    sell_book: int
    buy_book: int
    sell_amount: int
    buy_amount: int
    rate: str
    rate_as_of_ms: int
    expires_ms: int
    exchange_id: str
    created_by: str
    created_ms: int
    via_amount: int


class CurrencyExchange(Row, frozen=True):
    """An exchange that was made; `realised` is signed, in the home book's minor units."""

    exchange_id: str
    quote_id: str
    desk_id: str
    from_account_id: bytes
    to_account_id: bytes
    sell_book: int
    buy_book: int
    sell_amount: int
    buy_amount: int
    realised: int
    at_ms: int


RATES = Table("exchange_rate", ExchangeRate, ("base", "quote", "source", "as_of_ms"))
LATEST = Table("latest_rate", LatestRate, ("base", "quote", "source"))
DESKS = Table("exchange_desk", ExchangeDesk, ("desk_id",))
POSITIONS = Table("desk_position", DeskPosition, ("desk_id", "book"))
QUOTES = Table("exchange_quote", ExchangeQuote, ("quote_id",))
EXCHANGES = Table("currency_exchange", CurrencyExchange, ("exchange_id",))


class RateDraft(msgspec.Struct, frozen=True, array_like=True):
    """A rate to put: a decimal text."""

    base: str
    quote: str
    rate: str


class PutRates(Command, frozen=True, kw_only=True, tag="exchange.put_rates"):
    """Take in rates of a source as of a moment."""

    source: str
    as_of_ms: int
    rates: tuple[RateDraft, ...]


class DefineDesk(Command, frozen=True, kw_only=True, tag="exchange.define_desk"):
    """Define a desk, or change how it exchanges; its home book stays."""

    desk_id: str
    home_book: int
    source: str
    stale_after_ms: int
    spread: str = "0"
    quote_valid_ms: int = 60_000
    rounding: str = "HALF_EVEN"


class QuoteExchange(Command, frozen=True, kw_only=True, tag="exchange.quote"):
    """Ask what a desk gives for an amount."""

    desk_id: str
    sell_book: int
    buy_book: int
    sell_amount: int


class ExecuteExchange(Command, frozen=True, kw_only=True, tag="exchange.execute"):
    """Take a quote: from an account in the sold currency, to one in the bought."""

    quote_id: str
    from_account_id: bytes
    to_account_id: bytes


class RatesPut(Reply, frozen=True, kw_only=True):
    """How many."""

    rates: int


class DeskDefined(Reply, frozen=True, kw_only=True):
    """The desk."""

    desk_id: str


class QuoteGiven(Reply, frozen=True, kw_only=True):
    """What is given for what, at which rate, and until when."""

    quote_id: str
    sell_amount: int
    buy_amount: int
    rate: str
    rate_as_of_ms: int
    expires_ms: int


class ExchangeDone(Reply, frozen=True, kw_only=True):
    """What was exchanged, and what the desk realised by it."""

    exchange_id: str
    sell_amount: int
    buy_amount: int
    realised: int
