"""Reconciliation: a million bank lines with a million ledger entries, beside a plain join.

Both run in processes of their own over the same two Parquet files, so that each one's peak memory
is its own. The join finds equal references and amounts and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.reconciliation_load import make_sides
from bench.report import Figure, Options, Report, say

__all__ = ["run"]

_ROWS = 1_000_000
_ROWS_QUICK = 20_000


def _measured(who: str, folder: Path) -> dict[str, float]:
    """What one side of the race took: seconds, and MB of peak memory."""
    command = [sys.executable, "-m", "bench.reconciliation_load", who, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1800)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run(options: Options) -> Report:
    """Match and join the same rows."""
    rows = _ROWS_QUICK if options.quick else _ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"{rows:,} bank lines and as many entries")
        make_sides(folder, rows)
        ours, plain = _measured("match", folder), _measured("join", folder)
    name = "reconciliation"
    return {
        f"{name}.match_s": Figure(
            ours["seconds"], "s", f"{ours['seconds'] / plain['seconds']:.1f} of the join"
        ),
        f"{name}.match_rss_mb": Figure(ours["rss_mb"], "MB", "the whole process"),
        f"{name}.duckdb_join_s": Figure(plain["seconds"], "s", "reference and amount, no more"),
        f"{name}.duckdb_join_rss_mb": Figure(plain["rss_mb"], "MB", "the whole process"),
        f"{name}.of_join": Figure(ours["seconds"] / plain["seconds"], "", "time against the join"),
        f"{name}.lines_matched": Figure(ours["lines"], "", "bank lines in a match"),
        f"{name}.lines_proposed": Figure(ours["proposed"], "", "bank lines in a proposal"),
        f"{name}.lines_joined": Figure(plain["lines"], "", "bank lines that the join finds"),
    }
