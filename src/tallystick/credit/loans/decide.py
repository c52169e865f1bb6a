"""What drawing, paying and forgiving do: pure functions from a loan and a command to a decision.

An event posts what it moved, which is the difference between the loan without it and with it.
"""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from tallystick.credit.loans.life import Position
from tallystick.credit.loans.model import (
    CollectLoan,
    Contract,
    LoanEventKind,
    LoanStatus,
    PaymentMode,
    terms_of,
)
from tallystick.credit.loans.standing import Try
from tallystick.credit.loans.state import (
    LoanState,
    NewLoan,
    accrued,
    caught_up_to_day,
    first_try,
    kept,
    loan_done,
    loan_event,
    loan_happened,
    position_of,
)
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.check import require_terms
from tallystick.credit.schedules.offer import require_below_ceiling
from tallystick.credit.schedules.quote import Ceiling
from tallystick.credit.schedules.terms import Effect
from tallystick.credit.schedules.walk import schedule_of
from tallystick.pipeline.decisions import AccountRef, Decision, Posting
from tallystick.pipeline.refusals import Refused

__all__ = [
    "charge_fee", "collect", "draw", "pay", "refund", "require_offer", "returned",
    "take_seller_fee", "waive",
]  # fmt: skip


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
    position = position_of(state)
    fees = sum(fee.amount for fee in position.schedule.fees)
    reply = loan_done(state, loan, position, amount=state.contract.principal)
    postings = (
        books.posting("drawdown", state.contract.principal, payee=new.payee),
        books.posting(
            "upfront_fee", fees, source=new.borrower, refused_as="BORROWER_BALANCE_NOT_ENOUGH"
        ),
    )
    return kept(state, position).decision(reply, postings, loan_happened("drawn", state, reply))


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
    if position.status is LoanStatus.SOLD:
        raise Refused("LOAN_STATE_REFUSED", "This loan was sold.")
    if position.status is LoanStatus.CHARGED_OFF:
        return position.owed_total - position.recovered
    if mode is PaymentMode.DUE:
        return position.due_total
    if mode is PaymentMode.NEXT:
        return position.due_total + max(0, position.next_payment - position.advance)
    return position.payoff


def pay(
    state: LoanState, amount: int, mode: PaymentMode, effect: Effect,
    kind: LoanEventKind = LoanEventKind.PAYMENT, detail: str = "", following: Try | None = None,
) -> Decision:  # fmt: skip
    """Pay what is owed; 0 pays all that the mode is for.

    Args:
        following: the next automatic payment when this one leaves something due.
    """
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    most = _payable(before, mode)
    if amount < 0:
        raise Refused("INVALID_AMOUNT", "The amount must not be negative.")
    taken = min(amount, most) if amount else most
    if taken <= 0:
        raise Refused("LOAN_NOTHING_TO_PAY")
    rest = amount - taken if amount else 0
    paid = loan_event(state, kind, taken, detail or mode.value, effect)
    after = position_of(state, paid)
    books = state.books
    reply = loan_done(
        state, state.loan, after, step=paid.step, amount=taken, returned=rest,
        paid=after.allocated.get(paid.step),
    )  # fmt: skip
    postings = (
        *caught_up.postings,
        *accrued(books, before, after),
        *_payment_postings(state, after, paid.step, taken),
        *returned(state, rest),
    )
    following = following if after.due_total else None
    now = kept(state, after, paid, following=following)
    return now.decision(reply, postings, loan_happened("paid", state, reply))


def returned(state: LoanState, rest: int) -> tuple[Posting, ...]:
    """What a bank sent too much goes to the wallet; from a wallet it is not taken."""
    if state.bank is None:
        return ()
    return (state.books.posting("returned", rest, source=state.bank, payee=state.wallet),)


def refund(state: LoanState, amount: int, out_request_no: str) -> Decision:
    """Money of a returned purchase pays the loan that bought it; the rest stays in the wallet."""
    return pay(state, amount, PaymentMode.EARLY, Effect.LOWER, LoanEventKind.REFUND, out_request_no)


def charge_fee(state: LoanState, amount: int) -> Decision:
    """A fee that is due at once."""
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    fee = loan_event(state, LoanEventKind.FEE, amount, "")
    after = position_of(state, fee)
    reply = loan_done(state, state.loan, after, step=fee.step, amount=amount)
    postings = (*caught_up.postings, *accrued(state.books, before, after))
    happened = loan_happened("fee_charged", state, reply)
    return kept(state, after, fee).decision(reply, postings, happened)


def take_seller_fee(state: LoanState, seller: AccountRef, available: int) -> Decision:
    """The seller pays the fee of the buyer's instalments, once it has been paid itself.

    As far as its wallet goes: what a refund or a split has left it must not keep a trade open.
    """
    amount = min(state.contract.seller_fee, max(0, available))
    caught_up = caught_up_to_day(state)
    fee = loan_event(state, LoanEventKind.SELLER_FEE, amount, "")
    reply = loan_done(state, state.loan, caught_up.position, step=fee.step, amount=amount)
    posting = state.books.posting(
        "upfront_fee", amount, source=seller, refused_as="SELLER_BALANCE_NOT_ENOUGH"
    )
    return kept(state, caught_up.position, fee).decision(reply, (*caught_up.postings, posting))


def collect(state: LoanState, command: CollectLoan) -> Decision:
    """Pay what is due from the wallet, as far as it goes; try again later for the rest."""
    caught_up = caught_up_to_day(state)
    position = caught_up.position
    following = _tries_again(state, command)
    if following is None and state.standing is not None:
        # The ladder ends here: what waits is tried no more.
        state = state._replace(standing=replace(state.standing, try_day=0))
    amount = min(state.available, position.due_total)
    if position.status is LoanStatus.ACTIVE and amount > 0:
        return pay(state, amount, PaymentMode.DUE, Effect.LOWER, following=following)
    following = (following if position.due_total else None) or first_try(position)
    reply = loan_done(state, state.loan, position)
    return kept(state, position, following=following).decision(reply, caught_up.postings)


def _tries_again(state: LoanState, command: CollectLoan) -> Try | None:
    """The next step of the ladder; None when it ends."""
    number = command.attempt + 1
    if number >= len(state.contract.product.late.retry_hours):
        return None
    return Try(date.fromisoformat(command.due_day), number)


# Changing what is owed.


def waive(state: LoanState, bucket: Bucket, amount: int) -> Decision:
    """Forgive a part of what fell due."""
    if bucket is Bucket.PRINCIPAL:
        raise Refused("INVALID_PARAMETER", "Principal is written off, not waived.")
    caught_up = caught_up_to_day(state)
    before = caught_up.position
    if before.status in (LoanStatus.CHARGED_OFF, LoanStatus.SOLD):
        raise Refused("LOAN_STATE_REFUSED")
    if not 0 < amount <= before.due[bucket]:
        raise Refused("INVALID_AMOUNT", f"Between nothing and {before.due[bucket]} is due.")
    waived = loan_event(state, LoanEventKind.WAIVER, amount, bucket.value)
    after = position_of(state, waived)
    reply = loan_done(state, state.loan, after, step=waived.step, amount=amount)
    postings = (*caught_up.postings, state.books.posting("waiver", amount, bucket=bucket))
    happened = loan_happened("waived", state, reply)
    return kept(state, after, waived).decision(reply, postings, happened)
