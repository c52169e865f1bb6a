"""What each loan command does: pure functions from a loan and a command to a decision.

Each first brings the loan up to the day (`caught_up`): what accrued, fell due and became late
since it was last looked at. An event then posts what it moved, which is the difference between
the loan without it and with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.credit.loans.life import Amounts, Position, live
from tallystick.credit.loans.line import interest_between, line_of, no_line
from tallystick.credit.loans.model import (
    CollectLoan,
    Contract,
    Loan,
    LoanDone,
    LoanEvent,
    LoanEventKind,
    LoanLine,
    LoanStatus,
    PaymentMode,
    contract_of,
    terms_of,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.postings import Bucket, LoanBooks
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.amortise import whole
from tallystick.credit.schedules.check import require_terms
from tallystick.credit.schedules.offer import require_below_ceiling
from tallystick.credit.schedules.quote import Ceiling
from tallystick.credit.schedules.terms import Effect
from tallystick.credit.schedules.walk import schedule_of
from tallystick.money.rate import Rounding
from tallystick.pipeline.decisions import AccountRef, Decision, Posting, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row

__all__ = [
    "Idle", "LoanState", "NewLoan", "charge_fee", "charge_off", "close_day", "close_idle",
    "collect", "draw", "pay", "refund", "require_offer", "reverse", "take_seller_fee", "waive",
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


def _position(state: LoanState, *more: LoanEvent) -> Position:
    return live(state.contract, (*state.events, *more), state.day)


class _CaughtUp(NamedTuple):
    """The loan on the day, and the postings that bring its books there."""

    position: Position
    postings: tuple[Posting, ...]


def _accrued(books: LoanBooks, before: Position, after: Position) -> list[Posting]:
    """Income that came about between two positions; forgiven income is posted by itself."""
    postings = []
    for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
        change = after.charged[bucket] - before.charged[bucket]
        assert change >= 0, (bucket, change)
        postings.append(books.posting("accrual", change, bucket=bucket))
    return postings


def _caught_up(state: LoanState) -> _CaughtUp:
    """Bring the loan from the day up to which it is booked to today."""
    before = live(state.contract, state.events, state.accrued_day)
    after = _position(state)
    books, used = state.books, []
    for bucket in Bucket:
        grown = after.charged[bucket] - before.charged[bucket]
        part = grown - (after.left[bucket] - before.left[bucket])
        used.append(books.posting("advance_used", part, bucket=bucket))
    return _CaughtUp(after, (*_accrued(books, before, after), *used))


def _done(
    state: LoanState, loan: Loan, position: Position, *, step: int = 0, amount: int = 0,
    returned: int = 0, paid: Amounts | None = None,
) -> LoanDone:  # fmt: skip
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


def _kept(state: LoanState, position: Position, *events: LoanEvent) -> tuple[Row, ...]:
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


def _event(
    state: LoanState, kind: LoanEventKind, amount: int, detail: str, effect: Effect = Effect.LOWER
) -> LoanEvent:
    return LoanEvent(
        state.loan.loan_id, state.loan.steps + 1, kind, state.day.isoformat(), amount, detail,
        effect, state.bank_id, state.caller, state.now_ms,
    )  # fmt: skip


def _happened(what: str, state: LoanState, reply: LoanDone) -> tuple[object, ...]:
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


# Drawing.


def require_offer(contract: Contract) -> None:
    """See that a contract can be offered: its terms hold, and its rate is below the ceiling.

    Raises:
        Refused: CREDIT_TERMS_INVALID, CREDIT_RATE_ABOVE_CEILING.
    """
    terms = terms_of(contract)
    require_terms(terms)
    product = contract.product
    if product.ceiling is not None:
        ceiling = Ceiling(annual_rate=product.ceiling, source=product.ceiling_source)
        require_below_ceiling(all_in_rate(cash_flows(schedule_of(terms))), ceiling)


def draw(new: NewLoan, state: LoanState) -> Decision:
    """Pay the loan out, and take the fee that is due at once from the borrower's wallet."""
    require_offer(state.contract)
    loan, books = new.loan, state.books
    position = _position(state)
    fees = sum(fee.amount for fee in position.schedule.fees)
    reply = _done(state, loan, position, amount=state.contract.principal)
    return Decision(
        reply=reply,
        rows=(loan, no_line(loan, state.day)),
        postings=(
            books.posting("drawdown", state.contract.principal, payee=new.payee),
            books.posting(
                "upfront_fee", fees, source=new.borrower,
                refused_as="BORROWER_BALANCE_NOT_ENOUGH",
            ),
        ),
        timers=_next_collection(state, position),
        events=_happened("drawn", state, reply),  # type: ignore[arg-type]
    )  # fmt: skip


