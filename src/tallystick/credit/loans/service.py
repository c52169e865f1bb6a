"""Loan commands at work: load what a decision needs, decide, record."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal

import msgspec

from tallystick.credit.inquiries.exposure import require_within_limit
from tallystick.credit.loans import changing, closing, decide, reversing
from tallystick.credit.loans.days import service as days
from tallystick.credit.loans.loading import loan_state, state_of
from tallystick.credit.loans.model import (
    ChangeLoanRate,
    ChargeOffLoan,
    CollectLoan,
    Contract,
    CreditLine,
    DefineLoanProduct,
    DrawLoan,
    DrawMore,
    GrantCreditLine,
    LateTerms,
    LineDone,
    Loan,
    LoanDone,
    LoanProduct,
    LoanStatus,
    PayLoan,
    ProductDone,
    ProductTerms,
    ReAgeLoan,
    RescheduleLoan,
    ReverseLoanPayment,
    SellLoan,
    WaiveLoan,
)
from tallystick.credit.loans.state import NewLoan
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.service import record
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.check import COUNT_MAX, require_rate
from tallystick.credit.schedules.terms import Method, Unit
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_PRINCIPAL
from tallystick.money.amount import format_amount
from tallystick.parties.views import active_party
from tallystick.payments.accounts import wallet
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = [
    "loan_state",
    "open_product",
    "register",
    "require_within_line",
    "state_of",
]

_BILL_DAY_MAX = 28
_SINGLE_MAX = 100


def define_product(command: DefineLoanProduct, context: Context) -> Reply:
    """Keep a product's terms, once an offer can be made from them."""
    terms = command.terms
    if not command.product_id or not command.name or not terms.counts:
        raise Refused("INVALID_PARAMETER", "A product needs a number, a name and counts.")
    if terms.method in (Method.FLAT_RATE, Method.BALLOON):
        raise Refused("CREDIT_TERMS_INVALID", "method: loans of this method are quoted only.")
    if not 1 <= terms.amount_min <= terms.amount_max:
        raise Refused("CREDIT_TERMS_INVALID", "amount_min: more than 0, at most amount_max.")
    if terms.ceiling is not None:
        require_rate("ceiling", terms.ceiling)
    _require_late(terms.late)
    _require_pay_later(terms)
    for count in terms.counts:
        day = loan_day(context.now_ms)
        offer = Contract(principal=terms.amount_max, start=day, count=count, product=terms)
        decide.require_offer(offer)
    text = msgspec.json.encode(terms).decode()
    context.uow.put(
        LoanProduct(command.product_id, command.name, text, command.is_open, context.now_ms)
    )
    days.start_closing(context)
    return ProductDone(product_id=command.product_id, is_open=command.is_open)


def _require_late(late: LateTerms) -> None:
    if sorted(late.order) != sorted(Bucket):
        raise Refused("CREDIT_TERMS_INVALID", f"order: each of {', '.join(Bucket)} once.")
    hours = late.retry_hours
    if not hours or hours[0] < 0 or any(a >= b for a, b in itertools.pairwise(hours)):
        raise Refused(
            "CREDIT_TERMS_INVALID", "retry_hours: from 0 on, at least one, each after the other."
        )
    require_rate("penalty_rate", late.penalty_rate)
    for since, rate in late.expected_loss:
        _require_part("expected_loss", rate)
        _require_not_negative("expected_loss", since)
    for field in ("late_fee", "grace_days", "notice_days"):
        _require_not_negative(field, getattr(late, field))


def _require_part(field: str, rate: Decimal) -> None:
    require_rate(field, rate)
    if rate > 1:
        raise Refused("CREDIT_TERMS_INVALID", f"{field}: at most 1.")


def _require_not_negative(field: str, number: int) -> None:
    if number < 0:
        raise Refused("CREDIT_TERMS_INVALID", f"{field}: not less than 0.")


