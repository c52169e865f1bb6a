"""Every write changes the graph as it changes the plain one, and reads agree afterwards."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.risk.graph.asked import asked
from tests.risk.graph.plain_graph import EXAMPLE, READS, PlainGraph, plain_from
from tests.risk.graph.plain_writes import incremental, plain_write, some_writes

from tallystick.risk.graph.errors import FileError, WriteRefused
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.load import load_data
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.replay import replay_writes
from tallystick.risk.graph.snapshot import load_snapshot, save_snapshot
from tallystick.risk.graph.writes import WRITES, write


def our_write(graph: Graph, name: str, given: dict[str, Any]) -> str:
    wanted = {key: given[key] for key in WRITES[name].parameters}
    try:
        rows = write(graph, name, wanted)
    except WriteRefused as refused:
        return refused.code
    return str(rows[0]["reason"]) if rows else "done"


def both() -> tuple[Graph, PlainGraph]:
    return load_data(EXAMPLE).graph, plain_from(EXAMPLE)


def assert_same_answers(graph: Graph, plain: PlainGraph, questions: int, seed: int) -> None:
    for name in sorted(READS):
        for given, expected in asked(plain, name, questions, seed):
            rows = answer(graph, name, given)
            assert [tuple(row.values()) for row in rows] == expected, (name, given)


def assert_same_edges(graph: Graph, plain: PlainGraph) -> None:
    counts = {name.value: graph.out(name).edges for name in graph._out}
    assert sum(counts.values()) == sum(map(len, plain.edges.values()))
    assert counts["transfer"] == len(plain.edges["AccountTransferAccount"])
    for name in graph._out:
        assert graph.out(name).edges == graph.into(name).edges


def test_after_the_incremental_files_every_read_answers_as_the_plain_reader() -> None:
    graph, plain = both()
    expected = Counter(
        (name, plain_write(plain, name, given)) for name, given in incremental(EXAMPLE)
    )
    replayed = replay_writes(graph, EXAMPLE)
    done = {name: count for (name, outcome), count in expected.items() if outcome == "done"}
    refused = {
        f"{name} {outcome}": count
        for (name, outcome), count in expected.items()
        if outcome != "done"
    }
    assert (replayed.done, replayed.refused) == (done, refused)
    assert_same_edges(graph, plain)
    assert_same_answers(graph, plain, 25, seed=2)


def known_instead(plain: PlainGraph) -> Iterator[tuple[str, dict[str, Any]]]:
    """The incremental files with vertices of the snapshot in place of those it does not have."""
    kinds = {kind: sorted(known) for kind, known in plain.vertices.items()}

    def known(kind: str, text: str) -> str:
        if int(text) in plain.vertices[kind]:
            return text
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return str(kinds[kind][int.from_bytes(digest, "big") % len(kinds[kind])])

    for number, (name, given) in enumerate(incremental(EXAMPLE)):
        if name in ("tw3", "tw6", "tw7") or (name == "tw17" and number % 20):
            continue
        for column in given:
            if column.lower().rstrip("12").endswith("id"):
                guarantor = "Person" if name in ("trw3",) else "Account"
                stem = column.rstrip("12")[:-2].capitalize()
                kind = {"Src": guarantor, "Dst": guarantor}.get(stem, stem)
                given[column] = known(kind, given[column])
        yield name, given


def test_the_same_writes_about_known_vertices_are_done_alike_and_read_alike() -> None:
    graph, plain = both()
    outcomes: Counter[tuple[str, str]] = Counter()
    for number, (name, given) in enumerate(known_instead(plain)):
        if number % 9 == 0:
            expected = plain_write(plain, name, given)
            assert our_write(graph, name, given) == expected, (name, given)
            outcomes[name, expected] += 1
    for outcome in (("tw12", "done"), ("tw17", "done"), ("trw1", "done"), ("trw2", "detected")):
        assert outcomes[outcome] > 2, outcomes
    assert_same_edges(graph, plain)
    assert_same_answers(graph, plain, 15, seed=3)


@pytest.mark.parametrize("seed", [1, 2])
def test_writes_of_every_kind_in_no_order_of_time(seed: int, tmp_path: Path) -> None:
    graph, plain = both()
    outcomes: Counter[tuple[str, str]] = Counter()
    for name, given in some_writes(plain, Random(seed), 400):
        expected = plain_write(plain, name, given)
        assert our_write(graph, name, given) == expected, (name, given)
        outcomes[name, expected] += 1
    assert {name for name, outcome in outcomes if outcome == "done"} >= set(WRITES)
    assert_same_edges(graph, plain)
    assert_same_answers(graph, plain, 10, seed)
    save_snapshot(graph, tmp_path / "graph.npz")
    assert_same_answers(load_snapshot(tmp_path / "graph.npz"), plain, 5, seed + 100)


def test_a_refused_write_changes_nothing() -> None:
    graph = load_data(EXAMPLE).graph
    before = graph.changes
    account = 4758053006316932351
    for name, given in (
        ("tw12", {"accountId1": account, "accountId2": 5, "time": 1, "amount": 1}),
        ("tw4", {"personId": 5, "accountId": 6, "time": 1, "accountBlocked": False,
                 "accountType": "x"}),
        ("tw17", {"accountId": 5}),
        ("tw18", {"accountId": 5}),
    ):  # fmt: skip
        with pytest.raises(WriteRefused, match="5 is not in the graph"):
            write(graph, name, given)
    assert graph.changes == before


def test_a_bad_line_of_writes_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    graph = load_data(EXAMPLE).graph
    changes = graph.changes
    header = "createTime|dependencyTime|accountId\n"
    (tmp_path / "UpdateAccountWrite18.csv").write_text(header + "5|0|4758053006316932351\n6|0|x\n")
    with pytest.raises(FileError, match=r"UpdateAccountWrite18\.csv, line 3: .*'x' is not an id"):
        replay_writes(graph, tmp_path)
    assert graph.changes == changes
    with pytest.raises(FileError, match="is no file of writes"):
        replay_writes(graph, tmp_path.parent / tmp_path.name / "..")
