"""Pay later at work: purchases become loans, loans become bills, refunds repay what they bought."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.credit.loans import decide as loan_decide
from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import (
    Contract,
    Loan,
    LoanDone,
    LoanEventKind,
    LoanStatus,
    PayLaterTerms,
    ProductTerms,
    contract_of,
)
from tallystick.credit.loans.service import loan_state, open_product, require_within_line, state_of
from tallystick.credit.loans.state import NewLoan
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.participation.service import record
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.model import (
    Bill,
    BillDone,
    CheckBill,
    IssueBill,
    PayBill,
    PayTradeLater,
)
from tallystick.credit.postings import Bucket
from tallystick.credit.schedules.terms import Effect
from tallystick.parties.model import Party
from tallystick.payments.accounts import trade_escrow, wallet
from tallystick.payments.trades.model import Refund, Trade, TradeDone, TradeStatus
from tallystick.payments.trades.service import Payer, pay_trade_by
from tallystick.pipeline.commands import SYSTEM, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import event
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["register"]

_ISSUE_HOURS: Final = 1
_CHECK_HOURS: Final = 24
_FOLLOWED: Final = frozenset(
    {"trade.refunded", "trade.closed", "trade.resolved", "trade.settled"}
)  # fmt: skip


# Buying.


def pay_trade_later(command: PayTradeLater, context: Context) -> Reply:
    """Pay an order with credit: the loan's money goes into the order's escrow."""
    product, terms = open_product(context.uow, command.product_id)
    if terms.pay_later is None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST", "This product pays no purchases.")
    later = terms.pay_later
    made: list[Loan] = []

    def fund(trade: Trade, payer: Payer) -> Payer:
        if payer.postings or trade.currency != terms.currency:
            raise Refused("INVALID_PARAMETER", "This order cannot be paid with credit.")
        loan, contract = _loan(context, command, terms, trade, payer.buyer)
        require_within_line(
            context.uow, loan.borrower_id, product.product_id, contract.principal,
            wallet(payer.buyer, terms.currency).book,
        )  # fmt: skip
        escrow = trade_escrow(trade.trade_no, trade.currency)
        purse = wallet(payer.buyer, terms.currency)
        new = NewLoan(loan, escrow, purse)
        drawn = loan_decide.draw(new, state_of(context, loan, ()))
        record(context, drawn._replace(postings=()))
        made.append(loan)
        return payer._replace(postings=drawn.postings)

    reply = pay_trade_by(command.payment, context, fund)
    assert isinstance(reply, TradeDone)
    if made:
        _bill_next(context, made[0], later)
        if reply.status is TradeStatus.SETTLED:
            _take_seller_fee(context, made[0].loan_id, reply.seller_id)
    return reply


def _loan(
    context: Context, command: PayTradeLater, terms: ProductTerms, trade: Trade, buyer: Party
) -> tuple[Loan, Contract]:
    """The loan that a purchase becomes."""
    day = loan_day(context.now_ms)
    contract = decide.purchase_contract(
        trade.amount, day, command.count, terms, seller_pays=command.seller_pays
    )
    loan = Loan(
        loan_id=dated_number(context.now_ms, context.request_key, "loan"),
        product_id=command.product_id,
        borrower_id=buyer.party_id,
        currency=terms.currency,
        status=LoanStatus.ACTIVE,
        contract=msgspec.json.encode(contract).decode(),
        trade_no=trade.trade_no,
        accrued_day=day.isoformat(),
        steps=0,
        drawn_ms=context.now_ms,
        closed_ms=0,
    )
    return loan, contract


def _take_seller_fee(context: Context, loan_id: str, seller_id: str) -> None:
    """The seller pays the buyer's fee out of what it was paid, once."""
    state = loan_state(context, loan_id)
    taken = any(e.kind is LoanEventKind.SELLER_FEE for e in state.events)
    seller = context.uow.get(Party, seller_id)
    if taken or not state.contract.seller_fee or seller is None:
        return
    purse = wallet(seller, state.loan.currency)
    record(_as(context, "seller fee"), loan_decide.take_seller_fee(state, purse))


