"""A statement before it has a form: what was there, what moved on each day, what is there.

Entries are read a page at a time, so a statement of any length needs little memory. A period ends
at the last entry that was there when the statement was opened: what is posted meanwhile is beyond
it, and its figures never change under whoever reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.days import given_day
from tallystick.ledger.chart import PLATFORM_BOOK_MIN, Side, book_currency
from tallystick.ledger.model import Account, Transfer
from tallystick.ledger.statements import StatementLine, balance_of, normal_side, statement
from tallystick.money.amount import MoneyError, format_amount
from tallystick.money.currency import currency as currency_called
from tallystick.pipeline.refusals import Refused
from tallystick.store.journal_places import JournalPlace, JournalPlaces
from tallystick.store.journal_rows import journal_head
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = [
    "DayPeriod", "StatementDay", "StatementDocument", "StatementEntry", "account_document",
    "account_lines", "currency_of_book", "day_of", "last_posted_before", "value_day",
]  # fmt: skip

_PAGE: Final = 1000
_NS_PER_S: Final = 1_000_000_000
_CHINA: Final = timedelta(hours=8)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 2)
_LAST_DAY: Final = date(2262, 4, 10)


def day_of(timestamp: int) -> date:
    """The China day of a ledger timestamp in nanoseconds."""
    return (_EPOCH + _CHINA + timedelta(seconds=timestamp // _NS_PER_S)).date()


def _begin_ns(day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - _CHINA
    return (midnight - _EPOCH) // timedelta(seconds=1) * _NS_PER_S


class DayPeriod(NamedTuple):
    """Whole China days, the first and the last of them included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: date, last: date) -> DayPeriod:
        """A period that is one.

        Raises:
            Refused: INVALID_PARAMETER, for one that ends before it begins or is out of range.
        """
        if not _FIRST_DAY <= first <= last <= _LAST_DAY:
            raise Refused("INVALID_PARAMETER", f"{first} to {last} is not a period of days.")
        return cls(first, last)

    @property
    def from_ns(self) -> int:
        """Its first nanosecond since 1970 UTC."""
        return _begin_ns(self.first)

    @property
    def before_ns(self) -> int:
        """The first nanosecond after it."""
        return _begin_ns(self.last + timedelta(days=1))


class StatementEntry(NamedTuple):
    """A movement of a statement.

    Args:
        change, balance: minor units on the normal side, the balance after it.
        account_id: the account that it moved; of a group's statement one of several.
        other_account_id: the account on the transfer's other side.
        value_day: when it takes effect: in a value-dated book it may be another day.
        place: where the entry stands in the journal.
    """

    transfer: Transfer
    change: int
    balance: int
    account_id: int
    other_account_id: int
    value_day: date
    place: JournalPlace


class StatementDay(NamedTuple):
    """A day on which something moved; `entries` are read once, before the next day is asked for."""

    day: date
    opening: int
    entries: Iterator[StatementEntry]


class StatementDocument(NamedTuple):
    """A statement of an account, or of a group's accounts in one book.

    Args:
        subject: the account's id as 32 hex digits, or the group's name.
        owner: the account's `user_data_128`, 0 for a group.
        code: of the account in the chart, 0 for a group.
        currency: of all amounts; empty where a book counts whole units of something else.
        opening, closing: minor units on the normal side.
        entries: gives the movements from the first one on, each time that it is called.
    """

    subject: str
    owner: int
    code: int
    book: int
    side: Side
    currency: str
    period: DayPeriod
    opening: int
    closing: int
    entries: Callable[[], Iterator[StatementEntry]]

    def days(self) -> Iterator[StatementDay]:
        """The days on which something moved, in order.

        Raises:
            RuntimeError: opening and movements do not give the closing balance.
        """
        balance = self.opening

        def watched(entries: Iterator[StatementEntry]) -> Iterator[StatementEntry]:
            nonlocal balance
            for entry in entries:
                balance += entry.change
                if entry.balance != balance:
                    raise RuntimeError(f"the statement of {self.subject} breaks at {entry}")
                yield entry

        grouped = groupby(self.entries(), lambda e: day_of(e.transfer.timestamp))
        for day, entries in grouped:
            yield StatementDay(day, balance, watched(entries))
        if balance != self.closing:
            raise RuntimeError(
                f"the statement of {self.subject} does not add up: {balance} is not {self.closing}"
            )

    def text(self, amount: int) -> str:
        """Minor units as a decimal text in the statement's currency."""
        return format_amount(amount, self.currency) if self.currency else str(amount)

    def on_credit_side(self, amount: int) -> int:
        """An amount of the normal side as the credit side counts it."""
        return amount if self.side is Side.CREDIT else -amount


