"""How amounts, moments and spans are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.console.display import (
    DAY_MS,
    china_day_start_ms,
    day_text,
    hour_text,
    iso_day,
    moment,
    money,
    money_short,
    money_text,
    parse_day,
    refused_moment,
    signed_money,
    span_text,
)
from tallystick.console.texts import Language
from tallystick.money.amount import parse_amount

NOV_5 = 1_793_808_000_000  # 2026-11-05 00:00:00 in China


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (123_456_789, "CNY", "¥1,234,567.89"),
        (-5, "CNY", "\N{MINUS SIGN}¥0.05"),
        (1_234, "JPY", "JPY 1,234"),
        (1_234, "KWD", "KWD 1.234"),
        (7_000, "", "7,000"),
    ],
)
def test_money_is_written_with_its_currency(amount: int, currency: str, written: str) -> None:
    assert money_text(amount, currency).strip() == written


def test_money_as_html_is_one_piece_and_changes_carry_their_sign() -> None:
    assert str(money(1230, "CNY")) == (
        '<span class="money"><span class="currency">¥</span>12.30</span>'
    )
    assert "+" in signed_money(1, "CNY")
    assert "\N{MINUS SIGN}" in signed_money(-1, "CNY")


@given(st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1))
def test_no_digit_of_an_amount_is_lost(amount: int) -> None:
    text = money_text(amount, "CNY").replace("¥", "").replace(",", "")
    plain = text.replace("\N{MINUS SIGN}", "-")
    assert parse_amount(plain, "CNY", allow_negative=True) == amount


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "0"), (50_000, "500"), (100_000, "1k"), (150_000, "1.5k"), (12_345, "123.45"),
     (123_400, "1,234"), (200_000_000, "2M"), (500_000_000_000, "5G")],
)  # fmt: skip
def test_axis_amounts_are_short_but_exact(amount: int, written: str) -> None:
    assert money_short(amount, "CNY") == written


def test_moments_are_china_time_and_machine_readable() -> None:
    assert str(moment(NOV_5 + 3_723_000)) == (
        '<time datetime="2026-11-04T17:02:03Z">2026-11-05 01:02:03</time>'
    )
    assert str(moment(0)) == ""
    assert hour_text(NOV_5 + 3_723_000) == "01:00"
    assert iso_day(NOV_5) == "2026-11-05"
    assert day_text(NOV_5, Language.ENGLISH) == "11-05"
    assert day_text(NOV_5, Language.CHINESE) == "11月5日"


def test_a_locked_password_is_never_said_to_open_too_early() -> None:
    assert refused_moment(NOV_5 + 1) == "2026-11-05 00:00:01"
    assert refused_moment(NOV_5) == "2026-11-05 00:00:00"


@given(st.integers(min_value=DAY_MS, max_value=4_000_000_000_000))
def test_a_day_starts_at_china_midnight_and_is_read_back(at_ms: int) -> None:
    start = china_day_start_ms(at_ms)
    assert start <= at_ms < start + DAY_MS
    assert parse_day(iso_day(at_ms)) == start


@pytest.mark.parametrize("text", ["", "2026-02-30", "2026-1-1", "tomorrow", "2026-11-05 "])
def test_what_is_no_day_is_none(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize(
    ("span_ms", "written"),
    [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (200_000_000, "2 d"),
     (-5, "0 s")],
)  # fmt: skip
def test_spans_take_their_largest_unit(span_ms: int, written: str) -> None:
    assert span_text(span_ms, Language.ENGLISH) == written
