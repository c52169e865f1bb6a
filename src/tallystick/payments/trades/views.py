"""What can be seen of trades: one trade's whole story, and lists a page at a time."""

from __future__ import annotations

import msgspec

from tallystick.ledger.model import Transfer
from tallystick.payments.trades.model import Refund, Settlement, Trade, TradeEvent, TradeStatus
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession, Rows

__all__ = ["TradeFilter", "TradePage", "TradeStory", "find_trade", "list_trades", "trade_story"]


class TradeStory(msgspec.Struct, frozen=True):
    """Everything that is known of a trade; postings oldest first."""

    trade: Trade
    events: list[TradeEvent]
    refunds: list[Refund]
    settlements: list[Settlement]
    postings: list[Transfer]

    @property
    def refunded_total(self) -> int:
        """What has gone back to the buyer."""
        return sum(r.amount for r in self.refunds)


class TradeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which trades to list; empty fields do not filter. `text` matches either number whole."""

    app_id: str = ""
    seller_id: str = ""
    buyer_id: str = ""
    status: TradeStatus | None = None
    text: str = ""
    from_ms: int = 0
    before_ms: int = 2**62


class TradePage(msgspec.Struct, frozen=True):
    """A page of trades, newest first; `after` continues it: (created_ms, trade_no) or None."""

    trades: list[Trade]
    after: tuple[int, str] | None


def find_trade(
    rows: Rows, app_id: str, *, trade_no: str = "", out_trade_no: str = ""
) -> Trade | None:
    """An app's trade by either number; None when neither fits or they name different trades."""
    trade = (
        rows.get(Trade, trade_no)
        if trade_no
        else rows.find(Trade, app_id=app_id, out_trade_no=out_trade_no)
    )
    if trade is None or trade.app_id != app_id:
        return None
    if out_trade_no and trade.out_trade_no != out_trade_no:
        return None
    return trade


def trade_story(rows: Rows, ledger: SqlLedgerReader, trade_no: str) -> TradeStory | None:
    """A trade with its transitions, refunds, settlements and ledger postings."""
    trade = rows.get(Trade, trade_no)
    if trade is None:
        return None
    return TradeStory(
        trade=trade,
        events=rows.select(TradeEvent, trade_no=trade_no),
        refunds=rows.select(Refund, trade_no=trade_no),
        settlements=rows.select(Settlement, trade_no=trade_no),
        postings=ledger.transfers_with_reference(int(trade_no)),
    )


def list_trades(
    rows: ReadSession, wanted: TradeFilter, *, limit: int, after: tuple[int, str] | None = None
) -> TradePage:
    """Trades that fit the filter, newest first, at most `limit`."""
    clauses: list[str] = ["created_ms >= ?", "created_ms < ?"]
    values: list[object] = [wanted.from_ms, wanted.before_ms]
    for column in ("app_id", "seller_id", "buyer_id"):
        if value := getattr(wanted, column):
            clauses.append(f"{column} = ?")
            values.append(value)
    if wanted.status is not None:
        clauses.append("status = ?")
        values.append(wanted.status.value)
    if wanted.text:
        clauses.append("(trade_no = ? OR out_trade_no = ?)")
        values += [wanted.text, wanted.text]
    if after is not None:
        clauses.append("(created_ms < ? OR (created_ms = ? AND trade_no < ?))")
        values += [after[0], after[0], after[1]]
    tail = f"WHERE {' AND '.join(clauses)} ORDER BY created_ms DESC, trade_no DESC LIMIT ?"
    found = rows.query(Trade, tail, (*values, limit + 1))
    page = found[:limit]
    more = len(found) > limit
    return TradePage(page, (page[-1].created_ms, page[-1].trade_no) if more else None)
