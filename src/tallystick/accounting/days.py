"""Days of the books: whole days in China time, counted from 1970-01-01.

A book that is *value-dated* keeps each entry's effective day in `user_data_32`, so that it is part
of the entry, of the journal and of its proofs. 0 is the day on which the entry was made.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

__all__ = ["DAY_MS", "date_of", "day_begins_ms", "day_of_date", "day_of_ms", "effective_day",
           "given_day"]  # fmt: skip

DAY_MS: Final = 86_400_000
_CHINA_MS: Final = 8 * 3_600_000
_NS_PER_MS: Final = 1_000_000
_FIRST: Final = date(1970, 1, 1)
_LAST: Final = (date.max - _FIRST).days


def day_of_ms(at_ms: int) -> int:
    """The day of a moment."""
    return (at_ms + _CHINA_MS) // DAY_MS


def day_begins_ms(day: int) -> int:
    """The first moment of a day."""
    return day * DAY_MS - _CHINA_MS


def day_of_date(on: date) -> int:
    """The number of a calendar day."""
    return (on - _FIRST).days


def date_of(day: int) -> date:
    """The calendar day of a number (OverflowError beyond the year 9999)."""
    return _FIRST + timedelta(days=day)


def given_day(user_data_32: int) -> date | None:
    """The calendar day that an entry of a value-dated book names.

    None for none, and for a number that is no day: what moves nothing may carry any.
    """
    return date_of(user_data_32) if 0 < user_data_32 <= _LAST else None


def effective_day(user_data_32: int, timestamp: int) -> int:
    """The day on which an entry of a value-dated book takes effect."""
    return user_data_32 or day_of_ms(timestamp // _NS_PER_MS)
