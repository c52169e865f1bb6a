"""Reading a query's parameters by the specification's names, strictly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tallystick.risk.graph.answers import Arguments
from tallystick.risk.graph.errors import QueryError
from tallystick.risk.graph.steps import ALL_EDGES, Truncation, TruncationOrder, Window, untimed

__all__ = ["ParameterKind", "Values", "arguments", "typed"]

_INT64_MAX: Final = 2**63 - 1
_INT32_MAX: Final = 2**31 - 1


class ParameterKind(StrEnum):
    """What a parameter is."""

    ID = "id"
    TIME = "time"
    AMOUNT = "amount"
    VALUE = "value"
    LIMIT = "limit"
    ORDER = "order"
    BOOLEAN = "boolean"
    TEXT = "text"
    COUNT = "count"
    IDS = "ids"


_K = ParameterKind
_TRUNCATION: Final = frozenset({"truncationLimit", "truncationOrder"})
_TEXT_MAX: Final = 256
_COUNT_MAX: Final = 10_000


def typed(
    query: str,
    wanted: Mapping[str, ParameterKind],
    given: Mapping[str, object],
    optional: frozenset[str] = _TRUNCATION,
) -> dict[str, object]:
    """The parameters of a query, each read as what it is.

    Args:
        optional: those that may be left out. Without a truncation every edge is followed.

    Raises:
        QueryError: one is missing, not known or not of its kind; says which.
    """
    strange = [name for name in given if name not in wanted]
    if strange:
        raise QueryError(
            f"{query} has no parameter {strange[0][:40]!r}; it has {', '.join(wanted)}"
        )
    missing = [name for name in wanted if name not in given and name not in optional]
    if missing:
        raise QueryError(f"{query} needs the parameter {missing[0]}")
    return {name: _value(query, name, wanted[name], text) for name, text in given.items()}


def _value(query: str, name: str, kind: ParameterKind, given: object) -> object:
    try:
        return _READERS[kind](given)
    except (ValueError, TypeError, OverflowError):
        shown = repr(given)[:60]
        raise QueryError(f"{query}, {name}: {shown} is not {_MEANING[kind]}") from None


def _whole(given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        raise TypeError
    text = str(given)
    if not text.isascii() or not text.removeprefix("-").isdecimal():
        raise ValueError
    number = int(text)
    if not least <= number <= most:
        raise ValueError
    return number


def _amount(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        raise TypeError
    number = float(given)
    if not math.isfinite(number) or (isinstance(given, str) and "_" in given):
        raise ValueError
    return number


def _value_of_edge(given: object) -> float:
    number = _amount(given)
    if number < 0:
        raise ValueError
    return number


def _boolean(given: object) -> bool:
    if given in (True, "true"):
        return True
    if given in (False, "false"):
        return False
    raise ValueError


def _text(given: object) -> str:
    if not isinstance(given, str) or len(given) > _TEXT_MAX:
        raise ValueError
    return given


def _ids(given: object) -> list[int]:
    texts = given.split(",") if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= _COUNT_MAX:
        raise ValueError
    return [_whole(text, 0, _INT64_MAX) for text in texts]


_READERS: Final = {
    _K.ID: lambda given: _whole(given, 0, _INT64_MAX),
    _K.TIME: lambda given: _whole(given, -_INT64_MAX, _INT64_MAX),
    _K.AMOUNT: _amount,
    _K.VALUE: _value_of_edge,
    _K.LIMIT: lambda given: _whole(given, 1, _INT32_MAX),
    _K.ORDER: lambda given: TruncationOrder(str(given)),
    _K.BOOLEAN: _boolean,
    _K.TEXT: _text,
    _K.COUNT: lambda given: _whole(given, 1, _COUNT_MAX),
    _K.IDS: _ids,
}

_MEANING: Final = {
    _K.ID: "an id: digits, below 2^63",
    _K.TIME: "a time in milliseconds since 1970 UTC",
    _K.AMOUNT: "a number",
    _K.VALUE: "a number, 0 or more",
    _K.LIMIT: "a number of edges, 1 or more",
    _K.ORDER: f"one of {', '.join(TruncationOrder)}",
    _K.BOOLEAN: "true or false",
    _K.TEXT: f"a text of at most {_TEXT_MAX} characters",
    _K.COUNT: f"a number from 1 to {_COUNT_MAX}",
    _K.IDS: "a list of ids, or ids with commas between",
}


def arguments(wanted: Mapping[str, ParameterKind], values: Mapping[str, object]) -> Arguments:
    """What a read is asked, from parameters that were read."""

    def of(kind: ParameterKind) -> list[object]:
        return [values[name] for name in wanted if wanted[name] is kind and name in values]

    window = Window(*map(_int, of(_K.TIME))) if "startTime" in wanted else untimed
    limit = values.get("truncationLimit")
    order = values.get("truncationOrder", ALL_EDGES.order)
    assert isinstance(order, TruncationOrder)
    return Arguments(
        tuple(map(_int, of(_K.ID))),
        tuple(map(_float, of(_K.AMOUNT))),
        window,
        Truncation(None if limit is None else _int(limit), order),
    )


class Values:
    """Parameters that were read; asked for by name and kind."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return name in self._values

    def number(self, name: str, otherwise: int | None = None) -> int:
        """An id, a time or a count."""
        value = self._values.get(name, otherwise)
        assert isinstance(value, int)
        return value

    def amount(self, name: str) -> float:
        """An amount or a ratio."""
        value = self._values[name]
        assert isinstance(value, float)
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        return self._values.get(name) is True

    def text(self, name: str) -> str:
        """A text."""
        return str(self._values[name])

    def numbers(self, name: str) -> list[int]:
        """Ids; none if they were left out."""
        values = self._values.get(name, [])
        assert isinstance(values, list)
        return values

    @property
    def window(self) -> Window:
        """From startTime to endTime, all times where one was left out."""
        return Window(
            self.number("startTime", untimed.start_ms), self.number("endTime", untimed.end_ms)
        )

    def arguments(self, wanted: Mapping[str, ParameterKind], vertex_id: int) -> Arguments:
        """What the read inside a read-write is asked of a vertex."""
        names = {"startTime": _K.TIME, "endTime": _K.TIME}
        return arguments(names, self._values)._replace(
            ids=(vertex_id,), thresholds=tuple(self.amount(n) for n in wanted if n in self._values)
        )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _float(value: object) -> float:
    assert isinstance(value, float)
    return value
