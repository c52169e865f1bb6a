"""When a monitor fires, and when it is quiet again: pure functions."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.accounting.monitors.model import (
    BalanceMonitor,
    CreateMonitor,
    Direction,
    Measure,
    MonitorChange,
    MonitorDone,
)
from tallystick.accounting.sweeps.model import RunSweep
from tallystick.ledger.model import AMOUNT_MAX, Account
from tallystick.ledger.statements import available_of, balance_of
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused

__all__ = ["create", "done", "is_fired", "look", "measured"]

_NAME_MAX = 100


def measured(account: Account, measure: Measure) -> int:
    """What a monitor watches of an account."""
    return balance_of(account) if measure is Measure.BALANCE else available_of(account)


def is_fired(monitor: BalanceMonitor, value: int) -> bool:
    """Whether the value is beyond the threshold, or has been and is not back far enough."""
    below = monitor.direction is Direction.BELOW
    beyond = monitor.threshold - value if below else value - monitor.threshold
    return beyond > -monitor.hysteresis if monitor.fired else beyond > 0


def done(monitor: BalanceMonitor) -> MonitorDone:
    """The monitor as an answer tells it."""
    return MonitorDone(
        monitor_id=monitor.monitor_id, fired=monitor.fired, value=monitor.value,
        active=monitor.active,
    )  # fmt: skip


def create(
    command: CreateMonitor, monitor_id: str, value: int, book: int, by: str, now_ms: int
) -> BalanceMonitor:
    """The monitor to keep; it tells nothing of where the value is when it begins.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    c = command
    if not 1 <= len(c.name) <= _NAME_MAX:
        raise Refused("INVALID_PARAMETER", "A monitor has a name.")
    if abs(c.threshold) > AMOUNT_MAX or not 0 <= c.hysteresis <= AMOUNT_MAX:
        raise Refused("INVALID_PARAMETER", "Threshold and hysteresis are minor units.")
    row = BalanceMonitor(
        monitor_id, c.name, c.account_id, book, c.code, c.measure, c.direction, c.threshold,
        c.hysteresis, c.sweep_id, False, str(value), 0, True, by, now_ms,
    )  # fmt: skip
    return replace(row, fired=is_fired(row, value))


def look(monitor: BalanceMonitor, value: int, now_ms: int) -> Decision | None:
    """What is to be recorded now that the value is this; None for nothing.

    An event is made when the threshold is crossed, and when the value has come back; not for
    changes on the same side.
    """
    fired = is_fired(monitor, value)
    if fired is monitor.fired:
        if monitor.account_id or str(value) == monitor.value:
            return None
        return Decision(done(monitor), rows=(replace(monitor, value=str(value)),))
    after = replace(monitor, fired=fired, value=str(value), changes=monitor.changes + 1)
    change = MonitorChange(monitor.monitor_id, after.changes, fired, str(value), now_ms)
    told = {
        "monitor_id": monitor.monitor_id, "name": monitor.name,
        "account_id": str(int.from_bytes(monitor.account_id, "big")) if monitor.account_id else "",
        "ledger": str(monitor.book), "code": str(monitor.code), "measure": monitor.measure.value,
        "direction": monitor.direction.value, "threshold": str(monitor.threshold),
        "value": str(value),
    }  # fmt: skip
    topic = "monitor.crossed" if fired else "monitor.cleared"
    timers: tuple[Timer, ...] = ()
    if fired and monitor.sweep_id:
        command = RunSweep(sweep_id=monitor.sweep_id, reason=f"monitor:{monitor.monitor_id}")
        timers = (Timer(f"ledger.monitor.sweep:{monitor.monitor_id}", now_ms, command),)
    happened = event(topic, monitor.monitor_id, told)
    return Decision(done(after), rows=(after, change), timers=timers, events=(happened,))
