"""Schedules and sweeps: transfers that happen by themselves."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

from tallystick.accounting.schedules.model import (
    CreateSchedule,
    EndSchedule,
    Missed,
    OnRefusal,
    PauseSchedule,
    ResumeSchedule,
    RunOutcome,
    Schedule,
    ScheduleDone,
    ScheduleRun,
    ScheduleStatus,
)
from tallystick.accounting.schedules.rule import BusinessDays, Unit
from tallystick.accounting.schedules.views import schedule_story
from tallystick.accounting.sweeps.model import (
    SWEPT_MAX,
    CreateSweep,
    EndSweep,
    RunSweep,
    Sweep,
    SweepDone,
    SweepMode,
    SweepRan,
)
from tallystick.accounting.sweeps.views import sweep_story
from tallystick.gateway.rest.accounting_fields import (
    AccountIdText,
    AmountUnits,
    BookNumber,
    DayText,
    NameText,
    NumberText,
    day_text,
    id_of,
    read_day,
    units_of,
)
from tallystick.gateway.rest.fields import Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.pipeline.refusals import Refused

__all__ = ["SCHEDULE_OPERATIONS"]

_TAG: Final = "Bookkeeping"
_SCHEDULE: Final = {"schedule_id": NumberText}
_SWEEP: Final = {"sweep_id": NumberText}
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"

TransferCode = Annotated[int, Meta(ge=1, le=2**16 - 1, examples=[1])]
TimeText = Annotated[
    str, Meta(pattern=_TIME, description="Of the day, in China time.", examples=["09:00"])
]


class ScheduledTransfer(Body, frozen=True, kw_only=True):
    """What moves; `at_most`: less where less is there."""

    ledger: BookNumber
    debit_account_id: AccountIdText
    credit_account_id: AccountIdText
    amount: AmountUnits
    at_most: bool = False
    code: TransferCode = 1


class ScheduleRule(Body, frozen=True, kw_only=True):
    """When it happens: every so many units from the first day on, at a time of the day.

    A month that is too short gives its last day; with `month_end` every month does.
    """

    unit: Unit
    first_day: DayText
    every: Annotated[int, Meta(ge=1, le=1000)] = 1
    at: TimeText = "00:00"
    month_end: bool = False
    business_days: BusinessDays = BusinessDays.ANY
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z", examples=["CN"])] = "CN"
    last_day: Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z")] = ""
    count_max: Annotated[int, Meta(ge=0, le=100_000)] = 0


class NewSchedule(Body, frozen=True, kw_only=True):
    """A transfer or a sweep, when, and what follows a refusal.

    `retry_after_s`: after how many seconds it is tried again; after the last try it is skipped,
    or the schedule stops.
    """

    name: NameText
    rule: ScheduleRule
    transfer: ScheduledTransfer | None = None
    sweep_id: NumberText | None = None
    retry_after_s: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=2_592_000)], ...], Meta(max_length=10)
    ] = ()
    on_refusal: OnRefusal = OnRefusal.SKIP


class Resumption(Body, frozen=True, kw_only=True):
    """What becomes of occurrences that fell into the pause."""

    missed: Missed = Missed.SKIP


class ScheduleQuery(Query, frozen=True, kw_only=True):
    """Which schedules; what is left out does not filter."""

    status: ScheduleStatus | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class ScheduleState(Shape, frozen=True, kw_only=True):
    """A schedule after a command."""

    schedule_id: NumberText
    status: ScheduleStatus
    happened: int
    next_ms: int | None


class ScheduleShape(Shape, frozen=True, kw_only=True):
    """A schedule. `occurrence` and `attempt` are those of what is next."""

    schedule_id: NumberText
    name: str
    ledger: int
    debit_account_id: AccountIdText | None
    credit_account_id: AccountIdText | None
    amount: AmountUnits | None
    at_most: bool
    code: int
    sweep_id: str | None
    unit: Unit
    every: int
    first_day: DayText | None
    at: TimeText
    month_end: bool
    business_days: BusinessDays
    country: str
    last_day: DayText | None
    count_max: int
    retry_after_s: list[int]
    on_refusal: OnRefusal
    status: ScheduleStatus
    happened: int
    occurrence: int
    attempt: int
    next_ms: int | None
    created_by: str
    created_ms: Ms


class ScheduleRunShape(Shape, frozen=True, kw_only=True):
    """A try: `result` is the ledger's answer."""

    occurrence: int
    attempt: int
    outcome: RunOutcome
    result: str
    amount: AmountUnits
    transfer_id: AccountIdText | None
    due_ms: Ms
    at_ms: Ms


