"""Books out and in again: Beancount, hledger, JSON lines, CSV, Parquet, Arrow."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.accounting.hledger_grammar import complaints
from tests.accounting.moves import DAY_NS, Move, book_moves, everything, histories
from tests.clients.install import python_client

from tallystick.accounting.apply import Applied, apply_file
from tallystick.accounting.exporting import export_ledger
from tallystick.accounting.files import BadRow
from tallystick.ledger.model import Account
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

MOVES = [
    Move(1, 2, 1, 123_456, False, direct=True), Move(DAY_NS, 1, 3, 56, True, direct=True),
    Move(9, 1, 2, 100, False, direct=False),
]  # fmt: skip


def exported(connection: sqlite3.Connection, ending: str, what: str = "") -> bytes:
    out = io.BytesIO()
    export_ledger(ReadSession(connection), Path(f"books{ending}"), out, what=what)
    return out.getvalue()


def applied(connection: sqlite3.Connection, data: bytes, ending: str, **into: int) -> Applied:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"books{ending}"
        path.write_bytes(data)
        return apply_file(connection, path, into=into)


def balances(connection: sqlite3.Connection, *, pending: bool) -> list[tuple[int, ...]]:
    found: list[Account] = SqlLedgerReader(connection).accounts_where()
    totals = [(a.id, a.code, a.debits_posted, a.credits_posted) for a in found]
    held = [(a.debits_pending, a.credits_pending) for a in found]
    return [(*t, *h) for t, h in zip(totals, held, strict=True)] if pending else [*totals]


def annotate(connection: sqlite3.Connection, words: str) -> None:
    connection.execute(
        "INSERT INTO ledger_metadata SELECT id, 'transfer', 'note', ?, timestamp "
        "FROM ledger_transfer WHERE amount % 2 = 0",
        (words,),
    )
    connection.execute(
        "INSERT INTO ledger_metadata SELECT id, 'account', 'name', ?, 0 FROM ledger_account",
        (words,),
    )


words = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20).filter(
    lambda t: t.isprintable()
)


@settings(max_examples=25)
@given(moves=histories, ending=st.sampled_from([".beancount", ".journal"]), said=words)
def test_text_read_in_again_gives_the_same_balances_and_the_same_text(
    moves: list[Move], ending: str, said: str
) -> None:
    source = book_moves(moves)
    annotate(source, said)
    text = exported(source, ending)
    copy = everything()
    assert applied(copy, text, ending).all_fine
    assert balances(copy, pending=False) == balances(source, pending=False)
    assert exported(copy, ending) == text
    source.close()
    copy.close()


@settings(max_examples=25)
@given(moves=histories, ending=st.sampled_from([".jsonl", ".csv", ".parquet", ".arrow"]))
def test_tables_read_in_again_give_the_same_balances_and_the_same_tables(
    moves: list[Move], ending: str
) -> None:
    source, copy = book_moves(moves), everything()
    for what in [""] if ending == ".jsonl" else ["accounts", "transfers"]:
        assert applied(copy, exported(source, ending, what), ending).all_fine
    assert balances(copy, pending=True) == balances(source, pending=True)
    for what in ("accounts", "transfers"):
        assert exported(copy, ending, what) == exported(source, ending, what)
    source.close()
    copy.close()


def bean_check(text: bytes, folder: Path) -> str:
    """What Beancount itself says of a text, in a process of its own; empty when all is right."""
    path = folder / "books.beancount"
    path.write_bytes(text)
    checker = python_client("bookkeeping").parent / "bean-check"
    done = subprocess.run([checker, path], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("book", [7, 1_000_156, 1_000_392, 1_000_414])
def test_beancount_itself_finds_nothing_wrong(book: int, tmp_path: Path) -> None:
    source = book_moves(MOVES, book=book)
    annotate(source, 'a "quoted" \\ text; 中文')
    text = exported(source, ".beancount")
    assert bean_check(text, tmp_path) == ""
    assert bean_check(text.replace(b"  -", b"  -9", 1), tmp_path) != ""
    source.close()


@pytest.mark.parametrize("book", [7, 1_000_156, 1_000_392, 1_000_414])
@settings(max_examples=10)
@given(said=words)
def test_a_journal_is_as_hledger_asks_in_its_strict_check(book: int, said: str) -> None:
    source = book_moves(MOVES, book=book)
    annotate(source, said)
    text = exported(source, ".journal").decode()
    source.close()
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("  -", "  -9", "does not balance"),
        ("account ", "acount ", "no directive"),
        ("commodity ", "; ", "not declared"),
        ("  1", " 1", "no posting"),
        ("2027-", "2027-13-", "no directive"),
        (".56 CNY", ".5 CNY", "decimals"),
        ("    Income:", "Income:", "no directive"),
    ],
)
def test_a_journal_that_hledger_would_refuse_is_told_from_one_that_it_takes(
    written: str, instead: str, said: str
) -> None:
    source = book_moves(MOVES, book=1_000_156)
    text = exported(source, ".journal").decode()
    source.close()
    assert written in text
    assert any(said in wrong for wrong in complaints(text.replace(written, instead, 1)))


OTHERS = {
    ".beancount": """\
