"""Files of accounts and transfers: JSON lines, CSV and Parquet, read a call at a time.

A row has the fields of an account or a transfer, as the ledger names them; `ledger` is another
name for `book`, and what is left out is 0. A row with any field that only transfers have is a
transfer. A 128-bit number is a whole number, or a text: 32 hexadecimal digits, or decimal ones.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tallystick.decoding import json_decoder
from tallystick.ledger.model import ID_MAX, Account, Transfer
from tallystick.ledger.ranges import check_account, check_transfer
from tallystick.ledger.records import Records, as_records, empty_records, joined, records_of

__all__ = ["CALL_ROWS", "BadRow", "Call", "calls_of_file"]

CALL_ROWS = 8000
"""Rows of one call; a chain that is longer than a call is not taken."""

_PARQUET_ROWS = 64 * CALL_ROWS
_ARROW_FILE = b"ARROW1"
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_LINKED = 1
_SHARED = (
    "id", "user_data_128", "user_data_64", "user_data_32", "book", "code", "flags",
)  # fmt: skip
_OF_TRANSFERS = ("debit_account_id", "credit_account_id", "amount", "pending_id", "timeout")
_WIDE = frozenset({"id", "user_data_128", "debit_account_id", "credit_account_id", "pending_id"})
_NARROW: Mapping[str, type[np.integer[Any]]] = {
    "amount": np.int64, "user_data_64": np.uint64, "user_data_32": np.uint32, "book": np.uint32,
    "timeout": np.uint32, "code": np.uint16, "flags": np.uint16,
}  # fmt: skip
_HEX_DIGITS = 32
_NUMBER_DIGITS = 39

Columns = dict[str, list[Any]]
Number = int | str


class BadRow(ValueError):
    """A row that cannot be taken.

    Args:
        line: its line in the file, or its row in a Parquet file, from 1.
        problem: what is wrong with it.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line


class Call(NamedTuple):
    """Rows that are one call to the ledger: all accounts, or all transfers.

    Args:
        end: how many rows of the file lie before its end.
        lines: the line of each row.
        metadata: what some of the rows carry, by their place.
    """

    end: int
    lines: Sequence[int]
    accounts: list[Account] | None
    transfers: Records | None
    metadata: Mapping[int, dict[str, str]] = {}


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    id: Number
    debit_account_id: Number | msgspec.UnsetType = msgspec.UNSET
    credit_account_id: Number | msgspec.UnsetType = msgspec.UNSET
    amount: int | msgspec.UnsetType = msgspec.UNSET
    pending_id: Number | msgspec.UnsetType = msgspec.UNSET
    timeout: int | msgspec.UnsetType = msgspec.UNSET
    user_data_128: Number = 0
    user_data_64: int = 0
    user_data_32: int = 0
    book: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0

    @property
    def is_transfer(self) -> bool:
        return any(getattr(self, name) is not msgspec.UNSET for name in _OF_TRANSFERS)