def _timer_id(loan_id: str) -> str:
    return f"credit.collect:{loan_id}"


def _next_collection(state: LoanState, position: Position) -> tuple[Timer, ...]:
    """The first try on the next due date."""
    if position.status is not LoanStatus.ACTIVE or position.next_due is None:
        return ()
    return (_collection(state, position.next_due, 0),)


def _collection(state: LoanState, due: date, attempt: int) -> Timer:
    hours = state.contract.product.late.retry_hours[attempt]
    command = CollectLoan(loan_id=state.loan.loan_id, due_day=due.isoformat(), attempt=attempt)
    return Timer(_timer_id(state.loan.loan_id), collect_ms(due, hours), command)


# Paying.


def _payment_postings(state: LoanState, after: Position, step: int, amount: int) -> list[Posting]:
    """A payment part by part: what waited pays first, the rest comes from its source."""
    books = state.books
    if after.status is LoanStatus.CHARGED_OFF:
        return [
            books.posting(
                "recovery", amount, source=state.source,
                refused_as="BORROWER_BALANCE_NOT_ENOUGH",
            )
        ]  # fmt: skip
    brought = after.brought(step)
    postings = []
    for bucket, part in after.allocated[step].items():
        postings += [
            books.posting("advance_used", part - brought[bucket], bucket=bucket),
            books.posting(
                "payment", brought[bucket], bucket=bucket, source=state.source,
                refused_as="BORROWER_BALANCE_NOT_ENOUGH",
            ),
        ]  # fmt: skip
    postings.append(
        books.posting(
            "advance", amount - sum(brought.values()), source=state.source,
            refused_as="BORROWER_BALANCE_NOT_ENOUGH",
        )
    )  # fmt: skip
    return postings


def _payable(position: Position, mode: PaymentMode) -> int:
    """The most that can be paid."""
    if position.status is LoanStatus.CHARGED_OFF:
        return position.owed_total - position.recovered
    if mode is PaymentMode.DUE:
        return position.due_total
    if mode is PaymentMode.NEXT:
        return position.due_total + max(0, position.next_payment - position.advance)
    return position.payoff


def pay(
    state: LoanState, amount: int, mode: PaymentMode, effect: Effect,
    kind: LoanEventKind = LoanEventKind.PAYMENT, detail: str = "",
) -> Decision:  # fmt: skip
    """Pay what is owed; 0 pays all that the mode is for."""
    caught_up = _caught_up(state)
    before = caught_up.position
    most = _payable(before, mode)
    if amount < 0:
        raise Refused("INVALID_AMOUNT", "The amount must not be negative.")
    taken = min(amount, most) if amount else most
    if taken <= 0:
        raise Refused("LOAN_NOTHING_TO_PAY")
    returned = amount - taken if amount else 0
    paid = _event(state, kind, taken, detail or mode.value, effect)
    after = _position(state, paid)
    books = state.books
    reply = _done(
        state, state.loan, after, step=paid.step, amount=taken, returned=returned,
        paid=after.allocated.get(paid.step),
    )  # fmt: skip
    returning = (
        (books.posting("returned", returned, source=state.bank, payee=state.wallet),)
        if state.bank is not None
        else ()
    )
    return Decision(
        reply=reply,
        rows=_kept(state, after, paid),
        postings=(
            *caught_up.postings,
            *_accrued(books, before, after),
            *_payment_postings(state, after, paid.step, taken),
            *returning,
        ),
        timers=_next_collection(state, after) if not after.due_total else (),
        cancelled_timers=_ended(state, after),
        events=_happened("paid", state, reply),  # type: ignore[arg-type]
    )


def _ended(state: LoanState, position: Position) -> tuple[str, ...]:
    over = position.status is not LoanStatus.ACTIVE
    return (_timer_id(state.loan.loan_id),) if over else ()


def refund(state: LoanState, amount: int, out_request_no: str) -> Decision:
    """Money of a returned purchase pays the loan that bought it; the rest stays in the wallet."""
    return pay(state, amount, PaymentMode.EARLY, Effect.LOWER, LoanEventKind.REFUND, out_request_no)


def charge_fee(state: LoanState, amount: int) -> Decision:
    """A fee that is due at once."""
    caught_up = _caught_up(state)
    before = caught_up.position
    fee = _event(state, LoanEventKind.FEE, amount, "")
    after = _position(state, fee)
    reply = _done(state, state.loan, after, step=fee.step, amount=amount)
    return Decision(
        reply=reply,
        rows=_kept(state, after, fee),
        postings=(*caught_up.postings, *_accrued(state.books, before, after)),
        events=_happened("fee_charged", state, reply),  # type: ignore[arg-type]
    )


