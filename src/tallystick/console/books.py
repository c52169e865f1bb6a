"""The books for operators: accounts by the chart, an account's statement, the trial balance."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from tallystick.accounting.statements.forms import FORMS
from tallystick.accounting.views import stored_trial_balances
from tallystick.console.frontend import Front, Frontend
from tallystick.console.ledger_files import month_until, today
from tallystick.console.operators import operators_page, party_label
from tallystick.console.requests import need_operator
from tallystick.console.security import PAGE_HEADERS
from tallystick.console.statements import (
    NEWEST,
    AccountName,
    StatementPage,
    account_title,
    account_view,
    book_title,
    currency_shown,
    movement_text,
    names_of_accounts,
    snapshot,
    statement_page,
)
from tallystick.console.texts import Language
from tallystick.console.visitor import Asking, WebRequest
from tallystick.ledger.chart import CHART, PLATFORM_BOOK_MIN, Side
from tallystick.ledger.model import Account
from tallystick.ledger.statements import TrialBalance
from tallystick.money.amount import format_amount
from tallystick.money.china_time import china_time
from tallystick.parties.views import party_by_login
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["BOOKS", "BookProof", "ChartLine", "book_proofs"]

_PAGE: Final = 25
_CSV_PAGE: Final = 1000
_CSV_HEAD: Final = (
    "time_utc_plus_8", "movement", "other_account", "other_owner", "trade_no", "debit", "credit",
    "balance", "currency",
)  # fmt: skip
_ID: Final = re.compile(r"[0-9a-f]{32}")
_TRADE_NO: Final = re.compile(r"20[0-9]{26}")


class ChartLine(NamedTuple):
    """A line of the chart of accounts, to choose from."""

    code: int
    title: str


class KindTotals(NamedTuple):
    """All accounts of one code in a book, added up, in minor units."""

    code: int
    title: str
    accounts: int
    debits: int
    credits: int
    balance: int


class BookProof(NamedTuple):
    """A book's trial balance as a page shows it; right when debits equal credits."""

    name: str
    currency: str
    lines: list[KindTotals]
    debits: int
    credits: int


class EntryLine(NamedTuple):
    """A line of an operator's statement; one of debit and credit is 0. `hex` is the entry's id."""

    hex: str
    at_ms: int
    movement_text: str
    other: AccountName
    trade_no: str
    debit: int
    credit: int
    balance: int


def _chart(language: Language) -> list[ChartLine]:
    return [
        ChartLine(e.code, language.pick(e.name, e.chinese))
        for e in sorted(CHART.values(), key=lambda e: e.code)
    ]


def _number(text: str, digits_max: int) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) <= digits_max
    return int(text) if plain else None


def _accounts(
    front: Frontend, code: int | None, owner: int | None, after_id: int
) -> tuple[list[Account], int]:
    """Accounts in the order of their ids, and the cursor of the next page (0: none)."""
    ledger = front.platform.ledger
    if owner == -1:
        return [], 0
    if owner is not None:
        ids = front.platform.rows.connection.execute(
            "SELECT id FROM ledger_account WHERE user_data_128 = ? AND book >= ? LIMIT ?",
            (owner.to_bytes(16, "big"), PLATFORM_BOOK_MIN, _PAGE * 4),
        )
        found = ledger.accounts([int.from_bytes(r[0], "big") for r in ids])
        kept = [a for a in found if code is None or a.code == code]
        return sorted(kept, key=lambda a: (a.code, a.id)), 0
    found = ledger.accounts_where(code=code, after_id=after_id, limit=_PAGE + 1)
    page = found[:_PAGE]
    return page, page[-1].id if len(found) > _PAGE else 0


def _owner(front: Frontend, asked: str) -> int | None:
    """An owner by login or number; -1, which owns nothing, for what is neither."""
    if not asked:
        return None
    party = party_by_login(front.platform.rows, front.platform.sealer, asked)
    number = _number(party.party_id if party else asked, 38)
    return -1 if number is None else number


