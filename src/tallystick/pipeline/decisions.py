"""Decisions: what a command does, as a value, and how it is recorded.

A product's `decide` functions are pure; they return a `Decision`. `record` writes it into the
unit of work: postings first, as one linked chain, then rows, timers and events. Nothing is
written when the ledger refuses a posting.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec

from tallystick.ledger.chart import ChartEntry, account_id, open_account, transfer_id
from tallystick.ledger.model import AccountResult, Transfer, TransferFlags, TransferResult
from tallystick.pipeline.commands import Command, Context, Reply
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer
from tallystick.store.table import Row
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["AccountRef", "Decision", "Posting", "Timer", "event", "record"]

P = TypeVar("P", bound=Reply)

_LIMITS = frozenset(
    {
        TransferResult.EXCEEDS_CREDITS,
        TransferResult.EXCEEDS_DEBITS,
        TransferResult.EXCEEDS_PENDING_TRANSFER_AMOUNT,
    }
)


class AccountRef(NamedTuple):
    """An account of the chart by what it is for: its entry, its owner (digits), its book."""

    entry: ChartEntry
    owner: str
    book: int

    @property
    def id(self) -> int:
        """The account's id in the ledger."""
        return account_id(self.book, self.entry, self.owner)


class Posting(NamedTuple):
    """One transfer that a command asks of the ledger.

    Args:
        amount: minor units; a posting of 0 is left out.
        movement: why the money moves, a number of `payments.movements`.
        reference: what it belongs to (a trade number as an integer).
        refused_as: the refusal when the debited side has not enough.
        id: only where a later command must name this transfer; else it is derived.
    """

    debit: AccountRef
    credit: AccountRef
    amount: int
    movement: int
    reference: int
    refused_as: str = "LEDGER_REFUSED"
    flags: TransferFlags = TransferFlags(0)
    pending_id: int = 0
    id: int = 0


class Timer(NamedTuple):
    """A command that is to run at or after `due_ms`."""

    timer_id: str
    due_ms: int
    command: Command


class Decision(NamedTuple):
    """Everything that an accepted command changes, and its reply."""

    reply: Reply
    rows: tuple[Row, ...] = ()
    postings: tuple[Posting, ...] = ()
    timers: tuple[Timer, ...] = ()
    cancelled_timers: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    removed: tuple[Row, ...] = ()


def event(topic: str, subject: str, payload: dict[str, Any] | msgspec.Struct) -> Event:
    """An outbox event whose payload is written as JSON."""
    return Event(topic, subject, msgspec.json.encode(payload))


def _open(uow: UnitOfWork, refs: set[AccountRef], now_ns: int) -> None:
    missing = [ref for ref in sorted(refs) if uow.books.account(ref.id) is None]
    if not missing:
        return
    results = uow.books.create_accounts(
        [open_account(ref.book, ref.entry, ref.owner) for ref in missing], now_ns
    )
    assert all(r is AccountResult.CREATED for r in results), results


def _refused(posting: Posting, result: TransferResult) -> Refused:
    if result in _LIMITS:
        return Refused(posting.refused_as)
    return Refused("LEDGER_REFUSED", result.value)


def _post(context: Context, postings: list[Posting]) -> None:
    uow, now_ns = context.uow, context.now_ms * 1_000_000
    _open(uow, {ref for p in postings for ref in (p.debit, p.credit)}, now_ns)
    last = len(postings) - 1
    transfers = [
        Transfer(
            id=p.id or transfer_id(context.request_key, leg),
            debit_account_id=p.debit.id,
            credit_account_id=p.credit.id,
            amount=p.amount,
            pending_id=p.pending_id,
            user_data_128=p.reference,
            book=p.debit.book,
            code=p.movement,
            flags=int(p.flags | (TransferFlags.LINKED if leg < last else 0)),
        )
        for leg, p in enumerate(postings)
    ]
    results = uow.books.create_transfers(transfers, now_ns)
    for posting, result in zip(postings, results, strict=True):
        if result not in (TransferResult.CREATED, TransferResult.LINKED_EVENT_FAILED):
            raise _refused(posting, result)


_RELEASES = TransferFlags.VOID_PENDING | TransferFlags.POST_PENDING


def record(context: Context, decision: Decision) -> Reply:
    """Write a decision into the unit of work and give its reply.

    Raises:
        Refused: the ledger refused a posting; with the posting's own code when the debited
            account has not enough, else LEDGER_REFUSED with the ledger's result.
    """
    postings = [p for p in decision.postings if p.amount > 0 or p.flags & _RELEASES]
    if postings:
        _post(context, postings)
    uow = context.uow
    for row in decision.rows:
        uow.put(row)
    for row in decision.removed:
        uow.delete(row)
    for timer_id in decision.cancelled_timers:
        uow.cancel_timer(timer_id)
    for timer in decision.timers:
        set_timer(uow, *timer)
    for happened in decision.events:
        uow.emit(happened)
    return decision.reply
