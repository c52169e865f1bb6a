"""Amounts of hledger journals: a number with a commodity on either side of it.

From hledger's manual, "Amounts" and "decimal-mark directive": a lone mark is taken for the decimal
mark unless the journal says which one is. What would be a thousand to most people and one to
hledger, `1,000`, is refused until the journal says it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.accounting.files import BadRow

__all__ = ["Amount", "AmountReader"]

_NUMBER: Final = r"[0-9.,]*[0-9][0-9.,]*"
_SYMBOL: Final = r'"[^"]+"|[^\s\d"@={}()\[\];.,*+-]+'
_AMOUNT: Final = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:(?P<left>{_SYMBOL})\s*(?P<inner>[-+]?)\s*(?P<number>{_NUMBER})"
    rf"|(?P<plain>{_NUMBER})\s*(?P<right>{_SYMBOL}))"
)
_SYMBOL_ALONE: Final = re.compile(_SYMBOL)
_GROUPS: Final = r"[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}"
_AMBIGUOUS: Final = re.compile(r"[0-9]{1,3},[0-9]{3}")
_MARKS: Final = ".,"


class Amount(NamedTuple):
    """A signed number of a commodity."""

    number: Decimal
    commodity: str


class AmountReader:
    """Reads amounts as a journal's directives before them say."""

    def __init__(self) -> None:
        self._mark = ""
        self._marks: dict[str, str] = {}

    def set_mark(self, mark: str, line: int) -> None:
        """The directive `decimal-mark`."""
        if mark not in tuple(_MARKS):
            raise BadRow(line, f"{mark[:20]!r} is not a decimal mark")
        self._mark = mark

    def declare(self, text: str, line: int) -> None:
        """The directive `commodity`: a symbol, or an amount that shows the decimal mark."""
        if _SYMBOL_ALONE.fullmatch(text) is not None:
            return
        found = _AMOUNT.fullmatch(text)
        if found is None or found["sign"] or found["inner"]:
            raise BadRow(line, f"{text[:40]!r} is not the form of a commodity")
        number = found["number"] or found["plain"]
        marks = [sign for sign in number if sign in _MARKS]
        if not marks:
            return
        if _AMBIGUOUS.fullmatch(number) is not None:
            raise BadRow(line, f"{number!r} does not say which is the decimal mark")
        self._marks[_commodity(found)] = marks[-1]

    def read(self, text: str, line: int) -> Amount | None:
        """An amount; None for a text that has another form.

        Raises:
            BadRow: a number that can be read in two ways, or in none.
        """
        found = _AMOUNT.fullmatch(text)
        if found is None or (found["sign"] and found["inner"]):
            return None
        commodity = _commodity(found)
        number = self._number(found["number"] or found["plain"], commodity, line)
        negative = "-" in (found["sign"], found["inner"])
        return Amount(-number if negative else number, commodity)

    def _number(self, text: str, commodity: str, line: int) -> Decimal:
        mark = self._marks.get(commodity, self._mark) or _mark_of(text, line)
        group = _MARKS[1 - _MARKS.index(mark)]
        whole, _, decimals = text.partition(mark)
        grouped = re.fullmatch(_GROUPS.format(mark=re.escape(group)), whole) is not None
        if not (grouped or whole.isdigit() or not whole) or not (
            decimals.isdigit() or not decimals
        ):
            raise BadRow(line, f"{text!r} is not a number with {mark!r} as its decimal mark")
        return Decimal(f"{whole.replace(group, '') or '0'}.{decimals or '0'}")


def _commodity(found: re.Match[str]) -> str:
    return str(found["left"] or found["right"]).strip('"')


def _mark_of(text: str, line: int) -> str:
    """The decimal mark of a number of which nothing was said before."""
    marks = [sign for sign in text if sign in _MARKS]
    if _AMBIGUOUS.fullmatch(text) is not None:
        raise BadRow(line, f"{text!r} is one for hledger and a thousand for others: "
                     "say decimal-mark or commodity before it")  # fmt: skip
    if not marks:
        return "."
    if len(marks) > 1 and len(set(marks)) == 1:
        return _MARKS[1 - _MARKS.index(marks[0])]
    return marks[-1]
