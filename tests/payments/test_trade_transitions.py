"""The trade's state machine: what the table has works, all else is refused by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.payments.market import ALICE, APP, APP_ID, COURIER, SHOP, Market, as_party, market
from tests.stores import contents

from tallystick.payments.trades.model import (
    CancelTrade,
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    FinishTrade,
    OpenDispute,
    PayTrade,
    RefundTrade,
    ResolveDispute,
    ShipTrade,
    Split,
    SplitTrade,
    TradeStatus,
)
from tallystick.payments.trades.model import TradeStatus as S
from tallystick.payments.trades.transitions import TRANSITIONS
from tallystick.pipeline.commands import SYSTEM, Caller, Command
from tallystick.pipeline.refusals import REFUSALS

AMOUNT = 100


def order(settlement: str = "escrow") -> CreateTrade:
    return CreateTrade(
        app_id=APP_ID, out_trade_no="T1", amount=AMOUNT, subject="Tea", settlement=settlement
    )


class Trader:
    """One trade, and the commands on it."""

    def __init__(self, parts: Market, settlement: str = "escrow") -> None:
        self.parts = parts
        self.trade_no = parts.accept(order(settlement), APP).trade_no
        self.named: dict[str, Any] = {"app_id": APP_ID, "trade_no": self.trade_no}

    def status(self) -> TradeStatus:
        return self.parts.trade("T1").status

    def command(self, name: str) -> tuple[Command, Caller]:
        named = self.named
        return {
            "trade.pay": (PayTrade(**named, buyer_id=ALICE), as_party(ALICE)),
            "trade.close": (CloseTrade(**named), APP),
            "trade.cancel": (CancelTrade(**named), APP),
            "trade.ship": (ShipTrade(**named), APP),
            "trade.confirm": (ConfirmReceipt(**named), APP),
            "trade.refund": (RefundTrade(**named, amount=10, out_request_no="R1"), APP),
            "trade.dispute": (OpenDispute(**named, reason="broken"), APP),
            "trade.resolve": (ResolveDispute(**named, to_buyer=40, to_seller=60), APP),
            "trade.split": (
                SplitTrade(**named, out_request_no="S1", splits=(Split(COURIER, 5),)), APP,
            ),
            "trade.finish": (FinishTrade(**named), SYSTEM),
        }[name]  # fmt: skip

    def do(self, *names: str) -> None:
        for name in names:
            command, caller = self.command(name)
            self.parts.accept(command, caller)


WAYS: dict[S, tuple[str, ...]] = {
    S.WAIT_BUYER_PAY: (),
    S.HELD: ("trade.pay",),
    S.SHIPPED: ("trade.pay", "trade.ship"),
    S.DISPUTED: ("trade.pay", "trade.dispute"),
    S.SETTLED: ("trade.pay", "trade.confirm"),
    S.FINISHED: ("trade.pay", "trade.confirm", "trade.finish"),
    S.CLOSED: ("trade.close",),
}
"""How each state is reached."""

COMMANDS = sorted({t.command for t in TRANSITIONS})
PAIRS = sorted(itertools.product(COMMANDS, S))
ALLOWED = {(t.command, t.before) for t in TRANSITIONS}

REFUSED = {
    ("trade.pay", S.HELD): "TRADE_ALREADY_PAID",
    ("trade.pay", S.SHIPPED): "TRADE_ALREADY_PAID",
    ("trade.pay", S.DISPUTED): "TRADE_ALREADY_PAID",
    ("trade.pay", S.SETTLED): "TRADE_ALREADY_PAID",
    ("trade.close", S.HELD): "TRADE_STATE_REFUSED",
    ("trade.close", S.SHIPPED): "TRADE_STATE_REFUSED",
    ("trade.close", S.SETTLED): "TRADE_STATE_REFUSED",
    ("trade.cancel", S.SHIPPED): "TRADE_STATE_REFUSED",
    ("trade.ship", S.SHIPPED): "TRADE_STATE_REFUSED",
    ("trade.ship", S.SETTLED): "TRADE_NOT_HELD",
    ("trade.confirm", S.SETTLED): "TRADE_NOT_HELD",
    ("trade.dispute", S.SETTLED): "TRADE_NOT_HELD",
    ("trade.resolve", S.HELD): "DISPUTE_NOT_OPEN",
    ("trade.resolve", S.SHIPPED): "DISPUTE_NOT_OPEN",
    ("trade.resolve", S.SETTLED): "DISPUTE_NOT_OPEN",
    ("trade.split", S.HELD): "TRADE_NOT_SETTLED",
    ("trade.split", S.SHIPPED): "TRADE_NOT_SETTLED",
    ("trade.split", S.DISPUTED): "TRADE_NOT_SETTLED",
    ("trade.finish", S.HELD): "TRADE_NOT_SETTLED",
    ("trade.finish", S.SHIPPED): "TRADE_NOT_SETTLED",
}
BY_STATE = {
    S.WAIT_BUYER_PAY: "TRADE_NOT_PAID",
    S.DISPUTED: "TRADE_DISPUTED",
    S.FINISHED: "TRADE_FINISHED",
    S.CLOSED: "TRADE_CLOSED",
}
"""What is said in a state to whatever is not named above."""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


@pytest.mark.parametrize(("name", "status"), [p for p in PAIRS if p not in ALLOWED])
def test_what_the_table_does_not_have_is_refused_by_name_and_changes_nothing(
    parts: Market, name: str, status: S
) -> None:
    trader = Trader(parts)
    trader.do(*WAYS[status])
    assert trader.status() is status
    before = contents(parts.database)
    expected = REFUSED.get((name, status)) or BY_STATE[status]
    assert expected in REFUSALS
    command, caller = trader.command(name)
    assert parts.refuse(command, caller) == expected
    assert contents(parts.database) == before


@pytest.mark.parametrize(
    ("name", "status"),
    [p for p in PAIRS if p in ALLOWED and p != ("trade.cancel", S.SETTLED)],
)
def test_what_the_table_has_leads_where_it_says(parts: Market, name: str, status: S) -> None:
    trader = Trader(parts)
    trader.do(*WAYS[status])
    trader.do(name)
    after = {t.after for t in TRANSITIONS if (t.command, t.before) == (name, status)}
    assert trader.status() in after


@pytest.mark.parametrize(
    ("way", "last", "after"),
    [
        (("trade.pay",), lambda n: RefundTrade(**n, amount=AMOUNT), S.CLOSED),
        (("trade.pay", "trade.ship"), lambda n: RefundTrade(**n, amount=AMOUNT), S.CLOSED),
        (("trade.pay", "trade.confirm"), lambda n: RefundTrade(**n, amount=AMOUNT), S.CLOSED),
        (
            ("trade.pay", "trade.dispute"),
            lambda n: ResolveDispute(**n, to_buyer=AMOUNT, to_seller=0),
            S.CLOSED,
        ),
        (
            ("trade.pay", "trade.dispute"),
            lambda n: ResolveDispute(**n, to_buyer=0, to_seller=AMOUNT),
            S.SETTLED,
        ),
    ],
)
def test_giving_all_back_closes(
    parts: Market, way: tuple[str, ...], last: Callable[[dict[str, Any]], Command], after: S
) -> None:
    trader = Trader(parts)
    trader.do(*way)
    parts.accept(last(trader.named), APP)
    assert trader.status() is after


def test_an_instant_trade_is_settled_by_paying_and_can_be_cancelled(parts: Market) -> None:
    trader = Trader(parts, "instant")
    trader.do("trade.pay")
    assert trader.status() is S.SETTLED
    assert parts.available(SHOP) == 1000 + 95
    trader.do("trade.cancel")
    assert trader.status() is S.CLOSED
    assert parts.available(SHOP) == 1000
    assert parts.available(ALICE) == 5000


def test_a_confirmed_escrow_trade_is_not_cancelled_but_refunded(parts: Market) -> None:
    trader = Trader(parts)
    trader.do("trade.pay", "trade.confirm")
    command, caller = trader.command("trade.cancel")
    assert parts.refuse(command, caller) == "TRADE_STATE_REFUSED"


def test_every_transition_is_a_line_of_the_trades_story(parts: Market) -> None:
    trader = Trader(parts)
    trader.do("trade.pay", "trade.ship", "trade.confirm", "trade.finish")
    lines = parts.rows.connection.execute(
        "SELECT command, status_before, status_after FROM trade_event ORDER BY step"
    ).fetchall()
    assert lines[0] == ("trade.create", "", "wait_buyer_pay")
    table = {(t.command, t.before.value, t.after.value) for t in TRANSITIONS}
    assert len(lines) == 5
    assert set(lines[1:]) <= table
