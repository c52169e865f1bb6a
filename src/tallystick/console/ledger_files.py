"""Files of the ledger for operators: a statement of any days in any form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import date
from typing import BinaryIO, Final

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from tallystick.accounting.made_file import MadeFile, make_file
from tallystick.accounting.statements.document import DayPeriod, account_document, day_of
from tallystick.accounting.statements.forms import (
    FORMS,
    file_name,
    offered_language,
    write_statement,
)
from tallystick.console.frontend import Front, Frontend
from tallystick.console.requests import need_operator
from tallystick.console.security import PAGE_HEADERS
from tallystick.console.visitor import Asking, WebRequest
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["LEDGER_FILES", "asked_day", "made_file", "month_until", "sent", "today"]

_ID: Final = re.compile(r"[0-9a-f]{32}")
_NS_PER_MS: Final = 1_000_000


def today(front: Frontend) -> date:
    """The day that it is in China."""
    return day_of(front.platform.clock_ms() * _NS_PER_MS)


def month_until(last: date) -> DayPeriod:
    """The days of a month up to one of them."""
    return DayPeriod(last.replace(day=1), last)


def asked_day(text: str, otherwise: date) -> date:
    """A day of a form.

    Raises:
        Refused: INVALID_PARAMETER, for a text that is none.
    """
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", f"{text[:20]!r} is not a day.") from error


async def made_file(
    front: Frontend, write: Callable[[ReadSession, BinaryIO], tuple[str, str]]
) -> MadeFile:
    """A file that is made on a worker thread, in a session of its own."""

    def run() -> MadeFile:
        with front.platform.reader() as rows:
            return make_file(lambda out: write(rows, out))

    return await asyncio.to_thread(run)


def sent(made: MadeFile) -> Stream:
    """A file as a download."""
    headers = {
        **PAGE_HEADERS,
        "content-length": str(made.size),
        "content-disposition": f'attachment; filename="{made.name}"',
    }
    return Stream(made.pieces(), media_type=made.media_type, headers=headers)


@get("/console/accounts/{account_hex:str}/statement")
async def download_statement_file(
    account_hex: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Stream:
    """An account's statement over whole days."""
    need_operator(visitor)
    query = request.query_params
    form = query.get("form", "pdf")
    if not _ID.fullmatch(account_hex):
        raise Refused("ACCOUNT_NOT_EXIST")
    if form not in FORMS:
        raise Refused("INVALID_PARAMETER", f"There is no form {form[:20]!r}.")
    last = asked_day(query.get("last", ""), today(front))
    period = DayPeriod.of(asked_day(query.get("first", ""), last), last)
    language = visitor.language.value

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        document = account_document(rows, int(account_hex, 16), period)
        write_statement(document, out, form, offered_language(form, language))
        return file_name(document, form), FORMS[form].media_type

    return sent(await made_file(front, write))


LEDGER_FILES: Final = (download_statement_file,)
