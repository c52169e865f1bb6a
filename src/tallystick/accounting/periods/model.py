"""Closing periods: states, rows and commands. Days are those of `accounting.days`."""

from __future__ import annotations

from enum import StrEnum

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "ApproveReopening", "AskReopening", "CloseDone", "ClosePeriod", "CloseStatus", "PeriodClose",
    "PeriodNote", "RejectReopening",
]  # fmt: skip


class CloseStatus(StrEnum):
    """What has become of a close."""

    CLOSED = "closed"
    REOPENING = "reopening"
    """Somebody asked to open it again; it is closed until another person agrees."""
    REOPENED = "reopened"


class PeriodClose(Row, frozen=True):
    """A close of a book, from `first_day` through `last_day`.

    `snapshot` is the trial balance as of the end of `last_day` as JSON, and `digest` the SHA-256
    of it; the snapshot carries the digest of the book's close before it.
    """

    close_id: str
    book: int
    first_day: int
    last_day: int
    status: CloseStatus
    snapshot: bytes
    digest: bytes
    closed_by: str
    closed_ms: int
    asked_by: str
    reason: str


class PeriodNote(Row, frozen=True):
    """A line of a close's story: who did what, when, and why."""

    close_id: str
    note_no: int
    action: str
    done_by: str
    reason: str
    at_ms: int


CLOSES = Table("period_close", PeriodClose, ("close_id",))
NOTES = Table("period_note", PeriodNote, ("close_id", "note_no"))


class ClosePeriod(Command, frozen=True, kw_only=True, tag="period.close"):
    """Close a book through a day that is over."""

    book: int
    through_day: int


class AskReopening(Command, frozen=True, kw_only=True, tag="period.ask_reopening"):
    """Ask that a book's latest close be opened again."""

    close_id: str
    reason: str


class ApproveReopening(Command, frozen=True, kw_only=True, tag="period.approve_reopening"):
    """Open it again; not for who asked."""

    close_id: str


class RejectReopening(Command, frozen=True, kw_only=True, tag="period.reject_reopening"):
    """Leave it closed."""

    close_id: str


class CloseDone(Reply, frozen=True, kw_only=True):
    """The close after a command."""

    close_id: str
    book: int
    first_day: int
    last_day: int
    status: CloseStatus
    digest: bytes
    closed_through: int
