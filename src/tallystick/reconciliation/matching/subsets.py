"""Which of a few amounts add up to another: a search whose steps are counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Found", "Steps", "find_subsets"]


class Steps:
    """How many steps are left for all searches together."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        """Use one; False when none is left."""
        self.left -= 1
        return self.left >= 0


class Found(NamedTuple):
    """The first subset by position, and whether there is another."""

    positions: tuple[int, ...]
    is_only: bool


def find_subsets(
    amounts: Sequence[int], target: int, *, parts_max: int, steps: Steps
) -> Found | None:
    """The subsets of 2 to `parts_max` positive amounts that add up to a positive target.

    Looked for in falling order of amounts, so that what cannot be reached any more is left at
    once. None when there is no such subset, or the steps came to their end before one was found;
    a search that was cut short never calls its find the only one.
    """
    order = sorted(range(len(amounts)), key=lambda at: (-amounts[at], at))
    rest = [0] * (len(order) + 1)
    for at in range(len(order) - 1, -1, -1):
        rest[at] = rest[at + 1] + amounts[order[at]]
    found: list[tuple[int, ...]] = []
    stack: list[tuple[int, int, tuple[int, ...]]] = [(0, target, ())]
    while stack and len(found) < 2 and steps.take():
        at, wanted, chosen = stack.pop()
        if wanted == 0:
            if len(chosen) > 1:
                found.append(chosen)
            continue
        if at == len(order) or wanted > rest[at] or len(chosen) == parts_max:
            continue
        stack.append((at + 1, wanted, chosen))
        if amounts[order[at]] <= wanted:
            stack.append((at + 1, wanted - amounts[order[at]], (*chosen, order[at])))
    if not found:
        return None
    return Found(tuple(sorted(found[0])), len(found) == 1 and not stack)
