"""`tallystick risk graph`, as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.risk.graph.plain_graph import EXAMPLE

HUB = "28710447624489049"
NOWHERE = Path(os.devnull)


def run(
    *words: str | Path, lines: str = "", state: Path = NOWHERE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli", "risk", "graph", *map(str, words)],
        env=os.environ | {"XDG_STATE_HOME": str(state)},
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_load_says_what_the_files_hold_and_queries_ask_them_from_then_on(tmp_path: Path) -> None:
    asked = ("query", "tsr1", "--param", f"id={HUB}")
    nothing = run(*asked, state=tmp_path)
    assert nothing.returncode == 2
    assert "no graph was loaded" in nothing.stderr
    done = run("load", EXAMPLE, "--json", state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["edges"]["transfer"] == 37_861
    assert run(*asked, state=tmp_path).stdout == run(*asked, "--data", EXAMPLE).stdout


def test_load_does_its_work_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    (tmp_path / "Account.csv").write_text("accountId|createTime|isBlocked|accoutType\n")
    done = run("load", tmp_path)
    assert done.returncode == 0
    assert "give --data with each query" in done.stderr


def test_one_query_is_answered_with_its_columns() -> None:
    done = run("query", "tsr1", "--data", EXAMPLE, "--param", f"id={HUB}")
    assert json.loads(done.stdout) == {
        "rows": [{"createTime": 1586670791483, "isBlocked": False, "type": "debit card"}]
    }


def test_many_are_answered_in_their_order_and_a_bad_line_gets_an_error(tmp_path: Path) -> None:
    whole = {"startTime": "0", "endTime": "9999999999999"}
    asked = [
        {"query": "tsr1", "params": {"id": HUB}},
        {"query": "tcr3", "params": {"id1": HUB, "id2": HUB, **whole}},
        {"query": "tcr99", "params": {}},
        {"query": "tcr3", "params": {"id1": HUB, "id2": "x", **whole}},
        {"query": "tsr2", "params": {"id": HUB, **whole}},
    ]
    text = "\n".join(map(json.dumps, asked)) + "\nnot json\n"
    file = tmp_path / "asked.jsonl"
    file.write_text(text)
    from_file = run("query", "--data", EXAMPLE, "--batch", file)
    from_input = run("query", "--data", EXAMPLE, "--batch", "-", lines=text)
    assert from_file.stdout == from_input.stdout
    assert from_file.returncode == from_input.returncode == 1
    answers = [json.loads(line) for line in from_file.stdout.splitlines()]
    assert [list(given) for given in answers] == [
        ["rows"], ["rows"], ["error"], ["error"], ["rows"], ["error"],
    ]  # fmt: skip
    assert answers[1]["rows"] == [{"shortestPathLength": 0}]
    assert [given["error"]["line"] for given in answers if "error" in given] == [3, 4, 6]
    assert "id2: 'x' is not an id" in answers[3]["error"]["message"]


def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    for words, said in (
        (("load", tmp_path), "Account.csv: is not in"),
        (("query", "--data", EXAMPLE), "name one query, or give --batch FILE"),
        (("query", "tsr1", "--data", EXAMPLE), "tsr1 needs the parameter id"),
        (("query", "tsr1", "--data", EXAMPLE, "--param", "id"), "'id' is not name=value"),
        (("query", "--data", EXAMPLE, "--batch", tmp_path / "none"), "cannot be read"),
    ):
        done = run(*words)
        assert done.returncode == 2
        assert said in done.stderr
        assert not done.stdout


def test_a_graph_with_its_writes_is_kept_in_a_snapshot_and_asked_from_it(tmp_path: Path) -> None:
    kept = tmp_path / "graph.npz"
    applied = run("apply", EXAMPLE, "--data", EXAMPLE, "--snapshot", kept, "--json")
    assert json.loads(applied.stdout)["done"]["tw17"] == 6
    gone = {"query": "tsr1", "params": {"id": "4787607878871548810"}}
    lines = json.dumps(gone) + "\n"
    replayed = run("query", "--data", EXAMPLE, "--writes", EXAMPLE, "--batch", "-", lines=lines)
    from_snapshot = run("query", "--data", kept, "--batch", "-", lines=lines)
    assert json.loads(replayed.stdout) == json.loads(from_snapshot.stdout)
