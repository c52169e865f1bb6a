"""Champion and challenger: who is in which arm, and which of the two does better. Pure."""

from __future__ import annotations

import hashlib
from math import sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

__all__ = [
    "ARMS",
    "CHALLENGER",
    "CHAMPION",
    "ArmResult",
    "Comparison",
    "Interval",
    "arm_of",
    "compare",
    "wilson",
]

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
ARMS: Final = (CHAMPION, CHALLENGER)
_Z: Final = NormalDist().inv_cdf(0.975)
_THOUSAND: Final = 1000


def arm_of(split_id: str, borrower_id: str, challenger_permille: int) -> str:
    """The arm of a borrower: by lot, and always the same one.

    Args:
        challenger_permille: how many of a thousand are in the challenger's.
    """
    digest = hashlib.blake2b(f"{split_id}\0{borrower_id}".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big") % _THOUSAND
    return CHALLENGER if drawn < challenger_permille else CHAMPION


class Interval(NamedTuple):
    """A share and its 95 % confidence interval, as fractions of 1."""

    value: float
    low: float
    high: float


def wilson(hits: int, count: int) -> Interval:
    """A share with its interval by score (Wilson 1927); all of 0 to 1 when nothing is counted."""
    if not count:
        return Interval(0.0, 0.0, 1.0)
    share, square = hits / count, _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count))
    half /= 1 + square / count
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


class ArmResult(NamedTuple):
    """What came of one arm. Money in minor units.

    Args:
        cases: that were opened at least `cured_within` days ago, so that each had the same time.
        cured: those of them that were cured within it.
    """

    arm: str
    strategy_id: str
    cases: int = 0
    cured: int = 0
    contacts: int = 0
    collected: int = 0
    cost: int = 0

    @property
    def cured_share(self) -> Interval:
        """The share that was cured."""
        return wilson(self.cured, self.cases)

    @property
    def per_contact(self) -> int:
        """What was collected for each contact, its cost taken off, rounded down."""
        return (self.collected - self.cost) // self.contacts if self.contacts else 0


class Comparison(NamedTuple):
    """Both arms, and by how much more the challenger cures.

    `verdict` is `challenger` or `champion` when the interval of the difference leaves nothing out,
    else `open`.
    """

    champion: ArmResult
    challenger: ArmResult
    difference: Interval
    verdict: str


def compare(champion: ArmResult, challenger: ArmResult) -> Comparison:
    """Compare the arms' shares of cured cases (Newcombe 1998, method 10)."""
    old, new = champion.cured_share, challenger.cured_share
    value = new.value - old.value
    low = value - sqrt((new.value - new.low) ** 2 + (old.high - old.value) ** 2)
    high = value + sqrt((new.high - new.value) ** 2 + (old.value - old.low) ** 2)
    verdict = "open"
    if champion.cases and challenger.cases:
        verdict = "challenger" if low > 0 else "champion" if high < 0 else "open"
    return Comparison(champion, challenger, Interval(value, low, high), verdict)
