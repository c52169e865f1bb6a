"""Limits of levels in the path: what reviewers release counts, and what was frozen counts once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.payments.market import ALICE, APP, CODES
from tests.risk.decision.watched_market import ANN, BEN, WatchedMarket, watched

from tallystick.payments.holds.model import FreezeFunds
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.risk.decision.model import ReleaseHeld, Review
from tallystick.risk.person.model import SetLevelLimit


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WatchedMarket]:
    with watched(tmp_path) as opened:
        opened.accept(SetLevelLimit(level=0, currency="CNY", lifetime=1000), ANN)
        yield opened


def test_what_reviewers_release_counts_and_goes_no_further_than_the_limit(
    shop: WatchedMarket,
) -> None:
    shop.publish("amount == 600", "hold")
    for _ in range(2):
        assert shop.code_of(shop.pay(ALICE, 600)) == "RISK_HELD"
    first, second = (ReleaseHeld(review_id=r.review_id) for r in shop.rows.select(Review))
    for reviewer in (ANN, BEN):
        shop.accept(first, reviewer)
    assert shop.code_of(shop.pay(ALICE, 500)) == "LEVEL_LIMIT"
    shop.accept(second, ANN)
    assert shop.refuse(second, BEN) == "LEVEL_LIMIT"
    assert shop.code_of(shop.pay(ALICE, 400)) == "accepted"
    assert shop.available(ALICE) == 4000


def test_what_is_paid_out_of_frozen_money_has_counted_when_it_was_frozen(
    shop: WatchedMarket,
) -> None:
    frozen = FreezeFunds(
        app_id="", out_order_no="deposit", out_request_no="deposit", amount=600, title="Deposit",
        payment_code_index=CODES[ALICE],
    )  # fmt: skip
    hold_id = shop.accept(frozen, APP).hold_id
    order = CreateTrade(app_id="", out_trade_no="rent", amount=600, subject="Rent")
    shop.accept(PayTrade(order=order, hold_id=hold_id), APP)
    assert shop.code_of(shop.pay(ALICE, 500)) == "LEVEL_LIMIT"
    assert shop.code_of(shop.pay(ALICE, 400)) == "accepted"
