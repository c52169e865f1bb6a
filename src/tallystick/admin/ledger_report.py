"""`tallystick ledger report` and `balance`: the books as of any moment, also beside a server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import msgspec
from cyclopts import Parameter

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.made_file import make_file
from tallystick.accounting.report_files import ReportPeriod, report_rows, write_report
from tallystick.accounting.reports import BookReport, reports_of
from tallystick.accounting.statements.document import currency_of_book
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.admin.ledger_statement import account_number, deliver, reading
from tallystick.ledger.statements import balance_of, normal_side
from tallystick.money.amount import format_amount
from tallystick.money.china_time import parse_china_time
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["balance", "moment_after", "moment_of", "report"]

_DAY_MS = 86_400_000
_DAY_LENGTH = 10
_NS_PER_MS = 1_000_000

ReportName = Literal["trial-balance", "balance-sheet", "income-statement"]


def moment_of(text: str) -> int:
    """The first millisecond of a day `yyyy-mm-dd` or a second `yyyy-mm-dd hh:mm:ss` in China.

    Raises:
        UsageError: it is neither.
    """
    begin = parse_china_time(f"{text} 00:00:00" if len(text) == _DAY_LENGTH else text)
    if begin is None:
        raise UsageError(f"{text!r} is neither yyyy-mm-dd nor yyyy-mm-dd hh:mm:ss.")
    return begin


def moment_after(text: str) -> int:
    """The first millisecond after a day or a second, written as for `moment_of`.

    Raises:
        UsageError: it is neither.
    """
    return moment_of(text) + (_DAY_MS if len(text) == _DAY_LENGTH else 1000)


def _shown(found: list[BookReport], kind: str, out: BinaryIO) -> tuple[str, str]:
    books = [
        {
            "ledger": report.trial.book,
            "currency": report.currency,
            "rows": [row._asdict() for row in report_rows(report, kind)],
        }
        for report in found
    ]
    out.write(msgspec.json.encode({"report": kind, "books": books}) + b"\n")
    return "report.json", "application/json"


def report(
    name: ReportName,
    *,
    as_of: str = "",
    since: Annotated[str, Parameter(name="--from")] = "",
    book: int | None = None,
    entity: int | None = None,
    form: Annotated[Literal["csv", "pdf", "json"], Parameter(name="--format")] = "csv",
    lang: Literal["en", "zh"] = "en",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    place: Place = HERE,
) -> None:
    """Write a report of the books; a server may run meanwhile.

    Args:
        name: trial-balance, balance-sheet or income-statement.
        as_of: the last day (yyyy-mm-dd) or second (yyyy-mm-dd hh:mm:ss) that counts; now without.
        since: the first day of an income statement; all before without.
        book: one book only.
        entity: the books of one legal entity only.
        form: csv, pdf, or json with minor units.
        lang: en or zh.
        output: a file; standard output without one.
    """
    before_ms = moment_after(as_of) if as_of else time.time_ns() // _NS_PER_MS + 1
    from_ms = moment_of(since) if since else 0
    if len(since) not in (0, _DAY_LENGTH) or from_ms > before_ms:
        raise UsageError("--from is a day, and not after --as-of.")
    kind = name.replace("-", "_")
    with reading(place.settings) as rows:
        found = reports_of(rows, from_ms, before_ms, book=book, entity=entity)

    def write(out: BinaryIO) -> tuple[str, str]:
        if form == "json":
            return _shown(found, kind, out)
        return write_report(found, kind, ReportPeriod(from_ms, before_ms), out, form, lang)

    deliver(make_file(write), output)


def balance(account: str, *, as_of: str = "", place: Place = HERE) -> None:
    """Say what an account had as of a moment; a server may run meanwhile.

    Args:
        account: its id: 32 hexadecimal digits, or a decimal number.
        as_of: the last day (yyyy-mm-dd) or second (yyyy-mm-dd hh:mm:ss) that counts; now without.
    """
    before_ns = moment_after(as_of) * _NS_PER_MS if as_of else 2**63 - 1
    with reading(place.settings) as rows:
        rows.connection.execute("BEGIN")
        ledger = SqlLedgerReader(rows.connection)
        found = ledger.accounts([account_number(account)])
        if not found:
            raise Refused("ACCOUNT_NOT_EXIST")
        then = ledger.posted_before(found[0], before_ns)
        rows.connection.execute("ROLLBACK")
        currency = currency_of_book(then.book, rows.get(LedgerBook, then.book))
    amount = balance_of(then)
    text = format_amount(amount, currency) if currency else str(amount)
    said = {
        "account_id": str(then.id), "ledger": then.book, "currency": currency,
        "normal_side": normal_side(then).value, "balance": text,
        "debits_posted": str(then.debits_posted), "credits_posted": str(then.credits_posted),
    }  # fmt: skip
    place.say(said, f"{text} {currency}".strip())
