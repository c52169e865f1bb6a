"""What can be seen of sweeps: one with its accounts and its runs."""

from __future__ import annotations

import msgspec

from tallystick.accounting.sweeps.model import Sweep, SweepAccount, SweepRun
from tallystick.store.rows import ReadSession

__all__ = ["SweepStory", "sweep_story"]

_RUNS_SHOWN = 100


class SweepStory(msgspec.Struct, frozen=True):
    """A sweep with its accounts, and its latest runs, newest first."""

    sweep: Sweep
    account_ids: list[int]
    runs: list[SweepRun]


def sweep_story(rows: ReadSession, sweep_id: str) -> SweepStory | None:
    """One sweep, or None."""
    sweep = rows.get(Sweep, sweep_id)
    if sweep is None:
        return None
    accounts = rows.select(SweepAccount, sweep_id=sweep_id)
    tail = "WHERE sweep_id = ? ORDER BY at_ms DESC, run_id DESC LIMIT ?"
    runs = rows.query(SweepRun, tail, (sweep_id, _RUNS_SHOWN))
    return SweepStory(sweep, [int.from_bytes(a.account_id, "big") for a in accounts], runs)
