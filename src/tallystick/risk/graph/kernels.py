"""Loops over edges that numpy cannot say: plain Python for few, compiled by numba for millions.

Importing numba takes longer than answering most questions about a small graph, so it waits until
there is so much to do that it pays. What it compiled is kept on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "Ints",
    "Rows",
    "append_edges",
    "bound_windows",
    "collect_marked",
    "fit",
    "join_components",
    "move_blocks",
    "move_to_communities",
]

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
Floats = NDArray[np.float64]

_F = TypeVar("_F", bound=Callable[..., Any])

_PLAIN_MAX: Final = 50_000


_plain_steps: Counter[str] = Counter()


def fit(loop: _F, steps: int) -> _F:
    """A loop as it is best run for so many steps: as it is, or compiled.

    Once it has gone so many steps that compiling it had paid, it is compiled.
    """
    _plain_steps[loop.__name__] += steps
    return loop if _plain_steps[loop.__name__] <= _PLAIN_MAX else cast(_F, _compiled(loop))


@cache
def _compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    from numba import njit

    return cast(Callable[..., Any], njit(cache=True, nogil=True)(loop))


def append_edges(
    blocks: tuple[Ints, Rows, Rows, Ints],
    columns: tuple[Rows, Ints, Floats],
    new: tuple[Rows, Rows, Ints, Floats],
) -> int:
    """Append edges to their blocks, in their order, for as long as that can be done in place.

    Args:
        blocks: starts, lengths and rooms by vertex, and what is used of the pool and what was
            left behind in it; changed.
        columns: the pool's neighbours, times and values; no values if the kind carries none.
        new: the edges' vertices, neighbours, times and values.

    Returns:
        How many were appended: fewer than there are if the pool is full or an edge is older
        than the newest of its block.
    """
    starts, lengths, rooms, pool = blocks
    neighbours, times, values = columns
    rows, new_neighbours, new_times, new_values = new
    valued = len(values) > 0
    for at in range(len(rows)):
        row = rows[at]
        start, length = starts[row], lengths[row]
        if length > 0 and new_times[at] < times[start + length - 1]:
            return at
        if length == rooms[row]:
            room = length + max(4, length // 4)
            fresh = pool[0]
            if fresh + room > len(neighbours):
                return at
            for place in range(length):
                neighbours[fresh + place] = neighbours[start + place]
                times[fresh + place] = times[start + place]
                if valued:
                    values[fresh + place] = values[start + place]
            pool[0] += room
            pool[1] += rooms[row]
            starts[row] = start = fresh
            rooms[row] = room
        neighbours[start + length] = new_neighbours[at]
        times[start + length] = new_times[at]
        if valued:
            values[start + length] = new_values[at]
        lengths[row] = length + 1
    return len(rows)


def bound_windows(
    blocks: tuple[Ints, Rows, Ints],
    rows: NDArray[Any],
    window: tuple[int, int],
    bounds: tuple[Ints, Ints],
) -> None:
    """Where the edges of each vertex that are in a window begin and end in the pool.

    Args:
        blocks: starts and lengths by vertex, and the pool's times.
        window: times, both ends outside.
        bounds: begins and ends, in the order of `rows`; changed.
    """
    starts, lengths, times = blocks
    after, before = window
    firsts, lasts = bounds
    for at in range(len(rows)):
        low = starts[rows[at]]
        end = low + lengths[rows[at]]
        high = end
        while low < high:
            middle = (low + high) // 2
            if times[middle] > after:
                high = middle
            else:
                low = middle + 1
        firsts[at] = low
        high = end
        while low < high:
            middle = (low + high) // 2
            if times[middle] >= before:
                high = middle
            else:
                low = middle + 1
        lasts[at] = low


def collect_marked(
    neighbours: Rows, bounds: tuple[Ints, Ints], marked: NDArray[np.bool_], found: Rows
) -> int:
    """Gather the marked vertices at the other end of some edges, each as often as it is met.

    Args:
        bounds: begins and ends in the pool.
        found: as long as there are edges; changed.

    Returns:
        How many were found.
    """
    firsts, lasts = bounds
    count = 0
    for at in range(len(firsts)):
        for place in range(firsts[at], lasts[at]):
            if marked[neighbours[place]]:
                found[count] = neighbours[place]
                count += 1
    return count


def move_blocks(
    column: NDArray[Any], fresh: NDArray[Any], old: Ints, new: Ints, lengths: Rows
) -> None:
    """Copy every vertex's block of a column to its new start in a fresh one."""
    for row in range(len(lengths)):
        source, target = old[row], new[row]
        for place in range(lengths[row]):
            fresh[target + place] = column[source + place]


def join_components(parents: Ints, starts: Ints, lengths: Rows, neighbours: Rows) -> None:
    """Join the sets of both ends of all edges; a set is known by its smallest member.

    Args:
        parents: a forest, each vertex its own parent at first; changed.
    """
    for row in range(len(lengths)):
        for place in range(starts[row], starts[row] + lengths[row]):
            one, other = row, neighbours[place]
            while parents[one] != one:
                parents[one] = parents[parents[one]]
                one = parents[one]
            while parents[other] != other:
                parents[other] = parents[parents[other]]
                other = parents[other]
            if one < other:
                parents[other] = one
            elif other < one:
                parents[one] = other


def move_to_communities(
    labels: Ints,
    sides: tuple[tuple[Ints, Rows, Rows], tuple[Ints, Rows, Rows]],
    weights: Floats,
    degrees: Floats,
    totals: Floats,
    around: Floats,
) -> int:
    """One round of moving vertices: each goes to the community where modularity gains most.

    Vertices go in order of their rows and see what came before; a vertex stays unless it gains
    by going, and of equal communities takes the one of the smallest label.

    Args:
        labels: changed.
        sides: starts, lengths and neighbours of the edges, from both ends.
        weights: of the edges of the first side; empty if every edge weighs one. Weighted edges
            stand at both of their ends on the first side.
        degrees: what a vertex's edges weigh.
        totals: what the edges of a community's members weigh, by label; changed.
        around: as many zeros as there are labels; left as zeros.

    Returns:
        How many moved.
    """
    moved = 0
    everything = degrees.sum()
    unit = len(weights) == 0
    for row in range(len(labels)):
        if degrees[row] == 0:
            continue
        own = labels[row]
        totals[own] -= degrees[row]
        for starts, lengths, neighbours in sides:
            for at in range(starts[row], starts[row] + lengths[row]):
                if neighbours[at] != row:
                    around[labels[neighbours[at]]] += 1.0 if unit else weights[at]
        share = degrees[row] / everything
        best, most = own, around[own] - share * totals[own]
        for starts, lengths, neighbours in sides:
            for at in range(starts[row], starts[row] + lengths[row]):
                label = labels[neighbours[at]]
                gain = around[label] - share * totals[label]
                if gain > most + 1e-9 or (gain > most - 1e-9 and best != own and label < best):
                    best, most = label, gain
        for starts, lengths, neighbours in sides:
            for at in range(starts[row], starts[row] + lengths[row]):
                around[labels[neighbours[at]]] = 0.0
        totals[best] += degrees[row]
        if best != own:
            labels[row] = best
            moved += 1
    return moved
