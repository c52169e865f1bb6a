"""Reports as of any moment: they balance, and say what the entries before it say."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.accounting.moves import DAY_NS, START_NS, Move, book_moves, histories

from tallystick.accounting.reports import book_report, books_as_of
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

CODES = (2001, 1001, 4001)
OWN_CODES = (7, 9, 5001)


@settings(max_examples=40)
@given(
    moves=histories,
    at=st.integers(-1, 20),
    span=st.integers(0, 20),
    codes=st.sampled_from([CODES, OWN_CODES]),
)
def test_reports_of_any_moment_balance_and_are_the_sum_of_what_was_posted(
    moves: list[Move], at: int, span: int, codes: tuple[int, ...]
) -> None:
    rows = ReadSession(book_moves(moves, book=1_000_156, codes=codes))
    begin_ns = START_NS + at * DAY_NS // 2 + 1
    end_ns = begin_ns + span * DAY_NS // 2
    found = books_as_of(rows, end_ns)
    totals: dict[int, int] = defaultdict(int)
    moved: dict[int, int] = defaultdict(int)
    for number, code in enumerate(codes, 1):
        for t in SqlLedgerReader(rows.connection).oldest_postings(number, before=end_ns, limit=999):
            credited = t.amount if t.credit_account_id == number else -t.amount
            totals[code] += credited
            if t.timestamp >= begin_ns:
                moved[code] += credited
    if begin_ns <= START_NS and end_ns <= START_NS:
        assert found == []
    for lines in found:
        report = book_report(books_as_of(rows, begin_ns, lines.book), lines)
        assert lines.debits == lines.credits
        assert report.sheet.balanced
        assert {x.code: x.credits - x.debits for x in lines.lines if x.credits - x.debits} == {
            code: total for code, total in totals.items() if total
        }
        earned = sum(moved[code] for code in codes if code // 1000 in (4, 5))
        assert report.income.result == earned
        assert report.sheet.earnings == sum(totals[c] for c in codes if c // 1000 in (4, 5))
    rows.connection.close()


def test_an_account_that_was_not_open_yet_is_not_counted() -> None:
    rows = ReadSession(book_moves([Move(DAY_NS, 1, 2, 5, True, direct=True)]))
    assert books_as_of(rows, START_NS) == []
    (opened,) = books_as_of(rows, START_NS + 1)
    assert sum(line.accounts for line in opened.lines) == 1
    (now,) = books_as_of(rows, 2**62)
    assert (now.debits, now.credits) == (5, 5)
    rows.connection.close()