def _as(context: Context, purpose: str) -> Context:
    """The same context for a further decision, whose transfers have ids of their own."""
    text = context.request_key + purpose.encode()
    return context._replace(request_key=hashlib.blake2b(text, digest_size=16).digest())


# Billing.


def _issue_id(borrower_id: str, product_id: str) -> str:
    return f"pay_later.issue:{product_id}:{borrower_id}"


def _bill_next(context: Context, loan: Loan, later: PayLaterTerms) -> None:
    """See that the next bill of who owes this loan will be issued."""
    timer_id = _issue_id(loan.borrower_id, loan.product_id)
    if context.uow.timer_is_set(timer_id):
        return
    day = decide.bill_day_after(loan_day(context.now_ms), later.bill_day)
    command = IssueBill(
        borrower_id=loan.borrower_id, product_id=loan.product_id, bill_day=day.isoformat()
    )
    set_timer(context.uow, timer_id, collect_ms(day, _ISSUE_HOURS), command)


def _billings(context: Context, borrower_id: str, product_id: str) -> list[decide.Billing]:
    """A person's open loans of a product, as they stand today."""
    loans = context.uow.select(Loan, borrower_id=borrower_id, product_id=product_id)
    found = []
    for loan in loans:
        if loan.status is LoanStatus.ACTIVE:
            state = loan_state(context, loan.loan_id)
            position = live(state.contract, state.events, state.day)
            found.append(decide.Billing(loan, contract_of(loan), position))
    return found


def _terms(billings: list[decide.Billing]) -> PayLaterTerms | None:
    return billings[-1].contract.product.pay_later if billings else None


def issue_bill(command: IssueBill, context: Context) -> Reply:
    """Write down what is due by the next due day, and look forward to the next bill."""
    billings = _billings(context, command.borrower_id, command.product_id)
    later = _terms(billings)
    bill_day = date.fromisoformat(command.bill_day)
    if later is None:
        return _bill_done(command.borrower_id, command.product_id, None, 0, 0)
    due = decide.due_day_after(bill_day, later.due_day)
    billed = [decide.billed_on(billing, due) for billing in billings]
    total = sum(part.total for part in billed)
    minimum = max(sum(part.minimum for part in billed), min(later.minimum_floor, total))
    bill = Bill(
        command.borrower_id, command.product_id, due.isoformat(), command.bill_day,
        billings[-1].loan.currency, total, minimum, 0, context.now_ms, 0,
    )  # fmt: skip
    _bill_next(context, billings[-1].loan, later)
    if total:
        context.uow.put(bill)
        check = CheckBill(
            borrower_id=bill.borrower_id, product_id=bill.product_id, due_day=bill.due_day
        )
        timer_id = f"pay_later.check:{bill.product_id}:{bill.borrower_id}:{bill.due_day}"
        set_timer(context.uow, timer_id, collect_ms(due, _CHECK_HOURS), check)
        context.uow.emit(event("bill.issued", bill.borrower_id, bill))
    return _bill_done(bill.borrower_id, bill.product_id, bill, 0, total)


def _bill_done(
    borrower_id: str, product_id: str, bill: Bill | None, paid: int, left: int
) -> BillDone:
    return BillDone(
        borrower_id=borrower_id,
        product_id=product_id,
        due_day=bill.due_day if bill else "",
        total=bill.total if bill else 0,
        minimum=bill.minimum if bill else 0,
        paid=paid,
        left=left,
        late_fee=bill.late_fee if bill else 0,
    )


