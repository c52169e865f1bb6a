"""Are the books in order: added up by the database, from one consistent moment."""

from __future__ import annotations

from tallystick.accounting.views import stored_trial_balances
from tallystick.ledger.chart import PLATFORM_BOOK_MIN, TRADE_ESCROW, book_currency
from tallystick.ledger.statements import TrialBalance
from tallystick.observe.metrics import Books
from tallystick.payments.trades.model import TradeStatus
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["check_books", "escrow_by_currency", "open_trades_by_currency"]

_OPEN = (TradeStatus.HELD.value, TradeStatus.SHIPPED.value, TradeStatus.DISPUTED.value)
"""The states in which a trade's money is in its escrow account."""


def escrow_by_currency(balances: list[TrialBalance]) -> dict[str, int]:
    """What lies in the platform's escrow accounts, in minor units, by currency."""
    held: dict[str, int] = {}
    for found in balances:
        if found.book < PLATFORM_BOOK_MIN:
            continue
        for line in found.lines:
            if line.code == TRADE_ESCROW.code:
                code = book_currency(found.book)
                held[code] = held.get(code, 0) + line.credits_posted - line.debits_posted
    return held


def open_trades_by_currency(connection: Connection) -> dict[str, int]:
    """What open trades should hold: what was paid less what was refunded, by currency."""
    records = connection.execute(
        "SELECT t.currency, SUM(t.amount - COALESCE((SELECT SUM(r.amount) FROM refund r "
        "WHERE r.trade_no = t.trade_no), 0)) FROM trade t WHERE t.status IN (?, ?, ?) "
        "GROUP BY t.currency",
        _OPEN,
    )
    return {str(currency): int(amount) for currency, amount in records}


def check_books(rows: ReadSession, now_ms: int) -> Books:
    """Add up every book, and compare escrow with the trades that are open.

    Reads everything in one transaction, so that a batch in between makes no difference.
    """
    connection = rows.connection
    connection.execute("BEGIN")
    try:
        balances = stored_trial_balances(rows)
        expected = open_trades_by_currency(connection)
    finally:
        connection.execute("COMMIT")
    held = escrow_by_currency(balances)
    currencies = held.keys() | expected.keys()
    matches = all(held.get(c, 0) == expected.get(c, 0) for c in currencies)
    return Books(now_ms, all(found.balanced for found in balances), matches, held)
