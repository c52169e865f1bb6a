"""A graph from data files: strict, by name and place of what is wrong."""

from __future__ import annotations

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


class _VertexColumns(NamedTuple):
    ids: list[Ints]
    created: list[Ints]
    labels: list[str]
    blocked: list[NDArray[np.bool_]]
    amounts: list[Floats]
    balances: list[Floats]


def _load_vertices(graph: Graph, files: DataFiles, layout: VertexFile) -> None:
    wanted: list[tuple[str, ...]] = [(layout.id,), (_TIME,)]
    wanted += [names for names in (layout.labels,) if names]
    wanted += [(column,) for column in (layout.blocked, layout.amount, layout.balance) if column]
    read = _VertexColumns([], [], [], [], [], [])
    seen: set[int] = set()
    for part in files.parts(layout.name, wanted):
        _read_vertices(part, layout, read)
        _check_unique(part, layout.id, read.ids[-1], seen)
    if read.ids:
        graph.vertices[layout.kind].build(
            np.concatenate(read.ids),
            np.concatenate(read.created),
            _shared(read.labels),
            np.concatenate(read.blocked),
            np.concatenate(read.amounts),
            np.concatenate(read.balances),
        )


def _read_vertices(part: Part, layout: VertexFile, read: _VertexColumns) -> None:
    read.ids.append(part.parsed(layout.id, identifiers))
    count = len(read.ids[-1])
    read.created.append(part.parsed(_TIME, times))
    read.labels.extend(part.columns[layout.labels[0]] if layout.labels else [""] * count)
    no = np.zeros(count, np.bool_)
    read.blocked.append(part.parsed(layout.blocked, booleans) if layout.blocked else no)
    nothing = np.zeros(count)
    read.amounts.append(part.parsed(layout.amount, amounts) if layout.amount else nothing)
    read.balances.append(part.parsed(layout.balance, amounts) if layout.balance else nothing)


def _shared(labels: list[str]) -> list[str]:
    """Equal texts as one object, so that a million types take no room."""
    known: dict[str, str] = {}
    return [known.setdefault(label, label) for label in labels]


def _check_unique(part: Part, column: str, ids: Ints, seen: set[int]) -> None:
    numbers = ids.tolist()
    fresh = set(numbers)
    if len(fresh) == len(numbers) and fresh.isdisjoint(seen):
        seen |= fresh
        return
    for place, number in enumerate(numbers):
        if number in seen:
            raise part.error(place, column, f"{number} is there twice")
        seen.add(number)


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