@get("/console/accounts")
async def show_accounts(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Accounts by kind or owner."""
    need_operator(visitor)
    query = request.query_params
    code, owner = _number(query.get("code", ""), 5), _owner(front, query.get("owner", "").strip())
    after = query.get("after", "")
    after_id = int(after, 16) if _ID.fullmatch(after) else 0
    accounts, older_id = _accounts(front, code, owner, after_id)
    kept = {"code": str(code)} if code is not None else {}
    older = urlencode(kept | {"after": f"{older_id:032x}"})
    return operators_page(
        front, visitor, "accounts", "accounts", entries=_chart(visitor.language),
        accounts=[account_view(a, visitor.language) for a in accounts],
        wanted={"code": code, "owner": query.get("owner", "")},
        newest=f"/console/accounts?{urlencode(kept)}" if after_id else "",
        older=f"/console/accounts?{older}" if older_id else "",
    )  # fmt: skip


def _entry_lines(rows: ReadSession, page: StatementPage, language: Language) -> list[EntryLine]:
    with snapshot(rows) as ledger:
        names = names_of_accounts(ledger, {x.other_account_id for x in page.lines}, language)
    lines = []
    for line in page.lines:
        debited = line.transfer.debit_account_id == page.account.id
        reference = str(line.transfer.user_data_128)
        lines.append(
            EntryLine(
                hex=f"{line.transfer.id:032x}",
                at_ms=line.transfer.timestamp // 1_000_000,
                movement_text=movement_text(line.transfer, language),
                other=names[line.other_account_id],
                trade_no=reference if _TRADE_NO.fullmatch(reference) else "",
                debit=line.transfer.amount if debited else 0,
                credit=0 if debited else line.transfer.amount,
                balance=line.balance,
            )
        )
    return lines


@get("/console/accounts/{account_hex:str}")
async def show_account(
    account_hex: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[str]:
    """One account with its statement, newest first."""
    need_operator(visitor)
    if not _ID.fullmatch(account_hex):
        raise Refused("ACCOUNT_NOT_EXIST")
    asked = _number(request.query_params.get("before", ""), 19)
    before = NEWEST if asked is None else min(asked, NEWEST)
    account_id, language = int(account_hex, 16), visitor.language

    def read() -> tuple[StatementPage, list[EntryLine]]:
        with front.platform.reader() as rows:
            page = statement_page(rows, account_id, before=before, limit=_PAGE)
            if page is None:
                raise Refused("ACCOUNT_NOT_EXIST")
            return page, _entry_lines(rows, page, language)

    page, lines = await asyncio.to_thread(read)
    entry = CHART.get(page.account.code)
    owned_by_party = entry is not None and entry.owner == "party"
    base = f"/console/accounts/{account_hex}"
    return operators_page(
        front, visitor, "account", "accounts", account=account_view(page.account, language),
        lines=lines, days=month_until(today(front)), forms=tuple(FORMS),
        owner=party_label(front, str(page.account.user_data_128)) if owned_by_party else "",
        newest=base if asked is not None else "",
        older=f"{base}?before={page.older}" if page.older else "",
    )  # fmt: skip


def _csv_lines(front: Frontend, account: Account, before: int) -> tuple[str, int]:
    """A page of the statement as lines of CSV, and the cursor of the next (0: none)."""
    currency = currency_shown(account.book)
    with front.platform.reader() as rows:
        page = statement_page(rows, account.id, before=before, limit=_CSV_PAGE)
        assert page is not None
        lines = _entry_lines(rows, page, Language.ENGLISH)
    written = io.StringIO()
    writer = csv.writer(written)
    for line in lines:
        amounts = (line.debit, line.credit, line.balance)
        writer.writerow(
            (china_time(line.at_ms), line.movement_text, line.other.title, line.other.owner,
             line.trade_no, *(_plain(amount, currency) for amount in amounts), currency)
        )  # fmt: skip
    return written.getvalue(), page.older


def _plain(amount: int, currency: str) -> str:
    return format_amount(amount, currency) if currency else str(amount)


@get("/console/accounts/{account_hex:str}/statement.csv")
async def download_statement(account_hex: FromPath[str], front: Front, visitor: Asking) -> Stream:
    """The whole statement as CSV, newest first, sent page by page however long it is."""
    need_operator(visitor)
    found = (
        front.platform.ledger.accounts([int(account_hex, 16)]) if _ID.fullmatch(account_hex) else []
    )
    if not found:
        raise Refused("ACCOUNT_NOT_EXIST")

    async def lines() -> AsyncIterator[str]:
        # Spreadsheets take UTF-8 for what it is when it begins with its mark.
        yield "\N{ZERO WIDTH NO-BREAK SPACE}" + ",".join(_CSV_HEAD) + "\r\n"
        before = NEWEST
        while before:
            text, before = await asyncio.to_thread(_csv_lines, front, found[0], before)
            yield text

    headers = {
        **PAGE_HEADERS,
        "content-disposition": f'attachment; filename="statement-{account_hex}.csv"',
    }
    return Stream(lines(), media_type="text/csv", headers=headers)


def book_proofs(books: list[TrialBalance], language: Language) -> list[BookProof]:
    """Trial balances with titles, each kind's balance on its normal side."""

    def totals(book: int, line: Any) -> KindTotals:
        entry = CHART.get(line.code)
        on_debit_side = entry is not None and entry.side is Side.DEBIT
        balance = line.debits_posted - line.credits_posted
        return KindTotals(
            line.code, account_title(line.code, book, language), line.accounts,
            line.debits_posted, line.credits_posted, balance if on_debit_side else -balance,
        )  # fmt: skip

    return [
        BookProof(
            name=book_title(found.book, language),
            currency=currency_shown(found.book),
            lines=[totals(found.book, line) for line in found.lines],
            debits=found.debits_posted,
            credits=found.credits_posted,
        )
        for found in books
    ]


@get("/console/trial-balance")
async def show_trial_balance(front: Front, visitor: Asking) -> Response[str]:
    """Every book by kind of account, with its proof."""
    need_operator(visitor)

    def read() -> list[TrialBalance]:
        with front.platform.reader() as rows:
            return stored_trial_balances(rows)

    books = book_proofs(await asyncio.to_thread(read), visitor.language)
    return operators_page(front, visitor, "trial_balance", "trial_balance", books=books)


BOOKS: Final = (show_accounts, show_account, download_statement, show_trial_balance)
