"""Trial balance, balance sheet and income statement as CSV and PDF, in English and Chinese."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from tallystick.accounting.reports import BookReport, CodeLine, entity_of
from tallystick.accounting.statements.words import kind_of_account, word
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time

__all__ = ["REPORTS", "ReportPeriod", "ReportRow", "report_rows", "write_report"]

REPORTS: Final = ("trial_balance", "balance_sheet", "income_statement")


class ReportPeriod(NamedTuple):
    """From when the income statement counts, and as of when the rest is; both in milliseconds.

    Args:
        before_ms: what is posted from this moment on does not count.
    """

    from_ms: int
    before_ms: int


class ReportRow(NamedTuple):
    """A row of a report; `code` is 0 for totals. Amounts are minor units, None where none is."""

    part: str
    code: int
    accounts: int | None
    debits: int | None
    credits: int | None
    amount: int


def _lines(part: str, lines: Sequence[CodeLine]) -> Iterator[ReportRow]:
    for line in lines:
        yield ReportRow(part, line.code, line.accounts, line.debits, line.credits, line.amount)


def _total(part: str, amount: int) -> ReportRow:
    return ReportRow(part, 0, None, None, None, amount)


def report_rows(report: BookReport, kind: str) -> list[ReportRow]:
    """The rows of one of `REPORTS` for a book."""
    if kind == "trial_balance":
        trial = report.trial
        rows = [
            ReportRow(x.part, x.code, x.accounts, x.debits, x.credits, x.balance)
            for x in trial.lines
        ]
        difference = trial.debits - trial.credits
        return [*rows, ReportRow("total", 0, None, trial.debits, trial.credits, difference)]
    if kind == "balance_sheet":
        sheet = report.sheet
        return [
            *_lines("assets", sheet.assets), _total("assets", sheet.total_assets),
            *_lines("liabilities", sheet.liabilities), *_lines("equity", sheet.equity),
            *_lines("other", sheet.other), _total("earnings", sheet.earnings),
            _total("claims", sheet.total_claims),
        ]  # fmt: skip
    income = report.income
    return [
        *_lines("income", income.income), _total("income", income.total_income),
        *_lines("expenses", income.expenses), _total("expenses", income.total_expenses),
        _total("result", income.result),
    ]  # fmt: skip


def _cells(row: ReportRow, book: int, currency: str, language: str) -> list[str]:
    def text(amount: int | None) -> str:
        if amount is None:
            return ""
        return format_amount(amount, currency) if currency else str(amount)

    name = kind_of_account(row.code, book, language) if row.code else word("total", language)
    return [
        word(row.part, language), str(row.code or ""), name,
        "" if row.accounts is None else str(row.accounts), text(row.debits), text(row.credits),
        text(row.amount),
    ]  # fmt: skip


def _when(kind: str, period: ReportPeriod, language: str) -> str:
    end = china_time(period.before_ms - 1)
    if kind == "income_statement":
        return f"{word('period', language)}: {china_time(period.from_ms) or '1970'} - {end}"
    return f"{word('as_of', language)}: {end}"


def _book_head(report: BookReport, language: str) -> str:
    book = report.trial.book
    currency = report.currency or word("units", language)
    entity = (
        f"{word('entity', language)}: {entity_of(book)}    " if book >= PLATFORM_BOOK_MIN else ""
    )
    return f"{entity}{word('book', language)}: {book}    {word('currency', language)}: {currency}"


_COLUMNS: Final = ("code", "kind", "accounts", "debit", "credit", "amount")


def _write_csv(reports: Sequence[BookReport], kind: str, out: BinaryIO, language: str) -> None:
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    text.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(text)
    writer.writerow(
        [word(n, language) for n in ("entity", "book", "currency")]
        + [word(kind, language), *(word(name, language) for name in _COLUMNS)]
    )
    for report in reports:
        book = report.trial.book
        currency = report.currency
        for row in report_rows(report, kind):
            cells = _cells(row, book, currency, language)
            writer.writerow([str(entity_of(book)), str(book), currency, *cells])
    text.detach()


def _write_pdf(
    reports: Sequence[BookReport], kind: str, period: ReportPeriod, out: BinaryIO, language: str
) -> None:
    # Loaded when somebody asks for one.
    from tallystick.accounting.statements.pdf import Column, Sheet

    places = ((36, False), (150, False), (200, False), (470, True), (580, True), (690, True),
              (806, True))  # fmt: skip
    titles = ["", *(word(name, language) for name in _COLUMNS)]
    columns = [Column(title, x, right) for title, (x, right) in zip(titles, places, strict=True)]
    sheet = Sheet(out, word(kind, language), columns, language)
    sheet.line([(_when(kind, period, language), 36)])
    sheet.line([(word("times", language), 36)])
    for report in reports:
        sheet.line([("", 36)])
        sheet.line([(_book_head(report, language), 36)], size=10)
        sheet.heading()
        currency = report.currency
        for row in report_rows(report, kind):
            sheet.row(_cells(row, report.trial.book, currency, language))
    sheet.save()


def write_report(
    reports: Sequence[BookReport],
    kind: str,
    period: ReportPeriod,
    out: BinaryIO,
    form: str,
    language: str,
) -> tuple[str, str]:
    """Write one of `REPORTS` of some books.

    Args:
        form: `csv` or `pdf`.

    Returns:
        The file's name and media type.
    """
    day = china_time(period.before_ms - 1)[:10]
    name = f"{kind.replace('_', '-')}-{day}.{form}"
    if form == "csv":
        _write_csv(reports, kind, out, language)
        return name, "text/csv; charset=utf-8"
    _write_pdf(reports, kind, period, out, language)
    return name, "application/pdf"
