"""Columns as a model sees them: numbers, with missing and special values apart, or words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tallystick.credit.score.errors import DataError
from tallystick.credit.score.tables import Table

__all__ = [
    "Column", "ColumnSpec", "Floats", "Ints", "MISSING", "Numbers", "Words", "describe",
    "is_number", "parse", "take",
]  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none given", "?"})
"""Cells without a value, in small letters."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_SPECIALS_MAX: Final = 3
_WORDS_SHARE_MAX: Final = 0.5


class ColumnSpec(msgspec.Struct, frozen=True):
    """What a column of a file holds.

    Args:
        name: of the column.
        numeric: whether it holds numbers, else words.
        specials: cells of a column of numbers that stand for something else: words among the
            numbers, and the values that were named as special.
    """

    name: str
    numeric: bool
    specials: tuple[str, ...] = ()


class Numbers(NamedTuple):
    """Numbers: `values` with NaN where there is none, and `kinds`, which says why.

    A kind is 0 for a number, 1 for a missing one, and 2 + i for the i-th special value.
    """

    values: Floats
    kinds: Ints


class Words(NamedTuple):
    """Words; an empty one is missing."""

    values: NDArray[np.str_]


Column = Numbers | Words


def describe(name: str, cells: Sequence[str], specials: Sequence[str] = ()) -> ColumnSpec:
    """Find out what a column holds.

    It holds numbers if at least half of the cells with a value are numbers and at most three
    different words are among them; those words become special values.
    """
    distinct = dict.fromkeys(cells)
    words = [cell for cell in distinct if cell.lower() not in MISSING and not is_number(cell)]
    named = [value for value in specials if value in distinct]
    extra = tuple(word for word in words if word not in named)
    if len(words) <= _SPECIALS_MAX:
        lost = set(words)
        share = sum(cell in lost for cell in cells) / max(1, len(cells))
        numbers = any(is_number(cell) for cell in distinct)
        if numbers and share < _WORDS_SHARE_MAX:
            return ColumnSpec(name, True, (*named, *extra))
    return ColumnSpec(name, False)


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number."""
    return _NUMBER.fullmatch(cell) is not None


def parse(spec: ColumnSpec, table: Table) -> Column:
    """A column's values.

    Raises:
        DataError: the column is not there, or a cell of a column of numbers is neither a number,
            nor missing, nor one of its special values.
    """
    cells = table.column(spec.name)
    if not spec.numeric:
        return Words(np.array(["" if c.lower() in MISSING else c for c in cells], dtype=np.str_))
    values = np.full(len(cells), np.nan)
    kinds = np.zeros(len(cells), np.int64)
    special = {cell: 2 + at for at, cell in enumerate(spec.specials)}
    for at, cell in enumerate(cells):
        if cell in special:
            kinds[at] = special[cell]
        elif cell.lower() in MISSING:
            kinds[at] = 1
        elif is_number(cell):
            values[at] = float(cell)
        else:
            problem = f"{cell[:40]!r} is not a number"
            raise DataError(table.file, problem, line=table.lines[at], column=spec.name)
    return Numbers(values, kinds)


def take(columns: dict[str, Column], rows: Ints) -> dict[str, Column]:
    """The same columns, of some rows."""
    return {name: Words(column.values[rows]) if isinstance(column, Words)
            else Numbers(column.values[rows], column.kinds[rows])
            for name, column in columns.items()}  # fmt: skip