class ScheduleStoryShape(Shape, frozen=True, kw_only=True):
    """A schedule with its latest tries, newest first."""

    schedule: ScheduleShape
    runs: list[ScheduleRunShape]


class NewSweep(Body, frozen=True, kw_only=True):
    """Accounts, the header account, and what is to stay on each (`target`)."""

    name: NameText
    ledger: BookNumber
    header_account_id: AccountIdText
    account_ids: Annotated[tuple[AccountIdText, ...], Meta(min_length=1, max_length=SWEPT_MAX)]
    target: AmountUnits = "0"
    amount_min: AmountUnits = "1"
    mode: SweepMode = SweepMode.EXCESS
    code: TransferCode = 1


class SweepState(Shape, frozen=True, kw_only=True):
    """A sweep after a command."""

    sweep_id: NumberText
    active: bool


class SweepRanShape(Shape, frozen=True, kw_only=True):
    """What was moved."""

    sweep_id: NumberText
    run_id: NumberText
    accounts: int
    to_header: AmountUnits
    from_header: AmountUnits
    refused: int


class SweepShape(Shape, frozen=True, kw_only=True):
    """A sweep."""

    sweep_id: NumberText
    name: str
    ledger: int
    header_account_id: AccountIdText
    target: AmountUnits
    amount_min: AmountUnits
    mode: SweepMode
    code: int
    active: bool
    created_by: str
    created_ms: Ms


class SweepRunShape(Shape, frozen=True, kw_only=True):
    """A run of a sweep, and why it ran."""

    run_id: NumberText
    reason: str
    accounts: int
    to_header: AmountUnits
    from_header: AmountUnits
    refused: int
    at_ms: Ms


class SweepStoryShape(Shape, frozen=True, kw_only=True):
    """A sweep with its accounts and its latest runs, newest first."""

    sweep: SweepShape
    account_ids: list[AccountIdText]
    runs: list[SweepRunShape]


class SweepQuery(Query, frozen=True, kw_only=True):
    """How many, and from where on."""

    limit: Limit = 20
    cursor: Cursor = ""


def _text(id_: bytes) -> str | None:
    return str(int.from_bytes(id_, "big")) if id_ else None


def create_schedule(call: Call, body: NewSchedule) -> CreateSchedule:
    """The command that begins a schedule.

    Raises:
        Refused: SCHEDULE_INVALID for neither or both of transfer and sweep.
    """
    r, t = body.rule, body.transfer
    if (t is None) == (body.sweep_id is None):
        raise Refused("SCHEDULE_INVALID", "Either a transfer or a sweep happens.")
    hours, minutes = r.at.split(":")
    last_day = read_day(r.last_day, "$.rule.last_day") if r.last_day else 0
    what: dict[str, Any] = {"sweep_id": body.sweep_id}
    if t is not None:
        what = {
            "book": t.ledger, "amount": units_of(t.amount, "$.transfer.amount"),
            "at_most": t.at_most, "code": t.code,
            "debit_account_id": id_of(t.debit_account_id, "$.transfer.debit_account_id"),
            "credit_account_id": id_of(t.credit_account_id, "$.transfer.credit_account_id"),
        }  # fmt: skip
    return CreateSchedule(
        name=body.name, unit=r.unit, every=r.every, minute=int(hours) * 60 + int(minutes),
        first_day=read_day(r.first_day, "$.rule.first_day"), month_end=r.month_end,
        business_days=r.business_days, country=r.country, last_day=last_day,
        count_max=r.count_max, retry_after_s=body.retry_after_s, on_refusal=body.on_refusal,
        **what,
    )  # fmt: skip


def pause_schedule(call: Call, body: Any) -> PauseSchedule:
    """The command that pauses it."""
    return PauseSchedule(schedule_id=call.path["schedule_id"])


def resume_schedule(call: Call, body: Resumption) -> ResumeSchedule:
    """The command that lets it go on."""
    return ResumeSchedule(schedule_id=call.path["schedule_id"], missed=body.missed)


def end_schedule(call: Call, body: Any) -> EndSchedule:
    """The command that ends it."""
    return EndSchedule(schedule_id=call.path["schedule_id"])


def _state(done: ScheduleDone) -> ScheduleState:
    return ScheduleState(
        schedule_id=done.schedule_id, status=done.status, happened=done.happened,
        next_ms=done.next_ms or None,
    )  # fmt: skip


