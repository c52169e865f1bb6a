"""What a fee comes to."""

from __future__ import annotations

from fractions import Fraction

from tallystick.credit.schedules.amortise import whole
from tallystick.credit.schedules.terms import Fee
from tallystick.money.rate import Rounding

__all__ = ["fee_of"]


def fee_of(fee: Fee, base: int, rounding: Rounding) -> int:
    """The fee's amount, and its rate of a base in minor units, rounded once."""
    return fee.amount + whole(base * Fraction(fee.rate), rounding)
