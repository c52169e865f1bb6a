"""The life of a loan: what is owed on any day follows from its contract and its events alone.

A pure fold. It knows nothing of the ledger; `decide` posts the difference between what it finds
and what the ledger holds. When an event is taken back, the fold is run without it, and so every
later day is found anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from tallystick.credit.loans.model import (
    Contract,
    LateTerms,
    LoanEvent,
    LoanEventKind,
    LoanStatus,
    NewDates,
    PaymentMode,
    terms_of,
)
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.amortise import whole
from tallystick.credit.schedules.schedule import RowKind, Schedule, ScheduleRow
from tallystick.credit.schedules.terms import (
    Drawdown,
    Effect,
    Every,
    Prepayment,
    RateChange,
    Reschedule,
    Terms,
)
from tallystick.credit.schedules.walk import schedule_of
from tallystick.decoding import decode_json
from tallystick.money.rate import Rounding
from tallystick.pipeline.refusals import Refused

__all__ = ["Amounts", "Instalment", "Position", "live"]

_PENALTY_YEAR_DAYS: Final = 365
_WAITS: Final = (PaymentMode.DUE, PaymentMode.NEXT)
"""What is paid of these kinds is never paid early."""

Amounts = dict[Bucket, int]


def _none() -> Amounts:
    return dict.fromkeys(Bucket, 0)


@dataclass(slots=True)
class Instalment:
    """What fell due on a day, and what is left of it. Amounts in minor units."""

    day: date
    left: Amounts
    is_late: bool = False
    penalty_exact: Fraction = Fraction(0)
    penalty_charged: int = 0

    @property
    def owed(self) -> int:
        """All that is left."""
        return sum(self.left.values())


class Position(NamedTuple):
    """A loan at the start of a day, after the events of that day.

    Args:
        charged: what came to be owed so far, interest to the day; principal: what was drawn.
        left: what is still owed of it, due or not.
        due: what is left of what fell due.
        allocated: what each payment paid, by its step; with what had waited (`used`), and without
            what waits of it (`waiting`).
        waived: what was forgiven.
        capitalised: what was made principal.
        schedule: the payments as they are planned now.
        accruing: interest that has accrued and not fallen due.
        ahead: principal that has not fallen due.
    """

    day: date
    status: LoanStatus
    charged: Amounts
    left: Amounts
    due: Amounts
    waived: Amounts
    capitalised: Amounts
    advance: int
    recovered: int
    allocated: dict[int, Amounts]
    waiting: dict[int, int]
    used: dict[int, int]
    instalments: tuple[Instalment, ...]
    schedule: Schedule
    days_past_due: int
    payoff: int
    next_due: date | None
    next_payment: int
    accruing: int
    ahead: int

    def brought(self, step: int) -> Amounts:
        """What a payment paid with its own money: what had waited pays first."""
        used, brought = self.used.get(step, 0), {}
        for bucket, part in self.allocated[step].items():
            taken = min(used, part)
            used -= taken
            brought[bucket] = part - taken
        return brought

    @property
    def due_total(self) -> int:
        """What should have been paid by now."""
        return sum(self.due.values())

    @property
    def owed_total(self) -> int:
        """Everything that is owed, due or not."""
        return sum(self.left.values())


@dataclass(slots=True)
class _Life:
    """A loan while its events are gone through."""

    contract: Contract
    day: date
    prepayments: list[Prepayment] = field(default_factory=list)
    drawdowns: list[Drawdown] = field(default_factory=list)
    rate_changes: list[RateChange] = field(default_factory=list)
    reschedules: list[Reschedule] = field(default_factory=list)
    instalments: list[Instalment] = field(default_factory=list)
    last_due: date = date.min
    advance: int = 0
    late_fees: int = 0
    recovered: int = 0
    written_off: bool = False
    sold: bool = False
    returned: int = 0
    re_aged: Amounts = field(default_factory=_none)
    accrued_then: int = 0
    paid: Amounts = field(default_factory=_none)
    waived: Amounts = field(default_factory=_none)
    allocated: dict[int, Amounts] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)
    planned: Schedule | None = None

    @property
    def late(self) -> LateTerms:
        """What being late costs."""
        return self.contract.product.late

    @property
    def schedule(self) -> Schedule:
        """The payments as they are planned now."""
        if self.planned is None:
            self.planned = schedule_of(self._terms())
        return self.planned

    def _terms(self, *more: Prepayment) -> Terms:
        return terms_of(self.contract)._replace(
            prepayments=(*self.prepayments, *more), drawdowns=tuple(self.drawdowns),
            rate_changes=tuple(self.rate_changes), reschedules=tuple(self.reschedules),
        )  # fmt: skip

    @property
    def drawn(self) -> int:
        """What was drawn so far."""
        return self.contract.principal + sum(d.amount for d in self.drawdowns)

    @property
    def capitalised(self) -> Amounts:
        """What was made principal, by what it had been owed as."""
        by_dates = {Bucket.INTEREST: self.schedule.capitalised}
        return {b: part + by_dates.get(b, 0) for b, part in self.re_aged.items()}

    # Time passes.

    def advance_to(self, day: date) -> None:
        """What falls due and becomes late up to the start of a day."""
        if self.written_off:
            self.day = day
            return
        for row in self.schedule.rows:
            if row.kind is RowKind.DUE and self.last_due < row.day <= day:
                self._pass_to(row.day)
                self._fall_due(row)
        self._pass_to(day)

    def _fall_due(self, row: ScheduleRow) -> None:
        self.last_due = row.day
        left = {
            Bucket.PENALTY: 0, Bucket.FEE: row.fee, Bucket.INTEREST: row.interest,
            Bucket.PRINCIPAL: row.principal,
        }  # fmt: skip
        self.instalments.append(Instalment(row.day, left))
        if self.advance:
            # The step of no payment: what waited is used.
            self.advance -= _total(self._allocate(self.advance))

    def _pass_to(self, day: date) -> None:
        rate = Fraction(self.late.penalty_rate) / _PENALTY_YEAR_DAYS
        for item in self.instalments:
            if not item.owed:
                continue
            nights = (day - max(self.day, item.day)).days
            if nights > 0:
                item.penalty_exact += item.left[Bucket.PRINCIPAL] * rate * nights
            self._mark_late(item, day)
        self.day = day

    def _mark_late(self, item: Instalment, day: date) -> None:
        if not item.is_late and day > item.day + timedelta(days=self.late.grace_days):
            item.is_late = True
            item.left[Bucket.FEE] += self.late.late_fee
            self.late_fees += self.late.late_fee
        if item.is_late:
            charged = whole(item.penalty_exact, Rounding.HALF_UP)
            item.left[Bucket.PENALTY] += charged - item.penalty_charged
            item.penalty_charged = charged

    # Money comes.

    def _places(self) -> Iterable[tuple[Instalment, Bucket]]:
        """Where a payment goes, in its order."""
        if self.late.oldest_first:
            return ((item, bucket) for item in self.instalments for bucket in self.late.order)
        return ((item, bucket) for bucket in self.late.order for item in self.instalments)

    def _allocate(self, amount: int) -> Amounts:
        """Pay what is due, as far as an amount goes."""
        paid = _none()
        for item, bucket in self._places():
            part = min(amount, item.left[bucket])
            item.left[bucket] -= part
            paid[bucket] += part
            amount -= part
        for bucket, part in paid.items():
            self.paid[bucket] += part
        return paid

    def payoff_row(self) -> ScheduleRow | None:
        """What would end the loan today beside what is due; None when nothing is left."""
        if self.written_off or not self._ahead():
            return None
        return schedule_of(self._terms(Prepayment(self.day, None))).rows[-1]

    def _ahead(self) -> int:
        """Principal that has not fallen due."""
        fallen = sum(
            row.principal
            for row in self.schedule.rows
            if row.kind is RowKind.EARLY or row.day <= self.last_due
        )
        return self.drawn + _total(self.capitalised) + self.returned - fallen

    def pay(self, step: int, amount: int, mode: PaymentMode, effect: Effect) -> None:
        """A payment: what is due first, then principal if it may be paid early; the rest waits."""
        if self.written_off:
            self.recovered += amount
            return
        if mode not in _WAITS:
            self.used[step] = self.advance
            amount, self.advance = amount + self.advance, 0
        paid = self._allocate(amount)
        rest = amount - _total(paid)
        if rest and mode not in _WAITS:
            rest -= self._pay_early(rest, effect, paid)
        self.allocated[step] = paid
        if rest:
            self.advance += rest
            self.waiting[step] = rest

    def _pay_early(self, amount: int, effect: Effect, paid: Amounts) -> int:
        """Pay principal before it is due; what could be paid so."""
        payoff = self.payoff_row()
        if payoff is None:
            return 0
        whole_loan = amount >= payoff.payment
        early = Prepayment(self.day, None if whole_loan else amount, effect)
        before = self.planned
        self.prepayments.append(early)
        self.planned = None
        try:
            rows = [r for r in self.schedule.rows if r.kind is RowKind.EARLY]
        except Refused:
            # It does not cover the interest and fee of paying early.
            self.prepayments.pop()
            self.planned = before
            return 0
        row = rows[-1]
        for bucket, part in (
            (Bucket.PRINCIPAL, row.principal), (Bucket.INTEREST, row.interest),
            (Bucket.FEE, row.fee),
        ):  # fmt: skip
            paid[bucket] += part
            self.paid[bucket] += part
        return row.payment

    def charge(self, amount: int) -> None:
        """A fee that is due at once."""
        left = _none() | {Bucket.FEE: amount}
        self.instalments.append(Instalment(self.day, left, is_late=True))
        self.late_fees += amount

    def write_off(self) -> None:
        """From here on nothing accrues, and what is paid is recovered."""
        payoff = self.payoff_row()
        self.accrued_then = payoff.interest if payoff is not None else 0
        self.written_off = True

    def waive(self, bucket: Bucket, amount: int) -> None:
        """Forgive what is due, the oldest first, as far as it is owed."""
        for item in self.instalments:
            part = min(amount, item.left[bucket])
            item.left[bucket] -= part
            self.waived[bucket] += part
            amount -= part

    # What is to come changes.

    def draw_more(self, amount: int) -> None:
        """A further part is drawn."""
        self.drawdowns.append(Drawdown(self.day, amount))
        self.planned = None

    def change_rate(self, annual_rate: Decimal) -> None:
        """Another rate holds from here on."""
        self.rate_changes.append(RateChange(self.day, annual_rate))
        self.planned = None

    def reschedule(self, new: NewDates, added: int = 0) -> None:
        """What is left is repaid by other dates."""
        every = Every(*new.every) if new.every else None
        self.reschedules.append(
            Reschedule(
                self.day, new.count, every, new.first_due, new.annual_rate, new.accrued, added
            )
        )
        self.planned = None

    def re_age(self, new: NewDates) -> None:
        """What is overdue is repaid by other dates: principal as it is, the rest as principal."""
        added = 0
        for item in self.instalments:
            added += item.owed
            self.returned += item.left[Bucket.PRINCIPAL]
            for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
                self.re_aged[bucket] += item.left[bucket]
            item.left = _none()
        self.reschedule(new, added)

    def sell(self) -> None:
        """From here on it is somebody else's."""
        self.write_off()
        self.sold = True

    # Where it stands.

    def _charged(self, payoff: ScheduleRow | None) -> Amounts:
        rows = [
            row for row in self.schedule.rows
            if row.kind is RowKind.EARLY or row.day <= self.last_due
        ]  # fmt: skip
        accrued = payoff.interest if payoff is not None else self.accrued_then
        return {
            Bucket.PRINCIPAL: self.drawn + _total(self.capitalised),
            Bucket.INTEREST: sum(row.interest for row in rows)
            + accrued
            + self.schedule.capitalised,
            Bucket.FEE: sum(row.fee for row in rows) + self.late_fees,
            Bucket.PENALTY: sum(item.penalty_charged for item in self.instalments),
        }

    def position(self) -> Position:
        """The loan as it stands."""
        payoff = self.payoff_row()
        charged = self._charged(payoff)
        gone = self.capitalised
        left = {b: charged[b] - self.paid[b] - self.waived[b] - gone[b] for b in Bucket}
        due = {b: sum(item.left[b] for item in self.instalments) for b in Bucket}
        unpaid = [item.day for item in self.instalments if item.owed]
        late_days = (self.day - min(unpaid)).days if unpaid else 0
        ahead = [
            row for row in self.schedule.rows if row.kind is RowKind.DUE and row.day > self.last_due
        ]
        if self.written_off:
            status = LoanStatus.SOLD if self.sold else LoanStatus.CHARGED_OFF
        else:
            status = LoanStatus.ACTIVE if any(left.values()) or ahead else LoanStatus.CLOSED
        early = payoff.payment if payoff is not None else 0
        return Position(
            day=self.day, status=status, charged=charged, left=left, due=due,
            waived=self.waived, capitalised=gone, advance=self.advance, recovered=self.recovered,
            allocated=self.allocated, waiting=self.waiting, used=self.used,
            instalments=tuple(self.instalments), schedule=self.schedule,
            days_past_due=late_days, payoff=_total(due) + early - self.advance,
            next_due=ahead[0].day if ahead else None,
            next_payment=ahead[0].payment if ahead else 0,
            accruing=payoff.interest if payoff is not None else 0,
            ahead=self._ahead(),
        )  # fmt: skip


