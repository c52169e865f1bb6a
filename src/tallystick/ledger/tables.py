"""Hash tables from 128-bit ids to small numbers, for millions of ids in little memory.

Keys lie in two columns (high and low half) and are numbered in the order in which they came. A
table is one array of 64-bit places, open-addressed: each holds 32 bits of the key's hash above
the key's number plus one, and 0 where it is free. So a look-up of what is not there hardly ever
leaves the table. The hash is salted for each process: nobody outside can aim at one place.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.ledger.compiled import compiled

__all__ = ["IdTable", "chain_references", "find", "hashed", "insert", "room"]

U64 = npt.NDArray[np.uint64]

_LOAD_MAX = 0.65
_SMALLEST = 1 << 10


@compiled
def hashed(high: Any, low: Any, salt: Any) -> Any:
    """64 well mixed bits of an id."""
    x = (low ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(29))) + high * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def find(places: Any, highs: Any, lows: Any, salt: Any, high: Any, low: Any) -> Any:
    """The number of a key, or -1."""
    mask = np.uint64(places.size - 1)
    h = hashed(high, low, salt)
    print_ = h >> np.uint64(32)
    at = h & mask
    while True:
        place = places[at]
        if place == np.uint64(0):
            return -1
        if place >> np.uint64(32) == print_:
            number = np.int64(place & np.uint64(0xFFFFFFFF)) - 1
            if lows[number] == low and highs[number] == high:
                return number
        at = (at + np.uint64(1)) & mask


@compiled
def insert(places: Any, salt: Any, high: Any, low: Any, number: Any) -> None:
    """Give a key that is not there its number."""
    mask = np.uint64(places.size - 1)
    h = hashed(high, low, salt)
    at = h & mask
    while places[at] != np.uint64(0):
        at = (at + np.uint64(1)) & mask
    places[at] = ((h >> np.uint64(32)) << np.uint64(32)) | np.uint64(number + 1)


@compiled
def _insert_many(places: Any, highs: Any, lows: Any, salt: Any, first: int, count: int) -> None:
    for number in range(first, first + count):
        insert(places, salt, highs[number], lows[number], number)


@compiled
def _remove_newest(places: Any, highs: Any, lows: Any, salt: Any, first: int, count: int) -> None:
    """Take out the keys numbered `first` and on, the newest first, which leaves no gap."""
    mask = np.uint64(places.size - 1)
    for number in range(count - 1, first - 1, -1):
        wanted = np.uint64(number + 1)
        at = hashed(highs[number], lows[number], salt) & mask
        while places[at] & np.uint64(0xFFFFFFFF) != wanted:
            at = (at + np.uint64(1)) & mask
        places[at] = np.uint64(0)


@compiled
def _find_many(
    places: Any, highs: Any, lows: Any, salt: Any, wanted_h: Any, wanted_l: Any, out: Any
) -> None:
    for i in range(wanted_h.size):
        out[i] = find(places, highs, lows, salt, wanted_h[i], wanted_l[i])


@compiled
def chain_references(
    places: Any, highs: Any, lows: Any, salt: Any, count: int,
    wanted_h: Any, wanted_l: Any, entries: Any, heads: Any, previous: Any,
) -> int:  # fmt: skip
    """Chain entries of the same key, the newest first; returns how many keys there are then.

    Args:
        heads: by key the newest entry plus one.
        previous: by entry the one before it of the same key, plus one; 0 for none.
    """
    for i in range(wanted_h.size):
        number = find(places, highs, lows, salt, wanted_h[i], wanted_l[i])
        if number < 0:
            number = count
            highs[number], lows[number] = wanted_h[i], wanted_l[i]
            heads[number] = 0
            insert(places, salt, wanted_h[i], wanted_l[i], number)
            count += 1
        previous[entries[i]] = heads[number]
        heads[number] = entries[i] + 1
    return count


def room(column: npt.NDArray[Any], needed: int) -> npt.NDArray[Any]:
    """The column, or a longer copy with zeros behind when it is shorter than `needed`."""
    if needed <= column.size:
        return column
    longer = np.zeros(max(needed, 2 * column.size, _SMALLEST), column.dtype)
    longer[: column.size] = column
    return longer


class IdTable:
    """Ids, numbered in the order in which they were added.

    `places`, `highs` and `lows` are for compiled loops; `insert` into them is followed by
    `added`.
    """

    def __init__(self) -> None:
        self.count = 0
        self.salt = np.uint64(secrets.randbits(64))
        self.places: U64 = np.zeros(_SMALLEST * 2, np.uint64)
        self.highs: U64 = np.zeros(_SMALLEST, np.uint64)
        self.lows: U64 = np.zeros(_SMALLEST, np.uint64)

    def reserve(self, more: int) -> None:
        """Make room for so many more ids."""
        needed = self.count + more
        self.highs, self.lows = room(self.highs, needed), room(self.lows, needed)
        if needed <= self.places.size * _LOAD_MAX:
            return
        size = self.places.size
        while needed > size * _LOAD_MAX:
            size *= 2
        self.places = np.zeros(size, np.uint64)
        _insert_many(self.places, self.highs, self.lows, self.salt, 0, self.count)

    def add(self, highs: U64, lows: U64) -> None:
        """Add ids that are not there; they get the next numbers."""
        self.reserve(highs.size)
        first, last = self.count, self.count + highs.size
        self.highs[first:last], self.lows[first:last] = highs, lows
        _insert_many(self.places, self.highs, self.lows, self.salt, first, highs.size)
        self.count = last

    def find(self, highs: U64, lows: U64) -> npt.NDArray[np.int64]:
        """The number of each id, -1 for those that are not there."""
        out = np.empty(highs.size, np.int64)
        _find_many(self.places, self.highs, self.lows, self.salt, highs, lows, out)
        return out

    def shrink(self, count: int) -> None:
        """Forget all but the first `count` ids."""
        _remove_newest(self.places, self.highs, self.lows, self.salt, count, self.count)
        self.count = count

    def ids(self, first: int = 0) -> list[int]:
        """The ids themselves, from number `first` on."""
        pairs = zip(
            self.highs[first : self.count].tolist(), self.lows[first : self.count].tolist(),
            strict=True,
        )  # fmt: skip
        return [high << 64 | low for high, low in pairs]
