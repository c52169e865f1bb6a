"""Texts of every page: the frame, trades and their states, money's movements."""

from __future__ import annotations

from typing import Final

__all__ = ["EVERY_PAGE"]

EVERY_PAGE: Final[dict[str, tuple[str, str]]] = {
    "page.skip": ("Skip to the content", "跳到正文"),
    "page.language": ("Language", "语言"),
    "page.times": ("Times are China time (UTC+8).", "时间均为北京时间（UTC+8）。"),
    "page.code": ("Code", "代码"),
    "page.back": ("Back", "返回"),
    "page.newest": ("Newest", "最新"),
    "page.older": ("Older", "更早"),
    "page.pages": ("Pages", "翻页"),
    "chart.nothing": ("There is nothing to draw yet.", "暂无可绘制的数据。"),
    "table.time": ("Time", "时间"),
    # Trades.
    "trade.number": ("Trade no.", "交易号"),
    "trade.out_number": ("Order no. of the shop", "商户订单号"),
    "trade.subject": ("Subject", "商品"),
    "trade.status": ("Status", "状态"),
    "trade.amount": ("Amount", "金额"),
    "trade.created": ("Created", "创建时间"),
    "trade.paid_at": ("Paid", "付款时间"),
    "trade.shipped_at": ("Shipped", "发货时间"),
    "trade.shipment": ("Shipment", "物流"),
    "trade.confirm_by": ("Confirms itself on", "自动确认收货时间"),
    "trade.disputed_at": ("Disputed", "争议时间"),
    "trade.dispute": ("Dispute", "争议原因"),
    "trade.settled_at": ("Paid to the seller", "结算时间"),
    "trade.closed_at": ("Closed", "关闭时间"),
    "trade.refunded": ("Refunded", "已退款"),
    "trade.status.wait_buyer_pay": ("Waits for payment", "待付款"),
    "trade.status.held": ("Paid, money held", "已付款，资金托管中"),
    "trade.status.shipped": ("Shipped", "已发货"),
    "trade.status.disputed": ("In dispute", "争议中"),
    "trade.status.settled": ("Paid to the seller", "已结算"),
    "trade.status.finished": ("Finished", "已完结"),
    "trade.status.closed": ("Closed", "已关闭"),
    "settlement.escrow": ("Escrow: held until receipt is confirmed", "担保交易：确认收货后结算"),
    "settlement.instant": ("Instant: paid to the seller at once", "即时到账"),
    "settlement_kind.settle": ("Settlement", "结算"),
    "settlement_kind.split": ("Split", "分账"),
    # What became of held money; why money moved is in `payments.movement_names`.
    "movement.pending": ("held", "冻结"),
    "movement.post_pending": ("posted", "转为支付"),
    "movement.void_pending": ("released", "解冻"),
}
