"""Where the blocks of one side's edges are: columns that are filled extent by extent.

Blocks that outgrow their room move and leave it behind. When that has become much, the segments
of the pool of which least is in use are emptied, a few at each write, and filled anew: no write
waits for more than some thousands of blocks to move, and the pool is never there twice.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.kernels import (
    Floats,
    Ints,
    Rows,
    count_live,
    find_blocks,
    ready,
    relocate_blocks,
)

__all__ = ["Blocks", "Pool"]

_Kind = TypeVar("_Kind", bound=np.generic)

Blocks = tuple[Ints, Rows, Rows]
"""Starts, lengths and rooms by vertex."""

_BITS: Final = 16
_SEGMENT: Final = 1 << _BITS  # So many edges have room in a segment.
_EXTENT_MIN: Final = 64
_LEFT_BEHIND_SHARE: Final = 10
"""A tenth of a pool may have been left behind before segments are emptied."""


class Pool:
    """Columns of edges: neighbours, times, values; no values if the kind carries none.

    Attributes:
        extent: where the extent goes on that is being filled, where it ends, and how much room
            was left behind in the pool.
    """

    def __init__(self, *, valued: bool) -> None:
        self.valued = valued
        self.neighbours: Rows = np.zeros(0, np.int32)
        self.times: Ints = np.zeros(0, np.int64)
        self.values: Floats = np.zeros(0, np.float64)
        self.extent: Ints = np.zeros(3, np.int64)
        self._end = 0
        self._empty: list[int] = []

    @property
    def columns(self) -> tuple[Rows, Ints, Floats]:
        """Those that there are; values are empty if there are none."""
        return self.neighbours, self.times, self.values

    @property
    def used_bytes(self) -> int:
        """What has been written to; the rest takes no memory."""
        written = self._end - int(self.extent[1] - self.extent[0])
        return written * sum(c.itemsize for c in self.columns[: 2 + self.valued])

    def take(self, columns: tuple[Rows, Ints, Floats], size: int) -> None:
        """Begin with columns of which so much belongs to blocks, without a gap."""
        self.neighbours, self.times = columns[:2]
        if self.valued:
            self.values = columns[2]
        self._end = size
        self.extent[:] = (size, size, 0)

    def allot(self, room: int) -> int:
        """Room for a block; its start."""
        left = int(self.extent[1] - self.extent[0])
        if room > left and room > _SEGMENT // 4:
            return self._allot_large(room)
        if room > left:
            self._next_extent(room)
        start = int(self.extent[0])
        self.extent[0] += room
        return start

    def _allot_large(self, room: int) -> int:
        """Room in empty segments that follow each other, or at the end."""
        count = -(-room // _SEGMENT)
        empty = sorted(self._empty)
        for at in range(len(empty) - count + 1):
            if empty[at + count - 1] - empty[at] == count - 1:
                self._empty = empty[:at] + empty[at + count :]
                self.leave(count * _SEGMENT - room)
                return empty[at] << _BITS
        start = self._end
        self._reach(start + room)
        return start

    def leave(self, room: int) -> None:
        """A block has gone from there."""
        self.extent[2] += room

    def _next_extent(self, room: int) -> None:
        """A segment that is empty, or more at the end; what is left of this extent stays behind."""
        self.extent[2] += self.extent[1] - self.extent[0]
        if self._empty:
            start = self._empty.pop() << _BITS
            self.extent[:2] = (start, start + _SEGMENT)
            return
        start = self._end
        boundary = ((start >> _BITS) + 1) << _BITS
        end = max(start + room, min(boundary, start + max(start, _EXTENT_MIN)))
        self._reach(end)
        self.extent[:2] = (start, end)

    def _reach(self, end: int) -> None:
        """Widen the columns; readers keep the ones that they hold."""
        if end > len(self.neighbours):
            self.neighbours = _roomy(self.neighbours, self._end, end)
            self.times = _roomy(self.times, self._end, end)
            if self.valued:
                self.values = _roomy(self.values, self._end, end)
        self._end = end

    def untidy(self) -> bool:
        """Whether so much was left behind that segments should be emptied."""
        filled = self._end - (len(self._empty) << _BITS)
        return int(self.extent[2]) > max(_SEGMENT, filled // _LEFT_BEHIND_SHARE)

    def tidy(self, blocks: Blocks, segments: int) -> None:
        """Empty the segments of which least is in use.

        Nobody may hold a state: what is emptied is filled anew.

        Args:
            blocks: all of them; changed.
            segments: at most so many, beside those of which nothing is in use.
        """
        starts, _, rooms = blocks
        chosen = self._least_used(starts, rooms, segments)
        marked = np.zeros((self._end >> _BITS) + 1, np.bool_)
        marked[chosen] = True
        found = np.empty(len(starts), np.int32)
        count = ready(find_blocks, _find_blocks)(starts, rooms, _BITS, marked, found)
        self._relocate(blocks, found[:count])
        self._empty += chosen
        self.extent[2] -= len(chosen) << _BITS

    def _least_used(self, starts: Ints, rooms: Rows, segments: int) -> list[int]:
        live = np.zeros((self._end >> _BITS) + 1, np.int64)
        ready(count_live, _count_live)(starts, rooms, _BITS, live)
        live[self._empty] = live[-1] = _SEGMENT
        begin, end = (int(place) for place in self.extent[:2])
        live[begin >> _BITS : (max(begin, end - 1) >> _BITS) + 1] = _SEGMENT
        vacant = int((live == 0).sum())
        return [at for at in np.argsort(live)[: vacant + segments].tolist() if live[at] < _SEGMENT]

    def _relocate(self, blocks: Blocks, rows: Rows) -> None:
        done = 0
        while done < len(rows):
            move = ready(relocate_blocks, _none_relocated)
            done += move((*blocks, self.extent), self.columns, rows[done:])
            if done < len(rows):
                row = int(rows[done])
                length = int(blocks[1][row])
                self.move(blocks, row, length + 1 + length // 8)
                done += 1

    def move(self, blocks: Blocks, row: int, room: int) -> int:
        """Give a vertex's block another place, with so much room; its new start."""
        starts, lengths, rooms = blocks
        old, length, new = int(starts[row]), int(lengths[row]), self.allot(room)
        for column in self.columns[: 2 + self.valued]:
            column[new : new + length] = column[old : old + length]
        self.leave(int(rooms[row]))
        starts[row], rooms[row] = new, room
        return new


