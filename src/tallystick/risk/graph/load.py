"""A graph from data files: strict, by name and place of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Floats, Ints, Rows
from tallystick.risk.graph.columns import amounts, booleans, identifiers, times
from tallystick.risk.graph.errors import FileError
from tallystick.risk.graph.files import DataFiles, Part, open_data
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.schema import (
    EDGE_FILES,
    EDGE_KINDS,
    OWNERSHIP,
    VERTEX_FILES,
    EdgeFile,
    VertexFile,
    VertexKind,
)
from tallystick.risk.graph.vertices import UNKNOWN_MS

__all__ = ["Loaded", "load_data"]

SNAPSHOT_FOLDER = "snapshot"
_TIME = "createTime"


class Loaded(NamedTuple):
    """A graph and what its files held.

    Args:
        vertices: how many, by kind.
        edges: how many, by kind.
        owners_without_a_line: people and companies of whom only an account is known.
        files_not_there: kinds of which there are none.
    """

    graph: Graph
    vertices: dict[str, int]
    edges: dict[str, int]
    owners_without_a_line: int
    files_not_there: list[str]


def load_data(where: Path) -> Loaded:
    """Read a folder such as `snapshot/`, the folder that holds it, or a .tar.gz of either.

    A file that is not there is a kind of which there are none; accounts there must be.

    Raises:
        FileError: a file, line or column that is not as it should be.
    """
    graph = Graph()
    expected = {f.name for f in (*VERTEX_FILES, *EDGE_FILES)}
    with open_data(where, SNAPSHOT_FOLDER) as files:
        _check_names(files, expected)
        for vertex_file in VERTEX_FILES:
            if vertex_file.name in files.names:
                _load_vertices(graph, files, vertex_file)
        unknown = 0
        for edge_file in EDGE_FILES:
            if edge_file.name in files.names:
                unknown += _load_edges(graph, files, edge_file)
        missing = sorted(expected - files.names)
    return Loaded(
        graph,
        {kind.value: len(table) for kind, table in graph.vertices.items()},
        {name.value: graph.out(name).edges for name in EDGE_KINDS},
        unknown,
        missing,
    )


def _check_names(files: DataFiles, expected: set[str]) -> None:
    strange = sorted(n for n in files.names if n.endswith(".csv") and n not in expected)
    if strange:
        raise FileError(strange[0], 0, "", f"is no file of a graph ({files.where})")
    if "Account.csv" not in files.names:
        raise FileError("Account.csv", 0, "", f"is not in {files.where}")


def _load_vertices(graph: Graph, files: DataFiles, layout: VertexFile) -> None:
    wanted: list[tuple[str, ...]] = [(layout.id,), (_TIME,)]
    wanted += [names for names in (layout.labels,) if names]
    wanted += [(column,) for column in (layout.blocked, layout.amount, layout.balance) if column]
    ids, created, blocked, amount, balance = [], [], [], [], []
    labels: list[str] = []
    seen: set[int] = set()
    for part in files.parts(layout.name, wanted):
        ids.append(_unseen(part, layout.id, seen))
        count = len(ids[-1])
        created.append(part.parsed(_TIME, times))
        labels += part.columns[layout.labels[0]] if layout.labels else [""] * count
        blocked.append(
            part.parsed(layout.blocked, booleans) if layout.blocked else np.zeros(count, np.bool_)
        )
        for column, values in ((layout.amount, amount), (layout.balance, balance)):
            values.append(part.parsed(column, amounts) if column else np.zeros(count))
    if ids:
        graph.vertices[layout.kind].build(
            *(np.concatenate(column) for column in (ids, created)),
            _shared(labels),
            np.concatenate(blocked),
            *(np.concatenate(column) for column in (amount, balance)),
        )


def _shared(labels: list[str]) -> list[str]:
    """Equal texts as one object, so that a million types take no room."""
    known: dict[str, str] = {}
    return [known.setdefault(label, label) for label in labels]


def _unseen(part: Part, column: str, seen: set[int]) -> Ints:
    ids = part.parsed(column, identifiers)
    before = len(seen)
    numbers = ids.tolist()
    seen.update(numbers)
    if len(seen) != before + len(numbers):
        known = seen.difference(numbers) if before else set()
        for place, number in enumerate(numbers):
            if number in known:
                raise part.error(place, column, f"{number} is there twice")
            known.add(number)
        raise part.error(0, column, "an id is there twice")
    return ids


class _EdgeColumns(NamedTuple):
    sources: list[Rows]
    targets: list[Rows]
    times: list[Ints]
    values: list[Floats]


def _load_edges(graph: Graph, files: DataFiles, layout: EdgeFile) -> int:
    """Read one file of edges; how many vertices it made known."""
    ends = EDGE_KINDS[layout.kind]
    columns = [(layout.source,), (layout.target,), (_TIME,)]
    columns += [(layout.value,)] if layout.value else []
    read = _EdgeColumns([], [], [], [])
    made = 0
    for part in files.parts(layout.name, columns):
        if layout.kind in OWNERSHIP:
            made += _make_owners(graph, part, layout.source, ends.source)
        read.sources.append(_known(graph, part, layout.source, ends.source))
        read.targets.append(_known(graph, part, layout.target, ends.target))
        read.times.append(part.parsed(_TIME, times))
        read.values.append(part.parsed(layout.value, amounts) if layout.value else np.zeros(0))
    if read.sources:
        graph.build_edges(layout.kind, *_joined(read))
    return made


def _joined(read: _EdgeColumns) -> tuple[Rows, Rows, Ints, Floats]:
    return (
        np.concatenate(read.sources),
        np.concatenate(read.targets),
        np.concatenate(read.times),
        np.concatenate(read.values),
    )


def _known(graph: Graph, part: Part, column: str, kind: VertexKind) -> Rows:
    """The rows of a column of ids.

    Raises:
        FileError: a vertex is not there.
    """
    ids = part.parsed(column, identifiers)
    rows = graph.vertices[kind].rows(ids.tolist())
    dangling = np.flatnonzero(rows < 0)
    if len(dangling):
        place = int(dangling[0])
        raise part.error(place, column, f"there is no {kind.value} {ids[place]}")
    return rows


def _make_owners(graph: Graph, part: Part, column: str, kind: VertexKind) -> int:
    ids = part.parsed(column, identifiers).tolist()
    unknown = [owner for owner in dict.fromkeys(ids) if owner not in graph.vertices[kind]]
    for owner in unknown:
        graph.add_vertex(kind, owner, UNKNOWN_MS)
    return len(unknown)
