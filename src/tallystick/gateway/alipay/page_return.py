"""The way back from the cashier to the shop (`return_url`) after a page pay."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.partners.notify_form import form_body, signed_fields
from tallystick.payments.trades.model import Trade
from tallystick.platform import Platform

__all__ = ["build_return_url", "return_location"]


def build_return_url(platform: Platform, trade: Trade) -> str:
    """Where the cashier sends a buyer who has paid: the order's `return_url`, signed.

    The parameters tell the shop which order was paid; its own server should still ask with
    `alipay.trade.query` or wait for the notification, because a buyer may never come back.

    Returns:
        The address, or empty text when the order names none or its app has no signing key.
    """
    keys = platform.keyring.app(trade.app_id)
    if not trade.return_url or keys is None:
        return ""
    fields = {
        "method": "alipay.trade.page.pay.return",
        "app_id": trade.app_id,
        "auth_app_id": trade.app_id,
        "out_trade_no": trade.out_trade_no,
        "trade_no": trade.trade_no,
        "total_amount": format_amount(trade.amount, trade.currency),
        "seller_id": trade.seller_id,
        "version": "1.0",
        "timestamp": china_time(platform.clock_ms()),
    }
    return return_location(trade.return_url, signed_fields(fields, keys.signing_key))


def return_location(return_url: str, fields: Mapping[str, str]) -> str:
    """Where a buyer is sent back to: the shop's address with the signed fields in its query."""
    address, mark, fragment = return_url.partition("#")
    joiner = "&" if "?" in address else "?"
    return f"{address}{joiner}{form_body(fields).decode()}{mark}{fragment}"
