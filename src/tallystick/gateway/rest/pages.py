"""Lists a page at a time: one way for every table, newest first, with a cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from tallystick.gateway.rest.fields import Shape
from tallystick.gateway.rest.operation import Call
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row, Value

__all__ = ["Listing", "Page", "page_of"]

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class Page(Shape, Generic[T], frozen=True, kw_only=True):
    """A page of a list. `next_cursor` continues it; null at the end."""

    items: list[T]
    next_cursor: str | None


class Listing(NamedTuple):
    """A table that is listed by a moment and its key, newest first."""

    row: type[Row]
    moment: str
    key: str


def _found(
    rows: ReadSession, listing: Listing, equals: dict[str, Value], place: Any, limit: int
) -> list[Any]:
    clauses = [f"{column} = ?" for column, value in equals.items() if value != ""]
    values: list[Any] = [value for value in equals.values() if value != ""]
    moment, key = listing.moment, listing.key
    if place is not None:
        clauses.append(f"({moment} < ? OR ({moment} = ? AND {key} < ?))")
        values += [place[0], *place]
    where = f"WHERE {' AND '.join(clauses)} " if clauses else ""
    tail = f"{where}ORDER BY {moment} DESC, {key} DESC LIMIT ?"
    return rows.query(listing.row, tail, (*values, limit))


def page_of(
    call: Call,
    listing: Listing,
    show: Callable[[Any], T],
    *,
    limit: int,
    cursor: str,
    **equals: Value,
) -> Page[T]:
    """A page of a table's rows whose columns equal what is given; empty texts do not filter.

    Raises:
        Refused: CURSOR_INVALID.
    """
    filters = ",".join(f"{column}={value!r}" for column, value in sorted(equals.items()))
    scope = f"{listing.row.__name__}?{filters}"
    place = call.read_cursor(scope, cursor)
    found = _found(call.platform.rows, listing, equals, place, limit + 1)
    page = found[:limit]
    more = len(found) > limit
    last = (getattr(page[-1], listing.moment), getattr(page[-1], listing.key)) if more else None
    return Page(items=[show(row) for row in page], next_cursor=call.write_cursor(scope, last))
