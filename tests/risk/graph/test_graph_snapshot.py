"""A snapshot holds the same graph, and one that is damaged or of another version is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.risk.graph.plain_graph import EXAMPLE

from tallystick.risk.graph.errors import SnapshotError
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.load import load_data
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import EDGE_KINDS
from tallystick.risk.graph.snapshot import is_snapshot, load_snapshot, save_snapshot
from tallystick.risk.graph.writes import write

HUB = "28710447624489049"
WHOLE = {"startTime": "0", "endTime": "9999999999999"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "graph.npz"
    save_snapshot(load_data(EXAMPLE).graph, path)
    return path


def columns_of(graph: Graph) -> list[list[object]]:
    edges = [
        column.tolist()
        for name in EDGE_KINDS
        for adjacency in (graph.out(name), graph.into(name))
        for column in adjacency.packed().values()
    ]
    tables = graph.vertices.values()
    return edges + [t.ids[: t.count].tolist() + t.labels[: t.count].tolist() for t in tables]


def test_the_graph_comes_back_as_it_was(saved: Path) -> None:
    assert is_snapshot(saved)
    assert not is_snapshot(EXAMPLE)
    assert columns_of(load_snapshot(saved)) == columns_of(load_data(EXAMPLE).graph)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_graph_from_a_snapshot_goes_on(saved: Path, tmp_path: Path) -> None:
    graph = load_snapshot(saved)
    before = answer(graph, "tsr2", {"id": HUB, **WHOLE})[0]
    write(graph, "tw17", {"accountId": "4758053006316932351"})
    write(graph, "tw12", {"accountId1": HUB, "accountId2": HUB, "time": 5, "amount": "1.5"})
    again = tmp_path / "again.npz"
    save_snapshot(graph, again)
    reloaded = load_snapshot(again)
    assert answer(reloaded, "tsr1", {"id": "4758053006316932351"}) == []
    after = answer(reloaded, "tsr2", {"id": HUB, **WHOLE})[0]
    assert after["numEdge2"] == int(str(before["numEdge2"])) + 1
    assert columns_of(reloaded) == columns_of(graph)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_changed_byte_is_found(saved: Path, tmp_path: Path, share: float) -> None:
    data = bytearray(saved.read_bytes())
    data[int(len(data) * share)] ^= 0xFF
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(data)
    with pytest.raises(SnapshotError, match="is damaged"):
        load_snapshot(damaged)


def test_a_file_that_was_cut_is_refused(saved: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.npz"
    cut.write_bytes(saved.read_bytes()[:100_000])
    with pytest.raises(SnapshotError, match="is damaged"):
        load_snapshot(cut)


def test_another_version_is_refused_by_its_name(saved: Path, tmp_path: Path) -> None:
    with np.load(saved) as archive:
        columns = {name: archive[name] for name in archive.files}
    meta = json.loads(columns["meta"].tobytes()) | {"format": "tallystick-fraud-graph-0"}
    columns["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    other = tmp_path / "other.npz"
    np.savez(other, allow_pickle=False, **columns)
    with pytest.raises(SnapshotError, match="of the format tallystick-fraud-graph-0, not"):
        load_snapshot(other)
