"""Every way a bank can answer: the wallet moves once, when the bank has said yes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from tests.payments.laws import LawKeeper
from tests.payments.market import ALICE, Market, as_party, market
from tests.stores import unwritable

from tallystick.payments.banks.adapter import BankAdapter, BankReply, BankUnreachable, LateReply
from tallystick.payments.banks.sandbox import SandboxBank, sandbox_banks
from tallystick.payments.banks.worker import BankWorker
from tallystick.payments.wallet.model import (
    BankAnswered,
    BankOrder,
    BankOrderStatus,
    StartTopUp,
    StartWithdrawal,
)

ASK_AFTER_MS = 10_000


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


def rounds(
    parts: Market, banks: Mapping[str, BankAdapter], count: int = 8, *, patience_s: float = 60.0
) -> None:
    """Let a worker go round, some time apart."""

    async def run() -> None:
        worker = BankWorker(
            parts.rows, parts.executor, banks, parts.clock,
            ask_after_ms=ASK_AFTER_MS, call_timeout_s=patience_s,
        )  # fmt: skip
        for _ in range(count):
            await worker.run_once()
            parts.clock.pass_ms(ASK_AFTER_MS * 2)

    asyncio.run(run())


def order(parts: Market, kind: str, bank_id: str, amount: int = 500) -> str:
    command = StartTopUp if kind == "top_up" else StartWithdrawal
    asked = command(party_id=ALICE, amount=amount, bank_id=bank_id)
    order_id: str = parts.accept(asked, as_party(ALICE)).order_id
    return order_id


def status(parts: Market, order_id: str) -> BankOrderStatus:
    row = parts.rows.get(BankOrder, order_id)
    assert row is not None
    return row.status


@pytest.mark.parametrize("bank_id", ["1", "3", "4", "5", "6"])
@pytest.mark.parametrize(("kind", "change"), [("top_up", 500), ("withdrawal", -500)])
def test_a_bank_that_accepts_moves_the_money_once(
    parts: Market, bank_id: str, kind: str, change: int
) -> None:
    banks = sandbox_banks(clock_ms=parts.clock)
    order_id = order(parts, kind, bank_id)
    held = 500 if kind == "withdrawal" else 0
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000 - held, held)
    rounds(parts, banks)
    assert status(parts, order_id) is BankOrderStatus.ACCEPTED
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000 + change, 0)
    assert cast(SandboxBank, banks[bank_id]).paid == {order_id: 500}
    LawKeeper(parts).check()


@pytest.mark.parametrize("kind", ["top_up", "withdrawal"])
def test_a_bank_that_rejects_leaves_the_money_where_it_was(parts: Market, kind: str) -> None:
    order_id = order(parts, kind, "2")
    rounds(parts, sandbox_banks(clock_ms=parts.clock))
    assert status(parts, order_id) is BankOrderStatus.REJECTED
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)


def test_while_a_bank_says_nothing_the_money_stays_held(parts: Market) -> None:
    order_id = order(parts, "withdrawal", "7")
    rounds(parts, sandbox_banks(clock_ms=parts.clock))
    assert status(parts, order_id) is BankOrderStatus.SENT
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (4500, 500)


@pytest.mark.parametrize("bank_id", ["1", "3", "4", "5", "6"])
def test_a_restart_at_any_moment_moves_nothing_twice(tmp_path: Path, bank_id: str) -> None:
    """The bank remembers; the server forgets everything but its database, after every round."""
    with market(tmp_path) as parts:
        clock, order_id = parts.clock, order(parts, "withdrawal", bank_id)
    banks = sandbox_banks(clock_ms=clock)
    for _ in range(8):
        with market(tmp_path, clock) as parts:
            rounds(parts, banks, 1)
    with market(tmp_path, clock) as parts:
        assert status(parts, order_id) is BankOrderStatus.ACCEPTED
        assert (parts.available(ALICE), parts.frozen(ALICE)) == (4500, 0)
        assert cast(SandboxBank, banks[bank_id]).paid == {order_id: 500}


def test_an_answer_that_was_lost_is_asked_for(parts: Market) -> None:
    """The bank has paid, and the store cannot write when it says so."""
    order_id = order(parts, "withdrawal", "1")
    banks = sandbox_banks(clock_ms=parts.clock)
    with unwritable(parts.writer):
        rounds(parts, banks, 2)
        assert status(parts, order_id) is BankOrderStatus.NEW
    rounds(parts, banks, 2)
    assert status(parts, order_id) is BankOrderStatus.ACCEPTED
    assert cast(SandboxBank, banks["1"]).paid == {order_id: 500}
    assert parts.available(ALICE) == 4500


def test_a_bank_that_contradicts_itself_is_refused_and_the_first_answer_stands(
    parts: Market,
) -> None:
    order_id = order(parts, "withdrawal", "7")

    def answer(accepted: bool, reference: str) -> BankAnswered:
        return BankAnswered(order_id=order_id, accepted=accepted, bank_reference=reference)

    parts.accept(answer(False, "A"))
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)
    assert parts.refuse(answer(True, "A")) == "BANK_ANSWER_CONFLICT"
    assert parts.refuse(answer(False, "B")) == "BANK_ANSWER_CONFLICT"
    parts.accept(answer(False, "A"))
    assert (parts.available(ALICE), parts.frozen(ALICE)) == (5000, 0)


class Hanging:
    """Never answers a call, and never ends it."""

    async def send(self, order: BankOrder) -> BankReply | None:
        await asyncio.sleep(3600)
        raise AssertionError

    query = send

    async def collect(self) -> Sequence[LateReply]:
        raise BankUnreachable


def test_a_bank_that_hangs_does_not_hold_up_the_others(parts: Market) -> None:
    stuck = [order(parts, "withdrawal", "2", 10) for _ in range(5)]
    fine = order(parts, "withdrawal", "1", 10)
    rounds(parts, sandbox_banks(clock_ms=parts.clock) | {"2": Hanging()}, 2, patience_s=1.0)
    assert {status(parts, s) for s in stuck} == {BankOrderStatus.NEW}
    assert status(parts, fine) is BankOrderStatus.ACCEPTED


def test_an_order_that_cannot_be_is_refused(parts: Market) -> None:
    def refused(amount: int, bank_id: str) -> str:
        asked = StartWithdrawal(party_id=ALICE, amount=amount, bank_id=bank_id)
        return parts.refuse(asked, as_party(ALICE))

    assert refused(5001, "1") == "BALANCE_NOT_ENOUGH"
    assert refused(0, "1") == "INVALID_AMOUNT"
    assert refused(2**63, "1") == "INVALID_AMOUNT"
    assert refused(1, "8") == "BANK_NOT_EXIST"
    assert parts.frozen(ALICE) == 0
