"""Hold commands at work: load what a decision needs, decide, record."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.ledger.chart import transfer_id
from tallystick.ledger.model import PendingState
from tallystick.parties.model import Party
from tallystick.parties.views import active_party, known_party, take_payment_code
from tallystick.payments.accounts import platform_book
from tallystick.payments.callers import acting_app, sells_through, usable_app
from tallystick.payments.holds import decide
from tallystick.payments.holds.model import (
    ExpireHold,
    FreezeFunds,
    FundHold,
    HoldDone,
    HoldOperation,
    UnfreezeFunds,
)
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import AccountRef, Posting, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["capture_hold", "register"]


def _frozen(uow: UnitOfWork, hold: FundHold) -> int:
    """The amount of the hold's pending transfer; 0 when there is none any more."""
    pending_id = int.from_bytes(hold.pending_transfer_id, "big")
    if not pending_id or uow.books.pending_state(pending_id) is not PendingState.PENDING:
        return 0
    pending = uow.books.transfer(pending_id)
    return pending.amount if pending is not None else 0


def _state(uow: UnitOfWork, hold: FundHold) -> decide.HoldState:
    return decide.HoldState(
        hold=hold,
        payer=known_party(uow, hold.payer_id),
        payee=known_party(uow, hold.payee_id),
        frozen=_frozen(uow, hold),
        operations=tuple(uow.select(HoldOperation, hold_id=hold.hold_id)),
    )


def _ids(context: Context) -> decide.Ids:
    return decide.Ids(
        dated_number(context.now_ms, context.request_key, "hold operation"),
        transfer_id(context.request_key + b"hold", 0),
    )


def _payer(command: FreezeFunds, context: Context, hold_id: str) -> tuple[Party, tuple[Row, ...]]:
    """Whose money is frozen: who showed the code, or the signed-in person."""
    if command.payment_code_index:
        payer, code = take_payment_code(
            context.uow, command.payment_code_index, context.now_ms, hold_id
        )
        return payer, (code,)
    caller = context.caller
    if caller.kind is not CallerKind.PARTY or caller.id != command.payer_id:
        raise Refused("NOT_PERMITTED", "A payer authorises as a signed-in person or by code.")
    return active_party(context.uow, command.payer_id), ()


def freeze_funds(command: FreezeFunds, context: Context) -> Reply:
    """Freeze money, once for each number that the app gives."""
    uow, now_ms = context.uow, context.now_ms
    app = usable_app(uow, acting_app(context, command.app_id))
    if not (command.out_order_no and command.out_request_no and command.title):
        raise Refused("INVALID_PARAMETER", "A hold needs out_order_no, out_request_no and a title.")
    command = replace(command, app_id=app.app_id)
    payee_id = command.payee_id or app.merchant_id
    known = uow.find(FundHold, app_id=app.app_id, out_order_no=command.out_order_no)
    if known is not None:
        return _frozen_before(command, context, known, payee_id)
    platform_book(command.currency)
    if not sells_through(uow, app, payee_id):
        raise Refused("PAYEE_NOT_EXIST")
    hold_id = dated_number(now_ms, context.request_key, "hold")
    payer, rows = _payer(command, context, hold_id)
    decision = decide.freeze(
        command, hold_id, payer, active_party(uow, payee_id),
        command.notify_url or app.notify_url, _ids(context), now_ms,
    )  # fmt: skip
    return record(context, decision._replace(rows=(*decision.rows, *rows)))


def _frozen_before(command: FreezeFunds, context: Context, hold: FundHold, payee_id: str) -> Reply:
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != hold.payer_id:
        raise Refused("NOT_PERMITTED", "This authorisation belongs to somebody else.")
    state = _state(context.uow, hold)
    operation = decide.same_freeze(state, command, payee_id)
    if operation is None:
        raise Refused("HOLD_MISMATCH")
    return decide.done(hold, operation, state.frozen)


def unfreeze_funds(command: UnfreezeFunds, context: Context) -> Reply:
    """Give frozen money free; the payee's side decides that, never the payer."""
    caller = context.caller
    app_id = acting_app(context, command.app_id)
    hold = context.uow.get(FundHold, command.hold_id)
    if hold is None or hold.app_id != app_id:
        raise Refused("HOLD_NOT_EXIST")
    if caller.kind is CallerKind.PARTY and caller.id != hold.payee_id:
        raise Refused("NOT_PERMITTED", "The payee's side gives frozen money free.")
    if not command.out_request_no:
        raise Refused("INVALID_PARAMETER", "Unfreezing needs out_request_no.")
    state = _state(context.uow, hold)
    return record(context, decide.unfreeze(state, command, _ids(context), context.now_ms))


def expire_hold(command: ExpireHold, context: Context) -> Reply:
    """The timer's command."""
    hold = context.uow.get(FundHold, command.hold_id)
    if hold is None:
        raise Refused("HOLD_NOT_EXIST")
    state = _state(context.uow, hold)
    return record(context, decide.expire(state, _ids(context), context.now_ms))


def capture_hold(
    context: Context, hold_id: str, app_id: str, to: AccountRef, amount: int, trade_no: str
) -> tuple[str, tuple[Posting, ...], tuple[Row, ...]]:
    """Pay a trade out of frozen money: payer id, and the postings and rows to be recorded.

    The hold's event and timer are recorded here; the command that pays records the rest, and
    when it is refused, all of it is undone together.

    Raises:
        Refused: HOLD_NOT_EXIST, HOLD_CLOSED, HOLD_AMOUNT_EXCEEDED, NOT_PERMITTED, …
    """
    hold = context.uow.get(FundHold, hold_id)
    if hold is None or hold.app_id != app_id:
        raise Refused("HOLD_NOT_EXIST")
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != hold.payer_id:
        raise Refused("NOT_PERMITTED", "This authorisation belongs to somebody else.")
    state = _state(context.uow, hold)
    captured = decide.capture(state, to, amount, trade_no, _ids(context), context.now_ms)
    record(context, captured.decision)
    return hold.payer_id, captured.postings, captured.rows


def register(registry: Registry) -> None:
    """Declare the hold commands."""
    registry.add(FreezeFunds, freeze_funds, reply=HoldDone, scope="payments:write")
    registry.add(UnfreezeFunds, unfreeze_funds, reply=HoldDone, scope="payments:write")
    registry.add(ExpireHold, expire_hold, reply=HoldDone, scope="system")
