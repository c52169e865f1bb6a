"""One statement for many rows: what PostgreSQL would else be told once for each of them.

The statements are those that the port's callers write for one row, `INSERT … VALUES (?, …)` and
`UPDATE … SET a = ?, … WHERE key = ?`; other forms are left to be run once a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

__all__ = ["Form", "form_of", "parts_of"]

_LARGEST: Final = 64
_INSERT: Final = re.compile(
    r"(INSERT INTO \w+ \(([^)]*)\) VALUES )\((?:\?, )*\?\)( ON CONFLICT (?:\(([^)]*)\) )?DO .*)?",
    re.DOTALL,
)
_UPDATE: Final = re.compile(r"UPDATE (\w+) SET ((?:\w+ = \?, )*\w+ = \?) WHERE (\w+) = \?")


class Form(NamedTuple):
    """How a statement is written for many rows.

    Args:
        head, tail: what stands before and after the rows.
        width: the values of a row.
        key: the places of the values that may not come twice in one statement.
        typed: whether each value must say its type itself, which NULL does not.
    """

    head: str
    tail: str
    width: int
    key: tuple[int, ...]
    typed: bool

    def fits(self, rows: Sequence[Sequence[Any]]) -> bool:
        """Whether these rows may stand in one statement."""
        if self.typed and any(value is None for row in rows for value in row):
            return False
        if not self.key:
            return True
        return len({tuple(row[at] for at in self.key) for row in rows}) == len(rows)

    @lru_cache(maxsize=1024)  # noqa: B019 - forms are kept as long as the process lives
    def sql(self, count: int) -> str:
        """The statement for so many rows."""
        row = f"({', '.join('?' * self.width)})"
        return f"{self.head}{', '.join([row] * count)}{self.tail}"


@lru_cache(maxsize=512)
def form_of(sql: str) -> Form | None:
    """The form of a statement for one row; None when it has another shape."""
    if found := _INSERT.fullmatch(sql):
        columns = [name.strip() for name in found[2].split(",")]
        keyed = [name.strip() for name in (found[4] or "").split(",") if name.strip()]
        key = tuple(columns.index(name) for name in keyed)
        return Form(found[1], found[3] or "", len(columns), key, typed=False)
    if found := _UPDATE.fullmatch(sql):
        table, key_name = found[1], found[3]
        names = [part.partition(" ")[0] for part in found[2].split(", ")]
        head = f"UPDATE {table} SET {', '.join(f'{n} = many.{n}' for n in names)} FROM (VALUES "  # noqa: S608 - names are ours
        listed = ", ".join([*names, "key_"])
        tail = f") AS many({listed}) WHERE {table}.{key_name} = many.key_"
        return Form(head, tail, len(names) + 1, (len(names),), typed=True)
    return None


def parts_of(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows in parts of a few sizes, so that there are few statements to prepare."""
    at, size = 0, _LARGEST
    while at < len(rows):
        while size > len(rows) - at:
            size //= 2
        yield rows[at : at + size]
        at += size
