"""Named books and periods: a close with its trial balance, its hash and its story."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.accounting.books.model import LedgerBook, NameBook
from tallystick.accounting.books.views import books_page, known_book
from tallystick.accounting.days import date_of, day_of_date
from tallystick.accounting.periods.decide import Snapshot
from tallystick.accounting.periods.model import (
    ApproveReopening,
    AskReopening,
    ClosePeriod,
    CloseStatus,
    PeriodClose,
    RejectReopening,
)
from tallystick.accounting.periods.views import close_story, closes_of, proof_of_close
from tallystick.accounting.statements.words import kind_of_account
from tallystick.accounting.views import book_is_used, books_in_use
from tallystick.console.bookkeeping.fields import day_of, whole_of
from tallystick.console.bookkeeping.frame import (
    PLACE,
    Said,
    carry_out,
    currency_of,
    in_thread,
    show,
    title_of_book,
    who_did,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.ledger_files import today
from tallystick.console.requests import read_form
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.decoding import decode_json
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["BOOK_PAGES"]

_BOOKS_SHOWN: Final = 500


class BookLine(NamedTuple):
    """A book in the list; `closed_through` is empty while nothing is closed."""

    book: int
    title: str
    currency: str
    value_dated: bool
    closed_through: str
    is_own: bool


class TotalsLine(NamedTuple):
    """A line of a close's trial balance."""

    code: int
    title: str
    debits: int
    credits: int


def _closed(known: LedgerBook | None) -> str:
    if known is None or known.closed_through < 0:
        return ""
    return date_of(known.closed_through).isoformat()


def _line(front: Frontend, book: int, language: Language) -> BookLine:
    rows = front.platform.rows
    known = known_book(rows, book)
    return BookLine(
        book, title_of_book(rows, book, language), currency_of(rows, book),
        known is not None and known.value_dated, _closed(known), book < PLATFORM_BOOK_MIN,
    )  # fmt: skip


async def _books(front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    named = [b.book for b in books_page(front.platform.rows, after=-1, limit=_BOOKS_SHOWN)]
    used = books_in_use(front.platform.ledger, _BOOKS_SHOWN)
    lines = [_line(front, book, visitor.language) for book in sorted({*named, *used})]
    return show(front, visitor, "books", "books", said, books=lines)


@get(PLACE)
async def show_books(front: Front, visitor: Asking) -> Response[str]:
    """Every book, and a form to name one."""
    return await _books(front, visitor, Said())


@post(f"{PLACE}/books")
async def name_book(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Name a book, or name it anew."""
    form = await read_form(request)

    def made() -> Command:
        return NameBook(
            book=whole_of(form, "book"), name=form.get("name", ""),
            currency=form.get("currency", "").upper(), value_dated="value_dated" in form,
        )  # fmt: skip

    return await carry_out(
        front, visitor, form, made, "book_named", to=PLACE,
        again=lambda said: _books(front, visitor, said),
    )  # fmt: skip


async def _book(front: Frontend, visitor: Visitor, book: int, said: Said) -> Response[str]:
    rows = front.platform.rows
    if known_book(rows, book) is None and not book_is_used(front.platform.ledger, book):
        raise Refused("BOOK_NOT_EXIST")
    closes = [
        (c, date_of(c.first_day), date_of(c.last_day), who_did(rows, c.closed_by))
        for c in closes_of(rows, book)
    ]
    ended = date_of(day_of_date(today(front)) - 1)
    return show(
        front, visitor, "book", "books", said, book=_line(front, book, visitor.language),
        closes=closes, yesterday=ended,
    )  # fmt: skip


@get(f"{PLACE}/books/{{book:int}}")
async def show_book(book: FromPath[int], front: Front, visitor: Asking) -> Response[str]:
    """One book with its closes."""
    return await _book(front, visitor, book, Said())


@post(f"{PLACE}/books/{{book:int}}/closes")
async def close_book(
    book: FromPath[int], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Close a book through a day."""
    form = await read_form(request)

    def made() -> Command:
        day = day_of(form, "through")
        if not day:
            raise Refused("INVALID_PARAMETER", "through: a day.")
        return ClosePeriod(book=book, through_day=day)

    return await carry_out(
        front, visitor, form, made, "period_closed",
        to=lambda done: f"{PLACE}/closes/{done.close_id}",
        again=lambda said: _book(front, visitor, book, said),
    )  # fmt: skip


def _totals(close: PeriodClose, language: Language) -> list[TotalsLine]:
    snapshot = decode_json(close.snapshot, Snapshot)
    return [
        TotalsLine(
            int(x["code"]), kind_of_account(int(x["code"]), close.book, language.value),
            int(x["debits_posted"]), int(x["credits_posted"]),
        )
        for x in snapshot.lines
    ]  # fmt: skip


async def _close(front: Frontend, visitor: Visitor, close_id: str, said: Said) -> Response[str]:
    rows = front.platform.rows
    story = close_story(rows, close_id)
    if story is None:
        raise Refused("PERIOD_NOT_EXIST")
    close = story.close
    known = known_book(rows, close.book)
    proof = await in_thread(front, lambda session: proof_of_close(session, close))
    caller = visitor.caller if visitor.operator else None
    latest = known is not None and known.closed_through == close.last_day
    return show(
        front, visitor, "close", "books", said, close=close, snapshot=story.snapshot, proof=proof,
        book=_line(front, close.book, visitor.language), lines=_totals(close, visitor.language),
        notes=[(n, who_did(rows, n.done_by)) for n in story.notes],
        first=date_of(close.first_day), last=date_of(close.last_day),
        can_ask=close.status is CloseStatus.CLOSED and latest,
        is_asked=close.status is CloseStatus.REOPENING,
        asked_it=caller is not None and close.asked_by == f"{caller.kind}:{caller.id}",
    )  # fmt: skip


@get(f"{PLACE}/closes/{{close_id:str}}")
async def show_close(close_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """A close: what it kept, whether the books still say so, and what was done to it."""
    return await _close(front, visitor, close_id, Said())


async def _answer(
    close_id: str, request: WebRequest, front: Frontend, visitor: Visitor,
    made: Any, done: str,
) -> Response[Any]:  # fmt: skip
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: made(form), done, to=f"{PLACE}/closes/{close_id}",
        again=lambda said: _close(front, visitor, close_id, said),
    )  # fmt: skip


@post(f"{PLACE}/closes/{{close_id:str}}/reopening")
async def ask_reopening(
    close_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Ask that the days be opened again."""
    return await _answer(
        close_id, request, front, visitor,
        lambda form: AskReopening(close_id=close_id, reason=form.get("reason", "")),
        "reopening_asked",
    )  # fmt: skip


@post(f"{PLACE}/closes/{{close_id:str}}/approve")
async def approve_reopening(
    close_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Open them again, as another person than who asked."""
    return await _answer(
        close_id, request, front, visitor,
        lambda form: ApproveReopening(close_id=close_id), "period_reopened",
    )  # fmt: skip


@post(f"{PLACE}/closes/{{close_id:str}}/reject")
async def reject_reopening(
    close_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Leave them closed."""
    return await _answer(
        close_id, request, front, visitor,
        lambda form: RejectReopening(close_id=close_id), "reopening_rejected",
    )  # fmt: skip


BOOK_PAGES: Final = (
    show_books, name_book, show_book, close_book, show_close, ask_reopening, approve_reopening,
    reject_reopening,
)  # fmt: skip
