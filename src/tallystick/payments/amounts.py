"""Which amounts can be moved."""

from __future__ import annotations

from tallystick.ledger.model import AMOUNT_MAX
from tallystick.pipeline.refusals import Refused

__all__ = ["require_amount"]


def require_amount(amount: int) -> None:
    """Pass for an amount in minor units that can be moved.

    Raises:
        Refused: INVALID_AMOUNT.
    """
    if not 0 < amount <= AMOUNT_MAX:
        raise Refused("INVALID_AMOUNT", "The amount must be greater than nothing.")
