"""What is done next in a case: the first step that fits, at a permitted moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from msgspec.structs import replace

from tallystick.credit.collections.permission import (
    ContactHistory,
    PermittedMoment,
    next_permitted,
)
from tallystick.credit.collections.terms import ContactRules, Step, StrategyTerms
from tallystick.credit.loans.timing import loan_day

__all__ = ["Overdue", "Planned", "days_past_due", "next_contact", "overdue_total", "step_named"]

_HORIZON_DAYS: Final = 62
_DAY_MS: Final = 86_400_000


class Overdue(NamedTuple):
    """A loan of which something is overdue; amounts in minor units.

    Args:
        due: what should have been paid.
        charges: what of it is penalties and late fees.
        is_purchase: whether it is billed with other purchases (pay-later).
    """

    loan_id: str
    product_id: str
    due: int
    charges: int
    days_past_due: int
    is_purchase: bool = False


class Planned(NamedTuple):
    """The next contact: which step, and when."""

    step: Step
    moment: PermittedMoment


def days_past_due(loans: Sequence[Overdue]) -> int:
    """How late the one is that is latest."""
    return max((loan.days_past_due for loan in loans), default=0)


def overdue_total(loans: Sequence[Overdue]) -> int:
    """All that is overdue, in minor units."""
    return sum(loan.due for loan in loans)


def step_named(terms: StrategyTerms, name: str) -> Step | None:
    """A strategy's step."""
    return next((step for step in terms.steps if step.name == name), None)


def _fits(step: Step, loans: Sequence[Overdue], ahead: int) -> bool:
    meant = [loan for loan in loans if not step.products or loan.product_id in step.products]
    late = days_past_due(meant) + ahead
    return (
        bool(meant)
        and step.from_days <= late <= step.to_days
        and overdue_total(meant) >= step.amount_min
    )


def _step_on(
    terms: StrategyTerms, loans: Sequence[Overdue], last: Mapping[str, date], today: date,
    ahead: int,
) -> Step | None:  # fmt: skip
    for step in terms.steps:
        taken = last.get(step.name)
        rested = taken is None or (today - taken).days + ahead >= step.every_days
        if rested and _fits(step, loans, ahead):
            return step
    return None


def next_contact(
    terms: StrategyTerms, rules: ContactRules, history: ContactHistory,
    loans: Sequence[Overdue], last: Mapping[str, date], today: date, now_ms: int,
) -> Planned | None:  # fmt: skip
    """The next contact of a borrower within two months, if nothing is paid until then.

    Args:
        history: all contacts of the borrower, whatever they were about.
        loans: what is overdue today.
        last: the day on which each step was taken last.
        today: the day at `now_ms`.
    """
    if not loans or history.is_stopped:
        return None
    for ahead in range(_HORIZON_DAYS):
        step = _step_on(terms, loans, last, today, ahead)
        if step is None:
            continue
        later = replace(rules, opens=max(rules.opens, step.not_before))
        moment = next_permitted(later, history, now_ms + ahead * _DAY_MS)
        if moment is None:
            return None
        if _fits(step, loans, (loan_day(moment.at_ms) - today).days):
            return Planned(step, moment)
    return None
