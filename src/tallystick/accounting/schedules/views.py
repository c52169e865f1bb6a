"""What can be seen of schedules: one with its history."""

from __future__ import annotations

import msgspec

from tallystick.accounting.schedules.model import Schedule, ScheduleRun
from tallystick.store.rows import ReadSession

__all__ = ["ScheduleStory", "schedule_story"]

_RUNS_SHOWN = 200


class ScheduleStory(msgspec.Struct, frozen=True):
    """A schedule with its latest tries, newest first."""

    schedule: Schedule
    runs: list[ScheduleRun]


def schedule_story(rows: ReadSession, schedule_id: str) -> ScheduleStory | None:
    """One schedule, or None."""
    schedule = rows.get(Schedule, schedule_id)
    if schedule is None:
        return None
    tail = "WHERE schedule_id = ? ORDER BY occurrence DESC, attempt DESC LIMIT ?"
    return ScheduleStory(schedule, rows.query(ScheduleRun, tail, (schedule_id, _RUNS_SHOWN)))
