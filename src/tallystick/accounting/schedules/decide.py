"""What becomes of a schedule: pure functions."""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from tallystick.accounting.schedules.model import (
    CreateSchedule,
    Missed,
    OnRefusal,
    RunOutcome,
    RunSchedule,
    Schedule,
    ScheduleDone,
    ScheduleRun,
    ScheduleStatus,
)
from tallystick.accounting.schedules.rule import (
    BusinessDays,
    Occurrence,
    Rule,
    Unit,
    next_occurrence,
)
from tallystick.ledger.model import AMOUNT_MAX
from tallystick.money.calendar import business_calendar
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused

__all__ = ["Tried", "create", "done", "end", "pause", "require_due", "resume", "timer_id", "tried"]

_RETRIES_MAX: Final = 10
_RETRY_S_MAX: Final = 30 * 86_400
_EVERY_MAX: Final = 1000
_MINUTES: Final = 24 * 60
_NAME_MAX: Final = 100
_PASSED_MAX: Final = 100_000


class Tried(NamedTuple):
    """What came of a try: `result` is the ledger's answer."""

    outcome: RunOutcome
    result: str
    amount: int
    transfer_id: bytes


def timer_id(schedule_id: str) -> str:
    """The name of a schedule's timer."""
    return f"ledger.schedule:{schedule_id}"


def rule_of(row: Schedule) -> Rule:
    """When it happens."""
    return Rule(
        row.unit, row.every, row.first_day, row.minute, row.month_end, row.business_days,
        row.country, row.last_day, row.count_max,
    )  # fmt: skip


def done(row: Schedule) -> ScheduleDone:
    """The schedule as an answer tells it."""
    return ScheduleDone(
        schedule_id=row.schedule_id, status=row.status, happened=row.happened,
        occurrence=row.occurrence, attempt=row.attempt, next_ms=row.next_ms,
    )  # fmt: skip


def _timer(row: Schedule) -> Timer:
    command = RunSchedule(
        schedule_id=row.schedule_id, occurrence=row.occurrence, attempt=row.attempt
    )
    return Timer(timer_id(row.schedule_id), row.next_ms, command)


def _invalid(says: str) -> Refused:
    return Refused("SCHEDULE_INVALID", says)


def _require_rule(c: CreateSchedule) -> None:
    ladder = c.retry_after_s
    if not (1 <= len(c.name) <= _NAME_MAX):
        raise _invalid("A schedule has a name.")
    if not 1 <= c.every <= _EVERY_MAX or not 0 <= c.minute < _MINUTES:
        raise _invalid("It happens every 1 to 1000 units, at a minute of the day.")
    if c.count_max < 0 or c.last_day < 0 or (c.last_day and c.last_day < c.first_day):
        raise _invalid("Its end is before its begin.")
    if len(ladder) > _RETRIES_MAX or any(not 1 <= s <= _RETRY_S_MAX for s in ladder):
        raise _invalid("At most 10 retries, each after 1 second to 30 days.")
    if c.month_end and c.unit is not Unit.MONTH:
        raise _invalid("Only what happens monthly has a month's end.")
    if c.business_days is not BusinessDays.ANY:
        try:
            business_calendar(c.country)
        except ValueError as error:
            raise _invalid(f"{error}.") from error
    if not c.sweep_id and not (0 < c.amount <= AMOUNT_MAX and 0 < c.code < 2**16):
        raise _invalid("A transfer has an amount and a code.")


def create(command: CreateSchedule, schedule_id: str, book: int, by: str, now_ms: int) -> Decision:
    """Begin a schedule.

    Raises:
        Refused: SCHEDULE_INVALID; also when its first occurrence is over.
    """
    _require_rule(command)
    c = command
    row = Schedule(
        schedule_id, c.name, book, c.debit_account_id, c.credit_account_id, c.amount, c.at_most,
        c.code, c.sweep_id, c.unit, c.every, c.first_day, c.minute, c.month_end, c.business_days,
        c.country, c.last_day, c.count_max, " ".join(map(str, c.retry_after_s)), c.on_refusal,
        ScheduleStatus.ACTIVE, 0, 0, 0, 0, by, now_ms,
    )  # fmt: skip
    first = next_occurrence(rule_of(row), 0, 0)
    if first is None:
        raise _invalid("It never happens.")
    if first.due_ms < now_ms:
        raise _invalid("Its first occurrence is over.")
    row = _at(row, first)
    return Decision(done(row), rows=(row,), timers=(_timer(row),))


def _at(row: Schedule, occurrence: Occurrence) -> Schedule:
    return replace(row, occurrence=occurrence.number, attempt=0, next_ms=occurrence.due_ms)


def _went_on(row: Schedule) -> Schedule:
    """At its next occurrence, or ended."""
    following = next_occurrence(rule_of(row), row.occurrence, row.happened)
    if following is None:
        return replace(row, status=ScheduleStatus.ENDED, next_ms=0)
    return _at(row, following)


