"""Schedules: states, rows and commands. Ids of accounts and transfers are 16 bytes."""

from __future__ import annotations

from enum import StrEnum

from tallystick.accounting.schedules.rule import BusinessDays, Unit
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "CreateSchedule", "EndSchedule", "Missed", "OnRefusal", "PauseSchedule", "ResumeSchedule",
    "RunOutcome", "RunSchedule", "Schedule", "ScheduleDone", "ScheduleRun", "ScheduleStatus",
]  # fmt: skip


class ScheduleStatus(StrEnum):
    """Whether a schedule goes on."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    """It was refused to the end of its ladder, and its rule is to stop then."""
    ENDED = "ended"
    """All of it happened, or somebody ended it."""


class OnRefusal(StrEnum):
    """What happens when the last try was refused, too."""

    SKIP = "skip"
    STOP = "stop"


class Missed(StrEnum):
    """What becomes of occurrences during a pause."""

    SKIP = "skip"
    RUN = "run"


class RunOutcome(StrEnum):
    """What became of a try."""

    MOVED = "moved"
    NOTHING = "nothing"
    """There was nothing to move."""
    REFUSED = "refused"
    SKIPPED = "skipped"
    """Passed over after a pause; `result` says how many."""


class Schedule(Row, frozen=True):
    """A transfer, or a sweep, that happens by a rule (`rule.Rule`, field for field).

    `occurrence` is the next one's step, `attempt` how often that was tried, `happened` how many
    occurrences there were. `retry_after_s` is a ladder of seconds, as text.
    """

    schedule_id: str
    name: str
    book: int
    debit_account_id: bytes
    credit_account_id: bytes
    amount: int
    at_most: bool
    code: int
    sweep_id: str
    unit: Unit
    every: int
    first_day: int
    minute: int
    month_end: bool
    business_days: BusinessDays
    country: str
    last_day: int
    count_max: int
    retry_after_s: str
    on_refusal: OnRefusal
    status: ScheduleStatus
    occurrence: int
    attempt: int
    happened: int
    next_ms: int
    created_by: str
    created_ms: int


class ScheduleRun(Row, frozen=True):
    """One try of an occurrence."""

    schedule_id: str
    occurrence: int
    attempt: int
    outcome: RunOutcome
    result: str
    amount: int
    transfer_id: bytes
    due_ms: int
    at_ms: int


SCHEDULES = Table("ledger_schedule", Schedule, ("schedule_id",))
RUNS = Table("schedule_run", ScheduleRun, ("schedule_id", "occurrence", "attempt"))


class CreateSchedule(Command, frozen=True, kw_only=True, tag="schedule.create"):
    """Have a transfer, or a sweep, happen by itself.

    `at_most`: the amount is an upper limit, and less is moved where less is there. With
    `sweep_id` the accounts and the amount are the sweep's.
    """

    name: str
    book: int = 0
    debit_account_id: bytes = b""
    credit_account_id: bytes = b""
    amount: int = 0
    at_most: bool = False
    code: int = 1
    sweep_id: str = ""
    unit: Unit
    every: int = 1
    first_day: int
    minute: int = 0
    month_end: bool = False
    business_days: BusinessDays = BusinessDays.ANY
    country: str = "CN"
    last_day: int = 0
    count_max: int = 0
    retry_after_s: tuple[int, ...] = ()
    on_refusal: OnRefusal = OnRefusal.SKIP


class RunSchedule(Command, frozen=True, kw_only=True, tag="schedule.run"):
    """An occurrence is due (asked for by a timer)."""

    schedule_id: str
    occurrence: int
    attempt: int


class PauseSchedule(Command, frozen=True, kw_only=True, tag="schedule.pause"):
    """Have nothing happen until it is resumed."""

    schedule_id: str


class ResumeSchedule(Command, frozen=True, kw_only=True, tag="schedule.resume"):
    """Go on, after a pause or a stop."""

    schedule_id: str
    missed: Missed = Missed.SKIP


class EndSchedule(Command, frozen=True, kw_only=True, tag="schedule.end"):
    """Have nothing happen any more."""

    schedule_id: str


class ScheduleDone(Reply, frozen=True, kw_only=True):
    """The schedule after a command; `next_ms` is 0 when nothing is to come."""

    schedule_id: str
    status: ScheduleStatus
    happened: int
    occurrence: int
    attempt: int
    next_ms: int
