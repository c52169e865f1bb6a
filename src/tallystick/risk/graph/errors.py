"""What can be wrong with a graph's files, queries and writes; each says where."""

from __future__ import annotations

__all__ = ["FileError", "GraphError", "QueryError", "SnapshotError", "WriteRefused"]


class GraphError(ValueError):
    """Anything of the graph that cannot be done."""


class FileError(GraphError):
    """A file that cannot be read as what it should be.

    Args:
        file: its name inside the data.
        line: counted from 1, the line of column names being the first; 0 for the whole file.
        column: the column's name; empty for the whole line.
        problem: what is wrong there.
    """

    def __init__(self, file: str, line: int, column: str, problem: str) -> None:
        place = file + (f", line {line}" if line else "") + (f", column {column}" if column else "")
        super().__init__(f"{place}: {problem}")
        self.file = file
        self.line = line
        self.column = column
        self.problem = problem


class SnapshotError(GraphError):
    """A snapshot of another version, or one that is damaged."""


class QueryError(GraphError):
    """A query that is not there, or whose parameters are not those of the specification."""


class WriteRefused(GraphError):
    """A write that cannot be done; the graph is as before.

    Args:
        code: `unknown_vertex` or `vertex_exists`.
        kind: of the vertex.
        vertex_id: its id.
    """

    def __init__(self, code: str, kind: str, vertex_id: int) -> None:
        wrong = "is already there" if code == "vertex_exists" else "is not in the graph"
        super().__init__(f"{kind} {vertex_id} {wrong}")
        self.code = code
        self.kind = kind
        self.vertex_id = vertex_id
