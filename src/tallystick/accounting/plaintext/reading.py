"""Books as text into calls to the ledger: accounts first, then each entry as a chain of transfers.

Texts that this platform wrote name books and ids in their accounts' names. Of other texts, each
commodity is put into a book that the caller names, and ids follow from the names and the file.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tallystick.accounting.files import CALL_ROWS, BadRow, Call
from tallystick.accounting.metadata.decide import require_metadata
from tallystick.accounting.plaintext.beancount import read_beancount
from tallystick.accounting.plaintext.hledger import read_hledger
from tallystick.accounting.plaintext.model import (
    BOOK_DATE,
    OWN_ACCOUNT,
    OWN_ID,
    TextBalance,
    TextEntry,
    TextOpen,
    TextPosting,
    currency_of_commodity,
    decimals_of,
    own_book_of_commodity,
)
from tallystick.ledger.model import ID_MAX, Account, Transfer, TransferFlags
from tallystick.ledger.ranges import check_account, check_transfer
from tallystick.ledger.records import records_of
from tallystick.pipeline.refusals import Refused

__all__ = ["TEXT_ENDINGS", "text_calls"]

TEXT_ENDINGS: Final[dict[str, Callable[[str], Iterator[Any]]]] = {
    ".beancount": read_beancount, ".bean": read_beancount,
    ".journal": read_hledger, ".hledger": read_hledger,
}  # fmt: skip

_CODES: Final = {
    "assets": 1000, "liabilities": 2000, "equity": 3000, "income": 4000, "revenues": 4000,
    "revenue": 4000, "expenses": 5000,
}  # fmt: skip
_FIELDS: Final = {"user-data-128": "user_data_128", "user-data-64": "user_data_64",
                  "user-data-32": "user_data_32", "flags": "flags", "code": "code"}  # fmt: skip
_LINKED: Final = int(TransferFlags.LINKED)


class _Row(NamedTuple):
    line: int
    record: Any
    metadata: dict[str, str]


def _digest(*parts: str) -> int:
    text = "\0".join(parts).encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")
    return number % (ID_MAX - 1) + 1


def _fields(metadata: Mapping[str, str], line: int) -> tuple[dict[str, int], dict[str, str]]:
    """The ledger's own fields among metadata, and the rest of it."""
    fields: dict[str, int] = {}
    rest = {}
    for name, value in metadata.items():
        if name in _FIELDS:
            if not (value.isascii() and value.isdigit()):
                raise BadRow(line, f"{name} {value[:20]!r} is not a whole number")
            fields[_FIELDS[name]] = int(value)
        elif name != "id":
            rest[name] = value
    try:
        require_metadata(rest)
    except Refused as refused:
        raise BadRow(line, refused.refusal.detail) from refused
    return fields, rest