def _require_pay_later(terms: ProductTerms) -> None:
    later = terms.pay_later
    if later is None:
        return
    if terms.annual_rate or terms.every != (1, Unit.MONTH):
        raise Refused("CREDIT_TERMS_INVALID", "pay_later: bears no interest before a due date.")
    if not (1 <= later.bill_day <= _BILL_DAY_MAX and 1 <= later.due_day <= _BILL_DAY_MAX):
        raise Refused("CREDIT_TERMS_INVALID", f"bill_day, due_day: 1 to {_BILL_DAY_MAX}.")
    _require_part("minimum_rate", later.minimum_rate)
    for field in ("minimum_floor", "late_fee", "notice_days"):
        _require_not_negative(field, getattr(later, field))
    for count, rate in later.instalment_fees:
        _require_part("instalment_fees", rate)
        if not 1 < count <= COUNT_MAX:
            raise Refused("CREDIT_TERMS_INVALID", f"instalment_fees: 2 to {COUNT_MAX} payments.")


def grant_line(command: GrantCreditLine, context: Context) -> Reply:
    """Let a borrower owe so much of a product."""
    if command.amount < 0:
        raise Refused("INVALID_AMOUNT")
    active_party(context.uow, command.borrower_id)
    _product(context.uow, command.product_id)
    context.uow.put(
        CreditLine(command.borrower_id, command.product_id, command.amount, context.now_ms)
    )
    return LineDone(
        borrower_id=command.borrower_id, product_id=command.product_id, amount=command.amount
    )


def _product(uow: UnitOfWork, product_id: str) -> LoanProduct:
    product = uow.get(LoanProduct, product_id)
    if product is None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    return product


def open_product(uow: UnitOfWork, product_id: str) -> tuple[LoanProduct, ProductTerms]:
    """A product that may be drawn, with its terms.

    Raises:
        Refused: CREDIT_PRODUCT_NOT_EXIST.
    """
    product = _product(uow, product_id)
    if not product.is_open:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    return product, decode_json(product.terms, ProductTerms)


def _only_borrower(context: Context, borrower_id: str) -> None:
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != borrower_id:
        raise Refused("NOT_PERMITTED", "This loan belongs to somebody else.")


def require_within_line(
    uow: UnitOfWork, borrower_id: str, product_id: str, amount: int, book: int
) -> None:
    """See that a borrower may still draw so much; what is used is the loans' principal.

    Raises:
        Refused: CREDIT_LINE_EXCEEDED; CREDIT_LIMIT_EXCEEDED over all products.
    """
    line = uow.get(CreditLine, borrower_id, product_id)
    used = 0
    for loan in uow.select(Loan, borrower_id=borrower_id, product_id=product_id):
        account = uow.books.account(AccountRef(LOAN_PRINCIPAL, loan.loan_id, book).id)
        used += 0 if account is None else account.debits_posted - account.credits_posted
    if line is None or used + amount > line.amount:
        raise Refused("CREDIT_LINE_EXCEEDED")
    require_within_limit(uow, borrower_id, amount, book)


def draw_loan(
    command: DrawLoan, context: Context, fund: Callable[[Loan], None] | None = None
) -> Reply:
    """Draw a loan into the borrower's wallet.

    Args:
        fund: says, before its money moves, who funds it with the platform.
    """
    uow = context.uow
    _only_borrower(context, command.borrower_id)
    product, terms = open_product(uow, command.product_id)
    if terms.pay_later is not None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST", "This product pays purchases only.")
    if command.count not in terms.counts:
        raise Refused("CREDIT_TERMS_INVALID", f"count: one of {terms.counts}.")
    if not terms.amount_min <= command.amount <= terms.amount_max:
        low, high = (format_amount(a, terms.currency) for a in (terms.amount_min, terms.amount_max))
        raise Refused("INVALID_AMOUNT", f"Between {low} and {high}.")
    borrower = active_party(uow, command.borrower_id)
    purse = wallet(borrower, terms.currency)
    require_within_line(
        uow, command.borrower_id, command.product_id, command.amount, purse.book
    )  # fmt: skip
    day = loan_day(context.now_ms)
    contract = Contract(principal=command.amount, start=day, count=command.count, product=terms)
    loan = Loan(
        loan_id=dated_number(context.now_ms, context.request_key, "loan"),
        product_id=product.product_id,
        borrower_id=command.borrower_id,
        currency=terms.currency,
        status=LoanStatus.ACTIVE,
        contract=msgspec.json.encode(contract).decode(),
        trade_no="",
        accrued_day=day.isoformat(),
        steps=0,
        drawn_ms=context.now_ms,
        closed_ms=0,
    )
    if fund is not None:
        fund(loan)
    state = state_of(context, loan, ())
    return record(context, decide.draw(NewLoan(loan, purse, purse), state))


