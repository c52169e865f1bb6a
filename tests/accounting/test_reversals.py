"""Corrections by reversal: never more than was moved, linked both ways, and not of products."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.accounting.own_books import BOOK, account, accounts, balance, money, name, transfer
from tests.platform_parts import START_MS, Parts, opened

from tallystick.accounting import service
from tallystick.accounting.apply import apply_file
from tallystick.accounting.books import service as books
from tallystick.accounting.corrections import service as corrections
from tallystick.accounting.corrections.model import ReverseTransfer
from tallystick.accounting.corrections.views import corrections_of
from tallystick.accounting.days import day_of_ms
from tallystick.accounting.periods import service as periods
from tallystick.accounting.periods.model import ClosePeriod
from tallystick.ledger.chart import CUSTOMER_WALLET, open_account
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.pipeline.commands import Command, Context, Registry, Reply
from tallystick.store.ledger_rows import SqlLedgerReader, id_bytes

TODAY = day_of_ms(START_MS)


class PostProduct(Command, frozen=True, kw_only=True, tag="test.post_product"):
    """A product's own entry."""


class Posted(Reply, frozen=True, kw_only=True):
    """Done."""


def _post_product(command: PostProduct, context: Context) -> Reply:
    wallets = [open_account(1_000_156, CUSTOMER_WALLET, owner) for owner in ("1", "2")]
    context.uow.books.create_accounts(wallets, 0)
    ends = wallets[0].id, wallets[1].id
    free = [Transfer(900, *ends, 0, book=1_000_156, code=203)]
    assert context.uow.books.create_transfers(free, 0)[0].value == "created"
    return Posted()


def _product(registry: Registry) -> None:
    registry.add(PostProduct, _post_product, reply=Posted, scope="system")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    registers = (
        service.register, books.register, periods.register, corrections.register, _product,
    )  # fmt: skip
    with opened(tmp_path, *registers) as made:
        accounts(made, account(1), account(2), account(3, flags=2))
        name(made)
        yield made


def reversal(transfer_id: int, reversal_id: int, amount: int = 0, day: int = 0) -> ReverseTransfer:
    return ReverseTransfer(
        transfer_id=id_bytes(transfer_id), reversal_id=id_bytes(reversal_id), amount=amount,
        reason="booked twice", effective_day=day,
    )  # fmt: skip


def test_a_reversal_is_linked_both_ways_and_in_the_entry_itself(parts: Parts) -> None:
    money(parts, transfer(10, 1, 2, 100))
    parts.accept(reversal(10, 11, 30))
    done = parts.accept(reversal(10, 12))
    assert (done.amount, done.left) == (70, 0)
    assert balance(parts, 2) == 0
    links = corrections_of(parts.rows, 10)
    assert [int.from_bytes(r.reversal_id, "big") for r in links.reversals] == [11, 12]
    assert links.reversed == 100
    back = corrections_of(parts.rows, 11).reverses
    assert back is not None
    assert int.from_bytes(back.transfer_id, "big") == 10
    entry = SqlLedgerReader(parts.rows.connection).transfers([11])[0]
    assert (entry.user_data_128, entry.debit_account_id, entry.credit_account_id) == (10, 2, 1)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(amounts=st.lists(st.integers(1, 60), max_size=8))
def test_never_more_is_reversed_than_was_moved(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[int]
) -> None:
    registers = service.register, corrections.register
    with opened(tmp_path_factory.mktemp("r"), *registers) as parts:
        accounts(parts, account(1), account(2))
        money(parts, transfer(10, 1, 2, 100))
        left = 100
        for number, amount in enumerate(amounts, 20):
            answer = parts.submit(reversal(10, number, amount))
            assert (answer.refusal is None) == (amount <= left)
            left -= amount if amount <= left else 0
            assert balance(parts, 2) == left
        assert corrections_of(parts.rows, 10).reversed == 100 - left


def test_what_cannot_be_reversed_is_refused_by_name(parts: Parts) -> None:
    money(parts, transfer(10, 1, 2, 100), transfer(30, 1, 2, 5, flags=int(TransferFlags.PENDING)))
    parts.accept(reversal(10, 11, 40))
    parts.accept(PostProduct())
    assert parts.refuse(reversal(11, 12)) == "REVERSAL_OF_REVERSAL"
    assert parts.refuse(reversal(30, 31)) == "REVERSAL_NOT_POSTED"
    assert parts.refuse(reversal(10, 13, 61)) == "REVERSAL_EXCEEDS"
    assert parts.refuse(reversal(900, 901)) == "REVERSAL_OF_PRODUCT"
    assert parts.refuse(reversal(77, 78)) == "TRANSFER_NOT_EXIST"
    # An id that is taken is the ledger's to refuse, and nothing of it is kept.
    assert parts.refuse(reversal(10, 10)) == "LEDGER_REFUSED"
    assert corrections_of(parts.rows, 10).reversed == 40


def test_money_that_is_gone_cannot_be_taken_back(parts: Parts) -> None:
    money(parts, transfer(10, 1, 3, 100), transfer(11, 3, 2, 80))
    assert parts.refuse(reversal(10, 12)) == "LEDGER_REFUSED"
    assert parts.accept(reversal(10, 13, 20)).left == 80


def test_entries_of_bulk_calls_are_reversed_too(parts: Parts, tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    file.write_text(
        "id,debit_account_id,credit_account_id,amount,ledger,code\n"
        f"50,1,2,70,{BOOK},1\n51,1,2,30,{BOOK},1\n"
    )
    apply_file(parts.writer, file, clock_ns=lambda: START_MS * 1_000_000)
    parts.accept(reversal(51, 52))
    assert balance(parts, 2) == 70
    assert parts.refuse(reversal(51, 53)) == "REVERSAL_EXCEEDS"


def test_an_entry_of_a_closed_day_is_reversed_in_an_open_one(parts: Parts) -> None:
    money(parts, transfer(10, 1, 2, 100, day=TODAY - 1))
    parts.accept(ClosePeriod(book=BOOK, through_day=TODAY - 1))
    assert parts.refuse(reversal(10, 11, day=TODAY - 1)) == "PERIOD_CLOSED"
    parts.accept(reversal(10, 12))
    assert balance(parts, 2) == 0
