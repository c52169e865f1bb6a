"""Sweeps at work: load the accounts, plan, post each by itself, record."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tallystick.accounting.decide import ID_BYTES, require_own_books
from tallystick.accounting.posting import who
from tallystick.accounting.sweeps import decide
from tallystick.accounting.sweeps.model import (
    SWEPT_MAX,
    CreateSweep,
    EndSweep,
    RunSweep,
    Sweep,
    SweepAccount,
    SweepDone,
    SweepRan,
    SweepRun,
)
from tallystick.ledger.chart import Side
from tallystick.ledger.model import AMOUNT_MAX, Account, Transfer, TransferResult
from tallystick.ledger.statements import normal_side
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["Swept", "known_sweep", "record_run", "register", "sweep_now"]

_NS_PER_MS = 1_000_000
_NAME_MAX = 100


class Swept(NamedTuple):
    """What a sweep moved, in minor units."""

    accounts: int
    to_header: int
    from_header: int
    refused: int


def _account(uow: UnitOfWork, account_id: bytes, book: int) -> Account:
    if len(account_id) != ID_BYTES:
        raise Refused("INVALID_PARAMETER", "A 128-bit number must be 16 bytes.")
    found = uow.books.account(int.from_bytes(account_id, "big"))
    if found is None or found.book != book:
        raise Refused("ACCOUNT_NOT_EXIST", f"Account {int.from_bytes(account_id, 'big')}.")
    return found


def create_sweep(command: CreateSweep, context: Context) -> Reply:
    """Say what is swept where."""
    uow, c = context.uow, command
    require_own_books((c.book,))
    ids = dict.fromkeys(c.account_ids)
    if not 1 <= len(ids) <= SWEPT_MAX or len(ids) != len(c.account_ids) or c.header_id in ids:
        raise Refused("INVALID_PARAMETER", f"1 to {SWEPT_MAX} accounts, the header not among them.")
    if not (0 <= c.target <= AMOUNT_MAX and 1 <= c.amount_min <= AMOUNT_MAX):
        raise Refused("INVALID_PARAMETER", "A target and a smallest amount in minor units.")
    if not (1 <= len(c.name) <= _NAME_MAX and 0 < c.code < 2**16):
        raise Refused("INVALID_PARAMETER", "A sweep has a name and a code.")
    uow.books.load(int.from_bytes(i, "big") for i in (*ids, c.header_id))
    for account_id in (*ids, c.header_id):
        _account(uow, account_id, c.book)
    sweep = Sweep(
        dated_number(context.now_ms, context.request_key, "sweep"), c.name, c.book, c.header_id,
        c.target, c.amount_min, c.mode, c.code, True, who(context), context.now_ms,
    )  # fmt: skip
    swept = (SweepAccount(sweep.sweep_id, account_id) for account_id in ids)
    done = SweepDone(sweep_id=sweep.sweep_id, active=True)
    return record(context, Decision(done, rows=(sweep, *swept)))


def known_sweep(uow: UnitOfWork, sweep_id: str) -> Sweep:
    """A sweep that goes on.

    Raises:
        Refused: SWEEP_NOT_EXIST.
    """
    sweep = uow.get(Sweep, sweep_id)
    if sweep is None or not sweep.active:
        raise Refused("SWEEP_NOT_EXIST")
    return sweep


def _moved(uow: UnitOfWork, moves: list[Transfer], header: int) -> tuple[int, int]:
    to_header = from_header = 0
    for move in moves:
        made = uow.books.transfer(move.id)
        assert made is not None, move.id
        ends = (made.debit_account_id, made.credit_account_id)
        assert header in ends
        # On accounts that grow with debits the header is debited when it takes.
        takes = (ends[1] == header) == _grows_with_credits(uow, header, ends)
        to_header += made.amount if takes else 0
        from_header += 0 if takes else made.amount
    return to_header, from_header


def _grows_with_credits(uow: UnitOfWork, header: int, ends: tuple[int, int]) -> bool:
    swept = uow.books.account(ends[0] if ends[1] == header else ends[1])
    assert swept is not None
    return normal_side(swept) is Side.CREDIT


def sweep_now(context: Context, sweep: Sweep, key: bytes) -> Swept:
    """Post a sweep's transfers, each by itself.

    Args:
        key: from which the transfers' ids derive; the same for the same run.
    """
    uow = context.uow
    ids = [int.from_bytes(r.account_id, "big")
           for r in uow.select(SweepAccount, sweep_id=sweep.sweep_id)]  # fmt: skip
    header_id = int.from_bytes(sweep.header_id, "big")
    uow.books.load((*ids, header_id))
    found = [a for i in ids if (a := uow.books.account(i)) is not None]
    header = uow.books.account(header_id)
    assert header is not None, sweep.sweep_id
    moves = decide.plan(sweep, found, header, key)
    results = uow.books.create_transfers(moves, context.now_ms * _NS_PER_MS)
    made = [
        move for move, result in zip(moves, results, strict=True)
        if result is TransferResult.CREATED
    ]  # fmt: skip
    return Swept(len(moves), *_moved(uow, made, header_id), len(moves) - len(made))


def record_run(context: Context, sweep: Sweep, swept: Swept, reason: str, key: bytes) -> SweepRan:
    """Write down what a sweep moved."""
    run_id = dated_number(context.now_ms, key, "sweep run")
    run = SweepRun(run_id, sweep.sweep_id, reason, *swept, context.now_ms)
    context.uow.put(run)
    done = SweepRan(
        sweep_id=sweep.sweep_id, run_id=run_id, accounts=swept.accounts,
        to_header=swept.to_header, from_header=swept.from_header, refused=swept.refused,
    )  # fmt: skip
    told = {"sweep_id": sweep.sweep_id, "name": sweep.name, "to_header": str(swept.to_header),
            "from_header": str(swept.from_header), "reason": reason}  # fmt: skip
    context.uow.emit(event("sweep.ran", sweep.sweep_id, told))
    return done


def run_sweep(command: RunSweep, context: Context) -> Reply:
    """Sweep now."""
    sweep = known_sweep(context.uow, command.sweep_id)
    key = context.request_key
    swept = sweep_now(context, sweep, key)
    return record_run(context, sweep, swept, command.reason or who(context), key)


def end_sweep(command: EndSweep, context: Context) -> Reply:
    """Sweep no more."""
    sweep = known_sweep(context.uow, command.sweep_id)
    ended = replace(sweep, active=False)
    return record(context, Decision(SweepDone(sweep_id=sweep.sweep_id, active=False), (ended,)))


def register(registry: Registry) -> None:
    """Declare the sweep commands."""
    write = "ledger:write"
    registry.add(CreateSweep, create_sweep, reply=SweepDone, scope=write)
    registry.add(RunSweep, run_sweep, reply=SweepRan, scope=write)
    registry.add(EndSweep, end_sweep, reply=SweepDone, scope=write)
