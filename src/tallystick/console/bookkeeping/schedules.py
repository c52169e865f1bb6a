"""Schedules and sweeps: what happens by itself, its history with refusals, and making one."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.accounting.days import date_of
from tallystick.accounting.schedules.model import (
    CreateSchedule,
    EndSchedule,
    Missed,
    OnRefusal,
    PauseSchedule,
    ResumeSchedule,
    Schedule,
)
from tallystick.accounting.schedules.rule import BusinessDays, Unit
from tallystick.accounting.schedules.views import schedule_story
from tallystick.accounting.sweeps.model import CreateSweep, EndSweep, RunSweep, Sweep, SweepMode
from tallystick.accounting.sweeps.views import sweep_story
from tallystick.console.bookkeeping.fields import (
    account_of,
    accounts_of,
    choice_of,
    day_of,
    minute_of,
    units_of,
    whole_of,
)
from tallystick.console.bookkeeping.frame import (
    PLACE,
    Said,
    carry_out,
    currency_of,
    hex_of,
    newest_rows,
    show,
    title_of_book,
    who_did,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.requests import Form, read_form
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["SCHEDULE_PAGES"]

_SCHEDULES: Final = f"{PLACE}/schedules"
_SWEEPS: Final = f"{PLACE}/sweeps"
_SWEEPS_CHOSEN: Final = 200
_CODE_MAX: Final = 65_535


class ScheduleView(NamedTuple):
    """A schedule as a page shows it; `sweep` is empty for a transfer."""

    row: Schedule
    book: str
    currency: str
    debit: str
    credit: str
    sweep: Sweep | None
    first: str
    last: str
    at: str
    by: str


class SweepView(NamedTuple):
    """A sweep as a page shows it."""

    row: Sweep
    book: str
    currency: str
    header: str
    by: str


def _schedule(rows: ReadSession, row: Schedule, language: Language) -> ScheduleView:
    return ScheduleView(
        row, title_of_book(rows, row.book, language), currency_of(rows, row.book),
        hex_of(row.debit_account_id), hex_of(row.credit_account_id),
        rows.get(Sweep, row.sweep_id) if row.sweep_id else None,
        date_of(row.first_day).isoformat(),
        date_of(row.last_day).isoformat() if row.last_day else "",
        f"{row.minute // 60:02}:{row.minute % 60:02}", who_did(rows, row.created_by),
    )  # fmt: skip


def _sweep(rows: ReadSession, row: Sweep, language: Language) -> SweepView:
    return SweepView(
        row, title_of_book(rows, row.book, language), currency_of(rows, row.book),
        hex_of(row.header_id), who_did(rows, row.created_by),
    )  # fmt: skip


async def _schedules(
    request: WebRequest, front: Frontend, visitor: Visitor, said: Said
) -> Response[str]:
    rows = front.platform.rows
    found, older = newest_rows(rows, Schedule, "schedule_id", request)
    sweeps = rows.query(
        Sweep, "WHERE active = ? ORDER BY created_ms DESC, sweep_id LIMIT ?", (1, _SWEEPS_CHOSEN)
    )
    return show(
        front, visitor, "schedules", "schedules", said, sweeps=sweeps,
        schedules=[_schedule(rows, row, visitor.language) for row in found],
        older=f"{_SCHEDULES}?before={older}" if older else "",
        newest=_SCHEDULES if request.query_params.get("before") else "",
        units=list(Unit), business_days=list(BusinessDays), on_refusal=list(OnRefusal),
    )  # fmt: skip


@get(_SCHEDULES)
async def show_schedules(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Every schedule, newest first, and a form for one more."""
    return await _schedules(request, front, visitor, Said())


def _ladder(form: Form) -> tuple[int, ...]:
    """Seconds of the minutes that are written in a form, apart by spaces or commas."""
    words = form.get("retry", "").replace(",", " ").split()
    return tuple(60 * whole_of({"retry": word}, "retry", most=43_200) for word in words)


def _new_schedule(rows: ReadSession, form: Form) -> CreateSchedule:
    when: dict[str, Any] = {
        "name": form.get("name", ""), "unit": choice_of(form, "unit", Unit),
        "every": whole_of(form, "every", 1), "first_day": day_of(form, "first_day"),
        "last_day": day_of(form, "last_day"), "minute": minute_of(form, "at"),
        "month_end": "month_end" in form, "count_max": whole_of(form, "count_max", 0),
        "business_days": choice_of(form, "business_days", BusinessDays),
        "retry_after_s": _ladder(form), "on_refusal": choice_of(form, "on_refusal", OnRefusal),
    }  # fmt: skip
    if form.get("sweep_id"):
        return CreateSchedule(sweep_id=form["sweep_id"][:64], **when)
    book = whole_of(form, "book")
    return CreateSchedule(
        book=book, debit_account_id=account_of(form, "debit"),
        credit_account_id=account_of(form, "credit"), at_most="at_most" in form,
        amount=units_of(form, "amount", currency_of(rows, book)),
        code=whole_of(form, "code", 1, _CODE_MAX), **when,
    )  # fmt: skip


