"""The graph in memory: tables of vertices, and every kind of edge from both of its ends.

One writer at a time, readers as many as there are. A short read holds the writer off
(`reading`); a long one takes the state of a moment with it (`frozen`) and holds nobody off.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Adjacency, AdjacencyView, Floats, Ints, Rows
from tallystick.risk.graph.blocked_payees import BlockedPayees
from tallystick.risk.graph.errors import WriteRefused
from tallystick.risk.graph.lock import ReadWriteLock
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind
from tallystick.risk.graph.vertices import Vertices

__all__ = ["Graph", "GraphView"]

_EDGES_OF = {
    VertexKind.ACCOUNT: (
        EdgeKindName.TRANSFER,
        EdgeKindName.WITHDRAW,
        EdgeKindName.REPAY,
        EdgeKindName.DEPOSIT,
        EdgeKindName.SIGN_IN,
        EdgeKindName.PERSON_OWN,
        EdgeKindName.COMPANY_OWN,
    ),
    VertexKind.LOAN: (
        EdgeKindName.REPAY,
        EdgeKindName.DEPOSIT,
        EdgeKindName.PERSON_APPLY,
        EdgeKindName.COMPANY_APPLY,
    ),
}


class _Hold:
    """Somebody's hold on a state, for as long as it is referred to."""


class GraphView(NamedTuple):
    """One state of the graph, for reads.

    Args:
        vertices: the tables; ids and rows of a vertex never change, but newer ones come.
        size: per kind, how many rows there are in this state.
        blocked: per kind, which rows are blocked.
        out: the edges of a kind, by their source.
        into: the edges of a kind, by their target.
        to_blocked: the transfers to accounts that are blocked, and some others, by their source.
        hold: keeps a frozen state from being written over.
    """

    vertices: dict[VertexKind, Vertices]
    size: Callable[[VertexKind], int]
    blocked: Callable[[VertexKind], NDArray[np.bool_]]
    out: Callable[[EdgeKindName], AdjacencyView]
    into: Callable[[EdgeKindName], AdjacencyView]
    to_blocked: Callable[[], AdjacencyView]
    hold: object = None

    def row(self, kind: VertexKind, vertex_id: int) -> int:
        """The row of an id, -1 if there is none in this state."""
        row = self.vertices[kind].row(vertex_id)
        return row if row < self.size(kind) else -1


