"""Named books, periods that close, and reversals."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Annotated, Any, Final

from msgspec import Meta

from tallystick.accounting.books.model import BookNamed, LedgerBook, NameBook
from tallystick.accounting.books.views import books_page, known_book
from tallystick.accounting.corrections.model import Reversal, ReverseTransfer, TransferReversed
from tallystick.accounting.corrections.views import corrections_of
from tallystick.accounting.days import day_of_date
from tallystick.accounting.periods.model import (
    ApproveReopening,
    AskReopening,
    CloseDone,
    ClosePeriod,
    PeriodClose,
    RejectReopening,
)
from tallystick.accounting.periods.views import CloseProof, CloseStory, close_story, proof_of_close
from tallystick.gateway.rest.accounting_fields import (
    AccountIdText,
    AmountUnits,
    DayText,
    LedgerNumberText,
    NameText,
    NumberText,
    Reason,
    day_text,
    id_of,
    read_day,
    units_of,
)
from tallystick.gateway.rest.fields import Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import ID_MAX
from tallystick.pipeline.refusals import Refused

__all__ = ["PERIOD_OPERATIONS"]

_TAG: Final = "Bookkeeping"
_BOOK: Final = {"ledger": LedgerNumberText}
_CLOSE: Final = {"close_id": NumberText}
_TRANSFER: Final = {"transfer_id": AccountIdText}


class BookName(Body, frozen=True, kw_only=True):
    """What is known of a book; `value_dated`: its entries may carry an effective date."""

    name: NameText
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?\Z", examples=["CNY"])] = ""
    value_dated: bool = False


class BookShape(Shape, frozen=True, kw_only=True):
    """A named book. Through the day `closed_through` nothing is booked any more."""

    ledger: int
    name: str
    currency: str
    value_dated: bool
    closed_through: DayText | None


class BooksQuery(Query, frozen=True, kw_only=True):
    """How many, and from where on."""

    limit: Limit = 20
    cursor: Cursor = ""


class PeriodToClose(Body, frozen=True, kw_only=True):
    """A day, `2026-11-24`, or a month, `2026-11`: everything through its end is closed."""

    period: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?\Z", examples=["2026-10"])]


class ReopeningReason(Body, frozen=True, kw_only=True):
    """Why a close is to be opened again."""

    reason: Reason


class CloseShape(Shape, frozen=True, kw_only=True):
    """A close. `sha256` is that of its snapshot, which carries that of the close before."""

    close_id: NumberText
    ledger: int
    first_day: DayText | None
    last_day: DayText | None
    status: Annotated[str, Meta(examples=["closed"])]
    sha256: Annotated[str, Meta(examples=["9f86d081884c7d65…"])]
    closed_by: str
    closed_ms: Ms
    asked_by: str
    reason: str


class CloseState(Shape, frozen=True, kw_only=True):
    """A close after a command."""

    close_id: NumberText
    ledger: int
    first_day: DayText | None
    last_day: DayText | None
    status: str
    sha256: str
    closed_through: DayText | None


class CodeLine(Shape, frozen=True, kw_only=True):
    """A code's posted totals as of the close."""

    code: int
    debits_posted: AmountUnits
    credits_posted: AmountUnits


class CloseNoteShape(Shape, frozen=True, kw_only=True):
    """Who did what, when, and why."""

    action: str
    by: str
    reason: str
    at_ms: Ms


class CloseStoryShape(Shape, frozen=True, kw_only=True):
    """A close whole: its trial balance, its story, and whether the books still say the same.

    `snapshot` is the text whose SHA-256 is `sha256`.
    """

    close: CloseShape
    snapshot: str
    debits_posted: AmountUnits
    credits_posted: AmountUnits
    lines: list[CodeLine]
    notes: list[CloseNoteShape]
    digest_fits: bool
    totals_fit: bool


class CloseQuery(Query, frozen=True, kw_only=True):
    """Which closes; of all books when it is left out."""

    ledger: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class TransferReversal(Body, frozen=True, kw_only=True):
    """What of a transfer is taken back; without `amount` all that is left of it."""

    reversal_id: AccountIdText
    reason: Reason
    amount: AmountUnits = "0"
    effective_date: Annotated[
        str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z", examples=["2026-11-24"])
    ] = ""


