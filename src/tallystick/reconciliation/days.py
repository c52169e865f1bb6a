"""Days as whole numbers."""

from __future__ import annotations

from datetime import date
from typing import Final

from tallystick.money.china_time import CHINA_OFFSET_MIN

__all__ = ["day_begins_ns", "day_number", "day_of", "day_of_ms"]

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000
_OFFSET_MS: Final = CHINA_OFFSET_MIN * 60_000
_NS_PER_MS: Final = 1_000_000


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The day of a number of days since 1970-01-01."""
    return date.fromordinal(number + _EPOCH)


def day_of_ms(at_ms: int) -> int:
    """The day in China time, counted from 1970-01-01."""
    return (at_ms + _OFFSET_MS) // _DAY_MS


def day_begins_ns(day: int) -> int:
    """When a day begins in China time, nanoseconds since 1970 UTC; 0 for one before."""
    return max(0, day * _DAY_MS - _OFFSET_MS) * _NS_PER_MS
