"""Days and hours of loans: a loan's day is the day in China."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from tallystick.money.china_time import china_time, parse_china_time

__all__ = ["collect_ms", "loan_day"]

_HOUR_MS: Final = 3_600_000


def loan_day(at_ms: int) -> date:
    """The day in China on which a moment lies."""
    return date.fromisoformat(china_time(at_ms)[:10])


@lru_cache(maxsize=1024)
def collect_ms(day: date, hours: int) -> int:
    """The moment that is so many hours after a day begins in China."""
    begins = parse_china_time(f"{day.isoformat()} 00:00:00")
    assert begins is not None, day
    return begins + hours * _HOUR_MS
