"""China time (UTC+8, no daylight saving): the wall clock that partners read and write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["CHINA_OFFSET_MIN", "china_midnight_ms", "china_time", "parse_china_time"]

CHINA_OFFSET_MIN: Final = 480
"""Minutes east of UTC."""

_DAY_MS: Final = 86_400_000
_OFFSET_MS: Final = CHINA_OFFSET_MIN * 60_000
_PATTERN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
# What a clock in China showed at the epoch. The zone only marks both sides of a difference.
_CHINA_EPOCH: Final = datetime(1970, 1, 1, 8, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def china_time(at_ms: int) -> str:
    """`yyyy-MM-dd HH:mm:ss` of a moment, whole seconds; empty for 0, which means not yet."""
    if at_ms == 0:
        return ""
    moment = _CHINA_EPOCH + timedelta(seconds=at_ms // 1000)
    return moment.isoformat(" ")[:19]


def parse_china_time(text: str) -> int | None:
    """Milliseconds since 1970 UTC of `yyyy-MM-dd HH:mm:ss`, or None when it is not one."""
    if _PATTERN.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{text}+00:00")
    except ValueError:
        return None
    return (moment - _CHINA_EPOCH) // _SECOND * 1000


def china_midnight_ms(at_ms: int) -> int:
    """The first moment of the next day in China."""
    return at_ms + _DAY_MS - (at_ms + _OFFSET_MS) % _DAY_MS
