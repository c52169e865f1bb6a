"""The fraud graph: every read, inserts, memory, the whole graph, a mixed run, beside DuckDB.

Parts: `reads`, `busy`, `inserts`, `whole`, `mixed`, `duckdb`, `page`.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np

from bench.graph_data import LAST_MS, Size, generated_graph, transfers
from bench.graph_duckdb import beside_duckdb
from bench.graph_page import page_figures
from bench.graph_questions import Questions
from bench.report import Figure, Options, Report, say
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import READS, answer
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.writes import write

__all__ = ["run"]

_FULL: Final = Size(1_000_000, 10_000_000)
_QUICK: Final = Size(20_000, 200_000)
_LATE_S: Final = 1.0
"""An answer is late when it begins later than this after its time, as in FinBench's rules."""

_LIMITS_MS: Final = {"tcr": 20.0, "tsr": 1.0}


def _rss_mb() -> float:
    """Resident memory now, after what was freed is given back; 0 where the system does not tell."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _took(call: Callable[..., object], *given: object) -> float:
    start = time.perf_counter()
    call(*given)
    return time.perf_counter() - start


def _reads(
    graph: Graph, questions: Questions, count: int, prefix: str = "graph"
) -> dict[str, Figure]:
    figures = {}
    for name in READS:
        asked = [questions.of(name) for _ in range(count)]
        for given in asked[:20]:
            answer(graph, name, given)
        took, used = [], []
        for given in asked:
            begun = time.thread_time()
            took.append(_took(answer, graph, name, given) * 1000)
            used.append((time.thread_time() - begun) * 1000)
        limit = _LIMITS_MS[name[:3]]
        p50, p99 = np.percentile(took, [50, 99])
        cpu = float(np.percentile(used, 99))
        figures[f"{prefix}.{name}.p99_cpu_ms"] = Figure(cpu, "ms", "the same in processor time")
        figures[f"{prefix}.{name}.p50_ms"] = Figure(float(p50), "ms")
        figures[f"{prefix}.{name}.p99_ms"] = Figure(
            float(p99), "ms", f"{p99 / limit:.2f} of {limit:g}"
        )
    for kind, limit in _LIMITS_MS.items():
        for what in ("p99_ms", "p99_cpu_ms"):
            worst = max(f.value for n, f in figures.items() if f".{kind}" in n and what in n)
            figures[f"{prefix}.{kind}.worst_{what}"] = Figure(worst, "ms", f"limit {limit:g}")
    return figures


def _inserts(graph: Graph, count: int) -> dict[str, Figure]:
    """Transfers by ids in batches, as a follower of many payments adds them."""
    accounts = graph.vertices[VertexKind.ACCOUNT]
    made = transfers(np.random.default_rng(7), accounts.count, accounts.count, count)
    sources, targets = (accounts.ids[rows] for rows in (made.sources, made.targets))
    times = np.sort(made.times) - made.times.min() + LAST_MS
    slowest, start, used = 0.0, time.perf_counter(), time.process_time()
    for at in range(0, count, 5000):
        part = slice(at, at + 5000)

        begun = time.perf_counter()
        with graph.lock.writing():
            graph.add_edges(
                EdgeKindName.TRANSFER, sources[part].tolist(), targets[part].tolist(), times[part],
                made.amounts[part],
            )  # fmt: skip
        slowest = max(slowest, time.perf_counter() - begun)
    rate = count / (time.perf_counter() - start)
    cpu_rate = count / (time.process_time() - used)
    return {
        "graph.inserts_per_s": Figure(rate, "/s", f"{rate / 200_000:.2f} of 200,000"),
        "graph.inserts_per_cpu_s": Figure(cpu_rate, "/s", "a second of processor time"),
        "graph.inserts.slowest_batch_ms": Figure(slowest * 1000, "ms", "5,000 edges"),
    }


def _whole(graph: Graph) -> dict[str, Figure]:
    """Each first as it is when it was never run before, compiling where nothing is kept."""
    figures = {}
    wanted: dict[str, dict[str, Any]] = {
        "components": {}, "communities": {}, "association": {"limit": 100},
    }  # fmt: skip
    for name, given in wanted.items():
        first = _took(answer, graph, name, given)
        again = _took(answer, graph, name, given)
        figures[f"graph.{name}_s"] = Figure(again, "s", f"{first:.1f} s the first time")
    return figures


_MIX: Final = (("write", 60), ("simple", 28), ("complex", 12))


def _operations(
    questions: Questions, count: int, first_ms: int
) -> list[tuple[str, dict[str, Any]]]:
    random = Random(3)
    simple = [name for name in READS if name.startswith("tsr")]
    complex_ = [name for name in READS if name.startswith("tcr")]
    found = []
    for number in range(count):
        kind = random.choices([k for k, _ in _MIX], [share for _, share in _MIX])[0]
        if kind == "write":
            found.append(questions.write(first_ms + number))
        else:
            name = random.choice(simple if kind == "simple" else complex_)
            found.append((name, questions.of(name)))
    return found


def _mixed(graph: Graph, questions: Questions, count: int) -> dict[str, Figure]:
    """As fast as it goes, then at seven tenths of that by the clock."""

    def do(name: str, given: dict[str, Any]) -> None:
        (answer if name in READS else write)(graph, name, given)

    operations = _operations(questions, count, 2 * LAST_MS)
    begun = time.perf_counter()
    for operation in operations:
        do(*operation)
    per_s = count / (time.perf_counter() - begun)
    pause, late, lags = 1 / (0.7 * per_s), 0, []
    later = _operations(questions, count, 3 * LAST_MS)
    start = time.perf_counter()
    for number, operation in enumerate(later):
        due = start + number * pause
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        do(*operation)
        lags.append(time.perf_counter() - due)
        late += lags[-1] > _LATE_S
    return {
        "graph.mixed_per_s": Figure(per_s, "/s", "60 writes, 28 simple, 12 complex in 100"),
        "graph.mixed.late_share": Figure(
            late / count, "", f"later than {_LATE_S:g} s, at 0.7 of that"
        ),
        "graph.mixed.p99_ms": Figure(float(np.percentile(lags, 99)) * 1000, "ms", "from its time"),
    }  # fmt: skip


def run(options: Options) -> Report:
    """Measure on a generated graph of 1 M accounts and 10 M transfers."""
    size = _QUICK if options.quick else _FULL
    wanted = options.only or {"reads", "busy", "inserts", "whole", "mixed", "duckdb", "page"}
    say(f"a graph of {size.accounts:,} accounts and {size.transfers:,} transfers is made")
    graph = generated_graph(size)
    figures = {
        "graph.memory_mb": Figure(_rss_mb(), "MB", "the process, the graph in it; limit 1,500"),
        "graph.columns_mb": Figure(graph.memory_bytes / 2**20, "MB", "the edges' columns"),
    }
    questions = Questions(graph, seed=11)
    if "reads" in wanted:
        say("every read, one after another")
        figures |= _reads(graph, questions, 100 if options.quick else 400)
    if "busy" in wanted:
        say("every read again, asked about the busiest")
        busy = Questions(graph, seed=12, busy=True)
        figures |= _reads(graph, busy, 100 if options.quick else 400, "graph.busy")
        del busy
    if "inserts" in wanted:
        say("inserts")
        figures |= _inserts(graph, size.transfers // 5)
        figures["graph.memory_after_inserts_mb"] = Figure(_rss_mb(), "MB", "a fifth more edges")
        columns_mb = graph.memory_bytes / 2**20
        figures["graph.columns_after_inserts_mb"] = Figure(columns_mb, "MB", "the same")
    if "whole" in wanted:
        say("questions about the whole graph")
        figures |= _whole(graph)
    if "mixed" in wanted:
        say("a mixed run")
        figures |= _mixed(graph, questions, size.transfers // 500)
    if "duckdb" in wanted:
        say("the same questions asked of DuckDB")
        figures |= beside_duckdb(graph, questions, 10 if options.quick else 30)
    if "page" in wanted:
        say("500 points on the page, in Chromium")
        figures |= page_figures()
    return figures