def pay_loan(command: PayLoan, context: Context) -> Reply:
    """Pay a loan, from the borrower's wallet or by a bank."""
    state = loan_state(context, command.loan_id, command.source.bank_id)
    _only_borrower(context, state.loan.borrower_id)
    if command.source.bank_id and context.caller.kind is CallerKind.PARTY:
        raise Refused("NOT_PERMITTED", "That a bank has paid is told by the bank.")
    return record(context, decide.pay(state, command.amount, command.mode, command.effect))


def collect_loan(command: CollectLoan, context: Context) -> Reply:
    """The timer's command: what is due, as far as the wallet goes."""
    return record(context, decide.collect(loan_state(context, command.loan_id), command))


def reverse_payment(command: ReverseLoanPayment, context: Context) -> Reply:
    """Take a payment back."""
    state = loan_state(context, command.loan_id)
    payment = next((e for e in state.events if e.step == command.step), None)
    if payment is not None and payment.source:
        state = loan_state(context, command.loan_id, payment.source)
    return record(context, reversing.reverse(state, command.step))


def waive_loan(command: WaiveLoan, context: Context) -> Reply:
    """Forgive what is owed."""
    state = loan_state(context, command.loan_id)
    return record(context, decide.waive(state, command.bucket, command.amount))


def charge_off_loan(command: ChargeOffLoan, context: Context) -> Reply:
    """Write a loan off."""
    return record(context, closing.charge_off(loan_state(context, command.loan_id)))


def draw_more(command: DrawMore, context: Context) -> Reply:
    """Draw a further part of a loan, within the borrower's line."""
    state = loan_state(context, command.loan_id)
    loan = state.loan
    _only_borrower(context, loan.borrower_id)
    require_within_line(
        context.uow, loan.borrower_id, loan.product_id, command.amount, state.wallet.book
    )
    return record(context, changing.draw_more(state, command.amount))


def change_rate(command: ChangeLoanRate, context: Context) -> Reply:
    """Have another rate hold."""
    state = loan_state(context, command.loan_id)
    return record(context, changing.change_rate(state, command.annual_rate))


def reschedule(command: RescheduleLoan, context: Context) -> Reply:
    """Repay what is left by other dates."""
    return record(context, changing.reschedule(loan_state(context, command.loan_id), command.dates))


def re_age(command: ReAgeLoan, context: Context) -> Reply:
    """Put what is overdue back to what is to come."""
    return record(context, changing.re_age(loan_state(context, command.loan_id), command.dates))


def sell_loan(command: SellLoan, context: Context) -> Reply:
    """Sell a loan."""
    if not command.bank_id:
        raise Refused("BANK_NOT_EXIST")
    state = loan_state(context, command.loan_id, command.bank_id)
    return record(context, changing.sell(state, command.buyer, command.price))


def register(registry: Registry) -> None:
    """Declare the loan commands."""
    write = "credit:write"
    registry.add(DefineLoanProduct, define_product, reply=ProductDone, scope=write)
    registry.add(GrantCreditLine, grant_line, reply=LineDone, scope=write)
    registry.add(DrawLoan, draw_loan, reply=LoanDone, scope="wallet:write")
    registry.add(PayLoan, pay_loan, reply=LoanDone, scope="wallet:write")
    registry.add(CollectLoan, collect_loan, reply=LoanDone, scope="system")
    registry.add(ReverseLoanPayment, reverse_payment, reply=LoanDone, scope=write)
    registry.add(WaiveLoan, waive_loan, reply=LoanDone, scope=write)
    registry.add(ChargeOffLoan, charge_off_loan, reply=LoanDone, scope=write)
    registry.add(DrawMore, draw_more, reply=LoanDone, scope="wallet:write")
    registry.add(ChangeLoanRate, change_rate, reply=LoanDone, scope=write)
    registry.add(RescheduleLoan, reschedule, reply=LoanDone, scope=write)
    registry.add(ReAgeLoan, re_age, reply=LoanDone, scope=write)
    registry.add(SellLoan, sell_loan, reply=LoanDone, scope=write)
    days.register(registry)
