"""CSV files read by a mapping: bank statements, and files of ledger entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from tallystick.reconciliation.statements.mapping import Mapping
from tallystick.reconciliation.statements.model import (
    Balance,
    BankLine,
    BankStatement,
    StatementError,
    exact_amount,
    shortened,
)

__all__ = ["MappedLine", "decoded", "mapped_lines", "read_mapped_csv"]


class MappedLine(NamedTuple):
    """A line of a CSV file: the movement, and the line's own id, account and balance."""

    movement: BankLine
    id: str
    account: str
    balance: int | None


def decoded(data: bytes, encoding: str) -> str:
    """The text of a file.

    Raises:
        StatementError: it is not in that encoding; with the line on which it stops being so.
    """
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise StatementError(line, f"The text is not {encoding}.") from error
    except LookupError as error:
        raise StatementError(0, f"There is no encoding {encoding[:40]!r}.") from error


def _table(text: str, mapping: Mapping) -> Iterator[tuple[int, list[str]]]:
    """The lines of the table, the head first, each with its number in the file."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    try:
        for row in reader:
            told = reader.line_num > mapping.skip_lines and any(cell.strip() for cell in row)
            if told and not (mapping.comment and row[0].startswith(mapping.comment)):
                yield reader.line_num, row
    except csv.Error as error:
        raise StatementError(reader.line_num, f"This is not CSV: {error}.") from error


def _day_reader(day_format: str) -> Callable[[str, int], date]:
    @lru_cache(maxsize=4096)
    def parse(text: str) -> date:
        return datetime.strptime(text, day_format).date()  # noqa: DTZ007 - a day has no zone

    def read(text: str, line: int) -> date:
        try:
            return parse(text)
        except ValueError as error:
            raise StatementError(line, f"{text[:40]!r} is not a day as {day_format}.") from error

    return read


class _Reader:
    """Reads the table's lines by a mapping and the head that it met."""

    def __init__(self, mapping: Mapping, head: list[str], line: int) -> None:
        self._mapping = mapping
        self._width = len(head)
        self._day = _day_reader(mapping.day_format)
        names = [name.strip() for name in head]
        self._at: dict[str, int] = {}
        for field in mapping.columns.__struct_fields__:
            name = getattr(mapping.columns, field)
            if name and names.count(name) != 1:
                raise StatementError(line, f"The head has no column {name!r}, or has it twice.")
            if name:
                self._at[field] = names.index(name)

    def _cell(self, row: list[str], field: str) -> str:
        at = self._at.get(field)
        return "" if at is None else row[at].strip()

    def _magnitude(self, text: str, currency: str, line: int) -> int:
        """Minor units of a text with the mapping's separators, negative after a minus."""
        mapping = self._mapping
        plain = text.replace(mapping.thousands, "") if mapping.thousands else text
        negative = plain.startswith("-")
        plain = plain.removeprefix("-") if negative else plain.removeprefix("+")
        if mapping.decimal == ",":
            if "." in plain:
                raise StatementError(line, f"{text[:40]!r} is not an amount.")
            plain = plain.replace(",", ".")
        amount = exact_amount(plain, currency, line)
        return -amount if negative else amount

    def _amount(self, row: list[str], currency: str, line: int) -> int:
        sign = self._mapping.sign
        if sign.rule == "two_columns":
            texts = [self._cell(row, "credit"), self._cell(row, "debit")]
            if not any(texts):
                raise StatementError(line, "The line has no amount.")
            came, went = (self._magnitude(t, currency, line) if t else 0 for t in texts)
            amount = came - abs(went)
        else:
            amount = self._magnitude(self._cell(row, "amount"), currency, line)
        if sign.rule == "indicator":
            word = self._cell(row, "indicator")
            if word not in (*sign.out, *sign.into):
                raise StatementError(line, f"{word[:40]!r} is neither out nor into.")
            amount = -amount if word in sign.out else amount
        return -amount if sign.inverted else amount

    def read(self, row: list[str], line: int) -> MappedLine:
        """One line of the table."""
        if len(row) != self._width:
            raise StatementError(line, f"The line has {len(row)} cells, the head {self._width}.")
        currency = self._cell(row, "currency") or self._mapping.currency
        balance = self._cell(row, "balance")
        movement = BankLine(
            line=line,
            day=self._day(self._cell(row, "day"), line),
            amount=self._amount(row, currency, line),
            currency=currency,
            reference=shortened(self._cell(row, "reference")),
            bank_reference=shortened(self._cell(row, "bank_reference")),
            counterparty=shortened(self._cell(row, "counterparty")),
            text=shortened(self._cell(row, "text")),
        )
        return MappedLine(
            movement,
            self._cell(row, "id"),
            self._cell(row, "account") or self._mapping.account,
            self._magnitude(balance, currency, line) if balance else None,
        )


def mapped_lines(data: bytes, mapping: Mapping) -> Iterator[MappedLine]:
    """The lines of a CSV file in its order.

    Raises:
        StatementError: the file or a line is not as the mapping says.
    """
    table = _table(decoded(data, mapping.encoding), mapping)
    line, head = next(table, (0, []))
    if not head:
        raise StatementError(0, "The file has no head.")
    reader = _Reader(mapping, head, line)
    for line, row in table:
        yield reader.read(row, line)


def _balances(lines: list[MappedLine]) -> tuple[Balance, ...]:
    """Opening and closing by currency; each line's balance is the one before and its movement.

    Raises:
        StatementError: a line's balance is not.
    """
    found: dict[str, Balance] = {}
    for movement, _, _, after in lines:
        if after is None:
            continue
        held = found.get(movement.currency)
        before = after - movement.amount if held is None else held.closing
        if before + movement.amount != after:
            raise StatementError(movement.line, "The balance is not the one before and the amount.")
        opening = before if held is None else held.opening
        found[movement.currency] = Balance(movement.currency, opening, after, movement.line)
    return tuple(found[currency] for currency in sorted(found))


def read_mapped_csv(data: bytes, mapping: Mapping) -> list[BankStatement]:
    """The statements of a file, one an account.

    Raises:
        StatementError: the file is not as the mapping says, or its balances do not add up.
    """
    by_account: dict[str, list[MappedLine]] = {}
    for line in mapped_lines(data, mapping):
        by_account.setdefault(line.account, []).append(line)
    if not by_account:
        raise StatementError(0, "The file has no lines.")
    return [
        BankStatement(account, "", _balances(lines), tuple(line.movement for line in lines))
        for account, lines in by_account.items()
    ]
