"""What an analyst asks, checked by trying everything on small random graphs."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from tallystick.risk.graph import kernels
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import answer, answer_in
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind
from tallystick.risk.graph.spread import DAMPING

Edge = tuple[int, int, int, float]
ACCOUNTS = range(1, 15)


def random_graph(seed: int, transfers: int = 50) -> tuple[Graph, list[Edge]]:
    """Fourteen accounts, some blocked, transfers between them at times that may be equal."""
    random = Random(seed)
    graph = Graph()
    for account in ACCOUNTS:
        graph.add_vertex(VertexKind.ACCOUNT, account, 0, blocked=account % 5 == 0)
    edges = [
        (random.choice(ACCOUNTS), random.choice(ACCOUNTS), random.randrange(1, 60),
         float(random.randrange(1, 100)))
        for _ in range(transfers)
    ]  # fmt: skip
    for edge in edges:
        graph.add_edge(EdgeKindName.TRANSFER, *edge)
    return graph, edges


def cycles(edges: list[Edge], start: int, longest: int) -> set[tuple[int, ...]]:
    found = set()

    def further(path: list[int], time: int) -> None:
        for source, target, at, _ in edges:
            if source != path[-1] or at <= time:
                continue
            if target == start:
                found.add((*path, start))
            elif target not in path and len(path) < longest:
                further([*path, target], at)

    further([start], 0)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_rings_are_all_cycles_of_rising_times(seed: int) -> None:
    graph, edges = random_graph(seed)
    for account in ACCOUNTS:
        asked = {"id": account, "maxLength": 4, "limit": 10_000}
        rows = answer(graph, "rings", asked)
        paths = [tuple(map(int, row["path"])) for row in rows]  # type: ignore[call-overload]
        assert len(paths) == len(set(paths))
        assert set(paths) == cycles(edges, account, 4)
        for row, path in zip(rows, paths, strict=True):
            assert row["complete"]
            assert is_chain(edges, path, row, rising=True)


def is_chain(edges: list[Edge], path: tuple[int, ...], row: dict[str, Any], rising: bool) -> bool:
    hops = list(zip(pairwise(path), row["times"], row["amounts"], strict=True))
    there = all((*ends, time, amount) in edges for ends, time, amount in hops)
    return there and (not rising or all(a < b for a, b in pairwise(row["times"])))


def fewest(edges: list[Edge], start: int, end: int, rising: bool) -> int:
    reached = {(start, 0)}
    for length in range(1, 40):
        reached = {
            (target, at if rising else 0)
            for account, time in reached
            for source, target, at, _ in edges
            if source == account and (at > time or not rising)
        }
        if any(account == end for account, _ in reached):
            return length
    return -1


@pytest.mark.parametrize("rising", [False, True])
def test_the_money_path_is_a_shortest_one(rising: bool) -> None:
    for seed in range(4):
        graph, edges = random_graph(seed, transfers=28)
        for start in ACCOUNTS:
            for end in ACCOUNTS:
                asked = {"id1": start, "id2": end, "timeOrdered": rising}
                rows = answer(graph, "path", asked)
                if start == end:
                    assert rows == []
                    continue
                assert (len(rows) or -1) == fewest(edges, start, end, rising)
                if rows:
                    path = (start, *(int(str(row["toId"])) for row in rows))
                    assert path[-1] == end
                    row = {key: [r[key[:-1]] for r in rows] for key in ("times", "amounts")}
                    assert is_chain(edges, path, row, rising)


def test_fan_counts_accounts_transfers_and_amounts_on_both_sides() -> None:
    graph, edges = random_graph(3)
    for account in ACCOUNTS:
        window = {"startTime": 10, "endTime": 50}
        into, out = answer(graph, "fan", {"id": account, **window})
        for row, near, far in ((into, 1, 0), (out, 0, 1)):
            some = [e for e in edges if e[near] == account and 10 < e[2] < 50]
            by: Counter[int] = Counter()
            for edge in some:
                by[int(edge[far])] += int(edge[3])
            assert row["accounts"] == len(by)
            assert row["blockedAccounts"] == sum(other % 5 == 0 for other in by)
            assert (row["transfers"], row["amount"]) == (len(some), float(sum(by.values())))
            greatest = max(by.values(), default=0) / max(sum(by.values()), 1)
            assert row["greatestShare"] == pytest.approx(greatest, abs=0.001)


def with_devices() -> Graph:
    graph, _ = random_graph(5, transfers=0)
    for medium in (100, 101):
        graph.add_vertex(VertexKind.MEDIUM, medium, 0, label="IPv4", blocked=medium == 101)
    for medium, account, time in ((100, 1, 5), (100, 2, 6), (100, 2, 7), (101, 1, 8), (101, 5, 9)):
        graph.add_edge(EdgeKindName.SIGN_IN, medium, account, time)
    return graph


def test_devices_are_shared_by_who_signed_in_by_them() -> None:
    rows = answer(with_devices(), "devices", {"id": 1})
    assert [tuple(row.values()) for row in rows] == [
        ("2", False, "100", "IPv4", False, 1, 2),
        ("5", True, "101", "IPv4", True, 1, 1),
    ]
    assert len(answer(with_devices(), "devices", {"id": 1, "startTime": 5})) == 1


def test_a_neighbourhood_holds_what_is_so_many_hops_away_and_the_edges_between() -> None:
    graph = with_devices()
    graph.add_edge(EdgeKindName.TRANSFER, 1, 3, 20, 5.0)
    graph.add_edge(EdgeKindName.TRANSFER, 1, 3, 10, 7.5)
    (row,) = answer(graph, "neighbourhood", {"id": 1, "hops": 2})
    distances = {(v["kind"], v["id"]): v["distance"] for v in row["vertices"]}  # type: ignore[attr-defined]
    assert distances == {
        ("Account", "1"): 0, ("Account", "3"): 1, ("Medium", "100"): 1, ("Medium", "101"): 1,
        ("Account", "2"): 2, ("Account", "5"): 2,
    }  # fmt: skip
    assert row["complete"]
    edges = {(e["edge"], e["fromId"], e["toId"]): e for e in row["edges"]}  # type: ignore[attr-defined]
    assert edges["transfer", "1", "3"] == {
        "edge": "transfer", "fromKind": "Account", "fromId": "1", "toKind": "Account", "toId": "3",
        "count": 2, "amount": 12.5, "firstTime": 10, "lastTime": 20,
    }  # fmt: skip
    assert edges["signIn", "100", "2"]["count"] == 2
    (near,) = answer(graph, "neighbourhood", {"id": 1, "hops": 2, "limit": 4})
    assert len(near["vertices"]) == 4  # type: ignore[arg-type]
    assert not near["complete"]
    (device,) = answer(graph, "neighbourhood", {"id": 101, "kind": "medium"})
    assert len(device["vertices"]) == 3  # type: ignore[arg-type]


def test_components_are_what_hangs_together() -> None:
    for transfers in (6, 12, 30):
        graph, edges = random_graph(transfers, transfers)
        groups = {account: {account} for account in ACCOUNTS}
        for source, target, *_ in edges:
            joined = groups[source] | groups[target]
            for account in joined:
                groups[account] = joined
        rows = answer(graph, "components", {"limit": 100})
        assert sorted(row["size"] for row in rows) == sorted(  # type: ignore[type-var]
            len(group) for group in {min(g): g for g in groups.values()}.values()
        )
        for account in ACCOUNTS:
            (row,) = answer(graph, "components", {"id": account})
            assert {int(i) for i in row["accountIds"]} == groups[account]  # type: ignore[attr-defined]


def test_association_is_the_share_of_steps_of_a_walk_that_returns_to_the_bad() -> None:
    graph, edges = random_graph(9, transfers=40)
    graph.add_vertex(VertexKind.MEDIUM, 100, 0)
    for account in (1, 5):
        graph.add_edge(EdgeKindName.SIGN_IN, 100, account, 5)
    around: dict[Any, list[Any]] = defaultdict(list)
    pairs = [(s, t) for s, t, *_ in edges] + [("m", 1), ("m", 5)]
    for source, target in pairs:
        around[source].append(target)
        around[target].append(source)
    vertices = [*ACCOUNTS, "m"]
    bad = {5, 10}
    score = {v: (0.5 if v in bad else 0.0) for v in vertices}
    for _ in range(400):
        arrived: dict[Any, float] = defaultdict(float)
        for vertex, mass in score.items():
            for other in around[vertex]:
                arrived[other] += mass / len(around[vertex])
        score = {
            v: DAMPING * arrived[v] + (0.5 * (1 - DAMPING) if v in bad else 0.0) for v in vertices
        }
    rows = answer(graph, "association", {"limit": 100})
    assert {int(str(row["accountId"])) for row in rows}.isdisjoint(bad)
    for row in rows:
        expected = score[int(str(row["accountId"]))]
        assert row["score"] == pytest.approx(expected, abs=1e-4)
    by_hand = answer(graph, "association", {"limit": 100, "ids": ["5", "10"]})
    assert by_hand == rows


def test_two_crowds_with_one_transfer_between_are_two_communities() -> None:
    graph = Graph()
    random = Random(4)
    for account in range(60):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0)
    for _ in range(600):
        first, second = random.sample(range(30), 2)
        shift = random.choice((0, 30))
        graph.add_edge(EdgeKindName.TRANSFER, first + shift, second + shift, 1, 1.0)
    graph.add_edge(EdgeKindName.TRANSFER, 3, 33, 1, 1.0)
    rows = answer(graph, "communities", {})
    assert [row["size"] for row in rows] == [30, 30]
    (crowd,) = answer(graph, "communities", {"id": 33})
    assert {int(i) for i in crowd["accountIds"]} == set(range(30, 60))  # type: ignore[attr-defined]


def modularity(edges: list[tuple[int, int]], groups: list[set[int]]) -> float:
    """The share of edges inside groups, less what chance would give (Newman, 2006)."""
    degree: Counter[int] = Counter()
    for edge in edges:
        degree.update(edge)
    twice = 2 * len(edges)
    inside = sum(len({*edge} & group) == len({*edge}) for edge in edges for group in groups)
    chance = sum((sum(degree[n] for n in group) / twice) ** 2 for group in groups)
    return inside / len(edges) - chance


@pytest.mark.parametrize("seed", range(5))
def test_communities_are_no_worse_than_those_that_were_planted(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.communities._EDGES_AT_ONCE", 50)
    random = Random(seed)
    planted = [set(range(start, start + 15)) for start in (0, 15, 30, 45)]
    edges = []
    for _ in range(500):
        group = sorted(random.choice(planted))
        other = range(60) if random.random() < 0.25 else group
        first, second = random.choice(group), random.choice(other)
        edges += [(first, second)] if first != second else []
    graph = Graph()
    for account in range(60):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0)
    for edge in edges:
        graph.add_edge(EdgeKindName.TRANSFER, *edge, 1, 1.0)
    rows = answer(graph, "communities", {"limit": 60})
    found = []
    for row in rows:
        (whole,) = answer(graph, "communities", {"id": row["accountIds"][0]})  # type: ignore[index]
        found.append({int(account) for account in whole["accountIds"]})  # type: ignore[attr-defined]
    assert sorted(account for group in found for account in group) == list(range(60))
    assert modularity(edges, found) >= modularity(edges, planted) - 1e-9


def test_an_analysis_of_the_whole_graph_does_not_see_what_is_written_meanwhile() -> None:
    graph, edges = random_graph(2, transfers=20)
    frozen = graph.frozen()
    before = [frozen.out(EdgeKindName.TRANSFER).block(row) for row in range(len(ACCOUNTS))]
    kept = [[column.copy() for column in block] for block in before]
    for time, (source, target, *_) in enumerate(edges * 3):
        graph.add_edge(EdgeKindName.TRANSFER, source, target, 100 - time, 1.0)
    graph.remove_account(7)
    for row, columns in enumerate(kept):
        block = frozen.out(EdgeKindName.TRANSFER).block(row)
        assert [column.tolist() for column in block] == [column.tolist() for column in columns]


def test_accounts_that_come_while_the_whole_graph_is_looked_at_are_not_in_the_answer() -> None:
    graph, _ = random_graph(2, transfers=20)
    new = max(ACCOUNTS) + 1
    asked: list[tuple[str, dict[str, object]]] = [
        ("association", {}), ("association", {"ids": [ACCOUNTS[0]]}),
        ("communities", {}), ("communities", {"id": ACCOUNTS[0]}),
        ("components", {}), ("components", {"id": ACCOUNTS[0]}),
    ]  # fmt: skip
    before = [answer(graph, name, given) for name, given in asked]
    frozen = graph.frozen()
    for account in range(new, new + 30):
        graph.add_vertex(VertexKind.ACCOUNT, account, 0, blocked=True)
        graph.add_edge(EdgeKindName.TRANSFER, account, ACCOUNTS[0], 500, 1.0)
    assert [answer_in(frozen, name, given) for name, given in asked] == before
    of_the_new: tuple[tuple[str, dict[str, object]], ...] = (
        ("association", {"ids": [new]}), ("communities", {"id": new}), ("components", {"id": new}),
    )  # fmt: skip
    for name, given in of_the_new:
        assert answer_in(frozen, name, given) == []
        assert answer(graph, name, given) != []


@pytest.mark.parametrize("compiled", [False, True])
def test_edges_added_in_bulk_are_those_added_one_by_one(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiled:
        monkeypatch.setattr(kernels, "_PLAIN_MAX", 0)
    monkeypatch.setattr(kernels, "_compiled", cache(kernels._compiled.__wrapped__))
    monkeypatch.setattr("tallystick.risk.graph.pool._BITS", 5)
    monkeypatch.setattr("tallystick.risk.graph.pool._SEGMENT", 32)
    random = Random(8)
    one, other = (random_graph(6)[0] for _ in range(2))
    edges = [
        (random.choice(ACCOUNTS), random.choice(ACCOUNTS), random.randrange(50, 300), 1.0 * n)
        for n in range(1500)
    ]
    edges.sort(key=lambda edge: edge[2] // 50)
    for edge in edges:
        one.add_edge(EdgeKindName.TRANSFER, *edge)
    for start in range(0, len(edges), 100):
        sources, targets, times, values = zip(*edges[start : start + 100], strict=True)
        other.add_edges(EdgeKindName.TRANSFER, sources, targets, np.array(times), np.array(values))
    for name in EDGE_KINDS:
        for a, b in ((one.out(name), other.out(name)), (one.into(name), other.into(name))):
            ours, theirs = a.packed(), b.packed()
            assert {k: v.tolist() for k, v in ours.items()} == {
                k: v.tolist() for k, v in theirs.items()
            }


def test_a_wrong_question_says_what_is_wrong(tmp_path: Path) -> None:
    graph, _ = random_graph(1)
    for name, given, said in (
        ("rings", {}, "rings needs the parameter id"),
        ("rings", {"id": 1, "limit": 0}, "limit: 0 is not a number from 1"),
        ("neighbourhood", {"id": 1, "kind": "Bank"}, "'Bank' is no kind"),
        ("association", {"ids": "1,x"}, "is not a list of ids"),
        ("fan", {"id": 1, "hops": 1}, "fan has no parameter 'hops'"),
        ("gossip", {}, "is no query; there are tcr1"),
    ):
        with pytest.raises(QueryError, match=said):
            answer(graph, name, given)
