"""A graph as one file: columns in numpy's own format, with a version and a checksum of each.

The file is a .npz archive without compression. `meta` is a JSON text: the format's version and,
for every column, its BLAKE2b digest. A file that does not fit is refused whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Adjacency
from tallystick.risk.graph.errors import SnapshotError
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.schema import EDGE_KINDS, VertexKind
from tallystick.risk.graph.vertices import Vertices

__all__ = ["FORMAT", "is_snapshot", "load_snapshot", "save_snapshot"]

FORMAT: Final = "tallystick-fraud-graph-1"
_MAGIC: Final = b"PK\x03\x04"
_Columns = dict[str, NDArray[np.generic]]


def is_snapshot(path: Path) -> bool:
    """Whether a file is an archive of columns rather than a folder or a .tar.gz."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def save_snapshot(graph: Graph, path: Path) -> None:
    """Write the state of now; the file appears whole or not at all."""
    with graph.lock.reading():
        columns = dict(_columns(graph))
        digests = {name: _digest(column) for name, column in columns.items()}
        meta = {
            "format": FORMAT, "position": graph.position, "decided": graph.decided,
            "digests": digests,
        }  # fmt: skip
        columns["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, **columns)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _digest(column: NDArray[np.generic]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(column).data, digest_size=16).hexdigest()


def _columns(graph: Graph) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for kind, table in graph.vertices.items():
        yield from ((f"{kind.value}.{n}", c) for n, c in _vertex_columns(table).items())
    for name in EDGE_KINDS:
        for side, adjacency in (("out", graph.out(name)), ("into", graph.into(name))):
            for column, values in adjacency.packed().items():
                yield f"{name.value}.{side}.{column}", values


def _vertex_columns(table: Vertices) -> _Columns:
    count = table.count
    known: dict[str, int] = {}
    codes = [known.setdefault(label, len(known)) for label in table.labels[:count]]
    return {
        "ids": table.ids[:count],
        "created_ms": table.created_ms[:count],
        "blocked": table.blocked[:count],
        "amounts": table.amounts[:count],
        "balances": table.balances[:count],
        "rows": table.all_rows(),
        "codes": np.array(codes, np.int32),
        "labels": np.frombuffer(json.dumps(list(known)).encode(), np.uint8),
    }


def load_snapshot(path: Path) -> Graph:
    """Read a file that `save_snapshot` wrote.

    Raises:
        SnapshotError: it is of another version, or damaged; says which column.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return _graph(path, {name: archive[name] for name in archive.files})
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(f"{path.name} is damaged ({type(error).__name__}: {error})") from error


def _graph(path: Path, columns: _Columns) -> Graph:
    meta = json.loads(columns.pop("meta").tobytes())
    if meta["format"] != FORMAT:
        raise SnapshotError(f"{path.name} is of the format {meta['format']}, not {FORMAT}")
    if set(meta["digests"]) != set(columns):
        raise SnapshotError(f"{path.name} is damaged: columns are missing")
    for name, column in columns.items():
        if _digest(column) != meta["digests"][name]:
            raise SnapshotError(f"{path.name} is damaged: column {name} has another checksum")
    graph = Graph()
    graph.position, graph.decided = int(meta["position"]), int(meta.get("decided", 0))
    for kind in VertexKind:
        _load_vertices(graph.vertices[kind], columns, kind.value)
    for name, ends in EDGE_KINDS.items():
        counts = graph.vertices[ends.source].count, graph.vertices[ends.target].count
        _load_edges(graph.out(name), columns, f"{name.value}.out", counts[0])
        _load_edges(graph.into(name), columns, f"{name.value}.into", counts[1])
    graph.watch_blocked()
    return graph


def _load_vertices(table: Vertices, columns: _Columns, prefix: str) -> None:
    labels = json.loads(columns[f"{prefix}.labels"].tobytes())
    table.build(
        columns[f"{prefix}.ids"].astype(np.int64, copy=False),
        columns[f"{prefix}.created_ms"].astype(np.int64, copy=False),
        [labels[code] for code in columns[f"{prefix}.codes"].tolist()],
        columns[f"{prefix}.blocked"].astype(np.bool_, copy=False),
        columns[f"{prefix}.amounts"].astype(np.float64, copy=False),
        columns[f"{prefix}.balances"].astype(np.float64, copy=False),
        columns[f"{prefix}.rows"].astype(np.int32, copy=False),
    )


def _load_edges(adjacency: Adjacency, columns: _Columns, prefix: str, vertices: int) -> None:
    names = ("lengths", "neighbours", "times", *(("values",) if adjacency.valued else ()))
    adjacency.unpack({name: columns[f"{prefix}.{name}"] for name in names}, vertices)
