"""Sharing out an amount so that it always adds up (largest remainder)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["share_out"]


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
