"""Reports of the books and the search over entries, for operators."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import date
from typing import BinaryIO, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from litestar import Response, get
from litestar.response import Stream

from tallystick.accounting.report_files import (
    REPORTS,
    ReportPeriod,
    ReportRow,
    report_rows,
    write_report,
)
from tallystick.accounting.reports import BookReport, reports_of
from tallystick.accounting.search import EntryPage, Wanted, find_entries
from tallystick.accounting.statements.document import DayPeriod
from tallystick.accounting.statements.words import kind_of_account, word
from tallystick.console.charts import Point, bar_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.frontend import Front, Frontend
from tallystick.console.ledger_files import asked_day, made_file, sent, today
from tallystick.console.operators import operators_page
from tallystick.console.requests import need_operator
from tallystick.console.statements import EntryView, book_title, currency_shown, entry_views
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, WebRequest
from tallystick.ledger.model import AMOUNT_MAX, ID_MAX
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["LEDGER_REPORTS"]

_PAGE: Final = 25
_NS_PER_MS: Final = 1_000_000
_HEX: Final = re.compile(r"[0-9a-f]{32}")
_METADATA: Final = re.compile(r"[a-z][a-z0-9_-]{1,63}:.{1,500}")
_FIRST_DAY: Final = date(1970, 1, 2)
_LAST_DAY: Final = date(2262, 4, 10)

T = TypeVar("T")


class RowView(NamedTuple):
    """A row of a report; `is_total` rows are set apart."""

    part: str
    code: int
    title: str
    debits: int | None
    credits: int | None
    amount: int
    is_total: bool


class BookView(NamedTuple):
    """A book's report as a page shows it, with a picture of its parts where it has one."""

    name: str
    currency: str
    rows: list[RowView]
    chart: str


async def _read(front: Frontend, read: Callable[[ReadSession], T]) -> T:
    def run() -> T:
        with front.platform.reader() as rows:
            return read(rows)

    return await asyncio.to_thread(run)


def _row(row: ReportRow, book: int, language: Language) -> RowView:
    tag = language.value
    title = kind_of_account(row.code, book, tag) if row.code else word("total", tag)
    return RowView(
        word(row.part, tag), row.code, title, row.debits, row.credits, row.amount, not row.code
    )


def _short(amount: int, currency: str) -> str:
    return money_short(amount, currency) if currency else f"{amount:,}"


def _chart(report: BookReport, kind: str, language: Language) -> str:
    """The parts of a sheet or statement as bars; none for a trial balance."""
    sheet, income, tag = report.sheet, report.income, language.value
    if kind == "balance_sheet":
        amounts = {
            "assets": sheet.total_assets,
            "liabilities": report.trial.total("liabilities"),
            "equity": report.trial.total("equity"),
            "earnings": sheet.earnings,
        }
    elif kind == "income_statement":
        amounts = {"income": income.total_income, "expenses": income.total_expenses}
    else:
        return ""
    points = [
        Point(word(part, tag), max(0, amount), f"{word(part, tag)}: "
              f"{money_text(amount, report.currency)}")
        for part, amount in amounts.items()
    ]  # fmt: skip
    return bar_chart(
        points, name=f"chart-{kind}-{report.trial.book}", title=word(kind, tag),
        description=book_title(report.trial.book, language),
        language=language, axis_text=lambda units: _short(units, report.currency),
    )  # fmt: skip


def _book(report: BookReport, kind: str, language: Language) -> BookView:
    book = report.trial.book
    rows = [_row(row, book, language) for row in report_rows(report, kind)]
    name = book_title(book, language)
    return BookView(name, report.currency, rows, _chart(report, kind, language))


class _Asked(NamedTuple):
    kind: str
    days: DayPeriod

    @property
    def from_ms(self) -> int:
        return self.days.from_ns // _NS_PER_MS

    @property
    def before_ms(self) -> int:
        return self.days.before_ns // _NS_PER_MS


def _asked(front: Frontend, request: WebRequest) -> _Asked:
    query = request.query_params
    kind = query.get("report", "balance_sheet")
    if kind not in REPORTS:
        raise Refused("INVALID_PARAMETER", f"There is no report {kind[:30]!r}.")
    last = asked_day(query.get("last", ""), today(front))
    first = asked_day(query.get("first", ""), min(last, last.replace(month=1, day=1)))
    return _Asked(kind, DayPeriod.of(first, last))


