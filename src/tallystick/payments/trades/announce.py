"""What partners are told of a trade: the events' payloads, in the protocol's field names."""

from __future__ import annotations

from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.payments.trades.model import Trade
from tallystick.payments.trades.transitions import PROTOCOL_STATUS
from tallystick.pipeline.decisions import event
from tallystick.store.unit_of_work import Event

__all__ = ["trade_happened"]

_NOTIFIED = frozenset({"paid", "closed", "refunded", "finished"})


def _fields(trade: Trade, refunded_total: int, out_biz_no: str, refunded_ms: int) -> dict[str, str]:
    total = format_amount(trade.amount, trade.currency)
    fields = {
        "app_id": trade.app_id,
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "trade_status": PROTOCOL_STATUS[trade.status],
        "subject": trade.subject,
        "body": trade.body,
        "buyer_id": trade.buyer_id,
        "seller_id": trade.seller_id,
        "total_amount": total,
        "receipt_amount": total,
        "buyer_pay_amount": total,
        "invoice_amount": total,
        "passback_params": trade.passback_params,
        "gmt_create": china_time(trade.created_ms),
        "gmt_payment": china_time(trade.paid_ms),
        "gmt_close": china_time(trade.closed_ms),
    }
    if refunded_total:
        fields["refund_fee"] = format_amount(refunded_total, trade.currency)
        fields["gmt_refund"] = china_time(refunded_ms)
        fields["out_biz_no"] = out_biz_no
    return {name: value for name, value in fields.items() if value}


def trade_happened(
    what: str, trade: Trade, *, refunded_total: int = 0, refund: int = 0, out_biz_no: str = "",
    refunded_ms: int = 0,
) -> Event:  # fmt: skip
    """The event `trade.<what>`; with the notification's form when the partner is told of it.

    Partners are told when a trade is paid, refunded, closed or finished.

    Args:
        refund: minor units that went back to the buyer with this event.
    """
    told = bool(trade.notify_url) and what in _NOTIFIED
    return event(
        f"trade.{what}",
        trade.trade_no,
        {
            "app_id": trade.app_id,
            "out_trade_no": trade.out_trade_no,
            "status": trade.status.value,
            "buyer_id": trade.buyer_id,
            "seller_id": trade.seller_id,
            "amount": trade.amount,
            "refund": refund,
            "currency": trade.currency,
            "notify_url": trade.notify_url if told else "",
            "notify_type": "trade_status_sync",
            "fields": _fields(trade, refunded_total, out_biz_no, refunded_ms) if told else {},
        },
    )
