"""What can be seen of periods: a book's closes, one close's story, and whether it still proves."""

from __future__ import annotations

import msgspec

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.periods.balances import totals_through
from tallystick.accounting.periods.decide import CodeTotals, Snapshot, digest_of
from tallystick.accounting.periods.model import PeriodClose, PeriodNote
from tallystick.decoding import decode_json
from tallystick.store.rows import ReadSession

__all__ = ["CloseProof", "CloseStory", "close_story", "closes_of", "proof_of_close"]


class CloseStory(msgspec.Struct, frozen=True):
    """A close with its snapshot and what was done to it, oldest first."""

    close: PeriodClose
    snapshot: Snapshot
    notes: list[PeriodNote]


class CloseProof(msgspec.Struct, frozen=True):
    """Whether a close is what the books still say.

    Args:
        digest_fits: the kept snapshot has the kept digest.
        totals_fit: the entries in the books add up to the snapshot.
    """

    digest_fits: bool
    totals_fit: bool


def closes_of(rows: ReadSession, book: int, *, limit: int = 100) -> list[PeriodClose]:
    """A book's closes, latest first."""
    return rows.query(
        PeriodClose, "WHERE book = ? ORDER BY closed_ms DESC, close_id DESC LIMIT ?", (book, limit)
    )


def close_story(rows: ReadSession, close_id: str) -> CloseStory | None:
    """One close, or None."""
    close = rows.get(PeriodClose, close_id)
    if close is None:
        return None
    snapshot = decode_json(close.snapshot, Snapshot)
    return CloseStory(close, snapshot, rows.select(PeriodNote, close_id=close_id))


def proof_of_close(rows: ReadSession, close: PeriodClose) -> CloseProof:
    """Work the close's totals out again from the books, in one snapshot.

    A close that was opened again need not fit: its days may have got entries since.
    """
    connection = rows.connection
    connection.execute("BEGIN")
    try:
        book = rows.get(LedgerBook, close.book)
        lines = totals_through(
            connection, close.book, close.last_day, code_of={},
            value_dated=book is not None and book.value_dated,
        )  # fmt: skip
    finally:
        connection.execute("ROLLBACK")
    kept = [
        CodeTotals(int(x["code"]), int(x["debits_posted"]), int(x["credits_posted"]))
        for x in decode_json(close.snapshot, Snapshot).lines
    ]
    found = [line for line in lines if line in kept or line.debits_posted or line.credits_posted]
    return CloseProof(digest_of(close.snapshot) == close.digest, found == kept)
