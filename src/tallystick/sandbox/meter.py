"""Counts of a run: answers and their latency, second by second and in all; errors by code."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tallystick.sandbox.history import Call

__all__ = ["Meter", "Second", "percentile"]


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of values in order; 0 when there are none."""
    if not sorted_values:
        return 0.0
    at = min(len(sorted_values) - 1, int(share * len(sorted_values)))
    return sorted_values[at]


class Second(NamedTuple):
    """What happened since the last look: answers, their rate and latency (milliseconds)."""

    answers: int
    per_s: float
    p50_ms: float
    p99_ms: float


class Meter:
    """Counts what clients see."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin to count anew."""
        self.latencies_ms: list[float] = []
        self.refused: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.repeated = 0
        self.late_ms: list[float] = []
        """How much later than drawn each arrival began."""
        self._seen = 0
        self._seen_s = time.monotonic()

    def answered(self, call: Call) -> None:
        """Count an answer; its latency runs from the first try."""
        self.latencies_ms.append((call.answered_s - call.sent_s) * 1000)
        if not call.accepted:
            self.refused[call.code] += 1

    def error(self, name: str) -> None:
        """Count a try that had no answer, or one that says to try again."""
        self.errors[name] += 1

    def arrived(self, late_s: float) -> None:
        """Count an arrival that began so much later than it was to."""
        self.late_ms.append(max(0.0, late_s) * 1000)

    def look(self) -> Second:
        """What happened since the last look."""
        now_s = time.monotonic()
        recent = sorted(self.latencies_ms[self._seen :])
        spent_s = max(now_s - self._seen_s, 1e-9)
        self._seen, self._seen_s = len(self.latencies_ms), now_s
        return Second(
            len(recent),
            len(recent) / spent_s,
            percentile(recent, 0.5),
            percentile(recent, 0.99),
        )
