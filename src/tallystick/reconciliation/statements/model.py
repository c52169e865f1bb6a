"""What a bank statement says, whatever its file's form, and the check of its own arithmetic."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from typing import Final, NamedTuple

from tallystick.money.amount import MINOR_UNITS_MAX, MoneyError, format_amount
from tallystick.money.currency import currency as currency_called

__all__ = [
    "Balance", "BankLine", "BankStatement", "StatementError", "exact_amount", "require_sums",
    "shortened",
]  # fmt: skip

_PLAIN: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_DIGITS_MAX: Final = 24
_TEXT_MAX: Final = 500


class StatementError(Exception):
    """A file that is refused: the line where it goes wrong (from 1; 0: all of it), and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


class BankLine(NamedTuple):
    """One movement that the bank has booked.

    Args:
        line: where it begins in the file, from 1.
        day: when it was booked.
        amount: minor units; positive for money that came in.
        reference: the number that the payer or payee gave it (end-to-end id); empty for none.
        bank_reference: the bank's own number; empty for none.
        counterparty: the other side's account, or its name; empty when it is not told.
    """

    line: int
    day: date
    amount: int
    currency: str
    reference: str = ""
    bank_reference: str = ""
    counterparty: str = ""
    text: str = ""


class Balance(NamedTuple):
    """A statement's opening and closing balance in one currency, in minor units.

    Args:
        line: where the closing balance stands in the file, from 1.
        day: the closing balance's; needed only where nothing moved, so it is not read elsewhere.
    """

    currency: str
    opening: int
    closing: int
    line: int
    day: date | None = None


class BankStatement(NamedTuple):
    """One statement of one account.

    Args:
        balances: one a currency; none where the form carries no balances.
        unbooked: how many entries the bank announced without booking them; they are no lines.
    """

    account: str
    number: str
    balances: tuple[Balance, ...]
    lines: tuple[BankLine, ...]
    unbooked: int = 0


def shortened(text: str) -> str:
    """Free text on one line, without control characters, and no longer than is kept."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:_TEXT_MAX]


def exact_amount(text: str, currency: str, line: int) -> int:
    """Minor units of a bank's decimal text with a point: `12.3`, `12.`, `.30`, `0012.300`.

    Raises:
        StatementError: no amount, a currency that is not known, or more decimals than it has.
    """
    found = _PLAIN.fullmatch(text) if len(text) <= _DIGITS_MAX else None
    if found is None or not (found[1] or found[2]):
        raise StatementError(line, f"{text[:40]!r} is not an amount.")
    try:
        minor_units = currency_called(currency).minor_units
    except MoneyError as error:
        raise StatementError(line, f"{error}.") from error
    decimals = (found[2] or "").rstrip("0")
    if len(decimals) > minor_units:
        raise StatementError(line, f"{text!r} has more decimals than {currency} has.")
    amount = int((found[1] or "0") + decimals.ljust(minor_units, "0"))
    if amount > MINOR_UNITS_MAX:
        raise StatementError(line, f"{text!r} is more than the largest amount.")
    return amount


def require_sums(statement: BankStatement) -> None:
    """See that opening + movements = closing, in each currency that has balances.

    Raises:
        StatementError: they are not, at the line of the closing balance.
    """
    moved: dict[str, int] = defaultdict(int)
    for line in statement.lines:
        moved[line.currency] += line.amount
    if not statement.balances:
        return
    for currency in moved.keys() - {b.currency for b in statement.balances}:
        first = next(x.line for x in statement.lines if x.currency == currency)
        raise StatementError(first, f"There are movements in {currency} but no balances.")
    for balance in statement.balances:
        wanted = balance.opening + moved[balance.currency]
        if wanted != balance.closing:
            shown = [
                format_amount(amount, balance.currency)
                for amount in (balance.opening, moved[balance.currency], wanted, balance.closing)
            ]
            raise StatementError(
                balance.line,
                f"{balance.currency}: {shown[0]} opening and {shown[1]} moved give {shown[2]}, "
                f"but the closing balance is {shown[3]}.",
            )
