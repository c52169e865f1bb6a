"""Reading hledger journals: accounts, and transactions of plain amounts.

What means more than that (prices, assertions, periodic and automatic transactions, other files) is
refused by line, because it would be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from tallystick.accounting.files import BadRow
from tallystick.accounting.plaintext.model import TextEntry, TextOpen, TextPosting

__all__ = ["read_hledger"]

_DATE: Final = re.compile(
    r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:\s+([*!]))?(?:\s+\(([^)]*)\))?(?:\s+(.*))?"
)
_TAG: Final = re.compile(r"([a-z][a-z0-9_-]+):\s*(.*)")
_NUMBER: Final = r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?"
_POSTING: Final = re.compile(
    rf'(\S(?:[^\s;]| (?! ))*?)(?:(?:  |\t)\s*({_NUMBER})\s*("[^"]+"|[^\s\d"@={{}};.,+-]+))?'
)
_ACCOUNT: Final = re.compile(r"account\s+(\S.*)")

Read = TextOpen | TextEntry


class _Draft:
    """A transaction or an account with the indented lines that belong to it."""

    def __init__(self, line: int, day: date | None, name: str, metadata: dict[str, str]) -> None:
        self.line, self.day, self.name, self.metadata = line, day, name, metadata
        self.postings: list[TextPosting] = []

    def take(self, line: int, text: str) -> None:
        """An indented line: a comment with a tag, or a posting."""
        if text.startswith(";"):
            tag = _TAG.fullmatch(text[1:].strip())
            if tag is not None and not self.postings:
                self.metadata[tag[1]] = tag[2]
            return
        plain = text.partition("  ;")[0].rstrip()
        found = _POSTING.fullmatch(plain)
        if self.day is None or found is None or found[1][0] in "([!*":
            raise BadRow(line, f"{text[:60]!r} is not a posting of a plain amount")
        amount = None if found[2] is None else Decimal(found[2].replace(",", ""))
        self.postings.append(TextPosting(line, found[1], amount, (found[3] or "").strip('"')))

    def read(self) -> Read:
        """What it says."""
        if self.day is None:
            return TextOpen(self.line, self.name, self.metadata)
        return TextEntry(self.line, self.day, self.metadata, tuple(self.postings))


def _transaction(found: re.Match[str], line: int) -> _Draft:
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise BadRow(line, f"{found[0][:10]} is not a day") from error
    if found[4] == "!":
        raise BadRow(line, "a pending transaction is not taken over")
    named = {"number": found[5] or "", "narration": (found[6] or "").partition(";")[0].strip()}
    return _Draft(line, day, "", {name: value for name, value in named.items() if value})


def read_hledger(text: str) -> Iterator[Read]:
    """What a journal says, in its order.

    Raises:
        BadRow: a line that is not understood, or means what would be lost.
    """
    held: _Draft | None = None
    for line, raw in enumerate(text.splitlines(), 1):
        plain = raw.rstrip()
        if not plain or plain[0] in ";#*":
            continue
        if plain[0] in " \t":
            if held is None:
                if plain.strip().startswith(";"):
                    continue
                raise BadRow(line, "an indented line without a transaction before it")
            held.take(line, plain.strip())
            continue
        if held is not None:
            yield held.read()
        held = None
        account, found = _ACCOUNT.fullmatch(plain), _DATE.fullmatch(plain)
        if account is not None:
            held = _Draft(line, None, account[1].partition("  ;")[0].strip(), {})
        elif found is not None:
            held = _transaction(found, line)
        elif not plain.startswith("commodity "):
            raise BadRow(line, f"{plain[:60]!r} is not taken over")
    if held is not None:
        yield held.read()
