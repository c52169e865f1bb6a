"""Statements as MT940: a message for each day on which something moved. Its letters are SWIFT's,
so it is in English only."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import BinaryIO, Final

from tallystick.accounting.statements.camt053 import NO_CURRENCY
from tallystick.accounting.statements.document import StatementDocument, StatementEntry
from tallystick.accounting.statements.words import movement_of
from tallystick.pipeline.refusals import Refused

__all__ = ["write_mt940"]

_AMOUNT_MAX: Final = 15
_ABOUT_PART: Final = 27
_LINE_MAX: Final = 65
_NEAR: Final = timedelta(days=150)


def _amount(document: StatementDocument, amount: int) -> str:
    text = document.text(abs(amount)).replace(".", ",")
    text = text if "," in text else f"{text},"
    if len(text) > _AMOUNT_MAX:
        raise Refused("STATEMENT_FORM_TOO_NARROW", "MT940 has 15 characters for an amount.")
    return text


def _balance(document: StatementDocument, tag: str, amount: int, day: date) -> str:
    credited = document.on_credit_side(amount)
    mark = "C" if credited >= 0 else "D"
    currency = document.currency or NO_CURRENCY
    return f":{tag}:{mark}{day:%y%m%d}{currency}{_amount(document, amount)}\r\n"


def _wrapped(text: str) -> str:
    lines = [text[at : at + _LINE_MAX] for at in range(0, len(text), _LINE_MAX)]
    return "\r\n".join(lines)


def _entry(document: StatementDocument, entry: StatementEntry, day: date) -> str:
    t = entry.transfer
    credited = document.on_credit_side(entry.change)
    on_debit = credited < 0 or (credited == 0 and t.debit_account_id == entry.account_id)
    place = f"{entry.place.batch}-{entry.place.index}"[:16]
    reference = f"EREF+{t.user_data_128}" if t.user_data_128 else ""
    parts = [reference[at : at + _ABOUT_PART] for at in range(0, len(reference), _ABOUT_PART)]
    parts += [f"SVWZ+{movement_of(t.code, t.book, 'en')}"[:_ABOUT_PART]]
    about = "".join(f"?{20 + n}{part}" for n, part in enumerate(parts))
    # Readers take the booking day for the one nearest the value day, so that must be near.
    value = entry.value_day if abs(entry.value_day - day) < _NEAR else day
    other = f"{entry.other_account_id:032x}"
    return (
        f":61:{value:%y%m%d}{day:%m%d}{'D' if on_debit else 'C'}{_amount(document, entry.change)}"
        f"NTRFNONREF//{place}\r\n{_wrapped(f':86:166{about}?31{other}')}\r\n"
    )


def write_mt940(document: StatementDocument, out: BinaryIO, language: str) -> None:
    """The messages, one after the other; a period in which nothing moved is one without entries.

    Raises:
        Refused: STATEMENT_FORM_TOO_NARROW, for an amount of more digits than the form has.
    """
    digest = hashlib.blake2b(document.subject.encode(), digest_size=4).hexdigest()
    account = document.subject[:34]
    moved = False

    def begin(day: date, opening: int) -> None:
        head = f":20:{day:%y%m%d}{digest}\r\n:25:{account}\r\n:28C:{day:%y}{day:%j}/1\r\n"
        out.write(f"{head}{_balance(document, '60F', opening, day)}".encode("ascii"))

    for day in document.days():
        moved = True
        begin(day.day, day.opening)
        last = day.opening
        for entry in day.entries:
            last = entry.balance
            out.write(_entry(document, entry, day.day).encode("ascii"))
        out.write(f"{_balance(document, '62F', last, day.day)}-\r\n".encode("ascii"))
    if not moved:
        begin(document.period.first, document.opening)
        closing = _balance(document, "62F", document.closing, document.period.last)
        out.write(f"{closing}-\r\n".encode("ascii"))