def check_bill(command: CheckBill, context: Context) -> Reply:
    """Charge the late fee when less than the minimum was paid by the due day."""
    bill = context.uow.get(Bill, command.borrower_id, command.product_id, command.due_day)
    if bill is None or bill.checked_ms:
        raise Refused("INVALID_PARAMETER", "There is no such bill to check.")
    billings = _billings(context, bill.borrower_id, bill.product_id)
    left = 0
    for billing in billings:
        due = billing.position.due
        left += sum(due.values()) - due[Bucket.PENALTY]
    later = _terms(billings)
    fee = later.late_fee if later and bill.total - left < bill.minimum else 0
    bill = replace(bill, checked_ms=context.now_ms, late_fee=fee)
    context.uow.put(bill)
    if fee:
        oldest = max(billings, key=lambda b: b.position.days_past_due)
        one = _as(context, "late fee")
        record(one, loan_decide.charge_fee(loan_state(one, oldest.loan.loan_id), fee))
    return _bill_done(bill.borrower_id, bill.product_id, bill, bill.total - left, left + fee)


def pay_bill(command: PayBill, context: Context) -> Reply:
    """Pay what is billed and left, from the wallet or by a bank."""
    caller = context.caller
    by_person = caller.kind is CallerKind.PARTY
    if by_person and (caller.id != command.borrower_id or command.source.bank_id):
        raise Refused("NOT_PERMITTED", "A person pays their own bills, from their wallet.")
    billings = _billings(context, command.borrower_id, command.product_id)
    later = _terms(billings)
    if later is None:
        raise Refused("LOAN_NOTHING_TO_PAY")
    today = loan_day(context.now_ms)
    due = decide.due_day_after(decide.last_bill_day(today, later.bill_day), later.due_day)
    parts = decide.spread(billings, due, command.amount)
    if not parts:
        raise Refused("LOAN_NOTHING_TO_PAY")
    paid = 0
    for part in parts:
        one = _as(context, part.billing.loan.loan_id)
        state = loan_state(one, part.billing.loan.loan_id, command.source.bank_id)
        effect = Effect.LOWER
        done = record(one, loan_decide.pay(state, part.amount, part.mode, effect))
        assert isinstance(done, LoanDone)
        paid += done.amount
    left = sum(decide.billed_on(b, due).total for b in billings) - paid
    bill = context.uow.get(Bill, command.borrower_id, command.product_id, due.isoformat())
    return _bill_done(command.borrower_id, command.product_id, bill, paid, left)


# Following trades.


def follow_trade(uow: UnitOfWork, happened: Event) -> None:
    """What happens to a financed purchase happens to its loan, in the same transaction."""
    if happened.topic not in _FOLLOWED:
        return
    loans = uow.select(Loan, trade_no=happened.subject)
    if not loans:
        return
    trade = uow.get(Trade, happened.subject)
    assert trade is not None, happened.subject
    key = hashlib.blake2b(
        f"{happened.topic}\0{happened.subject}\0{uow.now_ms}".encode(), digest_size=16
    ).digest()
    context = Context(uow, SYSTEM, key, uow.now_ms)
    for loan in loans:
        if trade.settled_ms:
            _take_seller_fee(context, loan.loan_id, trade.seller_id)
        _refund(context, loan.loan_id, trade)


def _refund(context: Context, loan_id: str, trade: Trade) -> None:
    """Refunds of the trade that have not repaid its loan yet do so, from the buyer's wallet."""
    state = loan_state(context, loan_id)
    known = {e.detail for e in state.events if e.kind is LoanEventKind.REFUND}
    for refund in context.uow.select(Refund, trade_no=trade.trade_no):
        state = loan_state(context, loan_id)
        if refund.out_request_no in known or state.loan.status is not LoanStatus.ACTIVE:
            continue
        decision = loan_decide.refund(state, refund.amount, refund.out_request_no)
        record(_as(context, f"refund:{refund.out_request_no}"), decision)


def register(registry: Registry) -> None:
    """Declare the pay-later commands, and follow the trades that they pay."""
    registry.add(PayTradeLater, pay_trade_later, reply=TradeDone, scope="payments:write")
    registry.add(IssueBill, issue_bill, reply=BillDone, scope="system")
    registry.add(CheckBill, check_bill, reply=BillDone, scope="system")
    registry.add(PayBill, pay_bill, reply=BillDone, scope="wallet:write")
    registry.subscribe("trade.", follow_trade)
