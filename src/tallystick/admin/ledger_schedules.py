"""`tallystick ledger schedule …` and `sweep …`: transfers that happen by themselves."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tallystick.accounting.schedules.model import Missed, OnRefusal, ScheduleStatus
from tallystick.accounting.schedules.rule import BusinessDays, Unit
from tallystick.accounting.sweeps.model import SweepMode
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.rest_operation import account_text, carry, given, listed, look, say_list
from tallystick.money.china_time import china_time

__all__ = ["schedule", "sweep"]

schedule = App(name="schedule", help="Transfers and sweeps that happen by a rule.")
sweep = App(name="sweep", help="What accounts have above a target goes to a header account.")

_SCHEDULES = ("schedule_id", "name", "status", "unit", "every", "next", "happened")
_RUNS = ("due", "occurrence", "attempt", "outcome", "result", "amount")
_SWEEPS = ("sweep_id", "name", "ledger", "header_account_id", "target", "mode", "active")
_SWEEP_RUNS = ("at", "reason", "accounts", "to_header", "from_header", "refused")


def _what(
    book: int | None, debit: str, credit: str, amount: str, *, at_most: bool, code: int, sweep: str
) -> dict[str, Any]:
    """What happens: a transfer, or a sweep."""
    if sweep:
        if book is not None or debit or credit or amount:
            raise UsageError("Either a transfer or a sweep happens: give one of them.")
        return {"sweep_id": sweep}
    if book is None or not (debit and credit and amount):
        raise UsageError("Give --book, --debit, --credit and --amount, or --sweep.")
    return {"transfer": {
        "ledger": book, "debit_account_id": account_text(debit),
        "credit_account_id": account_text(credit), "amount": amount, "at_most": at_most,
        "code": code,
    }}  # fmt: skip


@schedule.command
def add(
    name: str,
    *,
    unit: Unit,
    first_day: str,
    every: int = 1,
    at: str = "00:00",
    month_end: bool = False,
    business_days: BusinessDays = BusinessDays.ANY,
    country: str = "CN",
    last_day: str = "",
    count_max: int = 0,
    book: int | None = None,
    debit: str = "",
    credit: str = "",
    amount: str = "",
    at_most: bool = False,
    code: int = 1,
    sweep: str = "",
    retry_after_s: Annotated[tuple[int, ...], Parameter(negative=())] = (),
    on_refusal: OnRefusal = OnRefusal.SKIP,
    place: Place = HERE,
) -> None:
    """Have a transfer or a sweep happen by itself; made while no server runs, run by the server.

    For example: `tallystick ledger schedule add Rent --unit month --first-day 2030-01-31
    --at 09:00 --book 7 --debit 71 --credit 72 --amount 120000`.

    Args:
        name: what people call it.
        unit: once, day, week or month.
        first_day: yyyy-mm-dd, China time.
        every: so many units from one occurrence to the next.
        at: the time of the day, hh:mm.
        month_end: on the last day of each month.
        business_days: any, following, modified-following, preceding or only.
        country: whose calendar.
        last_day: no occurrence after it.
        count_max: so many occurrences; 0 for no end.
        book: the transfer's book.
        debit: the account that is debited.
        credit: the account that is credited.
        amount: minor units.
        at_most: less where less is there.
        code: the transfer's code.
        sweep: the number of a sweep instead of a transfer.
        retry_after_s: seconds until it is tried again after a refusal; several times for a ladder.
        on_refusal: after the last try, skip the occurrence or stop the schedule.
    """
    rule = {
        "unit": unit.value, "first_day": first_day, "every": every, "at": at,
        "month_end": month_end, "business_days": business_days.value, "country": country,
        "last_day": last_day, "count_max": count_max,
    }  # fmt: skip
    what = _what(book, debit, credit, amount, at_most=at_most, code=code, sweep=sweep)
    _say_state(place, carry(place, "createSchedule", body={
        "name": name, "rule": rule, "retry_after_s": list(retry_after_s),
        "on_refusal": on_refusal.value, **what,
    }))  # fmt: skip


def _say_state(place: Place, done: dict[str, Any]) -> None:
    following = china_time(done["next_ms"] or 0)
    text = f"Schedule {done['schedule_id']} is {done['status']}"
    place.say(done, f"{text}; next at {following}." if following else f"{text}.")


def _scheduled(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "next": china_time(item["next_ms"] or 0)}


@schedule.command(name="list")
def list_schedules(
    *, status: ScheduleStatus | None = None, limit: int = 20, cursor: str = "",
    place: Place = HERE,
) -> None:  # fmt: skip
    """Schedules, the newest first; a server may run meanwhile.

    Args:
        status: active, paused, stopped or ended; all without it.
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    query = {"status": status and status.value, "limit": limit, "cursor": cursor}
    say_list(place, look(place, "listSchedules", query=query), _SCHEDULES, _scheduled)