def wide_number(value: Number) -> int:
    """A 128-bit number as files write it.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str):
        if len(value) == _HEX_DIGITS:
            value = int.from_bytes(bytes.fromhex(value), "big")
        else:
            value = _digits(value)
    if not 0 <= value <= ID_MAX:
        raise ValueError(f"{value} is not a whole number of 128 bits")
    return value


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS):
        raise ValueError(f"{text[: _NUMBER_DIGITS + 1]!r} is not a whole number")
    return int(text)


# Columns to records.


def _transfers(columns: Columns, lines: Sequence[int]) -> Records:
    """Columns of numbers as records; only where one does not fit is each row looked at."""
    records = empty_records(len(lines))
    try:
        for name, column in columns.items():
            if name in _WIDE:
                if any(type(value) is str for value in column):
                    raise TypeError
                records[name][:, 1] = np.array(column, np.uint64)
            else:
                records[name] = np.array(column, _NARROW[name])
        if len(records) and records["amount"].min() < 0:
            raise OverflowError
    except (OverflowError, TypeError, ValueError):
        return records_of(list(_rows(columns, lines, Transfer, check_transfer)))
    return records


def _rows(
    columns: Columns, lines: Sequence[int], of: Callable[..., Any], check: Callable[[Any], None]
) -> Iterator[Any]:
    names = list(columns)
    for line, *values in zip(lines, *columns.values(), strict=True):
        try:
            record = of(
                **{
                    name: wide_number(value) if name in _WIDE else value
                    for name, value in zip(names, values, strict=True)
                }
            )
            check(record)
        except ValueError as error:
            raise BadRow(line, str(error)) from error
        yield record


def _call(end: int, columns: Columns, lines: Sequence[int], *, transfers: bool) -> Call:
    if transfers:
        return Call(end, lines, None, _transfers(columns, lines))
    return Call(end, lines, list(_rows(columns, lines, Account, check_account)), None)


# JSON lines.


def _json_parts(path: Path, skip: int) -> Iterator[Call]:
    decode = json_decoder(_Line)
    with path.open("rb") as file:
        file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
        numbered = ((n, text) for n, text in enumerate(file, start=1) if not text.isspace())
        end = sum(1 for _ in islice(numbered, skip))
        while part := list(islice(numbered, CALL_ROWS)):
            rows = []
            for line, text in part:
                try:
                    rows.append(decode(text))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise BadRow(line, str(error)) from error
            yield from _runs(end, rows, [line for line, _ in part])
            end += len(part)


def _runs(end: int, rows: list[_Line], lines: list[int]) -> Iterator[Call]:
    """Rows of one kind at a time."""
    start = 0
    while start < len(rows):
        kind = rows[start].is_transfer
        stop = start + 1
        while stop < len(rows) and rows[stop].is_transfer is kind:
            stop += 1
        run, at = rows[start:stop], lines[start:stop]
        names = (*_SHARED, *_OF_TRANSFERS) if kind else _SHARED
        columns = {name: [getattr(row, name) or 0 for row in run] for name in names}
        for i, row in enumerate(run):
            if row.ledger:
                if row.book:
                    raise BadRow(at[i], "book and ledger are the same field")
                columns["book"][i] = row.ledger
        yield _call(end + stop, columns, at, transfers=kind)
        start = stop


# CSV.


def _header(names: list[str]) -> list[str]:
    known = [*_SHARED, *_OF_TRANSFERS]
    fields = ["book" if name == "ledger" else name for name in names]
    for name, field in zip(names, fields, strict=True):
        if field not in known:
            raise BadRow(1, f"{name!r} is not a known field")
    if len(set(fields)) < len(fields) or "id" not in fields:
        raise BadRow(1, "the fields must have an id, and each only once")
    return fields


def _csv_parts(path: Path, skip: int) -> Iterator[Call]:
    try:
        yield from _csv_calls(path, skip)
    except UnicodeDecodeError as error:
        raise BadRow(_line_not_utf8(path), "the text is not UTF-8") from error


def _line_not_utf8(path: Path) -> int:
    """The first line that is not UTF-8; the decoder itself knows only its part of the file."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _csv_calls(path: Path, skip: int) -> Iterator[Call]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        _, names = next(_csv_rows(reader, None), (1, []))
        fields = _header(names)
        end = sum(1 for _ in islice(_csv_rows(reader, len(fields)), skip))
        while part := list(islice(_csv_rows(reader, len(fields)), CALL_ROWS)):
            lines = [line for line, _ in part]
            columns = {
                name: _csv_numbers(name, [row[i] for _, row in part], lines)
                for i, name in enumerate(fields)
            }
            end += len(part)
            yield _call(end, columns, lines, transfers=any(f in _OF_TRANSFERS for f in fields))


