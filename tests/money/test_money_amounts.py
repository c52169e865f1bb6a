"""Amounts are parsed exactly or refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money.amount import MINOR_UNITS_MAX, MoneyError, format_amount, parse_amount
from tallystick.money.currency import currency, currency_of_number

CODES = ["CNY", "USD", "JPY", "KWD", "CLF"]


@pytest.mark.parametrize(
    ("text", "code", "amount"),
    [
        ("12.30", "CNY", 1230),
        ("12.3", "CNY", 1230),
        ("12", "CNY", 1200),
        ("0.01", "CNY", 1),
        ("0", "CNY", 0),
        ("12", "JPY", 12),
        ("1.234", "KWD", 1234),
        ("92233720368547758.07", "CNY", MINOR_UNITS_MAX),
        ("9223372036854775807", "JPY", MINOR_UNITS_MAX),
    ],
)
def test_a_plain_decimal_is_read_exactly(text: str, code: str, amount: int) -> None:
    assert parse_amount(text, code) == amount


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("12.345", "too_precise"),
        ("12.300", "too_precise"),
        ("92233720368547758.08", "too_large"),
        ("9" * 60, "too_large"),
        ("9" * 100_000, "malformed"),
        ("-1", "negative"),
        ("-0.00", "negative"),
        *[
            (text, "malformed")
            for text in (
                "1e3", "NaN", "Infinity", "inf", " 1", "1 ", "1\n", "+1", "１２", "١٢", "1_000",
                "1,000", ".5", "5.", ".", "-", "--1", "0x10", "007", "1.2.3", "￥1", "½", "1\x00",
            )
        ],
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(MoneyError) as caught:
        parse_amount(text, "CNY")
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 200


def test_yen_have_no_decimals() -> None:
    with pytest.raises(MoneyError, match="0 decimals") as caught:
        parse_amount("12.0", "JPY")
    assert caught.value.reason == "too_precise"


def test_zero_negative_and_the_largest_are_the_callers_choice() -> None:
    assert parse_amount("-1.50", "CNY", allow_negative=True) == -150
    assert parse_amount("-0", "CNY", allow_negative=True) == 0
    for options, text, reason in (
        ({"allow_zero": False}, "0.00", "zero"),
        ({"maximum": 100}, "1.01", "too_large"),
        ({"maximum": 100, "allow_negative": True}, "-1.01", "too_large"),
    ):
        with pytest.raises(MoneyError) as caught:
            parse_amount(text, "CNY", **options)
        assert caught.value.reason == reason
    assert parse_amount("1.00", "CNY", maximum=100) == 100


@given(st.integers(-MINOR_UNITS_MAX, MINOR_UNITS_MAX), st.sampled_from(CODES))
def test_what_is_formatted_is_parsed_back(amount: int, code: str) -> None:
    text = format_amount(amount, code)
    assert parse_amount(text, code, allow_negative=True) == amount
    decimals = text.partition(".")[2]
    assert len(decimals) == currency(code).minor_units


@given(st.text(max_size=30), st.sampled_from(CODES))
def test_any_text_is_an_amount_or_a_money_error(text: str, code: str) -> None:
    try:
        amount = parse_amount(text, code, allow_negative=True)
    except MoneyError:
        return
    assert abs(amount) <= MINOR_UNITS_MAX
    assert text.isascii()


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [(1230, "CNY", "12.30"), (12, "JPY", "12"), (5, "CNY", "0.05"), (-5, "KWD", "-0.005")],
)
def test_formatting_writes_every_decimal(amount: int, code: str, text: str) -> None:
    assert format_amount(amount, code) == text


@pytest.mark.parametrize(
    ("code", "number", "minor_units"),
    [("CNY", 156, 2), ("JPY", 392, 0), ("KWD", 414, 3), ("ALL", 8, 2), ("CLF", 990, 4)],
)
def test_currencies_are_those_of_iso_4217(code: str, number: int, minor_units: int) -> None:
    assert currency(code)[:3] == (code, number, minor_units)
    assert currency_of_number(number) is currency(code)


@pytest.mark.parametrize("code", ["", "cny", "XXX", "XAU", "RMB", "CNY ", "￥" * 1000])
def test_other_codes_are_no_currency(code: str) -> None:
    with pytest.raises(MoneyError) as caught:
        parse_amount("1", code)
    assert caught.value.reason == "unknown_currency"
    assert len(str(caught.value)) < 200
    with pytest.raises(MoneyError):
        currency_of_number(0)
