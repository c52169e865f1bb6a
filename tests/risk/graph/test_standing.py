"""What rules read of the graph, for every account at once."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.risk.graph import kernels
from tallystick.risk.graph.features import FAR, account_features
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.kernels import bound_windows, join_components
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.spread import _join_at_once, association_scores
from tallystick.risk.graph.standing import STANDING_ALONE, Standing, standing_of
from tallystick.risk.graph.steps import _bound_at_once

NOW = 1_700_000_000_000
DAY = 86_400_000


@pytest.fixture
def standing() -> Standing:
    return standing_of(drawn().frozen(), NOW, np.zeros(0))


def drawn() -> Graph:
    """8 is blocked; 8-7-6-5-4 in a row, 1 to 3 a group of their own with a device of 1, 2, 4."""
    graph = Graph()
    for account in range(1, 10):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0, blocked=account == 8)
    for payer, payee, days in ((7, 8, 1), (7, 6, 1), (5, 6, 9), (5, 4, 1), (1, 2, 1), (1, 2, 2),
                               (1, 3, 3), (3, 2, 8)):  # fmt: skip
        graph.add_edge(EdgeKindName.TRANSFER, payer, payee, NOW - days * DAY, 1.0)
    for medium, accounts in ((77, (1, 2, 4)), (78, (1, 3))):
        graph.add_vertex(VertexKind.MEDIUM, medium, 0)
        for account in accounts:
            graph.add_edge(EdgeKindName.SIGN_IN, medium, account, NOW)
    return graph


def test_each_number_of_every_account(standing: Standing) -> None:
    columns = {name: column.tolist() for name, column in standing._asdict().items()}
    assert columns == {
        "component_size": [3, 3, 3, 5, 5, 5, 5, 5, 1],
        "steps_from_blocked": [FAR, FAR, FAR, FAR, 3, 2, 1, 0, FAR],
        "device_accounts": [2, 2, 1, 2, 0, 0, 0, 0, 0],
        "payers_7d": [0, 1, 1, 1, 0, 1, 0, 1, 0],
        "payees_7d": [2, 0, 0, 0, 1, 0, 2, 0, 0],
        "association": [0] * 9,
    }


def test_an_account_that_came_later_stands_alone(standing: Standing) -> None:
    assert standing.of(9) == standing.of(-1) == STANDING_ALONE
    assert standing.of(8) == (1, FAR, 0, 0, 0, 0)


def test_they_are_what_is_asked_of_one_account() -> None:
    graph = drawn()
    view = graph.frozen()
    blocked = np.array([view.row(VertexKind.ACCOUNT, 8)], np.int32)
    scores = association_scores(view, blocked)
    standing = standing_of(view, NOW, scores)
    for account in range(1, 10):
        one = account_features(view, account, NOW, scores)
        _, steps, _, payers, payees, association = standing.of(account - 1)
        assert (steps, payers, payees) == (one.steps_from_blocked, one.payers_7d, one.payees_7d)
        assert association == round(one.association)


def test_rules_have_no_compiler_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_compiled", cache(kernels._compiled.__wrapped__))
    monkeypatch.setattr(kernels, "_PLAIN_MAX", 100)
    graph, random = drawn(), Random(1)
    for _ in range(3000):
        payer, payee = random.sample(range(1, 10), 2)
        at_ms = NOW - random.randrange(20 * DAY)
        graph.add_edge(EdgeKindName.TRANSFER, payer, payee, at_ms, 1.0)
    standing = standing_of(graph.frozen(), NOW, np.zeros(0))
    assert standing.component_size.tolist() == [9] * 9
    assert standing.payers_7d.tolist() == [8] * 9
    assert kernels._compiled.cache_info().currsize == 0


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 9)), max_size=6), max_size=15),
    st.integers(-1, 10), st.integers(-1, 11),
)  # fmt: skip
def test_all_at_once_is_what_the_loops_say(
    blocks: list[list[tuple[int, int]]], after: int, before: int
) -> None:
    edges = [edge for block in blocks for edge in sorted(block, key=lambda edge: edge[1])]
    lengths = np.array([len(block) for block in blocks], np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    neighbours, times = np.array(edges, np.int64).reshape(-1, 2).T
    joined = [np.arange(15), np.arange(15)]
    join_components(joined[0], starts, lengths, neighbours.astype(np.int32))
    _join_at_once(joined[1], starts, lengths, neighbours.astype(np.int32))
    for parents in joined:
        while not np.array_equal(above := parents[parents], parents):
            parents[:] = above
    assert joined[0].tolist() == joined[1].tolist()
    rows = np.arange(len(blocks))
    found = [(np.empty_like(rows), np.empty_like(rows)) for _ in range(2)]
    for bound, bounds in zip((bound_windows, _bound_at_once), found, strict=True):
        bound((starts, lengths, times), rows, (after, before), bounds)
    assert [c.tolist() for c in found[0]] == [c.tolist() for c in found[1]]
