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
from tallystick.ledger.model import ID_MAX
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = [
    "STATEMENT_FILE_OPERATIONS", "DayText", "FormName", "LanguageName", "OwnCurrency",
    "StatementFileQuery", "accepted_form", "made_file", "media_types", "period_of", "read_day",
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
    """The days, both included (left out: today, and the last day alone), and the form.

    Without `format` the form is the one that `Accept` prefers, and JSON where it says nothing.
    """

    first_day: DayText | None = None
    last_day: DayText | None = None
    format: FormName | None = None
    lang: LanguageName = "en"
    currency: OwnCurrency = ""


def read_day(text: str, name: str) -> date:
    """A day of a query.

    Raises:
        Refused: INVALID_PARAMETER: the calendar has no such day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", f"{name}: the calendar has no such day.") from error


def period_of(call: Call, first_day: str | None, last_day: str | None) -> DayPeriod:
    """The period of a query: without a last day until today, without a first the last day alone."""
    today = day_of(call.platform.clock_ms() * _NS_PER_MS)
    last = today if last_day is None else read_day(last_day, "last_day")
    return DayPeriod.of(last if first_day is None else read_day(first_day, "first_day"), last)


def media_types(forms: tuple[str, ...] = tuple(FORMS)) -> tuple[str, ...]:
    """The media types of these forms, without their parameters."""
    return tuple(FORMS[form].media_type.partition(";")[0] for form in forms)


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def accepted_form(accept: str) -> str:
    """The statement's form that an `Accept` header (RFC 9110) prefers; JSON where it says none.

    XML is camt.053, plain text is MT940; a pattern (`*/*`, `text/*`) is the first form that fits.
    """
    ranked: list[tuple[float, int, str]] = []
    for place, item in enumerate(accept.split(",")[:20]):
        media_type, _, parameters = item.strip().partition(";")
        form, weight = _form_of(media_type.strip().lower()), _weight(parameters)
        if form and 0 < weight <= 1:
            ranked.append((-weight, place, form))
    return min(ranked)[2] if ranked else "json"


def _form_of(media_type: str) -> str:
    begin = media_type.removesuffix("*") if media_type.endswith("/*") else ""
    if media_type == "text/xml":
        return "camt053"
    for form, known in zip(FORMS, media_types(), strict=True):
        if known == media_type or media_type == "*/*" or (begin and known.startswith(begin)):
            return form
    return ""


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
    form = query.format or accepted_form(call.accept)

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        document = account_document(rows, account_id, period, query.currency)
        write_statement(document, out, form, query.lang)
        return file_name(document, form), FORMS[form].media_type

    return await made_file(call, write)


STATEMENT_FILE_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/ledger/accounts/{account_id}/statement-file", "getLedgerStatementFile",
        tag="Ledger", scope="ledger:read", for_apps=False, summary="Have a statement as a file",
        description="Day by day with opening, movements and closing, in the `format` "
        "asked for, else the one that `Accept` prefers. `mt940` is in English only.",
        parameters={"account_id": shapes.LedgerId}, query=StatementFileQuery,
        find=get_statement_file, answer=None, media_types=media_types(),
        refusals=(
            "ACCOUNT_NOT_EXIST", "INVALID_PARAMETER", "STATEMENT_FORM_TOO_NARROW",
            "STATEMENT_TOO_LONG",
        ),
    ),
)  # fmt: skip
