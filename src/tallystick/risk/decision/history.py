"""Features over history: the same definitions as live, computed over columns in sweeps.

Events are put in order by key, then time, once for each key. In that order what lies in a window
is a run that ends before the event, so that a sweep with two ends goes through memory in a line,
and costs the same whatever the window's length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.columns import Column, condition_over
from tallystick.risk.decision.features import SUM_MAX, Feature, WindowKey, window_of
from tallystick.risk.decision.language import parse

__all__ = ["Events", "History", "features_over"]

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

_SMALL_MAX: Final = 2**31 - 1


class History(NamedTuple):
    """Events in their order: moments (ms, never going back) and columns by fact."""

    at_ms: Ints
    columns: Mapping[str, Column]

    @property
    def size(self) -> int:
        """How many events."""
        return len(self.at_ms)


class Events(NamedTuple):
    """A history, which of it is known to be fraud or genuine, and from which scenario it is.

    Args:
        fraud: 1 fraud, 0 genuine, -1 not known.
    """

    history: History
    fraud: NDArray[np.int8]
    scenario: Column


@cache
def _compiled() -> tuple[Any, Any, Any]:
    """The sweeps, compiled; numba is loaded only when history is looked at."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def sorted_by(keys, key_count, before):  # type: ignore[no-untyped-def]
        """The places of `before` by key, those of a key as they were; without the key -1."""
        ends = np.zeros(key_count + 1, np.int64)
        for at in before:
            if keys[at] >= 0:
                ends[keys[at] + 1] += 1
        for k in range(key_count):
            ends[k + 1] += ends[k]
        order = np.empty(ends[key_count], np.int32)
        for at in before:
            if keys[at] >= 0:
                order[ends[keys[at]]] = at
                ends[keys[at]] += 1
        return order

    @njit(cache=True, nogil=True)
    def counts(order, begins, at, member, amount, within, counted, summed):  # type: ignore[no-untyped-def]
        every, sums = len(member) == 0, len(summed) > 0
        for s in range(len(begins) - 1):
            head, number, total = begins[s], 0, 0
            for i in range(begins[s], begins[s + 1]):
                until = at[i] - within
                while at[head] <= until:
                    if every or member[head]:
                        number -= 1
                        total -= amount[head]
                    head += 1
                counted[order[i]] = number
                if sums:
                    summed[order[i]] = total
                if every or member[i]:
                    number += 1
                    total += amount[i]

    @njit(cache=True, nogil=True)
    def distinct(order, begins, at, member, values, value_count, within, found):  # type: ignore[no-untyped-def]
        every = len(member) == 0
        held = np.zeros(value_count, np.int32)
        for s in range(len(begins) - 1):
            head, number = begins[s], 0
            for i in range(begins[s], begins[s + 1]):
                until = at[i] - within
                while at[head] <= until:
                    if every or member[head]:
                        held[values[head]] -= 1
                        if held[values[head]] == 0:
                            number -= 1
                    head += 1
                found[order[i]] = number
                if every or member[i]:
                    if held[values[i]] == 0:
                        number += 1
                    held[values[i]] += 1
            for i in range(head, begins[s + 1]):
                held[values[i]] = 0

    return sorted_by, counts, distinct


class _Keyed(NamedTuple):
    """Events in order by key, then time; those without the key are left out.

    Args:
        order: their places in the history.
        begins: where each key's run begins in the order, and the end.
    """

    order: Codes
    begins: Ints
    at_ms: Ints
    amount: Ints


def _keys(history: History, by: tuple[str, ...]) -> _Keyed:
    sorted_by, _, _ = _compiled()
    order: Codes = np.arange(history.size, dtype=np.int32)
    columns: list[Codes] = []
    for name in reversed(by):
        column = history.columns[name]
        assert column.texts is not None, name
        codes = column.values.astype(np.int32, copy=True)
        empty = column.code_of("")
        if empty is not None:
            codes[codes == empty] = -1
        order = sorted_by(codes, len(column.texts), order)
        columns.append(codes)
    first = np.zeros(len(order) + 1, np.bool_)
    first[[0, -1]] = True
    for codes in columns:
        of_run = codes[order]
        first[1:-1] |= of_run[1:] != of_run[:-1]
    begins = np.flatnonzero(first) if len(order) else np.zeros(1, np.int64)
    amount = history.columns["amount"].values.astype(np.int64, copy=False)
    return _Keyed(order, begins, history.at_ms[order], amount[order])


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """The same whole numbers, up to `SUM_MAX`, in half the memory where they fit."""
    if len(values) and (values.max() > _SMALL_MAX or values.min() < -_SMALL_MAX):
        ended: Ints = np.minimum(values, SUM_MAX).astype(np.int64, copy=False)
        return ended
    return values.astype(np.int32)


_EVERY: Final = np.zeros(0, np.bool_)
_NO_SUMS: Final = np.zeros(0, np.int64)


def _of_window(
    history: History, window: WindowKey, features: list[Feature], keyed: _Keyed
) -> Iterator[tuple[str, NDArray[Any]]]:
    _, counts, distinct = _compiled()
    size, (order, begins, at_ms, amount) = history.size, keyed
    member = _EVERY
    if window.where:
        member = condition_over(parse(window.where), history.columns, size)[order]
    simple = [f for f in features if f.aggregate != "distinct"]
    if simple:
        counted = np.zeros(size, np.int32)

        def summed_of(amounts: Ints) -> Ints:
            found = np.zeros(size, np.int64)
            counts(order, begins, at_ms, member, amounts, window.within_ms, counted, found)
            return found

        if all(f.aggregate == "count" for f in simple):
            counts(order, begins, at_ms, member, amount, window.within_ms, counted, _NO_SUMS)
            summed: NDArray[Any] = _NO_SUMS
        elif history.columns["amount"].peak * size < 2**63:
            summed = summed_of(amount)
        else:  # Beyond 64 bits: summed in halves.
            high, low = summed_of(amount >> 32), summed_of(amount & 0xFFFFFFFF)
            summed = high.astype(object) * 2**32 + low
        for feature in simple:
            if feature.aggregate == "count":
                yield feature.name, counted
            elif feature.aggregate == "sum":
                yield feature.name, _narrow(summed)
            else:
                mean = np.where(counted > 0, summed // np.maximum(counted, 1), 0)
                yield feature.name, _narrow(mean)
    for feature in features:
        if feature.aggregate == "distinct":
            column = history.columns[feature.of]
            assert column.texts is not None
            values = column.values.astype(np.int32, copy=False)[order]
            found = np.zeros(size, np.int32)
            distinct(
                order, begins, at_ms, member, values, len(column.texts), window.within_ms, found
            )
            yield feature.name, found


def features_over(
    history: History, features: Iterable[Feature]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each feature's value for each event, a feature at a time."""
    grouped: dict[tuple[str, ...], dict[WindowKey, list[Feature]]] = {}
    for feature in features:
        windows = grouped.setdefault(feature.by, {})
        windows.setdefault(window_of(feature), []).append(feature)
    for by, windows in grouped.items():
        keyed = _keys(history, by)
        for window, asked in windows.items():
            yield from _of_window(history, window, asked, keyed)