class ReversalDone(Shape, frozen=True, kw_only=True):
    """What was taken back; `left` could still be."""

    reversal_id: AccountIdText
    transfer_id: AccountIdText
    amount: AmountUnits
    left: AmountUnits


class ReversalShape(Shape, frozen=True, kw_only=True):
    """A transfer that takes another back."""

    reversal_id: AccountIdText
    transfer_id: AccountIdText
    amount: AmountUnits
    reason: str
    reversed_by: str
    at_ms: Ms


class CorrectionsShape(Shape, frozen=True, kw_only=True):
    """A transfer's links, both ways."""

    transfer_id: AccountIdText
    amount: AmountUnits
    reversed: AmountUnits
    reverses: ReversalShape | None
    reversals: list[ReversalShape]


def _ledger(call: Call) -> int:
    number = int(call.path["ledger"])
    if number >= 2**32:
        raise Refused("BOOK_NOT_EXIST")
    return number


def name_book(call: Call, body: BookName) -> NameBook:
    """The command that names a book."""
    return NameBook(
        book=_ledger(call), name=body.name, currency=body.currency, value_dated=body.value_dated
    )


def _book(b: LedgerBook | BookNamed) -> BookShape:
    return BookShape(
        ledger=b.book, name=b.name, currency=b.currency, value_dated=b.value_dated,
        closed_through=day_text(b.closed_through),
    )  # fmt: skip


def get_book(call: Call, query: Query) -> BookShape:
    """A named book."""
    found = known_book(call.platform.rows, _ledger(call))
    if found is None:
        raise Refused("BOOK_NOT_EXIST")
    return _book(found)


def list_books(call: Call, query: BooksQuery) -> Page[BookShape]:
    """Named books in the order of their numbers."""
    place = call.read_cursor("ledger books", query.cursor)
    after = 0 if place is None else int(place[0])
    found = books_page(call.platform.rows, after=after, limit=query.limit + 1)
    page = found[: query.limit]
    last = (page[-1].book,) if len(found) > query.limit else None
    return Page(items=[_book(b) for b in page], next_cursor=call.write_cursor("ledger books", last))


def _last_day(period: str) -> int:
    """The last day of a month, or the day itself."""
    if len(period) == len("2026-11-24"):
        return read_day(period, "$.period")
    try:
        first = date.fromisoformat(f"{period}-01")
        return day_of_date((first + timedelta(days=31)).replace(day=1)) - 1
    except (ValueError, OverflowError) as error:
        raise Refused("INVALID_PARAMETER", "$.period: there is no such month.") from error


def close_period(call: Call, body: PeriodToClose) -> ClosePeriod:
    """The command that closes."""
    return ClosePeriod(book=_ledger(call), through_day=_last_day(body.period))


def ask_reopening(call: Call, body: ReopeningReason) -> AskReopening:
    """The command that asks for it."""
    return AskReopening(close_id=call.path["close_id"], reason=body.reason)


def approve_reopening(call: Call, body: Any) -> ApproveReopening:
    """The command that opens it again."""
    return ApproveReopening(close_id=call.path["close_id"])


def reject_reopening(call: Call, body: Any) -> RejectReopening:
    """The command that leaves it closed."""
    return RejectReopening(close_id=call.path["close_id"])


def _state(done: CloseDone) -> CloseState:
    return CloseState(
        close_id=done.close_id, ledger=done.book, first_day=day_text(done.first_day),
        last_day=day_text(done.last_day), status=done.status.value, sha256=done.digest.hex(),
        closed_through=day_text(done.closed_through),
    )  # fmt: skip


def _close(c: PeriodClose) -> CloseShape:
    return CloseShape(
        close_id=c.close_id, ledger=c.book, first_day=day_text(c.first_day),
        last_day=day_text(c.last_day), status=c.status.value, sha256=c.digest.hex(),
        closed_by=c.closed_by, closed_ms=c.closed_ms, asked_by=c.asked_by, reason=c.reason,
    )  # fmt: skip


