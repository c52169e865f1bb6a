"""What `hledger check --strict` asks of a journal, for the part of the format that is written here.

From hledger's manual, "Journal format": sections Transactions, Postings, Account names, Amounts,
Comments, Tags, `account` and `commodity` directives; and from its "check" command: accounts and
commodities are declared, and each transaction balances to zero in every commodity. Here a journal
may have nothing else, and amounts have the decimals of their commodity's declaration.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from decimal import Decimal

__all__ = ["complaints"]

_COMMODITY = r'(?:[A-Za-z]+|"[^";\n]+")'
_DECLARED = re.compile(rf"commodity ([0-9]+)\.([0-9]*) ({_COMMODITY})")
_ACCOUNT = r"[^\s:;](?:[^\s:;]| (?! ))*(?::[^\s:;](?:[^\s:;]| (?! ))*)*"
_ACCOUNT_LINE = re.compile(rf"account ({_ACCOUNT})")
_HEAD = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([*!]))?(?: \([^)\n]*\))?(?: .*)?")
_POSTING = re.compile(rf" {{4}}({_ACCOUNT})(?: {{2,}})(-?[0-9]+(?:\.[0-9]+)?) ({_COMMODITY})")
_TAG = re.compile(r" {4}; [a-z][a-z0-9_-]*: .*")


class _Checker:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._accounts: set[str] = set()
        self._decimals: dict[str, int] = {}
        self._sums: dict[str, Decimal] = {}
        self._postings = -1
        self._place = ""

    def _say(self, line: int, what: str) -> None:
        self.found.append(f"line {line}: {what}")

    def end(self, line: int) -> None:
        """A transaction is over."""
        if self._postings >= 0:
            if self._postings < 2:
                self._say(line, "a transaction of less than two postings")
            for commodity, total in self._sums.items():
                if total:
                    self._say(line, f"{commodity} does not balance: {total}")
        self._postings, self._place = -1, ""

    def top(self, line: int, text: str) -> None:
        """A line that begins something."""
        self.end(line)
        if declared := _DECLARED.fullmatch(text):
            self._decimals[declared[3]] = len(declared[2])
        elif account := _ACCOUNT_LINE.fullmatch(text):
            self._accounts.add(account[1])
            self._place = "account"
        elif head := _HEAD.fullmatch(text):
            self._begin(line, head)
        else:
            self._say(line, f"{text!r} is no directive and no transaction")

    def _begin(self, line: int, head: re.Match[str]) -> None:
        try:
            date.fromisoformat(head[1])
        except ValueError:
            self._say(line, f"{head[1]} is no date")
        self._sums, self._postings, self._place = defaultdict(Decimal), 0, "transaction"

    def below(self, line: int, text: str) -> None:
        """An indented line."""
        if not self._place:
            self._say(line, "an indented line of nothing")
        elif text.lstrip().startswith(";"):
            if not _TAG.fullmatch(text):
                self._say(line, f"{text!r} is no tag in a comment")
        elif self._place == "account" or not (posting := _POSTING.fullmatch(text)):
            self._say(line, f"{text!r} is no posting")
        else:
            self._post(line, *posting.groups())

    def _post(self, line: int, account: str, amount: str, commodity: str) -> None:
        if account not in self._accounts:
            self._say(line, f"the account {account} is not declared")
        if commodity not in self._decimals:
            self._say(line, f"the commodity {commodity} is not declared")
        elif len(amount.partition(".")[2]) != self._decimals[commodity]:
            self._say(line, f"{amount} has not the decimals of {commodity}")
        self._sums[commodity] += Decimal(amount)
        self._postings += 1


def complaints(text: str) -> list[str]:
    """What is wrong with a journal; empty when nothing is."""
    checker = _Checker()
    lines = text.split("\n")
    for line, plain in enumerate(lines, 1):
        if not plain:
            checker.end(line)
        elif plain[0] == " ":
            checker.below(line, plain)
        else:
            checker.top(line, plain)
    checker.end(len(lines))
    return checker.found