@schedule.command
def show(schedule_id: str, *, place: Place = HERE) -> None:
    """A schedule with its latest tries; a server may run meanwhile.

    Args:
        schedule_id: its number.
    """
    story = look(place, "getSchedule", {"schedule_id": schedule_id})
    runs = [{**run, "due": china_time(run["due_ms"])} for run in story["runs"]]
    text = listed([_scheduled(story["schedule"])], _SCHEDULES)
    place.say(story, f"{text}\n\n{listed(runs, _RUNS)}" if runs else text)


@schedule.command
def pause(schedule_id: str, *, place: Place = HERE) -> None:
    """Have nothing happen until it is resumed; while no server runs.

    Args:
        schedule_id: its number.
    """
    _say_state(place, carry(place, "pauseSchedule", {"schedule_id": schedule_id}))


@schedule.command
def resume(schedule_id: str, *, missed: Missed = Missed.SKIP, place: Place = HERE) -> None:
    """Let it go on after a pause or a stop; while no server runs.

    Args:
        schedule_id: its number.
        missed: skip what fell into the pause, or run it.
    """
    path, body = {"schedule_id": schedule_id}, {"missed": missed.value}
    _say_state(place, carry(place, "resumeSchedule", path, body))


@schedule.command
def end(schedule_id: str, *, place: Place = HERE) -> None:
    """Have nothing happen any more; while no server runs.

    Args:
        schedule_id: its number.
    """
    _say_state(place, carry(place, "endSchedule", {"schedule_id": schedule_id}))


# Sweeps.


@sweep.command(name="add")
def add_sweep(
    name: str, *, book: int, header: str,
    account: Annotated[tuple[str, ...], Parameter(negative=())],
    target: str = "", amount_min: str = "", mode: SweepMode = SweepMode.EXCESS, code: int = 1,
    place: Place = HERE,
) -> None:  # fmt: skip
    """Say what is swept where, while no server runs; `sweep run` or a schedule sweeps.

    For example: `tallystick ledger sweep add Shops --book 7 --header 72 --account 71 --target 100`.

    Args:
        name: what people call it.
        book: the book.
        header: the header account.
        account: an account that is swept; may be given several times.
        target: what is to stay on each, minor units; 0 without it.
        amount_min: less than that is not worth a transfer.
        mode: excess, or level: what is below the target is filled up as well.
        code: the transfers' code.
    """
    body = given({
        "name": name, "ledger": book, "header_account_id": account_text(header),
        "account_ids": [account_text(a) for a in account], "target": target,
        "amount_min": amount_min, "mode": mode.value, "code": code,
    })  # fmt: skip
    done = carry(place, "createSweep", body=body)
    place.say(done, f"Sweep {done['sweep_id']} is there.")


@sweep.command(name="list")
def list_sweeps(*, limit: int = 20, cursor: str = "", place: Place = HERE) -> None:
    """Sweeps, the newest first; a server may run meanwhile.

    Args:
        limit: how many at most, up to 200.
        cursor: where the page before said that it goes on.
    """
    say_list(place, look(place, "listSweeps", query={"limit": limit, "cursor": cursor}), _SWEEPS)


@sweep.command(name="show")
def show_sweep(sweep_id: str, *, place: Place = HERE) -> None:
    """A sweep with its accounts and latest runs; a server may run meanwhile.

    Args:
        sweep_id: its number.
    """
    story = look(place, "getSweep", {"sweep_id": sweep_id})
    runs = [{**run, "at": china_time(run["at_ms"])} for run in story["runs"]]
    parts = [listed([story["sweep"]], _SWEEPS), "accounts " + " ".join(story["account_ids"])]
    place.say(story, "\n\n".join([*parts, listed(runs, _SWEEP_RUNS)] if runs else parts))


@sweep.command(name="run")
def run_sweep(sweep_id: str, *, place: Place = HERE) -> int:
    """Sweep now, while no server runs; the exit code is 1 when an account was refused.

    Args:
        sweep_id: its number.
    """
    done = carry(place, "runSweep", {"sweep_id": sweep_id})
    place.say(
        done, f"{done['accounts']} accounts: {done['to_header']} to the header account, "
        f"{done['from_header']} from it, {done['refused']} refused.",
    )  # fmt: skip
    return int(done["refused"] > 0)


@sweep.command(name="end")
def end_sweep(sweep_id: str, *, place: Place = HERE) -> None:
    """Sweep no more; while no server runs.

    Args:
        sweep_id: its number.
    """
    done = carry(place, "endSweep", {"sweep_id": sweep_id})
    place.say(done, f"Sweep {sweep_id} has ended.")
