"""Holds: a payer's money frozen under an authorisation, unfrozen or captured in parts."""

from __future__ import annotations

from enum import StrEnum

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "ExpireHold", "FreezeFunds", "FundHold", "HoldDone", "HoldOperation", "HoldOperationKind",
    "HoldStatus", "UnfreezeFunds",
]  # fmt: skip


class HoldStatus(StrEnum):
    """Whether money is frozen."""

    AUTHORIZED = "authorized"
    FINISHED = "finished"
    CLOSED = "closed"


class HoldOperationKind(StrEnum):
    """What was done to a hold."""

    FREEZE = "FREEZE"
    UNFREEZE = "UNFREEZE"
    PAY = "PAY"


class FundHold(Row, frozen=True):
    """An authorisation. What is still frozen is the pending transfer's amount, no column."""

    hold_id: str
    app_id: str
    out_order_no: str
    payer_id: str
    payee_id: str
    currency: str
    amount: int
    status: HoldStatus
    pending_transfer_id: bytes
    title: str
    notify_url: str
    created_ms: int
    expires_ms: int


class HoldOperation(Row, frozen=True):
    """One freeze, unfreeze or payment of a hold."""

    hold_id: str
    out_request_no: str
    operation_id: str
    kind: HoldOperationKind
    amount: int
    remark: str
    at_ms: int


HOLDS = Table("fund_hold", FundHold, ("hold_id",), unique=(("app_id", "out_order_no"),))
HOLD_OPERATIONS = Table("hold_operation", HoldOperation, ("hold_id", "out_request_no"))


class FreezeFunds(Command, frozen=True, kw_only=True, tag="hold.freeze"):
    """Freeze a buyer's money for an app's merchant (by the buyer's code, or as the buyer)."""

    app_id: str
    out_order_no: str
    out_request_no: str
    amount: int
    title: str
    currency: str = "CNY"
    payee_id: str = ""
    payer_id: str = ""
    payment_code_index: bytes = b""
    notify_url: str = ""
    expires_within_ms: int = 0
    """0: does not expire by itself."""


class UnfreezeFunds(Command, frozen=True, kw_only=True, tag="hold.unfreeze"):
    """Give a part of the frozen money free; the last part ends the authorisation."""

    app_id: str
    hold_id: str
    out_request_no: str
    amount: int
    remark: str = ""


class ExpireHold(Command, frozen=True, kw_only=True, tag="hold.expire"):
    """The authorisation's time is over (asked for by a timer): give the rest free."""

    hold_id: str


class HoldDone(Reply, frozen=True, kw_only=True):
    """The hold after the command. Amounts in minor units."""

    hold_id: str
    out_order_no: str
    operation_id: str
    out_request_no: str
    payer_id: str
    payee_id: str
    currency: str
    amount: int
    """Of this operation."""
    frozen: int
    """Still frozen."""
    status: HoldStatus
    at_ms: int
