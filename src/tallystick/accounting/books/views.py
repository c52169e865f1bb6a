"""What can be seen of named books."""

from __future__ import annotations

from tallystick.accounting.books.model import LedgerBook
from tallystick.store.rows import ReadSession

__all__ = ["books_page", "known_book"]


def known_book(rows: ReadSession, book: int) -> LedgerBook | None:
    """The book as it was named, or None."""
    return rows.get(LedgerBook, book)


def books_page(rows: ReadSession, *, after: int, limit: int) -> list[LedgerBook]:
    """Named books with a number beyond `after`, in their order."""
    return rows.query(LedgerBook, "WHERE book > ? ORDER BY book LIMIT ?", (after, limit))
