"""Bills: the files that a merchant downloads add up to the ledger, to the fen."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.payments.market import (
    ALICE,
    APP,
    APP_ID,
    CONFIRM_WITHIN_MS,
    COURIER,
    DAY_MS,
    FEE_PERCENT,
    FUNDED,
    REFUND_WITHIN_MS,
    SELLERS,
    SHOP,
    Market,
    as_party,
    market,
)
from tests.payments.naive_market import NaiveMarket
from tests.payments.operations import Operation, Scribe, opening, operations

from tallystick.money.china_time import china_midnight_ms, china_time
from tallystick.payments.bills import bill_proof, bill_zip
from tallystick.payments.bills.layout import ACCOUNT_COLUMNS, TRADE_COLUMNS
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    CreateTrade,
    PayTrade,
    RefundTrade,
    Split,
)
from tallystick.pipeline.refusals import Refused

Line = dict[str, str]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


def day_of(at_ms: int) -> str:
    return china_time(at_ms)[:10]


def files(parts: Market, bill_type: str, day: str) -> list[str]:
    """The texts of a bill's two files."""
    with zipfile.ZipFile(io.BytesIO(bill_zip(parts.rows, parts.ledger, APP_ID, bill_type, day)),
                         metadata_encoding="gbk") as archive:  # fmt: skip
        assert archive.testzip() is None
        return [archive.read(name).decode("gbk") for name in archive.namelist()]


def table(text: str) -> list[Line]:
    """The lines between the marks, as a partner's program reads them."""
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    return [
        {k: v.strip() for k, v in line.items()}
        for line in csv.DictReader(io.StringIO("\n".join(rows)))
    ]


def fen(text: str) -> int:
    return int(Decimal(text) * 100)


def total(lines: list[Line], column: str) -> int:
    return sum(fen(line[column]) for line in lines)


def has(parts: Market, party_id: str) -> int:
    """All of a party's money, what is frozen included."""
    return parts.available(party_id) + parts.frozen(party_id)


def check_day(parts: Market, day: str) -> None:
    """The downloaded files of both bills add up, by themselves and to the ledger."""
    for bill_type in ("trade", "signcustomer"):
        proof = bill_proof(parts.rows, parts.ledger, APP_ID, bill_type, day)
        assert proof.holds, (bill_type, proof)
        lines, sums = (table(text) for text in files(parts, bill_type, day))
        if bill_type == "trade":
            net = sum(total(lines, c) for c in ("商家实收（元）", "服务费（元）", "分润（元）"))
            assert net == proof.ledger.net
            assert fen(sums[-1]["实收净额（元）"]) == net
        else:
            income, expense = total(lines, "收入金额（+元）"), total(lines, "支出金额（-元）")
            assert (income, expense) == (proof.ledger.income, proof.ledger.expense)
            assert fen(sums[-1]["总金额（元）"]) == income + expense
            if lines:
                assert fen(lines[-1]["账户余额（元）"]) == parts.available(SHOP) + parts.frozen(
                    SHOP
                )


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    first=st.lists(opening, min_size=6, max_size=16),
    rest=st.lists(st.one_of(operations, opening), min_size=10, max_size=40),
)
def test_a_day_of_trading_adds_up_to_the_ledger(
    first: list[Operation], rest: list[Operation]
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-bills-"))
    try:
        with market(folder) as parts:
            model = NaiveMarket(
                parts.clock(), dict(FUNDED), SELLERS, FEE_PERCENT, CONFIRM_WITHIN_MS,
                REFUND_WITHIN_MS,
            )  # fmt: skip
            scribe = Scribe(model)
            parts.clock.pass_ms(DAY_MS)
            model.now += DAY_MS
            parts.together([operation(scribe)[0] for operation in (*first, *rest)])
            day = day_of(parts.clock())
            check_day(parts, day)
            lines = table(files(parts, "signcustomer", day)[0])
            change = total(lines, "收入金额（+元）") + total(lines, "支出金额（-元）")
            assert has(parts, SHOP) == FUNDED[SHOP] + change
    finally:
        shutil.rmtree(folder)


def sell(parts: Market, number: str, amount: int) -> None:
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea, =1+1",
        splits=(Split(COURIER, 10),),
    )  # fmt: skip
    trade_no = parts.accept(order, APP).trade_no
    parts.accept(PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=ALICE), as_party(ALICE))


def test_a_bill_holds_what_happened_on_its_day_and_nothing_else(parts: Market) -> None:
    midnight = china_midnight_ms(parts.clock()) + DAY_MS
    parts.clock.now_ms = midnight - 1
    sell(parts, "T1", 1000)
    parts.clock.now_ms = midnight
    sell(parts, "T2", 500)
    parts.accept(ConfirmReceipt(app_id=APP_ID, out_trade_no="T1"), APP)
    parts.accept(RefundTrade(app_id=APP_ID, out_trade_no="T1", amount=100), APP)
    first, second = day_of(midnight - 1), day_of(midnight)
    lines = table(files(parts, "trade", first)[0])
    assert [(line["商户订单号"], line["业务类型"]) for line in lines] == [("T1", "交易")]
    lines = table(files(parts, "trade", second)[0])
    assert [(line["商户订单号"], line["业务类型"]) for line in lines] == [
        ("T2", "交易"), ("T1", "退款"), ("T1", "结算"),
    ]  # fmt: skip
    assert [fen(line["服务费（元）"]) for line in lines] == [0, 5, -50]
    assert [fen(line["分润（元）"]) for line in lines] == [0, 0, -10]
    for day in (first, second):
        assert bill_proof(parts.rows, parts.ledger, APP_ID, "trade", day).holds
    check_day(parts, second)


def test_the_columns_are_the_protocols_and_no_cell_breaks_the_line(parts: Market) -> None:
    sell(parts, "T1", 1000)
    day = day_of(parts.clock())
    for bill_type, columns in (("trade", TRADE_COLUMNS), ("signcustomer", ACCOUNT_COLUMNS)):
        for line in table(files(parts, bill_type, day)[0]):
            assert tuple(line) == columns
            assert None not in line.values()
    [line] = table(files(parts, "trade", day)[0])
    assert line["商品名称"] == "Tea， =1+1"


def test_a_bill_of_a_day_that_is_over_is_always_the_same(parts: Market) -> None:
    sell(parts, "T1", 1000)
    day = day_of(parts.clock())
    first = bill_zip(parts.rows, parts.ledger, APP_ID, "trade", day)
    parts.clock.pass_ms(DAY_MS)
    sell(parts, "T2", 1000)
    assert bill_zip(parts.rows, parts.ledger, APP_ID, "trade", day) == first


@pytest.mark.parametrize(
    ("app_id", "bill_type", "day", "code"),
    [
        ("2026000000000008", "trade", "2027-01-15", "APP_NOT_EXIST"),
        (APP_ID, "other", "2027-01-15", "INVALID_PARAMETER"),
        (APP_ID, "trade", "2027-02-30", "INVALID_PARAMETER"),
        (APP_ID, "trade", "yesterday", "INVALID_PARAMETER"),
    ],
)
def test_a_bill_that_cannot_be_is_refused(
    parts: Market, app_id: str, bill_type: str, day: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        bill_zip(parts.rows, parts.ledger, app_id, bill_type, day)
    assert refused.value.refusal.code == code
