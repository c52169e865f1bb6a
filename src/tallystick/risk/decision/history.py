"""Features over history: the same definitions as live, computed over columns in one pass each.

A pass walks the events in their order. Each key has a chain of its events that lie in the
window; what has left is taken off the chain's beginning. So a pass costs the same whatever the
window's length, and nothing is sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.decision.columns import Column, condition_over
from tallystick.risk.decision.features import Feature, WindowKey, window_of
from tallystick.risk.decision.language import parse

__all__ = ["History", "features_over"]

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


@cache
def _compiled() -> tuple[Any, Any]:
    """The passes, compiled; numba is loaded only when history is looked at."""
    from numba import njit

    @njit(cache=True, nogil=True)
    def counts(at, keys, member, amount, within, key_count, counted, summed):  # type: ignore[no-untyped-def]
        head = np.full(key_count, -1, np.int32)
        tail = np.full(key_count, -1, np.int32)
        number = np.zeros(key_count, np.int32)
        total = np.zeros(key_count, np.int64)
        after = np.full(len(at), -1, np.int32)
        for i in range(len(at)):
            k = keys[i]
            if k < 0:
                continue
            h = head[k]
            while h >= 0 and at[h] <= at[i] - within:
                number[k] -= 1
                total[k] -= amount[h]
                h = after[h]
            head[k] = h
            counted[i] = number[k]
            summed[i] = total[k]
            if member[i]:
                if h < 0:
                    head[k] = i
                else:
                    after[tail[k]] = i
                tail[k] = i
                number[k] += 1
                total[k] += amount[i]

    @njit(cache=True, nogil=True)
    def distinct(at, keys, member, pairs, within, key_count, pair_count, found):  # type: ignore[no-untyped-def]
        head = np.full(key_count, -1, np.int32)
        tail = np.full(key_count, -1, np.int32)
        number = np.zeros(key_count, np.int32)
        held = np.zeros(pair_count, np.int32)
        after = np.full(len(at), -1, np.int32)
        for i in range(len(at)):
            k = keys[i]
            if k < 0:
                continue
            h = head[k]
            while h >= 0 and at[h] <= at[i] - within:
                held[pairs[h]] -= 1
                if held[pairs[h]] == 0:
                    number[k] -= 1
                h = after[h]
            head[k] = h
            found[i] = number[k]
            if member[i]:
                if h < 0:
                    head[k] = i
                else:
                    after[tail[k]] = i
                tail[k] = i
                if held[pairs[i]] == 0:
                    number[k] += 1
                held[pairs[i]] += 1

    return counts, distinct


def _paired(left: Codes, right: Codes, right_count: int) -> tuple[Codes, int]:
    """A code for each pair of codes that occurs, and how many there are."""
    import polars as pl

    joined = left.astype(np.int64) * right_count + right
    ranks = pl.Series(joined).rank("dense").to_numpy().astype(np.int32) - 1
    return ranks, int(ranks.max(initial=-1)) + 1


class _Keyed(NamedTuple):
    codes: Codes
    """-1 where the event has no key."""
    filled: Codes
    keys: int


def _keys(history: History, by: tuple[str, ...]) -> _Keyed:
    codes, count, missing = None, 0, np.zeros(history.size, np.bool_)
    for name in by:
        column = history.columns[name]
        assert column.texts is not None, name
        own = column.values.astype(np.int32)
        empty = column.code_of("")
        if empty is not None:
            missing |= own == empty
        if codes is None:
            codes, count = own, len(column.texts)
        else:
            codes, count = _paired(codes, own, len(column.texts))
    assert codes is not None
    return _Keyed(np.where(missing, -1, codes).astype(np.int32), codes, count)


def _narrow(values: Ints) -> NDArray[Any]:
    """The same whole numbers in half the memory where they fit."""
    if len(values) and (values.max() > _SMALL_MAX or values.min() < -_SMALL_MAX):
        return values
    return values.astype(np.int32)


def _of_window(
    history: History, window: WindowKey, features: list[Feature], keyed: _Keyed
) -> Iterator[tuple[str, NDArray[Any]]]:
    counts, distinct = _compiled()
    size = history.size
    member = (
        condition_over(parse(window.where), history.columns, size)
        if window.where
        else np.ones(size, np.bool_)
    )
    amount = history.columns["amount"].values.astype(np.int64, copy=False)
    simple = [f for f in features if f.aggregate != "distinct"]
    if simple:
        counted, summed = np.zeros(size, np.int32), np.zeros(size, np.int64)
        counts(
            history.at_ms, keyed.codes, member, amount, window.within_ms, keyed.keys, counted,
            summed,
        )  # fmt: skip
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
            pairs, pair_count = _paired(
                keyed.filled, column.values.astype(np.int32), len(column.texts)
            )
            found = np.zeros(size, np.int32)
            distinct(
                history.at_ms, keyed.codes, member, pairs, window.within_ms, keyed.keys,
                pair_count, found,
            )  # fmt: skip
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
