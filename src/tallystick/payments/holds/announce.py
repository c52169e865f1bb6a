"""What partners are told of a hold: the events' payloads, in the protocol's field names."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.payments.holds.model import FundHold, HoldOperation
from tallystick.pipeline.decisions import event
from tallystick.store.unit_of_work import Event

__all__ = ["HoldTotals", "hold_happened"]

_NOTIFY_TYPES: Final = {
    "frozen": "fund_auth_freeze",
    "unfrozen": "fund_auth_unfreeze",
    "expired": "fund_auth_unfreeze",
    "captured": "",
}
"""A captured part is told of with its trade."""


class HoldTotals(NamedTuple):
    """A hold's sums after an operation, in minor units; `rest` is still frozen."""

    rest: int
    frozen: int
    unfrozen: int
    paid: int


def _fields(hold: FundHold, operation: HoldOperation, totals: HoldTotals) -> dict[str, str]:
    def money(amount: int) -> str:
        return format_amount(amount, hold.currency)

    return {
        "app_id": hold.app_id,
        "auth_no": hold.hold_id,
        "out_order_no": hold.out_order_no,
        "operation_id": operation.operation_id,
        "out_request_no": operation.out_request_no,
        "operation_type": operation.kind.value,
        "amount": money(operation.amount),
        "status": "SUCCESS",
        "gmt_create": china_time(hold.created_ms),
        "gmt_trans": china_time(operation.at_ms),
        "payer_user_id": hold.payer_id,
        "payee_user_id": hold.payee_id,
        "total_freeze_amount": money(totals.frozen),
        "total_unfreeze_amount": money(totals.unfrozen),
        "total_pay_amount": money(totals.paid),
        "rest_amount": money(totals.rest),
    }


def hold_happened(what: str, hold: FundHold, operation: HoldOperation, totals: HoldTotals) -> Event:
    """The event `hold.<what>`; with the notification's form when the partner is told of it."""
    notify_type = _NOTIFY_TYPES[what]
    told = bool(hold.notify_url and notify_type)
    return event(
        f"hold.{what}",
        hold.hold_id,
        {
            "app_id": hold.app_id,
            "out_order_no": hold.out_order_no,
            "operation_id": operation.operation_id,
            "status": hold.status,
            "amount": operation.amount,
            "frozen": totals.rest,
            "currency": hold.currency,
            "notify_url": hold.notify_url if told else "",
            "notify_type": notify_type,
            "fields": _fields(hold, operation, totals) if told else {},
        },
    )