_CLOSES: Final = Listing(PeriodClose, "closed_ms", "close_id")


def list_closes(call: Call, query: CloseQuery) -> Page[CloseShape]:
    """Closes, newest first."""
    book = "" if query.ledger is None else query.ledger
    return page_of(call, _CLOSES, _close, limit=query.limit, cursor=query.cursor, book=book)


def _story(found: tuple[CloseStory, CloseProof]) -> CloseStoryShape:
    story, proof = found
    return CloseStoryShape(
        close=_close(story.close), snapshot=story.close.snapshot.decode(),
        debits_posted=story.snapshot.debits_posted, credits_posted=story.snapshot.credits_posted,
        lines=[
            CodeLine(code=int(x["code"]), debits_posted=str(x["debits_posted"]),
                     credits_posted=str(x["credits_posted"]))
            for x in story.snapshot.lines
        ],
        notes=[
            CloseNoteShape(action=n.action, by=n.done_by, reason=n.reason, at_ms=n.at_ms)
            for n in story.notes
        ],
        digest_fits=proof.digest_fits, totals_fit=proof.totals_fit,
    )  # fmt: skip


async def get_close(call: Call, query: Query) -> CloseStoryShape:
    """A close, proved anew from the books."""

    def read() -> tuple[CloseStory, CloseProof]:
        with call.platform.reader() as rows:
            story = close_story(rows, call.path["close_id"])
            if story is None:
                raise Refused("PERIOD_NOT_EXIST")
            return story, proof_of_close(rows, story.close)

    return _story(await asyncio.to_thread(read))


def reverse_transfer(call: Call, body: TransferReversal) -> ReverseTransfer:
    """The command that takes a transfer back."""
    day = read_day(body.effective_date, "$.effective_date") if body.effective_date else 0
    return ReverseTransfer(
        transfer_id=id_of(call.path["transfer_id"], "path.transfer_id"),
        reversal_id=id_of(body.reversal_id, "$.reversal_id"),
        amount=units_of(body.amount, "$.amount"), reason=body.reason, effective_day=day,
    )  # fmt: skip


def _reversed(done: TransferReversed) -> ReversalDone:
    return ReversalDone(
        reversal_id=_text(done.reversal_id), transfer_id=_text(done.transfer_id),
        amount=str(done.amount), left=str(done.left),
    )  # fmt: skip


def _text(id_: bytes) -> str:
    return str(int.from_bytes(id_, "big"))


def _reversal(r: Reversal) -> ReversalShape:
    return ReversalShape(
        reversal_id=_text(r.reversal_id), transfer_id=_text(r.transfer_id), amount=str(r.amount),
        reason=r.reason, reversed_by=r.reversed_by, at_ms=r.at_ms,
    )  # fmt: skip


def get_corrections(call: Call, query: Query) -> CorrectionsShape:
    """What a transfer takes back, and what takes it back."""
    number = int(call.path["transfer_id"])
    found = call.platform.ledger.transfers([number]) if number <= ID_MAX else []
    if not found:
        raise Refused("TRANSFER_NOT_EXIST")
    links = corrections_of(call.platform.rows, number)
    return CorrectionsShape(
        transfer_id=_text(id_bytes(number)), amount=str(found[0].amount),
        reversed=str(links.reversed),
        reverses=None if links.reverses is None else _reversal(links.reverses),
        reversals=[_reversal(r) for r in links.reversals],
    )  # fmt: skip


