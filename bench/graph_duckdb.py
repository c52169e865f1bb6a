"""The same questions asked of DuckDB, an embedded database that a user could pick instead."""

from __future__ import annotations

import time
from typing import Any, Final

import duckdb
import numpy as np

from bench.graph_questions import Questions
from bench.report import Figure
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import EdgeKindName, VertexKind

__all__ = ["beside_duckdb"]

_WINDOW: Final = "time > $startTime AND time < $endTime"

_QUERIES: Final = {
    "tsr4": f"""
        SELECT target, count(*), sum(amount) AS total FROM transfer
        WHERE source = $id AND amount > $threshold AND {_WINDOW}
        GROUP BY target ORDER BY total DESC, target""",
    "tcr4": f"""
        WITH inside AS (SELECT * FROM transfer WHERE {_WINDOW}),
        back AS (SELECT source AS other, count(*) n, sum(amount) s, max(amount) m FROM inside
                 WHERE target = $id1 GROUP BY ALL),
        onward AS (SELECT target AS other, count(*) n, sum(amount) s, max(amount) m FROM inside
                   WHERE source = $id2 GROUP BY ALL)
        SELECT other, back.n, back.s, back.m, onward.n, onward.s, onward.m
        FROM back JOIN onward USING (other)
        WHERE EXISTS (SELECT 1 FROM inside WHERE source = $id1 AND target = $id2)
        ORDER BY back.s DESC, onward.s DESC, other""",
    "tcr7": f"""
        SELECT count(DISTINCT source) FILTER (target = $id),
               count(DISTINCT target) FILTER (source = $id),
               sum(amount) FILTER (target = $id) / sum(amount) FILTER (source = $id)
        FROM transfer WHERE (source = $id OR target = $id) AND amount > $threshold AND {_WINDOW}""",
    "tcr1": f"""
        WITH inside AS (SELECT * FROM transfer WHERE {_WINDOW}),
        one AS (SELECT target, min(time) AS time FROM inside WHERE source = $id GROUP BY target),
        two AS (SELECT t.target, min(t.time) AS time FROM one JOIN inside t
                ON t.source = one.target AND t.time > one.time GROUP BY t.target),
        three AS (SELECT t.target, min(t.time) AS time FROM two JOIN inside t
                  ON t.source = two.target AND t.time > two.time GROUP BY t.target),
        reached AS (SELECT target, 1 AS distance FROM one UNION ALL SELECT target, 2 FROM two
                    UNION ALL SELECT target, 3 FROM three)
        SELECT DISTINCT distance, reached.target, s.source FROM reached
        JOIN sign_in s ON s.target = reached.target JOIN medium m ON m.id = s.source
        WHERE m.blocked AND s.time > $startTime AND s.time < $endTime
        ORDER BY ALL""",
}


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, Any]) -> None:
    con.execute(f"CREATE TABLE {name} AS SELECT * FROM columns")
    assert columns


def _filled(graph: Graph) -> duckdb.DuckDBPyConnection:
    """The same transfers, sign-ins and media, indexed at both ends."""
    con = duckdb.connect(config={"threads": 2})
    accounts, media = (graph.vertices[k] for k in (VertexKind.ACCOUNT, VertexKind.MEDIUM))
    for name, kind, sources in (
        ("transfer", EdgeKindName.TRANSFER, accounts),
        ("sign_in", EdgeKindName.SIGN_IN, media),
    ):
        edges = graph.out(kind).packed()
        counts = edges["lengths"].astype(np.int64)
        rows = np.repeat(np.arange(len(counts)), counts)
        columns: dict[str, Any] = {
            "source": sources.ids[rows],
            "target": accounts.ids[edges["neighbours"].astype(np.int64)],
            "time": edges["times"],
            **({"amount": edges["values"]} if "values" in edges else {}),
        }
        _table(con, name, columns)
        con.execute(f"CREATE INDEX {name}_source ON {name} (source)")
        con.execute(f"CREATE INDEX {name}_target ON {name} (target)")
    columns = {"id": media.ids[: media.count], "blocked": media.blocked[: media.count]}
    _table(con, "medium", columns)
    return con


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def beside_duckdb(graph: Graph, questions: Questions, count: int) -> dict[str, Figure]:
    """Median times of both for the same parameters; the answers have as many rows."""
    con = _filled(graph)
    figures = {}
    for name, sql in _QUERIES.items():
        ours, theirs = [], []
        for _ in range(count):
            given = questions.of(name)
            given.pop("truncationLimit", None)
            given.pop("truncationOrder", None)
            start = time.perf_counter()
            rows = answer(graph, name, given)
            between = time.perf_counter()
            wanted = {k: _number(v) for k, v in given.items() if f"${k}" in sql}
            found = con.execute(sql, wanted).fetchall()
            theirs.append(time.perf_counter() - between)
            ours.append(between - start)
            assert len(found) == len(rows), (name, given)
        our_ms, their_ms = (float(np.median(took)) * 1000 for took in (ours, theirs))
        figures[f"graph.{name}.duckdb_p50_ms"] = Figure(their_ms, "ms", f"ours {our_ms:.3g} ms")
        figures[f"graph.{name}.duckdb_ratio"] = Figure(their_ms / our_ms, "x", "DuckDB over ours")
    con.close()
    return figures
