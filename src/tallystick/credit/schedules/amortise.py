"""How a period's payment is found: one small rule for each method, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from tallystick.credit.schedules.terms import Method
from tallystick.money.rate import Rounding

__all__ = ["Outlook", "equal_instalment", "portion_of", "whole"]


class Outlook(NamedTuple):
    """What is known of a loan at the end of a period, just before its payment.

    Args:
        balance: principal left, minor units.
        accrued: the period's interest, exactly.
        factors: interest on 1 in each later period, exactly.
        paying: how many payments are left that pay principal, this one included.
        target: what is to be left for the last payment besides (a balloon).
    """

    balance: int
    accrued: Fraction
    factors: Sequence[Fraction]
    paying: int
    target: int = 0


def _half(numerator: int, denominator: int, rounding: Rounding) -> int:
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder - denominator
    if twice != 0:
        return quotient + (twice > 0)
    if rounding is Rounding.HALF_EVEN:
        return quotient + quotient % 2
    return quotient + (rounding is Rounding.HALF_UP)


def whole(exact: Fraction, rounding: Rounding) -> int:
    """An exact amount that is not negative in whole minor units, rounded once, as named."""
    assert exact >= 0, exact
    return _quotient(exact.numerator, exact.denominator, rounding)


def _quotient(numerator: int, denominator: int, rounding: Rounding) -> int:
    if rounding in (Rounding.UP, Rounding.CEILING):
        return -(-numerator // denominator)
    if rounding in (Rounding.DOWN, Rounding.FLOOR):
        return numerator // denominator
    return _half(numerator, denominator, rounding)


def equal_instalment(outlook: Outlook, rounding: Rounding) -> int:
    """The payment that, paid now and in each later period, leaves just the target at the end.

    With `q` as the interest factor of a period, a balance grows to `balance × (1 + q)` and the
    payments to their own future value; the instalment is the quotient of both, rounded once.
    Numerators are kept apart from their common denominator, which no step needs to reduce.
    """
    accrued = outlook.accrued
    owed = outlook.balance * accrued.denominator + accrued.numerator
    paid = denominator = accrued.denominator
    for factor in outlook.factors:
        grown = factor.denominator + factor.numerator
        owed *= grown
        paid = paid * grown + denominator * factor.denominator
        denominator *= factor.denominator
    target = min(outlook.target, outlook.balance)
    return max(0, _quotient(owed - target * denominator, paid, rounding))


def portion_of(method: Method, outlook: Outlook, rounding: Rounding) -> int:
    """What the method keeps equal from now on: the payment, or the principal in it."""
    if method in (Method.EQUAL_INSTALMENT, Method.BALLOON):
        return equal_instalment(outlook, rounding)
    if method is Method.INTEREST_FIRST:
        return 0
    return _quotient(outlook.balance, outlook.paying, rounding)
