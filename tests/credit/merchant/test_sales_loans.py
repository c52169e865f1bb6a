"""Loans on sales: who gets how much, what each settlement repays, the floor of a month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.credit.merchant.shop import (
    OFFER,
    POLICY,
    PRODUCT,
    TERMS,
    draw,
    empty_wallet,
    go_to,
    history,
    sell,
    shop_at,
)
from tests.payments.market import ALICE, APP, APP_ID, OTHER_SELLER, SHOP, Market

from tallystick.credit.loans.model import DefineLoanProduct, Loan, LoanStatus, PayLoan, PaymentMode
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.loans.views import loan_story
from tallystick.credit.merchant.decide import assess, floor_day, months_before
from tallystick.credit.merchant.model import MerchantLoan, SalesMonth, SalesShare, SetMerchantPolicy
from tallystick.credit.merchant.views import options_of, sales_by_month
from tallystick.credit.postings import RECEIVABLES
from tallystick.ledger.chart import SALES_SHARE
from tallystick.payments.trades.model import ConfirmReceipt, RefundTrade
from tallystick.pipeline.refusals import Refused


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with shop_at(tmp_path) as made:
        yield made


@pytest.fixture
def drawn(shop: Market) -> Market:
    history(shop)
    go_to(shop, "2027-06-05")
    draw(shop)
    return shop


def row(shop: Market) -> MerchantLoan:
    (found,) = shop.rows.select(MerchantLoan, merchant_id=SHOP)
    return found


def position(shop: Market) -> Any:
    loan = shop.rows.get(Loan, row(shop).loan_id)
    assert loan is not None
    return loan_story(shop.rows, loan, loan_day(shop.clock.now_ms)).position


def booked(shop: Market) -> int:
    return sum(shop.sum_of(entry.code) for entry in RECEIVABLES.values())


def test_the_sales_of_whole_months_are_the_settled_trades_less_what_went_back(shop: Market) -> None:
    history(shop)
    sell(shop, "extra", 20_000)
    refund = RefundTrade(
        app_id=APP_ID, out_trade_no="extra", out_request_no="R", amount=5_000, reason="returned"
    )
    shop.accept(refund, APP)
    found = sales_by_month(shop.rows.connection, SHOP, "CNY", date(2027, 6, 5), 5)
    assert found == (
        SalesMonth("2027-01"), SalesMonth("2027-02", 1, 100_000), SalesMonth("2027-03", 1, 100_000),
        SalesMonth("2027-04", 1, 100_000), SalesMonth("2027-05", 2, 120_000, 5_000),
    )  # fmt: skip


def test_a_merchant_draws_what_its_sales_allow_and_not_a_cent_more(shop: Market) -> None:
    history(shop)
    go_to(shop, "2027-06-05")
    before = shop.available(SHOP)
    assert draw(shop, OFFER + 1, refused=True) == "MERCHANT_OFFER_EXCEEDED"
    assert shop.available(SHOP) == before
    assert draw(shop).status is LoanStatus.ACTIVE
    assert shop.available(SHOP) == before + OFFER
    assert draw(shop, 1_000, refused=True) == "MERCHANT_LOAN_OPEN"


def test_a_history_that_is_too_short_or_of_somebody_else_is_refused_by_name(shop: Market) -> None:
    go_to(shop, "2027-04-10")
    sell(shop, "one", 100_000)
    go_to(shop, "2027-06-05")
    assert draw(shop, refused=True) == "MERCHANT_HISTORY_SHORT"
    assert draw(shop, refused=True, merchant_id=OTHER_SELLER) == "MERCHANT_HISTORY_SHORT"
    assert draw(shop, refused=True, merchant_id=ALICE) == "NOT_PERMITTED"
    assert draw(shop, refused=True, product_id="other") == "CREDIT_PRODUCT_NOT_EXIST"


def _months(*volumes: int, refunded: int = 0) -> list[SalesMonth]:
    return [SalesMonth(f"2026-{n + 1:02}", 1, v, refunded) for n, v in enumerate(volumes)]


@pytest.mark.parametrize(
    ("months", "policy", "exposure", "code"),
    [
        (_months(9, 9, 9, 9), {"monthly_min": 10}, 0, "MERCHANT_SALES_TOO_LOW"),
        (_months(9, 9, 9, 9), {}, 0, "MERCHANT_SALES_TOO_LOW"),
        (_months(*[9_000] * 4, refunded=3_000), {}, 0, "MERCHANT_REFUNDS_TOO_HIGH"),
        (_months(9_000, 9_000, 4_000, 4_000), {}, 0, "MERCHANT_SALES_FALLING"),
        (_months(*[9_000] * 4), {"exposure_max": 5_000}, 4_500, "MERCHANT_EXPOSURE_TOO_HIGH"),
    ],
)
def test_what_history_forbids_is_refused_by_name(
    months: list[SalesMonth], policy: dict[str, Any], exposure: int, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        assess(replace(POLICY, **policy), TERMS, months, exposure)
    assert refused.value.refusal.code == code


def test_what_is_owed_already_makes_the_offer_smaller() -> None:
    policy = replace(POLICY, exposure_max=10_000)
    assert assess(policy, TERMS, _months(*[9_000] * 4), 0).amount == 10_000
    assert assess(policy, TERMS, _months(*[9_000] * 4), 4_000).amount == 6_000
    assert assess(POLICY, TERMS, _months(*[9_000] * 4), 4_000).amount == 13_500


def test_a_policy_that_cannot_be_kept_is_refused(shop: Market) -> None:
    fields: tuple[dict[str, Any], ...] = (
        {"share_rate": Decimal(0)}, {"months_min": 5}, {"floor_rate": Decimal(2)},
        {"multiple": Decimal("Infinity")}, {"trend_min": Decimal("NaN")},
    )  # fmt: skip
    for field in fields:
        command = SetMerchantPolicy(product_id=PRODUCT, policy=replace(POLICY, **field))
        assert shop.refuse(command) == "CREDIT_TERMS_INVALID"
    costly = replace(TERMS, prepayment_rate=Decimal("0.01"))
    shop.accept(DefineLoanProduct(product_id="costly", name="Costly", terms=costly))
    command = SetMerchantPolicy(product_id="costly", policy=POLICY)
    assert shop.refuse(command) == "CREDIT_TERMS_INVALID"


def test_the_share_is_taken_with_the_settlement_and_pays_the_loan_that_day(drawn: Market) -> None:
    before, owed = drawn.available(SHOP), position(drawn).payoff
    sell(drawn, "S1", 20_000)
    assert drawn.available(SHOP) == before + 19_000 - 1_900
    assert drawn.sum_of(SALES_SHARE.code) == 1_900
    go_to(drawn, "2027-06-05", 23)
    assert drawn.sum_of(SALES_SHARE.code) == 0
    assert position(drawn).payoff == owed - 1_900
    assert booked(drawn) == position(drawn).owed_total


def test_held_trades_share_when_they_are_settled_and_not_before(drawn: Market) -> None:
    sell(drawn, "S1", 20_000, settlement="escrow")
    assert drawn.sum_of(SALES_SHARE.code) == 0
    drawn.accept(ConfirmReceipt(app_id=APP_ID, out_trade_no="S1"), APP)
    assert drawn.sum_of(SALES_SHARE.code) == 1_900
    (share,) = drawn.rows.select(SalesShare, loan_id=row(drawn).loan_id)
    assert (share.settled, share.taken) == (19_000, 1_900)


def test_no_more_is_taken_than_ends_the_loan_and_then_sales_are_free_again(drawn: Market) -> None:
    drawn.accept(PayLoan(loan_id=row(drawn).loan_id, amount=OFFER - 1_000, mode=PaymentMode.EARLY))
    sell(drawn, "S1", 50_000)
    assert row(drawn).taken == position(drawn).payoff == 1_000
    go_to(drawn, "2027-06-05", 23)
    loan = drawn.rows.get(Loan, row(drawn).loan_id)
    assert loan is not None
    assert (loan.status, row(drawn).is_open, booked(drawn)) == (LoanStatus.CLOSED, False, 0)
    before = drawn.available(SHOP)
    sell(drawn, "S2", 20_000)
    assert drawn.available(SHOP) == before + 19_000


def test_what_was_collected_for_a_loan_that_ended_otherwise_goes_back(drawn: Market) -> None:
    sell(drawn, "S1", 20_000)
    before = drawn.available(SHOP)
    drawn.accept(PayLoan(loan_id=row(drawn).loan_id, mode=PaymentMode.ALL))
    go_to(drawn, "2027-06-05", 23)
    assert drawn.sum_of(SALES_SHARE.code) == 0
    assert drawn.available(SHOP) == before - OFFER + 1_900
    assert not row(drawn).is_open


def test_the_wallet_makes_up_for_a_month_below_the_floor(tmp_path: Path) -> None:
    with shop_at(tmp_path, replace(POLICY, floor_rate=Decimal("0.05"))) as shop:
        history(shop)
        go_to(shop, "2027-06-05")
        draw(shop)
        empty_wallet(shop, "before")
        sell(shop, "S1", 20_000)
        shop.fund(SHOP, 100_000, "floor")
        go_to(shop, "2027-07-04")
        before, owed = shop.available(SHOP), position(shop).payoff
        go_to(shop, "2027-07-05", 11)
        paid = before - shop.available(SHOP)
        assert row(shop).taken == 1_900
        assert paid >= OFFER // 20 - 1_900
        assert position(shop).payoff <= owed - paid + 100


def test_floors_fall_on_days_that_every_month_has() -> None:
    assert floor_day(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert floor_day(date(2026, 11, 5), 2) == date(2027, 1, 5)
    assert months_before(date(2027, 1, 9), 3) == ["2026-10", "2026-11", "2026-12"]


def test_an_offer_shows_what_it_costs_in_all() -> None:
    (option,) = options_of(TERMS, OFFER, date(2027, 6, 5))
    assert option.all_in is not None
    assert Decimal("0.12") < option.all_in < Decimal("0.13")
    assert option.cost == sum(r.payment for r in option.schedule.rows) - OFFER
