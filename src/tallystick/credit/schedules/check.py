"""Which terms a schedule can be made from; what is wrong is refused by the field's name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, NoReturn

from tallystick.credit.schedules.terms import BusinessDayRule, Method, Prepayment, Terms, Unit
from tallystick.pipeline.refusals import Refused

__all__ = ["COUNT_MAX", "require_rate", "require_terms"]

COUNT_MAX: Final = 1200
"""The most periods of a loan: a hundred years of months."""

_WORK_MAX: Final = 120_000
"""Periods times happenings: each happening has the later payments found anew."""

_RATE_MAX: Final = Decimal(100)
_RATE_DIGITS_MAX: Final = 12
_AMOUNT_MAX: Final = 10**17


def _refuse(field: str, sentence: str) -> NoReturn:
    raise Refused("CREDIT_TERMS_INVALID", f"{field}: {sentence}")


def require_rate(field: str, rate: Decimal) -> None:
    """See that a rate is a number from 0 to 100 with at most 12 decimals.

    Raises:
        Refused: CREDIT_TERMS_INVALID, with the field's name.
    """
    if not rate.is_finite() or not 0 <= rate <= _RATE_MAX:
        _refuse(field, f"a rate is a fraction of 1 between 0 and {_RATE_MAX}, as 0.0948.")
    exponent = rate.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_RATE_DIGITS_MAX:
        _refuse(field, f"a rate has at most {_RATE_DIGITS_MAX} decimals.")


def _require_amount(field: str, amount: int, *, least: int = 1) -> None:
    if not least <= amount <= _AMOUNT_MAX:
        _refuse(field, "an amount is positive, and less than a thousand million million.")


def _require_day(field: str, day: date, start: date) -> None:
    if day < start:
        _refuse(field, f"{day} is before the start of the loan, {start}.")


def _require_dates(terms: Terms) -> None:
    dates = terms.dates
    if not 1 <= dates.payments <= COUNT_MAX:
        _refuse("count", f"a loan has between 1 and {COUNT_MAX} periods.")
    if not 1 <= dates.every.number <= COUNT_MAX:
        _refuse("every", f"a period is between 1 and {COUNT_MAX} days, weeks, months or years.")
    if dates.first_due is not None and dates.first_due <= terms.start:
        _refuse("first_due", f"{dates.first_due} is not after the start, {terms.start}.")
    moves = dates.rule is not BusinessDayRule.UNADJUSTED and dates.interest_moves
    if moves and dates.every.unit is Unit.DAY:
        _refuse("interest_moves", "needs periods of weeks, months or years.")


def _require_grace(terms: Terms) -> None:
    for name, periods in terms.grace._asdict().items():
        if not 0 <= periods < terms.dates.payments:
            _refuse(f"grace.{name}", "grace is for fewer periods than the loan has.")


def _require_money(terms: Terms) -> None:
    _require_amount("principal", terms.principal, least=0)
    drawn = terms.principal
    for drawdown in terms.drawdowns:
        _require_amount("drawdowns", drawdown.amount)
        _require_day("drawdowns", drawdown.day, terms.start)
        drawn += drawdown.amount
    if not drawn:
        _refuse("principal", "nothing is drawn.")
    if terms.method is Method.BALLOON and not 0 < terms.balloon < drawn:
        _refuse("balloon", "is more than nothing and less than what is drawn.")
    if terms.method is not Method.BALLOON and terms.balloon:
        _refuse("balloon", "only the method balloon has one.")


def _require_fees(terms: Terms) -> None:
    for fee in terms.fees:
        _require_amount("fees", fee.amount, least=0)
        require_rate("fees", fee.rate)
        if fee.day is not None:
            _require_day("fees", fee.day, terms.start)


def _require_events(terms: Terms) -> None:
    for change in terms.rate_changes:
        require_rate("rate_changes", change.annual_rate)
        _require_day("rate_changes", change.day, terms.start)
    for early in terms.prepayments:
        _require_prepayment(early, terms.start)
    for new in terms.reschedules:
        _require_day("reschedules", new.day, terms.start)
        if not 1 <= new.payments <= COUNT_MAX:
            _refuse("reschedules", f"a loan has between 1 and {COUNT_MAX} periods.")
        if new.every is not None and not 1 <= new.every.number <= COUNT_MAX:
            _refuse("reschedules", f"a period is between 1 and {COUNT_MAX} of its unit.")
        if new.first_due is not None and new.first_due <= new.day:
            _refuse("reschedules", f"{new.first_due} is not after {new.day}.")
        if new.annual_rate is not None:
            require_rate("reschedules", new.annual_rate)


def _require_prepayment(early: Prepayment, start: date) -> None:
    _require_day("prepayments", early.day, start)
    if early.amount is not None:
        _require_amount("prepayments", early.amount)


def require_terms(terms: Terms) -> None:
    """See that a schedule can be made from the terms.

    Raises:
        Refused: CREDIT_TERMS_INVALID, with the field's name and what is wrong with it.
    """
    require_rate("annual_rate", terms.annual_rate)
    _require_dates(terms)
    _require_grace(terms)
    _require_money(terms)
    _require_fees(terms)
    _require_events(terms)
    events = (terms.drawdowns, terms.rate_changes, terms.prepayments, terms.reschedules, terms.fees)
    happenings = sum(len(several) for several in events)
    periods = max([terms.dates.payments, *(new.payments for new in terms.reschedules)])
    if happenings * periods > _WORK_MAX:
        _refuse("count", f"{periods} periods with {happenings} happenings are too many.")
