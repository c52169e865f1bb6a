"""What loan decisions look at, and what all of them begin and end with.

Each first brings the loan up to the day (`caught_up_to_day`): what accrued, fell due and became
late since it was last looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.credit.loans.life import Amounts, Position, live
from tallystick.credit.loans.model import (
    CollectDue,
    Contract,
    Loan,
    LoanDone,
    LoanEvent,
    LoanEventKind,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    PaymentMode,
    contract_of,
)
from tallystick.credit.loans.standing import NEVER, Try, plan_of, standing_of, terms_row
from tallystick.credit.postings import Bucket, LoanBooks
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.decisions import AccountRef, Decision, Posting, Timer, event
from tallystick.store.table import Row
from tallystick.store.unit_of_work import Event

__all__ = [
    "CaughtUp", "Kept", "LoanState", "NewLoan", "accrued", "advance_used", "caught_up_to_day",
    "collection", "first_try", "kept", "loan_done", "loan_event", "loan_happened", "position_of",
    "tried_next", "waiting_try",
]  # fmt: skip


class LoanState(NamedTuple):
    """All that decisions look at: the loan, its events, and the accounts around it.

    Args:
        day: the day in China on which this happens.
        wallet, bank: where a payment comes from; `bank` only where one is named.
        available: what the wallet can pay.
        allowance: the balance of the loan's allowance account.
    """

    loan: Loan
    events: tuple[LoanEvent, ...]
    day: date
    now_ms: int
    caller: str
    wallet: AccountRef
    available: int = 0
    allowance: int = 0
    bank: AccountRef | None = None
    bank_id: str = ""
    standing: LoanStanding | None = None

    @property
    def accrued_day(self) -> date:
        """Up to the start of which day the loan is booked."""
        kept = date.fromisoformat(self.loan.accrued_day)
        if self.standing is None:
            return kept
        return max(kept, date.fromordinal(self.standing.accrued_day))

    @property
    def contract(self) -> Contract:
        """What was agreed."""
        return contract_of(self.loan)

    @property
    def books(self) -> LoanBooks:
        """The loan's accounts."""
        return LoanBooks(self.loan.loan_id, self.wallet.book)

    @property
    def source(self) -> AccountRef:
        """Where a payment comes from."""
        return self.bank or self.wallet


class NewLoan(NamedTuple):
    """A loan to draw: its row, where its money goes, and who pays its first fee."""

    loan: Loan
    payee: AccountRef
    borrower: AccountRef


def position_of(state: LoanState, *more: LoanEvent) -> Position:
    """Where the loan stands on the day, after what has happened and `more`."""
    return live(state.contract, (*state.events, *more), state.day)


class CaughtUp(NamedTuple):
    """The loan on the day, and the postings that bring its books there."""

    position: Position
    postings: tuple[Posting, ...]


def accrued(books: LoanBooks, before: Position, after: Position) -> list[Posting]:
    """Income that came about between two positions; forgiven income is posted by itself."""
    postings = []
    for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
        change = after.charged[bucket] - before.charged[bucket]
        assert change >= 0, (bucket, change)
        postings.append(books.posting("accrual", change, bucket=bucket))
    return postings


def advance_used(books: LoanBooks, before: Position, after: Position) -> list[Posting]:
    """What had waited and paid what fell due between two positions without a payment."""
    postings = []
    for bucket in Bucket:
        grown = after.charged[bucket] - before.charged[bucket]
        made_principal = after.capitalised[bucket] - before.capitalised[bucket]
        part = grown - made_principal - (after.left[bucket] - before.left[bucket])
        postings.append(books.posting("advance_used", part, bucket=bucket))
    return postings


def caught_up_to_day(state: LoanState) -> CaughtUp:
    """Bring the loan from the day up to which it is booked to today."""
    before = live(state.contract, state.events, state.accrued_day)
    after = position_of(state)
    books = state.books
    postings = (*accrued(books, before, after), *advance_used(books, before, after))
    return CaughtUp(after, postings)


def loan_done(
    state: LoanState, loan: Loan, position: Position, *, step: int = 0, amount: int = 0,
    returned: int = 0, paid: Amounts | None = None,
) -> LoanDone:  # fmt: skip
    """What a command answers; amounts are minor units of the loan's currency."""
    return LoanDone(
        loan_id=loan.loan_id,
        currency=loan.currency,
        status=position.status,
        step=step,
        amount=amount,
        returned=returned,
        due=position.due_total if position.status is LoanStatus.ACTIVE else 0,
        owed=0 if position.status is LoanStatus.SOLD else position.owed_total,
        days_past_due=position.days_past_due,
        paid={bucket.value: part for bucket, part in (paid or {}).items() if part},
    )


