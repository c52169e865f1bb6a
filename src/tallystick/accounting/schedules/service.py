"""Schedules at work: load, decide, post what is due, record."""

from __future__ import annotations

from tallystick.accounting.decide import ID_BYTES, require_own_books
from tallystick.accounting.posting import who
from tallystick.accounting.schedules import decide
from tallystick.accounting.schedules.model import (
    CreateSchedule,
    EndSchedule,
    PauseSchedule,
    ResumeSchedule,
    RunOutcome,
    RunSchedule,
    Schedule,
    ScheduleDone,
)
from tallystick.accounting.sweeps.model import Sweep
from tallystick.accounting.sweeps.service import known_sweep, record_run, sweep_now
from tallystick.ledger.chart import Side, transfer_id
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer, TransferFlags, TransferResult
from tallystick.ledger.statements import normal_side
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]

_NS_PER_MS = 1_000_000


def _require_ends(uow: UnitOfWork, command: CreateSchedule) -> None:
    """See that the accounts of a transfer are there, in one book of its own."""
    require_own_books((command.book,))
    for account_id in (command.debit_account_id, command.credit_account_id):
        if len(account_id) != ID_BYTES:
            raise Refused("INVALID_PARAMETER", "A 128-bit number must be 16 bytes.")
        found = uow.books.account(int.from_bytes(account_id, "big"))
        if found is None or found.book != command.book:
            raise Refused("ACCOUNT_NOT_EXIST")
    if command.debit_account_id == command.credit_account_id:
        raise Refused("SCHEDULE_INVALID", "The accounts must be different.")


def create_schedule(command: CreateSchedule, context: Context) -> Reply:
    """Begin a schedule."""
    uow = context.uow
    if command.sweep_id:
        book = known_sweep(uow, command.sweep_id).book
    else:
        _require_ends(uow, command)
        book = command.book
    schedule_id = dated_number(context.now_ms, context.request_key, "schedule")
    return record(context, decide.create(command, schedule_id, book, who(context), context.now_ms))


def _transferred(context: Context, row: Schedule, key: str) -> decide.Tried:
    """Post the transfer; what the ledger refuses is the outcome, not the command's end."""
    uow = context.uow
    flags = 0
    if row.at_most:
        debited = uow.books.account(int.from_bytes(row.debit_account_id, "big"))
        credit_side = debited is None or normal_side(debited) is Side.CREDIT
        balancing = TransferFlags.BALANCING_DEBIT if credit_side else TransferFlags.BALANCING_CREDIT
        flags = int(balancing)
    transfer = Transfer(
        transfer_id(key, 0), int.from_bytes(row.debit_account_id, "big"),
        int.from_bytes(row.credit_account_id, "big"), row.amount,
        user_data_128=int(row.schedule_id), user_data_64=row.occurrence, book=row.book,
        code=row.code, flags=flags,
    )  # fmt: skip
    (result,) = uow.books.create_transfers((transfer,), context.now_ms * _NS_PER_MS)
    if result is not TransferResult.CREATED:
        return decide.Tried(RunOutcome.REFUSED, result.value, 0, b"")
    made = uow.books.transfer(transfer.id)
    assert made is not None
    outcome = RunOutcome.MOVED if made.amount else RunOutcome.NOTHING
    return decide.Tried(outcome, result.value, made.amount, id_bytes(made.id))


def _swept(context: Context, row: Schedule, key: str) -> decide.Tried:
    uow = context.uow
    sweep = uow.get(Sweep, row.sweep_id)
    if sweep is None or not sweep.active:
        return decide.Tried(RunOutcome.REFUSED, "SWEEP_NOT_EXIST", 0, b"")
    swept = sweep_now(context, sweep, key.encode())
    record_run(context, sweep, swept, f"schedule:{row.schedule_id}", key.encode())
    moved = swept.to_header + swept.from_header
    outcome = RunOutcome.MOVED if moved else RunOutcome.NOTHING
    return decide.Tried(outcome, "created", moved, b"")


def run_schedule(command: RunSchedule, context: Context) -> Reply:
    """The timer's command: an occurrence, once."""
    row = decide.require_due(context.uow.get(Schedule, command.schedule_id), command)
    # The ids derive from the occurrence, so that no way of asking twice could double it.
    key = f"schedule:{row.schedule_id}:{row.occurrence}:{row.attempt}"
    what = _swept(context, row, key) if row.sweep_id else _transferred(context, row, key)
    return record(context, decide.tried(row, what, context.now_ms))


def _known(context: Context, schedule_id: str) -> Schedule:
    row = context.uow.get(Schedule, schedule_id)
    if row is None:
        raise Refused("SCHEDULE_NOT_EXIST")
    return row


def pause_schedule(command: PauseSchedule, context: Context) -> Reply:
    """Have nothing happen for a while."""
    return record(context, decide.pause(_known(context, command.schedule_id)))


def resume_schedule(command: ResumeSchedule, context: Context) -> Reply:
    """Go on."""
    row = _known(context, command.schedule_id)
    return record(context, decide.resume(row, command.missed, context.now_ms))


def end_schedule(command: EndSchedule, context: Context) -> Reply:
    """Have nothing happen any more."""
    return record(context, decide.end(_known(context, command.schedule_id)))


def register(registry: Registry) -> None:
    """Declare the commands of schedules."""
    write = "ledger:write"
    registry.add(CreateSchedule, create_schedule, reply=ScheduleDone, scope=write)
    registry.add(RunSchedule, run_schedule, reply=ScheduleDone, scope="system")
    registry.add(PauseSchedule, pause_schedule, reply=ScheduleDone, scope=write)
    registry.add(ResumeSchedule, resume_schedule, reply=ScheduleDone, scope=write)
    registry.add(EndSchedule, end_schedule, reply=ScheduleDone, scope=write)
