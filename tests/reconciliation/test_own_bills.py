"""The bills that this platform makes are read back, to the last fen."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.payments.market import ALICE, APP, APP_ID, SHOP, Market, market

from tallystick.money.china_time import china_time
from tallystick.payments.bills import bill_zip
from tallystick.payments.trades.model import ConfirmReceipt, CreateTrade, PayTrade
from tallystick.reconciliation.statements.model import StatementError
from tallystick.reconciliation.statements.reading import read_statements
from tallystick.store.ledger_rows import SqlLedgerReader


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    """A market in which one trade was paid and settled."""
    with market(tmp_path) as made:
        trade = made.accept(
            CreateTrade(app_id=APP_ID, out_trade_no="T-1", seller_id=SHOP, amount=2000,
                        subject="Tea, green"), APP,
        )  # fmt: skip
        made.accept(PayTrade(app_id=APP_ID, trade_no=trade.trade_no, buyer_id=ALICE,
                             payment_code_index=b"\0" * 16), APP)  # fmt: skip
        made.accept(ConfirmReceipt(app_id=APP_ID, trade_no=trade.trade_no), APP)
        yield made


def bill(shop: Market, kind: str) -> bytes:
    day = china_time(shop.clock.now_ms)[:10]
    return bill_zip(shop.rows, SqlLedgerReader(shop.rows.connection), APP_ID, kind, day)


def unpacked(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.infolist()[0])


def test_an_account_bill_carries_its_balances(shop: Market) -> None:
    (statement,) = read_statements(bill(shop, "signcustomer"))
    assert statement.account == f"{SHOP}0156"
    balance = statement.balances[0]
    assert balance.closing - balance.opening == sum(x.amount for x in statement.lines)
    assert any(x.reference == "T-1" for x in statement.lines)


def test_a_trade_bill_is_its_net_total(shop: Market) -> None:
    (statement,) = read_statements(bill(shop, "trade"))
    assert sum(x.amount for x in statement.lines) == 1900
    assert {x.reference for x in statement.lines} == {"T-1"}


def test_the_file_alone_is_read_in_gbk_and_utf_8(shop: Market) -> None:
    file = unpacked(bill(shop, "signcustomer"))
    assert read_statements(file) == read_statements(file.decode("gbk").encode())


def test_a_bill_that_was_changed_is_refused_at_its_line(shop: Market) -> None:
    text = unpacked(bill(shop, "signcustomer")).decode("gbk")
    lines = text.split("\r\n")
    at = next(n for n, line in enumerate(lines, 1) if ",19.00," in line)
    with pytest.raises(StatementError) as caught:
        read_statements(text.replace(",19.00,", ",19.01,", 1).encode("gbk"))
    assert caught.value.line in (at, at + 1)
    assert "balance" in caught.value.reason
