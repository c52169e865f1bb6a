"""Bills of days that were missed are those of days that were run on time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.credit.test_pay_later import LATER, go_to
from tests.payments.market import ALICE, APP, APP_ID, BOB, CODES, SHOP, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    DefineLoanProduct,
    GrantCreditLine,
    Loan,
    LoanEvent,
    LoanStanding,
    PaidFrom,
    PayLoan,
    PaymentMode,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.pay_later import service as pay_later
from tallystick.credit.pay_later.model import PAY_LATER, Bill, BillCycle, PayTradeLater
from tallystick.credit.postings import INCOME, RECEIVABLES
from tallystick.ledger.chart import LOAN_ADVANCE, LOAN_ALLOWANCE, LOAN_FEE
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.payments.wallet.model import TransferBetweenWallets

START = date(2027, 2, 20)
assert LATER.pay_later is not None
TERMS = msgspec.structs.replace(
    LATER,
    late=msgspec.structs.replace(
        LATER.late, expected_loss=((1, Decimal("0.05")), (31, Decimal("0.4")))
    ),
    pay_later=msgspec.structs.replace(LATER.pay_later, notice_days=3),
)


_BILLED, _TRIED = (1, 11), (10, 11, 12)
"""The days of a month on which bills have work, and wallets are tried for what is due on the 10th.

Loans have their days closed on these alone, so that a life takes no longer than it must.
"""


class Purchase(NamedTuple):
    """What is bought, in how many payments, so many days after the start."""

    days: int
    buyer: str
    amount: int
    payments: int


class Payment(NamedTuple):
    """What a bank pays of a purchase, so many days after the start."""

    days: int
    purchase: int
    amount: int


_purchases = st.lists(
    st.builds(
        Purchase, st.integers(0, 30), st.sampled_from([ALICE, BOB]), st.integers(2_000, 9_000),
        st.sampled_from([1, 1, 3]),
    ),
    min_size=1, max_size=4,
)  # fmt: skip
_payments = st.lists(
    st.builds(Payment, st.integers(12, 44), st.integers(0, 3), st.integers(1, 900)), max_size=4
)


class Lived(NamedTuple):
    """A platform's bills, events and balances at the end."""

    bills: list[Any]
    cycles: list[BillCycle]
    events: list[Any]
    standings: list[Any]
    balances: dict[int, int]


def empty_wallets(shop: Market) -> None:
    for borrower in (ALICE, BOB):
        away = TransferBetweenWallets(
            payer_id=borrower, payee_id=SHOP, amount=shop.available(borrower),
            out_biz_no=f"away-{borrower}", title="away",
        )  # fmt: skip
        shop.accept(away, as_party(borrower))


def _buy(shop: Market, number: int, bought: Purchase) -> None:
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=f"O{number}", amount=bought.amount, subject="Tea",
        settlement="escrow",
    )  # fmt: skip
    payment = PayTrade(app_id=APP_ID, order=order, payment_code_index=CODES[bought.buyer])
    command = PayTradeLater(payment=payment, product_id=PAY_LATER, count=bought.payments)
    shop.accept(command, APP, f"buy:{number}")


def _loan_of(shop: Market, number: int) -> Loan:
    (loan,) = shop.rows.select(Loan, trade_no=shop.trade(f"O{number}").trade_no)
    return loan


def _pay(shop: Market, payment: Payment, purchases: list[Purchase]) -> None:
    """Pay a purchase that was made before and has no instalments."""
    if payment.purchase >= len(purchases):
        return
    bought = purchases[payment.purchase]
    if bought.payments == 1 and bought.days < payment.days:
        shop.accept(
            PayLoan(
                loan_id=_loan_of(shop, payment.purchase).loan_id, amount=payment.amount,
                mode=PaymentMode.EARLY, source=PaidFrom(bank_id="1"),
            )
        )  # fmt: skip


def _pass(shop: Market, days: int, hours: int) -> None:
    """The timers of so many days and hours after the start."""
    go_to(shop, (START + timedelta(days=days)).isoformat(), hours)


def _events(shop: Market, number: int) -> list[Any]:
    found = shop.rows.select(LoanEvent, loan_id=_loan_of(shop, number).loan_id)
    return sorted((number, row.day, row.kind.value, row.amount, row.detail) for row in found)


def _standing(shop: Market, number: int) -> Any:
    row = shop.rows.get(LoanStanding, _loan_of(shop, number).loan_id)
    return row and msgspec.structs.replace(row, loan_id="", try_day=0, try_no=0, try_ms=0)


