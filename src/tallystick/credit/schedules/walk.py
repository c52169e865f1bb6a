"""The walk through a loan's periods: what happens in each, day by day, and what it then pays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tallystick.credit.schedules.accrual import Accrual
from tallystick.credit.schedules.amortise import Outlook, portion_of, whole
from tallystick.credit.schedules.fees import fee_of
from tallystick.credit.schedules.periods import Period, periods_of
from tallystick.credit.schedules.schedule import FeeCharged, RowKind, Schedule, ScheduleRow
from tallystick.credit.schedules.terms import (
    AccruedInterest,
    Drawdown,
    Effect,
    FeeBase,
    FeeTime,
    Grace,
    Method,
    Prepayment,
    RateChange,
    Reschedule,
    Terms,
)
from tallystick.money.amount import format_amount
from tallystick.money.rate import Rounding
from tallystick.pipeline.refusals import Refused

__all__ = ["schedule_of"]

Happening = Drawdown | RateChange | Prepayment | Reschedule

# On one day, the new terms hold first, then money moves.
_ORDER = (Reschedule, RateChange, Drawdown, Prepayment)

_FIELDS = {
    Reschedule: "reschedules",
    RateChange: "rate_changes",
    Drawdown: "drawdowns",
    Prepayment: "prepayments",
}
_EQUAL_PRINCIPALS = (Method.EQUAL_PRINCIPAL, Method.FLAT_RATE)


class _Flat(NamedTuple):
    """Interest on what was drawn: on how much, how much so far exactly, and how much of it paid."""

    base: int = 0
    exact: Fraction = Fraction(0)
    charged: int = 0


class _Walk:
    """A loan while its periods are walked through: the one place where its state changes."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.rate = Fraction(terms.annual_rate)
        self.grace = terms.grace
        self.periods = periods_of(terms.start, terms.dates, terms.day_count)
        self.dates = terms.dates
        self.at = 0
        self.balance = self.drawn = self.carried = self.capitalised = 0
        self.accrued = Fraction(0)
        self.flat = _Flat()
        self.portion = self.flat_portion = self.flat_total = 0
        self.unset, self.shortened = True, False
        self.rows: list[ScheduleRow] = []
        self.fees: list[FeeCharged] = []
        self.instalments: list[int] = []
        self.accruals: list[Accrual] = []

    @property
    def over(self) -> bool:
        """Whether nothing is to be paid any more."""
        paid_early = not self.balance and (self.shortened or self._last_row_is_early)
        return self.at >= len(self.periods) or bool(self.rows and paid_early)

    @property
    def _last_row_is_early(self) -> bool:
        return bool(self.rows) and self.rows[-1].kind is RowKind.EARLY

    # What is known ahead.

    @property
    def _later(self) -> Sequence[Period]:
        return self.periods[self.at + 1 :]

    def _bears(self, at: int) -> bool:
        return at >= self.grace.interest_free

    def _factors(self) -> list[Fraction]:
        """Interest on 1 in each later period, at the rate that holds now."""
        return [
            self.rate * period.fraction if self._bears(self.at + 1 + ahead) else Fraction(0)
            for ahead, period in enumerate(self._later)
        ]

    def _paying(self) -> int:
        """How many payments of principal are left, with this one."""
        return len(self.periods) - max(self.at, self.grace.principal)

    # What happens within a period.

    def accrue(self, period: Period, start: date, end: date) -> None:
        """Interest from one day to another, exactly."""
        if start == end:
            return
        rate = self.rate if self._bears(self.at) else Fraction(0)
        yearly = self.balance * rate
        self.accruals.append(Accrual(start, end, self.accrued, yearly, self.carried, period))
        factor = rate * period.part(start, end)
        if self.terms.method is Method.FLAT_RATE:
            self.flat = self.flat._replace(exact=self.flat.exact + self.flat.base * factor)
        else:
            self.accrued += self.balance * factor

    def happen(self, what: Happening) -> None:
        """Something that happens on a day, after the interest up to it."""
        match what:
            case Drawdown():
                self._draw(what)
            case RateChange():
                self.rate, self.unset = Fraction(what.annual_rate), True
            case Prepayment():
                self._prepay(what)
            case Reschedule():
                self._reschedule(what)

    def _draw(self, drawdown: Drawdown) -> None:
        first = not self.drawn
        self.balance += drawdown.amount
        self.drawn += drawdown.amount
        self.flat = self.flat._replace(base=self.flat.base + drawdown.amount)
        self.unset = True
        for fee in self.terms.fees:
            if fee.when is FeeTime.UP_FRONT:
                asked = fee if first else fee._replace(amount=0)
                amount = fee_of(asked, drawdown.amount, self.terms.rounding)
                self._charge(drawdown.day, amount, fee.name)

    def _charge(self, day: date, amount: int, name: str) -> None:
        if amount:
            self.fees.append(FeeCharged(day, amount, name))

    def _settle_interest(self) -> int:
        """The interest up to now, rounded once; from here on it accrues anew."""
        rounding = self.terms.rounding
        if self.terms.method is Method.FLAT_RATE:
            interest = max(0, whole(self.flat.exact, rounding) - self.flat.charged)
            self.flat = self.flat._replace(charged=self.flat.charged + interest)
        else:
            interest = whole(self.accrued, rounding)
            self.accrued = Fraction(0)
        interest, self.carried = interest + self.carried, 0
        return interest

    def _prepay(self, prepayment: Prepayment) -> None:
        day, terms = prepayment.day, self.terms
        early = [fee for fee in terms.fees if fee.when is FeeTime.PREPAYMENT]
        rate = sum((Fraction(fee.rate) for fee in early), Fraction(0))
        if not self.balance:
            raise Refused("CREDIT_PREPAYMENT_AMOUNT", f"prepayments: nothing is owed on {day}.")
        fixed = sum(fee.amount for fee in early)
        interest = self._settle_interest()
        whole_fee = fixed + whole(self.balance * rate, terms.rounding)
        owed = self.balance + interest + whole_fee
        if prepayment.amount is None or prepayment.amount == owed:
            principal, fee = self.balance, whole_fee
        else:
            money = prepayment.amount - interest - fixed
            principal = int(money / (1 + rate)) if money > 0 else 0
            fee = prepayment.amount - interest - principal
            if prepayment.amount > owed or principal <= 0 or principal > self.balance:
                raise Refused(
                    "CREDIT_PREPAYMENT_AMOUNT", self._prepayable(day, interest + fixed, owed)
                )
        self.balance -= principal
        self.flat = self.flat._replace(base=max(0, self.flat.base - principal))
        self.rows.append(ScheduleRow(day, principal, interest, fee, self.balance, RowKind.EARLY))
        if prepayment.effect is Effect.LOWER:
            self.unset = True
        else:
            self._shorten()

    def _prepayable(self, day: date, interest: int, owed: int) -> str:
        least, most = (format_amount(amount, self.terms.currency) for amount in (interest, owed))
        return (
            f"prepayments: on {day} more than {least}, which is interest and fee, and at most "
            f"{most}, which is all that is owed, can be paid."
        )

    def _shorten(self) -> None:
        """Keep the payment as it is; the loan ends as soon as nothing is left."""
        self.shortened = True
        if self.terms.method in _EQUAL_PRINCIPALS and self.portion and self.balance:
            payments = -(-self.balance // self.portion)
            self.periods = self.periods[: max(self.at, self.grace.principal) + payments]
            self.unset = self.terms.method is Method.FLAT_RATE

    def _reschedule(self, change: Reschedule) -> None:
        every = change.every or self.dates.every
        self.dates = self.dates._replace(
            every=every, payments=change.payments, first_due=change.first_due
        )
        if change.annual_rate is not None:
            self.rate = Fraction(change.annual_rate)
        self.grace = Grace()
        interest = self._settle_interest()
        self.balance += change.added
        if change.accrued is AccruedInterest.CAPITALISED:
            self.balance += interest
            self.capitalised += interest
            self.flat = self.flat._replace(base=self.balance)
        elif change.accrued is AccruedInterest.CARRIED:
            self.carried = interest
        elif interest:
            self.rows.append(ScheduleRow(change.day, 0, interest, 0, self.balance, RowKind.DUE))
        self.periods = periods_of(change.day, self.dates, self.terms.day_count)
        self.at, self.unset = 0, True

    # What a period pays.

    def _set_portion(self, rounding: Rounding) -> None:
        """Set anew what the payments from this one on keep equal."""
        terms = self.terms
        outlook = Outlook(
            self.balance, self.accrued, self._factors(), self._paying(), terms.balloon
        )
        self.portion = portion_of(terms.method, outlook, rounding)
        self.unset = False
        if terms.method is Method.FLAT_RATE:
            exact = self.flat.exact + self.flat.base * sum(self._factors(), Fraction(0))
            self.flat_total = whole(exact, rounding)
            left = max(0, self.flat_total - self.flat.charged)
            share = Fraction(left, len(self.periods) - self.at)
            self.flat_portion = whole(share, rounding)
            self.instalments.append(self.portion + self.flat_portion)
        elif terms.method in (Method.EQUAL_INSTALMENT, Method.BALLOON):
            self.instalments.append(self.portion)

    def keep_portion(self, period: Period, day: date) -> None:
        """Set the equal payments before a prepayment that is to leave them as they are."""
        if not self.unset or self.at < self.grace.principal or not self.balance:
            return
        if self.terms.method is Method.FLAT_RATE:
            return
        accrued = self.accrued
        rate = self.rate if self._bears(self.at) else Fraction(0)
        self.accrued += self.balance * rate * period.part(day, period.end)
        self._set_portion(self.terms.rounding)
        self.accrued = accrued

    def _flat_interest(self, *, last: bool) -> int:
        # Equal parts that were rounded up may be all of it before the end.
        interest = min(self.flat_portion, max(0, self.flat_total - self.flat.charged))
        if last or not self.balance:
            interest = max(0, whole(self.flat.exact, self.terms.rounding) - self.flat.charged)
        self.flat = self.flat._replace(charged=self.flat.charged + interest)
        return interest

    def _period_fee(self) -> int:
        bases = {FeeBase.PRINCIPAL: self.drawn, FeeBase.BALANCE: self.balance}
        return sum(
            fee_of(fee, bases[fee.of], self.terms.rounding)
            for fee in self.terms.fees
            if fee.when is FeeTime.PER_PERIOD
        )

    def pay(self, period: Period) -> None:
        """The payment at the end of a period."""
        terms, last = self.terms, not self._later
        in_grace = self.at < self.grace.principal and not last
        if self.unset and (not in_grace or terms.method is Method.FLAT_RATE):
            self._set_portion(terms.rounding)
            self.unset = in_grace
        if terms.method is Method.FLAT_RATE:
            interest = self._flat_interest(last=last)
        else:
            interest, self.accrued = whole(self.accrued, terms.rounding), Fraction(0)
        principal = self._principal(interest, last=last, in_grace=in_grace)
        fee = self._period_fee()
        self.balance -= principal
        if self.at < self.grace.interest and not last:
            self.carried, interest = self.carried + interest, 0
        else:
            self.carried, interest = 0, self.carried + interest
        self.rows.append(ScheduleRow(period.due, principal, interest, fee, self.balance))

    def _principal(self, interest: int, *, last: bool, in_grace: bool) -> int:
        if last:
            return self.balance
        if in_grace:
            return 0
        principal = self.portion
        if self.terms.method in (Method.EQUAL_INSTALMENT, Method.BALLOON):
            principal -= interest
        if principal < 0:
            # A first period so long that its interest is more than an instalment: the others
            # are set anew, because a payment never lends.
            self.unset = True
        return max(0, min(principal, self.balance))


def _happenings(terms: Terms) -> list[Happening]:
    first = (Drawdown(terms.start, terms.principal),) if terms.principal else ()
    everything: list[Happening] = [
        *first, *terms.drawdowns, *terms.rate_changes, *terms.prepayments, *terms.reschedules,
    ]  # fmt: skip
    return sorted(everything, key=lambda h: (h.day, _ORDER.index(type(h))))


def _too_late(what: Happening, end: date) -> Refused:
    return Refused(
        "CREDIT_TERMS_INVALID",
        f"{_FIELDS[type(what)]}: {what.day} is not before the last date of the loan, {end}.",
    )


def _live_through(walk: _Walk, period: Period, waiting: list[Happening]) -> bool:
    """A period up to its end; whether it was cut off because the loan was rescheduled."""
    since = period.start
    while waiting and waiting[0].day < period.end:
        what = waiting.pop(0)
        walk.accrue(period, since, what.day)
        since = what.day
        if isinstance(what, Prepayment) and what.effect is Effect.SHORTEN:
            walk.keep_portion(period, since)
        walk.happen(what)
        if isinstance(what, Reschedule):
            return True
    walk.accrue(period, since, period.end)
    return False


@lru_cache(maxsize=256)
def schedule_of(terms: Terms) -> Schedule:
    """The schedule of a loan. Happenings later than `start` take effect before that day's end.

    What falls on the end of a period comes after that period's payment.

    Raises:
        Refused: CREDIT_TERMS_INVALID for a happening after the loan's end,
            CREDIT_PREPAYMENT_AMOUNT for one that pays less than the interest or more than all.
    """
    walk = _Walk(terms)
    waiting = _happenings(terms)
    drawdowns = tuple(h for h in waiting if isinstance(h, Drawdown))
    while waiting or not walk.over:
        if walk.at >= len(walk.periods):
            if isinstance(waiting[0], Reschedule) and waiting[0].added:
                walk.happen(waiting.pop(0))
                continue
            raise _too_late(waiting[0], walk.periods[-1].end)
        period = walk.periods[walk.at]
        if _live_through(walk, period, waiting):
            continue
        if walk.over and not waiting:
            break
        walk.pay(period)
        walk.at += 1
    dated = [FeeCharged(f.day, f.amount, f.name) for f in terms.fees if f.day is not None]
    return Schedule(
        terms=terms,
        rows=tuple(walk.rows),
        drawdowns=drawdowns,
        fees=tuple(sorted([*walk.fees, *dated])),
        capitalised=walk.capitalised,
        instalments=tuple(walk.instalments),
        accruals=tuple(walk.accruals),
    )
