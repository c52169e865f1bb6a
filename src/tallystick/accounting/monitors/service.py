"""Monitors' commands: make one, end one, look at what may have been missed."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.accounting.decide import ID_BYTES
from tallystick.accounting.monitors import decide
from tallystick.accounting.monitors.model import (
    BalanceMonitor,
    CreateMonitor,
    EndMonitor,
    LookAtMonitors,
    Looked,
    Measure,
    MonitorDone,
)
from tallystick.accounting.posting import who
from tallystick.accounting.sweeps.service import known_sweep
from tallystick.ledger.model import Account
from tallystick.pipeline.commands import SYSTEM, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, Timer, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["ALL_MONITORS", "CHANGED", "record_look", "register", "value_now"]

CHANGED = "monitor.changed"
"""The topic under which processes hear that there are other monitors now."""

ALL_MONITORS = "ledger.monitors"
"""The timer that has every monitor looked at."""

_LOOK_AFTER_MS = 5000
_TOTALS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
_HALF = 2**32


def _sum_of_code(uow: UnitOfWork, book: int, code: int, measure: Measure) -> int:
    """What the accounts of a code have together, as the batch sees it."""
    halves = ", ".join(
        f"COALESCE(SUM({t} / {_HALF}), 0), COALESCE(SUM({t} % {_HALF}), 0)" for t in _TOTALS
    )
    sql = f"SELECT {halves} FROM ledger_account WHERE book = ? AND code = ?"  # noqa: S608
    parts = uow.connection.execute(sql, (book, code)).fetchone()
    sums = [h * _HALF + low for h, low in zip(parts[::2], parts[1::2], strict=True)]
    whole = Account(1, book, code, 0, 0, 0, 0, *sums)
    value = decide.measured(whole, measure)
    changes = uow.books.changes()
    now = [
        a for a in (*changes.new_accounts, *changes.changed_accounts)
        if (a.book, a.code) == (book, code)
    ]  # fmt: skip
    value += sum(decide.measured(a, measure) for a in now)
    written = SqlLedgerReader(uow.connection).accounts([a.id for a in now])
    return value - sum(decide.measured(a, measure) for a in written)


def value_now(uow: UnitOfWork, monitor: BalanceMonitor) -> int:
    """The value that a monitor watches, as the batch sees it."""
    if not monitor.account_id:
        return _sum_of_code(uow, monitor.book, monitor.code, monitor.measure)
    account = uow.books.account(int.from_bytes(monitor.account_id, "big"))
    assert account is not None, monitor.monitor_id
    return decide.measured(account, monitor.measure)


def record_look(uow: UnitOfWork, monitor: BalanceMonitor, value: int) -> int:
    """Record what a look at a monitor found; gives how many events it made."""
    decision = decide.look(monitor, value, uow.now_ms)
    if decision is None:
        return 0
    context = Context(uow, SYSTEM, b"", uow.now_ms)
    record(context, decision)
    return len(decision.events)


def create_monitor(command: CreateMonitor, context: Context) -> Reply:
    """Watch a balance. Books of the platform can be watched, too."""
    uow, book = context.uow, command.book
    if command.sweep_id:
        known_sweep(uow, command.sweep_id)
    if command.account_id:
        found = None
        if len(command.account_id) == ID_BYTES:
            found = uow.books.account(int.from_bytes(command.account_id, "big"))
        if found is None:
            raise Refused("ACCOUNT_NOT_EXIST")
        book, value = found.book, decide.measured(found, command.measure)
        command = replace(command, code=found.code)
    elif not (0 < book < 2**32 and 0 < command.code < 2**16):
        raise Refused("INVALID_PARAMETER", "An account, or a book and a code.")
    else:
        value = _sum_of_code(uow, book, command.code, command.measure)
    monitor_id = dated_number(context.now_ms, context.request_key, "monitor")
    row = decide.create(command, monitor_id, value, book, who(context), context.now_ms)
    # Another process may not have heard of it before it posts; a second look finds that.
    again = Timer(
        f"ledger.monitor:{monitor_id}", context.now_ms + _LOOK_AFTER_MS,
        LookAtMonitors(monitor_id=monitor_id),
    )  # fmt: skip
    told = event(CHANGED, monitor_id, {"monitor_id": monitor_id, "active": True})
    return record(context, Decision(decide.done(row), (row,), timers=(again,), events=(told,)))


def end_monitor(command: EndMonitor, context: Context) -> Reply:
    """Watch no more."""
    row = context.uow.get(BalanceMonitor, command.monitor_id)
    if row is None or not row.active:
        raise Refused("MONITOR_NOT_EXIST")
    row = replace(row, active=False)
    told = event(CHANGED, row.monitor_id, {"monitor_id": row.monitor_id, "active": False})
    return record(context, Decision(decide.done(row), (row,), events=(told,)))


def look_at_monitors(command: LookAtMonitors, context: Context) -> Reply:
    """Look at one monitor or at all."""
    uow = context.uow
    found = [
        m for m in uow.select(BalanceMonitor, active=True)
        if command.monitor_id in ("", m.monitor_id)
    ]  # fmt: skip
    for monitor in found:
        record_look(uow, monitor, value_now(uow, monitor))
    return Looked(monitors=len(found))


def register(registry: Registry) -> None:
    """Declare the commands of monitors."""
    write = "ledger:write"
    registry.add(CreateMonitor, create_monitor, reply=MonitorDone, scope=write)
    registry.add(EndMonitor, end_monitor, reply=MonitorDone, scope=write)
    registry.add(LookAtMonitors, look_at_monitors, reply=Looked, scope="system")