def _lived(
    folder: Path, purchases: list[Purchase], payments: list[Payment], days: int, *, on_time: bool
) -> Lived:
    with market(
        folder, Clock(collect_ms(START, 12)), more=(loans.register, pay_later.register)
    ) as shop:
        shop.accept(DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=TERMS))
        for borrower in (ALICE, BOB):
            shop.accept(GrantCreditLine(borrower_id=borrower, product_id=PAY_LATER, amount=90_000))
        empty_wallets(shop)
        for day in range(days):
            of_month = (START + timedelta(days=day)).day
            if on_time and of_month in _BILLED:
                _pass(shop, day, 1)
            shop.clock.now_ms = collect_ms(START + timedelta(days=day), 12)
            for number, bought in enumerate(purchases):
                if bought.days == day:
                    _buy(shop, number, bought)
            for payment in payments:
                if payment.days == day:
                    _pay(shop, payment, purchases)
            if on_time and of_month in _TRIED:
                _pass(shop, day, 22)
        for day, hours in ((days, 1), (days, 22), (days + 1, 1)):
            _pass(shop, day, hours)
        made = [n for n, bought in enumerate(purchases) if bought.days < days]
        entries = (*RECEIVABLES.values(), *INCOME.values(), LOAN_ADVANCE, LOAN_ALLOWANCE)
        return Lived(
            [(b.borrower_id, b.due_day, b.bill_day, b.total, b.minimum, b.late_fee)
             for b in shop.rows.query(Bill, "ORDER BY borrower_id, due_day")],
            shop.rows.query(BillCycle, "ORDER BY borrower_id"),
            [_events(shop, number) for number in made],
            [_standing(shop, number) for number in made],
            {entry.code: shop.sum_of(entry.code) for entry in entries},
        )  # fmt: skip


@given(_purchases, _payments, st.integers(8, 45))
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_days_that_are_run_late_and_together_give_what_days_on_time_give(
    tmp_path_factory: pytest.TempPathFactory,
    purchases: list[Purchase], payments: list[Payment], days: int,
) -> None:  # fmt: skip
    on_time = _lived(tmp_path_factory.mktemp("p"), purchases, payments, days, on_time=True)
    late = _lived(tmp_path_factory.mktemp("p"), purchases, payments, days, on_time=False)
    assert late == on_time


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    """A shop whose buyer bought for 100.00, all of it on the bill of 10 March; now 20 February."""
    with market(
        tmp_path, Clock(collect_ms(START, 12)), more=(loans.register, pay_later.register)
    ) as made:
        made.accept(DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=TERMS))
        made.accept(GrantCreditLine(borrower_id=ALICE, product_id=PAY_LATER, amount=20_000))
        empty_wallets(made)
        _buy(made, 0, Purchase(0, ALICE, 10_000, 1))
        yield made


def _bank_pays(shop: Market, day: str, amount: int) -> None:
    """A bank pays while no day is closed."""
    shop.clock.now_ms = collect_ms(date.fromisoformat(day), 20)
    shop.accept(
        PayLoan(
            loan_id=_loan_of(shop, 0).loan_id, amount=amount, mode=PaymentMode.EARLY,
            source=PaidFrom(bank_id="1"),
        )
    )  # fmt: skip


@pytest.mark.parametrize(("day", "fee"), [("2027-03-10", 0), ("2027-03-11", 300)])
def test_a_payment_counts_on_its_own_day_however_late_the_bill_is_checked(
    shop: Market, day: str, fee: int
) -> None:
    go_to(shop, "2027-03-02")
    _bank_pays(shop, day, 1_000)
    go_to(shop, "2027-03-20")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert (bill.total, bill.minimum, bill.late_fee) == (10_000, 1_000, fee)
    charged = [e.day for e in shop.rows.select(LoanEvent) if e.kind.value == "fee"]
    assert charged == (["2027-03-11"] if fee else [])


def test_a_purchase_that_was_repaid_since_still_stands_on_its_bill_and_owes_its_late_fee(
    shop: Market,
) -> None:
    go_to(shop, "2027-02-28")
    _bank_pays(shop, "2027-03-15", 10_025)
    assert _loan_of(shop, 0).status.value == "closed"
    go_to(shop, "2027-03-20")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert (bill.total, bill.late_fee) == (10_000, 300)
    assert _loan_of(shop, 0).status.value == "active"
    assert shop.sum_of(LOAN_FEE.code) == 300
    go_to(shop, "2027-04-02")
    following = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-04-10")
    assert following is not None
    assert following.total == 300


def test_what_the_wallet_pays_once_the_platform_is_back_counts_as_paid_in_time(
    shop: Market,
) -> None:
    go_to(shop, "2027-03-02")
    shop.fund(ALICE, 12_000, "wages")
    go_to(shop, "2027-03-14")
    bill = shop.rows.get(Bill, ALICE, PAY_LATER, "2027-03-10")
    assert bill is not None
    assert (bill.checked_ms > 0, bill.late_fee) == (True, 0)


def test_who_bought_after_a_bill_day_that_was_missed_gets_the_next_bill(shop: Market) -> None:
    go_to(shop, "2027-02-28")
    _bank_pays(shop, "2027-02-28", 10_000)
    shop.clock.now_ms = collect_ms(date(2027, 3, 4), 12)
    _buy(shop, 1, Purchase(12, ALICE, 4_000, 1))
    go_to(shop, "2027-04-02")
    bills = shop.rows.query(Bill, "ORDER BY due_day")
    assert [(b.bill_day, b.total) for b in bills] == [("2027-04-01", 4_000)]
