"""What loan decisions look at, and what all of them begin and end with.

Each first brings the loan up to the day (`caught_up_to_day`): what accrued, fell due and became
late since it was last looked at.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.credit.loans.life import Amounts, Position, live
from tallystick.credit.loans.line import no_line
from tallystick.credit.loans.model import (
    CollectLoan,
    Contract,
    Loan,
    LoanDone,
    LoanEvent,
    LoanEventKind,
    LoanLine,
    LoanStatus,
    contract_of,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.postings import Bucket, LoanBooks
from tallystick.credit.schedules.terms import Effect
from tallystick.pipeline.decisions import AccountRef, Posting, Timer, event
from tallystick.store.table import Row
from tallystick.store.unit_of_work import Event

__all__ = [
    "CaughtUp", "LoanState", "NewLoan", "accrued", "caught_up_to_day", "collection", "ended",
    "kept", "loan_done", "loan_event", "loan_happened", "next_collection", "position_of",
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
    line: LoanLine | None = None

    @property
    def accrued_day(self) -> date:
        """Up to the start of which day the loan is booked."""
        kept = self.loan.accrued_day
        return date.fromisoformat(max(kept, self.line.accrued_day) if self.line else kept)

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


def caught_up_to_day(state: LoanState) -> CaughtUp:
    """Bring the loan from the day up to which it is booked to today."""
    before = live(state.contract, state.events, state.accrued_day)
    after = position_of(state)
    books, used = state.books, []
    for bucket in Bucket:
        grown = after.charged[bucket] - before.charged[bucket]
        part = grown - (after.left[bucket] - before.left[bucket])
        used.append(books.posting("advance_used", part, bucket=bucket))
    return CaughtUp(after, (*accrued(books, before, after), *used))


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
        due=0 if position.status is LoanStatus.CHARGED_OFF else position.due_total,
        owed=position.owed_total,
        days_past_due=position.days_past_due,
        paid={bucket.value: part for bucket, part in (paid or {}).items() if part},
    )


def kept(state: LoanState, position: Position, *events: LoanEvent) -> tuple[Row, ...]:
    """The loan's row as it is now, with its new events."""
    closed = position.status is not LoanStatus.ACTIVE
    loan = replace(
        state.loan,
        status=position.status,
        accrued_day=state.day.isoformat(),
        steps=state.loan.steps + len(events),
        closed_ms=(state.loan.closed_ms or state.now_ms) if closed else 0,
    )
    return (loan, no_line(loan, state.day), *events)


def loan_event(
    state: LoanState, kind: LoanEventKind, amount: int, detail: str, effect: Effect = Effect.LOWER
) -> LoanEvent:
    """The loan's next event, on the day."""
    return LoanEvent(
        state.loan.loan_id, state.loan.steps + 1, kind, state.day.isoformat(), amount, detail,
        effect, state.bank_id, state.caller, state.now_ms,
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


def collection_id(loan_id: str) -> str:
    """The timer that collects; a loan has one at a time."""
    return f"credit.collect:{loan_id}"


def next_collection(state: LoanState, position: Position) -> tuple[Timer, ...]:
    """The first try on the next due date."""
    if position.status is not LoanStatus.ACTIVE or position.next_due is None:
        return ()
    return (collection(state, position.next_due, 0),)


def collection(state: LoanState, due: date, attempt: int) -> Timer:
    """The timer of one try to collect what falls due; `attempt` counts from 0."""
    hours = state.contract.product.late.retry_hours[attempt]
    command = CollectLoan(loan_id=state.loan.loan_id, due_day=due.isoformat(), attempt=attempt)
    return Timer(collection_id(state.loan.loan_id), collect_ms(due, hours), command)


def ended(state: LoanState, position: Position) -> tuple[str, ...]:
    """The timers that a loan which is over needs no more."""
    over = position.status is not LoanStatus.ACTIVE
    return (collection_id(state.loan.loan_id),) if over else ()
