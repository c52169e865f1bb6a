"""Trial balance, balance sheet and income statement, as of any moment, from the chart.

What was posted before the moment counts; holds do not. A sheet is of one book: a legal entity in
one currency. The first digit of a code says what it is: 1 assets, 2 liabilities, 3 equity,
4 income, 5 expenses; other codes, which only books of others have, are said apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.statements.document import currency_of_book, last_posted_before
from tallystick.accounting.views import stored_trial_balances
from tallystick.ledger.chart import CHART, Side
from tallystick.ledger.statements import TrialBalance
from tallystick.store.posted_since import posted_since
from tallystick.store.rows import ReadSession

__all__ = [
    "BalanceSheet", "BookLines", "BookReport", "CodeLine", "IncomeStatement", "balance_sheet",
    "book_report", "books_as_of", "entity_of", "income_statement", "reports_of",
]  # fmt: skip

_PARTS: Final = {1: "assets", 2: "liabilities", 3: "equity", 4: "income", 5: "expenses"}
_NS_PER_MS: Final = 1_000_000
_DEBIT_PARTS: Final = frozenset({"assets", "expenses"})


class CodeLine(NamedTuple):
    """All accounts of one code in a book: posted totals in minor units."""

    code: int
    accounts: int
    debits: int
    credits: int

    @property
    def part(self) -> str:
        """Where the code belongs: `assets` … `expenses`, or `other`."""
        return _PARTS.get(self.code // 1000, "other")

    @property
    def balance(self) -> int:
        """On the normal side of the code."""
        entry = CHART.get(self.code)
        on_debit = entry is not None and entry.side is Side.DEBIT
        return self.debits - self.credits if on_debit else self.credits - self.debits

    @property
    def amount(self) -> int:
        """On the side of its part: an allowance is taken off the assets, a loss off equity."""
        on_debit = self.part in _DEBIT_PARTS
        return self.debits - self.credits if on_debit else self.credits - self.debits


class BookLines(NamedTuple):
    """A book by code, codes in order."""

    book: int
    lines: tuple[CodeLine, ...]

    @property
    def debits(self) -> int:
        """All that was debited."""
        return sum(line.debits for line in self.lines)

    @property
    def credits(self) -> int:
        """All that was credited; the book balances when this is the same."""
        return sum(line.credits for line in self.lines)

    def of(self, part: str) -> tuple[CodeLine, ...]:
        """The lines of one part."""
        return tuple(line for line in self.lines if line.part == part)

    def total(self, part: str) -> int:
        """A part's amount."""
        return sum(line.amount for line in self.of(part))


class BalanceSheet(NamedTuple):
    """Assets = liabilities + equity + earnings + what is not classified."""

    book: int
    assets: tuple[CodeLine, ...]
    liabilities: tuple[CodeLine, ...]
    equity: tuple[CodeLine, ...]
    other: tuple[CodeLine, ...]
    earnings: int
    total_assets: int
    total_claims: int

    @property
    def balanced(self) -> bool:
        """Whether both sides are the same."""
        return self.total_assets == self.total_claims


class IncomeStatement(NamedTuple):
    """What a book earned and spent in a period; `result` is the difference."""

    book: int
    income: tuple[CodeLine, ...]
    expenses: tuple[CodeLine, ...]
    total_income: int
    total_expenses: int

    @property
    def result(self) -> int:
        """Income less expenses."""
        return self.total_income - self.total_expenses


class BookReport(NamedTuple):
    """The three reports of a book: as of the end, and the income from begin to end.

    Args:
        currency: of all amounts; empty where the book counts whole units of something else.
    """

    currency: str
    trial: BookLines
    sheet: BalanceSheet
    income: IncomeStatement


def entity_of(book: int) -> int:
    """The legal entity of a platform's book; a book of others is its own."""
    return book // 1000 if book >= 1_000_000 else book


def _rewound(
    books: Iterable[TrialBalance], since: dict[tuple[int, int], tuple[int, int, int]]
) -> list[BookLines]:
    """Present totals, less what was posted and opened since."""
    found = []
    for book in books:
        lines = []
        for line in book.lines:
            accounts, debits, credits = since.get((book.book, line.code), (0, 0, 0))
            if line.accounts > accounts:
                lines.append(
                    CodeLine(
                        line.code, line.accounts - accounts, line.debits_posted - debits,
                        line.credits_posted - credits,
                    )
                )  # fmt: skip
        if lines:
            found.append(BookLines(book.book, tuple(lines)))
    return found


def books_as_of(rows: ReadSession, before_ns: int, book: int | None = None) -> list[BookLines]:
    """Every book by code as it was just before a moment, or one book; in the order of numbers.

    Args:
        before_ns: nanoseconds since 1970 UTC; what is posted from then on does not count.
    """
    rows.connection.execute("BEGIN")
    try:
        before_ns = last_posted_before(rows, before_ns)
        present = stored_trial_balances(rows, book)
        return _rewound(present, posted_since(rows.connection, before_ns))
    finally:
        rows.connection.execute("ROLLBACK")


def balance_sheet(lines: BookLines) -> BalanceSheet:
    """The balance sheet of a book."""
    earnings = lines.total("income") - lines.total("expenses")
    claims = sum(lines.total(part) for part in ("liabilities", "equity", "other"))
    return BalanceSheet(
        lines.book, lines.of("assets"), lines.of("liabilities"), lines.of("equity"),
        lines.of("other"), earnings, lines.total("assets"), claims + earnings,
    )  # fmt: skip


def income_statement(begin: BookLines | None, end: BookLines) -> IncomeStatement:
    """What moved on income and expense accounts from one moment to another."""
    earlier: dict[int, CodeLine] = defaultdict(lambda: CodeLine(0, 0, 0, 0))
    earlier |= {line.code: line for line in (begin.lines if begin else ())}
    moved = BookLines(
        end.book,
        tuple(
            line._replace(
                debits=line.debits - earlier[line.code].debits,
                credits=line.credits - earlier[line.code].credits,
            )
            for line in end.lines
            if line.part in ("income", "expenses")
        ),
    )
    return IncomeStatement(
        end.book, moved.of("income"), moved.of("expenses"), moved.total("income"),
        moved.total("expenses"),
    )  # fmt: skip


def reports_of(
    rows: ReadSession,
    from_ms: int,
    before_ms: int,
    *,
    book: int | None = None,
    entity: int | None = None,
) -> list[BookReport]:
    """The reports of every book, of one book, or of the books of one legal entity.

    Args:
        from_ms, before_ms: the income statement's period; the rest is as of its end.
    """
    begins = books_as_of(rows, from_ms * _NS_PER_MS, book) if from_ms else []
    ends = books_as_of(rows, before_ms * _NS_PER_MS, book)
    wanted = (end for end in ends if entity is None or entity_of(end.book) == entity)
    return [
        book_report(begins, end, currency_of_book(end.book, rows.get(LedgerBook, end.book)))
        for end in wanted
    ]


def book_report(begins: Sequence[BookLines], end: BookLines, currency: str = "") -> BookReport:
    """The three reports of a book.

    Args:
        begins: the books as they were when the income statement's period began.
    """
    begin = next((b for b in begins if b.book == end.book), None)
    return BookReport(currency, end, balance_sheet(end), income_statement(begin, end))
