"""`tallystick risk graph …`: load data files, ask the graph."""

from __future__ import annotations

import json
import os
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
from tallystick.risk.graph.replay import replay_writes
from tallystick.risk.graph.snapshot import is_snapshot, load_snapshot, save_snapshot
from tallystick.risk.graph.writes import WRITES, write

__all__ = ["graph"]

graph = App(name="graph", help="The fraud graph: people, accounts and the money between them.")


def _loaded_file() -> Path:
    """Where `load` keeps what it read last: the folder for the state of a user's programs."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tallystick" / "risk-graph"


def _keep_loaded(data: Path) -> None:
    kept = _loaded_file()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(str(data.resolve()))
    except OSError as error:
        note = f"{kept} cannot be written ({error.strerror}): give --data with each query"
        sys.stderr.write(f"tallystick: {note}\n")


def _last_loaded() -> Path:
    try:
        return Path(_loaded_file().read_text())
    except OSError:
        raise QueryError(
            "no graph was loaded: run `tallystick risk graph load DIR` first, or give --data"
        ) from None


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


@graph.command
def load(
    directory: Path,
    *,
    snapshot: Path | None = None,
    as_json: Annotated[bool, Parameter("--json", negative=())] = False,
) -> None:
    """Read data files, check them, and say what they hold; `query` asks them from then on.

    Args:
        directory: a folder of files such as snapshot/, the folder that holds it, or a .tar.gz.
        snapshot: keep the graph as one file, which loads faster.
        as_json: one JSON object instead of a table.
    """
    loaded = load_data(directory)
    if snapshot is not None:
        save_snapshot(loaded.graph, snapshot)
    _keep_loaded(directory if snapshot is None else snapshot)
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
def apply(
    writes: Path,
    *,
    data: Path,
    snapshot: Path | None = None,
    as_json: Annotated[bool, Parameter("--json", negative=())] = False,
) -> None:
    """Replay files of writes in order of time, and say how many were done and refused.

    Args:
        writes: a folder of files such as incremental/, the folder that holds it, or a .tar.gz.
        data: the graph to begin with: data files as for load, or a snapshot.
        snapshot: keep the graph that comes of it as one file.
        as_json: one JSON object instead of a table.
    """
    graph_ = _opened(data, None)
    replayed = replay_writes(graph_, writes)
    if snapshot is not None:
        save_snapshot(graph_, snapshot)
    if as_json:
        _say({"done": replayed.done, "refused": replayed.refused})
        return
    lines = [f"{name:<22}{count:>9,} done" for name, count in sorted(replayed.done.items())]
    lines += [f"{name:<22}{count:>9,} refused" for name, count in sorted(replayed.refused.items())]
    sys.stdout.write("\n".join(lines) + "\n")


@graph.command
def query(
    name: str = "",
    *,
    data: Path | None = None,
    writes: Path | None = None,
    param: Annotated[list[str] | None, Parameter(negative=())] = None,
    batch: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> None:
    """Answer one query, or many: a JSON object a line in, a JSON object a line out.

    Args:
        name: tcr1 … tcr12, tsr1 … tsr6; the writes tw1 … tw19, trw1 … trw3 last for this call.
        data: a folder of files such as snapshot/, the folder that holds it, a .tar.gz, or a
            snapshot. By default what `load` has read last.
        writes: files of writes such as incremental/, replayed first.
        param: a parameter as name=value; once for each.
        batch: a file of queries, `{"query":"tcr4","params":{…}}` a line; `-` is standard input.
    """
    if (batch is None) is (not name):
        raise QueryError("name one query, or give --batch FILE")
    if batch is None:
        given = _parameters(param or [])
        run = write if name in WRITES else answer
        _say({"rows": run(_opened(data, writes), name, given)})
        return
    if param:
        raise QueryError("--param belongs to one query, not to --batch")
    if batch == Path("-"):
        _answer_all(_opened(data, writes), sys.stdin.buffer)
    else:
        try:
            lines = batch.read_bytes().splitlines()
        except OSError as error:
            raise QueryError(f"{batch} cannot be read: {error.strerror}") from error
        _answer_all(_opened(data, writes), lines)


def _parameters(texts: list[str]) -> dict[str, object]:
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, equals, _ in pairs if not equals]
    if wrong:
        raise QueryError(f"--param {wrong[0]!r} is not name=value")
    if len({text for text, _, _ in pairs}) != len(pairs):
        raise QueryError("a parameter is given twice")
    return {text: value for text, _, value in pairs}


def _opened(data: Path | None, writes: Path | None) -> Graph:
    data = data or _last_loaded()
    graph_ = load_snapshot(data) if is_snapshot(data) else load_data(data).graph
    if writes is not None:
        replay_writes(graph_, writes)
    return graph_


def _answer_all(graph_: Graph, lines: Iterable[bytes]) -> None:
    """Answer every line; exit code 1 if one was no query."""
    bad = 0
    for answered in answer_lines(graph_, lines):
        sys.stdout.write(answered.text + "\n")
        bad += not answered.good
    sys.stdout.flush()
    if bad:
        raise SystemExit(1)
