"""What time does by itself: orders close, receipt confirms, holds end, each once and in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.payments.laws import LawKeeper
from tests.payments.market import (
    ALICE,
    APP,
    APP_ID,
    BOB,
    CONFIRM_WITHIN_MS,
    COURIER,
    DAY_MS,
    REFUND_WITHIN_MS,
    SHOP,
    TEACHER,
    Market,
    as_party,
    market,
)
from tests.platform_parts import Clock

from tallystick.payments.holds.model import ExpireHold, FreezeFunds, UnfreezeFunds
from tallystick.payments.trades.model import (
    CancelTrade,
    ConfirmReceipt,
    CreateTrade,
    OpenDispute,
    PayTrade,
    Refund,
    RefundTrade,
    ResolveDispute,
    Settlement,
    ShipTrade,
    Split,
    SplitTrade,
    TradeStatus,
    UnrelateReceivers,
)
from tallystick.pipeline.commands import SYSTEM, Request


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


def order(amount: int = 100, splits: tuple[Split, ...] = ()) -> CreateTrade:
    return CreateTrade(
        app_id=APP_ID, out_trade_no="T1", amount=amount, subject="Tea", splits=splits
    )


def pay(parts: Market, amount: int = 100, splits: tuple[Split, ...] = ()) -> str:
    trade_no: str = parts.accept(order(amount, splits), APP).trade_no
    parts.accept(PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=ALICE), as_party(ALICE))
    return trade_no


def ship(parts: Market, trade_no: str) -> None:
    parts.accept(ShipTrade(app_id=APP_ID, trade_no=trade_no), APP)


def freeze(parts: Market, amount: int = 300, days: int = 7) -> str:
    command = FreezeFunds(
        app_id=APP_ID, out_order_no="H1", out_request_no="F1", amount=amount, title="Deposit",
        payer_id=ALICE, expires_within_ms=days * DAY_MS,
    )  # fmt: skip
    hold_id: str = parts.accept(command, as_party(ALICE)).hold_id
    return hold_id


def let_pass(parts: Market, span_ms: int) -> None:
    parts.clock.pass_ms(span_ms)
    while parts.run_timers():
        pass


def status(parts: Market) -> TradeStatus:
    return parts.trade("T1").status


def test_an_order_that_nobody_pays_closes_in_time(parts: Market) -> None:
    trade_no = parts.accept(order(), APP).trade_no
    within = parts.trade("T1").pay_by_ms - parts.clock()
    let_pass(parts, within - 1)
    assert status(parts) is TradeStatus.WAIT_BUYER_PAY
    parts.clock.pass_ms(1)
    # Too late even though the timer has not run yet.
    late = PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=ALICE)
    assert parts.refuse(late, as_party(ALICE)) == "TRADE_EXPIRED"
    let_pass(parts, 0)
    assert status(parts) is TradeStatus.CLOSED
    assert parts.available(ALICE) == 5000


def test_receipt_is_confirmed_when_the_deadline_passes(parts: Market) -> None:
    ship(parts, pay(parts))
    let_pass(parts, CONFIRM_WITHIN_MS - 1)
    assert status(parts) is TradeStatus.SHIPPED
    let_pass(parts, 1)
    assert status(parts) is TradeStatus.SETTLED
    assert parts.available(SHOP) == 1000 + 95
    let_pass(parts, REFUND_WITHIN_MS)
    assert status(parts) is TradeStatus.FINISHED
    assert parts.next_timer_ms() is None


def test_a_long_pause_is_made_up_for_in_order(tmp_path: Path) -> None:
    clock = Clock()
    with market(tmp_path, clock) as parts:
        ship(parts, pay(parts))
        freeze(parts)
    clock.pass_ms(CONFIRM_WITHIN_MS + REFUND_WITHIN_MS + DAY_MS)
    with market(tmp_path, clock) as parts:
        let_pass(parts, 0)
        # Settled only now, so there is still time to refund.
        assert status(parts) is TradeStatus.SETTLED
        assert parts.frozen(ALICE) == 0
        let_pass(parts, REFUND_WITHIN_MS)
        assert status(parts) is TradeStatus.FINISHED


def test_a_dispute_stops_the_clock(parts: Market) -> None:
    trade_no = pay(parts)
    ship(parts, trade_no)
    parts.accept(OpenDispute(app_id=APP_ID, trade_no=trade_no, reason="broken"), as_party(ALICE))
    let_pass(parts, 10 * CONFIRM_WITHIN_MS)
    assert status(parts) is TradeStatus.DISPUTED
    assert LawKeeper(parts).held(trade_no) == 100


PLAN = (Split(COURIER, 30), Split(TEACHER, 10))


def test_after_a_partial_refund_the_deadline_pays_the_plan_in_proportion(parts: Market) -> None:
    trade_no = pay(parts, 100, PLAN)
    ship(parts, trade_no)
    parts.accept(RefundTrade(app_id=APP_ID, trade_no=trade_no, amount=90, out_request_no="R"), APP)
    let_pass(parts, CONFIRM_WITHIN_MS)
    assert status(parts) is TradeStatus.SETTLED
    # 10 are held: 4 for receivers, a fee of 1, and 5 for the seller.
    assert (parts.available(COURIER), parts.available(TEACHER)) == (3, 1)
    assert parts.available(SHOP) == 1000 + 5
    LawKeeper(parts).check()


def test_a_receiver_that_is_bound_no_more_does_not_keep_the_seller_waiting(parts: Market) -> None:
    trade_no = pay(parts, 100, PLAN)
    ship(parts, trade_no)
    parts.accept(UnrelateReceivers(app_id=APP_ID, receivers=(TEACHER,)), APP)
    # Whoever confirms is told; the deadline leaves the part to the seller and writes it down.
    confirm = ConfirmReceipt(app_id=APP_ID, trade_no=trade_no)
    assert parts.refuse(confirm, APP) == "ROYALTY_RELATION_MISSING"
    let_pass(parts, CONFIRM_WITHIN_MS)
    assert status(parts) is TradeStatus.SETTLED
    assert (parts.available(COURIER), parts.available(TEACHER)) == (30, 0)
    assert parts.available(SHOP) == 1000 + 95 - 30
    [row] = parts.rows.select(Settlement, trade_no=trade_no)
    assert TEACHER not in row.splits


def test_a_plan_that_could_never_be_paid_is_refused_with_the_order(parts: Market) -> None:
    assert parts.refuse(order(100, (Split(COURIER, 96),)), APP) == "SPLIT_EXCEEDS_AMOUNT"
    assert parts.refuse(order(100, (Split(BOB, 10),)), APP) == "ROYALTY_RELATION_MISSING"
    assert parts.refuse(order(100, (Split(COURIER, 0),)), APP) == "INVALID_AMOUNT"
    parts.accept(order(100, (Split(COURIER, 95),)), APP)


# Numbers that partners choose beside those that the platform gives.


def test_a_refund_called_dispute_is_not_overwritten_by_a_resolution(parts: Market) -> None:
    trade_no = pay(parts, 100)
    named: dict[str, Any] = {"app_id": APP_ID, "trade_no": trade_no}
    parts.accept(RefundTrade(**named, amount=10, out_request_no="dispute"), APP)
    parts.accept(OpenDispute(**named, reason="broken"), APP)
    parts.accept(ResolveDispute(**named, to_buyer=20, to_seller=70), APP)
    assert sum(r.amount for r in parts.rows.select(Refund, trade_no=trade_no)) == 30
    more = RefundTrade(**named, amount=71, out_request_no="R")
    assert parts.refuse(more, APP) == "REFUND_AMOUNT_EXCEEDED"


def test_a_refund_called_cancel_is_not_overwritten_by_a_cancellation(parts: Market) -> None:
    trade_no = pay(parts, 100)
    named: dict[str, Any] = {"app_id": APP_ID, "trade_no": trade_no}
    parts.accept(RefundTrade(**named, amount=10, out_request_no="cancel"), APP)
    parts.accept(CancelTrade(**named), APP)
    assert sorted(r.amount for r in parts.rows.select(Refund, trade_no=trade_no)) == [10, 90]


def test_a_split_with_the_settlements_number_is_a_split_of_its_own(parts: Market) -> None:
    trade_no = pay(parts, 100)
    named: dict[str, Any] = {"app_id": APP_ID, "trade_no": trade_no}
    parts.accept(ConfirmReceipt(**named, out_request_no="S", splits=PLAN), APP)
    parts.accept(SplitTrade(**named, out_request_no="S", splits=(Split(COURIER, 5),)), APP)
    assert len(parts.rows.select(Settlement, trade_no=trade_no)) == 2
    # 95 less 40 less 5 is what the seller still has of it.
    more = SplitTrade(**named, out_request_no="S2", splits=(Split(COURIER, 51),))
    assert parts.refuse(more, APP) == "SPLIT_EXCEEDS_AMOUNT"


# Holds.


def test_a_hold_that_ends_gives_everything_free_exactly_once(parts: Market) -> None:
    hold_id = freeze(parts, 300)
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (4700, 300)
    parts.accept(UnfreezeFunds(app_id=APP_ID, hold_id=hold_id, out_request_no="U", amount=100), APP)
    parts.clock.pass_ms(7 * DAY_MS)
    late = UnfreezeFunds(app_id=APP_ID, hold_id=hold_id, out_request_no="U2", amount=1)
    assert parts.refuse(late, APP) == "HOLD_CLOSED"
    assert parts.run_timers() == 1
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)
    # Whoever asks again: the timer, the same timer twice in one batch, after more time.
    again = [Request.once(SYSTEM, ExpireHold(hold_id=hold_id)) for _ in range(3)]
    assert {a.refusal.code for a in parts.together(again) if a.refusal} == {"HOLD_CLOSED"}
    let_pass(parts, 7 * DAY_MS)
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)
    LawKeeper(parts).check()


def test_a_hold_that_ends_while_the_server_is_down_is_given_free_at_the_start(
    tmp_path: Path,
) -> None:
    clock = Clock()
    with market(tmp_path, clock) as parts:
        freeze(parts, 300)
    clock.pass_ms(30 * DAY_MS)
    with market(tmp_path, clock) as parts:
        assert parts.frozen(ALICE) == 300
        let_pass(parts, 0)
        assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)
    with market(tmp_path, clock) as parts:
        let_pass(parts, 0)
        assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)


def test_a_hold_cannot_be_ended_before_its_time(parts: Market) -> None:
    hold_id = freeze(parts, 300)
    assert parts.refuse(ExpireHold(hold_id=hold_id)) == "INVALID_PARAMETER"
    assert parts.frozen(ALICE) == 300


def test_a_deadline_beyond_all_calendars_is_refused(parts: Market) -> None:
    far = CreateTrade(
        app_id=APP_ID, out_trade_no="T1", amount=100, subject="Tea", pay_within_ms=2**62
    )
    assert parts.refuse(far, APP) == "INVALID_PARAMETER"
    forever = FreezeFunds(
        app_id=APP_ID, out_order_no="H1", out_request_no="F1", amount=1, title="Deposit",
        payer_id=ALICE, expires_within_ms=2**62,
    )  # fmt: skip
    assert parts.refuse(forever, as_party(ALICE)) == "INVALID_PARAMETER"
