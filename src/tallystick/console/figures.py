"""The overview's figures: read in a worker thread, kept for a moment, cheap however often asked.

Payments are added up from the ledger's entries, which never change: each reading takes only what
is newer than the last. Totals over all accounts are read again at most so often that they take a
twentieth of one core.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from tallystick.accounting.views import stored_trial_balances
from tallystick.console.display import DAY_MS, china_day_start_ms
from tallystick.ledger.chart import TRADE_ESCROW
from tallystick.ledger.journal import JournalBatch
from tallystick.ledger.model import TransferFlags
from tallystick.partners.model import NotificationStatus
from tallystick.payments.accounts import platform_book
from tallystick.payments.movements import Movement
from tallystick.payments.trades.model import TradeStatus
from tallystick.platform import Platform
from tallystick.store.journal_rows import bulk_batches
from tallystick.store.rows import ReadSession

__all__ = ["CURRENCY", "Figures", "FiguresReader", "Paid"]

CURRENCY: Final = "CNY"
"""The currency that the overview and the wallet count in."""

HOURS: Final = 24
DAYS: Final = 14
_HOUR_MS: Final = 3_600_000
_NS_PER_MS: Final = 1_000_000
_FRESH_S: Final = 1.0
_TOTALS_FRESH_S: Final = 5.0
_COST_FACTOR: Final = 20
_PAYMENTS: Final = (int(Movement.TRADE_PAY), int(Movement.HOLD_CAPTURE))
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class Paid(NamedTuple):
    """What was paid in a span that begins at `start_ms`; `amount` in minor units."""

    start_ms: int
    amount: int
    payments: int


class Totals(NamedTuple):
    """What is counted over all accounts and trades, at a moment."""

    at_ms: int
    balanced: bool
    held: int
    by_status: dict[str, int]


class Figures(NamedTuple):
    """Everything that the overview shows; lags in milliseconds, amounts in `CURRENCY`."""

    totals: Totals
    today: Paid
    trades_today: int
    hours: list[Paid]
    days: list[Paid]
    queue: int
    timer_lag_ms: int
    notifications_due: int
    notification_lag_ms: int
    notifications_given_up: int


class PaidByHour:
    """Payments by the hour, kept up to date by reading only what is new.

    Entries of commands are rows; those that a product posts in bulk stand in the journal only.
    """

    def __init__(self) -> None:
        self._read_to = 0
        self._batch = 0
        self._hours: dict[int, tuple[int, int]] = {}

    def update(self, rows: ReadSession, now_ms: int) -> None:
        """Read what the ledger got since the last time; forget what is too old to be shown."""
        oldest_ms = china_day_start_ms(now_ms) - DAYS * DAY_MS
        self._read_rows(rows, oldest_ms * _NS_PER_MS)
        for batch in bulk_batches(rows.connection, self._batch, oldest_ms * _NS_PER_MS):
            self._add(_paid_in(batch))
            self._batch = batch.number
        for hour in [h for h in self._hours if h * _HOUR_MS < oldest_ms]:
            del self._hours[hour]

    def _read_rows(self, rows: ReadSession, oldest_ns: int) -> None:
        after = max(self._read_to, oldest_ns)
        latest = rows.connection.execute("SELECT MAX(timestamp) FROM ledger_transfer").fetchone()[0]
        if latest is None or latest <= after:
            return
        found = rows.connection.execute(
            "SELECT timestamp / 3600000000000, SUM(amount), COUNT(*) FROM ledger_transfer "
            "WHERE timestamp > ? AND timestamp <= ? AND book = ? AND code IN (?, ?) "
            "AND (flags & ?) = 0 GROUP BY 1",
            (after, latest, platform_book(CURRENCY), *_PAYMENTS, _MOVES_NOTHING),
        )
        self._add(found)
        self._read_to = latest

    def _add(self, found: Iterable[tuple[int, int, int]]) -> None:
        for hour, amount, count in found:
            before = self._hours.get(hour, (0, 0))
            self._hours[hour] = (before[0] + amount, before[1] + count)

    def between(self, start_ms: int, end_ms: int) -> Paid:
        """What was paid in whole hours from `start_ms` until before `end_ms`."""
        found = [
            self._hours.get(hour, (0, 0))
            for hour in range(start_ms // _HOUR_MS, -(-end_ms // _HOUR_MS))
        ]
        return Paid(start_ms, sum(a for a, _ in found), sum(c for _, c in found))


def _paid_in(batch: JournalBatch) -> list[tuple[int, int, int]]:
    """Hours with what was paid in them, and how many payments, of a bulk call's entries."""
    # Loaded only where something was posted in bulk.
    import numpy as np

    from tallystick.ledger.records import TRANSFERS

    records = np.frombuffer(batch.records, TRANSFERS)
    paid = records[
        (records["book"] == platform_book(CURRENCY))
        & np.isin(records["code"], _PAYMENTS)
        & (records["flags"] & _MOVES_NOTHING == 0)
    ]
    hours = paid["timestamp"].astype(np.int64) // (_HOUR_MS * _NS_PER_MS)
    return [
        (int(hour), int(paid["amount"][hours == hour].sum()), int((hours == hour).sum()))
        for hour in np.unique(hours)
    ]


