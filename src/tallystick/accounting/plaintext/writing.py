"""The books written as Beancount or hledger text: what was posted, entry by entry.

Holds move nothing and are left out; one that was posted is an entry like others. Each account's
name carries its book, code and id, so that the text can be read in again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final, NamedTuple

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.metadata.views import metadata_of
from tallystick.accounting.plaintext.model import BOOK_DATE, ROOTS, commodity_of
from tallystick.accounting.statements.document import currency_of_book, day_of
from tallystick.ledger.encoding import ENTRY_BYTES, entry_from
from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.money.amount import format_amount
from tallystick.store.journal_rows import journal_batches, journal_head
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["TEXT_FORMS", "entries_in_order", "write_text"]

TEXT_FORMS: Final = ("beancount", "hledger")

_OPENED: Final = "1970-01-01"
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_KEPT_FLAGS: Final = 2 | 4 | 8
_PAGE: Final = 5000
_SAMPLE: Final = 1_000_000


class _Book(NamedTuple):
    currency: str
    commodity: str

    def text(self, amount: int) -> str:
        return format_amount(amount, self.currency) if self.currency else str(amount)

    def sample(self) -> str:
        """How an hledger journal declares its amounts: with a mark for decimals, always."""
        text = self.text(_SAMPLE)
        return text if "." in text else f"{text}."


class _Writer:
    def __init__(self, rows: ReadSession, out: BinaryIO, *, beancount: bool) -> None:
        self._rows, self._out, self._beancount = rows, out, beancount
        self._books: dict[int, _Book] = {}
        self._names: dict[int, str] = {}

    def _book(self, book: int) -> _Book:
        if book not in self._books:
            currency = currency_of_book(book, self._rows.get(LedgerBook, book))
            self._books[book] = _Book(currency, commodity_of(book, currency))
        return self._books[book]

    def _line(self, text: str) -> None:
        self._out.write(f"{text}\n".encode())

    def _commodity(self, book: int) -> str:
        name = self._book(book).commodity
        return name if self._beancount or name.isalpha() else f'"{name}"'

    def _metadata(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            if self._beancount:
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                self._line(f'  {name}: "{escaped}"')
            else:
                self._line(f"    ; {name}: {value}")

    def account(self, account: Account, carried: dict[str, str]) -> None:
        """An account with what it is."""
        root = ROOTS.get(account.code // 1000, "Equity")
        name = f"{root}:B{account.book}:C{account.code}:A{account.id:032x}"
        self._names[account.id] = name
        facts = {
            "flags": account.flags & _KEPT_FLAGS, "user-data-128": account.user_data_128,
            "user-data-64": account.user_data_64, "user-data-32": account.user_data_32,
        }  # fmt: skip
        if self._beancount:
            self._line(f"{_OPENED} open {name} {self._commodity(account.book)}")
        else:
            self._line(f"account {name}")
        self._metadata({n: str(v) for n, v in facts.items() if v} | carried)

    def entry(self, t: Transfer, carried: dict[str, str]) -> None:
        """A movement with both its sides."""
        day = day_of(t.timestamp).isoformat()
        if _is_day(carried.get(BOOK_DATE, "")):
            day = carried.pop(BOOK_DATE)
        facts = {
            "code": t.code, "user-data-128": t.user_data_128, "user-data-64": t.user_data_64,
            "user-data-32": t.user_data_32,
        }  # fmt: skip
        self._line(f'\n{day} * ""' if self._beancount else f"\n{day} *")
        shown = {"id": f"{t.id:032x}"} | {n: str(v) for n, v in facts.items() if v}
        self._metadata(shown | carried)
        amount, commodity = self._book(t.book).text(t.amount), self._commodity(t.book)
        indent = "  " if self._beancount else "    "
        self._line(f"{indent}{self._names[t.debit_account_id]}  {amount} {commodity}")
        self._line(f"{indent}{self._names[t.credit_account_id]}  -{amount} {commodity}")

    def begin(self, books: list[int]) -> None:
        """What stands before the accounts."""
        if self._beancount:
            self._line('option "title" "Tallystick"')
        for commodity, book in {self._commodity(book): book for book in books}.items():
            if self._beancount:
                self._line(f"{_OPENED} commodity {commodity}")
            else:
                self._line(f"commodity {self._books[book].sample()} {commodity}")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _accounts(ledger: SqlLedgerReader, book: int | None) -> Iterator[list[Account]]:
    after = 0
    while page := ledger.accounts_where(book=book, after_id=after, limit=_PAGE):
        yield page
        after = page[-1].id


def entries_in_order(rows: ReadSession, book: int | None) -> Iterator[list[Transfer]]:
    """All entries of a book or of all, batch by batch, in the order of the journal."""
    connection = rows.connection
    for batch in journal_batches(connection, 0, journal_head(connection).number):
        found = [
            entry_from(batch.records[at : at + ENTRY_BYTES])
            for at in range(0, len(batch.records), ENTRY_BYTES)
        ]
        kept = [t for t in found if book is None or t.book == book]
        if kept:
            yield kept


def write_text(rows: ReadSession, out: BinaryIO, form: str, book: int | None = None) -> None:
    """Write a book, or all, in one of `TEXT_FORMS`."""
    connection = rows.connection
    writer = _Writer(rows, out, beancount=form == "beancount")
    ledger = SqlLedgerReader(connection)
    connection.execute("BEGIN")
    try:
        kept = connection.execute("SELECT DISTINCT book FROM ledger_account ORDER BY book")
        writer.begin([int(r[0]) for r in kept if book in (None, int(r[0]))])
        for page in _accounts(ledger, book):
            carried = metadata_of(connection, MetadataKind.ACCOUNT, [a.id for a in page])
            for account in page:
                writer.account(account, carried.get(account.id, {}))
        for entries in entries_in_order(rows, book):
            moved = [t for t in entries if not t.flags & _MOVES_NOTHING]
            carried = metadata_of(connection, MetadataKind.TRANSFER, [t.id for t in moved])
            for transfer in moved:
                writer.entry(transfer, carried.get(transfer.id, {}))
    finally:
        connection.execute("ROLLBACK")
