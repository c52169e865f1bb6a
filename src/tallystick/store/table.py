"""Tables as typed rows: one frozen struct a row, its SQL written once from its fields.

A row type is an array-like `msgspec.Struct` whose fields are the columns, in order. Only
`int`, `str`, `bytes`, `bool`, string and integer enums, and `None` may stand in a field, so
that the same row fits SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from tallystick.decoding import convert

__all__ = ["Row", "Table", "Value", "table_of"]

Value = int | str | bytes | None


class Row(msgspec.Struct, frozen=True, array_like=True):
    """Base of every stored row: immutable; a change is `msgspec.structs.replace`."""


R = TypeVar("R", bound=Row)

_tables: dict[type[Row], Table[Any]] = {}


class Table(Generic[R]):
    """A table's name, row type, key, and the SQL to read and write it.

    `unique` names further column groups by which `find` may look a row up; each must have a
    unique index in the schema. `indexed` names column groups that `select` may filter by.
    """

    def __init__(
        self,
        name: str,
        row: type[R],
        key: tuple[str, ...],
        unique: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.name = name
        self.row = row
        self.key = key
        self.unique = unique
        self.columns: tuple[str, ...] = row.__struct_fields__
        self.key_at = tuple(self.columns.index(c) for c in key)
        listed = ", ".join(self.columns)
        self.select_sql = f"SELECT {listed} FROM {name}"  # noqa: S608 - names are ours
        rest = [c for c in self.columns if c not in key]
        update = ", ".join(f"{c} = excluded.{c}" for c in rest)
        action = f"DO UPDATE SET {update}" if rest else "DO NOTHING"
        self.upsert_sql = (
            f"INSERT INTO {name} ({listed}) "  # noqa: S608
            f"VALUES ({', '.join('?' * len(self.columns))}) "
            f"ON CONFLICT ({', '.join(key)}) {action}"
        )
        self.delete_sql = f"DELETE FROM {name} WHERE {self._where(key)}"  # noqa: S608
        self.get_sql = self.by_sql(key)
        _tables[row] = self

    @staticmethod
    def _where(columns: Sequence[str]) -> str:
        return " AND ".join(f"{c} = ?" for c in columns)

    def by_sql(self, columns: Sequence[str]) -> str:
        """The select statement for rows whose `columns` equal the parameters; none is all rows."""
        if not columns:
            return self.select_sql
        return f"{self.select_sql} WHERE {self._where(columns)}"

    def key_of(self, row: R) -> tuple[Value, ...]:
        """The row's key values, in key order."""
        return tuple(getattr(row, c) for c in self.key)

    def values(self, row: R) -> tuple[Value, ...]:
        """The row as parameters of `upsert_sql`."""
        return msgspec.structs.astuple(row)

    def decode(self, record: Sequence[Value]) -> R:
        """A database record as a row; a record that does not fit raises ValidationError."""
        return convert(record, self.row, strict=False)


def table_of(row: type[R]) -> Table[R]:
    """The table that holds rows of this type (KeyError if none was declared)."""
    return _tables[row]
