"""Readers while the graph is written: each sees one state, whole."""

from __future__ import annotations

import threading

import numpy as np

from tallystick.risk.graph.graph import Graph, GraphView
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.writes import write

_TRANSFER = EdgeKindName.TRANSFER
ROUNDS = 400


def ring_graph() -> Graph:
    graph = Graph()
    for account in range(10):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0)
    return graph


def degrees(view: GraphView) -> tuple[list[int], list[int]]:
    out, into = view.out(_TRANSFER).lengths, view.into(_TRANSFER).lengths
    return out[:10].tolist(), into[:10].tolist()


def test_a_reader_never_sees_half_of_a_write() -> None:
    """Every write adds one transfer out of each account and one in to each."""
    graph, stop, seen = ring_graph(), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            with graph.reading() as view:
                seen.append(degrees(view))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(ROUNDS):
        with graph.lock.writing():
            for account in range(10):
                # Later and earlier than what is there, so that blocks are appended to and shifted.
                time = turn if turn % 3 else -turn
                graph.add_edge(_TRANSFER, account, (account + 1) % 10, time, 1.0)
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    for out, into in seen:
        assert len(set(out)) == 1
        assert out == into


def test_a_frozen_state_stays_while_the_graph_goes_on_and_is_let_go() -> None:
    graph = ring_graph()
    for turn in range(50):
        write(graph, "tw12", {"accountId1": 1, "accountId2": 2, "time": turn, "amount": turn})
    frozen = graph.frozen()
    block = frozen.out(_TRANSFER).block(1)
    before = [column.copy() for column in block]
    for turn in range(50):
        write(graph, "tw12", {"accountId1": 1, "accountId2": 3, "time": turn, "amount": 7})
    write(graph, "tw17", {"accountId": 2})
    write(graph, "tw18", {"accountId": 1})
    after = frozen.out(_TRANSFER).block(1)
    assert all(np.array_equal(a, b) for a, b in zip(before[1:], after[1:], strict=True))
    assert not frozen.blocked(VertexKind.ACCOUNT)[1]
    assert graph._held()
    del frozen
    assert not graph._held()
