"""Whether a request's stamp is of now: the protocol's wall-clock times name no UTC offset.

The documentation says China time, but the official Python and Node clients send the wall clock
of the machine they run on. A stamp is therefore read as China time, as UTC, or as the server's
own wall clock, and as no other: each further clock is one more moment at which a recorded
request would look fresh.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Final

from tallystick.money.china_time import CHINA_OFFSET_MIN

__all__ = ["accepted_offsets_min", "moment_of"]

_QUARTER_MS: Final = 15 * 60_000


def accepted_offsets_min(configured: tuple[int, ...], now_ms: int) -> tuple[int, ...]:
    """The wall clocks that are accepted, as minutes east of UTC; the likeliest come first.

    Args:
        configured: what the operator set; empty means China, UTC and the server's own.
        now_ms: the present, milliseconds since 1970 UTC: the server's own clock may change
            with the season.
    """
    return configured or _offsets_in_quarter(now_ms // _QUARTER_MS)


@functools.lru_cache(maxsize=2)
def _offsets_in_quarter(quarter: int) -> tuple[int, ...]:
    """Those of China, UTC and the server; clocks change at a quarter of an hour, if at all."""
    moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC)
    own = moment.astimezone().utcoffset()
    assert own is not None
    return tuple(dict.fromkeys((CHINA_OFFSET_MIN, 0, int(own.total_seconds()) // 60)))


def moment_of(
    timestamp_ms: int, now_ms: int, *, window_ms: int, utc_offsets_min: tuple[int, ...]
) -> int | None:
    """The moment that a stamp means, in milliseconds since 1970 UTC; None when it is not now.

    Args:
        timestamp_ms: the stamp, read as China time.
        now_ms: the present, milliseconds since 1970 UTC.
        window_ms: how far the caller's clock may be off, either way.
        utc_offsets_min: the wall clocks that are accepted, as minutes east of UTC.
    """
    for offset in utc_offsets_min:
        moment_ms = timestamp_ms - (offset - CHINA_OFFSET_MIN) * 60_000
        if abs(moment_ms - now_ms) <= window_ms:
            return moment_ms
    return None
