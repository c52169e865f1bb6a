"""Loans on the real ledger: lines, drawing, automatic payments, days, taking back, writing off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.payments.market import ALICE, BOB, DAY_MS, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    ChangeLoanRate,
    ChargeOffLoan,
    CloseCreditDay,
    DefineLoanProduct,
    DrawLoan,
    DrawMore,
    GrantCreditLine,
    LateTerms,
    Loan,
    LoanEvent,
    LoanStatus,
    NewDates,
    PaidFrom,
    PayLaterTerms,
    PayLoan,
    PaymentMode,
    ProductTerms,
    ReAgeLoan,
    RescheduleLoan,
    ReverseLoanPayment,
    SellLoan,
    WaiveLoan,
)
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import (
    IMPAIRMENT_LOSS,
    INTEREST_INCOME,
    LOAN_ALLOWANCE,
    LOAN_CLEARING,
    LOAN_PRINCIPAL,
    RECOVERY_INCOME,
    SALE_GAIN,
    SALE_LOSS,
)

CASH = ProductTerms(
    annual_rate=Decimal("0.12"),
    counts=(3, 6),
    amount_max=10_000,
    late=LateTerms(penalty_rate=Decimal("0.18"), late_fee=100),
    ceiling=Decimal("0.36"),
)
LINE = 5_000


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path, Clock(), more=(loans.register,)) as made:
        made.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=CASH))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id="cash", amount=LINE))
        yield made


def draw(shop: Market, amount: int = 3_000, count: int = 3) -> str:
    command = DrawLoan(borrower_id=ALICE, product_id="cash", amount=amount, count=count)
    done = shop.accept(command, as_party(ALICE))
    return str(done.loan_id)


def position(shop: Market, loan_id: str) -> Any:
    loan = shop.rows.get(Loan, loan_id)
    assert loan is not None
    return loan_story(shop.rows, loan, loan_day(shop.clock.now_ms)).position


def pass_to(shop: Market, loan_id: str, payment: int, *, hours: int = 9) -> None:
    """Let time pass to an hour of a loan's due date."""
    due = [row.day for row in position(shop, loan_id).schedule.rows][payment]
    shop.clock.now_ms = collect_ms(due, hours)


def run(shop: Market) -> None:
    while shop.run_timers():
        pass


def test_a_loan_is_drawn_within_the_line_and_frees_it_as_it_is_repaid(shop: Market) -> None:
    before = shop.available(ALICE)
    loan_id = draw(shop)
    assert shop.available(ALICE) == before + 3_000
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 3_000
    too_much = DrawLoan(borrower_id=ALICE, product_id="cash", amount=2_001, count=3)
    assert shop.refuse(too_much, as_party(ALICE)) == "CREDIT_LINE_EXCEEDED"
    shop.accept(PayLoan(loan_id=loan_id, mode=PaymentMode.ALL), as_party(ALICE))
    assert shop.accept(too_much, as_party(ALICE)).owed == 2_001


def test_what_is_not_offered_is_refused_and_nothing_changes(shop: Market) -> None:
    alice = as_party(ALICE)
    assert shop.refuse(DrawLoan(borrower_id=BOB, product_id="cash", amount=1, count=3), alice) == (
        "NOT_PERMITTED"
    )
    other = DrawLoan(borrower_id=ALICE, product_id="gold", amount=1, count=3)
    assert shop.refuse(other, alice) == "CREDIT_PRODUCT_NOT_EXIST"
    counts = DrawLoan(borrower_id=ALICE, product_id="cash", amount=100, count=4)
    assert shop.refuse(counts, alice) == "CREDIT_TERMS_INVALID"
    dear = ProductTerms(annual_rate=Decimal("0.34"), up_front_rate=Decimal("0.05"),
                        ceiling=Decimal("0.36"))  # fmt: skip
    define = DefineLoanProduct(product_id="dear", name="Dear", terms=dear)
    assert shop.refuse(define) == "CREDIT_RATE_ABOVE_CEILING"
    assert shop.refuse(PayLoan(loan_id="1"), alice) == "LOAN_NOT_EXIST"
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 0


