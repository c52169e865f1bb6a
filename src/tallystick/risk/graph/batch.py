"""Many queries at once: a JSON object a line in, a JSON object a line out, in the same order.

Writes may stand between reads; a read sees what was written before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tallystick.risk.graph.errors import GraphError
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.writes import WRITES, write

__all__ = ["Answered", "answer_lines"]


class Answered(NamedTuple):
    """The answer to one line.

    Args:
        text: `{"rows":[…]}`, or `{"error":{…}}` for a line that is no query.
        good: whether it was one.
    """

    text: str
    good: bool


def answer_lines(graph: Graph, lines: Iterable[str | bytes]) -> Iterator[Answered]:
    """Answer each line; one that is empty is left out, one that is wrong gets an error object."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _answered(graph, number, line)


def _answered(graph: Graph, number: int, line: str | bytes) -> Answered:
    try:
        query, params = _read(line)
        rows = (write if query in WRITES else answer)(graph, query, params)
    except (GraphError, ValueError, RecursionError) as error:
        wrong = {"line": number, "message": str(error)}
        return Answered(_json({"error": wrong}), good=False)
    return Answered(_json({"rows": rows}), good=True)


def _read(line: str | bytes) -> tuple[str, dict[str, object]]:
    try:
        asked = json.loads(line)
    except json.JSONDecodeError as error:
        raise GraphError(f"is not JSON: {error.msg}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise GraphError("is not UTF-8") from error
    if not isinstance(asked, dict):
        raise GraphError("a line is an object with query and params")
    query, params = asked.get("query"), asked.get("params", {})
    if not isinstance(query, str) or not isinstance(params, dict):
        raise GraphError("query is a text and params an object")
    strange = sorted(set(asked) - {"query", "params"})
    if strange:
        raise GraphError(f"a query has no {strange[0][:40]!r}; it has query and params")
    return query, params


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
