"""MT940 statements: the fields' forms are the package `mt-940`'s, the order is checked here.

The package reads what it can and passes over the rest; a statement that goes into the books is
read whole or refused, so each field must fill its form to the end, and each line its place.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from mt940 import tags

from tallystick.reconciliation.statements.model import (
    Balance,
    BankLine,
    BankStatement,
    StatementError,
    exact_amount,
    shortened,
)

__all__ = ["read_mt940"]

_FIELD: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)")
_END: Final = re.compile(r"-|-\}.*|-X{3}")
"""The end of a message's text; SWIFT's trailer, and the next message's head, may follow it."""

_PASSED_OVER: Final = frozenset({"13", "13D", "21", "34F", "64", "65", "90C", "90D", "NS", "86"})
_TAKEN: Final = _PASSED_OVER | {"20", "25", "28", "28C", "60F", "60M", "61", "62F", "62M"}
_NO_REFERENCE: Final = frozenset({"NONREF", "NOTPROVIDED", "EREF", "PREF", "KREF+", "KREF"})
_OPENING: Final = ("60F", "60M")
_CLOSING: Final = ("62F", "62M")
_BALANCE: Final = tags.BalanceBase()
_MOVEMENTS: Final = (tags.Statement().re, tags.StatementASNB().re)
"""The form of `:61:`, then that of a bank which has the other account in place of a reference."""

_REFERENCE_MAX: Final = 16
_SIGNS: Final = {"C": 1, "D": -1, "RC": -1, "RD": 1}

# Remittance information: German sub-fields ?20…?63 with keywords, Dutch /WORD/ paths.
_GERMAN_PART: Final = re.compile(r"\?([0-9]{2})")
_GERMAN_REFERENCE: Final = re.compile(r"EREF\+(.*?)(?:[A-Z]{4}[+:]|$)")
_DUTCH_REFERENCE: Final = re.compile(r"/EREF/([^/]+)")
_DUTCH_NAME: Final = re.compile(r"/(?:IBAN|NAME)/([^/]+)")


class _Field(NamedTuple):
    """A field of a statement, with the line on which it begins."""

    tag: str
    value: str
    line: int


class _Draft:
    """A statement while it is read."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.account = ""
        self.number = ""
        self.opening: tuple[str, int] | None = None
        self.closing: Balance | None = None
        self.lines: list[BankLine] = []
        self.details: list[str] = []


def _begins(tag: str, held: _Field | None) -> bool:
    """Whether a line begins a field: the first is :20:, and a text may hold a time (`:12:30`)."""
    if held is None:
        return tag == "20"
    return tag in _TAKEN or held.tag != "86"


def _fields(text: str) -> Iterator[_Field]:
    """The fields of all statements in order; what envelopes them is passed over."""
    held: _Field | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        found = _FIELD.match(line)
        if found is None and _END.fullmatch(line):
            if held is not None:
                yield held
            held = None
        elif found is not None and _begins(found[1], held):
            if held is not None:
                yield held
            held = _Field(found[1], found[2], number)
        elif held is not None and line:
            held = held._replace(value=f"{held.value}\n{line}")
    if held is not None:
        yield held


def _day(year: int, month: str, day: str, line: int) -> date:
    """A booking day. Banks that count 30 days a month write 30 February: its last day."""
    try:
        last = calendar.monthrange(year, int(month))[1]
        return date(year, int(month), min(int(day), last) if int(day) <= 30 else int(day))
    except ValueError as error:
        raise StatementError(line, f"{year}-{month}-{day} is not a day.") from error


def _booked(parts: dict[str, str | None], line: int) -> date:
    """The entry's day in the year that lies nearest the value day; the value day without one."""
    value = _day(
        2000 + int(parts["year"] or 0), parts["month"] or "", parts["day"] or "", line
    )  # fmt: skip
    month, day = parts["entry_month"] or "", parts["entry_day"] or ""
    if not month.strip() or not day.strip():
        return value
    years = (value.year - 1, value.year, value.year + 1)
    return min((_day(y, month, day, line) for y in years), key=lambda d: abs(d - value))


def _amount(text: str, currency: str, line: int) -> int:
    if text.count(",") != 1:
        raise StatementError(line, f"{text!r} is not an amount with one comma.")
    return exact_amount(text.replace(",", "."), currency, line)


def _balance_parts(field: _Field) -> re.Match[str]:
    found = _BALANCE.re.fullmatch(field.value)
    if found is None:
        raise StatementError(field.line, f":{field.tag}: {field.value[:40]!r} is not a balance.")
    return found


def _balance_day(field: _Field) -> date:
    found = _balance_parts(field)
    return _day(2000 + int(found["year"]), found["month"], found["day"], field.line)