class _Books:
    """The accounts and transfers of a text."""

    def __init__(
        self, digest: str, into: Mapping[str, int], currencies: Mapping[int, str], *,
        must_open: bool,
    ) -> None:  # fmt: skip
        self._digest, self._into, self._must_open = digest, into, must_open
        self._currencies = currencies
        self.accounts: dict[tuple[str, int], _Row] = {}
        self.transfers: list[_Row] = []
        self._opened: dict[str, TextOpen] = {}
        self._had: dict[tuple[str, str], list[tuple[date, Decimal]]] = defaultdict(list)

    def _book(self, name: str, commodity: str, line: int) -> int:
        own = OWN_ACCOUNT.fullmatch(name)
        key = f"B{own[1]}" if own is not None else commodity
        book = self._into.get(key)
        if book is None:
            book = int(own[1]) if own is not None else own_book_of_commodity(commodity)
        if book is None:
            raise BadRow(line, f"say into which book {commodity} goes")
        kept_in = self._currencies.get(book)
        if kept_in and commodity and currency_of_commodity(commodity) not in ("", kept_in):
            raise BadRow(line, f"book {book} is kept in {kept_in}, not in {commodity}")
        return book

    def _require_open(self, posting: TextPosting, day: date) -> None:
        """See that an account may be used, as the text has opened it."""
        opened = self._opened.get(posting.name)
        if opened is None:
            if self._must_open:
                raise BadRow(posting.line, f"{posting.name} is not open")
            return
        if opened.day is not None and day < opened.day:
            raise BadRow(posting.line, f"{posting.name} is not open on {day}")
        if opened.commodities and posting.commodity not in opened.commodities:
            raise BadRow(posting.line, f"{posting.name} does not hold {posting.commodity}")

    def _account(self, posting: TextPosting, day: date) -> tuple[int, int]:
        """The id and book of an account, which is opened when it is first seen."""
        name, line = posting.name, posting.line
        book = self._book(name, posting.commodity, line)
        self._require_open(posting, day)
        known = self.accounts.get((name, book))
        if known is None:
            known = self._open(self._opened.get(name, TextOpen(line, name, {})), book)
        return known.record.id, book

    def open(self, opened: TextOpen) -> None:
        """An account's name; it is opened in the books that it says, in others when it is used."""
        if opened.name in self._opened:
            raise BadRow(opened.line, f"{opened.name} is opened twice")
        self._opened[opened.name] = opened
        if OWN_ACCOUNT.fullmatch(opened.name):
            self._open(opened, self._book(opened.name, "", opened.line))
            return
        for commodity in sorted(opened.commodities):
            self._open(opened, self._book(opened.name, commodity, opened.line))

    def _open(self, opened: TextOpen, book: int) -> _Row:
        own = OWN_ACCOUNT.fullmatch(opened.name)
        fields, rest = _fields(opened.metadata, opened.line)
        if own is None:
            root = opened.name.partition(":")[0].lower()
            if root not in _CODES:
                raise BadRow(opened.line, f"{opened.name} is under none of the five roots")
            rest["name"] = opened.name
            number, code = _digest("account", str(book), opened.name), _CODES[root]
        else:
            number, code = int(own[3], 16), int(own[2])
        try:
            require_metadata(rest)
            account = Account(number, book, **{"code": code} | fields)
            check_account(account)
        except (Refused, ValueError) as error:
            raise BadRow(opened.line, str(error)) from error
        row = _Row(opened.line, account, rest)
        self.accounts[opened.name, book] = row
        return row

    def entry(self, entry: TextEntry) -> None:
        """A transaction: in each commodity, what is taken is given."""
        fields, rest = _fields(entry.metadata, entry.line)
        rest.setdefault(BOOK_DATE, entry.day.isoformat())
        parts = _complete(entry)
        moves = [m for part in parts.values() for m in _pairs(entry.line, part)]
        if not moves:
            raise BadRow(entry.line, "the transaction moves nothing")
        for at, (debit, credit, amount) in enumerate(moves):
            debit_id, book = self._account(debit, entry.day)
            credit_id, other = self._account(credit, entry.day)
            if book != other:
                raise BadRow(credit.line, "both sides of a transfer are in one book")
            self._post(entry, at, len(moves), debit_id, credit_id, amount, book, fields, rest)
        for part in parts.values():
            for posting in part:
                assert posting.amount is not None
                for name in _with_parents(posting.name):
                    self._had[name, posting.commodity].append((entry.day, posting.amount))

    def _post(
        self, entry: TextEntry, at: int, count: int, debit: int, credit: int, amount: int,
        book: int, fields: Mapping[str, int], rest: dict[str, str],
    ) -> None:  # fmt: skip
        given = entry.metadata.get("id", "")
        if given:
            if OWN_ID.fullmatch(given) is None:
                raise BadRow(entry.line, f"id {given[:40]!r} is not 32 hexadecimal digits")
            if count > 1:
                raise BadRow(entry.line, f"an id for {count} transfers")
            number = int(given, 16)
        else:
            number = _digest("transfer", self._digest, str(entry.line), str(at))
        flags = _LINKED if at < count - 1 else 0
        numbers = {"code": 1} | dict(fields) | {"flags": flags}
        try:
            transfer = Transfer(number, debit, credit, amount, book=book, **numbers)
            check_transfer(transfer)
        except ValueError as error:
            raise BadRow(entry.line, str(error)) from error
        self.transfers.append(_Row(entry.line, transfer, rest))

    def balance(self, asserted: TextBalance) -> None:
        """See that an account, with those below it, has at the begin of a day what a text says."""
        self._require_open(
            TextPosting(asserted.line, asserted.name, None, asserted.commodity), asserted.day
        )
        moved = self._had[asserted.name, asserted.commodity]
        had = sum((amount for day, amount in moved if day < asserted.day), Decimal(0))
        if had != asserted.amount:
            raise BadRow(asserted.line, f"{asserted.name} has {had}, not {asserted.amount}")


def _require_one_each(into: Mapping[str, int]) -> None:
    """See that no two currencies are to go into one book."""
    held: dict[int, str] = {}
    for name, book in into.items():
        if re.fullmatch(r"B[0-9]+", name) is None:
            kind = currency_of_commodity(name) or name
            if held.setdefault(book, kind) != kind:
                raise BadRow(1, f"{held[book]} and {kind} cannot both go into book {book}")