def test_a_product_of_which_something_is_no_number_or_negative_is_refused_by_name(
    shop: Market,
) -> None:
    nan, less, change = Decimal("NaN"), Decimal("-0.1"), msgspec.structs.replace
    late: list[tuple[str, Any]] = [
        ("penalty_rate", nan), ("penalty_rate", less), ("penalty_rate", Decimal("Infinity")),
        ("late_fee", -1), ("grace_days", -1), ("notice_days", -1), ("retry_hours", ()),
        ("retry_hours", (9, 9)), ("expected_loss", ((0, nan),)), ("expected_loss", ((0, less),)),
    ]  # fmt: skip
    later: list[tuple[str, Any]] = [
        ("minimum_rate", nan), ("minimum_rate", less), ("minimum_rate", Decimal("1.1")),
        ("minimum_floor", -1), ("late_fee", -1), ("notice_days", -1),
        ("instalment_fees", ((3, nan),)), ("instalment_fees", ((3, less),)),
        ("instalment_fees", ((0, Decimal("0.1")),)),
    ]  # fmt: skip
    plain = ProductTerms(annual_rate=Decimal(0), counts=(1,), pay_later=PayLaterTerms())
    wrong: list[tuple[str, ProductTerms]] = [
        ("ceiling", change(CASH, ceiling=nan)), ("amount_min", change(CASH, amount_min=10_001)),
    ]  # fmt: skip
    wrong += [(n, change(CASH, late=change(CASH.late, **{n: value}))) for n, value in late]
    wrong += [(n, change(plain, pay_later=PayLaterTerms(**{n: value}))) for n, value in later]
    for name, terms in wrong:
        answer = shop.submit(DefineLoanProduct(product_id="odd", name="Odd", terms=terms))
        assert answer.refusal is not None, (name, terms)
        assert answer.refusal.code == "CREDIT_TERMS_INVALID", name
        assert answer.refusal.detail.startswith(f"{name}: "), name


def test_payments_are_taken_from_the_wallet_on_their_due_dates(shop: Market) -> None:
    loan_id = draw(shop)
    schedule = position(shop, loan_id).schedule.rows
    for at, row in enumerate(schedule):
        pass_to(shop, loan_id, at)
        before = shop.available(ALICE)
        run(shop)
        assert shop.available(ALICE) == before - row.payment
    loan = shop.rows.get(Loan, loan_id)
    assert loan is not None
    assert loan.status is LoanStatus.CLOSED
    assert shop.sum_of(INTEREST_INCOME.code) == sum(row.interest for row in schedule)
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())


def test_an_empty_wallet_is_tried_again_up_the_ladder(shop: Market) -> None:
    loan_id = draw(shop)
    payment = position(shop, loan_id).schedule.rows[0].payment
    bob = as_party(ALICE)
    from tallystick.payments.wallet.model import TransferBetweenWallets

    shop.accept(
        TransferBetweenWallets(
            payer_id=ALICE, payee_id=BOB, amount=shop.available(ALICE) - 300, out_biz_no="away",
            title="away",
        ),
        bob,
    )  # fmt: skip
    pass_to(shop, loan_id, 0)
    run(shop)
    assert shop.available(ALICE) == 0
    assert position(shop, loan_id).due_total == payment - 300
    shop.fund(ALICE, 5_000, "later")
    pass_to(shop, loan_id, 0, hours=14)
    run(shop)
    assert position(shop, loan_id).due_total == payment - 300
    pass_to(shop, loan_id, 0, hours=15)
    run(shop)
    assert position(shop, loan_id).due_total == 0
    assert shop.available(ALICE) == 5_000 - (payment - 300)


def test_being_late_costs_and_can_be_forgiven(shop: Market) -> None:
    loan_id = draw(shop)
    due = position(shop, loan_id).schedule.rows[0]
    shop.clock.now_ms = collect_ms(due.day + timedelta(days=10), 1)
    late = position(shop, loan_id)
    assert late.days_past_due == 10
    assert late.due[Bucket.FEE] == 100
    assert late.due[Bucket.PENALTY] == round(due.principal * 0.18 * 10 / 365)
    shop.accept(WaiveLoan(loan_id=loan_id, bucket=Bucket.FEE, amount=100))
    paid = shop.accept(PayLoan(loan_id=loan_id), as_party(ALICE))
    assert paid.paid["penalty"] == late.due[Bucket.PENALTY]
    assert paid.due == 0
    again = WaiveLoan(loan_id=loan_id, bucket=Bucket.FEE, amount=1)
    assert shop.refuse(again) == "INVALID_AMOUNT"


def test_what_a_bank_pays_too_much_goes_to_the_wallet(shop: Market) -> None:
    loan_id = draw(shop)
    before = shop.available(ALICE)
    by_bank = PayLoan(
        loan_id=loan_id, amount=9_000, mode=PaymentMode.ALL, source=PaidFrom(bank_id="1")
    )
    assert shop.refuse(by_bank, as_party(ALICE)) == "NOT_PERMITTED"
    done = shop.accept(by_bank)
    assert done.returned == 6_000
    assert shop.available(ALICE) == before + 6_000
    assert done.status is LoanStatus.CLOSED