def _balance(field: _Field) -> tuple[str, int]:
    """Currency and signed minor units of a balance."""
    found = _balance_parts(field)
    currency = found["currency"].upper()
    amount = _amount(found["amount"], currency, field.line)
    return currency, amount if found["status"].upper() == "C" else -amount


def _movement(field: _Field, currency: str) -> BankLine:
    matches = (form.fullmatch(field.value) for form in _MOVEMENTS)
    found = next((match for match in matches if match is not None), None)
    if found is None:
        raise StatementError(field.line, f":61: {field.value[:60]!r} is not a statement line.")
    parts = found.groupdict()
    amount = _amount(found["amount"], currency, field.line)
    reference, counterparty = (parts["customer_reference"] or "").strip(), ""
    if len(reference) > _REFERENCE_MAX:
        reference, counterparty = "", reference
    bank_reference = (parts["bank_reference"] or "").strip()
    return BankLine(
        line=field.line,
        day=_booked(parts, field.line),
        amount=_SIGNS[found["status"].upper()] * amount,
        currency=currency,
        reference="" if reference in _NO_REFERENCE else reference,
        bank_reference="" if bank_reference in _NO_REFERENCE else bank_reference,
        counterparty=counterparty,
        text=shortened(parts["extra_details"] or ""),
    )


def _german(details: str) -> tuple[str, str, str]:
    """End-to-end id, counterparty and purpose of remittance information in numbered parts."""
    pieces = _GERMAN_PART.split(details)
    parts = list(zip(pieces[1::2], pieces[2::2], strict=True))
    purpose = "".join(value for number, value in parts if "20" <= number <= "29")
    found = _GERMAN_REFERENCE.search(purpose)
    account = next((value for number, value in parts if number == "31"), "")
    name = "".join(value for number, value in parts if number in ("32", "33"))
    return (found[1].strip() if found else ""), account.strip() or name.strip(), purpose


def _explained(line: BankLine, details: str) -> BankLine:
    """A movement with what its remittance information (`:86:`) says."""
    joined = details.replace("\n", "")
    if _GERMAN_PART.search(joined):
        reference, counterparty, words = _german(joined)
    else:
        dutch, name = _DUTCH_REFERENCE.search(joined), _DUTCH_NAME.search(joined)
        reference, counterparty = dutch[1] if dutch else "", name[1] if name else ""
        words = joined
    if reference in _NO_REFERENCE:
        reference = ""
    return line._replace(
        reference=reference or line.reference,
        counterparty=shortened(counterparty) or line.counterparty,
        text=shortened(f"{line.text} {words}"),
    )


def _take(draft: _Draft, field: _Field, before: str) -> None:
    """One field into its statement, in the order that the form has."""
    if field.tag == "25":
        draft.account = field.value.strip()
    elif field.tag in ("28", "28C"):
        draft.number = field.value.strip()
    elif field.tag in _OPENING:
        draft.opening = _balance(field)
    elif field.tag == "61":
        if draft.opening is None or draft.closing is not None:
            raise StatementError(field.line, ":61: stands outside the two balances.")
        draft.lines.append(_movement(field, draft.opening[0]))
    elif field.tag == "86" and before == "61":
        draft.lines[-1] = _explained(draft.lines[-1], field.value)
    elif field.tag in _CLOSING:
        currency, amount = _balance(field)
        if draft.opening is None or draft.opening[0] != currency:
            raise StatementError(field.line, f":{field.tag}: has no opening balance before it.")
        day = None if draft.lines else _balance_day(field)
        draft.closing = Balance(currency, draft.opening[1], amount, field.line, day)
    elif field.tag not in _PASSED_OVER:
        raise StatementError(field.line, f":{field.tag}: is no field of a statement.")


def _finished(draft: _Draft) -> BankStatement:
    if not draft.account:
        raise StatementError(draft.line, "The statement names no account (:25:).")
    if draft.closing is None:
        raise StatementError(draft.line, "The statement has no closing balance (:62F:).")
    return BankStatement(draft.account, draft.number, (draft.closing,), tuple(draft.lines))


def read_mt940(text: str) -> list[BankStatement]:
    """The statements of a file, in its order; a page of a long statement is one of them.

    Raises:
        StatementError: it is no such file, or a field is not of its form.
    """
    drafts: list[_Draft] = []
    before = ""
    for field in _fields(text):
        if field.tag == "20":
            drafts.append(_Draft(field.line))
        else:
            _take(drafts[-1], field, before)
        before = field.tag
    if not drafts:
        raise StatementError(0, "This is no MT940 file: it has no field :20:.")
    return [_finished(draft) for draft in drafts]
