"""Applying a decimal rate to an amount, with the rounding named."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)
from enum import Enum
from functools import lru_cache

__all__ = ["Rounding", "apply_rate", "parse_rate"]

# 19 digits of amount times 28 of rate, exactly.
_EXACT = Context(prec=60)


class Rounding(Enum):
    """How a fraction of the minor unit becomes whole."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN
    HALF_DOWN = ROUND_HALF_DOWN
    UP = ROUND_UP
    DOWN = ROUND_DOWN
    CEILING = ROUND_CEILING
    FLOOR = ROUND_FLOOR


@lru_cache(maxsize=1024)
def parse_rate(text: str) -> Decimal:
    """A finite decimal rate (`"0.006"`); ValueError for anything else."""
    try:
        rate = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"{text!r} is not a decimal rate") from error
    if not rate.is_finite():
        raise ValueError(f"{text!r} is not a finite rate")
    return rate


def apply_rate(amount: int, rate: Decimal, rounding: Rounding) -> int:
    """`amount × rate` in whole minor units, rounded once, as named."""
    exact = _EXACT.multiply(Decimal(amount), rate)
    return int(exact.quantize(Decimal(1), rounding=rounding.value, context=_EXACT))