@post(_SCHEDULES)
async def create_schedule(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Have a transfer, or a sweep, happen by itself."""
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: _new_schedule(front.platform.rows, form), "schedule_made",
        to=lambda done: f"{_SCHEDULES}/{done.schedule_id}",
        again=lambda said: _schedules(request, front, visitor, said),
    )  # fmt: skip


async def _one_schedule(
    schedule_id: str, front: Frontend, visitor: Visitor, said: Said
) -> Response[str]:
    story = schedule_story(front.platform.rows, schedule_id)
    if story is None:
        raise Refused("SCHEDULE_NOT_EXIST")
    runs = [
        (run, hex_of(run.transfer_id) if run.transfer_id else "") for run in story.runs
    ]  # fmt: skip
    return show(
        front, visitor, "schedule", "schedules", said, runs=runs, missed=list(Missed),
        found=_schedule(front.platform.rows, story.schedule, visitor.language),
    )  # fmt: skip


@get(f"{_SCHEDULES}/{{schedule_id:str}}")
async def show_schedule(schedule_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One schedule with its latest tries."""
    return await _one_schedule(schedule_id, front, visitor, Said())


@post(f"{_SCHEDULES}/{{schedule_id:str}}/{{what:str}}")
async def change_schedule(
    schedule_id: FromPath[str], what: FromPath[str], request: WebRequest, front: Front,
    visitor: Asking,
) -> Response[Any]:  # fmt: skip
    """Pause it, resume it, or end it."""
    form = await read_form(request)

    def made() -> Command:
        if what == "resume":
            missed = choice_of(form, "missed", Missed)
            return ResumeSchedule(schedule_id=schedule_id, missed=missed)
        if what == "pause":
            return PauseSchedule(schedule_id=schedule_id)
        return EndSchedule(schedule_id=schedule_id)

    done = {"pause": "schedule_paused", "resume": "schedule_resumed", "end": "schedule_ended"}
    if what not in done:
        raise Refused("NOT_FOUND")
    return await carry_out(
        front, visitor, form, made, done[what], to=f"{_SCHEDULES}/{schedule_id}",
        again=lambda said: _one_schedule(schedule_id, front, visitor, said),
    )  # fmt: skip


# Sweeps.


async def _all_sweeps(
    request: WebRequest, front: Frontend, visitor: Visitor, said: Said
) -> Response[str]:
    rows = front.platform.rows
    found, older = newest_rows(rows, Sweep, "sweep_id", request)
    return show(
        front, visitor, "sweeps", "sweeps", said, modes=list(SweepMode),
        sweeps=[_sweep(rows, row, visitor.language) for row in found],
        older=f"{_SWEEPS}?before={older}" if older else "",
        newest=_SWEEPS if request.query_params.get("before") else "",
    )  # fmt: skip


@get(_SWEEPS)
async def show_sweeps(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Every sweep, newest first, and a form for one more."""
    return await _all_sweeps(request, front, visitor, Said())


@post(_SWEEPS)
async def create_sweep(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Say what is swept where."""
    form = await read_form(request)

    def made() -> Command:
        book = whole_of(form, "book")
        currency = currency_of(front.platform.rows, book)
        return CreateSweep(
            name=form.get("name", ""), book=book, header_id=account_of(form, "header"),
            account_ids=accounts_of(form, "accounts"),
            target=units_of(form, "target", currency, otherwise=0),
            amount_min=max(1, units_of(form, "amount_min", currency, otherwise=1)),
            mode=choice_of(form, "mode", SweepMode), code=whole_of(form, "code", 1, _CODE_MAX),
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "sweep_made",
        to=lambda done: f"{_SWEEPS}/{done.sweep_id}",
        again=lambda said: _all_sweeps(request, front, visitor, said),
    )  # fmt: skip


async def _one_sweep(sweep_id: str, front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    story = sweep_story(front.platform.rows, sweep_id)
    if story is None:
        raise Refused("SWEEP_NOT_EXIST")
    return show(
        front, visitor, "sweep", "sweeps", said, runs=story.runs,
        found=_sweep(front.platform.rows, story.sweep, visitor.language),
        accounts=[hex_of(account_id) for account_id in story.account_ids],
    )  # fmt: skip


@get(f"{_SWEEPS}/{{sweep_id:str}}")
async def show_sweep(sweep_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One sweep with its accounts and its runs."""
    return await _one_sweep(sweep_id, front, visitor, Said())


@post(f"{_SWEEPS}/{{sweep_id:str}}/{{what:str}}")
async def change_sweep(
    sweep_id: FromPath[str], what: FromPath[str], request: WebRequest, front: Front,
    visitor: Asking,
) -> Response[Any]:  # fmt: skip
    """Sweep now, or no more."""
    form = await read_form(request)
    acts: dict[str, tuple[str, Command]] = {
        "run": ("sweep_ran", RunSweep(sweep_id=sweep_id, reason="")),
        "end": ("sweep_ended", EndSweep(sweep_id=sweep_id)),
    }
    if what not in acts:
        raise Refused("NOT_FOUND")
    done, command = acts[what]
    return await carry_out(
        front, visitor, form, lambda: command, done, to=f"{_SWEEPS}/{sweep_id}",
        again=lambda said: _one_sweep(sweep_id, front, visitor, said),
    )  # fmt: skip


SCHEDULE_PAGES: Final = (
    show_schedules, create_schedule, show_schedule, change_schedule, show_sweeps, create_sweep,
    show_sweep, change_sweep,
)  # fmt: skip
