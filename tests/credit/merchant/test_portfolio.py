"""The portfolio by days past due and by month of drawdown, against single loans."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.credit.merchant.shop import OFFER, draw, empty_wallet, go_to, history, shop_at
from tests.payments.market import SHOP

from tallystick.credit.loans.model import ChargeOffLoan, Loan
from tallystick.credit.loans.portfolio import BUCKETS, bucket_of, portfolio, roll_of_30_days


def test_a_loan_is_in_the_bucket_and_the_vintage_that_it_belongs_to(tmp_path: Path) -> None:
    with shop_at(tmp_path) as shop:
        history(shop)
        go_to(shop, "2027-06-05")
        draw(shop)
        found = portfolio(shop.rows, "CNY", date(2027, 6, 5))
        assert [(b.loans, b.principal) for b in found.buckets] == [(1, OFFER)] + [(0, 0)] * 4
        empty_wallet(shop, "gone")
        for day in ("2027-07-06", "2027-08-20"):
            go_to(shop, day)
        today = date(2027, 8, 20)
        found = portfolio(shop.rows, "CNY", today)
        assert {b.bucket: b.principal for b in found.buckets if b.loans} == {"31-60": OFFER}
        (vintage,) = found.vintages
        assert (vintage.month, vintage.drawn, vintage.late) == ("2027-06", OFFER, OFFER)
        assert roll_of_30_days(shop.rows, today, 10) == (1, {("1-30", "31-60"): 1})
        (loan,) = shop.rows.select(Loan, borrower_id=SHOP)
        owed = shop.accept(ChargeOffLoan(loan_id=loan.loan_id)).amount
        (vintage,) = portfolio(shop.rows, "CNY", today).vintages
        assert (vintage.left, vintage.lost) == (0, (0, 0, owed))


def test_buckets_begin_where_they_say() -> None:
    days = (0, 1, 30, 31, 60, 61, 90, 91, 4000)
    names = [BUCKETS[n] for n in (0, 1, 1, 2, 2, 3, 3, 4, 4)]
    assert [bucket_of(n) for n in days] == names