def _schedule(s: Schedule) -> ScheduleShape:
    return ScheduleShape(
        schedule_id=s.schedule_id, name=s.name, ledger=s.book,
        debit_account_id=_text(s.debit_account_id), credit_account_id=_text(s.credit_account_id),
        amount=None if s.sweep_id else str(s.amount), at_most=s.at_most, code=s.code,
        sweep_id=s.sweep_id or None, unit=s.unit, every=s.every, first_day=day_text(s.first_day),
        at=f"{s.minute // 60:02}:{s.minute % 60:02}", month_end=s.month_end,
        business_days=s.business_days, country=s.country, last_day=day_text(s.last_day),
        count_max=s.count_max, retry_after_s=[int(n) for n in s.retry_after_s.split()],
        on_refusal=s.on_refusal, status=s.status, happened=s.happened, occurrence=s.occurrence,
        attempt=s.attempt, next_ms=s.next_ms or None, created_by=s.created_by,
        created_ms=s.created_ms,
    )  # fmt: skip


def _run(r: ScheduleRun) -> ScheduleRunShape:
    return ScheduleRunShape(
        occurrence=r.occurrence, attempt=r.attempt, outcome=r.outcome, result=r.result,
        amount=str(r.amount), transfer_id=_text(r.transfer_id), due_ms=r.due_ms, at_ms=r.at_ms,
    )  # fmt: skip


_SCHEDULES: Final = Listing(Schedule, "created_ms", "schedule_id")
_SWEEPS: Final = Listing(Sweep, "created_ms", "sweep_id")


def list_schedules(call: Call, query: ScheduleQuery) -> Page[ScheduleShape]:
    """Schedules, newest first."""
    status = query.status.value if query.status else ""
    return page_of(
        call, _SCHEDULES, _schedule, limit=query.limit, cursor=query.cursor, status=status
    )


def get_schedule(call: Call, query: Query) -> ScheduleStoryShape:
    """A schedule with its history."""
    story = schedule_story(call.platform.rows, call.path["schedule_id"])
    if story is None:
        raise Refused("SCHEDULE_NOT_EXIST")
    return ScheduleStoryShape(
        schedule=_schedule(story.schedule), runs=[_run(r) for r in story.runs]
    )


def create_sweep(call: Call, body: NewSweep) -> CreateSweep:
    """The command that makes a sweep."""
    return CreateSweep(
        name=body.name, book=body.ledger,
        header_id=id_of(body.header_account_id, "$.header_account_id"),
        account_ids=tuple(
            id_of(a, f"$.account_ids[{at}]") for at, a in enumerate(body.account_ids)
        ),
        target=units_of(body.target, "$.target"),
        amount_min=units_of(body.amount_min, "$.amount_min"), mode=body.mode, code=body.code,
    )  # fmt: skip


def run_sweep(call: Call, body: Any) -> RunSweep:
    """The command that sweeps now."""
    return RunSweep(sweep_id=call.path["sweep_id"])


def end_sweep(call: Call, body: Any) -> EndSweep:
    """The command that ends it."""
    return EndSweep(sweep_id=call.path["sweep_id"])


def _sweep_state(done: SweepDone) -> SweepState:
    return SweepState(sweep_id=done.sweep_id, active=done.active)


def _ran(done: SweepRan) -> SweepRanShape:
    return SweepRanShape(
        sweep_id=done.sweep_id, run_id=done.run_id, accounts=done.accounts,
        to_header=str(done.to_header), from_header=str(done.from_header), refused=done.refused,
    )  # fmt: skip


def _sweep(s: Sweep) -> SweepShape:
    return SweepShape(
        sweep_id=s.sweep_id, name=s.name, ledger=s.book,
        header_account_id=str(int.from_bytes(s.header_id, "big")), target=str(s.target),
        amount_min=str(s.amount_min), mode=s.mode, code=s.code, active=s.active,
        created_by=s.created_by, created_ms=s.created_ms,
    )  # fmt: skip


def list_sweeps(call: Call, query: SweepQuery) -> Page[SweepShape]:
    """Sweeps, newest first."""
    return page_of(call, _SWEEPS, _sweep, limit=query.limit, cursor=query.cursor)