def currency_of_book(book: int, known: LedgerBook | None = None, asked: str = "") -> str:
    """The currency of a book's amounts.

    Args:
        known: the book as it was named, if it was.
        asked: what the caller says that a book without a currency counts; empty for whole units.

    Raises:
        Refused: INVALID_PARAMETER, for a currency that is not known or not the book's.
    """
    kept = book_currency(book) if book >= PLATFORM_BOOK_MIN else known.currency if known else ""
    if kept:
        if asked not in ("", kept):
            raise Refused("INVALID_PARAMETER", f"Book {book} is kept in {kept}.")
        return kept
    try:
        return currency_called(asked).code if asked else ""
    except MoneyError as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error


def value_day(transfer: Transfer, book: LedgerBook | None) -> date:
    """The day on which an entry takes effect; the day on which it was made but in few books."""
    given = given_day(transfer.user_data_32) if book is not None and book.value_dated else None
    return given or day_of(transfer.timestamp)


def last_posted_before(rows: ReadSession, before_ns: int) -> int:
    """The end of what is posted now and before a moment: nothing will be posted before it."""
    return min(before_ns, journal_head(rows.connection).last_timestamp + 1)


def account_lines(
    ledger: SqlLedgerReader, account: Account, from_ns: int, before_ns: int, opening: int
) -> Iterator[StatementLine]:
    """An account's movements of a span that lies behind, oldest first, a page at a time."""
    balance = opening
    while True:
        found = ledger.oldest_postings(
            account.id, not_before=from_ns, before=before_ns, limit=_PAGE
        )
        for line in statement(account, found, opening=balance):
            balance = line.balance
            yield line
        if len(found) < _PAGE:
            return
        from_ns = found[-1].timestamp + 1


def account_document(
    rows: ReadSession, account_id: int, period: DayPeriod, currency: str = ""
) -> StatementDocument:
    """The statement of an account over whole days.

    Args:
        rows: stays in use until the document's entries are read.
        currency: what a book of the caller's own counts.

    Raises:
        Refused: ACCOUNT_NOT_EXIST, INVALID_PARAMETER.
    """
    rows.connection.execute("BEGIN")
    try:
        ledger = SqlLedgerReader(rows.connection)
        found = ledger.accounts([account_id])
        if not found:
            raise Refused("ACCOUNT_NOT_EXIST")
        account = found[0]
        book = rows.get(LedgerBook, account.book)
        shown = currency_of_book(account.book, book, currency)
        from_ns = period.from_ns
        before_ns = max(from_ns, last_posted_before(rows, period.before_ns))
        opening = balance_of(ledger.posted_before(account, from_ns))
        closing = balance_of(ledger.posted_before(account, before_ns))
    finally:
        rows.connection.execute("ROLLBACK")

    def entries() -> Iterator[StatementEntry]:
        places = JournalPlaces(rows.connection)
        for line in account_lines(ledger, account, from_ns, before_ns, opening):
            yield StatementEntry(
                line.transfer, line.change, line.balance, account.id, line.other_account_id,
                value_day(line.transfer, book), places.at(line.transfer.timestamp),
            )  # fmt: skip

    return StatementDocument(
        f"{account.id:032x}", account.user_data_128, account.code, account.book,
        normal_side(account), shown, period, opening, closing, entries,
    )  # fmt: skip
