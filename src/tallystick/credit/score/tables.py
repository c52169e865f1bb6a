"""Files of people: CSV, plain or gzip, one row a person, read whole and checked."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.credit.score.errors import DataError

__all__ = ["Table", "read_table"]

_TYPES: Final = (".csv", ".csv.gz")
_OTHER_SIGNS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Table(NamedTuple):
    """A file's cells as they are written.

    Args:
        file: its name, for what is said about it.
        columns: the cells of each column, by its name, in the file's order.
        lines: the line on which each row ends, counted from 1.
    """

    file: str
    columns: dict[str, list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """A column's cells; refused by name if it is not there."""
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise DataError(self.file, f"there is no column {name!r}; there are {known}")
        return self.columns[name]


def read_table(path: Path) -> Table:
    """Read a file whole.

    Raises:
        DataError: not .csv or .csv.gz, not UTF-8, no or doubled column names, no rows, or a row
            with another number of fields; it says where.
        OSError: it cannot be read.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(path.name, f"{error}", line=reader.line_num) from error
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise DataError(path.name, "the file is empty")
    names = _names(path.name, rows[0])
    for row, line in zip(rows, lines, strict=False):
        if len(row) != len(names):
            problem = f"{len(row)} fields where the header has {len(names)}"
            raise DataError(path.name, problem, line=line)
    cells = zip(*rows[1:], strict=True) if len(rows) > 1 else ((),) * len(names)
    columns = {name: [cell.strip() for cell in column]
               for name, column in zip(names, cells, strict=True)}  # fmt: skip
    return Table(path.name, columns, lines[1 : len(rows)])


def _text(path: Path) -> str:
    if not path.name.lower().endswith(_TYPES):
        raise DataError(path.name, f"an unknown type of file; known are {' and '.join(_TYPES)}")
    data = path.read_bytes()
    try:
        if path.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(path.name, f"not UTF-8 at byte {error.start}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path.name, f"not a whole gzip file: {error}") from error


def _names(file: str, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    for sign, called in _OTHER_SIGNS.items():
        if len(names) == 1 and sign in header[0]:
            raise DataError(file, f"fields are separated by {called}, not by commas", line=1)
    if not all(names):
        raise DataError(file, f"column {names.index('') + 1} has no name", line=1)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(file, f"the column {twice[0]!r} is there twice", line=1)
    return names
