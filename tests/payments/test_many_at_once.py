"""Many threads at once on the same trades and accounts: each command counts once, none deadlock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.payments.laws import LawKeeper
from tests.payments.market import (
    ALICE,
    APP,
    APP_ID,
    BOB,
    COURIER,
    SHOP,
    TEACHER,
    Market,
    as_party,
    market,
)

from tallystick.ledger.chart import account_id
from tallystick.parties.model import Party
from tallystick.payments.accounts import wallet
from tallystick.payments.trades.model import (
    CancelTrade,
    ConfirmReceipt,
    CreateTrade,
    OpenDispute,
    PayTrade,
    RefundTrade,
    ResolveDispute,
    ShipTrade,
)
from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Answer, Caller, Command, Request

THREADS = 8


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


def at_once(parts: Market, asked: list[tuple[Caller, Command]]) -> list[Answer]:
    """The commands from as many threads as there are; answers in their order."""
    with ThreadPoolExecutor(THREADS) as pool:
        requests = [Request.once(caller, command) for caller, command in asked]
        return list(pool.map(parts.executor.submit_and_wait, requests))


def accepted(answers: list[Answer]) -> int:
    return sum(a.refusal is None for a in answers)


def paid_trade(parts: Market, number: str, amount: int, buyer: str = ALICE) -> str:
    order = CreateTrade(app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea")
    trade_no: str = parts.accept(order, APP).trade_no
    parts.accept(PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=buyer), as_party(buyer))
    return trade_no


def test_an_order_that_many_pay_at_once_is_paid_once(parts: Market) -> None:
    order = CreateTrade(app_id=APP_ID, out_trade_no="T1", amount=700, subject="Tea")
    trade_no = parts.accept(order, APP).trade_no
    pay = PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=ALICE)
    answers = at_once(parts, [(as_party(ALICE), pay)] * 24)
    assert accepted(answers) == 1
    assert {a.refusal.code for a in answers if a.refusal} == {"TRADE_ALREADY_PAID"}
    assert parts.available(ALICE) == 5000 - 700


def test_an_order_that_many_open_at_once_is_one_trade(parts: Market) -> None:
    order = CreateTrade(app_id=APP_ID, out_trade_no="T1", amount=700, subject="Tea")
    answers = at_once(parts, [(APP, order)] * 24)
    numbers = {getattr(a.reply, "trade_no", "") for a in answers}
    assert accepted(answers) == 24
    assert numbers == {parts.trade("T1").trade_no}


def test_refunds_from_many_threads_never_exceed_the_trade(parts: Market) -> None:
    named: dict[str, Any] = {"app_id": APP_ID, "trade_no": paid_trade(parts, "T1", 1000)}
    asked: list[tuple[Caller, Command]] = [
        (APP, RefundTrade(**named, amount=130, out_request_no=f"R{n}")) for n in range(24)
    ]
    answers = at_once(parts, asked)
    assert accepted(answers) == 7
    assert parts.available(ALICE) == 5000 - 1000 + 7 * 130
    LawKeeper(parts).check()


def test_of_confirm_cancel_refund_and_dispute_one_wins(parts: Market) -> None:
    laws = LawKeeper(parts)
    for turn in range(8):
        trade_no = paid_trade(parts, f"T{turn}", 100)
        named: dict[str, Any] = {"app_id": APP_ID, "trade_no": trade_no}
        commands: list[Command] = [
            ConfirmReceipt(**named),
            CancelTrade(**named),
            RefundTrade(**named, amount=100),
            OpenDispute(**named, reason="broken"),
            ShipTrade(**named),
            ResolveDispute(**named, to_buyer=50, to_seller=50),
        ]
        random.Random(turn).shuffle(commands)
        assert accepted(at_once(parts, [(APP, command) for command in commands])) >= 1
        laws.check()


def test_a_hot_account_takes_every_payment_and_nobody_deadlocks(parts: Market) -> None:
    """Everybody pays into and out of the same two wallets, in both directions."""
    asked: list[tuple[Caller, Command]] = []
    for n in range(200):
        payer, payee = (ALICE, BOB) if n % 2 else (BOB, ALICE)
        asked.append(
            (
                as_party(payer),
                TransferBetweenWallets(
                    payer_id=payer, payee_id=payee, amount=1 + n % 3, out_biz_no=f"W{n}"
                ),
            )
        )
    assert accepted(at_once(parts, asked)) == 200
    to_bob = sum(1 + n % 3 for n in range(200) if n % 2)
    to_alice = sum(1 + n % 3 for n in range(200) if not n % 2)
    assert parts.available(BOB) == 3000 + to_bob - to_alice
    assert parts.available(ALICE) == 5000 + to_alice - to_bob
    LawKeeper(parts).check()


def test_a_wallet_is_never_overdrawn_by_many_at_once(parts: Market) -> None:
    asked: list[tuple[Caller, Command]] = [
        (
            as_party(BOB),
            TransferBetweenWallets(payer_id=BOB, payee_id=ALICE, amount=400, out_biz_no=f"W{n}"),
        )
        for n in range(24)
    ]
    answers = at_once(parts, asked)
    assert accepted(answers) == 7
    assert {a.refusal.code for a in answers if a.refusal} == {"BALANCE_NOT_ENOUGH"}
    assert parts.available(BOB) == 3000 - 7 * 400


def test_an_account_that_many_are_the_first_to_use_is_opened_once(parts: Market) -> None:
    asked: list[tuple[Caller, Command]] = [
        (
            as_party(payer),
            TransferBetweenWallets(payer_id=payer, payee_id=TEACHER, amount=5, out_biz_no=f"W{n}"),
        )
        for n, payer in enumerate([ALICE, BOB, SHOP] * 8)
    ]
    party = parts.rows.get(Party, TEACHER)
    assert party is not None
    assert parts.ledger.accounts([wallet(party, "CNY").id]) == []
    assert accepted(at_once(parts, asked)) == 24
    owned = [a for a in parts.ledger.accounts_where() if a.user_data_128 == int(TEACHER)]
    assert [a.id for a in owned] == [account_id(owned[0].book, wallet(party, "CNY").entry, TEACHER)]
    assert parts.available(TEACHER) == 24 * 5


def _random_command(draw: random.Random, trades: list[str]) -> tuple[Caller, Command]:
    named: dict[str, Any] = {"app_id": APP_ID, "trade_no": draw.choice(trades)}
    amount = draw.randint(1, 80)
    commands: list[Callable[[], tuple[Caller, Command]]] = [
        lambda: (APP, ShipTrade(**named)),
        lambda: (APP, ConfirmReceipt(**named)),
        lambda: (APP, CancelTrade(**named)),
        lambda: (APP, OpenDispute(**named, reason="broken")),
        lambda: (APP, RefundTrade(**named, amount=amount, out_request_no=f"R{amount}")),
        lambda: (APP, ResolveDispute(**named, to_buyer=amount, to_seller=100 - amount)),
        lambda: (
            as_party(SHOP),
            TransferBetweenWallets(
                payer_id=SHOP, payee_id=COURIER, amount=amount, out_biz_no=f"S{amount}"
            ),
        ),
        lambda: (
            as_party(BOB),
            PayTrade(app_id=APP_ID, trade_no=named["trade_no"], buyer_id=BOB),
        ),
    ]
    return draw.choice(commands)()


@pytest.mark.parametrize("seed", range(3))
def test_whatever_many_do_at_once_the_laws_hold(parts: Market, seed: int) -> None:
    draw, laws = random.Random(seed), LawKeeper(parts)
    trades = [paid_trade(parts, f"P{n}", 100) for n in range(8)]
    for n in range(4):
        order = CreateTrade(app_id=APP_ID, out_trade_no=f"U{n}", amount=100, subject="Tea")
        trades.append(parts.accept(order, APP).trade_no)
    answers = at_once(parts, [_random_command(draw, trades) for _ in range(240)])
    assert accepted(answers) > 20
    assert not {a.refusal.code for a in answers if a.refusal} & {
        "INTERNAL_ERROR", "LEDGER_REFUSED", "STORE_UNAVAILABLE",
    }  # fmt: skip
    laws.check()