PERIOD_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/ledger/books/{ledger}", "nameLedgerBook", tag=_TAG, scope="ledger:write",
        for_apps=False, parameters=_BOOK, summary="Name a book",
        description="A name, a currency, and whether entries carry an effective date. Currency "
        "and dating are settled once money has moved in the book.",
        body=BookName, command=name_book, show=_book, answer=BookShape,
        refusals=("BOOK_RESERVED", "BOOK_IN_USE", "INVALID_PARAMETER", "BOOK_NOT_EXIST"),
        example={"name": "Head office", "currency": "CNY", "value_dated": True},
    ),
    look(
        "/v1/ledger/books", "listLedgerBooks", tag=_TAG, scope="ledger:read", for_apps=False,
        summary="List named books", query=BooksQuery, find=list_books, answer=Page[BookShape],
    ),
    look(
        "/v1/ledger/books/{ledger}", "getLedgerBook", tag=_TAG, scope="ledger:read",
        for_apps=False, parameters=_BOOK, summary="See a named book", query=Query, find=get_book,
        answer=BookShape, refusals=("BOOK_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/books/{ledger}/closes", "closePeriod", tag=_TAG, scope="ledger:close",
        for_apps=False, parameters=_BOOK, summary="Close a book through a day or month",
        description="The trial balance as of its end is kept with its SHA-256.",
        body=PeriodToClose, command=close_period, show=_state, answer=CloseState, status=201,
        refusals=("BOOK_NOT_EXIST", "PERIOD_NOT_OVER", "PERIOD_CLOSED", "INVALID_PARAMETER"),
        example={"period": "2026-10"},
    ),
    look(
        "/v1/ledger/closes", "listCloses", tag=_TAG, scope="ledger:read", for_apps=False,
        summary="List closes", description="Newest first, those that were opened again too.",
        query=CloseQuery, find=list_closes, answer=Page[CloseShape],
    ),
    look(
        "/v1/ledger/closes/{close_id}", "getClose", tag=_TAG, scope="ledger:read", for_apps=False,
        parameters=_CLOSE, summary="See a close and prove it",
        description="Its totals are worked out again from the books.", query=Query, find=get_close,
        answer=CloseStoryShape, refusals=("PERIOD_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/closes/{close_id}/reopening", "askReopening", tag=_TAG, scope="ledger:close",
        for_apps=False, parameters=_CLOSE, summary="Ask to open a close again",
        body=ReopeningReason, command=ask_reopening, show=_state, answer=CloseState,
        refusals=("PERIOD_NOT_EXIST", "PERIOD_NOT_LATEST", "PERIOD_STATE", "INVALID_PARAMETER"),
        example={"reason": "An invoice came late."},
    ),
    change(
        "/v1/ledger/closes/{close_id}/reopening/approve", "approveReopening", tag=_TAG,
        scope="ledger:close", for_apps=False, parameters=_CLOSE,
        summary="Agree to open a close again", description="Not by who asked.",
        command=approve_reopening, show=_state, answer=CloseState,
        refusals=("PERIOD_NOT_EXIST", "PERIOD_SAME_PERSON", "PERIOD_STATE"),
    ),
    change(
        "/v1/ledger/closes/{close_id}/reopening/reject", "rejectReopening", tag=_TAG,
        scope="ledger:close", for_apps=False, parameters=_CLOSE, summary="Leave a close closed",
        command=reject_reopening, show=_state, answer=CloseState,
        refusals=("PERIOD_NOT_EXIST", "PERIOD_STATE"),
    ),
    change(
        "/v1/ledger/transfers/{transfer_id}/reversals", "reverseLedgerTransfer", tag=_TAG,
        scope="ledger:write", for_apps=False, parameters=_TRANSFER, status=201,
        summary="Take a transfer back, whole or in part",
        description="A new transfer the other way, with the original's id in `user_data_128`.",
        body=TransferReversal, command=reverse_transfer, show=_reversed, answer=ReversalDone,
        refusals=("TRANSFER_NOT_EXIST", "REVERSAL_EXCEEDS", "REVERSAL_NOT_POSTED",
                  "REVERSAL_OF_EXCHANGE", "REVERSAL_OF_PRODUCT", "REVERSAL_OF_REVERSAL",
                  "PERIOD_CLOSED", "EFFECTIVE_DATE_INVALID", "LEDGER_REFUSED",
                  "INVALID_PARAMETER"),
        example={"reversal_id": "2", "reason": "Booked twice.", "amount": "1230"},
    ),
    look(
        "/v1/ledger/transfers/{transfer_id}/reversals", "listReversals", tag=_TAG,
        scope="ledger:read", for_apps=False, parameters=_TRANSFER,
        summary="See what a transfer takes back, and what takes it back", query=Query,
        find=get_corrections, answer=CorrectionsShape, refusals=("TRANSFER_NOT_EXIST",),
    ),
)  # fmt: skip
