"""The timers of raw holds: each that times out has one, until it is settled."""

from __future__ import annotations

from tallystick.accounting.model import ExpirePending
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer, expires_at_ms
from tallystick.pipeline.timers import set_timer
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["cancel_expiry", "expiry_timer_id", "set_expiry"]


def expiry_timer_id(transfer_id: int) -> str:
    """The name of the timer that lets a hold go."""
    return f"ledger.expire:{transfer_id:032x}"


def set_expiry(uow: UnitOfWork, hold: Transfer) -> None:
    """Have a created hold let go when its time is over."""
    due_ms = expires_at_ms(hold)
    assert due_ms is not None, hold.id
    set_timer(uow, expiry_timer_id(hold.id), due_ms, ExpirePending(transfer_id=id_bytes(hold.id)))


def cancel_expiry(uow: UnitOfWork, hold: Transfer) -> None:
    """Forget the timer of a hold that was settled."""
    if hold.timeout:
        uow.cancel_timer(expiry_timer_id(hold.id))
