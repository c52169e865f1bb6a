"""Statements as files: an account's days as PDF, CSV, camt.053, MT940 or JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Annotated, BinaryIO, Final, Literal

from msgspec import Meta

from tallystick.accounting.made_file import MadeFile, make_file
from tallystick.accounting.statements.document import DayPeriod, account_document, day_of
from tallystick.accounting.statements.forms import FORMS, file_name, write_statement
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.fields import Query
from tallystick.gateway.rest.operation import Call, Operation, look
from tallystick.gateway.rest.problem import BadRequest
from tallystick.ledger.model import ID_MAX
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = [
    "STATEMENT_FILE_OPERATIONS", "DayText", "FormName", "LanguageName", "OwnCurrency",
    "StatementFileQuery", "made_file", "media_types", "period_of", "read_day",
]  # fmt: skip

_NS_PER_MS: Final = 1_000_000

DayText = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z",
        description="A day in China (UTC+8).",
        examples=["2026-11-25"],
    ),
]
FormName = Literal["json", "csv", "pdf", "camt053", "mt940"]
LanguageName = Literal["en", "zh"]
OwnCurrency = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z]{3})?\Z",
        description="What a book of your own counts (ISO 4217); empty for whole units.",
        examples=["CNY"],
    ),
]


class StatementFileQuery(Query, frozen=True, kw_only=True):
    """The days, both included (left out: today, and the last day alone), and the form."""

    first_day: DayText | None = None
    last_day: DayText | None = None
    format: FormName = "json"
    lang: LanguageName = "en"
    currency: OwnCurrency = ""


def read_day(text: str, name: str) -> date:
    """A day of a query.

    Raises:
        BadRequest: the calendar has no such day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadRequest("The calendar has no such day.", f"query.{name}") from error


def period_of(call: Call, first_day: str | None, last_day: str | None) -> DayPeriod:
    """The period of a query: without a last day until today, without a first the last day alone."""
    today = day_of(call.platform.clock_ms() * _NS_PER_MS)
    last = today if last_day is None else read_day(last_day, "last_day")
    return DayPeriod.of(last if first_day is None else read_day(first_day, "first_day"), last)


def media_types(forms: tuple[str, ...] = tuple(FORMS)) -> tuple[str, ...]:
    """The media types of these forms, without their parameters."""
    return tuple(FORMS[form].media_type.partition(";")[0] for form in forms)


async def made_file(
    call: Call, write: Callable[[ReadSession, BinaryIO], tuple[str, str]]
) -> MadeFile:
    """A file that is made on a worker thread, in a session of its own."""

    def run() -> MadeFile:
        with call.platform.reader() as rows:
            return make_file(lambda out: write(rows, out))

    return await asyncio.to_thread(run)


async def get_statement_file(call: Call, query: StatementFileQuery) -> MadeFile:
    """An account's statement as a file."""
    account_id = int(call.path["account_id"])
    if account_id > ID_MAX:
        raise Refused("ACCOUNT_NOT_EXIST")
    period = period_of(call, query.first_day, query.last_day)

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        document = account_document(rows, account_id, period, query.currency)
        write_statement(document, out, query.format, query.lang)
        return file_name(document, query.format), FORMS[query.format].media_type

    return await made_file(call, write)


STATEMENT_FILE_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/ledger/accounts/{account_id}/statement-file", "getLedgerStatementFile",
        tag="Ledger", scope="ledger:read", for_apps=False, summary="Have a statement as a file",
        description="Day by day with opening, movements and closing. `mt940` is in English only.",
        parameters={"account_id": shapes.LedgerId}, query=StatementFileQuery,
        find=get_statement_file, answer=None, media_types=media_types(),
        refusals=(
            "ACCOUNT_NOT_EXIST", "INVALID_PARAMETER", "STATEMENT_FORM_TOO_NARROW",
            "STATEMENT_TOO_LONG",
        ),
    ),
)  # fmt: skip
