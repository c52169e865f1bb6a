"""`tallystick risk graph …`: load data files, ask the graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tallystick.risk.graph.batch import answer_lines
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.load import load_data
from tallystick.risk.graph.queries import answer

__all__ = ["graph"]

graph = App(name="graph", help="The fraud graph: people, accounts and the money between them.")


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


@graph.command
def load(
    directory: Path, *, as_json: Annotated[bool, Parameter("--json", negative=())] = False
) -> None:
    """Read data files, check them, and say what they hold.

    Args:
        directory: a folder of files such as snapshot/, the folder that holds it, or a .tar.gz.
        as_json: one JSON object instead of a table.
    """
    loaded = load_data(directory)
    if as_json:
        _say({"vertices": loaded.vertices, "edges": loaded.edges,
              "owners_without_a_line": loaded.owners_without_a_line,
              "files_not_there": loaded.files_not_there})  # fmt: skip
        return
    lines = [f"{name:<18}{count:>12,}" for name, count in (loaded.vertices | loaded.edges).items()]
    if loaded.owners_without_a_line:
        lines.append(f"{loaded.owners_without_a_line} owners are known by an account only")
    lines += [f"{name} is not there" for name in loaded.files_not_there]
    sys.stdout.write("\n".join(lines) + "\n")


@graph.command
def query(
    name: str = "",
    *,
    data: Path,
    param: Annotated[list[str] | None, Parameter(negative=())] = None,
    batch: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> None:
    """Answer one query, or many: a JSON object a line in, a JSON object a line out.

    Args:
        name: tcr1 … tcr12, tsr1 … tsr6.
        data: a folder of files such as snapshot/, the folder that holds it, or a .tar.gz.
        param: a parameter as name=value; once for each.
        batch: a file of queries, `{"query":"tcr4","params":{…}}` a line; `-` is standard input.
    """
    if (batch is None) is (not name):
        raise QueryError("name one query, or give --batch FILE")
    if batch is None:
        given = _parameters(param or [])
        _say({"rows": answer(_opened(data), name, given)})
        return
    if param:
        raise QueryError("--param belongs to one query, not to --batch")
    if batch == Path("-"):
        _answer_all(_opened(data), sys.stdin.buffer)
    else:
        try:
            lines = batch.read_bytes().splitlines()
        except OSError as error:
            raise QueryError(f"{batch} cannot be read: {error.strerror}") from error
        _answer_all(_opened(data), lines)


def _parameters(texts: list[str]) -> dict[str, object]:
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, equals, _ in pairs if not equals]
    if wrong:
        raise QueryError(f"--param {wrong[0]!r} is not name=value")
    if len({text for text, _, _ in pairs}) != len(pairs):
        raise QueryError("a parameter is given twice")
    return {text: value for text, _, value in pairs}


def _opened(data: Path) -> Graph:
    return load_data(data).graph


def _answer_all(graph_: Graph, lines: Iterable[bytes]) -> None:
    """Answer every line; exit code 1 if one was no query."""
    bad = 0
    for answered in answer_lines(graph_, lines):
        sys.stdout.write(answered.text + "\n")
        bad += not answered.good
    sys.stdout.flush()
    if bad:
        raise SystemExit(1)