def require_due(row: Schedule | None, command: RunSchedule) -> Schedule:
    """The schedule whose occurrence this is.

    Raises:
        Refused: SCHEDULE_NOT_EXIST, SCHEDULE_STATE.
    """
    if row is None:
        raise Refused("SCHEDULE_NOT_EXIST")
    is_next = (row.occurrence, row.attempt) == (command.occurrence, command.attempt)
    if row.status is not ScheduleStatus.ACTIVE or not is_next:
        raise Refused("SCHEDULE_STATE", "This occurrence is not the next.")
    return row


def tried(row: Schedule, what: Tried, now_ms: int) -> Decision:
    """Record a try and decide what is next.

    A refused one is tried again along its ladder; the next occurrence waits for it. An occurrence
    that is already over when its turn comes is due at once: after a pause of the platform each
    happens once, in its order.
    """
    run = ScheduleRun(
        row.schedule_id, row.occurrence, row.attempt, what.outcome, what.result, what.amount,
        what.transfer_id, row.next_ms, now_ms,
    )  # fmt: skip
    ladder = [int(s) for s in row.retry_after_s.split()]
    refused = what.outcome is RunOutcome.REFUSED
    if refused and row.attempt < len(ladder):
        after = replace(
            row, attempt=row.attempt + 1, next_ms=now_ms + ladder[row.attempt] * 1000
        )  # fmt: skip
        topic = "refused"
    elif refused and row.on_refusal is OnRefusal.STOP:
        after, topic = replace(row, status=ScheduleStatus.STOPPED, next_ms=0), "stopped"
    else:
        after = _went_on(replace(row, happened=row.happened + 1))
        topic = "skipped" if refused else "ran"
    told = {
        "schedule_id": row.schedule_id, "name": row.name, "occurrence": str(row.occurrence),
        "outcome": what.outcome.value, "result": what.result, "amount": str(what.amount),
        "status": after.status.value,
    }  # fmt: skip
    timers = (_timer(after),) if after.status is ScheduleStatus.ACTIVE else ()
    happened = event(f"schedule.{topic}", row.schedule_id, told)
    return Decision(done(after), rows=(after, run), timers=timers, events=(happened,))


def pause(row: Schedule) -> Decision:
    """Have nothing happen until it is resumed.

    Raises:
        Refused: SCHEDULE_STATE.
    """
    if row.status is not ScheduleStatus.ACTIVE:
        raise Refused("SCHEDULE_STATE", f"It is {row.status.value}.")
    row = replace(row, status=ScheduleStatus.PAUSED)
    return Decision(done(row), rows=(row,), cancelled_timers=(timer_id(row.schedule_id),))


def _past_missed(row: Schedule, now_ms: int) -> tuple[Schedule, int]:
    """The schedule at its first occurrence that is not over, and how many it passed over."""
    passed, at = 0, row.occurrence
    occurrence: Occurrence | None = next_occurrence(rule_of(row), at - 1, row.happened)
    while occurrence is not None and occurrence.due_ms < now_ms and passed < _PASSED_MAX:
        passed += 1
        occurrence = next_occurrence(rule_of(row), occurrence.number, row.happened + passed)
    row = replace(row, happened=row.happened + passed)
    if occurrence is None:
        return replace(row, status=ScheduleStatus.ENDED, next_ms=0), passed
    return _at(row, occurrence), passed


def resume(row: Schedule, missed: Missed, now_ms: int) -> Decision:
    """Go on; what fell into the pause is passed over, or run now, each once.

    Raises:
        Refused: SCHEDULE_STATE.
    """
    if row.status not in (ScheduleStatus.PAUSED, ScheduleStatus.STOPPED):
        raise Refused("SCHEDULE_STATE", f"It is {row.status.value}.")
    before = replace(row, status=ScheduleStatus.ACTIVE)
    runs: tuple[ScheduleRun, ...] = ()
    # A stop's last try was recorded, and is not recorded again.
    stopped = row.status is ScheduleStatus.STOPPED
    attempt = row.attempt + 1 if stopped else row.attempt
    if missed is Missed.SKIP:
        after, passed = _past_missed(before, now_ms)
        if passed:
            runs = (ScheduleRun(
                row.schedule_id, row.occurrence, attempt, RunOutcome.SKIPPED, str(passed), 0,
                b"", row.next_ms, now_ms,
            ),)  # fmt: skip
    else:
        next_ms = now_ms if stopped else row.next_ms
        after = replace(before, attempt=attempt, next_ms=next_ms)
    timers = (_timer(after),) if after.status is ScheduleStatus.ACTIVE else ()
    return Decision(done(after), rows=(after, *runs), timers=timers)


def end(row: Schedule) -> Decision:
    """Have nothing happen any more.

    Raises:
        Refused: SCHEDULE_STATE when it is over already.
    """
    if row.status is ScheduleStatus.ENDED:
        raise Refused("SCHEDULE_STATE", "It is ended.")
    row = replace(row, status=ScheduleStatus.ENDED, next_ms=0)
    return Decision(done(row), rows=(row,), cancelled_timers=(timer_id(row.schedule_id),))
