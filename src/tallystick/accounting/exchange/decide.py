"""Amounts of an exchange, and what it realises: pure functions, whole numbers throughout."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from tallystick.accounting.exchange.model import DefineDesk, ExchangeDesk, LatestRate, RateDraft
from tallystick.ledger.chart import (
    EXCHANGE_COST,
    EXCHANGE_GAIN,
    EXCHANGE_LOSS,
    EXCHANGE_POSITION,
    account_id,
)
from tallystick.ledger.model import AMOUNT_MAX, Transfer
from tallystick.money.currency import currency
from tallystick.money.error import MoneyError
from tallystick.money.rate import Rounding, parse_rate
from tallystick.pipeline.refusals import Refused

__all__ = [
    "Position", "Trade", "Traded", "bought", "cost_owner", "cross_rate", "legs", "new_desk",
    "require_fresh", "require_rate", "rounded", "traded", "value_of",
]  # fmt: skip

_SPREAD_MAX = Decimal("0.5")
_RATE_DIGITS = 28
_CROSS_PLACES = 12


def rounded(exact: Fraction, rounding: Rounding) -> int:
    """A fraction of minor units as whole ones, rounded once, as named."""
    whole, rest = divmod(exact.numerator, exact.denominator)
    # Whole, a half, or less or more than one: one digit says all that rounding asks.
    twice = 2 * rest - exact.denominator
    tenth = 0 if rest == 0 else 5 if twice == 0 else 2 if twice < 0 else 8
    text = Decimal(whole) + Decimal(tenth) / 10
    return int(text.quantize(Decimal(1), rounding=rounding.value))


def require_rate(draft: RateDraft) -> Decimal:
    """A rate's number.

    Raises:
        Refused: RATE_INVALID for a currency that is not known, or no positive decimal.
    """
    try:
        currency(draft.base)
        currency(draft.quote)
        rate = parse_rate(draft.rate)
    except (MoneyError, ValueError) as error:
        raise Refused("RATE_INVALID", f"{error}.") from error
    digits = rate.as_tuple()
    exponent = digits.exponent
    narrow = isinstance(exponent, int) and -_RATE_DIGITS <= exponent <= 0
    if draft.base == draft.quote or rate <= 0 or not narrow or len(digits.digits) > _RATE_DIGITS:
        raise Refused("RATE_INVALID", "A rate is a positive decimal between two currencies.")
    return rate


def require_fresh(rate: LatestRate | None, desk: ExchangeDesk, now_ms: int) -> LatestRate:
    """The rate, when it is not too old for the desk.

    Raises:
        Refused: RATE_NOT_EXIST, RATE_STALE.
    """
    if rate is None:
        raise Refused("RATE_NOT_EXIST")
    age_ms = now_ms - rate.as_of_ms
    if age_ms > desk.stale_after_ms:
        raise Refused("RATE_STALE", f"It is {age_ms // 1000} s old.")
    return rate


def new_desk(command: DefineDesk, number: int, by: str, now_ms: int) -> ExchangeDesk:
    """The desk to keep.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    c = command
    try:
        spread = parse_rate(c.spread)
        Rounding[c.rounding]
    except (ValueError, KeyError) as error:
        raise Refused(
            "INVALID_PARAMETER", "A spread is a decimal, a rounding has a name."
        ) from error
    if not 0 <= spread < _SPREAD_MAX or c.stale_after_ms < 1 or c.quote_valid_ms < 1:
        raise Refused("INVALID_PARAMETER", "A spread below 0.5, and times of at least 1 ms.")
    return ExchangeDesk(
        c.desk_id, number, c.home_book, c.source, c.stale_after_ms, c.spread, c.quote_valid_ms,
        c.rounding, by, now_ms,
    )  # fmt: skip


def _per_minor_unit(rate: str, foreign: str, home: str) -> Fraction:
    """How many minor units of `home` one minor unit of `foreign` is."""
    scale = currency(home).minor_units - currency(foreign).minor_units
    return Fraction(rate) * Fraction(10) ** scale


def bought(
    desk: ExchangeDesk, rate: str, foreign: str, home: str, amount: int, *, sells_foreign: bool
) -> int:
    """What a customer gets for an amount, after the desk's spread, in minor units.

    Raises:
        Refused: INVALID_AMOUNT when nothing is left of it, or it is too much.
    """
    unit, spread = _per_minor_unit(rate, foreign, home), Fraction(desk.spread)
    exact = amount * unit * (1 - spread) if sells_foreign else amount / (unit * (1 + spread))
    got = rounded(exact, Rounding[desk.rounding])
    if not 0 < got <= AMOUNT_MAX:
        raise Refused("INVALID_AMOUNT", "Nothing, or too much, would be bought.")
    return got


