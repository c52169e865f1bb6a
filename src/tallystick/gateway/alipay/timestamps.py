"""The protocol's wall-clock times: `yyyy-MM-dd HH:mm:ss`, China time (UTC+8).

The documentation says China time, but the official Python and Node clients send the wall clock
of the machine they run on. A stamp is therefore also accepted when it is the present moment on
the wall clock of another UTC offset in use.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = [
    "ANY_UTC_OFFSETS_MIN",
    "CHINA_OFFSET_MIN",
    "format_china_time",
    "is_present",
    "parse_china_time",
]

CHINA_OFFSET_MIN: Final = 480

# Every UTC offset in use, in minutes (IANA time zone database); the likeliest come first.
ANY_UTC_OFFSETS_MIN: Final = (
    CHINA_OFFSET_MIN,
    0,
    *(hours * 60 for hours in range(-12, 15) if hours not in (0, 8)),
    *(-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825),
)

_PATTERN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
# What a clock in China showed at the epoch. The zone only marks both sides of a difference.
_CHINA_EPOCH: Final = datetime(1970, 1, 1, 8, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def parse_china_time(text: str) -> int | None:
    """Milliseconds since 1970 UTC of a China time, or None when it is not one."""
    if _PATTERN.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{text}+00:00")
    except ValueError:
        return None
    return (moment - _CHINA_EPOCH) // _SECOND * 1000


def format_china_time(moment_ms: int) -> str:
    """The China time of a moment, whole seconds."""
    moment = _CHINA_EPOCH + timedelta(seconds=moment_ms // 1000)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def is_present(
    timestamp_ms: int,
    now_ms: int,
    *,
    window_ms: int,
    utc_offsets_min: tuple[int, ...] = (CHINA_OFFSET_MIN,),
) -> bool:
    """Whether a stamp, read as China time, is now to within `window_ms` either way.

    Args:
        timestamp_ms: the stamp, as `parse_china_time` gives it.
        now_ms: the present, milliseconds since 1970 UTC.
        window_ms: how far the caller's clock may be off.
        utc_offsets_min: the wall clocks that are accepted, as minutes east of UTC.
    """
    drift_ms = timestamp_ms - now_ms
    return any(
        abs(drift_ms - (offset - CHINA_OFFSET_MIN) * 60_000) <= window_ms
        for offset in utc_offsets_min
    )