def get_sweep(call: Call, query: Query) -> SweepStoryShape:
    """A sweep with its runs."""
    story = sweep_story(call.platform.rows, call.path["sweep_id"])
    if story is None:
        raise Refused("SWEEP_NOT_EXIST")
    return SweepStoryShape(
        sweep=_sweep(story.sweep), account_ids=[str(i) for i in story.account_ids],
        runs=[
            SweepRunShape(
                run_id=r.run_id, reason=r.reason, accounts=r.accounts,
                to_header=str(r.to_header), from_header=str(r.from_header), refused=r.refused,
                at_ms=r.at_ms,
            )
            for r in story.runs
        ],
    )  # fmt: skip


_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:write", "for_apps": False}
_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:read", "for_apps": False}
_GONE: Final = ("SCHEDULE_NOT_EXIST", "SCHEDULE_STATE")

SCHEDULE_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/ledger/schedules", "createSchedule", **_WRITE, status=201,
        summary="Have a transfer or a sweep happen by itself",
        description="Once, or every so many days, weeks or months. Each occurrence happens once, "
        "also when the platform was down at its time.",
        body=NewSchedule, command=create_schedule, show=_state, answer=ScheduleState,
        refusals=("SCHEDULE_INVALID", "ACCOUNT_NOT_EXIST", "SWEEP_NOT_EXIST", "BOOK_RESERVED",
                  "INVALID_PARAMETER"),
        example={
            "name": "Rent", "rule": {"unit": "month", "first_day": "2030-01-31", "at": "09:00",
                                     "business_days": "modified_following"},
            "transfer": {"ledger": 7, "debit_account_id": "71", "credit_account_id": "72",
                         "amount": "120000"},
            "retry_after_s": [3600, 86400],
        },
    ),
    look(
        "/v1/ledger/schedules", "listSchedules", **_READ, summary="List schedules",
        description="Newest first.", query=ScheduleQuery, find=list_schedules,
        answer=Page[ScheduleShape],
    ),
    look(
        "/v1/ledger/schedules/{schedule_id}", "getSchedule", **_READ, parameters=_SCHEDULE,
        summary="See a schedule with its history", query=Query, find=get_schedule,
        answer=ScheduleStoryShape, refusals=("SCHEDULE_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/schedules/{schedule_id}/pause", "pauseSchedule", **_WRITE,
        parameters=_SCHEDULE, summary="Pause a schedule", command=pause_schedule, show=_state,
        answer=ScheduleState, refusals=_GONE,
    ),
    change(
        "/v1/ledger/schedules/{schedule_id}/resume", "resumeSchedule", **_WRITE,
        parameters=_SCHEDULE, summary="Let a schedule go on",
        description="What fell into the pause is passed over, or run now.", body=Resumption,
        command=resume_schedule, show=_state, answer=ScheduleState, refusals=_GONE,
    ),
    change(
        "/v1/ledger/schedules/{schedule_id}/end", "endSchedule", **_WRITE, parameters=_SCHEDULE,
        summary="End a schedule", command=end_schedule, show=_state, answer=ScheduleState,
        refusals=_GONE,
    ),
    change(
        "/v1/ledger/sweeps", "createSweep", **_WRITE, status=201,
        summary="Say what is swept where",
        description="It runs when it is asked for, by a schedule, or when a monitor fires.",
        body=NewSweep, command=create_sweep, show=_sweep_state, answer=SweepState,
        refusals=("ACCOUNT_NOT_EXIST", "BOOK_RESERVED", "INVALID_PARAMETER"),
        example={"name": "Shops", "ledger": 7, "header_account_id": "72", "account_ids": ["71"],
                 "target": "10000"},
    ),
    look(
        "/v1/ledger/sweeps", "listSweeps", **_READ, summary="List sweeps",
        description="Newest first.", query=SweepQuery, find=list_sweeps, answer=Page[SweepShape],
    ),
    look(
        "/v1/ledger/sweeps/{sweep_id}", "getSweep", **_READ, parameters=_SWEEP,
        summary="See a sweep with its runs", query=Query, find=get_sweep, answer=SweepStoryShape,
        refusals=("SWEEP_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/sweeps/{sweep_id}/run", "runSweep", **_WRITE, parameters=_SWEEP,
        summary="Sweep now", command=run_sweep, show=_ran, answer=SweepRanShape,
        refusals=("SWEEP_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/sweeps/{sweep_id}/end", "endSweep", **_WRITE, parameters=_SWEEP,
        summary="Sweep no more", command=end_sweep, show=_sweep_state, answer=SweepState,
        refusals=("SWEEP_NOT_EXIST",),
    ),
)  # fmt: skip
