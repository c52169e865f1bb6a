"""How often an address may ask what anybody may ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from tallystick.pipeline.refusals import Refused

__all__ = ["RateLimit"]

_BURST: Final = 300
_PER_SECOND: Final = 30
_ADDRESSES_MAX: Final = 10_000


class _Bucket(NamedTuple):
    """Thousandths of a request that an address has left, as of a moment."""

    left: int
    at_ms: int


class RateLimit:
    """A bucket of requests for each address, refilled at a steady rate (token bucket).

    Of more addresses than can be kept, the one that asked longest ago is forgotten.
    """

    def __init__(
        self, clock_ms: Callable[[], int], *, burst: int = _BURST, per_second: int = _PER_SECOND
    ) -> None:
        self._clock_ms = clock_ms
        self._full = burst * 1000
        self._per_second = per_second
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, address: str) -> None:
        """Count a request of an address.

        Raises:
            Refused: TOO_MANY_REQUESTS.
        """
        now_ms = self._clock_ms()
        bucket = self._buckets.pop(address, _Bucket(self._full, now_ms))
        passed_ms = max(0, now_ms - bucket.at_ms)
        left = min(self._full, bucket.left + passed_ms * self._per_second)
        allowed = left >= 1000
        self._buckets[address] = _Bucket(left - 1000 if allowed else left, now_ms)
        if len(self._buckets) > _ADDRESSES_MAX:
            self._buckets.popitem(last=False)
        if not allowed:
            raise Refused("TOO_MANY_REQUESTS")