def test_a_payment_that_the_bank_took_back_reopens_the_loan(shop: Market) -> None:
    loan_id = draw(shop)
    by_bank = PayLoan(loan_id=loan_id, mode=PaymentMode.ALL, source=PaidFrom(bank_id="1"))
    step = shop.accept(by_bank).step
    shop.clock.pass_ms(40 * DAY_MS)
    back = shop.accept(ReverseLoanPayment(loan_id=loan_id, step=step))
    assert back.status is LoanStatus.ACTIVE
    found = position(shop, loan_id)
    assert found.days_past_due > 0
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 3_000
    for bucket, entry in RECEIVABLES.items():
        assert shop.sum_of(entry.code) == found.left[bucket]
    assert shop.refuse(ReverseLoanPayment(loan_id=loan_id, step=step)) == "LOAN_PAYMENT_NOT_EXIST"


def test_days_are_closed_by_themselves_once_and_after_a_pause_at_once(shop: Market) -> None:
    loan_ids = [draw(shop, 1_000), draw(shop, 1_000)]
    shop.clock.pass_ms(DAY_MS)
    run(shop)
    one_day = shop.sum_of(INTEREST_INCOME.code)
    assert one_day == sum(position(shop, loan_id).charged[Bucket.INTEREST] for loan_id in loan_ids)
    assert shop.sum_of(LOAN_ALLOWANCE.code) == 20
    shop.clock.pass_ms(20 * DAY_MS)
    run(shop)
    wanted = sum(position(shop, loan_id).charged[Bucket.INTEREST] for loan_id in loan_ids)
    assert shop.sum_of(INTEREST_INCOME.code) == wanted > one_day
    yesterday = loan_day(shop.clock.now_ms) - timedelta(days=1)
    closing = CloseCreditDay(day=yesterday.isoformat(), size=1)
    assert [shop.accept(closing).loans for _ in range(5)] == [1] * 5
    assert shop.sum_of(INTEREST_INCOME.code) == wanted
    today = CloseCreditDay(day=loan_day(shop.clock.now_ms).isoformat())
    assert shop.refuse(today) == "INVALID_PARAMETER"


def test_a_loan_is_written_off_from_its_allowance_and_still_recovered(shop: Market) -> None:
    loan_id = draw(shop)
    shop.clock.pass_ms(200 * DAY_MS)
    owed = position(shop, loan_id).owed_total
    assert shop.accept(ChargeOffLoan(loan_id=loan_id)).amount == owed
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())
    assert shop.sum_of(LOAN_ALLOWANCE.code) == 0
    assert shop.sum_of(IMPAIRMENT_LOSS.code) == owed
    shop.clock.pass_ms(30 * DAY_MS)
    shop.accept(PayLoan(loan_id=loan_id, amount=500), as_party(ALICE))
    assert shop.sum_of(RECOVERY_INCOME.code) == 500
    assert shop.refuse(ReverseLoanPayment(loan_id=loan_id, step=2)) == "LOAN_STATE_REFUSED"


def test_a_live_loan_is_drawn_on_and_changed(shop: Market) -> None:
    loan_id = draw(shop)
    more = DrawMore(loan_id=loan_id, amount=500)
    assert shop.refuse(more, as_party(ALICE)) == "CREDIT_TERMS_INVALID"
    parts = msgspec.structs.replace(CASH, drawdowns_max=2)
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=parts))
    loan_id, before = draw(shop, 1_000), shop.available(ALICE)
    shop.clock.pass_ms(10 * DAY_MS)
    more = DrawMore(loan_id=loan_id, amount=500)
    assert shop.refuse(more, as_party(BOB)) == "NOT_PERMITTED"
    assert shop.accept(more, as_party(ALICE)).amount == 500
    assert shop.available(ALICE) == before + 500
    too_much = DrawMore(loan_id=loan_id, amount=600)
    assert shop.refuse(too_much, as_party(ALICE)) == "CREDIT_LINE_EXCEEDED"
    shop.clock.pass_ms(DAY_MS)
    dear = ChangeLoanRate(loan_id=loan_id, annual_rate=Decimal("0.5"))
    assert shop.refuse(dear) == "CREDIT_RATE_ABOVE_CEILING"
    cheaper = ChangeLoanRate(loan_id=loan_id, annual_rate=Decimal("0.06"))
    shop.accept(cheaper)
    assert shop.refuse(cheaper) == "LOAN_STATE_REFUSED"
    planned = sum(row.principal for row in position(shop, loan_id).schedule.rows)
    assert planned == 1_500 == position(shop, loan_id).left[Bucket.PRINCIPAL]
    shop.clock.pass_ms(DAY_MS)
    shop.accept(RescheduleLoan(loan_id=loan_id, dates=NewDates(count=9)))
    assert len(position(shop, loan_id).schedule.rows) == 9


