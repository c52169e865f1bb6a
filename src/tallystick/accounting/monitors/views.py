"""What can be seen of monitors: one with the changes of its side."""

from __future__ import annotations

import msgspec

from tallystick.accounting.monitors.decide import measured
from tallystick.accounting.monitors.model import BalanceMonitor, MonitorChange
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["MonitorStory", "monitor_story", "value_of"]

_CHANGES_SHOWN = 100


class MonitorStory(msgspec.Struct, frozen=True):
    """A monitor, the value now, and when it was crossed or cleared, newest first."""

    monitor: BalanceMonitor
    value: int
    changes: list[MonitorChange]


def value_of(ledger: SqlLedgerReader, monitor: BalanceMonitor) -> int:
    """What is committed of the value that a monitor watches."""
    if not monitor.account_id:
        return int(monitor.value)
    found = ledger.accounts([int.from_bytes(monitor.account_id, "big")])
    return measured(found[0], monitor.measure)


def monitor_story(rows: ReadSession, monitor_id: str) -> MonitorStory | None:
    """One monitor, or None."""
    monitor = rows.get(BalanceMonitor, monitor_id)
    if monitor is None:
        return None
    tail = "WHERE monitor_id = ? ORDER BY change_no DESC LIMIT ?"
    changes = rows.query(MonitorChange, tail, (monitor_id, _CHANGES_SHOWN))
    return MonitorStory(monitor, value_of(SqlLedgerReader(rows.connection), monitor), changes)