def _totals(rows: ReadSession, now_ms: int) -> Totals:
    books = stored_trial_balances(rows)
    book = platform_book(CURRENCY)
    held = sum(
        line.credits_posted - line.debits_posted
        for found in books
        if found.book == book
        for line in found.lines
        if line.code == TRADE_ESCROW.code
    )
    counted = dict(rows.connection.execute("SELECT status, COUNT(*) FROM trade GROUP BY status"))
    by_status = {status.value: int(counted.get(status.value, 0)) for status in TradeStatus}
    return Totals(now_ms, all(found.balanced for found in books), held, by_status)


def _count(rows: ReadSession, sql: str, *parameters: object) -> tuple[int, int]:
    """The two numbers of a one-row answer, nothing counting as 0."""
    first, second = rows.connection.execute(sql, parameters).fetchone()
    return int(first or 0), int(second or 0)


class FiguresReader:
    """Reads the figures for everybody who watches; one reading at a time."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = asyncio.Lock()
        self._paid = PaidByHour()
        self._totals: Totals | None = None
        self._totals_until = 0.0
        self._figures: Figures | None = None
        self._figures_until = 0.0

    async def read(self) -> Figures:
        """The figures, at most a second old."""
        async with self._lock:
            if self._figures is None or time.monotonic() >= self._figures_until:
                queue, lag_ms = self._platform.executor.waiting, self._platform.timers.lag_ms()
                self._figures = await asyncio.to_thread(self._read, queue, lag_ms)
                self._figures_until = time.monotonic() + _FRESH_S
            return self._figures

    def _read(self, queue: int, timer_lag_ms: int) -> Figures:
        now_ms = self._platform.clock_ms()
        with self._platform.reader() as rows:
            totals = self._current_totals(rows, now_ms)
            self._paid.update(rows, now_ms)
            today_ms = china_day_start_ms(now_ms)
            trades_today, _ = _count(
                rows, "SELECT COUNT(*), 0 FROM trade WHERE created_ms >= ?", today_ms
            )
            due, next_ms = _count(
                rows, "SELECT COUNT(*), MIN(next_ms) FROM notification "
                "WHERE status IN (?, ?) AND next_ms <= ?",
                NotificationStatus.DUE.value, NotificationStatus.WAITING.value, now_ms,
            )  # fmt: skip
            given_up, _ = _count(
                rows, "SELECT COUNT(*), 0 FROM notification WHERE status = ?",
                NotificationStatus.GIVEN_UP.value,
            )  # fmt: skip
        hour_ms = now_ms // _HOUR_MS * _HOUR_MS
        hours = [hour_ms - ago * _HOUR_MS for ago in range(HOURS - 1, -1, -1)]
        days = [today_ms - ago * DAY_MS for ago in range(DAYS - 1, -1, -1)]
        return Figures(
            totals=totals,
            today=self._paid.between(today_ms, today_ms + DAY_MS),
            trades_today=trades_today,
            hours=[self._paid.between(start, start + _HOUR_MS) for start in hours],
            days=[self._paid.between(start, start + DAY_MS) for start in days],
            queue=queue,
            timer_lag_ms=timer_lag_ms,
            notifications_due=due,
            notification_lag_ms=max(0, now_ms - next_ms) if due and next_ms else 0,
            notifications_given_up=given_up,
        )

    def _current_totals(self, rows: ReadSession, now_ms: int) -> Totals:
        started = time.monotonic()
        if self._totals is None or started >= self._totals_until:
            self._totals = _totals(rows, now_ms)
            ended = time.monotonic()
            self._totals_until = ended + max(_TOTALS_FRESH_S, (ended - started) * _COST_FACTOR)
        return self._totals
