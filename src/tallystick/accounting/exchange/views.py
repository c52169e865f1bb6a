"""What can be seen of exchange: a desk's positions, revalued as of a moment."""

from __future__ import annotations

import msgspec

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.exchange import decide
from tallystick.accounting.exchange.model import DeskPosition, ExchangeDesk, ExchangeRate
from tallystick.ledger.chart import (
    EXCHANGE_COST,
    EXCHANGE_GAIN,
    EXCHANGE_LOSS,
    EXCHANGE_POSITION,
    ChartEntry,
    account_id,
)
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["PositionView", "Revaluation", "desks_page", "rate_as_of", "rate_history", "revaluation"]

_NS_PER_MS = 1_000_000


class PositionView(msgspec.Struct, frozen=True):
    """A position as of a moment; `value` and `unrealised` are None where no rate was known.

    Args:
        amount: of the book's currency, with `cost`, `value` and `unrealised` in the home book's;
            all signed minor units.
    """

    book: int
    currency: str
    amount: int
    cost: int
    rate: ExchangeRate | None
    value: int | None
    unrealised: int | None


class Revaluation(msgspec.Struct, frozen=True):
    """A desk as of a moment; `realised` is all gains less all losses until then."""

    desk: ExchangeDesk
    home_currency: str
    as_of_ms: int
    positions: list[PositionView]
    realised: int


def rate_as_of(
    rows: ReadSession, base: str, quote: str, source: str, as_of_ms: int
) -> ExchangeRate | None:
    """The newest rate that was known for a moment."""
    tail = (
        "WHERE base = ? AND quote = ? AND source = ? AND as_of_ms <= ? "
        "ORDER BY as_of_ms DESC LIMIT 1"
    )
    found = rows.query(ExchangeRate, tail, (base, quote, source, as_of_ms))
    return found[0] if found else None


def rate_history(
    rows: ReadSession, *, base: str, quote: str, source: str, before_ms: int, limit: int
) -> list[ExchangeRate]:
    """A source's rates of a pair as of moments before `before_ms`, newest first."""
    tail = (
        "WHERE base = ? AND quote = ? AND source = ? AND as_of_ms < ? "
        "ORDER BY as_of_ms DESC LIMIT ?"
    )
    return rows.query(ExchangeRate, tail, (base, quote, source, before_ms, limit))


def desks_page(rows: ReadSession, *, after: str, limit: int) -> list[ExchangeDesk]:
    """Desks with a name beyond `after`, in their order."""
    return rows.query(ExchangeDesk, "WHERE desk_id > ? ORDER BY desk_id LIMIT ?", (after, limit))


def _balance(
    ledger: SqlLedgerReader, book: int, entry: ChartEntry, owner: str, as_of_ms: int
) -> int:
    """Credits less debits just after a moment's millisecond."""
    found = ledger.accounts([account_id(book, entry, owner)])
    if not found:
        return 0
    then = ledger.posted_before(found[0], (as_of_ms + 1) * _NS_PER_MS)
    return then.credits_posted - then.debits_posted


def revaluation(rows: ReadSession, desk_id: str, as_of_ms: int) -> Revaluation | None:
    """A desk's positions at the rates of a moment, in one snapshot; None for no such desk."""
    connection = rows.connection
    connection.execute("BEGIN")
    try:
        desk = rows.get(ExchangeDesk, desk_id)
        home = None if desk is None else rows.get(LedgerBook, desk.home_book)
        if desk is None or home is None:
            return None
        ledger = SqlLedgerReader(connection)
        positions = [
            _position(rows, ledger, desk, home.currency, p.book, as_of_ms)
            for p in rows.select(DeskPosition, desk_id=desk_id)
        ]
        realised = sum(
            _balance(ledger, desk.home_book, entry, str(desk.number), as_of_ms)
            for entry in (EXCHANGE_GAIN, EXCHANGE_LOSS)
        )
        return Revaluation(desk, home.currency, as_of_ms, positions, realised)
    finally:
        connection.execute("ROLLBACK")


def _position(
    rows: ReadSession, ledger: SqlLedgerReader, desk: ExchangeDesk, home: str, book: int,
    as_of_ms: int,
) -> PositionView:  # fmt: skip
    named = rows.get(LedgerBook, book)
    assert named is not None, book
    amount = _balance(ledger, book, EXCHANGE_POSITION, str(desk.number), as_of_ms)
    cost = -_balance(ledger, desk.home_book, EXCHANGE_COST, decide.cost_owner(desk, book), as_of_ms)
    rate = rate_as_of(rows, named.currency, home, desk.source, as_of_ms)
    value = None
    if rate is not None:
        value = decide.value_of(amount, rate.rate, named.currency, home, desk.rounding)
    gap = None if value is None else value - cost
    return PositionView(book, named.currency, amount, cost, rate, value, gap)
