"""Small readings that several pages share: cursors in addresses, shipments, banks."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tallystick.decoding import decode_json
from tallystick.payments.trades.model import Trade

__all__ = ["cursor_text", "pair_cursor", "shipment_text"]

_CURSOR: Final = re.compile(r"([0-9]{1,16})\.([0-9A-Za-z_-]{1,64})")


def cursor_text(cursor: tuple[int, str] | None) -> str:
    """A list's cursor (time, key) for an address; empty for none."""
    return f"{cursor[0]}.{cursor[1]}" if cursor else ""


def pair_cursor(text: str) -> tuple[int, str] | None:
    """The cursor in an address; None when there is none or it is not one."""
    match = _CURSOR.fullmatch(text)
    return (int(match[1]), match[2]) if match else None


def shipment_text(trade: Trade) -> str:
    """Carrier and tracking number of a shipped trade; empty when none were given."""
    if not trade.shipment:
        return ""
    try:
        fields = decode_json(trade.shipment)
    except msgspec.DecodeError:
        return trade.shipment
    if not isinstance(fields, dict):
        return trade.shipment
    return " ".join(str(value) for value in fields.values() if value)
