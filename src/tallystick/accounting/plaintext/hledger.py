"""Reading hledger journals: accounts, and transactions of plain amounts.

What means more than that (prices, assertions, periodic and automatic transactions, other files) is
refused by line, because it would be lost. Comments say nothing of the books; tags in them do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from tallystick.accounting.files import BadRow
from tallystick.accounting.plaintext.hledger_amounts import AmountReader
from tallystick.accounting.plaintext.model import (
    OWN_ACCOUNT,
    OWN_ID,
    TextEntry,
    TextOpen,
    TextPosting,
    lines_of,
)

__all__ = ["read_hledger"]

_DATE: Final = re.compile(
    r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:\s+([*!]))?(?:\s+\(([^)]*)\))?(?:\s+(.*))?"
)
_OWN_TAG: Final = re.compile(r"([a-z][a-z0-9_-]+):\s*(.*)")
_TAG: Final = re.compile(r"([^\s:,]+):(?!//)\s*([^,]*)")
_DATES: Final = re.compile(r"\[[0-9=/.-]+\]")
_POSTING: Final = re.compile(r"(\S(?:[^\s;]| (?! ))*?)(?:(?:  |\t)\s*(\S.*))?")
_ACCOUNT: Final = re.compile(r"account\s+(\S.*)")
_COMMODITY: Final = re.compile(r"commodity\s+(\S.*)")
_FORMAT: Final = re.compile(r"format\s+(\S.*)")
_MARK: Final = re.compile(r"decimal-mark\s+(\S+)")

Read = TextOpen | TextEntry


def _parts(text: str) -> tuple[str, str]:
    """A line and its comment; a semicolon in quotes begins none."""
    quoted = False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif sign == ";" and not quoted:
            return text[:at].rstrip(), text[at + 1 :].strip()
    return text.rstrip(), ""


class _Draft:
    """A transaction, an account or a commodity, with the indented lines that belong to it."""

    def __init__(self, line: int, day: date | None, name: str, metadata: dict[str, str]) -> None:
        self.line, self.day, self.name, self.metadata = line, day, name, metadata
        self.postings: list[TextPosting] = []

    def _is_own(self) -> bool:
        """Whether this platform wrote it: then a comment is one tag with all that follows."""
        return OWN_ACCOUNT.fullmatch(self.name) is not None or (
            OWN_ID.fullmatch(self.metadata.get("id", "")) is not None
        )

    def tags(self, line: int, comment: str) -> None:
        """What a comment's tags say, of a transaction or of an account."""
        own = _OWN_TAG.fullmatch(comment)
        if own is not None and (self._is_own() or own[1] == "id"):
            self.metadata[own[1]] = own[2]
            return
        for name, value in _TAG.findall(comment):
            if name in self.metadata:
                raise BadRow(line, f"{name[:40]} is given twice")
            self.metadata[name] = value.strip()

    def take(self, line: int, text: str, amounts: AmountReader) -> None:
        """An indented line: a comment, or a posting."""
        plain, comment = _parts(text)
        if not plain and not self.postings:
            self.tags(line, comment)
            return
        if comment and (_TAG.search(comment) or _DATES.search(comment)):
            raise BadRow(line, "a tag of a posting is not taken over")
        if plain:
            self.postings.append(self._posting(line, plain, amounts))

    def _posting(self, line: int, plain: str, amounts: AmountReader) -> TextPosting:
        found = _POSTING.fullmatch(plain)
        if self.day is not None and found is not None and found[1][0] not in "([!*":
            if found[2] is None:
                return TextPosting(line, found[1], None, "")
            amount = amounts.read(found[2], line)
            if amount is not None:
                return TextPosting(line, found[1], *amount)
        raise BadRow(line, f"{plain[:60]!r} is not a posting of a plain amount")

    def read(self) -> Read:
        """What it says."""
        if self.day is None:
            return TextOpen(self.line, self.name, self.metadata)
        return TextEntry(self.line, self.day, self.metadata, tuple(self.postings))


def _transaction(found: re.Match[str], comment: str, line: int) -> _Draft:
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise BadRow(line, f"{found[0][:10]} is not a day") from error
    if found[4] == "!":
        raise BadRow(line, "a pending transaction is not taken over")
    named = {"number": found[5] or "", "narration": (found[6] or "").strip()}
    draft = _Draft(line, day, "", {name: value for name, value in named.items() if value})
    draft.tags(line, comment)
    return draft


class _Journal:
    """A journal while it is read, a line at a time."""

    def __init__(self) -> None:
        self._amounts = AmountReader()
        self._held: _Draft | None = None
        self._in_commodity = self._in_comment = False

    def end(self) -> Iterator[Read]:
        """What was held is whole."""
        if self._held is not None:
            yield self._held.read()
        self._held = None

    def take(self, line: int, raw: str) -> Iterator[Read]:
        """The next line; gives what is whole with it."""
        plain = raw.rstrip()
        if self._in_comment or plain == "comment":
            self._in_comment = plain != "end comment"
        elif not plain or plain[0] in ";#*":
            return
        elif plain[0] in " \t":
            self._indented(line, plain.strip())
        else:
            yield from self.end()
            self._in_commodity = False
            self._top(line, plain)

    def _indented(self, line: int, text: str) -> None:
        if self._held is not None:
            self._held.take(line, text, self._amounts)
        elif self._in_commodity and (found := _FORMAT.fullmatch(_parts(text)[0])) is not None:
            self._amounts.declare(found[1], line)
        elif not text.startswith(";"):
            raise BadRow(line, "an indented line without a transaction before it")

    def _top(self, line: int, text: str) -> None:
        plain, comment = _parts(text)
        if (found := _ACCOUNT.fullmatch(plain)) is not None:
            self._held = _Draft(line, None, found[1].strip(), {})
            self._held.tags(line, comment)
        elif (found := _DATE.fullmatch(plain)) is not None:
            self._held = _transaction(found, comment, line)
        elif (found := _COMMODITY.fullmatch(plain)) is not None:
            self._amounts.declare(found[1], line)
            self._in_commodity = True
        elif (found := _MARK.fullmatch(plain)) is not None:
            self._amounts.set_mark(found[1], line)
        else:
            raise BadRow(line, f"{plain[:60]!r} is not taken over")


def read_hledger(text: str) -> Iterator[Read]:
    """What a journal says, in its order.

    Raises:
        BadRow: a line that is not understood, or means what would be lost.
    """
    journal = _Journal()
    for line, raw in lines_of(text):
        yield from journal.take(line, raw)
    yield from journal.end()
