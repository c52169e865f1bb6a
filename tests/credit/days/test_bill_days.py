"""Bills are checked, told of and issued with the end of the day, however it is cut and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.credit.test_pay_later import LATER, START, buy, empty_wallet, go_to, pay
from tests.payments.market import ALICE, APP, APP_ID, BOB, CODES, Market, as_party, market
from tests.platform_parts import Clock
from tests.stores import change

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    CloseCreditDay,
    DefineLoanProduct,
    DrawLoan,
    GrantCreditLine,
    LateTerms,
    Loan,
    LoanEvent,
    LoanStanding,
    ProductTerms,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.pay_later.model import (
    PAY_LATER,
    Bill,
    BillCycle,
    CloseBills,
    IssueBill,
    PayTradeLater,
)
from tallystick.ledger.chart import CREDIT_FEE_INCOME
from tallystick.payments.trades.model import CreateTrade, PayTrade

assert LATER.pay_later is not None
_TERMS = msgspec.structs.replace(
    LATER, pay_later=msgspec.structs.replace(LATER.pay_later, notice_days=3)
)
_DUE = "2027-03-10"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    clock = Clock(collect_ms(START, 12))
    with market(tmp_path, clock, more=(loans.register, pay_later.register)) as made:
        made.accept(DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=_TERMS))
        for borrower in (ALICE, BOB):
            made.accept(GrantCreditLine(borrower_id=borrower, product_id=PAY_LATER, amount=20_000))
        yield made


def _buy_as_bob(shop: Market, number: str, amount: int) -> None:
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea", settlement="escrow"
    )
    payment = PayTrade(app_id=APP_ID, order=order, payment_code_index=CODES[BOB])
    shop.accept(PayTradeLater(payment=payment, product_id=PAY_LATER), APP)


def _told(shop: Market, topic: str) -> list[dict[str, Any]]:
    rows = shop.rows.connection.execute(
        "SELECT payload FROM outbox WHERE topic = ? ORDER BY seq", (topic,)
    )
    return [json.loads(row[0]) for row in rows.fetchall()]


def test_a_bill_is_told_of_some_days_before_it_is_due_once_and_only_what_is_left(
    shop: Market,
) -> None:
    buy(shop, "O1", 10_000)
    _buy_as_bob(shop, "O2", 700)
    shop.fund(ALICE, 10_000, "more")
    go_to(shop, "2027-03-02")
    pay(shop, 4_000)
    assert _told(shop, "bill.due_soon") == []
    go_to(shop, "2027-03-07")
    go_to(shop, "2027-03-08")
    told = {row["borrower_id"]: row for row in _told(shop, "bill.due_soon")}
    assert len(_told(shop, "bill.due_soon")) == 2
    assert (told[ALICE]["amount"], told[ALICE]["due_day"]) == (6_000, _DUE)
    assert told[BOB]["amount"] == 700


def test_bills_cut_into_many_transactions_and_asked_for_again_are_the_same(shop: Market) -> None:
    buy(shop, "O1", 10_000)
    buy(shop, "O2", 3_000, count=3)
    _buy_as_bob(shop, "O3", 5_000)
    empty_wallet(shop)
    shop.clock.now_ms = collect_ms(date(2027, 3, 1), 1)
    done = [shop.accept(CloseBills(size=1)) for _ in range(4)]
    assert [reply.issued for reply in done] == [1, 1, 0, 0]
    bills = {row.borrower_id: row for row in shop.rows.query(Bill, "")}
    assert (bills[ALICE].total, bills[ALICE].minimum) == (11_023, 1_000 + 1_023)
    assert (bills[BOB].total, bills[BOB].minimum) == (5_000, 500)
    assert shop.rows.get(BillCycle, ALICE, PAY_LATER) == BillCycle(ALICE, PAY_LATER, "2027-04-01")
    go_to(shop, "2027-03-12")
    assert {row.late_fee for row in shop.rows.query(Bill, "WHERE borrower_id = ?", (ALICE,))} == {
        300
    }
    fees = shop.sum_of(CREDIT_FEE_INCOME.code)
    for _ in range(3):
        shop.accept(CloseBills())
    assert shop.sum_of(CREDIT_FEE_INCOME.code) == fees
    events = shop.rows.query(LoanEvent, "WHERE kind = ?", ("fee",))
    assert [row.amount for row in events] == [300]


def test_days_that_were_missed_are_made_up_for_bill_by_bill(shop: Market) -> None:
    empty_wallet(shop)
    buy(shop, "O1", 10_000)
    go_to(shop, "2027-04-12")
    found = shop.rows.query(Bill, "WHERE borrower_id = ? ORDER BY due_day", (ALICE,))
    assert [(row.bill_day, row.due_day, row.late_fee) for row in found] == [
        ("2027-03-01", "2027-03-10", 300), ("2027-04-01", "2027-04-10", 300),
    ]  # fmt: skip
    assert _told(shop, "bill.due_soon") == []
    assert shop.rows.get(BillCycle, ALICE, PAY_LATER) == BillCycle(ALICE, PAY_LATER, "2027-05-01")


def test_a_loan_whose_numbers_do_not_fit_is_billed_and_charged_by_the_fold(
    shop: Market, tmp_path: Path
) -> None:
    empty_wallet(shop)
    buy(shop, "O1", 10_000)
    go_to(shop, "2027-02-28")
    loan = shop.rows.query(Loan, "")[0]
    wide = "UPDATE loan_standing SET exact = 0 WHERE loan_id = ?"
    change(tmp_path, wide, loan.loan_id)
    shop.clock.now_ms = collect_ms(date(2027, 3, 1), 1)
    while shop.accept(CloseBills()).issued:
        pass
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, _DUE)
    assert bill is not None
    assert (bill.total, bill.minimum) == (10_000, 1_000)
    shop.clock.now_ms = collect_ms(date(2027, 3, 11), 1)
    while shop.accept(CloseBills()).checked == 0:
        pass
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, _DUE)
    assert bill is not None
    assert bill.late_fee == 300
    assert shop.rows.get(LoanStanding, loan.loan_id) is not None


def test_a_timer_of_an_earlier_version_still_brings_the_bill(shop: Market) -> None:
    shop.accept(IssueBill(borrower_id=BOB, product_id=PAY_LATER, bill_day="2027-03-01"))
    assert shop.rows.get(BillCycle, BOB, PAY_LATER) is not None
    go_to(shop, "2027-03-02")
    assert shop.rows.get(BillCycle, BOB, PAY_LATER) is None


def test_a_loans_due_date_is_told_ahead_once(shop: Market) -> None:
    terms = ProductTerms(annual_rate=Decimal("0.12"), counts=(3,), late=LateTerms(notice_days=5))
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash", terms=terms))
    shop.accept(GrantCreditLine(borrower_id=ALICE, product_id="cash", amount=9_000))
    drawn = DrawLoan(borrower_id=ALICE, product_id="cash", amount=3_000, count=3)
    shop.accept(drawn, as_party(ALICE))
    go_to(shop, "2027-03-14")
    assert _told(shop, "loan.due_soon") == []
    for day in ("2027-03-15", "2027-03-16", "2027-03-19"):
        go_to(shop, day)
        (told,) = _told(shop, "loan.due_soon")
        assert (told["due_day"], told["due"]) == ("2027-03-20", 0)
    assert told["amount"] > 1_000
    go_to(shop, "2027-04-16")
    assert len(_told(shop, "loan.due_soon")) == 2
    shop.accept(CloseCreditDay(day="2027-04-15"))
    assert len(_told(shop, "loan.due_soon")) == 2
