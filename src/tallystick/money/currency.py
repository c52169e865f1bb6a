"""Currencies of ISO 4217 that have a minor unit."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import iso4217

from tallystick.money.error import MoneyError

__all__ = ["Currency", "currency", "currency_of_number"]


class Currency(NamedTuple):
    """A currency as ISO 4217 lists it.

    Args:
        code: three capital letters, `CNY`.
        number: the three-digit number, 156 for CNY.
        minor_units: decimal places of the minor unit: CNY 2, JPY 0, KWD 3.
        name: the English name.
    """

    code: str
    number: int
    minor_units: int
    name: str


def _listed() -> dict[str, Currency]:
    # Metals, test and bond-market codes have no minor unit, so nothing in them can be counted.
    return {
        str(c.code): Currency(str(c.code), int(c.number), int(c.exponent), str(c.currency_name))
        for c in iso4217.Currency
        if c.exponent is not None
    }


_BY_CODE = _listed()
_BY_NUMBER = {c.number: c for c in _BY_CODE.values()}


@lru_cache(maxsize=512)
def currency(code: str) -> Currency:
    """The currency with this code, written exactly as ISO 4217 writes it.

    Raises:
        MoneyError: `unknown_currency`, also for codes without a minor unit (`XAU`).
    """
    found = _BY_CODE.get(code)
    if found is None:
        raise MoneyError("unknown_currency", f"{code[:16]!r} is not a currency with a minor unit")
    return found


def currency_of_number(number: int) -> Currency:
    """The currency with this ISO 4217 number.

    Raises:
        MoneyError: `unknown_currency`.
    """
    found = _BY_NUMBER.get(number)
    if found is None:
        raise MoneyError("unknown_currency", f"{number} is not a currency with a minor unit")
    return found
