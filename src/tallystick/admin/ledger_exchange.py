"""`tallystick ledger exchange …`: rates, desks, quotes and exchanges."""

from __future__ import annotations

import time

from cyclopts import App

from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.ledger_report import moment_of
from tallystick.admin.rest_operation import account_text, carry, given, listed, look, say_list
from tallystick.money.china_time import china_time

__all__ = ["exchange"]

exchange = App(name="exchange", help="Exchange between books: rates, desks, quotes.")

_RATES = ("as_of", "base", "quote", "rate", "source", "put_by")
_DESKS = ("desk_id", "ledger", "currency", "source", "spread", "stale_after_ms", "rounding")
_EXCHANGES = (
    "at", "exchange_id", "desk_id", "sell_ledger", "sell_amount", "buy_ledger", "buy_amount",
    "realised",
)  # fmt: skip
_POSITIONS = ("ledger", "currency", "amount", "cost", "rate", "value", "unrealised")
_NS_PER_MS = 1_000_000


def _rate(text: str) -> dict[str, str]:
    pair, _, rate = text.partition("=")
    base, is_pair, quote = pair.partition("/")
    if not (is_pair and rate):
        raise UsageError(f"{text!r}: a rate is written USD/CNY=7.1234.")
    return {"base": base, "quote": quote, "rate": rate}


@exchange.command
def put_rates(source: str, *rates: str, as_of: str = "", place: Place = HERE) -> None:
    """Put rates of a source as of a moment, while no server runs; they are never changed.

    For example: `tallystick ledger exchange put-rates ecb USD/CNY=7.1234 EUR/CNY=7.7001`.

    Args:
        source: whose rates they are.
        rates: what one unit of the first currency is in the second, USD/CNY=7.1234.
        as_of: yyyy-mm-dd or yyyy-mm-dd hh:mm:ss, China time; now without it.
    """
    as_of_ms = moment_of(as_of) if as_of else time.time_ns() // _NS_PER_MS
    body = {"source": source, "as_of_ms": as_of_ms, "rates": [_rate(text) for text in rates]}
    done = carry(place, "putRates", body=body)
    place.say(done, f"{done['rates']} rates are there.")


@exchange.command
def rates(
    source: str, pair: str, *, limit: int = 20, cursor: str = "", place: Place = HERE
) -> None:
    """The history of a rate, the newest first; a server may run meanwhile.

    For example: `tallystick ledger exchange rates ecb USD/CNY --data data`.

    Args:
        source: whose rates.
        pair: two currencies, USD/CNY.
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    base, _, quoted = pair.partition("/")
    path = {"source": source, "base": base, "quoted": quoted}
    page = look(place, "listRates", path, {"limit": limit, "cursor": cursor})
    say_list(place, page, _RATES, lambda rate: {**rate, "as_of": china_time(rate["as_of_ms"])})


@exchange.command
def define_desk(
    desk_id: str, *, book: int, source: str, stale_after_s: int, spread: str = "",
    quote_valid_s: int = 60, rounding: str = "", place: Place = HERE,
) -> None:  # fmt: skip
    """Define a desk, or change how it exchanges, while no server runs.

    For example: `tallystick ledger exchange define-desk main --book 7 --source ecb
    --stale-after-s 86400 --spread 0.002`.

    Args:
        desk_id: its name.
        book: its home book.
        source: by whose rates it exchanges.
        stale_after_s: how old a rate may be, seconds.
        spread: on each side; 0 without it.
        quote_valid_s: how long a quote holds, seconds.
        rounding: the name of a rounding; HALF_EVEN without it.
    """
    body = given({
        "ledger": book, "source": source, "stale_after_ms": stale_after_s * 1000,
        "spread": spread, "quote_valid_ms": quote_valid_s * 1000, "rounding": rounding,
    })  # fmt: skip
    done = carry(place, "defineDesk", {"desk_id": desk_id}, body)
    place.say(done, f"Desk {desk_id} is defined.")


@exchange.command
def desks(*, limit: int = 20, cursor: str = "", place: Place = HERE) -> None:
    """The desks in the order of their names; a server may run meanwhile.

    Args:
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    say_list(place, look(place, "listDesks", query={"limit": limit, "cursor": cursor}), _DESKS)


@exchange.command
def quote(desk_id: str, *, sell_book: int, buy_book: int, amount: str, place: Place = HERE) -> None:
    """Ask a desk what it gives for an amount, while no server runs.

    Args:
        desk_id: the desk.
        sell_book: the book whose currency is sold.
        buy_book: the book whose currency is bought.
        amount: what is sold, minor units.
    """
    body = {"sell_ledger": sell_book, "buy_ledger": buy_book, "sell_amount": amount}
    done = carry(place, "quoteExchange", {"desk_id": desk_id}, body)
    place.say(
        done, f"Quote {done['quote_id']}: {done['sell_amount']} for {done['buy_amount']} at "
        f"{done['rate']}, until {china_time(done['expires_ms'])}.",
    )  # fmt: skip


@exchange.command
def execute(quote_id: str, *, debit: str, credit: str, place: Place = HERE) -> None:
    """Take a quote before it expires, while no server runs.

    Args:
        quote_id: its number.
        debit: the customer's account in the sold currency.
        credit: the customer's account in the bought currency.
    """
    body = {"from_account_id": account_text(debit), "to_account_id": account_text(credit)}
    done = carry(place, "executeExchange", {"quote_id": quote_id}, body)
    place.say(
        done, f"Exchange {done['exchange_id']}: {done['sell_amount']} for {done['buy_amount']}; "
        f"the desk realised {done['realised']}.",
    )  # fmt: skip


@exchange.command(name="list")
def list_exchanges(*, limit: int = 20, cursor: str = "", place: Place = HERE) -> None:
    """Exchanges, the newest first; a server may run meanwhile.

    Args:
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    page = look(place, "listExchanges", query={"limit": limit, "cursor": cursor})
    say_list(place, page, _EXCHANGES, lambda done: {**done, "at": china_time(done["at_ms"])})


@exchange.command
def revaluation(desk_id: str, *, as_of: str = "", place: Place = HERE) -> None:
    """A desk's positions at the rates of a moment; a server may run meanwhile.

    Args:
        desk_id: the desk.
        as_of: yyyy-mm-dd or yyyy-mm-dd hh:mm:ss, China time; now without it.
    """
    query = {"as_of_ms": moment_of(as_of) if as_of else None}
    found = look(place, "getRevaluation", {"desk_id": desk_id}, query)
    text = listed(found["positions"], _POSITIONS) if found["positions"] else "It has no position."
    place.say(found, f"{text}\nrealised {found['realised']} {found['home_currency']}")
