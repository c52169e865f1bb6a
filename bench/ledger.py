"""The ledger: bulk posting, single callers and reads, beside the raw database and by hand.

Parts: `sqlite` (bulk, with the reads), `memory`, `callers`, `postgres`, `proofs` (and the audit).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.ledger_bulk import growth, race
from bench.ledger_callers import bare_on_sqlite_per_s, by_hand_per_s, group_commit_per_s
from bench.ledger_load import Sizes, sizes
from bench.ledger_postgres import Postgres
from bench.ledger_postgres import callers as postgres_callers
from bench.ledger_postgres import race as postgres_race
from bench.ledger_proofs import proofs
from bench.ledger_reads import reads
from bench.report import Figure, Options, Report, say
from tallystick.store.engine import SqliteDatabase

__all__ = ["run"]

_TURNS = 3


def _bulk(folder: Path, size: Sizes) -> dict[str, Figure]:
    say(f"SQLite: {size.large:,} transfers each, batches of 8,000, each synced")
    uniform, hot, raw = race(folder, size)
    rate, hottest = uniform.timed.per_s, hot.timed.per_s
    early, early_hot = (who.timed.per_s_of(size.small) for who in (uniform, hot))
    figures = {
        "ledger.sqlite.uniform_per_s": Figure(rate, "/s", f"{rate / raw.per_s:.2f} of raw"),
        "ledger.sqlite.hot_per_s": Figure(hottest, "/s", f"{hottest / rate:.2f} of uniform"),
        "ledger.sqlite.uniform_1m_per_s": Figure(early, "/s", f"the first {size.small:,}"),
        "ledger.sqlite.hot_1m_per_s": Figure(
            early_hot, "/s", f"{early_hot / early:.2f} of uniform"
        ),
        "ledger.sqlite.raw_per_s": Figure(raw.per_s, "/s", "executemany of the same rows"),
        "ledger.sqlite.of_raw": Figure(rate / raw.per_s, "", "uniform against raw"),
    }  # fmt: skip
    wall, processor = growth(folder, uniform, size)
    compared = f"a batch after {size.large:,} against after {size.small:,}"
    figures |= {
        "ledger.flat_ratio": Figure(wall, "", compared),
        "ledger.flat_cpu_ratio": Figure(processor, "", "the same in processor time"),
    }
    for who, is_hot in ((uniform, False), (hot, True)):
        who.session.close()
        figures |= reads(who.path, size.large, hot=is_hot)
        who.close()
    return figures


def _memory(folder: Path, size: Sizes) -> dict[str, Figure]:
    """In a process of its own, so that nothing else is counted."""
    say(f"Memory: {size.large:,} transfers, {size.many_accounts:,} accounts")
    command = [sys.executable, "-m", "bench.ledger_memory", str(folder), *map(str, size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3600)
    found = json.loads(done.stdout)
    return {
        "ledger.rss_mb": Figure(found["rss_mb"], "MB", "posting, then reading"),
        "ledger.restart_rss_mb": Figure(found["restart_rss_mb"], "MB", "after a restart"),
        "ledger.restart_s": Figure(found["restart_s"], "s", "from the journal alone"),
        "ledger.sqlite.many_accounts_per_s": Figure(
            found["per_s"], "/s", f"among {size.many_accounts:,} accounts"
        ),
    }


def _callers(folder: Path, size: Sizes) -> dict[str, Figure]:
    say("SQLite: 64 callers, a transfer each")
    turns = [
        (by_hand_per_s(folder / f"hand{i}", size.seconds),
         group_commit_per_s(SqliteDatabase(folder / f"group{i}.db"), size.seconds),
         bare_on_sqlite_per_s(folder / f"bare{i}", size.seconds))
        for i in range(_TURNS)
    ]  # fmt: skip
    hand, group, bare = (sum(found) / _TURNS for found in zip(*turns, strict=True))
    return _callers_figures("sqlite", hand, group, bare)


def _callers_figures(store: str, hand: float, group: float, bare: float) -> dict[str, Figure]:
    """What 64 callers with a transfer each get, in the three ways."""
    return {
        f"ledger.{store}.by_hand_per_s": Figure(hand, "/s", "a transaction a transfer"),
        f"ledger.{store}.commands_per_s": Figure(
            group, "/s", f"commands with stored answers: {group / hand:.1f} x by hand"
        ),
        f"ledger.{store}.group_commit_per_s": Figure(
            bare, "/s", f"the ledger alone: {bare / hand:.1f} x by hand"
        ),
    }


def _postgres(folder: Path, size: Sizes) -> dict[str, Figure]:
    say(f"PostgreSQL: {size.large:,} transfers each, then 64 callers")
    with Postgres.started(folder) as server:
        uniform, hot, raw = postgres_race(server, size)
        hand, group, bare = postgres_callers(server, size)
    rate, first = uniform.per_s, uniform.per_s_of(size.small)
    figures = {
        "ledger.postgres.uniform_per_s": Figure(rate, "/s", f"{rate / raw.per_s:.2f} of COPY"),
        "ledger.postgres.hot_per_s": Figure(hot.per_s, "/s", f"{hot.per_s / rate:.2f} of uniform"),
        "ledger.postgres.raw_per_s": Figure(raw.per_s, "/s", "COPY of the same rows"),
        "ledger.postgres.of_raw": Figure(rate / raw.per_s, "", "uniform against COPY"),
        "ledger.postgres.uniform_1m_per_s": Figure(first, "/s", f"the first {size.small:,}"),
    }  # fmt: skip
    return figures | _callers_figures("postgres", hand, group, bare)


_PARTS = {
    "sqlite": _bulk, "memory": _memory, "callers": _callers, "postgres": _postgres,
    "proofs": proofs,
}  # fmt: skip


def run(options: Options) -> Report:
    """Measure the parts that are asked for; all by default."""
    size = sizes(quick=options.quick)
    figures: dict[str, Figure] = {}
    for name, part in _PARTS.items():
        if not options.only or name in options.only:
            with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
                figures |= part(Path(folder), size)
    return figures
