"""The lines of an app's trade bill, from its trades, refunds and settlements."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar

from tallystick.money.china_time import china_time
from tallystick.payments.bills.period import BillPeriod
from tallystick.payments.trades.decide import planned_splits
from tallystick.payments.trades.model import Refund, Settlement, SettlementKind, Trade
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row, table_of

__all__ = ["BILL_CURRENCY", "TradeLine", "TradeTotals", "trade_lines"]

BILL_CURRENCY: Final = "CNY"
"""The protocol's bills are in yuan."""

PAID: Final = "交易"
REFUNDED: Final = "退款"
SETTLED: Final = "结算"
SPLIT: Final = "分账"

R = TypeVar("R", bound=Row)


class TradeLine(NamedTuple):
    """One line; amounts in minor units, negative when they lessen what the merchant has.

    Args:
        amount: of the order or the refund.
        fee: the platform's fee, negative; positive when it came back.
        share: what went to receivers, negative; positive when it came back.
    """

    at_ms: int
    trade: Trade
    kind: str
    amount: int = 0
    fee: int = 0
    share: int = 0
    request_no: str = ""
    remark: str = ""

    @property
    def finished(self) -> str:
        """When it happened, in China time."""
        return china_time(self.at_ms)

    @property
    def net(self) -> int:
        """What the line adds to what the merchant has, held or paid out."""
        return self.amount + self.fee + self.share


class TradeTotals(NamedTuple):
    """The sums of a bill's lines."""

    paid_count: int = 0
    paid: int = 0
    refunded_count: int = 0
    refunded: int = 0
    fee: int = 0
    share: int = 0

    def plus(self, line: TradeLine) -> TradeTotals:
        """With one more line."""
        is_paid, is_refund = line.kind == PAID, line.kind == REFUNDED
        return TradeTotals(
            self.paid_count + is_paid,
            self.paid + (line.amount if is_paid else 0),
            self.refunded_count + is_refund,
            self.refunded + (line.amount if is_refund else 0),
            self.fee + line.fee,
            self.share + line.share,
        )

    @property
    def net(self) -> int:
        """What the period added to what the merchant has."""
        return self.paid + self.refunded + self.fee + self.share


def _each(rows: ReadSession, row: type[R], tail: str, values: tuple[Any, ...]) -> Iterator[R]:
    """Rows one by one, so that a long bill does not lie in memory."""
    table = table_of(row)
    for record in rows.connection.execute(f"{table.select_sql} {tail}", values):
        yield table.decode(record)


_OF_APP: Final = "trade_no IN (SELECT trade_no FROM trade WHERE app_id = ? AND currency = ?)"


def _paid(rows: ReadSession, app_id: str, period: BillPeriod) -> Iterator[TradeLine]:
    tail = (
        "WHERE app_id = ? AND currency = ? AND paid_ms >= ? AND paid_ms < ? "
        "ORDER BY paid_ms, trade_no"
    )
    values = (app_id, BILL_CURRENCY, period.start_ms, period.end_ms)
    for trade in _each(rows, Trade, tail, values):
        yield TradeLine(trade.paid_ms, trade, PAID, trade.amount, remark=trade.body)


def _trade(rows: ReadSession, trade_no: str) -> Trade:
    trade = rows.get(Trade, trade_no)
    assert trade is not None, trade_no
    return trade


def _shared(splits: str, seller_id: str) -> int:
    """What went to others than the seller."""
    return sum(s.amount for s in planned_splits(splits) if s.receiver_id != seller_id)


def _refunded(rows: ReadSession, app_id: str, period: BillPeriod) -> Iterator[TradeLine]:
    tail = (
        f"WHERE refunded_ms >= ? AND refunded_ms < ? AND {_OF_APP} "
        "ORDER BY refunded_ms, trade_no, out_request_no"
    )
    values = (period.start_ms, period.end_ms, app_id, BILL_CURRENCY)
    for row in _each(rows, Refund, tail, values):
        trade = _trade(rows, row.trade_no)
        yield TradeLine(
            row.refunded_ms,
            trade,
            REFUNDED,
            -row.amount,
            row.fee_returned,
            _shared(row.clawbacks, trade.seller_id),
            row.out_request_no,
            row.reason,
        )


def _settled(rows: ReadSession, app_id: str, period: BillPeriod) -> Iterator[TradeLine]:
    tail = (
        f"WHERE settled_ms >= ? AND settled_ms < ? AND {_OF_APP} "
        "ORDER BY settled_ms, trade_no, out_request_no"
    )
    values = (period.start_ms, period.end_ms, app_id, BILL_CURRENCY)
    for row in _each(rows, Settlement, tail, values):
        trade = _trade(rows, row.trade_no)
        kind = SETTLED if row.kind is SettlementKind.SETTLE else SPLIT
        yield TradeLine(
            row.settled_ms,
            trade,
            kind,
            fee=-row.fee,
            share=-_shared(row.splits, trade.seller_id),
            request_no=row.out_request_no,
        )


def trade_lines(rows: ReadSession, app_id: str, period: BillPeriod) -> Iterator[TradeLine]:
    """The lines of a period, in the order of time.

    A payment is a line of the moment it was paid, a refund of the moment it was made; fee and
    shares stand where they arise: with the settlement, or the split that followed.
    """
    return heapq.merge(
        _paid(rows, app_id, period),
        _refunded(rows, app_id, period),
        _settled(rows, app_id, period),
        key=lambda line: line.at_ms,
    )
