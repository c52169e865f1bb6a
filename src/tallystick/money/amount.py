"""Amounts between the text that people write and the whole minor units that books keep."""

from __future__ import annotations

import re

from tallystick.money.currency import currency as currency_called
from tallystick.money.error import MoneyError

__all__ = ["MINOR_UNITS_MAX", "MoneyError", "format_amount", "parse_amount"]

MINOR_UNITS_MAX = 2**63 - 1
"""The largest amount, in minor units: what a signed 64-bit column holds."""

_TEXT_LENGTH_MAX = 64
# ASCII digits only: `\d` would let full-width and Arabic-Indic digits through.
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")


def _matched(text: str) -> re.Match[str]:
    if not text:
        raise MoneyError("empty", "the amount is empty")
    match = _DECIMAL.fullmatch(text) if len(text) <= _TEXT_LENGTH_MAX else None
    if match is None:
        raise MoneyError("malformed", f"{text[:_TEXT_LENGTH_MAX]!r} is not a plain decimal amount")
    return match


def parse_amount(
    text: str,
    currency: str,
    *,
    allow_negative: bool = False,
    allow_zero: bool = True,
    maximum: int = MINOR_UNITS_MAX,
) -> int:
    """Minor units of a decimal text, exactly: `"12.30"` in CNY is 1230.

    Taken are ASCII digits without leading zeros, with at most as many decimals as the currency
    has; no spaces, signs but a minus, exponents, separators.

    Args:
        currency: an ISO 4217 code.
        maximum: the largest absolute value, in minor units.

    Raises:
        MoneyError: with reason `empty`, `malformed`, `negative`, `zero`, `too_precise`,
            `too_large` or `unknown_currency`.
    """
    minor_units = currency_called(currency).minor_units
    sign, whole, fraction = _matched(text).group(1, 2, 3)
    decimals = fraction or ""
    if sign and not allow_negative:
        raise MoneyError("negative", f"{text!r} is negative")
    if len(decimals) > minor_units:
        raise MoneyError(
            "too_precise", f"{text!r} has more than the {minor_units} decimals of {currency}"
        )
    amount = int(whole + decimals.ljust(minor_units, "0"))
    if amount == 0 and not allow_zero:
        raise MoneyError("zero", "the amount is zero")
    if amount > maximum:
        raise MoneyError("too_large", f"{text!r} is more than the largest amount allowed")
    return -amount if sign else amount


def format_amount(amount: int, currency: str) -> str:
    """The decimal text of minor units: 1230 in CNY is `"12.30"`, 12 in JPY is `"12"`.

    Raises:
        MoneyError: `unknown_currency`.
    """
    minor_units = currency_called(currency).minor_units
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).zfill(minor_units + 1)
    if minor_units == 0:
        return sign + digits
    return f"{sign}{digits[:-minor_units]}.{digits[-minor_units:]}"
