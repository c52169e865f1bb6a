"""The vertices of one kind: an id gives a row, a row gives the columns.

Ids are looked for in a sorted column, and newer ones in a dictionary that is merged into it now
and then: a dictionary of all of a million ids takes a hundred times the memory of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Floats, Ints, Rows

__all__ = ["UNKNOWN_MS", "Vertices"]

_Kind = TypeVar("_Kind", bound=np.generic)

_NEW_MIN: Final = 4096
_NEW_SHARE: Final = 8

UNKNOWN_MS = -1
"""The creation time of a vertex of which only its edges tell."""


def _room(column: NDArray[_Kind], size: int) -> NDArray[_Kind]:
    if size <= len(column):
        return column
    wider = np.zeros(max(size, 2 * len(column), 16), column.dtype)
    wider[: len(column)] = column
    return wider


class _Sorted(NamedTuple):
    """Ids in ascending order, and the row of each."""

    ids: Ints
    rows: Rows

    def row(self, vertex_id: int) -> int:
        at = int(self.ids.searchsorted(vertex_id))
        return int(self.rows[at]) if at < len(self.ids) and self.ids[at] == vertex_id else -1

    def find(self, vertex_ids: Ints) -> Rows:
        """The rows of ids, -1 where there is none."""
        if not len(self.ids):
            return np.full(len(vertex_ids), -1, np.int32)
        at = np.minimum(self.ids.searchsorted(vertex_ids), len(self.ids) - 1)
        return np.where(self.ids[at] == vertex_ids, self.rows[at], np.int32(-1))

    def merged(self, new: dict[int, int]) -> _Sorted:
        """With more ids; the new row counts where one is there already."""
        ids = np.fromiter(sorted(new), np.int64, len(new))
        rows = np.fromiter(map(new.__getitem__, ids.tolist()), np.int32, len(new))
        at = self.ids.searchsorted(ids)
        kept = self.rows.copy()
        known = self.find(ids) >= 0
        kept[at[known]] = rows[known]
        at, ids, rows = at[~known], ids[~known], rows[~known]
        return _Sorted(np.insert(self.ids, at, ids), np.insert(kept, at, rows))


def _sorted(ids: Ints, rows: Rows) -> _Sorted:
    if bool(np.all(ids[1:] > ids[:-1])):
        return _Sorted(ids, rows)
    order = np.argsort(ids, kind="stable")
    return _Sorted(ids[order], rows[order])


class Vertices:
    """A table of vertices. Rows are never used twice; a removed vertex's id is forgotten.

    Args:
        kind: what is in it, for messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0
        self.labels: NDArray[Any] = np.zeros(0, np.object_)
        self.blocked: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.ids: Ints = np.zeros(0, np.int64)
        self.created_ms: Ints = np.zeros(0, np.int64)
        self.amounts: Floats = np.zeros(0, np.float64)
        self.balances: Floats = np.zeros(0, np.float64)
        self._there: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._alive = 0
        self._old = _Sorted(np.zeros(0, np.int64), np.zeros(0, np.int32))
        self._new: dict[int, int] = {}

    def __len__(self) -> int:
        """How many vertices are there now."""
        return self._alive

    def __contains__(self, vertex_id: int) -> bool:
        return self.row(vertex_id) >= 0

    def row(self, vertex_id: int) -> int:
        """The row of an id, -1 if there is none."""
        row = self._new.get(vertex_id, -1)
        if row < 0:
            row = self._old.row(vertex_id)
        return row if row >= 0 and self._there[row] else -1

    def rows(self, vertex_ids: Iterable[int]) -> Rows:
        """The rows of ids, -1 where there is none."""
        ids = np.fromiter(vertex_ids, np.int64)
        new, rows = self._new, self._old.find(ids)
        if new:
            newer = map(new.get, ids.tolist(), repeat(-1))
            rows = np.maximum(rows, np.fromiter(newer, np.int32, len(ids)))
        known = np.flatnonzero(rows >= 0)
        rows[known[~self._there[rows[known]]]] = -1
        return rows

    def all_rows(self) -> Rows:
        """The rows of all vertices that are there, in order of their making."""
        return np.flatnonzero(self._there[: self.count]).astype(np.int32)

    def add(
        self,
        vertex_id: int,
        created_ms: int,
        *,
        label: str = "",
        blocked: bool = False,
        amount: float = 0.0,
        balance: float = 0.0,
    ) -> int:
        """Add one vertex whose id is free; its row."""
        row = self.count
        self._ensure(row + 1)
        self.ids[row], self.created_ms[row] = vertex_id, created_ms
        self.blocked[row], self.amounts[row], self.balances[row] = blocked, amount, balance
        self.labels[row], self._there[row] = label, True
        self._new[vertex_id] = row
        self._alive += 1
        self.count = row + 1
        if len(self._new) > max(_NEW_MIN, row // _NEW_SHARE):
            # In this order: whoever looks meanwhile finds an id in one of the two.
            self._old = self._old.merged(self._new)
            self._new = {}
        return row

    def build(
        self,
        ids: Ints,
        created_ms: Ints,
        labels: Sequence[str],
        blocked: NDArray[np.bool_],
        amounts: Floats,
        balances: Floats,
        rows: Rows | None = None,
    ) -> None:
        """Take all vertices at once; ids are unique; the table must be empty.

        Args:
            rows: those that are still there; None for all.
        """
        assert self.count == 0
        self.count = len(ids)
        self.ids, self.created_ms, self.blocked = ids, created_ms, blocked
        self.amounts, self.balances = amounts, balances
        self.labels = np.empty(len(ids), np.object_)
        self.labels[:] = labels
        there = np.arange(len(ids), dtype=np.int32) if rows is None else rows
        self._there = np.zeros(len(ids), np.bool_)
        self._there[there] = True
        self._alive = len(there)
        self._old = _sorted(ids[there], there)

    def remove(self, row: int) -> None:
        """Forget a vertex."""
        self._there[row] = False
        self._alive -= 1

    def _ensure(self, size: int) -> None:
        self.ids = _room(self.ids, size)
        self.created_ms = _room(self.created_ms, size)
        self.blocked = _room(self.blocked, size)
        self.amounts = _room(self.amounts, size)
        self.balances = _room(self.balances, size)
        self.labels = _room(self.labels, size)
        self._there = _room(self._there, size)
