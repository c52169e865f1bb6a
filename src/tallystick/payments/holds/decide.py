"""What each hold command does: pure functions from state and command to a decision.

What is frozen is one pending transfer from the payer's wallet to the payee's. When a part is
given free or paid, that transfer is voided and a new one holds the rest, in one linked chain.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tallystick.ledger.model import TransferFlags
from tallystick.money.amount import format_amount
from tallystick.parties.model import Party
from tallystick.payments.accounts import wallet
from tallystick.payments.amounts import require_amount
from tallystick.payments.holds.announce import HoldTotals, hold_happened
from tallystick.payments.holds.model import (
    ExpireHold,
    FreezeFunds,
    FundHold,
    HoldDone,
    HoldOperation,
    HoldOperationKind,
    HoldStatus,
    UnfreezeFunds,
)
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef, Decision, Posting, Timer
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import DUE_MAX_MS

__all__ = [
    "Capture", "HoldState", "Ids", "capture", "done", "expire", "freeze", "same_freeze", "unfreeze",
]  # fmt: skip

_ID_BYTES = 16


class HoldState(NamedTuple):
    """All that decisions look at: the hold, its parties and operations, what is frozen."""

    hold: FundHold
    payer: Party
    payee: Party
    frozen: int
    operations: tuple[HoldOperation, ...]

    def operation(self, out_request_no: str) -> HoldOperation | None:
        """The operation with this request number."""
        return next((o for o in self.operations if o.out_request_no == out_request_no), None)


class Ids(NamedTuple):
    """Numbers for what a command makes: its operation, and the pending transfer."""

    operation_id: str
    pending_transfer_id: int


def done(hold: FundHold, operation: HoldOperation, frozen: int) -> HoldDone:
    """An operation of a hold as a reply, with the hold as it is now."""
    return HoldDone(
        hold_id=hold.hold_id,
        out_order_no=hold.out_order_no,
        operation_id=operation.operation_id,
        out_request_no=operation.out_request_no,
        payer_id=hold.payer_id,
        payee_id=hold.payee_id,
        currency=hold.currency,
        amount=operation.amount,
        frozen=frozen,
        status=hold.status,
        at_ms=operation.at_ms,
    )


def _totals(operations: tuple[HoldOperation, ...], frozen: int) -> HoldTotals:
    def total(kind: HoldOperationKind) -> int:
        return sum(o.amount for o in operations if o.kind is kind)

    return HoldTotals(
        frozen,
        total(HoldOperationKind.FREEZE),
        total(HoldOperationKind.UNFREEZE),
        total(HoldOperationKind.PAY),
    )


def _pending(
    hold: FundHold, payer: Party, payee: Party, amount: int, pending_transfer_id: int
) -> Posting:
    return Posting(
        wallet(payer, hold.currency),
        wallet(payee, hold.currency),
        amount,
        Movement.HOLD,
        int(hold.hold_id),
        "BALANCE_NOT_ENOUGH",
        TransferFlags.PENDING,
        id=pending_transfer_id,
    )


def freeze(
    command: FreezeFunds,
    hold_id: str,
    payer: Party,
    payee: Party,
    notify_url: str,
    ids: Ids,
    now_ms: int,
) -> Decision:
    """Freeze the payer's money for the payee."""
    require_amount(command.amount)
    if payer.party_id == payee.party_id:
        raise Refused("PAYER_IS_PAYEE")
    if not 0 <= command.expires_within_ms < DUE_MAX_MS - now_ms:
        raise Refused("INVALID_PARAMETER", "A hold cannot expire before it begins, or never.")
    expires_ms = now_ms + command.expires_within_ms if command.expires_within_ms else 0
    hold = FundHold(
        hold_id=hold_id,
        app_id=command.app_id,
        out_order_no=command.out_order_no,
        payer_id=payer.party_id,
        payee_id=payee.party_id,
        currency=command.currency,
        amount=command.amount,
        status=HoldStatus.AUTHORIZED,
        pending_transfer_id=ids.pending_transfer_id.to_bytes(_ID_BYTES, "big"),
        title=command.title,
        notify_url=notify_url,
        created_ms=now_ms,
        expires_ms=expires_ms,
    )
    operation = HoldOperation(
        hold_id,
        command.out_request_no,
        ids.operation_id,
        HoldOperationKind.FREEZE,
        command.amount,
        command.title,
        now_ms,
    )
    timer = Timer(f"hold.expire:{hold_id}", expires_ms, ExpireHold(hold_id=hold_id))
    return Decision(
        reply=done(hold, operation, command.amount),
        rows=(hold, operation),
        postings=(_pending(hold, payer, payee, command.amount, ids.pending_transfer_id),),
        timers=(timer,) if expires_ms else (),
        events=(hold_happened("frozen", hold, operation, _totals((operation,), command.amount)),),
    )


def same_freeze(state: HoldState, command: FreezeFunds, payee_id: str) -> HoldOperation | None:
    """The operation that made this hold, when the command repeats it; else None."""
    hold, operation = state.hold, state.operation(command.out_request_no)
    if operation is None or operation.kind is not HoldOperationKind.FREEZE:
        return None
    same = (
        hold.amount == command.amount
        and hold.currency == command.currency
        and hold.title == command.title
        and hold.payee_id == payee_id
        and command.payer_id in ("", hold.payer_id)
    )
    return operation if same else None


