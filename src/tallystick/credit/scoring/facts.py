"""What a person's past on the platform comes to, as the columns that a model may name.

Pure: everything is seen from one moment, and nothing that came after it is looked at. So the same
function makes the rows that a model is trained on, as of a past day, and the row that is scored
today. Months are spans of thirty days that end at the moment; the first is the latest. Amounts are
minor units.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import Loan, LoanEvent, LoanEventKind, contract_of
from tallystick.credit.loans.timing import loan_day

__all__ = [
    "COLUMNS",
    "HISTORIES",
    "MONTHS",
    "MONTH_MS",
    "SINGLE",
    "LoanPast",
    "Past",
    "came_bad",
    "cause_of",
    "facts_of",
]

MONTHS: Final = 6
_MONTH_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
MONTH_MS: Final = _MONTH_DAYS * _DAY_MS

HISTORIES: Final[dict[str, str]] = {
    "received": "money that came into the wallet, loans left out",
    "spent": "money that left the wallet, repayments left out",
    "owed": "owed on all loans at the month's end, interest and fees too",
    "days_late": "days past due of the latest payment, over all loans, at the month's end",
    "repaid": "paid on loans",
}
SINGLE: Final[dict[str, str]] = {
    "months_known": "months since the person was registered",
    "loans_drawn": "loans drawn in the six months",
    "loans_open": "loans that are open",
    "loans_closed": "loans that were ever repaid",
    "charged_off": "loans that were ever written off",
    "income": "monthly income, verified or stated; empty where none is known",
}

COLUMNS: Final[dict[str, str]] = {
    f"{name}_{month}": f"{meaning}, month {month}"
    for name, meaning in HISTORIES.items() for month in range(1, MONTHS + 1)
} | SINGLE  # fmt: skip
"""Every column, and what it says."""

_CAUSES: Final = {
    "days_late": "late", "charged_off": "late", "owed": "owed", "loans_open": "owed",
    "loans_drawn": "many_loans", "received": "received", "spent": "spent", "repaid": "repaid",
    "loans_closed": "repaid", "months_known": "short_past", "income": "income",
}  # fmt: skip


class LoanPast(NamedTuple):
    """A loan and what happened on it."""

    loan: Loan
    events: tuple[LoanEvent, ...]


class Past(NamedTuple):
    """What the books hold of a person.

    Args:
        known_ms: when the person was registered.
        received, spent: of the wallet, by month from the latest on; loans are left out.
        loans: all that were ever drawn.
        income: a month, minor units; None where none is known.
    """

    known_ms: int
    received: tuple[int, ...]
    spent: tuple[int, ...]
    loans: tuple[LoanPast, ...]
    income: int | None


def cause_of(columns: Iterable[str]) -> str:
    """What a reason is about, by the first column behind it: `late`, `owed`, `income`, …"""
    for name in columns:
        stem = name if name in SINGLE else name.rpartition("_")[0]
        if stem in _CAUSES:
            return _CAUSES[stem]
    return "other"


def facts_of(past: Past, at_ms: int) -> dict[str, str]:
    """The cells of one row, by `COLUMNS`."""
    loans = [_until(one, at_ms) for one in past.loans if one.loan.drawn_ms <= at_ms]
    found: dict[str, int | None] = {}
    for month in range(1, MONTHS + 1):
        end_ms = at_ms - (month - 1) * MONTH_MS
        owed, late = _standing(loans, end_ms)
        found |= {
            f"received_{month}": past.received[month - 1],
            f"spent_{month}": past.spent[month - 1],
            f"owed_{month}": owed,
            f"days_late_{month}": late,
            f"repaid_{month}": _repaid(loans, end_ms - MONTH_MS, end_ms),
        }
    written_off = [one for one in loans if _has(one, LoanEventKind.CHARGE_OFF)]
    over = [one for one in loans if one.loan.closed_ms and one.loan.closed_ms <= at_ms]
    found |= {
        "months_known": max(0, at_ms - past.known_ms) // MONTH_MS,
        "loans_drawn": sum(one.loan.drawn_ms > at_ms - MONTHS * MONTH_MS for one in loans),
        "loans_open": len(loans) - len(over),
        "loans_closed": sum(not _has(one, LoanEventKind.CHARGE_OFF) for one in over),
        "charged_off": len(written_off),
        "income": past.income,
    }
    return {name: "" if found[name] is None else str(found[name]) for name in COLUMNS}


def _until(one: LoanPast, at_ms: int) -> LoanPast:
    return LoanPast(one.loan, tuple(e for e in one.events if e.at_ms <= at_ms))


def _has(one: LoanPast, kind: LoanEventKind) -> bool:
    return any(event.kind is kind for event in one.events)


def _standing(loans: list[LoanPast], at_ms: int) -> tuple[int, int]:
    """What is owed, and the most days past due, at a moment."""
    owed = late = 0
    day = loan_day(at_ms)
    for one in loans:
        if one.loan.drawn_ms > at_ms or 0 < one.loan.closed_ms <= at_ms:
            continue
        events = [event for event in one.events if event.at_ms <= at_ms]
        # An event may be of a day that is booked ahead of the clock.
        latest = max((event.day for event in events), default="")
        position = live(
            contract_of(one.loan), events,
            max(day, day.fromisoformat(latest)) if latest else day,
        )  # fmt: skip
        owed += position.owed_total
        late = max(late, position.days_past_due)
    return owed, late


def _repaid(loans: list[LoanPast], after_ms: int, until_ms: int) -> int:
    return sum(
        event.amount for one in loans for event in one.events
        if event.kind is LoanEventKind.PAYMENT and after_ms < event.at_ms <= until_ms
    )  # fmt: skip


def came_bad(past: Past, at_ms: int, months: int, days: int) -> bool:
    """Whether it went badly after a moment: at the end of one of so many months a payment was so
    many days past due, or a loan was written off."""
    for month in range(1, months + 1):
        end_ms = at_ms + month * MONTH_MS
        loans = [_until(one, end_ms) for one in past.loans]
        if _standing(loans, end_ms)[1] >= days:
            return True
        if any(e.kind is LoanEventKind.CHARGE_OFF and e.at_ms > at_ms
               for one in loans for e in one.events):  # fmt: skip
            return True
    return False
