"""Room that blocks left behind is used again: while the graph is written, read and held."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.risk.graph import kernels
from tallystick.risk.graph.adjacency import Adjacency, AdjacencyView
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.kernels import count_live, find_blocks
from tallystick.risk.graph.pool import Blocks, Pool, _count_live, _find_blocks
from tallystick.risk.graph.schema import EdgeKindName, VertexKind

_TRANSFER = EdgeKindName.TRANSFER
VERTICES = 12
Edge = tuple[int, int, float]


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few hundred edges fill as many segments as millions do."""
    monkeypatch.setattr("tallystick.risk.graph.pool._BITS", 6)
    monkeypatch.setattr("tallystick.risk.graph.pool._SEGMENT", 64)


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a server: what other tests have compiled does not count."""
    monkeypatch.setattr(kernels, "_compiled", cache(kernels._compiled.__wrapped__))


def edges_of(view: AdjacencyView) -> list[list[Edge]]:
    blocks = [view.block(row) for row in range(VERTICES)]
    return [list(zip(*(column.tolist() for column in block), strict=True)) for block in blocks]


class Model:
    """The same edges in lists."""

    def __init__(self) -> None:
        self.blocks: list[list[Edge]] = [[] for _ in range(VERTICES)]

    def append(self, row: int, edge: Edge) -> None:
        insort(self.blocks[row], edge, key=lambda each: each[1])

    def remove(self, row: int, neighbour: int) -> None:
        self.blocks[row] = [edge for edge in self.blocks[row] if edge[0] != neighbour]


_ROW = st.integers(0, VERTICES - 1)
_STEP = st.one_of(
    st.tuples(st.just("bulk"), st.integers(0, 10**6), st.integers(1, 120)),
    st.tuples(st.just("late"), _ROW, st.integers(0, 50)),
    st.tuples(st.just("remove"), _ROW, _ROW),
    st.tuples(st.just("clear"), _ROW, _ROW),
    st.tuples(st.just("hold"), _ROW, _ROW),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEP, min_size=1, max_size=40))
def test_blocks_are_what_was_written_and_held_states_stay(
    steps: Sequence[tuple[str, int, int]],
) -> None:
    held: list[tuple[AdjacencyView, list[list[Edge]]]] = []
    adjacency, model, now = Adjacency(valued=True, held=lambda: len(held) > 0), Model(), 0
    adjacency.reserve(VERTICES)
    for number, (what, first, second) in enumerate(steps):
        if what == "bulk":
            random = Random(first)
            rows = [min(random.randrange(40), VERTICES - 1) for _ in range(second)]
            times = [now + random.randrange(3) for _ in rows]
            now += 1
            neighbours = [random.randrange(VERTICES) for _ in rows]
            columns = np.array(rows, np.int32), np.array(neighbours, np.int32)
            adjacency.append_many(*columns, np.array(times), np.full(len(rows), 1.0 * number))
            for row, *edge in zip(rows, neighbours, times, strict=True):
                model.append(row, (edge[0], edge[1], 1.0 * number))
        elif what == "late":
            adjacency.append(first, second % VERTICES, second, 0.5)
            model.append(first, (second % VERTICES, second, 0.5))
        elif what == "remove":
            adjacency.remove_neighbour(first, second)
            model.remove(first, second)
        elif what == "clear":
            adjacency.clear(first)
            model.blocks[first] = []
        elif held:
            held.clear()
        else:
            held.append((adjacency.frozen(), edges_of(adjacency.view())))
        assert edges_of(adjacency.view()) == model.blocks
        for view, then in held:
            assert edges_of(view) == then
    assert adjacency.edges == sum(map(len, model.blocks))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 300)), max_size=30), st.data())
def test_segments_are_looked_at_the_same_with_and_without_a_compiler(
    blocks: list[tuple[int, int]], data: st.DataObject
) -> None:
    gaps, rooms = np.array(blocks, np.int32).reshape(-1, 2).T
    starts = np.cumsum(gaps, dtype=np.int64) + np.cumsum(rooms, dtype=np.int64) - rooms
    segments = (int((starts + rooms).max(initial=0)) >> 6) + 1
    one, other = np.zeros(segments, np.int64), np.zeros(segments, np.int64)
    count_live(starts, rooms, 6, one)
    _count_live(starts, rooms, 6, other)
    assert one.tolist() == other.tolist()
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=segments, max_size=segments)))
    found = [np.empty(len(blocks), np.int32) for _ in range(2)]
    counts = [
        find(starts, rooms, 6, chosen, rows)
        for find, rows in zip((find_blocks, _find_blocks), found, strict=True)
    ]
    assert found[0][: counts[0]].tolist() == found[1][: counts[1]].tolist()


def grown(monkeypatch: pytest.MonkeyPatch) -> tuple[Adjacency, list[int]]:
    """Vertices that grow evenly, so that every block moves many times; and what was emptied."""
    emptied: list[int] = []
    tidy = Pool.tidy

    def counted(pool: Pool, blocks: Blocks, segments: int) -> None:
        emptied.append(segments)
        tidy(pool, blocks, segments)

    monkeypatch.setattr(Pool, "tidy", counted)
    adjacency = Adjacency(valued=True)
    adjacency.reserve(VERTICES)
    rows = np.arange(VERTICES, dtype=np.int32)
    for time in range(600):
        adjacency.append_many(rows, rows, np.full(VERTICES, time), np.ones(VERTICES))
    return adjacency, emptied


def test_what_is_left_behind_is_used_again_a_few_segments_at_a_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adjacency, emptied = grown(monkeypatch)
    assert len(emptied) > 20
    assert max(emptied) <= 4
    bytes_each = 4 + 8 + 8
    assert adjacency._pool.used_bytes < 2.5 * VERTICES * 600 * bytes_each
    assert edges_of(adjacency.view())[3] == [(3, time, 1.0) for time in range(600)]


def test_writes_that_come_a_few_at_once_load_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_PLAIN_MAX", 2 * VERTICES)
    _, emptied = grown(monkeypatch)
    assert len(emptied) > 20
    assert kernels._compiled.cache_info().currsize == 0


def test_nothing_that_somebody_holds_is_filled_anew() -> None:
    graph = Graph()
    for account in range(VERTICES):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0, blocked=account % 3 == 0)
    failures: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            view = graph.frozen()
            out, into = view.out(_TRANSFER), view.into(_TRANSFER)
            before = edges_of(out)
            if sorted(map(len, before)) != sorted(map(len, edges_of(into))):
                failures.append("half of a write")
            if edges_of(out) != before or any(
                t != n for b in before for n, (_, t, _) in enumerate(b)
            ):
                failures.append("a held state has changed")
            with graph.reading() as now:
                lengths = now.out(_TRANSFER).lengths[:VERTICES].tolist()
            if len(set(lengths)) > 1:
                failures.append("half of a write, while reading")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    accounts = list(range(VERTICES))
    for time in range(400):
        with graph.lock.writing():
            graph.add_edges(
                _TRANSFER, accounts, accounts[1:] + accounts[:1],
                np.full(VERTICES, time), np.ones(VERTICES),
            )  # fmt: skip
    stop.set()
    for reader in readers:
        reader.join(timeout=120)
    assert not failures