def take_seller_fee(state: LoanState, seller: AccountRef) -> Decision:
    """The seller pays the fee of the buyer's instalments, once it has been paid itself."""
    amount = state.contract.seller_fee
    caught_up = _caught_up(state)
    fee = _event(state, LoanEventKind.SELLER_FEE, amount, "")
    reply = _done(state, state.loan, caught_up.position, step=fee.step, amount=amount)
    posting = state.books.posting(
        "upfront_fee", amount, source=seller, refused_as="SELLER_BALANCE_NOT_ENOUGH"
    )
    return Decision(reply, _kept(state, caught_up.position, fee), (*caught_up.postings, posting))


def collect(state: LoanState, command: CollectLoan) -> Decision:
    """Pay what is due from the wallet, as far as it goes; try again later for the rest."""
    caught_up = _caught_up(state)
    position = caught_up.position
    if position.status is not LoanStatus.ACTIVE:
        return Decision(
            _done(state, state.loan, position),
            _kept(state, position),
            caught_up.postings,
            cancelled_timers=_ended(state, position),
        )
    amount = min(state.available, position.due_total)
    if amount > 0:
        decision = pay(state, amount, PaymentMode.DUE, Effect.LOWER)
    else:
        reply = _done(state, state.loan, position)
        decision = Decision(reply, _kept(state, position), caught_up.postings)
    assert isinstance(decision.reply, LoanDone)
    return decision._replace(timers=_tries_again(state, command, position, decision.reply.due))


def _tries_again(
    state: LoanState, command: CollectLoan, position: Position, due: int
) -> tuple[Timer, ...]:
    ladder = state.contract.product.late.retry_hours
    if due and command.attempt + 1 < len(ladder):
        return (_collection(state, date.fromisoformat(command.due_day), command.attempt + 1),)
    return _next_collection(state, position)


# Changing what is owed.


def waive(state: LoanState, bucket: Bucket, amount: int) -> Decision:
    """Forgive a part of what fell due."""
    if bucket is Bucket.PRINCIPAL:
        raise Refused("INVALID_PARAMETER", "Principal is written off, not waived.")
    caught_up = _caught_up(state)
    before = caught_up.position
    if before.status is LoanStatus.CHARGED_OFF:
        raise Refused("LOAN_STATE_REFUSED")
    if not 0 < amount <= before.due[bucket]:
        raise Refused("INVALID_AMOUNT", f"Between nothing and {before.due[bucket]} is due.")
    waived = _event(state, LoanEventKind.WAIVER, amount, bucket.value)
    after = _position(state, waived)
    reply = _done(state, state.loan, after, step=waived.step, amount=amount)
    return Decision(
        reply=reply,
        rows=_kept(state, after, waived),
        postings=(*caught_up.postings, state.books.posting("waiver", amount, bucket=bucket)),
        cancelled_timers=_ended(state, after),
        events=_happened("waived", state, reply),  # type: ignore[arg-type]
    )


def _provision(state: LoanState, wanted: int) -> Posting:
    """Bring the allowance to what is expected to be lost."""
    change = wanted - state.allowance
    name = "provision" if change >= 0 else "provision_release"
    return state.books.posting(name, abs(change))


def _expected_loss(state: LoanState, position: Position) -> int:
    """What is expected to be lost of the principal, by days past due."""
    if position.status is not LoanStatus.ACTIVE:
        return 0
    table = state.contract.product.late.expected_loss
    rate = max((r for r in table if r[0] <= position.days_past_due), default=(0, 0))[1]
    return whole(position.left[Bucket.PRINCIPAL] * Fraction(rate), Rounding.HALF_UP)


def charge_off(state: LoanState) -> Decision:
    """Write off all that is owed, out of an allowance that is filled first."""
    caught_up = _caught_up(state)
    before = caught_up.position
    if before.status is not LoanStatus.ACTIVE:
        raise Refused("LOAN_STATE_REFUSED")
    owed = before.owed_total
    off = _event(state, LoanEventKind.CHARGE_OFF, owed, "")
    after = _position(state, off)
    reply = _done(state, state.loan, after, step=off.step, amount=owed)
    losses = [
        state.books.posting("charge_off", part, bucket=bucket)
        for bucket, part in before.left.items()
    ]
    return Decision(
        reply=reply,
        rows=_kept(state, after, off),
        postings=(*caught_up.postings, _provision(state, owed), *losses),
        cancelled_timers=_ended(state, after),
        events=_happened("charged_off", state, reply),  # type: ignore[arg-type]
    )


