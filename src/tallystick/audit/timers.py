"""Timers: each can be read, is about something that is there, and what has a deadline has one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from tallystick.accounting.holds import expiry_timer_id
from tallystick.accounting.model import ExpirePending
from tallystick.audit.findings import Findings
from tallystick.audit.orphans import is_orphan
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.ledger.encoding import ENTRY_BYTES, entry_from
from tallystick.ledger.model import PendingState, expires_at_ms
from tallystick.ledger.records import TRANSFERS, Records
from tallystick.payments.holds.model import FundHold, HoldStatus
from tallystick.payments.trades.model import Trade, TradeStatus
from tallystick.pipeline.commands import Registry
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["HoldTimeouts", "audit_timers", "deadlines"]

_LATE_MS: Final = 3_600_000
"""A timer that failed by the platform's own fault waits; never so long."""


class HoldTimeouts:
    """The holds that time out, in books that are not the platform's, gathered batch by batch."""

    def __init__(self) -> None:
        self._due: dict[int, tuple[bytes, int]] = {}

    def take(self, first_entry: int, records: bytes) -> None:
        """The next batch of the journal."""
        whole = len(records) // ENTRY_BYTES * ENTRY_BYTES
        found: Records = np.frombuffer(records[:whole], TRANSFERS)
        timed = (found["timeout"] > 0) & (found["book"] < PLATFORM_BOOK_MIN)
        for i in np.flatnonzero(timed).tolist():
            hold = entry_from(found[i].tobytes())
            self._due[first_entry + i] = found["id"][i].tobytes(), expires_at_ms(hold) or 0

    def waiting(self, states: Sequence[int]) -> dict[bytes, int]:
        """The ids of those that are pending still, with the time at which each expires."""
        return {i: due for at, (i, due) in self._due.items() if states[at] == PendingState.PENDING}


def deadlines(rows: ReadSession) -> Iterator[tuple[str, int]]:
    """The timers of open trades and holds: their names, and when they are due."""
    for trade in rows.query(
        Trade, "WHERE status IN (?, ?)",
        (TradeStatus.WAIT_BUYER_PAY.value, TradeStatus.SHIPPED.value),
    ):  # fmt: skip
        if trade.status is TradeStatus.SHIPPED:
            yield f"trade.confirm:{trade.trade_no}", trade.confirm_by_ms
        else:
            yield f"trade.close:{trade.trade_no}", trade.pay_by_ms
    for hold in rows.query(FundHold, "WHERE status = ?", (HoldStatus.AUTHORIZED.value,)):
        if hold.expires_ms:
            yield f"hold.expire:{hold.hold_id}", hold.expires_ms


def audit_timers(
    connection: Connection,
    registry: Registry,
    waiting: Mapping[bytes, int] | None,
    findings: Findings,
    now_ms: int = 0,
) -> None:
    """Every timer holds a command that is known, about something that is there, at its time.

    Args:
        waiting: the holds that must have a timer, with the time of it; None when not known.
        now_ms: what lies before it may have been tried already; 0: the clock's time.
    """
    now_ms = now_ms or time.time_ns() // 1_000_000
    rows = ReadSession(connection)
    wanted = {expiry_timer_id(int.from_bytes(i, "big")): due for i, due in (waiting or {}).items()}
    wanted |= {name: due for name, due in deadlines(rows) if due > now_ms}
    for timer_id, due_ms, data in connection.execute(
        "SELECT timer_id, due_ms, command FROM timer"
    ).fetchall():
        where, due = f"timer {timer_id}", wanted.pop(timer_id, None)
        try:
            command = registry.decode(bytes(data))
        except (msgspec.MsgspecError, TypeError):
            findings.add("timer_unreadable", where)
            continue
        if isinstance(command, ExpirePending):
            known = waiting is None or command.transfer_id in waiting
            named = timer_id == expiry_timer_id(int.from_bytes(command.transfer_id, "big"))
            if not (known and named):
                findings.add("timer_orphan", where)
        elif is_orphan(rows, command):
            findings.add("timer_orphan", where)
        if due is not None and due_ms != due and not due < due_ms < now_ms + _LATE_MS:
            findings.add("timer_wrong", where, f"It is due at {due_ms} instead of {due}.")
    for name in sorted(wanted):
        findings.add("timer_missing", f"timer {name}")
