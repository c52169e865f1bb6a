"""Loading a loan: its row, its events, and the accounts around it."""

from __future__ import annotations

from datetime import date

from tallystick.credit.loans.model import Loan, LoanEvent, LoanStanding
from tallystick.credit.loans.state import LoanState
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.postings import LoanBooks
from tallystick.ledger.chart import LOAN_ALLOWANCE
from tallystick.ledger.statements import available_of
from tallystick.parties.model import Party
from tallystick.payments.accounts import bank_reserve, wallet
from tallystick.payments.banks.directory import BANKS
from tallystick.pipeline.commands import Context
from tallystick.pipeline.refusals import Refused

__all__ = ["loan_state", "state_of"]


def state_of(
    context: Context, loan: Loan, events: tuple[LoanEvent, ...], bank_id: str = ""
) -> LoanState:
    """A loan's row and events with the accounts around them."""
    uow = context.uow
    borrower = uow.get(Party, loan.borrower_id)
    assert borrower is not None, loan.borrower_id
    purse = wallet(borrower, loan.currency)
    held = uow.books.account(purse.id)
    allowance = uow.books.account(LoanBooks(loan.loan_id, purse.book).account(LOAN_ALLOWANCE).id)
    if bank_id and bank_id not in BANKS:
        raise Refused("BANK_NOT_EXIST")
    standing = uow.get(LoanStanding, loan.loan_id)
    booked = date.fromisoformat(loan.accrued_day)
    if standing is not None:
        booked = max(booked, date.fromordinal(standing.accrued_day))
    return LoanState(
        loan=loan,
        events=events,
        standing=standing,
        day=max(loan_day(context.now_ms), booked),
        now_ms=context.now_ms,
        caller=f"{context.caller.kind}:{context.caller.id}",
        wallet=purse,
        available=0 if held is None else available_of(held),
        allowance=0 if allowance is None else allowance.credits_posted - allowance.debits_posted,
        bank=bank_reserve(bank_id, loan.currency) if bank_id else None,
        bank_id=bank_id,
    )


def loan_state(context: Context, loan_id: str, bank_id: str = "") -> LoanState:
    """A loan with all that decisions about it look at.

    Raises:
        Refused: LOAN_NOT_EXIST.
    """
    loan = context.uow.get(Loan, loan_id)
    if loan is None:
        raise Refused("LOAN_NOT_EXIST")
    events = tuple(context.uow.select(LoanEvent, loan_id=loan_id))
    return state_of(context, loan, events, bank_id)
