"""Columns of text to columns of numbers, strictly: what is not exactly a number is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Floats, Ints

__all__ = ["MALFORMED", "amounts", "booleans", "identifiers", "times"]

_ID_MAX: Final = 2**63 - 1
_NUMBER_SIGNS: Final = frozenset("0123456789.eE+-")
_TIME_WIDTH: Final = len("2020-01-09 18:08:45.162")
_SEPARATORS: Final = {4: "-", 7: "-", 10: " ", 13: ":", 16: ":"}
_DIGITS: Final = [p for p in range(19) if p not in _SEPARATORS]
_DAY_MS: Final = 86_400_000
_MONTH_DAYS: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def identifiers(texts: Sequence[str]) -> Ints:
    """Ids: digits that fit a signed 64-bit number.

    Raises:
        ValueError: one is not; which is not said.
    """
    joined = "".join(texts)
    if not (joined.isascii() and joined.isdecimal()) or not all(texts):
        raise ValueError
    numbers = list(map(int, texts))
    if max(numbers) > _ID_MAX:
        raise ValueError
    return np.array(numbers, np.int64)


def amounts(texts: Sequence[str]) -> Floats:
    """Finite decimal numbers, 0 or more, as 64-bit floats as the specification has them."""
    if not _NUMBER_SIGNS.issuperset("".join(texts)):
        raise ValueError
    numbers = np.array(list(map(float, texts)), np.float64)
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError
    return numbers


def booleans(texts: Sequence[str]) -> NDArray[np.bool_]:
    """`true` or `false`."""
    if not set(texts) <= {"true", "false"}:
        raise ValueError
    return np.array([text == "true" for text in texts], np.bool_)


def times(texts: Sequence[str]) -> Ints:
    """Times in UTC, `2020-01-09 18:08:45` and up to three decimals, or ms since 1970; in ms."""
    if "".join(texts).isdecimal():
        return identifiers(texts)
    if any(map(str.isdecimal, texts)):
        return np.concatenate([times([text]) for text in texts])
    if len(texts) and max(map(len, texts)) > _TIME_WIDTH:
        raise ValueError
    letters = np.array(texts, f"S{_TIME_WIDTH}").view(np.uint8).reshape(len(texts), _TIME_WIDTH)
    digits = letters.astype(np.int16) - ord("0")
    _check_shape(letters, digits)
    year = digits[:, 0:4] @ np.array([1000, 100, 10, 1])
    month, day = _two(digits, 5), _two(digits, 8)
    hour, minute, second = _two(digits, 11), _two(digits, 14), _two(digits, 17)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if ((month < 1) | (month > 12)).any():
        raise ValueError
    last = _MONTH_DAYS[month] + ((month == 2) & leap)
    if ((day < 1) | (day > last) | (hour > 23) | (minute > 59) | (second > 59)).any():
        raise ValueError
    decimals = np.where(letters[:, 20:23] == 0, 0, digits[:, 20:23])
    ms = decimals @ np.array([100, 10, 1])
    seconds = hour * 3600 + minute * 60 + second
    return np.asarray(_days(year, month, day) * _DAY_MS + seconds * 1000 + ms, np.int64)


def _check_shape(letters: NDArray[np.uint8], digits: NDArray[np.int16]) -> None:
    for place, sign in _SEPARATORS.items():
        if (letters[:, place] != ord(sign)).any():
            raise ValueError
    fixed = digits[:, _DIGITS]
    if ((fixed < 0) | (fixed > 9)).any():
        raise ValueError
    dot, decimals = letters[:, 19], digits[:, 20:23]
    ended = letters[:, 20:23] == 0
    plain = (dot == 0) & ended.all(axis=1)
    counted = (dot == ord(".")) & ~ended[:, 0] & (ended[:, 2] | ~ended[:, 1])
    good = ((decimals >= 0) & (decimals <= 9) | ended).all(axis=1)
    if not ((plain | counted) & good).all():
        raise ValueError


def _two(digits: NDArray[np.int16], place: int) -> Ints:
    return digits[:, place].astype(np.int64) * 10 + digits[:, place + 1]


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 of dates in the Gregorian calendar, years beginning in March."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return np.asarray(era * 146_097 + day_of_era - 719_468, np.int64)


MALFORMED: Final[dict[Callable[[Sequence[str]], NDArray[np.generic]], str]] = {
    identifiers: "is not an id (digits, below 2^63)",
    amounts: "is not a number, 0 or more",
    booleans: "is neither true nor false",
    times: "is not a time (2020-01-09 18:08:45.162, or ms since 1970)",
}
"""What to say of a text that is refused."""
