"""Sharing out an amount so that it always adds up.

`share_out` is the largest remainder, for an amount that is shared once. `apportion` is for a
running total that is shared again and again: there a larger total takes nothing from anybody.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["apportion", "share_out"]


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` minor units in proportion to whole weights; the parts add up to it.

    Each part is the exact share rounded down, and the units that are left go to the largest
    remainders, the first of equal ones first (Hamilton's method). A negative total is the
    mirror of its positive.

    Raises:
        ValueError: no weights, a negative one, or all zero.
    """
    whole = sum(weights)
    if not weights or min(weights) < 0 or whole == 0:
        raise ValueError("weights must be whole numbers, none negative and not all zero")
    if total < 0:
        return [-part for part in share_out(-total, weights)]
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    left = total - sum(parts)
    for at in sorted(range(len(parts)), key=lambda i: -remainders[i])[:left]:
        parts[at] += 1
    return parts


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a running total in proportion to whole weights; the parts add up to it.

    Webster's method (Sainte-Laguë): each part is rounded half up, and what is then too much is
    taken from where it was least due, what is missing goes where it is most due; of equal ones
    the first keeps or gets it. Unlike the largest remainder it is monotone: a larger total takes
    no unit from any part (Balinski and Young, *Fair Representation*, 1982), so that the difference
    between two totals is shared without negative parts.

    Raises:
        ValueError: a negative total; no weights, a negative one, or all zero.
    """
    whole = sum(weights)
    if total < 0 or not weights or min(weights) < 0 or whole == 0:
        raise ValueError("a total and weights are whole numbers, none negative, not all zero")
    parts = [(2 * total * weight + whole) // (2 * whole) for weight in weights]
    excess = sum(parts) - total
    while excess > 0:
        parts[_least_due(parts, weights)] -= 1
        excess -= 1
    while excess < 0:
        parts[_most_due(parts, weights)] += 1
        excess += 1
    return parts


def _least_due(parts: list[int], weights: Sequence[int]) -> int:
    """Where the unit lies that Webster's order gave last."""
    found = -1
    for at, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        if part and (
            found < 0 or weight * (2 * parts[found] - 1) <= weights[found] * (2 * part - 1)
        ):
            found = at
    return found


def _most_due(parts: list[int], weights: Sequence[int]) -> int:
    """Who gets the next unit in Webster's order."""
    found = 0
    for at, (part, weight) in enumerate(zip(parts, weights, strict=True)):
        if weight * (2 * parts[found] + 1) > weights[found] * (2 * part + 1):
            found = at
    return found
