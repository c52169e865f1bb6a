"""The vertices of one kind: an id gives a row, a row gives the columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Floats, Ints, Rows

__all__ = ["UNKNOWN_MS", "Vertices"]

_Kind = TypeVar("_Kind", bound=np.generic)

UNKNOWN_MS = -1
"""The creation time of a vertex of which only its edges tell."""


def _room(column: NDArray[_Kind], size: int) -> NDArray[_Kind]:
    if size <= len(column):
        return column
    wider = np.zeros(max(size, 2 * len(column), 16), column.dtype)
    wider[: len(column)] = column
    return wider


class Vertices:
    """A table of vertices. Rows are never used twice; a removed vertex's id is forgotten.

    Args:
        kind: what is in it, for messages.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0
        self.labels: list[str] = []
        self.blocked: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.ids: Ints = np.zeros(0, np.int64)
        self.created_ms: Ints = np.zeros(0, np.int64)
        self.amounts: Floats = np.zeros(0, np.float64)
        self.balances: Floats = np.zeros(0, np.float64)
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        """How many vertices are there now."""
        return len(self._rows)

    def __contains__(self, vertex_id: int) -> bool:
        return vertex_id in self._rows

    def row(self, vertex_id: int) -> int:
        """The row of an id, -1 if there is none."""
        return self._rows.get(vertex_id, -1)

    def rows(self, vertex_ids: Iterable[int]) -> Rows:
        """The rows of ids, -1 where there is none."""
        known = list(vertex_ids)
        try:
            return np.array(list(map(self._rows.__getitem__, known)), np.int32)
        except KeyError:
            get = self._rows.get
            return np.array([get(vertex_id, -1) for vertex_id in known], np.int32)

    def all_rows(self) -> Rows:
        """The rows of all vertices that are there, in order of their making."""
        return np.fromiter(self._rows.values(), np.int32, len(self._rows))

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
        self.labels.append(label)
        self._rows[vertex_id] = row
        self.count = row + 1
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
        self.labels = list(labels)
        there = np.arange(len(ids), dtype=np.int32) if rows is None else rows
        self._rows = dict(zip(ids[there].tolist(), there.tolist(), strict=True))

    def remove(self, row: int) -> None:
        """Forget a vertex."""
        del self._rows[int(self.ids[row])]

    def id_texts(self, rows: Rows) -> list[str]:
        """The ids of rows as they are shown."""
        return [str(vertex_id) for vertex_id in self.ids[rows].tolist()]

    def _ensure(self, size: int) -> None:
        self.ids = _room(self.ids, size)
        self.created_ms = _room(self.created_ms, size)
        self.blocked = _room(self.blocked, size)
        self.amounts = _room(self.amounts, size)
        self.balances = _room(self.balances, size)
