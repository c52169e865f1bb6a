"""All open loans at once: by days past due, by month of drawdown, and how they moved in 30 days.

What is owed and drawn is read from the ledger's accounts, what was written off from the loans'
events, each by one statement over all loans.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Final, NamedTuple

from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import Loan, LoanEvent, LoanStatus, contract_of
from tallystick.ledger.chart import LOAN_PRINCIPAL
from tallystick.payments.accounts import platform_book
from tallystick.store.rows import ReadSession

__all__ = [
    "BUCKETS", "Bucketed", "Portfolio", "Vintage", "bucket_of", "portfolio", "roll_of_30_days",
]  # fmt: skip

BUCKETS: Final = ("current", "1-30", "31-60", "61-90", "91+")
"""Days past due."""
_EDGES: Final = (1, 31, 61, 91)
_DAY_MS: Final = 86_400_000
_CHINA_MS: Final = 8 * 3_600_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_ROLL_DAYS: Final = 30

_LOANS = """
SELECT loan.loan_id, (loan.drawn_ms + ?) / ?, loan_standing.open_items
FROM loan LEFT JOIN loan_standing ON loan_standing.loan_id = loan.loan_id WHERE loan.currency = ?
"""
_ACCOUNTS = """
SELECT user_data_128, debits_posted, credits_posted FROM ledger_account WHERE book = ? AND code = ?
"""
_LOSSES = """
SELECT loan.loan_id, loan_event.day, loan_event.amount
FROM loan_event JOIN loan ON loan.loan_id = loan_event.loan_id
WHERE loan_event.kind = 'charge_off' AND loan.currency = ?
"""


class Bucketed(NamedTuple):
    """Open loans of a number of days past due; principal in minor units."""

    bucket: str
    loans: int
    principal: int


class Vintage(NamedTuple):
    """Loans that were drawn in a month; amounts in minor units of principal.

    Args:
        late: of what is left, that of loans past due.
        lost: written off so far, by whole months since the month of drawdown, each with those
            before it; the loans' whole debt.
    """

    month: str
    loans: int
    drawn: int
    left: int
    late: int
    lost: tuple[int, ...]


class Portfolio(NamedTuple):
    """All loans of a currency, as of the last day that was closed for each."""

    buckets: list[Bucketed]
    vintages: list[Vintage]


def bucket_of(days_past_due: int) -> str:
    """Which of `BUCKETS` a number of days belongs to."""
    return BUCKETS[sum(days_past_due >= edge for edge in _EDGES)]


class _Sums:
    """Figures of a vintage while loans are added up."""

    def __init__(self) -> None:
        self.count = self.drawn = self.left = self.late = 0
        self.lost: Counter[int] = Counter()


def _month(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()[:7]


def _months_between(begin: str, end: str) -> int:
    return (int(end[:4]) - int(begin[:4])) * 12 + int(end[5:7]) - int(begin[5:7])


def _principal(rows: ReadSession, currency: str) -> dict[int, tuple[int, int]]:
    """What was drawn on each loan and what is left of it, by its number."""
    found = rows.connection.execute(_ACCOUNTS, (platform_book(currency), LOAN_PRINCIPAL.code))
    return {
        int.from_bytes(owner, "big"): (int(debits), int(debits) - int(credits))
        for owner, debits, credits in found
    }


def _days_past_due(open_items: bytes | None, today: int) -> int:
    """From the oldest thing that is due and not paid, which stands first."""
    if not open_items:
        return 0
    oldest = int.from_bytes(bytes(open_items)[:8], "little", signed=True)
    return max(0, today - oldest)


def portfolio(rows: ReadSession, currency: str, day: date) -> Portfolio:
    """The portfolio on a day."""
    principal = _principal(rows, currency)
    months: dict[str, _Sums] = {}
    month_of: dict[str, str] = {}
    counts: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for loan_id, drawn_day, items in rows.connection.execute(
        _LOANS, (_CHINA_MS, _DAY_MS, currency)
    ):
        month = month_of[loan_id] = _month(int(drawn_day))
        drawn, left = principal.get(int(loan_id), (0, 0))
        late_days = _days_past_due(items, day.toordinal())
        sums = months.setdefault(month, _Sums())
        sums.count += 1
        sums.drawn += drawn
        sums.left += left
        sums.late += left if late_days else 0
        if left or items:
            counts[bucket_of(late_days)] += 1
            amounts[bucket_of(late_days)] += left
    for loan_id, lost_day, amount in rows.connection.execute(_LOSSES, (currency,)):
        month = month_of[loan_id]
        months[month].lost[_months_between(month, lost_day[:7])] += int(amount)
    today = day.isoformat()[:7]
    return Portfolio(
        [Bucketed(bucket, counts[bucket], amounts[bucket]) for bucket in BUCKETS],
        [_vintage(month, months[month], today) for month in sorted(months)],
    )


def _vintage(month: str, sums: _Sums, today: str) -> Vintage:
    lost, so_far = [], 0
    for age in range(max(0, _months_between(month, today)) + 1):
        so_far += sums.lost[age]
        lost.append(so_far)
    return Vintage(month, sums.count, sums.drawn, sums.left, sums.late, tuple(lost))


def roll_of_30_days(
    rows: ReadSession, day: date, most: int
) -> tuple[int, dict[tuple[str, str], int]]:
    """How many loans went from which bucket to which in the 30 days before a day.

    Each is gone through as it was then and as it is now, so only the newest `most` that ran then
    are looked at. Gives their number, and counts by (then, now); `over` is repaid or gone.
    """
    then = day - timedelta(days=_ROLL_DAYS)
    then_ms = (then.toordinal() - _EPOCH) * _DAY_MS - _CHINA_MS
    loans = rows.query(
        Loan,
        "WHERE drawn_ms < ? AND (closed_ms = 0 OR closed_ms >= ?) ORDER BY loan_id DESC LIMIT ?",
        (then_ms, then_ms, most),
    )
    moved: Counter[tuple[str, str]] = Counter()
    for loan in loans:
        contract = contract_of(loan)
        events = tuple(rows.select(LoanEvent, loan_id=loan.loan_id))
        known = tuple(e for e in events if e.day <= then.isoformat())
        was = live(contract, known, then)
        if was.status is not LoanStatus.ACTIVE:
            continue
        now = live(contract, events, max(day, date.fromisoformat(loan.accrued_day)))
        running = now.status is LoanStatus.ACTIVE
        after = bucket_of(now.days_past_due) if running else "over"
        moved[bucket_of(was.days_past_due), after] += 1
    return sum(moved.values()), dict(moved)
