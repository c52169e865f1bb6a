"""Books that were named: rows and commands. Days are those of `accounting.days`."""

from __future__ import annotations

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = ["BookNamed", "LedgerBook", "NameBook"]


class LedgerBook(Row, frozen=True):
    """A book with what is known of it; a book works without.

    `currency` is an ISO 4217 code, or empty. Everything through the day `closed_through` is
    closed; -1 when nothing is. A book of the platform gets its row when it is first closed.
    """

    book: int
    name: str
    currency: str
    value_dated: bool
    closed_through: int
    named_by: str
    named_ms: int


BOOKS = Table("ledger_book", LedgerBook, ("book",))


class NameBook(Command, frozen=True, kw_only=True, tag="ledger.name_book"):
    """Give a book a name and a currency, and say whether its entries carry an effective day."""

    book: int
    name: str
    currency: str = ""
    value_dated: bool = False


class BookNamed(Reply, frozen=True, kw_only=True):
    """The book as it is known now."""

    book: int
    name: str
    currency: str
    value_dated: bool
    closed_through: int