class Kept(NamedTuple):
    """A loan as it is kept after a decision: rows to write and to remove, and when it is tried."""

    rows: tuple[Row, ...]
    removed: tuple[Row, ...] = ()
    timers: tuple[Timer, ...] = ()

    def decision(
        self, reply: LoanDone, postings: Iterable[Posting], events: tuple[Event, ...] = ()
    ) -> Decision:
        """The decision that keeps it so."""
        return Decision(
            reply, self.rows, tuple(postings), self.timers, events=events, removed=self.removed
        )


def collection(try_ms: int) -> tuple[Timer, ...]:
    """The timer of a moment at which loans are tried; all of a moment share one."""
    if try_ms == NEVER:
        return ()
    return (Timer(f"credit.collect_due:{try_ms}", try_ms, CollectDue()),)


_PLAN_STAYS = (PaymentMode.DUE.value, PaymentMode.NEXT.value)


def _changes_plan(event: LoanEvent) -> bool:
    """Whether an event may change what lies ahead of a loan."""
    if event.kind is LoanEventKind.PAYMENT:
        return event.detail not in _PLAN_STAYS
    return event.kind not in (LoanEventKind.WAIVER, LoanEventKind.FEE, LoanEventKind.SELLER_FEE)


def first_try(position: Position) -> Try | None:
    """The first automatic payment of what falls due next."""
    if position.status is not LoanStatus.ACTIVE or position.next_due is None:
        return None
    return Try(position.next_due, 0)


def waiting_try(state: LoanState) -> Try | None:
    """The automatic payment that waits."""
    standing = state.standing
    if standing is None or not standing.try_day:
        return None
    return Try(date.fromordinal(standing.try_day), standing.try_no)


def tried_next(state: LoanState, position: Position) -> Try | None:
    """The next automatic payment: the one that waits while something is due, else a new first."""
    waiting = waiting_try(state) if position.due_total else None
    return waiting or first_try(position)


def kept(
    state: LoanState, position: Position, *events: LoanEvent, following: Try | None = None,
    bucket: int | None = None, told_day: int | None = None,
) -> Kept:  # fmt: skip
    """The loan as it is now, with its new events.

    Args:
        following: the next automatic payment; by itself the one that waits, or the next due date's.
        bucket: the expected loss that is provided for now (see `loss_bucket`).
        told_day: the ordinal of the due date of which the borrower is told now.
    """
    over = position.status is not LoanStatus.ACTIVE
    loan = replace(
        state.loan,
        status=position.status,
        accrued_day=state.day.isoformat(),
        steps=state.loan.steps + len(events),
        closed_ms=(state.loan.closed_ms or state.now_ms) if over else 0,
    )
    if over:
        gone = (state.standing, LoanPlan(loan.loan_id, b"", b"")) if state.standing else ()
        return Kept((loan, *events), gone)
    contract, before = state.contract, state.standing
    standing = standing_of(
        loan, contract, position, (state.wallet.book, state.wallet.id),
        following or tried_next(state, position),
        (before.bucket if before else 0) if bucket is None else bucket,
        (before.told_day if before else 0) if told_day is None else told_day,
        provided=bucket is not None,
    )  # fmt: skip
    rows: list[Row] = [loan, standing]
    if (
        before is None
        or before.exact != standing.exact
        or (before.terms_id != standing.terms_id)
        or any(_changes_plan(event) or event.day < state.day.isoformat() for event in events)
    ):
        rows += [plan_of(loan, position), terms_row(contract.product)]
    return Kept((*rows, *events), (), collection(standing.try_ms))


def loan_event(
    state: LoanState, kind: LoanEventKind, amount: int, detail: str, effect: Effect = Effect.LOWER,
    day: date | None = None,
) -> LoanEvent:  # fmt: skip
    """The loan's next event, on the day, or on an earlier one."""
    return LoanEvent(
        state.loan.loan_id, state.loan.steps + 1, kind, (day or state.day).isoformat(), amount,
        detail, effect, state.bank_id, state.caller, state.now_ms,
    )  # fmt: skip


def loan_happened(what: str, state: LoanState, reply: LoanDone) -> tuple[Event, ...]:
    """What others are told: `loan.<what>`."""
    return (
        event(
            f"loan.{what}",
            reply.loan_id,
            {
                "borrower_id": state.loan.borrower_id,
                "product_id": state.loan.product_id,
                "status": reply.status,
                "currency": state.loan.currency,
                "amount": reply.amount,
                "owed": reply.owed,
                "days_past_due": reply.days_past_due,
            },
        ),
    )