option "operating_currency" "CNY"
2026-01-01 open Assets:Bank CNY
2026-01-01 open Expenses:Food
2026-01-01 open Expenses:Tip
2026-01-01 open Equity:Opening

2026-01-02 * "Opening"
  Assets:Bank         1,000.00 CNY
  Equity:Opening
2026-01-03 * "Noodle bar" "Lunch" #meal ; with a friend
  invoice: "17"
  Expenses:Food         30.50 CNY
  Expenses:Tip           2.00 CNY
  Assets:Bank
2026-01-04 balance Assets:Bank  967.50 CNY
""",
    ".journal": """\
account Assets:Bank
2026-01-02 * Opening
    Assets:Bank         1,000.00 CNY
    Equity:Opening
2026/01/03 * (17) Lunch  ; with a friend
    ; invoice: 17
    Expenses:Food         30.50 CNY
    Expenses:Tip           2.00 CNY
    Assets:Bank
""",
}


@pytest.mark.parametrize(
    ("journal", "amount"),
    [
        ("", "1,000.50 CNY"), ("", "CNY 1000,50"), ("", "-CNY-1000.50"), ("", '1000.5 "CNY"'),
        ("", "1.000,50 CNY ; a note"), ("decimal-mark ,\n", "1.000,50 CNY"),
        ("commodity 1.000,00 CNY\n", "+1.000,5 CNY"), ("comment\n?\nend comment\n", "1000.50 CNY"),
        ("commodity CNY  ; ours\n  format CNY 1.000,00\n", "CNY1.000,50"),
        ("", "$1000.50"), ("", "€ -1000,50"),
    ],
)  # fmt: skip
def test_the_amounts_of_a_journal_are_read_as_hledger_reads_them(journal: str, amount: str) -> None:
    copy = everything()
    text = f"{journal}2026-01-02 x\n    assets:a\t{amount}\n    equity:b ; note\n"
    if amount.startswith("-"):
        with pytest.raises(BadRow, match="plain amount"):
            applied(copy, text.encode(), ".journal", CNY=156)
        return
    into = {"CNY": 156, "$": 840, "€": 978}
    assert applied(copy, text.encode(), ".journal", **into).all_fine
    assert {a.debits_posted + a.credits_posted for a in SqlLedgerReader(copy).accounts_where()} == {
        100_050
    }
    copy.close()


def test_of_a_beancount_text_the_days_count_and_not_the_order_of_its_lines(tmp_path: Path) -> None:
    text = """\
2026-01-05 balance Assets:C银行 7.00 CNY
2026-01-04 * "before the balance, after it in the file"
  Assets:C银行:D活期  7.00 CNY
  Equity:B
2026-01-01 open Assets:C银行 CNY, JPY ; JPY is not used
2026-01-01 open Assets:C银行:D活期
2026-01-01 open Equity:B
"""
    copy = everything()
    assert bean_check(text.encode(), tmp_path) == ""
    assert applied(copy, text.encode(), ".beancount", CNY=156, JPY=392).rows == 5
    assert {a.book for a in SqlLedgerReader(copy).accounts_where(code=1000)} == {156, 392}
    with pytest.raises(BadRow, match="has 7.00, not 8.00") as refused:
        applied(copy, text.replace("行 7", "行 8").encode(), ".beancount", CNY=156, JPY=392)
    assert refused.value.line == 1
    copy.close()


def test_the_tags_of_a_journals_comments_are_metadata() -> None:
    text = """\