def _count_live(starts: Ints, rooms: Rows, bits: int, live: Ints) -> None:
    """What `count_live` does, without a compiler: only blocks over a boundary go one by one."""
    firsts, lasts = starts >> bits, (starts + rooms - 1) >> bits
    within = firsts >= lasts
    counted = np.bincount(firsts[within], weights=rooms[within], minlength=len(live))
    live += counted.astype(np.int64)
    over = np.flatnonzero(~within)
    count_live(starts[over], rooms[over], bits, live)


def _find_blocks(
    starts: Ints, rooms: Rows, bits: int, chosen: NDArray[np.bool_], found: Rows
) -> int:
    """What `find_blocks` does, without a compiler."""
    before = np.concatenate(([0], np.cumsum(chosen)))
    reaches = before[((starts + rooms - 1) >> bits) + 1] > before[starts >> bits]
    rows = np.flatnonzero(reaches & (rooms > 0))
    found[: len(rows)] = rows
    return len(rows)


def _none_relocated(
    blocks: tuple[Ints, Rows, Rows, Ints], columns: tuple[Rows, Ints, Floats], rows: Rows
) -> int:
    """Without a compiler each block moves by itself, column by column."""
    return 0


def _roomy(column: NDArray[_Kind], used: int, size: int) -> NDArray[_Kind]:
    """A column of the pool with room for as much again.

    Room that nothing was written to takes no memory, so it may be generous; copying millions of
    edges while somebody waits may not.
    """
    wider = np.empty(2 * size, column.dtype)
    wider[:used] = column[:used]
    return wider
