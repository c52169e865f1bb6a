"""What closing and opening again do: pure functions."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.accounting.books.decide import NOTHING_CLOSED
from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.days import date_of, day_of_ms
from tallystick.accounting.periods.model import CloseDone, CloseStatus, PeriodClose, PeriodNote
from tallystick.pipeline.decisions import Decision, event
from tallystick.pipeline.refusals import Refused

__all__ = [
    "CodeTotals", "Snapshot", "approve_reopening", "ask_reopening", "close", "digest_of",
    "reject_reopening", "require_day_open",
]  # fmt: skip

_REASON_MAX = 500


class CodeTotals(NamedTuple):
    """What was posted to the accounts of a code, through a day; minor units."""

    code: int
    debits_posted: int
    credits_posted: int


class Snapshot(msgspec.Struct, frozen=True):
    """A book's trial balance as of the end of `last_day`, as it is kept and hashed.

    Args:
        previous: the digest of the book's close before, in hex; empty for the first.
        journal: the journal's last batch when it was closed, with its hash in hex.
        lines: by code; totals as decimal texts, since many readers of JSON lose digits.
    """

    book: int
    first_day: str
    last_day: str
    previous: str
    journal: int
    journal_hash: str
    debits_posted: str
    credits_posted: str
    lines: list[dict[str, int | str]]


def digest_of(snapshot: bytes) -> bytes:
    """The SHA-256 of a kept snapshot."""
    return hashlib.sha256(snapshot).digest()


def require_day_open(book: LedgerBook | None, day: int, today: int) -> None:
    """See that an entry may take effect on a day (0: the day on which it is made).

    Raises:
        Refused: EFFECTIVE_DATE_INVALID for a day to come, PERIOD_CLOSED for a closed one.
    """
    if book is None or not book.value_dated or not day:
        return
    if day > today:
        raise Refused("EFFECTIVE_DATE_INVALID", "The effective day is still to come.")
    if day <= book.closed_through:
        closed = date_of(book.closed_through)
        raise Refused("PERIOD_CLOSED", f"Book {book.book} is closed through {closed}.")


def _done(row: PeriodClose, closed_through: int) -> CloseDone:
    return CloseDone(
        close_id=row.close_id, book=row.book, first_day=row.first_day, last_day=row.last_day,
        status=row.status, digest=row.digest, closed_through=closed_through,
    )  # fmt: skip


def _snapshot(
    book: int, days: tuple[int, int], previous: bytes, journal: tuple[int, bytes],
    lines: list[CodeTotals],
) -> bytes:  # fmt: skip
    debits = sum(line.debits_posted for line in lines)
    credits = sum(line.credits_posted for line in lines)
    assert debits == credits, "a book that does not balance cannot be closed"
    kept = Snapshot(
        book, date_of(days[0]).isoformat(), date_of(days[1]).isoformat(), previous.hex(),
        journal[0], journal[1].hex(), str(debits), str(credits),
        [
            {"code": x.code, "debits_posted": str(x.debits_posted),
             "credits_posted": str(x.credits_posted)}
            for x in lines
        ],
    )  # fmt: skip
    return msgspec.json.encode(kept)


def require_closable(book: LedgerBook, through_day: int, now_ms: int) -> None:
    """See that a book can be closed through a day.

    Raises:
        Refused: PERIOD_NOT_OVER, PERIOD_CLOSED.
    """
    if through_day >= day_of_ms(now_ms):
        raise Refused("PERIOD_NOT_OVER")
    if through_day <= book.closed_through:
        raise Refused("PERIOD_CLOSED", f"It is closed through {date_of(book.closed_through)}.")


def close(
    book: LedgerBook, through_day: int, close_id: str, *, previous: PeriodClose | None,
    journal: tuple[int, bytes], lines: list[CodeTotals], by: str, now_ms: int,
) -> Decision:  # fmt: skip
    """Close a book through a day and keep its trial balance.

    Args:
        previous: the book's latest close that holds.
        journal: the number and hash of the journal's last batch.
        lines: what was posted through the day, by code.

    Raises:
        Refused: PERIOD_NOT_OVER, PERIOD_CLOSED.
    """
    require_closable(book, through_day, now_ms)
    days = (book.closed_through + 1, through_day)
    kept = _snapshot(book.book, days, previous.digest if previous else b"", journal, lines)
    row = PeriodClose(
        close_id, book.book, *days, CloseStatus.CLOSED, kept, digest_of(kept), by, now_ms, "", ""
    )
    done = _done(row, through_day)
    return Decision(
        done,
        rows=(replace(book, closed_through=through_day), row,
              PeriodNote(close_id, 1, "closed", by, "", now_ms)),
        events=(event("period.closed", close_id, done),),
    )  # fmt: skip


def ask_reopening(
    book: LedgerBook, row: PeriodClose, reason: str, notes: int, by: str, now_ms: int
) -> Decision:
    """Somebody wants a close opened again, and says why.

    Raises:
        Refused: PERIOD_NOT_LATEST, PERIOD_STATE, INVALID_PARAMETER.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= _REASON_MAX:
        raise Refused("INVALID_PARAMETER", "A reason is needed, of at most 500 characters.")
    if row.status is not CloseStatus.CLOSED:
        raise Refused("PERIOD_STATE", f"It is {row.status.value}.")
    if row.last_day != book.closed_through:
        raise Refused("PERIOD_NOT_LATEST")
    row = replace(row, status=CloseStatus.REOPENING, asked_by=by, reason=reason)
    note = PeriodNote(row.close_id, notes + 1, "asked", by, reason, now_ms)
    return Decision(_done(row, book.closed_through), rows=(row, note))


def _require_asked(row: PeriodClose) -> None:
    if row.status is not CloseStatus.REOPENING:
        raise Refused("PERIOD_STATE", f"It is {row.status.value}.")


def approve_reopening(
    book: LedgerBook, row: PeriodClose, notes: int, by: str, now_ms: int
) -> Decision:
    """A second person agrees: the close's days are open again.

    Raises:
        Refused: PERIOD_STATE, or PERIOD_SAME_PERSON for who asked.
    """
    _require_asked(row)
    if by == row.asked_by:
        raise Refused("PERIOD_SAME_PERSON")
    opened = row.first_day - 1
    row = replace(row, status=CloseStatus.REOPENED)
    done = _done(row, opened)
    note = PeriodNote(row.close_id, notes + 1, "reopened", by, row.reason, now_ms)
    return Decision(
        done,
        rows=(replace(book, closed_through=max(opened, NOTHING_CLOSED)), row, note),
        events=(event("period.reopened", row.close_id, done),),
    )


def reject_reopening(
    book: LedgerBook, row: PeriodClose, notes: int, by: str, now_ms: int
) -> Decision:
    """It stays closed.

    Raises:
        Refused: PERIOD_STATE.
    """
    _require_asked(row)
    note = PeriodNote(row.close_id, notes + 1, "kept closed", by, row.reason, now_ms)
    row = replace(row, status=CloseStatus.CLOSED, asked_by="", reason="")
    return Decision(_done(row, book.closed_through), rows=(row, note))
