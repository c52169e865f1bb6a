"""The edges of one kind seen from one end: a block of columns a vertex, in order of time.

A vertex's block is a slice of the pool: neighbour, time, value. While somebody holds a state,
blocks only grow at their end; an edge that comes late, or goes, makes the block be written anew
elsewhere. So whoever has copied `starts` and `lengths` and holds the pool's columns goes on
seeing the edges of that moment, while the writer goes on writing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.kernels import Floats, Ints, Rows, append_edges, fit_at_once
from tallystick.risk.graph.pool import Blocks, Pool

__all__ = ["Adjacency", "AdjacencyView", "Block", "Floats", "Ints", "Rows"]

_Kind = TypeVar("_Kind", bound=np.generic)

_GROWTH_MIN = 4
_EMPTIED_AT_ONCE = 4


class Block(NamedTuple):
    """One vertex's edges in order of time (ms since 1970 UTC), then of arrival."""

    neighbours: Rows
    times: Ints
    values: Floats

    def where(self, keep: NDArray[np.bool_]) -> Block:
        """Those of which a condition is true."""
        values = self.values[keep] if len(self.values) else self.values
        return Block(self.neighbours[keep], self.times[keep], values)


class AdjacencyView(NamedTuple):
    """What a reader needs: the blocks of one moment.

    Args:
        starts: per vertex, where its block begins in the pool.
        lengths: per vertex, how many edges.
    """

    starts: Ints
    lengths: Rows
    neighbours: Rows
    times: Ints
    values: Floats

    def block(self, row: int) -> Block:
        """The edges of one vertex."""
        start = int(self.starts[row])
        end = start + int(self.lengths[row])
        return Block(self.neighbours[start:end], self.times[start:end], self.values[start:end])


