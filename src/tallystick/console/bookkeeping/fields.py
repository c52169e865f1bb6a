"""What the bookkeeping forms say, read into what commands take."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from tallystick.accounting.days import day_of_date
from tallystick.console.requests import Form
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX
from tallystick.money.amount import MoneyError, parse_amount
from tallystick.pipeline.refusals import Refused

__all__ = [
    "account_of", "accounts_of", "choice_of", "day_of", "minute_of", "units_of", "whole_of",
]  # fmt: skip

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_MINUTE: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_BOOK_MAX: Final = 2**32 - 1

E = TypeVar("E", bound=StrEnum)


def _wrong(says: str) -> Refused:
    return Refused("INVALID_PARAMETER", says)


def whole_of(form: Form, name: str, otherwise: int | None = None, most: int = _BOOK_MAX) -> int:
    """A whole number of a form, from 0 to `most`; `otherwise` where nothing was written."""
    text = form.get(name, "")
    if not text and otherwise is not None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) <= 39 and int(text) <= most):
        raise _wrong(f"{name}: {text[:40]!r} is not such a number.")
    return int(text)


def _account(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if text.isascii() and text.isdecimal() and len(text) <= 39 and 0 < int(text) < ID_MAX:
        return id_bytes(int(text))
    raise _wrong(f"{text[:40]!r} is no account's id.")


def account_of(form: Form, name: str) -> bytes:
    """An account's id: a decimal number, or 32 hexadecimal digits as in addresses."""
    return _account(form.get(name, ""))


def accounts_of(form: Form, name: str) -> tuple[bytes, ...]:
    """Several of them, apart by spaces, commas or lines."""
    return tuple(_account(text) for text in re.split(r"[\s,]+", form.get(name, "")) if text)


def day_of(form: Form, name: str) -> int:
    """The number of a day `yyyy-mm-dd`; 0 where nothing was written."""
    text = form.get(name, "")
    try:
        return day_of_date(date.fromisoformat(text)) if text else 0
    except ValueError as error:
        raise _wrong(f"{name}: {text[:20]!r} is not a day.") from error


def minute_of(form: Form, name: str) -> int:
    """The minute of a day of `hh:mm`."""
    match = _MINUTE.fullmatch(form.get(name, "") or "00:00")
    if match is None:
        raise _wrong(f"{name}: hh:mm.")
    return int(match[1]) * 60 + int(match[2])


def choice_of(form: Form, name: str, kind: type[E]) -> E:
    """One of the values that there are."""
    try:
        return kind(form.get(name, ""))
    except ValueError as error:
        raise _wrong(f"{name}: {form.get(name, '')[:40]!r} is not known.") from error


def units_of(
    form: Form, name: str, currency: str, *, otherwise: int | None = None, signed: bool = False
) -> int:
    """Minor units of an amount as its currency writes it; whole units without a currency.

    Args:
        otherwise: where nothing was written; then 0 may be written, too.
        signed: a minus may stand before it.

    Raises:
        Refused: INVALID_AMOUNT.
    """
    text = form.get(name, "").replace("\N{MINUS SIGN}", "-")
    if not text and otherwise is not None:
        return otherwise
    below = signed and text.startswith("-")
    text = text[1:] if below else text
    if currency:
        try:
            found = parse_amount(text, currency, allow_zero=otherwise is not None or signed)
        except MoneyError as error:
            raise Refused("INVALID_AMOUNT", f"{name}: {error}") from error
    else:
        zero_is_wrong = otherwise is None and not signed
        if not (text.isascii() and text.isdecimal() and len(text) <= 19) or (
            zero_is_wrong and not int(text)
        ):
            raise Refused("INVALID_AMOUNT", f"{name}: {text[:40]!r} is not such an amount.")
        found = int(text)
    if found > AMOUNT_MAX:
        raise Refused("INVALID_AMOUNT", f"{name}: too much.")
    return -found if below else found