def test_more_another_rate_and_other_dates_are_taken_on_one_day_and_what_is_not_says_why(
    shop: Market,
) -> None:
    parts = msgspec.structs.replace(CASH, drawdowns_max=3)
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=parts))
    loan_id = draw(shop, 1_000)
    shop.clock.pass_ms(10 * DAY_MS)
    shop.accept(DrawMore(loan_id=loan_id, amount=500), as_party(ALICE))
    shop.accept(ChangeLoanRate(loan_id=loan_id, annual_rate=Decimal("0.06")))

    def why_not(command: Any) -> str:
        answer = shop.submit(command)
        assert answer.refusal is not None
        assert answer.refusal.code == "LOAN_STATE_REFUSED"
        return answer.refusal.detail

    own_rate = NewDates(count=9, annual_rate=Decimal("0.05"))
    said = why_not(RescheduleLoan(loan_id=loan_id, dates=own_rate))
    assert said == "Tomorrow: it got another rate today."
    shop.accept(RescheduleLoan(loan_id=loan_id, dates=NewDates(count=9)))
    shop.accept(DrawMore(loan_id=loan_id, amount=100), as_party(ALICE))
    again = RescheduleLoan(loan_id=loan_id, dates=NewDates(count=4))
    assert why_not(again) == "Tomorrow: it got other dates today."
    rows = position(shop, loan_id).schedule.rows
    assert len(rows) == 9
    assert sum(row.principal for row in rows) == 1_600 == shop.sum_of(LOAN_PRINCIPAL.code)
    shop.clock.pass_ms(DAY_MS)
    shop.accept(PayLoan(loan_id=loan_id, amount=200, mode=PaymentMode.EARLY), as_party(ALICE))
    assert why_not(again) == "Tomorrow: it was paid ahead today."


def test_what_is_overdue_becomes_current_again_within_limits(shop: Market) -> None:
    loan_id = draw(shop)
    shop.clock.pass_ms(70 * DAY_MS)
    late = position(shop, loan_id)
    assert late.days_past_due > 30
    wait = RescheduleLoan(loan_id=loan_id, dates=NewDates(count=9))
    assert shop.refuse(wait) == "LOAN_STATE_REFUSED"
    done = shop.accept(ReAgeLoan(loan_id=loan_id, dates=NewDates(count=6)))
    now = position(shop, loan_id)
    assert (done.days_past_due, now.due_total, now.owed_total) == (0, 0, late.owed_total)
    assert shop.sum_of(LOAN_PRINCIPAL.code) == now.left[Bucket.PRINCIPAL] > 3_000
    again = ReAgeLoan(loan_id=loan_id, dates=NewDates(count=6))
    shop.clock.pass_ms(90 * DAY_MS)
    assert shop.refuse(again) == "LOAN_STATE_REFUSED"
    shop.clock.pass_ms(300 * DAY_MS)
    assert shop.accept(again).days_past_due == 0


def test_a_sold_loan_leaves_the_books_for_its_price(shop: Market) -> None:
    loan_id = draw(shop)
    shop.clock.pass_ms(40 * DAY_MS)
    run(shop)
    owed = position(shop, loan_id).owed_total
    sale = SellLoan(loan_id=loan_id, buyer="Bank B", price=owed - 90, bank_id="1")
    assert shop.refuse(sale, as_party(ALICE)) == "NOT_PERMITTED"
    assert shop.accept(sale).amount == owed - 90
    assert all(shop.sum_of(entry.code) == 0 for entry in RECEIVABLES.values())
    assert (shop.sum_of(SALE_LOSS.code), shop.sum_of(SALE_GAIN.code)) == (90, 0)
    assert shop.sum_of(LOAN_ALLOWANCE.code) == shop.sum_of(LOAN_CLEARING.code) == 0
    assert shop.refuse(PayLoan(loan_id=loan_id), as_party(ALICE)) == "LOAN_STATE_REFUSED"
    shop.clock.pass_ms(30 * DAY_MS)
    run(shop)
    assert shop.sum_of(LOAN_PRINCIPAL.code) == 0


def test_each_loans_transfers_balance_on_their_own(shop: Market) -> None:
    loan_id = draw(shop)
    shop.clock.pass_ms(45 * DAY_MS)
    run(shop)
    shop.accept(PayLoan(loan_id=loan_id, amount=1_500, mode=PaymentMode.EARLY), as_party(ALICE))
    assert len(shop.ledger.transfers_with_reference(int(loan_id))) > 3
    found = position(shop, loan_id)
    assert shop.sum_of(LOAN_PRINCIPAL.code) == found.left[Bucket.PRINCIPAL]
    assert len(shop.rows.select(LoanEvent, loan_id=loan_id)) == 2