def _csv_rows(reader: Any, width: int | None) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their lines; each of so many fields."""
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadRow(max(1, reader.line_num), str(error)) from error
        if row is None:
            return
        if not row:
            continue
        if width is not None and len(row) != width:
            raise BadRow(reader.line_num, f"there are {len(row)} fields instead of {width}")
        yield reader.line_num, row


def _csv_numbers(name: str, column: list[str], lines: Sequence[int]) -> list[int]:
    read = wide_number if name in _WIDE else _digits
    numbers = []
    for line, value in zip(lines, column, strict=True):
        try:
            numbers.append(read(value) if value else 0)
        except ValueError as error:
            raise BadRow(line, f"{name}: {error}") from error
    return numbers


# Parquet.


def _parquet_parts(path: Path, skip: int) -> Iterator[Call]:
    from polars.exceptions import PolarsError

    try:
        yield from _parquet_calls(path, skip)
    except (OSError, PolarsError) as error:
        if getattr(error, "errno", None):
            raise
        said = str(error).strip().partition("\n")[0]
        raise BadRow(1, f"the file cannot be read as {path.suffix[1:]}: {said}") from error


def _scanned(path: Path) -> Any:
    """The rows of a Parquet or Arrow file, read as they are asked for; a stream is read whole."""
    import polars as pl

    if path.suffix.lower() == ".parquet":
        return pl.scan_parquet(path)
    with path.open("rb") as file:
        is_file = file.read(len(_ARROW_FILE)) == _ARROW_FILE
    return pl.scan_ipc(path) if is_file else pl.read_ipc_stream(path).lazy()


def _parquet_calls(path: Path, skip: int) -> Iterator[Call]:
    scan = _scanned(path)
    names = scan.collect_schema().names()
    transfers = any(name in _OF_TRANSFERS for name in _header(names))
    while True:
        window = scan.slice(skip, _PARQUET_ROWS).collect()
        if not window.height:
            return
        for at in range(0, window.height, CALL_ROWS):
            frame = window.slice(at, CALL_ROWS)
            first = skip + at
            yield _frame_call(frame, first, range(first + 1, first + frame.height + 1), transfers)
        skip += window.height


def _frame_call(frame: Any, first: int, lines: Sequence[int], transfers: bool) -> Call:
    import polars as pl

    end = first + frame.height
    if transfers and all(kind.is_integer() or kind == pl.Binary for kind in frame.dtypes):
        try:
            return Call(end, lines, None, as_records(frame))
        except (ValueError, pl.exceptions.PolarsError):
            pass  # Each row is looked at below, to say which it is.
    columns: Columns = {}
    for name in frame.columns:
        values = [0 if value is None else value for value in frame[name].to_list()]
        columns["book" if name == "ledger" else name] = [
            _parquet_number(name, value, line) for value, line in zip(values, lines, strict=True)
        ]
    return _call(end, columns, lines, transfers=transfers)


def _parquet_number(name: str, value: object, line: int) -> int:
    try:
        if isinstance(value, bytes) and name in _WIDE:
            if len(value) != _HEX_DIGITS // 2:
                raise ValueError(f"{len(value)} bytes instead of {_HEX_DIGITS // 2}")
            return int.from_bytes(value, "big")
        if isinstance(value, str) and name in _WIDE:
            return wide_number(value) if value else 0
        if type(value) is int:
            return value
        if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent == 0:
            return int(value)
    except ValueError as error:
        raise BadRow(line, f"{name}: {error}") from error
    raise BadRow(line, f"{name}: {str(value)[:60]!r} is not a whole number")


# Chains that go over the end of a part.


def _linked(call: Call) -> list[bool]:
    if call.accounts is not None:
        return [bool(a.flags & _LINKED) for a in call.accounts]
    assert call.transfers is not None
    return (call.transfers["flags"].astype(np.uint16) & _LINKED).astype(bool).tolist()  # type: ignore[no-any-return]


def _split(call: Call, at: int) -> tuple[Call | None, Call | None]:
    if at in (0, len(call.lines)):
        return (call, None) if at else (None, call)
    head, tail = (
        Call(
            end,
            call.lines[part],
            None if call.accounts is None else call.accounts[part],
            None if call.transfers is None else call.transfers[part],
        )
        for end, part in (
            (call.end - len(call.lines) + at, slice(0, at)),
            (call.end, slice(at, len(call.lines))),
        )
    )
    return head, tail


def _joined(first: Call, second: Call) -> Call:
    lines = [*first.lines, *second.lines]
    if first.accounts is not None and second.accounts is not None:
        return Call(second.end, lines, first.accounts + second.accounts, None)
    assert first.transfers is not None
    assert second.transfers is not None
    return Call(second.end, lines, None, joined(first.transfers, second.transfers))


def _whole_chains(parts: Iterator[Call]) -> Iterator[Call]:
    """The same rows, cut so that a chain is within one call."""
    left: Call | None = None
    for part in parts:
        if left is not None and (left.accounts is None) is (part.accounts is None):
            part = _joined(left, part)
        elif left is not None:
            yield left
        linked = _linked(part)
        at = len(linked)
        while at and linked[at - 1]:
            at -= 1
        if len(linked) - at > CALL_ROWS:
            raise BadRow(part.lines[at], f"a chain of more than {CALL_ROWS} rows")
        whole, left = _split(part, at)
        if whole is not None:
            yield whole
    if left is not None:
        yield left


def calls_of_file(path: Path, skip: int = 0) -> Iterator[Call]:
    """The calls that a file's rows make, by the ending of its name.

    Args:
        path: `.parquet`, `.arrow` (Arrow IPC), `.csv`, or JSON lines (any other ending).
        skip: how many rows to leave out at its begin.

    Raises:
        BadRow: a row that cannot be taken; what came before it was given.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_GZIP)) == _GZIP:
            raise BadRow(1, "the file is compressed; unpack it first")
    readers = {".parquet": _parquet_parts, ".arrow": _parquet_parts, ".csv": _csv_parts}
    reader = readers.get(path.suffix.lower(), _json_parts)
    return _whole_chains(reader(path, skip))
