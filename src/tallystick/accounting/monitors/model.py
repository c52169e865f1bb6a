"""Monitors: rows and commands. Amounts are minor units on the accounts' normal side."""

from __future__ import annotations

from enum import StrEnum

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "BalanceMonitor", "CreateMonitor", "Direction", "EndMonitor", "LookAtMonitors", "Looked",
    "Measure", "MonitorChange", "MonitorDone",
]  # fmt: skip


class Measure(StrEnum):
    """What is watched."""

    BALANCE = "balance"
    AVAILABLE = "available"
    """The balance less what holds have taken."""


class Direction(StrEnum):
    """On which side of the threshold something is to be told."""

    ABOVE = "above"
    BELOW = "below"


class BalanceMonitor(Row, frozen=True):
    """A threshold on an account, or on all accounts of a code in a book together.

    `account_id` is empty for the latter, and `value` then what the accounts had when it was last
    looked at, as text, since a sum may not fit 64 bits. It is `fired` beyond the threshold, until
    the value has come back by `hysteresis`.
    """

    monitor_id: str
    name: str
    account_id: bytes
    book: int
    code: int
    measure: Measure
    direction: Direction
    threshold: int
    hysteresis: int
    sweep_id: str
    fired: bool
    value: str
    changes: int
    active: bool
    created_by: str
    created_ms: int


class MonitorChange(Row, frozen=True):
    """The threshold was crossed, or the value came back."""

    monitor_id: str
    change_no: int
    fired: bool
    value: str
    at_ms: int


MONITORS = Table("balance_monitor", BalanceMonitor, ("monitor_id",))
CHANGES = Table("monitor_change", MonitorChange, ("monitor_id", "change_no"))


class CreateMonitor(Command, frozen=True, kw_only=True, tag="monitor.create"):
    """Watch an account, or all of a code in a book; when it fires, perhaps run a sweep."""

    name: str
    account_id: bytes = b""
    book: int = 0
    code: int = 0
    measure: Measure = Measure.BALANCE
    direction: Direction
    threshold: int
    hysteresis: int = 0
    sweep_id: str = ""


class EndMonitor(Command, frozen=True, kw_only=True, tag="monitor.end"):
    """Watch no more."""

    monitor_id: str


class LookAtMonitors(Command, frozen=True, kw_only=True, tag="monitor.look"):
    """Look at one monitor, or at all (asked for by a timer)."""

    monitor_id: str = ""


class MonitorDone(Reply, frozen=True, kw_only=True):
    """The monitor after a command."""

    monitor_id: str
    fired: bool
    value: str
    active: bool


class Looked(Reply, frozen=True, kw_only=True):
    """How many were looked at."""

    monitors: int