class Idle(NamedTuple):
    """A loan on which nothing happens, by its line."""

    line: LoanLine
    book: int


def close_idle(idle: Sequence[Idle], day: date) -> tuple[list[Row], list[Posting]]:
    """Accrue many loans by their lines up to the start of a day: their rows and postings."""
    rows: list[Row] = []
    postings = []
    for line, book in idle:
        interest = interest_between(line, day)
        rows.append(replace(line, accrued_day=day.isoformat()))
        if interest:
            books = LoanBooks(line.loan_id, book)
            postings.append(books.posting("accrual", interest, bucket=Bucket.INTEREST))
    return rows, postings


def close_day(state: LoanState) -> Decision:
    """Accrue, mark late and provide up to the day."""
    caught_up = _caught_up(state)
    position = caught_up.position
    return Decision(
        reply=_done(state, state.loan, position),
        rows=(
            *_kept(state, position),
            line_of(state.loan, state.contract, position, position.accruing),
        ),
        postings=(*caught_up.postings, _provision(state, _expected_loss(state, position))),
        cancelled_timers=_ended(state, position),
    )


# Taking a payment back.


def _payment(events: Sequence[LoanEvent], step: int) -> LoanEvent:
    taken_back = {e.detail for e in events if e.kind is LoanEventKind.REVERSAL}
    found = next((e for e in events if e.step == step), None)
    if found is None or found.kind is not LoanEventKind.PAYMENT or str(step) in taken_back:
        raise Refused("LOAN_PAYMENT_NOT_EXIST")
    return found


class _Undone(NamedTuple):
    """A payment that is taken back, in what it changes: of receivables, of income, of what waits.

    Args:
        receivables: what it paid of each, and is owed again.
        income: what is earned more by each, or less.
        moved: what later payments pay less of each, or more.
        waiting: what of it waited; `advance`: what waits more now, that aside.
    """

    receivables: Amounts
    income: Amounts
    moved: Amounts
    waiting: int
    advance: int


def _undone(before: Position, after: Position, payment: LoanEvent) -> _Undone:
    receivables = before.brought(payment.step)
    income = dict.fromkeys(Bucket, 0)
    for bucket in (Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY):
        earned = after.charged[bucket] - before.charged[bucket]
        forgiven = after.waived[bucket] - before.waived[bucket]
        income[bucket] = earned - forgiven
    moved = {b: after.left[b] - before.left[b] - receivables[b] - income[b] for b in Bucket}
    waiting = payment.amount - sum(receivables.values())
    advance = after.advance - before.advance + waiting
    assert sum(moved.values()) == advance, (moved, advance)
    return _Undone(receivables, income, moved, waiting, advance)


def _undoing(state: LoanState, undone: _Undone) -> list[Posting]:
    """What is taken back as postings: first what makes more owed, then what makes less owed."""
    books, source = state.books, state.source

    def each(
        name: str, amounts: Amounts, sign: int, source: AccountRef | None = None
    ) -> list[Posting]:
        return [
            books.posting(name, sign * amount, bucket=bucket, source=source)
            for bucket, amount in amounts.items()
            if sign * amount > 0
        ]

    return [
        *each("reversal", undone.receivables, 1, source),
        *each("accrual", undone.income, 1),
        *each("reallocated_from", undone.moved, 1),
        books.posting("advance_reallocated_to", max(0, undone.advance)),
        *each("reallocated_to", undone.moved, -1),
        *each("waiver", undone.income, -1),
        books.posting("advance_reallocated_from", max(0, -undone.advance)),
        books.posting("advance_reversal", undone.waiting, source=source),
    ]


def reverse(state: LoanState, step: int) -> Decision:
    """Take a payment back and find every later day anew.

    The payment's own postings are undone; income changes by what more accrued; and what later
    payments paid is moved to where they go now.
    """
    payment = _payment(state.events, step)
    caught_up = _caught_up(state)
    before = caught_up.position
    if before.status is LoanStatus.CHARGED_OFF:
        raise Refused("LOAN_STATE_REFUSED")
    back = _event(state, LoanEventKind.REVERSAL, payment.amount, str(step))
    after = _position(state, back)
    reply = _done(state, state.loan, after, step=back.step, amount=payment.amount)
    return Decision(
        reply=reply,
        rows=_kept(state, after, back),
        postings=(
            *caught_up.postings,
            *_undoing(state, _undone(before, after, payment)),
        ),
        timers=_next_collection(state, after),
        events=_happened("payment_reversed", state, reply),  # type: ignore[arg-type]
    )
