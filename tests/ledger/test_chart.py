"""The chart of accounts, and the page that explains it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.ledger.chart import (
    CHART,
    CUSTOMER_WALLET,
    MERCHANT_WALLET,
    PLATFORM_BOOK_MIN,
    PLATFORM_ENTITY,
    TRADE_ESCROW,
    ChartEntry,
    account_id,
    book_currency,
    book_id,
    open_account,
    transfer_id,
)
from tallystick.ledger.memory import memory_books
from tallystick.ledger.model import (
    ID_MAX,
    AccountFlags,
    AccountResult,
    TransferFlags,
    TransferResult,
)

PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


def test_the_page_lists_every_line_of_the_chart() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    for entry in CHART.values():
        limit = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS in entry.flags
        assert [
            f"`{entry.code}`",
            entry.name,
            entry.chinese,
            entry.side.value,
            entry.owner,
            "yes" if limit else "no",
            entry.meaning,
        ] in rows


@pytest.mark.parametrize("name", [f.name for f in (*AccountFlags, *TransferFlags)])
def test_the_page_explains_every_flag(name: str | None) -> None:
    assert name is not None
    assert f"`{name.lower()}`" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_every_answer() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [r.value for r in (*TransferResult, *AccountResult) if f"`{r.value}`" not in text]
    assert missing == []


def test_codes_and_names_are_each_used_once() -> None:
    assert len({entry.name for entry in CHART.values()}) == len(CHART)
    assert len({entry.chinese for entry in CHART.values()}) == len(CHART)
    assert all(code == entry.code and 0 < code < 2**16 for code, entry in CHART.items())


@pytest.mark.parametrize("entry", [CUSTOMER_WALLET, MERCHANT_WALLET, TRADE_ESCROW])
def test_money_that_belongs_to_others_cannot_be_overdrawn(entry: ChartEntry) -> None:
    assert AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS in entry.flags


@given(st.integers(PLATFORM_ENTITY, 999_999), st.sampled_from(["CNY", "JPY", "KWD", "ALL"]))
def test_a_book_is_an_entity_and_a_currency(entity: int, currency: str) -> None:
    book = book_id(entity, currency)
    assert PLATFORM_BOOK_MIN <= book < 2**32
    assert book_currency(book) == currency
    assert book // 1000 == entity


@pytest.mark.parametrize(
    ("entity", "currency"), [(999, "CNY"), (1_000_000, "CNY"), (1000, "XAU"), (1000, "cny")]
)
def test_no_book_for_other_entities_or_currencies(entity: int, currency: str) -> None:
    with pytest.raises(ValueError, match=r"entity|currency"):
        book_id(entity, currency)


@pytest.mark.parametrize("book", [1, 156, PLATFORM_BOOK_MIN - 1, PLATFORM_BOOK_MIN + 1])
def test_no_currency_for_books_that_are_not_the_platforms(book: int) -> None:
    with pytest.raises(ValueError, match=r"book|currency"):
        book_currency(book)


@given(st.binary(max_size=40), st.integers(0, 200), st.binary(max_size=40), st.integers(0, 200))
def test_transfer_ids_are_the_requests_own(key: bytes, leg: int, other: bytes, at: int) -> None:
    assert 0 < transfer_id(key, leg) < ID_MAX
    assert (transfer_id(key, leg) == transfer_id(other, at)) == ((key, leg) == (other, at))


def test_ids_stay_what_they_are_from_version_to_version() -> None:
    book = book_id(PLATFORM_ENTITY, "CNY")
    assert book == 1_000_156
    assert transfer_id("request", 0) == transfer_id(b"request", 0)
    assert f"{transfer_id('request', 0):032x}" == "aa17321bc273333b9eca84ca23911175"
    assert f"{account_id(book, CUSTOMER_WALLET, '2088'):032x}" == "ad90ee3a95756a35e438fb55d08f4b4f"


def test_an_opened_account_carries_its_owner_and_limits() -> None:
    book = book_id(PLATFORM_ENTITY, "CNY")
    account = open_account(book, TRADE_ESCROW, "2026112400000000000000000001")
    assert account.user_data_128 == 2026112400000000000000000001
    assert account.code == TRADE_ESCROW.code
    assert account.flags == AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.HISTORY
    assert memory_books().create_accounts([account], 1) == [AccountResult.CREATED]


@pytest.mark.parametrize("owner", ["", "-1", "bank", "１２", "9" * 39])
def test_an_owner_is_a_number(owner: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        open_account(book_id(PLATFORM_ENTITY, "CNY"), TRADE_ESCROW, owner)