account assets:a  ; kind:cash
2026-01-02 x  ; see http://x.test, invoice: 17 , who:me
    ; paid: cash
    assets:a  1 CNY
    equity:b
"""
    copy = everything()
    assert applied(copy, text.encode(), ".journal", CNY=156).all_fine
    said = dict(copy.execute("SELECT name, value FROM ledger_metadata"))
    assert {"kind": "cash", "invoice": "17", "who": "me", "paid": "cash"}.items() <= said.items()
    copy.close()


@pytest.mark.parametrize("ending", OTHERS)
def test_other_peoples_books_are_taken_in(ending: str, tmp_path: Path) -> None:
    copy = everything()
    done = applied(copy, OTHERS[ending].encode(), ending, CNY=156)
    assert (done.rows, done.all_fine) == (7, True)
    found = {a.code: a for a in SqlLedgerReader(copy).accounts_where(book=156)}
    assert found[1000].debits_posted - found[1000].credits_posted == 96_750
    assert found[3000].credits_posted == 100_000
    said = dict(copy.execute("SELECT value, name FROM ledger_metadata WHERE kind = 'transfer'"))
    assert {"17": said["17"], "Lunch": "narration"}.items() <= said.items()
    assert applied(copy, OTHERS[ending].encode(), ending, CNY=156).resumed_at == 7
    if ending == ".beancount":
        assert bean_check(OTHERS[ending].encode(), tmp_path) == ""
    copy.close()


HEAD = "2026-01-01 open Assets:A CNY\n2026-01-01 open Equity:B CNY\n"
TWO = "  Assets:A  1.00 CNY\n  Equity:B  -1.00 CNY\n"


@pytest.mark.parametrize(
    ("ending", "text", "line", "reason"),
    [
        (".beancount", 'plugin "x"\n', 1, "not taken over"),
        (".beancount", 'include "x"\n', 1, "not taken over"),
        (".beancount", HEAD + '2026-02-30 * "x"\n' + TWO, 3, "not a day"),
        (".beancount", HEAD + '2026-02-03 ! "x"\n' + TWO, 4, "posting"),
        (".beancount", HEAD + "2026-02-03 pad Assets:A Equity:B\n", 3, "not taken over"),
        (
            ".beancount",
            HEAD + '2026-02-03 * "x"\n  Assets:A  1 CNY\n  Equity:B  -2 CNY\n',
            3,
            "leave",
        ),
        (".beancount", HEAD + '2026-02-03 * "x"\n  Assets:A\n  Equity:B\n', 5, "leave its amount"),
        (".beancount", HEAD + '2026-02-03 * "x"\n  Assets:C  1 CNY\n  Equity:B\n', 4, "not open"),
        (
            ".beancount",
            HEAD + '2026-02-03 * "x"\n  Assets:A  1.001 CNY\n  Equity:B\n',
            4,
            "decimals",
        ),
        (".beancount", HEAD + '2026-02-03 * "x"\n  Assets:A  1 CNY {2 USD}\n', 4, "plain amount"),
        (".beancount", HEAD + '2026-02-03 * "x"\n  Assets:A  1 HOOL\n  Equity:B\n', 4, "HOOL"),
        (".beancount", HEAD + "2026-02-03 balance Assets:A 1 CNY\n", 3, "has 0, not 1"),
        (".beancount", "2026-01-01 open Assets:A\n2026-01-01 open Assets:A\n", 2, "twice"),
        (".beancount", '2026-01-01 commodity CNY\n  name: "Yuan"\n', 2, "metadata"),
        (".beancount", HEAD + '2026-02-03 * "a note"\n', 3, "moves nothing"),
        (".beancount", HEAD + '2026-02-03 * "x"\n  a-b: "1"\n  a-b: "2"\n' + TWO, 5, "twice"),
        (".beancount", HEAD + '2026-02-03 * "x"\n  narration: "y"\n' + TWO, 3, "twice"),
        (".beancount", HEAD + '2025-02-03 * "x"\n' + TWO, 4, "not open on 2025-02-03"),
        (".beancount", HEAD + '2026-02-03 * "x"\n' + TWO.replace("CNY", "EUR"), 4, "hold"),
        (
            ".beancount",
            HEAD
            + f'2026-02-03 * "x"\n  id: "{7:032x}"\n  Assets:A  1 CNY\n'
            + TWO
            + "  Equity:B\n",
            3,
            "an id for",
        ),
        (".journal", "~ monthly\n", 1, "not taken over"),
        (".journal", "2026-01-02 x\n    assets:a  1,000 CNY\n    equity:b\n", 2, "thousand"),
        (".journal", "commodity 1,000 CNY\n", 1, "decimal mark"),
        (".journal", "decimal-mark .\n2026-01-02 x\n    a:a  1,50 CNY\n", 3, "not a number"),
        (".journal", "2026-01-02 x\n    assets:a  1 CNY  ; date:2026-02-01\n", 2, "tag of a"),
        (".journal", "2026-01-02 x\n    assets:a  1 CNY\n    ; [2026-02-01]\n", 3, "tag of a"),
        (".journal", "2026-01-02 x  ; Note: y\n    assets:a  1 CNY\n    equity:b\n", 1, "Note"),
        (".journal", "2026-01-02 x\n", 1, "moves nothing"),
        (".journal", "2026-01-02 ! x\n    Assets:A  1 CNY\n", 1, "pending"),
        (
            ".journal",
            "2026-01-02 x\n    Assets:A  1 CNY @ 2 USD\n    Equity:B\n",
            2,
            "plain amount",
        ),
        (".journal", "2026-01-02 x\n    Things:A  1 CNY\n    Equity:B\n", 2, "five roots"),
        (".journal", "2026-01-02 x\n    Assets:A  1 USD\n    Equity:B\n", 2, "which book"),
        (".journal", "    Assets:A  1 USD\n", 1, "indented"),
    ],
)
def test_what_would_be_lost_is_refused_by_line_and_nothing_is_applied(
    ending: str, text: str, line: int, reason: str
) -> None:
    copy = everything()
    good = HEAD + '2026-01-05 * "fine"\n' + TWO
    with pytest.raises(BadRow, match=reason) as refused:
        applied(copy, text.encode(), ending, CNY=156, HOOL=157, EUR=158)
    assert refused.value.line == line
    assert SqlLedgerReader(copy).accounts_where() == []
    assert applied(copy, good.encode(), ".beancount", CNY=156).rows == 3
    copy.close()


def test_a_book_takes_no_other_currency_than_its_own() -> None:
    copy = everything()
    copy.execute("INSERT INTO ledger_book VALUES (7, 'Shop', 'CNY', 0, -1, '', 0)")
    text = HEAD.replace("CNY", "") + '2026-02-03 * "x"\n' + TWO
    with pytest.raises(BadRow, match="book 7 is kept in CNY, not in USD") as refused:
        applied(copy, text.replace("CNY", "USD").encode(), ".beancount", USD=7)
    assert refused.value.line == 4
    with pytest.raises(BadRow, match="cannot both go into book 9"):
        applied(copy, text.encode(), ".beancount", CNY=9, USD=9)
    assert applied(copy, text.encode(), ".beancount", CNY=7).all_fine
    copy.close()


def test_a_text_that_is_not_utf8_and_a_book_of_the_platform_are_refused() -> None:
    copy = everything()
    with pytest.raises(BadRow, match="UTF-8") as refused:
        applied(copy, HEAD.encode() + b"\xff\n", ".beancount")
    assert refused.value.line == 3
    platforms = exported(book_moves(MOVES, book=1_000_156), ".beancount")
    with pytest.raises(BadRow, match="kept by the platform"):
        applied(copy, platforms, ".beancount")
    assert applied(copy, platforms, ".beancount", B1000156=7).all_fine
    assert {a.book for a in SqlLedgerReader(copy).accounts_where()} == {7}
    copy.close()
