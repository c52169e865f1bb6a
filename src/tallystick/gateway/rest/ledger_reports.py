"""Balances and reports as of any moment, by book or legal entity, as JSON, CSV and PDF."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, BinaryIO, Final, Literal

from msgspec import Meta

from tallystick.accounting.made_file import MadeFile
from tallystick.accounting.report_files import ReportPeriod, write_report
from tallystick.accounting.reports import BookReport, CodeLine, entity_of, reports_of
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.fields import MS_MAX, Ms, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, look
from tallystick.gateway.rest.statement_files import LanguageName, made_file
from tallystick.ledger.model import ID_MAX
from tallystick.ledger.statements import balance_of, normal_side
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["LEDGER_REPORT_OPERATIONS"]

_TAG: Final = "Ledger"
_READ: Final = "ledger:read"
_NS_PER_MS: Final = 1_000_000

EntityNumber = Annotated[int, Meta(ge=0, le=2**32 - 1, description="A legal entity's number.")]


class BalanceQuery(Query, frozen=True, kw_only=True):
    """As of when: what is posted from this moment on does not count. Left out: now."""

    before_ms: Ms = MS_MAX


class BalanceAsOfShape(Shape, frozen=True, kw_only=True):
    """What an account had posted just before a moment."""

    account_id: shapes.IdText
    ledger: int
    code: int
    normal_side: shapes.Side
    before_ms: Ms
    debits_posted: shapes.Units
    credits_posted: shapes.Units
    balance: shapes.SignedUnits


class ReportQuery(Query, frozen=True, kw_only=True):
    """Which books (left out: all), as of when, and from when income and expenses count."""

    ledger: shapes.Small | None = None
    entity: EntityNumber | None = None
    from_ms: Ms = 0
    before_ms: Ms = MS_MAX


class ReportFileQuery(ReportQuery, frozen=True, kw_only=True):
    """The same, and which report in which form."""

    report: Literal["trial_balance", "balance_sheet", "income_statement"] = "trial_balance"
    format: Literal["csv", "pdf"] = "csv"
    lang: LanguageName = "en"


class ReportLineShape(Shape, frozen=True, kw_only=True):
    """All accounts of a code; `amount` is on the side of the part that it stands in."""

    code: int
    accounts: int
    debits: shapes.Units
    credits: shapes.Units
    amount: shapes.SignedUnits


class BalanceSheetShape(Shape, frozen=True, kw_only=True):
    """Assets = liabilities + equity + not classified + earnings."""

    balanced: bool
    assets: list[ReportLineShape]
    liabilities: list[ReportLineShape]
    equity: list[ReportLineShape]
    other: list[ReportLineShape]
    earnings: shapes.SignedUnits
    total_assets: shapes.SignedUnits
    total_claims: shapes.SignedUnits


class IncomeStatementShape(Shape, frozen=True, kw_only=True):
    """What was earned and spent in the period."""

    income: list[ReportLineShape]
    expenses: list[ReportLineShape]
    total_income: shapes.SignedUnits
    total_expenses: shapes.SignedUnits
    result: shapes.SignedUnits


class BookReportShape(Shape, frozen=True, kw_only=True):
    """The reports of one book, in minor units. `trial_balance` has every code."""

    ledger: int
    entity: int
    currency: Annotated[str, Meta(description="Empty where whole units of something else count.")]
    balanced: bool
    trial_balance: list[ReportLineShape]
    balance_sheet: BalanceSheetShape
    income_statement: IncomeStatementShape


class ReportsShape(Shape, frozen=True, kw_only=True):
    """The reports of the books that were asked for, in the order of their numbers."""

    from_ms: Ms
    before_ms: Ms
    books: list[BookReportShape]


def _lines(lines: Sequence[CodeLine]) -> list[ReportLineShape]:
    return [
        ReportLineShape(
            code=x.code, accounts=x.accounts, debits=str(x.debits), credits=str(x.credits),
            amount=str(x.amount),
        )
        for x in lines
    ]  # fmt: skip


def _shown(report: BookReport) -> BookReportShape:
    currency, trial, sheet, income = report
    return BookReportShape(
        ledger=trial.book,
        entity=entity_of(trial.book),
        currency=currency,
        balanced=trial.debits == trial.credits,
        trial_balance=_lines(trial.lines),
        balance_sheet=BalanceSheetShape(
            balanced=sheet.balanced, assets=_lines(sheet.assets),
            liabilities=_lines(sheet.liabilities), equity=_lines(sheet.equity),
            other=_lines(sheet.other), earnings=str(sheet.earnings),
            total_assets=str(sheet.total_assets), total_claims=str(sheet.total_claims),
        ),
        income_statement=IncomeStatementShape(
            income=_lines(income.income), expenses=_lines(income.expenses),
            total_income=str(income.total_income), total_expenses=str(income.total_expenses),
            result=str(income.result),
        ),
    )  # fmt: skip


def _read(rows: ReadSession, query: ReportQuery) -> list[BookReport]:
    if query.from_ms > query.before_ms:
        raise Refused("INVALID_PARAMETER", "The period ends before it begins.")
    return reports_of(rows, query.from_ms, query.before_ms, book=query.ledger, entity=query.entity)


async def get_reports(call: Call, query: ReportQuery) -> ReportsShape:
    """The reports of some books."""

    def run() -> list[BookReport]:
        with call.platform.reader() as rows:
            return _read(rows, query)

    found = await asyncio.to_thread(run)
    return ReportsShape(
        from_ms=query.from_ms, before_ms=query.before_ms, books=[_shown(r) for r in found]
    )


async def get_report_file(call: Call, query: ReportFileQuery) -> MadeFile:
    """One report of some books as a file."""
    before_ms = min(query.before_ms, call.platform.clock_ms() + 1)

    def write(rows: ReadSession, out: BinaryIO) -> tuple[str, str]:
        period = ReportPeriod(query.from_ms, before_ms)
        found = _read(rows, query)
        return write_report(found, query.report, period, out, query.format, query.lang)

    return await made_file(call, write)


async def get_balance(call: Call, query: BalanceQuery) -> BalanceAsOfShape:
    """What an account had posted just before a moment."""
    account_id = int(call.path["account_id"])

    def run() -> BalanceAsOfShape:
        with call.platform.reader() as rows:
            return _balance(rows, account_id, query.before_ms)

    return await asyncio.to_thread(run)


def _balance(rows: ReadSession, account_id: int, before_ms: int) -> BalanceAsOfShape:
    rows.connection.execute("BEGIN")
    try:
        ledger = SqlLedgerReader(rows.connection)
        found = ledger.accounts([account_id]) if account_id <= ID_MAX else []
        if not found:
            raise Refused("ACCOUNT_NOT_EXIST")
        then = ledger.posted_before(found[0], before_ms * _NS_PER_MS)
    finally:
        rows.connection.execute("ROLLBACK")
    return BalanceAsOfShape(
        account_id=str(then.id), ledger=then.book, code=then.code,
        normal_side=normal_side(then).value, before_ms=before_ms,
        debits_posted=str(then.debits_posted), credits_posted=str(then.credits_posted),
        balance=str(balance_of(then)),
    )  # fmt: skip


LEDGER_REPORT_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/ledger/accounts/{account_id}/balance", "getLedgerBalance", tag=_TAG, scope=_READ,
        for_apps=False, summary="See a balance as of a moment",
        parameters={"account_id": shapes.LedgerId}, query=BalanceQuery, find=get_balance,
        answer=BalanceAsOfShape, refusals=("ACCOUNT_NOT_EXIST",),
    ),
    look(
        "/v1/ledger/reports", "getLedgerReports", tag=_TAG, scope=_READ, for_apps=False,
        summary="See trial balance, balance sheet and income statement",
        description="As of a moment, of each book, by the codes of the chart.",
        query=ReportQuery, find=get_reports, answer=ReportsShape, refusals=("INVALID_PARAMETER",),
    ),
    look(
        "/v1/ledger/report-file", "getLedgerReportFile", tag=_TAG, scope=_READ, for_apps=False,
        summary="Have a report as a file", query=ReportFileQuery, find=get_report_file,
        answer=None, media_types=("text/csv", "application/pdf"), refusals=("INVALID_PARAMETER",),
    ),
)  # fmt: skip
