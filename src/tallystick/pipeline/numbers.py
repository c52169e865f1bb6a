"""Numbers that people see, derived from the request that made them, so nothing is random.

A dated number is 28 digits: the day in China time (UTC+8), then 20 digits of a digest. A party
number is 16 digits beginning with 2088, as partners know them.
"""

from __future__ import annotations

import functools
import hashlib
import time

__all__ = ["dated_number", "party_number"]

_UTC_PLUS_8_S = 8 * 3600
_DAY_S = 86_400


def _digits(request_key: bytes, salt: str, count: int) -> str:
    digest = hashlib.blake2b(request_key + salt.encode(), digest_size=16).digest()
    return str(int.from_bytes(digest, "big") % 10**count).zfill(count)


def dated_number(now_ms: int, request_key: bytes, salt: str = "") -> str:
    """28 digits: `yyyymmdd` in UTC+8, then 20 digits that stand for the request.

    Args:
        salt: tells apart several numbers of one request.
    """
    return _day((now_ms // 1000 + _UTC_PLUS_8_S) // _DAY_S) + _digits(request_key, salt, 20)


@functools.lru_cache(maxsize=4)
def _day(days: int) -> str:
    """`yyyymmdd` of so many days since 1970."""
    return time.strftime("%Y%m%d", time.gmtime(days * _DAY_S))


def party_number(request_key: bytes) -> str:
    """16 digits beginning with 2088."""
    return "2088" + _digits(request_key, "party", 12)