def value_of(amount: int, rate: str, foreign: str, home: str, rounding: str) -> int:
    """What an amount is worth at a rate, signed, in minor units of `home`."""
    exact = abs(amount) * _per_minor_unit(rate, foreign, home)
    worth = rounded(exact, Rounding[rounding])
    return worth if amount >= 0 else -worth


def cross_rate(sold: str, taken: str) -> str:
    """How much of the one foreign currency a unit of the other is, by their rates at home."""
    with localcontext(prec=4 * _RATE_DIGITS):
        rate = (Decimal(sold) / Decimal(taken)).quantize(Decimal(1).scaleb(-_CROSS_PLACES))
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".")


def cost_owner(desk: ExchangeDesk, book: int) -> str:
    """The owner's number of the account that keeps a position's cost."""
    return f"{desk.number}{book:010}"


class Position(NamedTuple):
    """What a desk holds of a currency, and its cost; both are negative when it is short."""

    amount: int
    cost: int


class Traded(NamedTuple):
    """A position after a trade, and what the trade realised."""

    position: Position
    realised: int


def traded(before: Position, amount: int, paid: int, rounding: Rounding) -> Traded:
    """A position at average cost after taking in `amount` for `paid` (both negative: giving out).

    What is given out is relieved at the average cost, rounded as named; the difference to what was
    paid for it is realised. Through zero, the old position is closed whole and the rest of the
    trade is the new one's cost. Always: cost after = cost before + paid + realised.
    """
    held, cost = before
    after = held + amount
    if held == 0 or (held > 0) == (amount > 0):
        kept = cost + paid
    elif abs(amount) <= abs(held):
        relieved = rounded(Fraction(abs(cost) * abs(amount), abs(held)), rounding)
        kept = 0 if after == 0 else cost - relieved if cost > 0 else cost + relieved
    else:
        closing = rounded(Fraction(abs(paid) * abs(held), abs(amount)), rounding)
        kept = paid - closing if paid > 0 else paid + closing
    return Traded(Position(after, kept), kept - cost - paid)


class Trade(NamedTuple):
    """What a desk takes in of a currency (negative: gives out), and what it pays for that.

    `realised` is the difference to the average cost, in the home book's minor units.
    """

    book: int
    foreign: int
    home: int
    realised: int


def _relieved(desk: ExchangeDesk, trade: Trade) -> list[tuple[int, int, int, int]]:
    """The move of a realised difference; none where there is none."""
    cost = account_id(desk.home_book, EXCHANGE_COST, cost_owner(desk, trade.book))
    owner = str(desk.number)
    if trade.realised > 0:
        gain = account_id(desk.home_book, EXCHANGE_GAIN, owner)
        return [(cost, gain, trade.realised, desk.home_book)]
    if trade.realised < 0:
        loss = account_id(desk.home_book, EXCHANGE_LOSS, owner)
        return [(loss, cost, -trade.realised, desk.home_book)]
    return []


def legs(
    desk: ExchangeDesk, exchange_id: str, *, trades: Sequence[Trade], ends: tuple[int, int],
    ids: Sequence[int],
) -> list[Transfer]:  # fmt: skip
    """The linked transfers of an exchange; each book balances by itself.

    What goes through the home book goes between the customer and a position's cost, or for two
    foreign currencies from the one position's cost to the other's.

    Args:
        trades: what the desk takes in, what it gives out, or both, in this order.
        ends: the customer's accounts, where the money comes from and goes to.
        ids: of the transfers.
    """

    def position(trade: Trade) -> int:
        return account_id(trade.book, EXCHANGE_POSITION, str(desk.number))

    def cost(trade: Trade) -> int:
        return account_id(desk.home_book, EXCHANGE_COST, cost_owner(desk, trade.book))

    taken = next((t for t in trades if t.foreign > 0), None)
    given = next((t for t in trades if t.foreign < 0), None)
    home = abs(trades[0].home)
    debit = cost(taken) if taken else ends[0]
    credit = cost(given) if given else ends[1]
    moves = [(ends[0], position(taken), taken.foreign, taken.book)] if taken else []
    moves.append((debit, credit, home, desk.home_book))
    if given:
        moves.append((position(given), ends[1], -given.foreign, given.book))
    moves += [move for trade in trades for move in _relieved(desk, trade)]
    return [
        Transfer(id_, debit, credit, amount, user_data_128=int(exchange_id), book=book, code=1)
        for id_, (debit, credit, amount, book) in zip(ids, moves, strict=False)
    ]
