"""Reading stored rows: one interface for views, whether inside a unit of work or beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from tallystick.store.connection import Connection
from tallystick.store.table import Row, Value, table_of

__all__ = ["ReadSession", "Rows"]

R = TypeVar("R", bound=Row)


class Rows(Protocol):
    """What a view may ask for. Lookups by key or a declared unique group give one row or None."""

    def get(self, row: type[R], *key: Value) -> R | None:
        """The row with this key."""
        ...

    def find(self, row: type[R], **equals: Value) -> R | None:
        """The row whose unique columns have these values."""
        ...

    def select(self, row: type[R], **equals: Value) -> list[R]:
        """All rows whose columns have these values, in key order."""
        ...


class ReadSession:
    """Committed rows, read over one connection; not for use by two threads at once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get(self, row: type[R], *key: Value) -> R | None:
        """The committed row with this key."""
        table = table_of(row)
        record = self.connection.execute(table.get_sql, key).fetchone()
        return None if record is None else table.decode(record)

    def find(self, row: type[R], **equals: Value) -> R | None:
        """The committed row whose unique columns have these values."""
        table = table_of(row)
        record = self.connection.execute(
            table.by_sql(tuple(equals)), tuple(equals.values())
        ).fetchone()
        return None if record is None else table.decode(record)

    def select(self, row: type[R], **equals: Value) -> list[R]:
        """All committed rows whose columns have these values, in key order."""
        table = table_of(row)
        sql = f"{table.by_sql(tuple(equals))} ORDER BY {', '.join(table.key)}"
        return [table.decode(r) for r in self.connection.execute(sql, tuple(equals.values()))]

    def query(self, row: type[R], tail: str, parameters: Sequence[Any] = ()) -> list[R]:
        """Rows of a table with a written tail: `WHERE … ORDER BY … LIMIT …`.

        The tail is code, never input: what comes from outside goes through `parameters`.
        """
        table = table_of(row)
        records = self.connection.execute(f"{table.select_sql} {tail}", tuple(parameters))
        return [table.decode(r) for r in records]
