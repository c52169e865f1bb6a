"""Statements as CSV and JSON, written entry by entry."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO, Final

import msgspec

from tallystick.accounting.statements.document import StatementDocument, StatementEntry
from tallystick.accounting.statements.words import kind_of_account, movement_of, word
from tallystick.money.china_time import china_time

__all__ = ["write_csv", "write_json"]

_NS_PER_MS: Final = 1_000_000
_HEAD: Final = (
    "row", "day", "time", "movement", "other_account", "reference", "debit", "credit", "balance",
    "currency", "transfer", "place", "value_day",
)  # fmt: skip


def _at(entry: StatementEntry) -> str:
    return china_time(entry.transfer.timestamp // _NS_PER_MS)


def _sides(document: StatementDocument, entry: StatementEntry) -> tuple[str, str]:
    """Debit and credit as texts, one of them empty."""
    credited = document.on_credit_side(entry.change)
    text = document.text(abs(credited))
    if credited == 0:
        debited = entry.transfer.debit_account_id == entry.account_id
        return (text, "") if debited else ("", text)
    return ("", text) if credited > 0 else (text, "")


def write_csv(document: StatementDocument, out: BinaryIO, language: str) -> None:
    """Rows by day: the day's opening balance, its movements, its closing balance.

    The first column says in every language which a row is: `opening`, `movement`, `closing`.
    """
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    # Spreadsheets take UTF-8 for what it is when it begins with its mark.
    text.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(text)
    writer.writerow([word(name, language) for name in _HEAD])

    def balance(kind: str, day: str, amount: int) -> None:
        shown = document.text(amount)
        writer.writerow(
            [
                kind,
                day,
                "",
                word(kind, language),
                "",
                "",
                "",
                "",
                shown,
                document.currency,
                "",
                "",
                "",
            ]
        )

    balance("opening", document.period.first.isoformat(), document.opening)
    for day in document.days():
        written = day.day.isoformat()
        last = day.opening
        balance("opening", written, day.opening)
        for entry in day.entries:
            last = entry.balance
            writer.writerow(_row(document, entry, written, language))
        balance("closing", written, last)
    balance("closing", document.period.last.isoformat(), document.closing)
    text.detach()


def _row(document: StatementDocument, entry: StatementEntry, day: str, language: str) -> list[str]:
    t = entry.transfer
    return [
        "movement", day, _at(entry), movement_of(t.code, t.book, language),
        f"{entry.other_account_id:032x}", str(t.user_data_128 or ""), *_sides(document, entry),
        document.text(entry.balance), document.currency, f"{t.id:032x}",
        f"{entry.place.batch}:{entry.place.index}", entry.value_day.isoformat(),
    ]  # fmt: skip


def _entry(document: StatementDocument, entry: StatementEntry, language: str) -> dict[str, Any]:
    t = entry.transfer
    debit, credit = _sides(document, entry)
    return {
        "transfer_id": str(t.id),
        "journal": entry.place,
        "at": _at(entry),
        "timestamp": str(t.timestamp),
        "value_day": entry.value_day.isoformat(),
        "code": t.code,
        "movement": movement_of(t.code, t.book, language),
        "account_id": str(entry.account_id),
        "other_account_id": str(entry.other_account_id),
        "reference": str(t.user_data_128),
        "debit": debit,
        "credit": credit,
        "balance": document.text(entry.balance),
    }


def write_json(document: StatementDocument, out: BinaryIO, language: str) -> None:
    """One object; `days` has the days on which something moved, each entry with its place.

    `journal` of an entry says where it stands: batch, index in the batch, and entry of all.
    """
    head = {
        "subject": document.subject,
        "kind": kind_of_account(document.code, document.book, language) if document.code else "",
        "code": document.code,
        "owner": str(document.owner),
        "ledger": document.book,
        "normal_side": document.side.value,
        "currency": document.currency,
        "from": document.period.first.isoformat(),
        "to": document.period.last.isoformat(),
        "opening": document.text(document.opening),
        "closing": document.text(document.closing),
    }
    encode = msgspec.json.encode
    out.write(encode(head)[:-1] + b',"days":[')
    for count, day in enumerate(document.days()):
        begin = {"day": day.day.isoformat(), "opening": document.text(day.opening)}
        out.write((b"," if count else b"") + encode(begin)[:-1] + b',"entries":[')
        last, debits, credits = day.opening, 0, 0
        for place, entry in enumerate(day.entries):
            last = entry.balance
            credited = document.on_credit_side(entry.change)
            debits, credits = debits + max(0, -credited), credits + max(0, credited)
            out.write((b"," if place else b"") + encode(_entry(document, entry, language)))
        end = {
            "debits": document.text(debits),
            "credits": document.text(credits),
            "closing": document.text(last),
        }
        out.write(b"]," + encode(end)[1:])
    out.write(b"]}\n")
