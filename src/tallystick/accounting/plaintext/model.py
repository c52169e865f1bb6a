"""What books as text say, whichever of the two forms they have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.accounting.files import BadRow
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.money.currency import currency
from tallystick.money.error import MoneyError

__all__ = [
    "BOOK_DATE", "OWN_ACCOUNT", "OWN_ID", "ROOTS", "TextBalance", "TextEntry", "TextOpen",
    "TextPosting", "commodity_of", "currency_of_commodity", "decimals_of", "lines_of",
    "own_book_of_commodity", "unescaped",
]  # fmt: skip

ROOTS: Final = {1: "Assets", 2: "Liabilities", 3: "Equity", 4: "Income", 5: "Expenses"}
"""The root of a code's accounts by its thousands; other codes stand under Equity."""

BOOK_DATE: Final = "book-date"
"""The metadata that keeps the day which a text gave an entry."""

OWN_ACCOUNT: Final = re.compile(r"[A-Z][a-z]+:B([0-9]{1,10}):C([0-9]{1,5}):A([0-9a-f]{32})")
"""The name of an account in a text of our own: its book, code and id."""

OWN_ID: Final = re.compile(r"[0-9a-f]{32}")
"""The id of an entry in a text of our own."""

_SYMBOLS: Final = {"$": "USD", "€": "EUR", "£": "GBP"}
"""What signs stand for; ¥ is of two currencies, of different decimals."""

_BOOK: Final = "BOOK"
_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers, from 1."""
    return enumerate(_LINE_END.split(text), 1)


class TextOpen(NamedTuple):
    """An account that a text opens.

    Args:
        day: from which day on it may be used; None: from any.
        commodities: what it may hold; empty: anything.
    """

    line: int
    name: str
    metadata: dict[str, str]
    day: date | None = None
    commodities: frozenset[str] = frozenset()


class TextPosting(NamedTuple):
    """One side of an entry; without an amount it is what the others leave."""

    line: int
    name: str
    amount: Decimal | None
    commodity: str


class TextEntry(NamedTuple):
    """An entry with its postings."""

    line: int
    day: date
    metadata: dict[str, str]
    postings: tuple[TextPosting, ...]


class TextBalance(NamedTuple):
    """An assertion: what an account has in a commodity at the begin of a day."""

    line: int
    day: date
    name: str
    amount: Decimal
    commodity: str


def commodity_of(book: int, currency_code: str) -> str:
    """What a book counts: its currency, or whole units of its own."""
    return currency_code or f"{_BOOK}{book}"


def own_book_of_commodity(commodity: str) -> int | None:
    """The book whose own units these are; None for others."""
    number = commodity.removeprefix(_BOOK)
    if commodity != number and number.isascii() and number.isdigit():
        return int(number) if int(number) < PLATFORM_BOOK_MIN else None
    return None


def currency_of_commodity(commodity: str) -> str:
    """The currency that a commodity is; empty for whole units of a book."""
    if own_book_of_commodity(commodity) is not None:
        return ""
    return _SYMBOLS.get(commodity, commodity)


def decimals_of(commodity: str, line: int) -> int:
    """How many decimals a commodity has.

    Raises:
        BadRow: it is neither a currency nor a book's own units.
    """
    if own_book_of_commodity(commodity) is not None:
        return 0
    try:
        return currency(currency_of_commodity(commodity)).minor_units
    except MoneyError as error:
        raise BadRow(line, f"{commodity!r} is neither a currency nor BOOK and a number") from error


def unescaped(text: str) -> str:
    """A quoted text without its escapes."""
    return text.replace('\\"', '"').replace("\\\\", "\\")
