"""What paying early would save, before anything is paid: the life of the loan with the payment."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from tallystick.credit.loans.life import Position, live
from tallystick.credit.loans.model import Contract, LoanEvent, LoanEventKind, PaymentMode
from tallystick.credit.schedules.schedule import RowKind
from tallystick.credit.schedules.terms import Effect

__all__ = ["Prepaid", "prepaid"]


class Prepaid(NamedTuple):
    """A loan as it would be after a payment; amounts in minor units.

    Args:
        amount: what is taken; at most what ends the loan.
        saving: interest and fees that are not to be paid any more, less the fee of paying early.
        payments, instalment, last_day: what is left to pay, and the next of it.
    """

    amount: int
    saving: int
    position: Position
    payments: int
    instalment: int
    last_day: date | None


def _to_come(position: Position, day: date) -> int:
    """Interest and fees that fall due after a day, and those of paying early on it."""
    return sum(
        row.interest + row.fee
        for row in position.schedule.rows
        if row.day > day or (row.kind is RowKind.EARLY and row.day == day)
    )


def prepaid(
    contract: Contract, events: tuple[LoanEvent, ...], day: date, amount: int, effect: Effect
) -> Prepaid:
    """What a payment of an amount today would change; 0 ends the loan.

    Raises:
        Refused: the loan cannot be paid early so.
    """
    before = live(contract, events, day)
    taken = min(amount, before.payoff) if amount else before.payoff
    step = max((e.step for e in events), default=0) + 1
    payment = LoanEvent(
        "0", step, LoanEventKind.PAYMENT, day.isoformat(), taken, PaymentMode.EARLY.value, effect,
        "", "", 0,
    )  # fmt: skip
    after = live(contract, (*events, payment), day)
    left = [r for r in after.schedule.rows if r.kind is RowKind.DUE and r.day > day]
    return Prepaid(
        taken,
        _to_come(before, day) - _to_come(after, day),
        after,
        len(left),
        left[0].payment if left else 0,
        left[-1].day if left else None,
    )
