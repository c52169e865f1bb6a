"""Pay later: purchases on credit, bills, minimum payments, instalments, refunds at any time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.payments.market import ALICE, APP, APP_ID, CODES, SHOP, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    DefineLoanProduct,
    DrawLoan,
    GrantCreditLine,
    LateTerms,
    Loan,
    LoanEvent,
    LoanStatus,
    PaidFrom,
    PayLaterTerms,
    ProductTerms,
)
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.pay_later.model import PAY_LATER, Bill, PayBill, PayTradeLater
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import CREDIT_FEE_INCOME, LOAN_PRINCIPAL, PENALTY_INCOME
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    CreateTrade,
    PayTrade,
    RefundTrade,
    ShipTrade,
    TradeStatus,
)
from tallystick.payments.wallet.model import TransferBetweenWallets

LATER = ProductTerms(
    annual_rate=Decimal(0),
    counts=(1,),
    amount_max=1_000_000,
    late=LateTerms(penalty_rate=Decimal("0.1825")),
    pay_later=PayLaterTerms(bill_day=1, due_day=10, minimum_floor=500, late_fee=300),
)
LINE = 20_000
START = date(2027, 2, 20)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    clock = Clock(collect_ms(START, 12))
    with market(tmp_path, clock, more=(loans.register, pay_later.register)) as made:
        made.accept(DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=LATER))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id=PAY_LATER, amount=LINE))
        yield made


def buy(shop: Market, number: str, amount: int, *, refused: bool = False, **how: Any) -> Any:
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea", settlement="escrow"
    )
    payment = PayTrade(app_id=APP_ID, order=order, payment_code_index=CODES[ALICE])
    command = PayTradeLater(payment=payment, product_id=PAY_LATER, **how)
    return shop.refuse(command, APP) if refused else shop.accept(command, APP)


def loan_of(shop: Market, number: str) -> Loan:
    (loan,) = shop.rows.select(Loan, trade_no=shop.trade(number).trade_no)
    return loan


def position(shop: Market, number: str) -> Any:
    return loan_story(shop.rows, loan_of(shop, number), loan_day(shop.clock.now_ms)).position


def go_to(shop: Market, day: str, hours: int = 12) -> None:
    shop.clock.now_ms = collect_ms(date.fromisoformat(day), hours)
    while shop.run_timers():
        pass


def empty_wallet(shop: Market) -> None:
    amount = shop.available(ALICE)
    if amount:
        away = TransferBetweenWallets(
            payer_id=ALICE, payee_id=SHOP, amount=amount, out_biz_no="away", title="away"
        )
        shop.accept(away, as_party(ALICE))


def pay(shop: Market, amount: int = 0) -> Any:
    command = PayBill(borrower_id=ALICE, product_id=PAY_LATER, amount=amount)
    return shop.accept(command, as_party(ALICE))


def test_a_purchase_is_paid_by_the_lender_and_due_with_the_next_bill(shop: Market) -> None:
    before = shop.available(ALICE)
    buy(shop, "O1", 6_000)
    assert shop.available(ALICE) == before
    assert shop.trade("O1").buyer_id == ALICE
    assert shop.sum_of(2101) == 6_000
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 6_000
    assert position(shop, "O1").next_due == date(2027, 3, 10)
    go_to(shop, "2027-03-02")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert (bill.total, bill.minimum) == (6_000, 600)


def test_the_line_holds_and_is_free_again_with_each_payment(shop: Market) -> None:
    buy(shop, "O1", 15_000)
    assert buy(shop, "O2", 5_001, refused=True) == "CREDIT_LINE_EXCEEDED"
    assert shop.sum_of(2101) == 15_000
    shop.fund(ALICE, 10_000, "more")
    go_to(shop, "2027-03-02")
    assert pay(shop, 4_000).left == 11_000
    buy(shop, "O2", 9_000)
    assert shop.sum_of(LOAN_PRINCIPAL.code) == LINE


def test_a_bill_is_taken_from_the_wallet_on_its_due_day(shop: Market) -> None:
    buy(shop, "O1", 1_000)
    buy(shop, "O2", 2_000)
    before = shop.available(ALICE)
    go_to(shop, "2027-03-10")
    assert shop.available(ALICE) == before - 3_000
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())


def test_the_minimum_keeps_the_late_fee_away_but_the_rest_bears_interest(shop: Market) -> None:
    buy(shop, "O1", 10_000)
    go_to(shop, "2027-03-02")
    shop.fund(ALICE, 1_000, "minimum")
    assert pay(shop, 1_000).paid == 1_000
    empty_wallet(shop)
    go_to(shop, "2027-03-20")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert (bill.late_fee, bill.checked_ms > 0) == (0, True)
    assert position(shop, "O1").due[Bucket.PENALTY] == round(9_000 * 0.1825 * 10 / 365)
    go_to(shop, "2027-03-21", 1)
    assert shop.sum_of(PENALTY_INCOME.code) == round(9_000 * 0.1825 * 11 / 365)


def test_less_than_the_minimum_costs_a_late_fee_once(shop: Market) -> None:
    empty_wallet(shop)
    buy(shop, "O1", 10_000)
    go_to(shop, "2027-03-12")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert bill.late_fee == 300
    assert position(shop, "O1").due[Bucket.FEE] == 300
    assert shop.sum_of(CREDIT_FEE_INCOME.code) == 300
    go_to(shop, "2027-04-02")
    following = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-04-10")
    assert following is not None
    assert following.total > 10_300


@pytest.mark.parametrize(("count", "rate"), [(3, "0.023"), (6, "0.045"), (12, "0.075")])
def test_instalments_cost_the_buyer_a_part_of_the_fee_each(
    shop: Market, count: int, rate: str
) -> None:
    buy(shop, "O1", 12_000, count=count)
    rows = position(shop, "O1").schedule.rows
    fee = round(12_000 * Decimal(rate) / count)
    assert len(rows) == count
    assert {row.fee for row in rows} == {fee}
    assert sum(row.principal for row in rows) == 12_000
    assert rows[0].day == date(2027, 3, 10)
    assert rows[1].day == date(2027, 4, 10)
    assert buy(shop, "O2", 100, count=5, refused=True) == "CREDIT_TERMS_INVALID"


def test_the_seller_may_bear_the_fee_once_it_is_paid_itself(shop: Market) -> None:
    buy(shop, "O1", 12_000, count=3, seller_pays=True)
    assert {row.fee for row in position(shop, "O1").schedule.rows} == {0}
    before = shop.available(SHOP)
    shop.accept(ShipTrade(app_id=APP_ID, out_trade_no="O1"), APP)
    assert shop.sum_of(CREDIT_FEE_INCOME.code) == 0
    shop.accept(ConfirmReceipt(app_id=APP_ID, out_trade_no="O1"), APP)
    assert shop.sum_of(CREDIT_FEE_INCOME.code) == 276
    assert shop.available(SHOP) == before + 12_000 * 95 // 100 - 276


def refund(shop: Market, number: str, amount: int, request: str) -> None:
    shop.accept(
        RefundTrade(app_id=APP_ID, out_trade_no=number, amount=amount, out_request_no=request), APP
    )


def test_a_refund_before_the_bill_repays_the_purchase(shop: Market) -> None:
    before = shop.available(ALICE)
    buy(shop, "O1", 6_000)
    refund(shop, "O1", 2_000, "R1")
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 4_000
    refund(shop, "O1", 4_000, "R2")
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 0
    assert shop.available(ALICE) == before
    assert loan_of(shop, "O1").status == "closed"
    kinds = [e.kind for e in shop.rows.select(LoanEvent, loan_id=loan_of(shop, "O1").loan_id)]
    assert kinds == ["refund", "refund"]


def test_a_refund_after_the_bill_was_paid_goes_to_the_wallet(shop: Market) -> None:
    buy(shop, "O1", 1_000)
    go_to(shop, "2027-03-10")
    before = shop.available(ALICE)
    refund(shop, "O1", 1_000, "R1")
    assert shop.available(ALICE) == before + 1_000
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 0


def test_a_refund_in_the_middle_of_instalments_lowers_the_rest_or_ends_it(shop: Market) -> None:
    buy(shop, "O1", 3_000, count=3)
    go_to(shop, "2027-03-10")
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 2_000
    refund(shop, "O1", 1_000, "R1")
    rows = [row for row in position(shop, "O1").schedule.rows if row.day > date(2027, 3, 10)]
    assert [row.principal for row in rows] == [500, 500]
    before = shop.available(ALICE)
    refund(shop, "O1", 2_000, "R2")
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 0
    assert shop.available(ALICE) == before + 1_000


def test_what_pay_later_does_not_do_is_refused(shop: Market) -> None:
    cash = DrawLoan(borrower_id=ALICE, product_id=PAY_LATER, amount=100, count=1)
    assert shop.refuse(cash, as_party(ALICE)) == "CREDIT_PRODUCT_NOT_EXIST"
    nothing = PayBill(borrower_id=ALICE, product_id=PAY_LATER)
    assert shop.refuse(nothing, as_party(ALICE)) == "LOAN_NOTHING_TO_PAY"
    assert shop.refuse(nothing, as_party(SHOP)) == "NOT_PERMITTED"
    dear = ProductTerms(annual_rate=Decimal("0.1"), pay_later=PayLaterTerms())
    define = DefineLoanProduct(product_id="dear", name="Dear", terms=dear)
    assert shop.refuse(define) == "CREDIT_TERMS_INVALID"


def test_a_refund_while_the_last_instalment_waits_for_its_day_stays_in_the_wallet(
    shop: Market,
) -> None:
    buy(shop, "O1", 3_000, count=3)
    shop.fund(ALICE, 10_000, "more")
    for day in ("2027-03-11", "2027-04-11", "2027-05-02"):
        go_to(shop, day)
    pay(shop)
    waiting = position(shop, "O1")
    assert waiting.advance == 1_023
    before = shop.available(ALICE)
    refund = RefundTrade(app_id=APP_ID, out_trade_no="O1", out_request_no="R1", amount=100)
    assert shop.accept(refund, APP).refunded_total == 100
    assert shop.available(ALICE) == before + 100
    assert position(shop, "O1") == waiting
    go_to(shop, "2027-05-11")
    assert loan_of(shop, "O1").status is LoanStatus.CLOSED
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())


def test_a_seller_that_keeps_less_than_the_fee_pays_what_it_has(shop: Market) -> None:
    away = TransferBetweenWallets(
        payer_id=SHOP, payee_id=ALICE, amount=shop.available(SHOP), out_biz_no="away", title="away"
    )
    shop.accept(away, as_party(SHOP))
    buy(shop, "O1", 10_000, count=12, seller_pays=True)
    refund = RefundTrade(app_id=APP_ID, out_trade_no="O1", out_request_no="R1", amount=9_900)
    shop.accept(refund, APP)
    shop.accept(ShipTrade(app_id=APP_ID, out_trade_no="O1"), APP)
    go_to(shop, "2027-03-05")
    assert shop.trade("O1").status is TradeStatus.SETTLED
    assert shop.available(SHOP) == 0
    assert shop.sum_of(CREDIT_FEE_INCOME.code) == 95


def test_what_a_bank_sent_beyond_the_bill_goes_to_the_wallet(shop: Market) -> None:
    buy(shop, "O1", 6_000)
    buy(shop, "O2", 3_000, count=3)
    go_to(shop, "2027-03-02")
    before = shop.available(ALICE)
    command = PayBill(borrower_id=ALICE, product_id=PAY_LATER, amount=10_000, source=PaidFrom("1"))
    done = shop.accept(command)
    assert (done.paid, done.returned, done.left) == (7_023, 2_977, 0)
    assert shop.available(ALICE) == before + 2_977