class Graph:
    """Everything that is known.

    Attributes:
        changes: how many writes were done since it was made.
        position: how far the feed that it follows was read; 0 if it follows none.
        decided: the same of the records of decisions.
    """

    def __init__(self) -> None:
        self.lock = ReadWriteLock()
        self.changes = 0
        self.position = 0
        self.decided = 0
        self.vertices = {kind: Vertices(kind.value) for kind in VertexKind}
        self._holds: weakref.WeakSet[_Hold] = weakref.WeakSet()
        self._out, self._into = (
            {n: Adjacency(valued=k.valued, held=self._held) for n, k in EDGE_KINDS.items()}
            for _ in range(2)
        )
        self._to_blocked = BlockedPayees()

    def _held(self) -> bool:
        return len(self._holds) > 0

    def out(self, kind: EdgeKindName) -> Adjacency:
        """The edges of a kind, by their source."""
        return self._out[kind]

    def into(self, kind: EdgeKindName) -> Adjacency:
        """The edges of a kind, by their target."""
        return self._into[kind]

    @property
    def memory_bytes(self) -> int:
        """What the columns of edges take."""
        both = (*self._out.values(), *self._into.values())
        edges = sum(adjacency.memory_bytes for adjacency in both)
        return edges + self._to_blocked.memory_bytes

    @contextmanager
    def reading(self) -> Iterator[GraphView]:
        """The state of now; no writer comes in while it is held."""
        with self.lock.reading():
            yield self.view()

    def view(self) -> GraphView:
        """The state of now, for someone who holds the lock."""
        return GraphView(
            self.vertices,
            lambda kind: self.vertices[kind].count,
            lambda kind: self.vertices[kind].blocked,
            lambda kind: self._out[kind].view(),
            lambda kind: self._into[kind].view(),
            self._to_blocked.view,
        )

    def frozen(self) -> GraphView:
        """The state of now, to keep for as long as one likes while the graph goes on."""
        hold = _Hold()
        with self.lock.reading():
            self._holds.add(hold)
            blocked = {k: v.blocked[: v.count].copy() for k, v in self.vertices.items()}
            out = {name: adjacency.frozen() for name, adjacency in self._out.items()}
            into = {name: adjacency.frozen() for name, adjacency in self._into.items()}
        return GraphView(
            self.vertices,
            lambda kind: len(blocked[kind]),
            blocked.__getitem__,
            out.__getitem__,
            into.__getitem__,
            lambda: out[EdgeKindName.TRANSFER],
            hold,
        )

    # What follows changes the graph and is called by someone who holds the lock for writing.

    def build_edges(
        self, kind: EdgeKindName, sources: Rows, targets: Rows, times: Ints, values: Floats
    ) -> None:
        """Take all edges of a kind at once, by rows of their vertices."""
        ends = EDGE_KINDS[kind]
        self._out[kind].reserve(self.vertices[ends.source].count)
        self._into[kind].reserve(self.vertices[ends.target].count)
        self._out[kind].build(sources, targets, times, values)
        self._into[kind].build(targets, sources, times, values)
        if kind is EdgeKindName.TRANSFER:
            self.watch_blocked()

    def watch_blocked(self) -> None:
        """Keep the transfers to blocked accounts apart, once all that there are have been taken."""
        accounts = self.vertices[VertexKind.ACCOUNT]
        self._to_blocked.reserve(accounts.count)
        transfers = self._out[EdgeKindName.TRANSFER].packed()
        self._to_blocked.build(transfers, accounts.blocked[: accounts.count])

    def add_vertex(
        self,
        kind: VertexKind,
        vertex_id: int,
        created_ms: int,
        *,
        label: str = "",
        blocked: bool = False,
        amount: float = 0.0,
        balance: float = 0.0,
    ) -> int:
        """Add a vertex; its row.

        Raises:
            WriteRefused: its id is taken.
        """
        table = self.vertices[kind]
        if vertex_id in table:
            raise WriteRefused("vertex_exists", kind.value, vertex_id)
        row = table.add(
            vertex_id, created_ms, label=label, blocked=blocked, amount=amount, balance=balance
        )
        for name, ends in EDGE_KINDS.items():
            if ends.source is kind:
                self._out[name].reserve(table.count)
            if ends.target is kind:
                self._into[name].reserve(table.count)
        if kind is VertexKind.ACCOUNT:
            self._to_blocked.reserve(table.count)
            if blocked:
                self._watch(row)
        self.changes += 1
        return row

    def _watch(self, account: int) -> None:
        self._to_blocked.watch(account, self._into[EdgeKindName.TRANSFER].view().block(account))

    def required_row(self, kind: VertexKind, vertex_id: int) -> int:
        """The row of an id.

        Raises:
            WriteRefused: there is none.
        """
        row = self.vertices[kind].row(vertex_id)
        if row < 0:
            raise WriteRefused("unknown_vertex", kind.value, vertex_id)
        return row

    def add_edge(
        self, kind: EdgeKindName, source_id: int, target_id: int, time_ms: int, value: float = 0.0
    ) -> None:
        """Add an edge between vertices that are there.

        Raises:
            WriteRefused: one of them is not.
        """
        ends = EDGE_KINDS[kind]
        source = self.required_row(ends.source, source_id)
        target = self.required_row(ends.target, target_id)
        self._out[kind].append(source, target, time_ms, value)
        self._into[kind].append(target, source, time_ms, value)
        if kind is EdgeKindName.TRANSFER:
            self._to_blocked.append(source, target, time_ms)
        self.changes += 1

    def add_edges(
        self,
        kind: EdgeKindName,
        source_ids: Sequence[int],
        target_ids: Sequence[int],
        times: Ints,
        values: Floats,
    ) -> None:
        """Add thousands of edges at once, in their order, all or none.

        Raises:
            WriteRefused: a vertex is not there.
        """
        ends = EDGE_KINDS[kind]
        sources = self._required_rows(ends.source, source_ids)
        targets = self._required_rows(ends.target, target_ids)
        self._out[kind].append_many(sources, targets, times, values)
        self._into[kind].append_many(targets, sources, times, values)
        if kind is EdgeKindName.TRANSFER:
            self._to_blocked.append_many(sources, targets, times)
        self.changes += len(sources)

    def _required_rows(self, kind: VertexKind, vertex_ids: Sequence[int]) -> Rows:
        rows = self.vertices[kind].rows(vertex_ids)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise WriteRefused("unknown_vertex", kind.value, vertex_ids[int(missing[0])])
        return rows

    def take_back_edge(
        self, kind: EdgeKindName, source_id: int, target_id: int, time_ms: int
    ) -> None:
        """Undo the newest such edge."""
        ends = EDGE_KINDS[kind]
        source = self.required_row(ends.source, source_id)
        target = self.required_row(ends.target, target_id)
        self._out[kind].remove_last(source, target, time_ms)
        self._into[kind].remove_last(target, source, time_ms)
        if kind is EdgeKindName.TRANSFER:
            self._to_blocked.take_back(source, target, time_ms)
        self.changes += 1

    def block(self, kind: VertexKind, vertex_id: int, *, blocked: bool = True) -> None:
        """Mark a vertex as blocked, or as blocked no longer."""
        self.block_row(kind, self.required_row(kind, vertex_id), blocked=blocked)
        self.changes += 1

    def block_row(self, kind: VertexKind, row: int, *, blocked: bool) -> None:
        """The same of a vertex that is known by its row."""
        self.vertices[kind].blocked[row] = blocked
        if blocked and kind is VertexKind.ACCOUNT:
            self._watch(row)

    def remove_account(self, account_id: int) -> None:
        """Remove an account, its edges, and the loans that it was given or repaid."""
        row = self.required_row(VertexKind.ACCOUNT, account_id)
        given = self._into[EdgeKindName.DEPOSIT].view().block(row).neighbours
        repaid = self._out[EdgeKindName.REPAY].view().block(row).neighbours
        loans = np.unique(np.concatenate([given, repaid]))
        payers = np.unique(self._into[EdgeKindName.TRANSFER].view().block(row).neighbours)
        self._to_blocked.forget(row, payers)
        self._remove(VertexKind.ACCOUNT, row)
        for loan in loans.tolist():
            self._remove(VertexKind.LOAN, loan)
        self.changes += 1

    def _remove(self, kind: VertexKind, row: int) -> None:
        for name in _EDGES_OF[kind]:
            ends = EDGE_KINDS[name]
            if ends.source is kind:
                for other in self._out[name].clear(row).tolist():
                    self._into[name].remove_neighbour(other, row)
            if ends.target is kind:
                for other in self._into[name].clear(row).tolist():
                    self._out[name].remove_neighbour(other, row)
        self.vertices[kind].remove(row)
