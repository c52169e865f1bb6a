"""Reading Beancount text: accounts, transactions of plain amounts, balance assertions.

What means more than that (costs, prices, padding, plugins, other files) is refused by line, because
it would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from tallystick.accounting.files import BadRow
from tallystick.accounting.plaintext.model import (
    TextBalance,
    TextEntry,
    TextOpen,
    TextPosting,
    lines_of,
    unescaped,
)

__all__ = ["read_beancount"]

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_ACCOUNT: Final = (
    r"(?:Assets|Liabilities|Equity|Income|Expenses)(?::(?:[A-Z0-9]|[^\x00-\x7f])[^\s:;]*)+"
)
_NUMBER: Final = r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?"
_COMMODITY: Final = r"[A-Z](?:[A-Z0-9'._-]*[A-Z0-9])?"
_DIRECTIVE: Final = re.compile(r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})\s+(\S+)\s*(.*)")
_OPTION: Final = re.compile(rf"option\s+{_QUOTED}\s+{_QUOTED}")
_OPTIONS: Final = frozenset({"title", "operating_currency"})
_OPEN: Final = re.compile(rf"({_ACCOUNT})(?:\s+({_COMMODITY}(?:\s*,\s*{_COMMODITY})*))?")
_BALANCE: Final = re.compile(rf"({_ACCOUNT})\s+({_NUMBER})\s+({_COMMODITY})")
_POSTING: Final = re.compile(rf"({_ACCOUNT})(?:\s+({_NUMBER})\s+({_COMMODITY}))?")
_METADATA: Final = re.compile(rf"([a-z][a-zA-Z0-9_-]+):\s*(?:{_QUOTED})?")
_HEAD: Final = re.compile(rf"(?:{_QUOTED}\s*)?(?:{_QUOTED}\s*)?((?:[#^][A-Za-z0-9/._-]+\s*)*)")
_FLAGS: Final = frozenset({"*", "txn"})

Read = TextOpen | TextEntry | TextBalance


def _without_comment(text: str) -> str:
    """A line less its comment; a semicolon in quotes is none."""
    quoted = False
    for at, sign in enumerate(text):
        if sign == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif sign == ";" and not quoted:
            return text[:at].rstrip()
    return text.rstrip()


def _day(found: re.Match[str], line: int) -> date:
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise BadRow(line, f"{found[0][:10]} is not a day") from error


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


class _Draft:
    """A directive with the indented lines that belong to it."""

    def __init__(self, line: int, day: date, kind: str, rest: str) -> None:
        self.line, self.day, self.kind, self.rest = line, day, kind, rest
        self.metadata: dict[str, str] = {}
        self.postings: list[TextPosting] = []

    def take(self, line: int, text: str) -> None:
        """An indented line: metadata, or a posting of a transaction."""
        found = _METADATA.fullmatch(text)
        if found is not None:
            if self.postings and self.kind in _FLAGS:
                raise BadRow(line, "metadata of a posting is not taken over")
            if found[1] in self.metadata:
                raise BadRow(line, f"{found[1]} is given twice")
            self.metadata[found[1]] = unescaped(found[2] or "")
            return
        posting = _POSTING.fullmatch(text)
        if self.kind not in _FLAGS or posting is None:
            raise BadRow(line, f"{text[:60]!r} is not a posting of a plain amount")
        amount = None if posting[2] is None else _number(posting[2])
        self.postings.append(TextPosting(line, posting[1], amount, posting[3] or ""))

    def read(self) -> Read | None:
        """What the directive says; None for one that changes nothing."""
        if self.kind in _FLAGS:
            return self._entry()
        if self.kind == "open":
            found = self._matched(_OPEN)
            held = frozenset(re.split(r"\s*,\s*", found[2])) if found[2] else frozenset()
            return TextOpen(self.line, found[1], self.metadata, self.day, held)
        if self.metadata:
            raise BadRow(self.line + 1, f"metadata of a {self.kind[:20]} is not taken over")
        if self.kind == "balance":
            found = self._matched(_BALANCE)
            return TextBalance(self.line, self.day, found[1], _number(found[2]), found[3])
        if self.kind == "commodity":
            return None
        raise BadRow(self.line, f"{self.kind[:20]!r} is not taken over")

    def _matched(self, form: re.Pattern[str]) -> re.Match[str]:
        found = form.fullmatch(self.rest)
        if found is None:
            raise BadRow(self.line, f"{self.rest[:60]!r} is not the form of {self.kind}")
        return found

    def _entry(self) -> TextEntry:
        head = self._matched(_HEAD)
        said = [unescaped(text) for text in (head[1], head[2]) if text is not None]
        named = dict(zip(("payee", "narration")[2 - len(said) :], said, strict=True))
        named["tags"] = " ".join(head[3].split())
        kept = {name: value for name, value in named.items() if value}
        if twice := sorted(kept.keys() & self.metadata.keys()):
            raise BadRow(self.line, f"{twice[0]} is given twice")
        return TextEntry(self.line, self.day, kept | self.metadata, tuple(self.postings))


def read_beancount(text: str) -> Iterator[Read]:
    """What a text says, in its order.

    Raises:
        BadRow: a line that is not understood, or means what would be lost.
    """
    held: _Draft | None = None
    for line, raw in lines_of(text):
        plain = _without_comment(raw)
        if not plain.strip() or raw.startswith(("*", "#", ":", "%")):
            continue
        if plain[0] in " \t":
            if held is None:
                raise BadRow(line, "an indented line without a directive before it")
            held.take(line, plain.strip())
            continue
        if held is not None and (read := held.read()) is not None:
            yield read
        held = None
        option, found = _OPTION.fullmatch(plain), _DIRECTIVE.fullmatch(plain)
        if option is not None and option[1] in _OPTIONS:
            continue
        if found is None:
            raise BadRow(line, f"{plain[:60]!r} is not taken over")
        held = _Draft(line, _day(found, line), found[4], found[5].strip())
    if held is not None and (read := held.read()) is not None:
        yield read
