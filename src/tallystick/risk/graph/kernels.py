"""Loops over edges that numpy cannot say: plain Python for few, compiled by numba for millions.

Importing numba takes longer than answering most questions about a small graph, and 130 MB, so it
waits until there is so much to do that it pays: for questions until they have gone so many steps,
for writes until that many come at once. What it compiled is kept on disk.
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
    "count_live",
    "find_blocks",
    "fit",
    "fit_at_once",
    "join_components",
    "move_to_communities",
    "ready",
    "relocate_blocks",
]

Ints = NDArray[np.int64]
Rows = NDArray[np.int32]
Floats = NDArray[np.float64]

_F = TypeVar("_F", bound=Callable[..., Any])

_PLAIN_MAX: Final = 50_000
_COLUMNS_MAX: Final = 5_000_000


_plain_steps: Counter[str] = Counter()


def fit(loop: _F, steps: int) -> _F:
    """A question's loop as it is best run for so many steps: as it is, or compiled.

    Once it has gone so many steps that compiling it had paid, it is compiled.
    """
    _plain_steps[loop.__name__] += steps
    return loop if _plain_steps[loop.__name__] <= _PLAIN_MAX else cast(_F, _compiled(loop))


def fit_at_once(loop: _F, steps: int) -> _F:
    """A write's loop for so many steps, however often it was run: nobody pays waits for numba."""
    return cast(_F, _compiled(loop)) if steps > _PLAIN_MAX else ready(loop, loop)


def ready(loop: _F, otherwise: _F, steps: int = 0) -> _F:
    """A loop compiled if the compiler is loaded by now, else what does the same without it.

    Args:
        steps: for more than some millions the compiler is loaded.
    """
    loaded = _compiled.cache_info().currsize > 0
    return cast(_F, _compiled(loop)) if loaded or steps > _COLUMNS_MAX else otherwise


@cache
def _compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    from numba import njit

    return cast(Callable[..., Any], njit(cache=True, nogil=True)(loop))


def append_edges(
    blocks: tuple[Ints, Rows, Rows, Ints],
    columns: tuple[Rows, Ints, Floats],
    new: tuple[Rows, Rows, Ints, Floats],
    shift: bool,
) -> int:
    """Add edges to their blocks, in their order, for as long as that can be done in place.

    Args:
        blocks: starts, lengths and rooms by vertex; and of the pool, where the extent goes on
            that is being filled, where it ends, and how much was left behind; changed.
        columns: the pool's neighbours, times and values; no values if the kind carries none.
        new: the edges' vertices, neighbours, times and values.
        shift: whether later edges of a block may make room for one that is older.

    Returns:
        How many were added: fewer than there are if the extent is full, or an edge is older than
        the newest of its block and nothing may be shifted.
    """
    starts, lengths, rooms, pool = blocks
    neighbours, times, values = columns
    rows, new_neighbours, new_times, new_values = new
    valued = len(values) > 0
    for at in range(len(rows)):
        row = rows[at]
        start, length = starts[row], lengths[row]
        late = length > 0 and new_times[at] < times[start + length - 1]
        if late and not shift:
            return at
        if length == rooms[row]:
            room = length + max(4, length // 4)
            fresh = pool[0]
            if fresh + room > pool[1]:
                return at
            for place in range(length):
                neighbours[fresh + place] = neighbours[start + place]
                times[fresh + place] = times[start + place]
                if valued:
                    values[fresh + place] = values[start + place]
            pool[0] += room
            pool[2] += rooms[row]
            starts[row] = start = fresh
            rooms[row] = room
        place = start + length
        while late and place > start and times[place - 1] > new_times[at]:
            neighbours[place] = neighbours[place - 1]
            times[place] = times[place - 1]
            if valued:
                values[place] = values[place - 1]
            place -= 1
        neighbours[place] = new_neighbours[at]
        times[place] = new_times[at]
        if valued:
            values[place] = new_values[at]
        lengths[row] = length + 1
    return len(rows)


def collect_marked(
    blocks: tuple[Ints, Rows, Rows, Ints],
    rows: Rows,
    window: tuple[int, int],
    marked: NDArray[np.bool_],
    found: Rows,
) -> int:
    """The marked vertices at the other end of edges in a window, each as often as it is met.

    Args:
        blocks: starts and lengths by vertex, and the pool's neighbours and times.
        window: times, both ends outside.
        found: as long as there are edges; changed.

    Returns:
        How many were found.
    """
    starts, lengths, neighbours, times = blocks
    after, before = window
    count = 0
    for row in rows:
        low = starts[row]
        end = low + lengths[row]
        high = end
        while low < high:
            middle = (low + high) // 2
            if times[middle] > after:
                high = middle
            else:
                low = middle + 1
        while low < end and times[low] < before:
            if marked[neighbours[low]]:
                found[count] = neighbours[low]
                count += 1
            low += 1
    return count


def count_live(starts: Ints, rooms: Rows, bits: int, live: Ints) -> None:
    """How much of each segment of the pool, 2 to the `bits` places long, belongs to blocks.

    Args:
        live: zeros, as many as there are segments; changed.
    """
    size = 1 << bits
    for row in range(len(rooms)):
        place, left = starts[row], rooms[row]
        while left > 0:
            part = min(left, size - (place & (size - 1)))
            live[place >> bits] += part
            place += part
            left -= part


def find_blocks(
    starts: Ints, rooms: Rows, bits: int, chosen: NDArray[np.bool_], found: Rows
) -> int:
    """The vertices whose blocks are in one of the chosen segments, or reach into one.

    Args:
        found: as long as there are vertices; changed.

    Returns:
        How many were found.
    """
    count = 0
    for row in range(len(rooms)):
        if rooms[row] == 0:
            continue
        for segment in range(starts[row] >> bits, ((starts[row] + rooms[row] - 1) >> bits) + 1):
            if chosen[segment]:
                found[count] = row
                count += 1
                break
    return count


def relocate_blocks(
    blocks: tuple[Ints, Rows, Rows, Ints], columns: tuple[Rows, Ints, Floats], rows: Rows
) -> int:
    """Move blocks to the extent that is being filled, for as long as they fit.

    Args:
        blocks, columns: as for `append_edges`; changed.
        rows: the vertices.

    Returns:
        How many were moved.
    """
    starts, lengths, rooms, pool = blocks
    neighbours, times, values = columns
    valued = len(values) > 0
    for at in range(len(rows)):
        row = rows[at]
        start, length = starts[row], lengths[row]
        room = length + 1 + length // 8 if length > 0 else 0
        fresh = pool[0]
        if fresh + room > pool[1]:
            return at
        for place in range(length):
            neighbours[fresh + place] = neighbours[start + place]
            times[fresh + place] = times[start + place]
            if valued:
                values[fresh + place] = values[start + place]
        pool[0] += room
        pool[2] += rooms[row]
        starts[row] = fresh
        rooms[row] = room
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
