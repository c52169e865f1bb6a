"""The address from which a bill is downloaded: signed, and good for half a minute."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from tallystick.payments.bills.period import bill_period
from tallystick.pipeline.refusals import Refused
from tallystick.store.sealing import Sealer

__all__ = ["BILL_PATH", "BILL_TYPES", "BillOrder", "bill_link", "verify_link"]

BILL_PATH: Final = "/bills/download"
BILL_TYPES: Final = ("trade", "signcustomer")
"""Trades and refunds of the app; every movement of its merchant's wallet."""

_GOOD_FOR_MS: Final = 30_000
_PURPOSE: Final = "bill.link"
_SIGNED: Final = ("app_id", "bill_type", "bill_date", "expires_ms")


class BillOrder(NamedTuple):
    """What a verified link is for."""

    app_id: str
    bill_type: str
    bill_date: str


def _signature(sealer: Sealer, fields: Mapping[str, str]) -> str:
    text = "\n".join(fields[name] for name in _SIGNED)
    return sealer.index(_PURPOSE, text).hex()


def bill_link(sealer: Sealer, app_id: str, bill_type: str, bill_date: str, now_ms: int) -> str:
    """The path and query of a download, to be put behind the platform's address.

    The running day or month can be had too; it shows what has happened so far.

    Raises:
        Refused: INVALID_PARAMETER for another type or a date that is none, BILL_NOT_READY for
            a period that has not begun.
    """
    if bill_type not in BILL_TYPES:
        raise Refused("INVALID_PARAMETER", "bill_type is trade or signcustomer.")
    if bill_period(bill_date).start_ms > now_ms:
        raise Refused("BILL_NOT_READY")
    fields = {
        "app_id": app_id,
        "bill_type": bill_type,
        "bill_date": bill_date,
        "expires_ms": str(now_ms + _GOOD_FOR_MS),
        "fileType": "csv.zip",
    }
    return f"{BILL_PATH}?{urlencode({**fields, 'sign': _signature(sealer, fields)})}"


def verify_link(sealer: Sealer, query: Mapping[str, str], now_ms: int) -> BillOrder:
    """What the query of a download asks for.

    Raises:
        Refused: NOT_PERMITTED when the link was not made here, was changed, or is over.
    """
    given = query.get("sign", "")
    if any(name not in query for name in _SIGNED) or not given.isascii():
        raise Refused("NOT_PERMITTED", "This is not a link to a bill.")
    if not hmac.compare_digest(_signature(sealer, query), given):
        raise Refused("NOT_PERMITTED", "This is not a link to a bill.")
    if now_ms >= int(query["expires_ms"]):
        raise Refused("NOT_PERMITTED", "This link is over; ask for the bill again.")
    return BillOrder(query["app_id"], query["bill_type"], query["bill_date"])
