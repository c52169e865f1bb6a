"""What can be seen of pay later: bills, what is left of them, and what a purchase would cost."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import (
    CreditLine,
    Loan,
    LoanEvent,
    LoanProduct,
    LoanStanding,
    LoanStatus,
    PayLaterTerms,
    ProductTerms,
    contract_of,
    terms_of,
)
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.model import Bill
from tallystick.credit.postings import LoanBooks
from tallystick.credit.schedules.walk import schedule_of
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_PRINCIPAL
from tallystick.payments.accounts import platform_book
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["LaterLine", "LaterOffer", "bills_of", "later_line", "left_to_pay", "offers_of"]

_BILLS_MAX = 120


class LaterOffer(NamedTuple):
    """One way to pay a purchase later; amounts in minor units.

    Args:
        payments: 1 for the next bill, else the number of instalments.
        payment: what the first due date takes; `fee` is all fees together.
    """

    payments: int
    first_due: date
    payment: int
    fee: int


class LaterLine(NamedTuple):
    """A person's line: how much of it is left, in minor units."""

    amount: int
    left: int
    terms: ProductTerms


def bills_of(rows: ReadSession, borrower_id: str, product_id: str) -> list[Bill]:
    """A person's bills of a product, newest first; ten years of them at most."""
    return rows.query(
        Bill,
        "WHERE borrower_id = ? AND product_id = ? ORDER BY due_day DESC LIMIT ?",
        (borrower_id, product_id, _BILLS_MAX),
    )


def _loans(rows: ReadSession, borrower_id: str, product_id: str) -> list[Loan]:
    return rows.query(
        Loan, "WHERE borrower_id = ? AND product_id = ? AND status = ?",
        (borrower_id, product_id, LoanStatus.ACTIVE.value),
    )  # fmt: skip


def later_line(
    rows: ReadSession, ledger: SqlLedgerReader, borrower_id: str, product_id: str
) -> LaterLine | None:
    """A person's line of a product that pays purchases; None when there is none."""
    product, line = rows.get(LoanProduct, product_id), rows.get(CreditLine, borrower_id, product_id)
    if product is None or line is None or not product.is_open or not line.amount:
        return None
    terms = decode_json(product.terms, ProductTerms)
    book = platform_book(terms.currency)
    loans = _loans(rows, borrower_id, product_id)
    ids = [LoanBooks(loan.loan_id, book).account(LOAN_PRINCIPAL).id for loan in loans]
    used = sum(a.debits_posted - a.credits_posted for a in ledger.accounts(ids))
    return LaterLine(line.amount, max(0, line.amount - used), terms)


def offers_of(line: LaterLine, amount: int, currency: str, day: date) -> list[LaterOffer]:
    """In how many payments a purchase may be paid, with what each way costs, within the line."""
    later = line.terms.pay_later
    if later is None or currency != line.terms.currency or amount > line.left:
        return []
    offers = []
    for count in (1, *sorted(count for count, _ in later.instalment_fees)):
        contract = decide.purchase_contract(amount, day, count, line.terms, seller_pays=False)
        rows = schedule_of(terms_of(contract)).rows
        offers.append(LaterOffer(count, rows[0].day, rows[0].payment, sum(r.fee for r in rows)))
    return offers


def left_to_pay(rows: ReadSession, borrower_id: str, product_id: str, today: date) -> int:
    """What is billed or overdue and not paid, in minor units."""
    left = 0
    for loan in _loans(rows, borrower_id, product_id):
        contract, standing = contract_of(loan), rows.get(LoanStanding, loan.loan_id)
        later = contract.product.pay_later
        if later is None:
            continue
        booked = date.fromisoformat(loan.accrued_day)
        if standing is not None:
            booked = max(booked, date.fromordinal(standing.accrued_day))
        events = rows.select(LoanEvent, loan_id=loan.loan_id)
        position = live(contract, events, max(today, booked))
        billing = decide.Billing(loan, contract, position)
        left += decide.billed_on(billing, _last_due(today, later)).total
    return left


def _last_due(today: date, later: PayLaterTerms) -> date:
    return decide.due_day_after(decide.last_bill_day(today, later.bill_day), later.due_day)