def _total(amounts: Amounts) -> int:
    return sum(amounts.values())


def _happen(life: _Life, event: LoanEvent) -> None:
    match event.kind:
        case LoanEventKind.PAYMENT:
            life.pay(event.step, event.amount, PaymentMode(event.detail), event.effect)
        case LoanEventKind.REFUND:
            life.pay(event.step, event.amount, PaymentMode.EARLY, event.effect)
        case LoanEventKind.WAIVER:
            life.waive(Bucket(event.detail), event.amount)
        case LoanEventKind.CHARGE_OFF:
            life.write_off()
        case LoanEventKind.FEE:
            life.charge(event.amount)
        case LoanEventKind.DRAWDOWN:
            life.draw_more(event.amount)
        case LoanEventKind.RATE_CHANGE:
            life.change_rate(Decimal(event.detail))
        case LoanEventKind.RESCHEDULE:
            life.reschedule(decode_json(event.detail, NewDates))
        case LoanEventKind.RE_AGE:
            life.re_age(decode_json(event.detail, NewDates))
        case LoanEventKind.SALE:
            life.sell()
        case LoanEventKind.REVERSAL | LoanEventKind.SELLER_FEE:
            pass


def live(contract: Contract, events: Sequence[LoanEvent], day: date) -> Position:
    """Where a loan stands at the start of a day, after the events up to and on that day.

    Args:
        events: in order of their steps; those that a later one takes back are left out. One that
            was written later than its day has its place by its day.
    """
    taken_back = {e.detail for e in events if e.kind is LoanEventKind.REVERSAL}
    life = _Life(contract, contract.start)
    for event in sorted(events, key=lambda one: one.day):
        if str(event.step) in taken_back:
            continue
        life.advance_to(date.fromisoformat(event.day))
        _happen(life, event)
    life.advance_to(day)
    return life.position()
