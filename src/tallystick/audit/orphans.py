"""Timers about something that is not there."""

from __future__ import annotations

from typing import Final

from tallystick.partners.model import Notification
from tallystick.payments.holds.model import FundHold
from tallystick.payments.trades.model import Trade
from tallystick.pipeline.commands import Command
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row

__all__ = ["is_orphan"]

_SUBJECTS: Final[dict[str, type[Row]]] = {
    "trade_no": Trade, "hold_id": FundHold, "notify_id": Notification,
}  # fmt: skip


def is_orphan(rows: ReadSession, command: Command) -> bool:
    """Whether a timer's command is about something that is not there."""
    for field, row in _SUBJECTS.items():
        value = getattr(command, field, None)
        if value and rows.get(row, value) is None:
            return True
    return False
