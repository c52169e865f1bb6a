"""What becomes of a book's name, currency and dating: pure functions."""

from __future__ import annotations

from tallystick.accounting.books.model import BookNamed, LedgerBook, NameBook
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.money.currency import currency
from tallystick.money.error import MoneyError
from tallystick.pipeline.decisions import Decision
from tallystick.pipeline.refusals import Refused

__all__ = ["NOTHING_CLOSED", "name_book", "named"]

NOTHING_CLOSED = -1
_NAME_MAX = 100


def named(book: LedgerBook) -> BookNamed:
    """The book as an answer tells it."""
    return BookNamed(
        book=book.book, name=book.name, currency=book.currency, value_dated=book.value_dated,
        closed_through=book.closed_through,
    )  # fmt: skip


def _require_usable(command: NameBook) -> None:
    if command.book >= PLATFORM_BOOK_MIN:
        raise Refused("BOOK_RESERVED", f"Book {command.book} is kept by the platform.")
    if command.book < 1 or not 1 <= len(command.name) <= _NAME_MAX:
        raise Refused("INVALID_PARAMETER", "A book has a number and a name.")
    if command.currency:
        try:
            currency(command.currency)
        except MoneyError as error:
            raise Refused("INVALID_PARAMETER", f"{error}.") from error


def name_book(
    known: LedgerBook | None, command: NameBook, in_use: bool, by: str, now_ms: int
) -> Decision:
    """Name a book, or name it anew.

    Args:
        in_use: whether money has moved in it: then currency and dating stay what they are, since
            they say what its entries mean.

    Raises:
        Refused: BOOK_RESERVED, INVALID_PARAMETER, BOOK_IN_USE.
    """
    _require_usable(command)
    before = (known.currency, known.value_dated) if known else ("", False)
    settled = before[0] not in ("", command.currency) or before[1] != command.value_dated
    if in_use and settled:
        raise Refused("BOOK_IN_USE")
    closed = known.closed_through if known else NOTHING_CLOSED
    row = LedgerBook(
        command.book, command.name, command.currency, command.value_dated, closed, by, now_ms
    )
    return Decision(named(row), rows=(row,))
