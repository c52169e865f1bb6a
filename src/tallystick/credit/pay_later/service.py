"""Pay later at work: purchases become loans, loans become bills, refunds repay what they bought."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.joint.days import look_for_buy_back
from tallystick.credit.joint.service import fund_purchase
from tallystick.credit.loans import decide as loan_decide
from tallystick.credit.loans.decide import returned
from tallystick.credit.loans.model import (
    Contract,
    Loan,
    LoanDone,
    LoanEventKind,
    LoanStatus,
    PayLaterTerms,
    ProductTerms,
)
from tallystick.credit.loans.service import loan_state, open_product, require_within_line, state_of
from tallystick.credit.loans.state import NewLoan, position_of
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.service import record, share_postings
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.days import close_bills, follow_days
from tallystick.credit.pay_later.loading import billings_of
from tallystick.credit.pay_later.model import (
    Bill,
    BillCycle,
    BillDone,
    BillsClosed,
    CheckBill,
    CloseBills,
    IssueBill,
    PayBill,
    PayTradeLater,
)
from tallystick.credit.schedules.terms import Effect
from tallystick.ledger.statements import available_of
from tallystick.parties.model import Party
from tallystick.payments.accounts import trade_escrow, wallet
from tallystick.payments.trades.model import Refund, Trade, TradeDone, TradeStatus
from tallystick.payments.trades.service import Payer, pay_trade_by
from tallystick.pipeline.commands import SYSTEM, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Posting
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["register"]

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
    made: list[_Bought] = []

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
        several = fund_purchase(context, loan, contract, payer.buyer)
        made.append(_Bought(loan, drawn.postings if several else ()))
        return payer._replace(postings=drawn.postings)

    reply = pay_trade_by(command.payment, context, fund)
    assert isinstance(reply, TradeDone)
    for loan, shared in made:
        if shared:
            share_postings(context, shared)
            look_for_buy_back(context, loan.loan_id)
        _bill_next(context, loan, later)
        if reply.status is TradeStatus.SETTLED:
            _take_seller_fee(context, loan.loan_id, reply.seller_id)
    return reply


class _Bought(NamedTuple):
    """The loan of a purchase, and the postings of its drawdown where several fund it."""

    loan: Loan
    shared: tuple[Posting, ...]


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
    held = context.uow.books.account(purse.id)
    available = 0 if held is None else available_of(held)
    decision = loan_decide.take_seller_fee(state, purse, available)
    record(_as(context, "seller fee"), decision)


def _as(context: Context, purpose: str) -> Context:
    """The same context for a further decision, whose transfers have ids of their own."""
    text = context.request_key + purpose.encode()
    return context._replace(request_key=hashlib.blake2b(text, digest_size=16).digest())


# Billing.


def _bill_next(context: Context, loan: Loan, later: PayLaterTerms) -> None:
    """See that the next bill of who owes this loan will be issued."""
    uow = context.uow
    if uow.get(BillCycle, loan.borrower_id, loan.product_id) is None:
        day = decide.bill_day_after(loan_day(context.now_ms), later.bill_day)
        uow.put(BillCycle(loan.borrower_id, loan.product_id, day.isoformat()))


def _terms(billings: list[decide.Billing]) -> PayLaterTerms | None:
    return billings[-1].contract.product.pay_later if billings else None


def issue_bill(command: IssueBill, context: Context) -> Reply:
    """A timer of an earlier version: from here on the borrower is billed by the day."""
    uow = context.uow
    if uow.get(BillCycle, command.borrower_id, command.product_id) is None:
        uow.put(BillCycle(command.borrower_id, command.product_id, command.bill_day))
    return _bill_done(command.borrower_id, command.product_id, None, 0, 0)


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


def check_bill(command: CheckBill, _: Context) -> Reply:
    """A timer of an earlier version: the bill is checked by the day."""
    return _bill_done(command.borrower_id, command.product_id, None, 0, 0)


def pay_bill(command: PayBill, context: Context) -> Reply:
    """Pay what is billed and left, from the wallet or by a bank."""
    caller = context.caller
    by_person = caller.kind is CallerKind.PARTY
    if by_person and (caller.id != command.borrower_id or command.source.bank_id):
        raise Refused("NOT_PERMITTED", "A person pays their own bills, from their wallet.")
    billings = billings_of(context, command.borrower_id, command.product_id)
    later = _terms(billings)
    if later is None:
        raise Refused("LOAN_NOTHING_TO_PAY")
    today = loan_day(context.now_ms)
    due = decide.due_day_after(decide.last_bill_day(today, later.bill_day), later.due_day)
    parts = decide.spread(billings, due, command.amount)
    if not parts:
        raise Refused("LOAN_NOTHING_TO_PAY")
    paid, rest = 0, max(0, command.amount - sum(part.amount for part in parts))
    for part in parts:
        one = _as(context, part.billing.loan.loan_id)
        state = loan_state(one, part.billing.loan.loan_id, command.source.bank_id)
        decision = loan_decide.pay(state, part.amount, part.mode, Effect.LOWER)
        if rest and part is parts[-1]:
            decision = decision._replace(postings=(*decision.postings, *returned(state, rest)))
        done = record(one, decision)
        assert isinstance(done, LoanDone)
        paid += done.amount
    left = sum(decide.billed_on(b, due).total for b in billings) - paid
    bill = context.uow.get(Bill, command.borrower_id, command.product_id, due.isoformat())
    answer = _bill_done(command.borrower_id, command.product_id, bill, paid, left)
    return replace(answer, returned=rest)


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
    """What was just refunded repays the trade's loan from the buyer's wallet.

    It stays there where nothing is to be repaid: the loan is over, or what waits for its last due
    date is enough.
    """
    state = loan_state(context, loan_id)
    known = {e.detail for e in state.events if e.kind is LoanEventKind.REFUND}
    for refund in context.uow.select(Refund, trade_no=trade.trade_no):
        if refund.out_request_no in known or refund.refunded_ms != context.now_ms:
            continue
        state = loan_state(context, loan_id)
        if state.loan.status is not LoanStatus.ACTIVE or position_of(state).payoff <= 0:
            continue
        decision = loan_decide.refund(state, refund.amount, refund.out_request_no)
        record(_as(context, f"refund:{refund.out_request_no}"), decision)


def register(registry: Registry) -> None:
    """Declare the pay-later commands, and follow the trades that they pay."""
    registry.add(PayTradeLater, pay_trade_later, reply=TradeDone, scope="payments:write")
    registry.add(IssueBill, issue_bill, reply=BillDone, scope="system")
    registry.add(CheckBill, check_bill, reply=BillDone, scope="system")
    registry.add(CloseBills, close_bills, reply=BillsClosed, scope="system")
    registry.add(PayBill, pay_bill, reply=BillDone, scope="wallet:write")
    registry.subscribe("trade.", follow_trade)
    registry.subscribe("credit.day_closed", follow_days)
