"""The watch beside every command: which accounts moved, and whether somebody watches them.

It is a witness of the executor: after each command, in its transaction, it looks at the accounts
whose totals the command changed. What is watched is kept in memory, so that where nothing is, no
command costs more than asking that; and accounts without a monitor cost a look into a set.
"""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.accounting.monitors.decide import measured
from tallystick.accounting.monitors.model import BalanceMonitor, MonitorDone
from tallystick.accounting.monitors.service import CHANGED, record_look, value_now
from tallystick.ledger.model import Account
from tallystick.pipeline.commands import Answer, Registry, Request
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["MonitorWatch"]

Before = dict[int, Account | None]


class MonitorWatch:
    """Which monitors there are, in memory, and what to do when their accounts move."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._of_account: dict[int, list[str]] = {}
        self._of_code: dict[tuple[int, int], list[str]] = {}
        self._stale = True

    def register(self, registry: Registry) -> None:
        """Hear when there are other monitors, also from other processes."""
        self._registry = registry
        registry.follow(CHANGED, self._changed)

    def _changed(self, event: Event) -> None:
        self._forget()

    def _forget(self) -> None:
        self._stale = True

    def _read(self, uow: UnitOfWork) -> None:
        # What is changed from here on makes it stale again.
        self._stale = False
        of_account: dict[int, list[str]] = {}
        of_code: dict[tuple[int, int], list[str]] = {}
        for monitor in uow.select(BalanceMonitor, active=True):
            if monitor.account_id:
                account_id = int.from_bytes(monitor.account_id, "big")
                of_account.setdefault(account_id, []).append(monitor.monitor_id)
            else:
                of_code.setdefault((monitor.book, monitor.code), []).append(monitor.monitor_id)
        self._of_account, self._of_code = of_account, of_code

    def witness(self, uow: UnitOfWork, request: Request, answer: Answer) -> None:
        """Look at the monitors of the accounts that a command moved."""
        if self._stale:
            self._read(uow)
        if isinstance(answer.reply, MonitorDone):
            # The monitor knows what was before it; and if it is undone, it is not there.
            uow.touched_accounts()
            uow.when_undone(self._forget)
            self._read(uow)
            return
        if not self._of_account and not self._of_code:
            return
        events = len(uow.events)
        touched = uow.touched_accounts()
        if touched is None:
            self._look_at_all(uow)
        elif touched:
            self._look(uow, touched)
        if len(uow.events) > events and self._registry is not None:
            self._registry.publish(uow, uow.events[events:])

    def _look_at_all(self, uow: UnitOfWork) -> None:
        """After a bulk call, of which nobody knows the accounts one by one."""
        for monitor in uow.select(BalanceMonitor, active=True):
            record_look(uow, monitor, value_now(uow, monitor))

    def _look(self, uow: UnitOfWork, touched: Before) -> None:
        of_account = self._of_account
        for account_id in touched:
            for monitor in _active(uow, of_account.get(account_id, ())):
                record_look(uow, monitor, value_now(uow, monitor))
        if self._of_code:
            self._look_at_codes(uow, touched)

    def _look_at_codes(self, uow: UnitOfWork, touched: Before) -> None:
        moved: dict[tuple[int, int], list[tuple[Account | None, Account]]] = {}
        for account_id, before in touched.items():
            after = uow.books.account(account_id)
            if after is not None and (after.book, after.code) in self._of_code:
                moved.setdefault((after.book, after.code), []).append((before, after))
        for place, pairs in moved.items():
            for monitor in _active(uow, self._of_code[place]):
                change = sum(
                    measured(after, monitor.measure)
                    - (0 if before is None else measured(before, monitor.measure))
                    for before, after in pairs
                )
                record_look(uow, monitor, int(monitor.value) + change)


def _active(uow: UnitOfWork, monitor_ids: Iterable[str]) -> Iterable[BalanceMonitor]:
    for monitor_id in monitor_ids:
        monitor = uow.get(BalanceMonitor, monitor_id)
        if monitor is not None and monitor.active:
            yield monitor
