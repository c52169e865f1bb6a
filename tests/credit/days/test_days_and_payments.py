"""Days are closed while people pay: in one batch, in any order, each sees what the others did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.credit.test_loans import CASH, draw, position, run
from tests.payments.market import ALICE, DAY_MS, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    CloseCreditDay,
    CollectDue,
    DefineLoanProduct,
    GrantCreditLine,
    Loan,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    PayLoan,
    PaymentMode,
    WaiveLoan,
)
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import INTEREST_INCOME, LOAN_ALLOWANCE
from tallystick.pipeline.commands import SYSTEM, Caller, Command, Request
from tallystick.store.unit_of_work import UnitOfWork


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path, Clock(), more=(loans.register,)) as made:
        made.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=CASH))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id="cash", amount=50_000))
        yield made


def asked(command: Command, caller: Caller = SYSTEM) -> Request:
    return Request.once(caller, command)


def closing(shop: Market) -> CloseCreditDay:
    yesterday = loan_day(shop.clock.now_ms) - timedelta(days=1)
    return CloseCreditDay(day=yesterday.isoformat())


def books_say_what_loans_say(shop: Market, loan_ids: list[str]) -> None:
    found = [position(shop, loan_id) for loan_id in loan_ids]
    for bucket, entry in RECEIVABLES.items():
        assert shop.sum_of(entry.code) == sum(p.left[bucket] for p in found), bucket


def test_payments_before_and_after_a_day_in_one_batch(shop: Market) -> None:
    loan_ids = [draw(shop, 1_000) for _ in range(4)]
    shop.clock.pass_ms(5 * DAY_MS)
    alice, close = as_party(ALICE), closing(shop)
    early = [
        PayLoan(loan_id=loan_id, amount=300, mode=PaymentMode.EARLY) for loan_id in loan_ids[:2]
    ]
    ended = PayLoan(loan_id=loan_ids[2], mode=PaymentMode.ALL)
    bad = WaiveLoan(loan_id=loan_ids[3], bucket=Bucket.FEE, amount=10**9)
    answers = shop.together(
        [asked(early[0], alice), asked(ended, alice), asked(close), asked(bad),
         asked(early[1], alice), asked(close)]
    )  # fmt: skip
    assert [a.refusal.code if a.refusal else "" for a in answers] == [
        "", "", "", "INVALID_AMOUNT", "", "",
    ]  # fmt: skip
    books_say_what_loans_say(shop, loan_ids)
    assert shop.rows.get(LoanStanding, loan_ids[2]) is None
    assert shop.rows.get(LoanPlan, loan_ids[2]) is None
    shop.clock.pass_ms(DAY_MS)
    run(shop)
    books_say_what_loans_say(shop, loan_ids)


def test_a_day_that_fails_leaves_nothing_and_the_others_of_its_batch_stay(
    shop: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan_ids = [draw(shop, 1_000) for _ in range(2)]
    shop.clock.pass_ms(3 * DAY_MS)
    create_transfers = UnitOfWork.create_transfers

    def then_fail(uow: UnitOfWork, transfers: object) -> object:
        create_transfers(uow, transfers)
        raise RuntimeError("the power is gone")

    paying = PayLoan(loan_id=loan_ids[0], amount=300, mode=PaymentMode.EARLY)
    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "create_transfers", then_fail)
        answers = shop.together([asked(paying, as_party(ALICE)), asked(closing(shop))])
    assert answers[0].refusal is None
    assert answers[1].refusal is not None
    assert answers[1].refusal.code == "INTERNAL_ERROR"
    assert shop.sum_of(LOAN_ALLOWANCE.code) == 0
    standing = shop.rows.get(LoanStanding, loan_ids[0])
    assert standing is not None
    assert standing.accrued_day == loan_day(shop.clock.now_ms).toordinal()
    shop.accept(closing(shop))
    books_say_what_loans_say(shop, loan_ids)


def test_loans_of_one_wallet_are_collected_in_turn_until_it_is_empty(shop: Market) -> None:
    loan_ids = [draw(shop, 3_000, 3) for _ in range(3)]
    due = position(shop, loan_ids[0]).next_due
    payment = position(shop, loan_ids[0]).next_payment
    money = payment + payment // 2
    from tests.payments.market import BOB

    from tallystick.payments.wallet.model import TransferBetweenWallets

    away = TransferBetweenWallets(
        payer_id=ALICE, payee_id=BOB, amount=shop.available(ALICE) - money, out_biz_no="away",
        title="away",
    )  # fmt: skip
    shop.accept(away, as_party(ALICE))
    shop.clock.now_ms = collect_ms(due, 9)
    done = shop.accept(CollectDue())
    assert (done.loans, done.paid) == (3, {"CNY": money})
    left = sorted(position(shop, loan_id).due_total for loan_id in loan_ids)
    assert left == [0, payment - payment // 2, payment]
    assert shop.available(ALICE) == 0
    books_say_what_loans_say(shop, loan_ids)


def test_a_loan_whose_numbers_do_not_fit_is_closed_by_the_fold(shop: Market) -> None:
    odd = CASH.__class__(annual_rate=Decimal("0.123456789012"), counts=(3,), amount_max=10_000_000)
    shop.accept(DefineLoanProduct(product_id="odd", name="Odd", terms=odd))
    shop.accept(GrantCreditLine(borrower_id=ALICE, product_id="odd", amount=10_000_000))
    from tallystick.credit.loans.model import DrawLoan

    drawn = DrawLoan(borrower_id=ALICE, product_id="odd", amount=9_999_999, count=3)
    wide = str(shop.accept(drawn, as_party(ALICE)).loan_id)
    standing = shop.rows.get(LoanStanding, wide)
    assert standing is not None
    assert not standing.exact
    loan_ids = [wide, draw(shop, 1_000)]
    shop.clock.pass_ms(2 * DAY_MS)
    run(shop)
    books_say_what_loans_say(shop, loan_ids)
    assert shop.sum_of(INTEREST_INCOME.code) > 0
    for _ in range(4):
        shop.clock.pass_ms(30 * DAY_MS)
        run(shop)
    books_say_what_loans_say(shop, loan_ids)
    loan = shop.rows.get(Loan, wide)
    assert loan is not None
    assert loan.status is not LoanStatus.CHARGED_OFF
