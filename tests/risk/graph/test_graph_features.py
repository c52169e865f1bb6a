"""Features of an account: each told apart by a graph that has just it."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.risk.graph.features import FAR, AccountFeatures, account_features
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.spread import association_scores

NOW = 1_700_000_000_000
DAY = 86_400_000


@pytest.fixture
def graph() -> Graph:
    made = Graph()
    for account in range(1, 9):
        made.add_vertex(VertexKind.ACCOUNT, account, 0, blocked=account == 8)
    return made


def pay(graph: Graph, payer: int, payee: int, days_ago: float, amount: float = 1.0) -> None:
    time = NOW - int(days_ago * DAY)
    graph.add_edge(EdgeKindName.TRANSFER, payer, payee, time, amount)


def features(graph: Graph, account: int) -> AccountFeatures:
    return account_features(graph.view(), account, NOW, np.zeros(0))


def test_an_unknown_account_and_a_quiet_one_have_nothing(graph: Graph) -> None:
    assert features(graph, 99) == AccountFeatures() == features(graph, 1)


def test_a_week_counts_accounts_and_amounts_on_both_sides(graph: Graph) -> None:
    for payer, payee, days in ((2, 1, 1), (2, 1, 2), (3, 1, 6.9), (4, 1, 7.1), (1, 5, 3)):
        pay(graph, payer, payee, days, 2.5)
    found = features(graph, 1)
    assert (found.payers_7d, found.payees_7d) == (2, 1)
    assert (found.received_7d, found.sent_7d) == (7.5, 2.5)


def test_blocked_counterparts_and_steps_from_a_blocked_account(graph: Graph) -> None:
    for payer, payee in ((8, 7), (6, 7), (6, 5), (5, 4)):
        pay(graph, payer, payee, 1)
    assert [features(graph, n).steps_from_blocked for n in (8, 7, 6, 5, 4)] == [0, 1, 2, 3, FAR]
    assert [features(graph, n).blocked_counterparts_7d for n in (7, 6)] == [1, 0]


@pytest.mark.parametrize("other", [2, 8])
@pytest.mark.parametrize("medium_blocked", [False, True])
def test_accounts_behind_the_same_device(graph: Graph, other: int, medium_blocked: bool) -> None:
    graph.add_vertex(VertexKind.MEDIUM, 77, 0, blocked=medium_blocked)
    for account in (1, other):
        graph.add_edge(EdgeKindName.SIGN_IN, 77, account, NOW)
    found = features(graph, 1)
    assert found.device_accounts == 1
    assert found.device_blocked == (medium_blocked or other == 8)


def test_association_falls_with_the_distance_from_the_blocked_one(graph: Graph) -> None:
    for account in (7, 6, 5):
        pay(graph, account, account + 1, 1)
    view = graph.view()
    scores = association_scores(view, np.array([view.row(VertexKind.ACCOUNT, 8)], np.int32))
    found = [account_features(view, n, NOW, scores).association for n in (7, 6, 5, 1)]
    assert found == sorted(found, reverse=True)
    assert found[2] > 0 == found[3]