def _with_parents(name: str) -> Iterator[str]:
    """An account's name, and those of the accounts above it."""
    while name:
        yield name
        name = name.rpartition(":")[0]


def _complete(entry: TextEntry) -> dict[str, list[TextPosting]]:
    """The postings by commodity, with what one left out; each commodity adds up to nothing."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for posting in entry.postings:
        if posting.amount is not None:
            sums[posting.commodity] += posting.amount
    left_out = [p for p in entry.postings if p.amount is None]
    if len(left_out) > 1:
        raise BadRow(left_out[1].line, "only one posting may leave its amount out")
    parts: dict[str, list[TextPosting]] = defaultdict(list)
    for posting in entry.postings:
        if posting.amount is not None:
            parts[posting.commodity].append(posting)
    for commodity, total in sums.items():
        if left_out and total:
            filled = left_out[0]._replace(amount=-total, commodity=commodity)
            parts[commodity].append(filled)
        elif total:
            raise BadRow(entry.line, f"the postings in {commodity} leave {total}")
    return parts


def _minor_units(posting: TextPosting) -> int:
    assert posting.amount is not None
    scaled = posting.amount.scaleb(decimals_of(posting.commodity, posting.line))
    if scaled != int(scaled):
        raise BadRow(posting.line, f"{posting.amount} has more decimals than {posting.commodity}")
    return int(scaled)


def _pairs(
    line: int, postings: Sequence[TextPosting]
) -> Iterator[tuple[TextPosting, TextPosting, int]]:
    """Debits and credits put together, in their order: (debit, credit, minor units)."""
    if len(postings) == 2 and not any(p.amount for p in postings):
        yield postings[0], postings[1], 0
        return
    units = [(p, _minor_units(p)) for p in postings]
    if not all(amount for _, amount in units):
        raise BadRow(line, "a posting of nothing beside others")
    debits = [(p, amount) for p, amount in units if amount > 0]
    credits = [(p, -amount) for p, amount in units if amount < 0]
    while debits and credits:
        (debit, taken), (credit, given) = debits[0], credits[0]
        amount = min(taken, given)
        yield debit, credit, amount
        debits[:1] = [(debit, taken - amount)] if taken > amount else []
        credits[:1] = [(credit, given - amount)] if given > amount else []


def _calls(rows: list[_Row], end: int, *, transfers: bool) -> Iterator[Call]:
    """Rows as calls of at most so many; a chain is within one."""
    start = 0
    while start < len(rows):
        stop = min(start + CALL_ROWS, len(rows))
        while transfers and stop < len(rows) and rows[stop - 1].record.flags & _LINKED:
            stop -= 1
        part = rows[start:stop]
        lines, records = [row.line for row in part], [row.record for row in part]
        carried = {at: row.metadata for at, row in enumerate(part) if row.metadata}
        yield Call(
            end + stop, lines, None if transfers else records,
            records_of(records) if transfers else None, carried,
        )  # fmt: skip
        start = stop


def text_calls(
    path: Path,
    skip: int,
    into: Mapping[str, int],
    currencies: Mapping[int, str] = MappingProxyType({}),
) -> Iterator[Call]:
    """The calls that a text's accounts and entries make.

    Args:
        skip: how many accounts and transfers to leave out at its begin; a call's end.
        into: the book of each commodity, or of `B` and a book's number in names of our own.
        currencies: of books that have one; nothing else goes into them.

    Raises:
        BadRow: a line that cannot be taken.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRow(data[: error.start].count(b"\n") + 1, "the text is not UTF-8") from error
    reader = TEXT_ENDINGS[path.suffix.lower()]
    _require_one_each(into)
    digest, must_open = hashlib.sha256(data).hexdigest(), reader is read_beancount
    books = _Books(digest, into, currencies, must_open=must_open)
    said = list(reader(text))  # The order of a text's directives means nothing: days do.
    for opened in said:
        if isinstance(opened, TextOpen):
            books.open(opened)
    for entry in said:
        if isinstance(entry, TextEntry):
            books.entry(entry)
    for asserted in said:
        if isinstance(asserted, TextBalance):
            books.balance(asserted)
    accounts = list(books.accounts.values())
    yield from _calls(accounts[skip:], skip, transfers=False)
    done = max(0, skip - len(accounts))
    yield from _calls(books.transfers[done:], len(accounts) + done, transfers=True)