def _grown(column: NDArray[_Kind], size: int) -> NDArray[_Kind]:
    """A column of vertices with room for more."""
    wider = np.zeros(max(size, len(column) + len(column) // 4), column.dtype)
    wider[: len(column)] = column
    return wider


def _roomed(lengths: Rows) -> Rows:
    """How much room blocks get when all are written anew."""
    rooms: Rows = np.where(lengths > 0, lengths + 1 + lengths // 8, 0).astype(np.int32)
    return rooms


def _placed(column: NDArray[Any], slots: Ints, size: int, order: Ints | None) -> NDArray[Any]:
    """A column of edges in a pool; room that nothing is written to takes no memory."""
    fresh = np.empty(size, column.dtype)
    fresh[slots] = column if order is None else column[order]
    return fresh


def _nobody() -> bool:
    return False


class Adjacency:
    """The writer's side. `edges` counts the edges that are there.

    Args:
        held: whether somebody holds a state that was frozen.
    """

    def __init__(self, *, valued: bool, held: Callable[[], bool] = _nobody) -> None:
        self.valued = valued
        self._held = held
        self.edges = 0
        self._vertices = 0
        self._starts: Ints = np.zeros(0, np.int64)
        self._lengths: Rows = np.zeros(0, np.int32)
        self._rooms: Rows = np.zeros(0, np.int32)
        self._pool = Pool(valued=valued)

    @property
    def memory_bytes(self) -> int:
        """What its columns take, their unused room left out."""
        vertices = sum(c.nbytes for c in (self._starts, self._lengths, self._rooms))
        return vertices + self._pool.used_bytes

    def view(self) -> AdjacencyView:
        """The blocks as they are; valid until the writer's next change."""
        return AdjacencyView(self._starts, self._lengths, *self._pool.columns)

    def frozen(self) -> AdjacencyView:
        """The blocks of this moment; valid for as long as it is held."""
        count = self._vertices
        starts, lengths = self._starts[:count].copy(), self._lengths[:count].copy()
        return AdjacencyView(starts, lengths, *self._pool.columns)

    def reserve(self, vertices: int) -> None:
        """Make room for vertices up to this row."""
        self._vertices = max(self._vertices, vertices)
        if vertices > len(self._starts):
            self._starts = _grown(self._starts, vertices)
            self._lengths = _grown(self._lengths, vertices)
            self._rooms = _grown(self._rooms, vertices)

    def build(self, rows: Rows, neighbours: Rows, times: Ints, values: Floats) -> None:
        """Take all edges at once, in any order; it must be empty.

        Args:
            rows: the vertex at this end, of each edge; `values` is empty if not valued.
        """
        assert self.edges == 0
        order = _time_order(rows, times)
        counts = np.bincount(rows, minlength=self._vertices).astype(np.int32)
        self.reserve(len(counts))
        self._lay_out(counts, (neighbours, times, values), order)

    def _lay_out(
        self, counts: Rows, columns: tuple[Rows, Ints, Floats], order: Ints | None = None
    ) -> None:
        """Take all edges, each block with some room, so that the first writes move none."""
        rooms = _roomed(counts)
        starts = np.zeros(len(counts), np.int64)
        starts[1:] = np.cumsum(rooms[:-1], dtype=np.int64)
        used = int(rooms.sum(dtype=np.int64))
        slots = _slots(starts, counts)
        neighbours, times, values = columns
        self._pool.take(
            (
                _placed(neighbours, slots, 2 * used, order),
                _placed(times, slots, 2 * used, order),
                _placed(values, slots, 2 * used, order) if self.valued else values,
            ),
            used,
        )
        self._starts[: len(counts)], self._rooms[: len(counts)] = starts, rooms
        self._lengths[: len(counts)] = counts
        self.edges = len(slots)

    def packed(self) -> dict[str, NDArray[np.generic]]:
        """All edges, block by block without gaps, as columns to keep."""
        lengths = self._lengths[: self._vertices]
        slots = _slots(self._starts[: self._vertices], lengths)
        pool = self._pool
        columns: dict[str, NDArray[np.generic]] = {
            "lengths": lengths,
            "neighbours": pool.neighbours[slots],
            "times": pool.times[slots],
        }
        return columns | ({"values": pool.values[slots]} if self.valued else {})

    def unpack(self, columns: dict[str, NDArray[np.generic]], vertices: int) -> None:
        """Take back what `packed` gave; it must be empty.

        Raises:
            ValueError: the columns do not fit each other.
        """
        lengths = columns["lengths"].astype(np.int32)
        edges = int(lengths.sum(dtype=np.int64))
        if len(lengths) != vertices or any(len(c) != edges for c in list(columns.values())[1:]):
            raise ValueError("columns of different lengths")
        self.reserve(vertices)
        values = columns["values"] if self.valued else np.zeros(0)
        self._lay_out(
            lengths,
            (
                columns["neighbours"].astype(np.int32, copy=False),
                columns["times"].astype(np.int64, copy=False),
                values.astype(np.float64, copy=False),
            ),
        )

    def append(self, row: int, neighbour: int, time_ms: int, value: float) -> None:
        """Add one edge; one that is older than the newest is put in its place."""
        start, length = int(self._starts[row]), int(self._lengths[row])
        if length and time_ms < self._pool.times[start + length - 1]:
            self._insert(row, neighbour, time_ms, value)
            return
        if length == self._rooms[row]:
            start = self._more_room(row)
        at = start + length
        for column, new in zip(self._columns(), (neighbour, time_ms, value), strict=False):
            column[at] = new
        self._lengths[row] = length + 1
        self.edges += 1

    def append_many(self, rows: Rows, neighbours: Rows, times: Ints, values: Floats) -> None:
        """Add edges in their order, each as `append` would; for thousands at once.

        Args:
            values: one each if the kind carries amounts.
        """
        append = fit_at_once(append_edges, len(rows))
        self._tidy(_EMPTIED_AT_ONCE)
        done = 0
        while done < len(rows):
            count = append(
                (*self._blocks(), self._pool.extent),
                self._pool.columns,
                (rows[done:], neighbours[done:], times[done:], values[done:]),
                not self._held(),
            )
            self.edges += count
            done += count
            if done < len(rows):
                value = float(values[done]) if self.valued else 0.0
                self.append(int(rows[done]), int(neighbours[done]), int(times[done]), value)
                done += 1

    def remove_neighbour(self, row: int, neighbour: int) -> int:
        """Take away all edges of a vertex to a neighbour; answers how many."""
        block = self.view().block(row)
        keep = block.neighbours != neighbour
        gone = len(keep) - int(keep.sum())
        if gone:
            self._rewrite(row, block.where(keep))
            self.edges -= gone
        return gone

    def clear(self, row: int) -> Rows:
        """Take away all edges of a vertex; answers its neighbours, each once."""
        block = self.view().block(row)
        neighbours = np.unique(block.neighbours)
        self.edges -= len(block.times)
        self._pool.leave(int(self._rooms[row]))
        self._lengths[row] = self._rooms[row] = 0
        return neighbours

    def remove_last(self, row: int, neighbour: int, time_ms: int) -> None:
        """Take back the newest edge to a neighbour at a time, as if it had never been."""
        block = self.view().block(row)
        at = np.flatnonzero((block.neighbours == neighbour) & (block.times == time_ms))[-1]
        keep = np.ones(len(block.times), bool)
        keep[at] = False
        self._rewrite(row, block.where(keep))
        self.edges -= 1

    def _insert(self, row: int, neighbour: int, time_ms: int, value: float) -> None:
        block = self.view().block(row)
        at = int(np.searchsorted(block.times, time_ms, side="right"))
        if len(block.times) < self._rooms[row] and not self._held():
            self._shift_in(row, at, neighbour, time_ms, value)
            return
        self._rewrite(
            row,
            Block(
                np.insert(block.neighbours, at, neighbour),
                np.insert(block.times, at, time_ms),
                np.insert(block.values, at, value) if self.valued else block.values,
            ),
        )
        self.edges += 1

    def _shift_in(self, row: int, at: int, neighbour: int, time_ms: int, value: float) -> None:
        """Make room inside a block that nobody else looks at."""
        start, length = int(self._starts[row]), int(self._lengths[row])
        place, end = start + at, start + length
        for column, new in zip(self._columns(), (neighbour, time_ms, value), strict=False):
            column[place + 1 : end + 1] = column[place:end]
            column[place] = new
        self._lengths[row] = length + 1
        self.edges += 1

    def _rewrite(self, row: int, block: Block) -> None:
        """Give a vertex new contents, in a new place if somebody may look at the old."""
        if len(block.times) <= self._rooms[row] and not self._held():
            self._fill(row, int(self._starts[row]), block)
            return
        self._lengths[row] = 0
        start = self._move(row, len(block.times) + max(_GROWTH_MIN, len(block.times) // 8))
        self._fill(row, start, block)

    def _fill(self, row: int, start: int, block: Block) -> None:
        end = start + len(block.times)
        for column, new in zip(self._columns(), block, strict=False):
            column[start:end] = new
        self._lengths[row] = len(block.times)

    def _more_room(self, row: int) -> int:
        """Let a vertex's block grow; its start."""
        self._tidy()
        length = int(self._lengths[row])
        if length < self._rooms[row]:
            return int(self._starts[row])
        return self._move(row, length + max(_GROWTH_MIN, length // 4))

    def _tidy(self, segments: int = 1) -> None:
        """Reclaim some of what was left behind, unless somebody may still look at it."""
        if self._pool.untidy() and not self._held():
            self._pool.tidy(self._blocks(), segments)

    def _move(self, row: int, room: int) -> int:
        """Give a vertex's block another place, with room for more; its new start."""
        self._tidy()
        return self._pool.move(self._blocks(), row, room)

    def _blocks(self) -> Blocks:
        return self._starts, self._lengths, self._rooms

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self._pool.columns[: 2 + self.valued]


def _slots(starts: Ints, lengths: Rows) -> Ints:
    """The places in the pool of all edges, block by block."""
    total = int(lengths.sum(dtype=np.int64))
    before = np.cumsum(lengths, dtype=np.int64) - lengths
    places: Ints = np.arange(total, dtype=np.int64) + np.repeat(starts - before, lengths)
    return places


def _time_order(rows: Rows, times: Ints) -> Ints:
    """The order by row, then time, then place."""
    if len(times) and bool(np.all(times[1:] >= times[:-1])):
        return np.argsort(rows, kind="stable")
    by_time = np.argsort(times, kind="stable")
    return by_time[np.argsort(rows[by_time], kind="stable")]
