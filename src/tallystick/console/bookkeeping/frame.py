"""What the bookkeeping pages share: their frame, lists a page at a time, a form and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from litestar import Response

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.statements.document import currency_of_book
from tallystick.console.frontend import Frontend, RefusalText, error_text
from tallystick.console.listing import cursor_text, pair_cursor
from tallystick.console.operators import act, operators_page
from tallystick.console.requests import Form, need_operator
from tallystick.console.statements import book_title
from tallystick.console.texts import Language
from tallystick.console.visitor import Visitor, WebRequest
from tallystick.ledger.model import ID_MAX
from tallystick.partners.model import Operator
from tallystick.pipeline.commands import Command, Reply
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row

__all__ = [
    "PLACE", "Said", "carry_out", "currency_of", "hex_of", "in_thread",
    "newest_rows", "show", "title_of_book", "who_did",
]  # fmt: skip

PLACE: Final = "/console/bookkeeping"
_PAGE: Final = 50

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class Said(NamedTuple):
    """What was wrong with a form that was sent, and what was typed into it."""

    refusal: RefusalText | None = None
    typed: Form = {}  # noqa: RUF012 - never written to


class Shown(Protocol):
    """A page that can show what was wrong with its form."""

    def __call__(self, said: Said) -> Awaitable[Response[str]]:
        """Show it."""


def show(
    front: Frontend, visitor: Visitor, template: str, tab: str, said: Said, **context: Any
) -> Response[str]:
    """A page of bookkeeping."""
    return operators_page(
        front, visitor, f"bookkeeping/{template}", "bookkeeping", refusal=said.refusal,
        typed=said.typed, tab=tab, **context,
    )  # fmt: skip


async def carry_out(
    front: Frontend, visitor: Visitor, form: Form, made: Callable[[], Command], done: str, *,
    again: Shown, to: str | Callable[[Any], str],
) -> Response[Any]:  # fmt: skip
    """Run what a form asks for; what is refused is said on the page with the form.

    Args:
        made: gives the command, or refuses.
        done: names the notice of success, and what was done for its request id.
        to: where to go on, perhaps by the reply.
    """
    need_operator(visitor)
    try:
        reply: Reply = await act(front, visitor, form, made(), done)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return await again(Said(said, form))
    return front.redirect(to if isinstance(to, str) else to(reply), done=done)


async def in_thread(front: Frontend, read: Callable[[ReadSession], T]) -> T:
    """What a long read finds, in a session of its own."""

    def run() -> T:
        with front.platform.reader() as rows:
            return read(rows)

    return await asyncio.to_thread(run)


def newest_rows(
    rows: ReadSession, row: type[R], key: str, request: WebRequest, at: str = "created_ms",
    **equal: str,
) -> tuple[list[R], str]:  # fmt: skip
    """A page of rows, newest first, and the cursor of the next (`?before=`; empty for none).

    Args:
        key, at: the columns of the row's key and moment.
        equal: what columns must say; an empty text for anything.
    """
    clauses = [f"{name} = ?" for name, value in equal.items() if value]
    values: list[object] = [value for value in equal.values() if value]
    before = pair_cursor(request.query_params.get("before", ""))
    if before is not None:
        clauses.append(f"({at} < ? OR ({at} = ? AND {key} < ?))")
        values += [before[0], before[0], before[1]]
    where = f"WHERE {' AND '.join(clauses)} " if clauses else ""
    tail = f"{where}ORDER BY {at} DESC, {key} DESC LIMIT ?"
    found = rows.query(row, tail, (*values, _PAGE + 1))
    if len(found) <= _PAGE:
        return found, ""
    last = found[_PAGE - 1]
    return found[:_PAGE], cursor_text((getattr(last, at), getattr(last, key)))


def currency_of(rows: ReadSession, book: int) -> str:
    """The currency of a book's amounts; empty where they are whole units."""
    return currency_of_book(book, rows.get(LedgerBook, book))


def title_of_book(rows: ReadSession, book: int, language: Language) -> str:
    """A book for people: the name that it was given, with its number."""
    known = rows.get(LedgerBook, book)
    title = book_title(book, language)
    return f"{known.name} · {title}" if known is not None and known.name else title


def hex_of(account_id: bytes | int) -> str:
    """An id as addresses write it: 32 hexadecimal digits."""
    if isinstance(account_id, int):
        return f"{account_id & ID_MAX:032x}"
    return account_id.hex()


def who_did(rows: ReadSession, caller: str) -> str:
    """A caller (`kind:id`) for people: an operator by the login."""
    kind, _, caller_id = caller.partition(":")
    known = rows.get(Operator, caller_id) if kind == "operator" else None
    return known.login if known is not None else caller