class _Release(NamedTuple):
    """What taking a part out of a hold changes."""

    hold: FundHold
    void: Posting
    rest: tuple[Posting, ...]
    left: int


def _require_open(state: HoldState, amount: int, now_ms: int) -> None:
    hold = state.hold
    over = hold.expires_ms and now_ms >= hold.expires_ms
    if hold.status is not HoldStatus.AUTHORIZED or over:
        raise Refused("HOLD_CLOSED")
    require_amount(amount)
    if amount > state.frozen:
        left = format_amount(state.frozen, hold.currency)
        raise Refused("HOLD_AMOUNT_EXCEEDED", f"Frozen: {left}.")


def _release(
    state: HoldState, amount: int, pending_transfer_id: int, ended: HoldStatus
) -> _Release:
    """Void what is pending and hold what is left; `ended` is the status when nothing is."""
    hold, left = state.hold, state.frozen - amount
    void = Posting(
        wallet(state.payer, hold.currency),
        wallet(state.payee, hold.currency),
        0,
        Movement.HOLD,
        int(hold.hold_id),
        flags=TransferFlags.VOID_PENDING,
        pending_id=int.from_bytes(hold.pending_transfer_id, "big"),
    )
    if not left:
        return _Release(replace(hold, status=ended, pending_transfer_id=b""), void, (), 0)
    kept = replace(hold, pending_transfer_id=pending_transfer_id.to_bytes(_ID_BYTES, "big"))
    rest = _pending(hold, state.payer, state.payee, left, pending_transfer_id)
    return _Release(kept, void, (rest,), left)


def _cancelled(hold: FundHold) -> tuple[str, ...]:
    over = hold.status is not HoldStatus.AUTHORIZED
    return (f"hold.expire:{hold.hold_id}",) if over and hold.expires_ms else ()


def unfreeze(state: HoldState, command: UnfreezeFunds, ids: Ids, now_ms: int) -> Decision:
    """Give a part of the frozen money free, or all of it."""
    known = state.operation(command.out_request_no)
    if known is not None:
        same = known.kind is HoldOperationKind.UNFREEZE and known.amount == command.amount
        if not same:
            raise Refused("HOLD_MISMATCH")
        return Decision(done(state.hold, known, state.frozen))
    _require_open(state, command.amount, now_ms)
    operation = HoldOperation(
        state.hold.hold_id,
        command.out_request_no,
        ids.operation_id,
        HoldOperationKind.UNFREEZE,
        command.amount,
        command.remark,
        now_ms,
    )
    return _unfrozen(state, operation, ids, "unfrozen", HoldStatus.FINISHED)


def _unfrozen(
    state: HoldState, operation: HoldOperation, ids: Ids, what: str, ended: HoldStatus
) -> Decision:
    release = _release(state, operation.amount, ids.pending_transfer_id, ended)
    totals = _totals((*state.operations, operation), release.left)
    return Decision(
        reply=done(release.hold, operation, release.left),
        rows=(release.hold, operation),
        postings=(release.void, *release.rest),
        cancelled_timers=_cancelled(release.hold),
        events=(hold_happened(what, release.hold, operation, totals),),
    )


def expire(state: HoldState, ids: Ids, now_ms: int) -> Decision:
    """The authorisation's time is over: give everything free that is still frozen."""
    hold = state.hold
    if hold.status is not HoldStatus.AUTHORIZED:
        raise Refused("HOLD_CLOSED")
    if not hold.expires_ms or now_ms < hold.expires_ms:
        raise Refused("INVALID_PARAMETER", "The authorisation's time is not over.")
    # Its own number serves as request number too, which no caller can have chosen.
    operation = HoldOperation(
        hold.hold_id,
        ids.operation_id,
        ids.operation_id,
        HoldOperationKind.UNFREEZE,
        state.frozen,
        "expired",
        now_ms,
    )
    return _unfrozen(state, operation, ids, "expired", HoldStatus.CLOSED)


class Capture(NamedTuple):
    """A payment out of a hold, as parts of the decision of what is paid."""

    postings: tuple[Posting, ...]
    rows: tuple[FundHold | HoldOperation, ...]
    decision: Decision


def capture(
    state: HoldState, to: AccountRef, amount: int, trade_no: str, ids: Ids, now_ms: int
) -> Capture:
    """Pay a part of the frozen money, or all of it, into `to` (a trade's escrow).

    The capture is recorded with what is paid: `decision` holds only what goes with it, the
    events and the timers.
    """
    _require_open(state, amount, now_ms)
    hold = state.hold
    purse = wallet(state.payer, hold.currency)
    if to.book != purse.book:
        raise Refused("INVALID_PARAMETER", "The hold is in another currency.")
    if state.operation(trade_no) is not None:
        raise Refused("HOLD_MISMATCH")
    release = _release(state, amount, ids.pending_transfer_id, HoldStatus.FINISHED)
    paid = Posting(
        purse, to, amount, Movement.HOLD_CAPTURE, int(trade_no), "BUYER_BALANCE_NOT_ENOUGH"
    )
    operation = HoldOperation(
        hold.hold_id, trade_no, ids.operation_id, HoldOperationKind.PAY, amount, "", now_ms
    )
    totals = _totals((*state.operations, operation), release.left)
    beside = Decision(
        reply=done(release.hold, operation, release.left),
        cancelled_timers=_cancelled(release.hold),
        events=(hold_happened("captured", release.hold, operation, totals),),
    )
    return Capture((release.void, paid, *release.rest), (release.hold, operation), beside)