@get("/console/reports")
async def show_reports(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """A report of every book, as of the end of a day."""
    need_operator(visitor)
    asked = _asked(front, request)
    found = await _read(front, lambda rows: reports_of(rows, asked.from_ms, asked.before_ms))
    books = [_book(report, asked.kind, visitor.language) for report in found]
    wanted = {"report": asked.kind, "first": asked.days.first, "last": asked.days.last}
    return operators_page(
        front, visitor, "reports", "reports", books=books, days=asked.days, kind=asked.kind,
        kinds=[(kind, word(kind, visitor.language.value)) for kind in REPORTS],
        files={form: f"/console/reports/file?{urlencode(wanted | {'form': form})}"
               for form in ("csv", "pdf")},
    )  # fmt: skip


@get("/console/reports/file")
async def download_report(request: WebRequest, front: Front, visitor: Asking) -> Stream:
    """The same as a file."""
    need_operator(visitor)
    asked, form = _asked(front, request), request.query_params.get("form", "csv")
    if form not in ("csv", "pdf"):
        raise Refused("INVALID_PARAMETER", f"There is no form {form[:20]!r}.")
    language = visitor.language.value

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        found = reports_of(rows, asked.from_ms, asked.before_ms)
        period = ReportPeriod(asked.from_ms, asked.before_ms)
        return write_report(found, asked.kind, period, out, form, language)

    return sent(await made_file(front, write))


# Search.


def _whole(value: str, most: int, otherwise: int) -> int:
    if not value:
        return otherwise
    if not (value.isascii() and value.isdigit() and len(value) <= 39 and int(value) <= most):
        raise Refused("INVALID_PARAMETER", f"{value[:40]!r} is not such a number.")
    return int(value)


def _wanted(request: WebRequest) -> Wanted:
    query = {name: value.strip() for name, value in request.query_params.items()}
    account, metadata = query.get("account", ""), query.get("metadata", "")
    if account and not _HEX.fullmatch(account):
        raise Refused("INVALID_PARAMETER", "An account's id is 32 hexadecimal digits.")
    if metadata and not _METADATA.fullmatch(metadata):
        raise Refused("INVALID_PARAMETER", "Metadata is looked for as name:value.")
    name, _, value = metadata.partition(":")
    wanted = Wanted(
        reference=_whole(query.get("reference", ""), ID_MAX, 0),
        account_id=int(account, 16) if account else 0,
        code=_whole(query.get("code", ""), 65535, -1) if query.get("code") else None,
        least=_whole(query.get("least", ""), AMOUNT_MAX, 0),
        most=_whole(query.get("most", ""), AMOUNT_MAX, AMOUNT_MAX),
        metadata=(name, value) if name else None,
    )
    if query.get("first") or query.get("last"):
        last = asked_day(query.get("last", ""), _LAST_DAY)
        days = DayPeriod.of(asked_day(query.get("first", ""), _FIRST_DAY), last)
        wanted = wanted._replace(from_ns=days.from_ns, before_ns=days.before_ns)
    return wanted


class FoundView(NamedTuple):
    """An entry that was found, as a page shows it."""

    entry: EntryView
    currency: str
    reference: str
    place: str
    metadata: dict[str, str]


def _found(rows: ReadSession, page: EntryPage, language: Language) -> list[FoundView]:
    ledger = SqlLedgerReader(rows.connection)
    views = entry_views(ledger, [e.transfer for e in page.entries], language)
    return [
        FoundView(
            view, currency_shown(found.transfer.book), str(found.transfer.user_data_128 or ""),
            f"{found.place.batch}:{found.place.index}", found.metadata,
        )
        for view, found in zip(views, page.entries, strict=True)
    ]  # fmt: skip


@get("/console/search")
async def show_search(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Entries that fit what is looked for, newest first."""
    need_operator(visitor)
    wanted, query = _wanted(request), dict(request.query_params)
    before = _whole(query.pop("before", ""), AMOUNT_MAX, 0) or None
    language = visitor.language

    def read(rows: ReadSession) -> tuple[list[FoundView], int | None]:
        page = find_entries(rows, wanted, before=before, limit=_PAGE)
        return _found(rows, page, language), page.before

    found, goes_on = await _read(front, read)
    kept = {name: value for name, value in query.items() if value and name != "lang"}
    return operators_page(
        front, visitor, "search", "search", found=found, wanted=query,
        newest=f"/console/search?{urlencode(kept)}" if before else "",
        older=f"/console/search?{urlencode(kept | {'before': goes_on})}" if goes_on else "",
    )  # fmt: skip


LEDGER_REPORTS: Final = (show_reports, download_report, show_search)
