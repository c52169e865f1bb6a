"""The habits of accounts in bounded memory: arrays of fixed width, a row an account.

A full table gives the row of the account that was seen least recently to a new one, so memory
never grows beyond `accounts_max` rows of `ROW_BYTES`. Habits are figures to compare with, never
money: they are floats, in the logarithm of minor units where they are of amounts.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.anomaly.sharers import Sharers

__all__ = ["FIGURES", "ROW_BYTES", "Figure", "Known", "ProfileFileError", "Profiles", "mark_of"]

FIGURES: Final = (
    "first_ms", "last_ms", "events", "payments", "log_sum", "log_squares", "recent", "wrong",
    "out", "into", "new_devices", "new_places", "new_payees", "trusted_ms", "taint",
)  # fmt: skip
"""What is kept of an account in one number each; `Figure` gives each its place.

`log_sum` and `log_squares` are sums of the natural logarithm of amounts and of its square;
`recent` counts events and fades with ten minutes, `wrong` counts wrong passwords and fades with
an hour, `out` and `into` are minor units and fade with a day. `new_…` count how often something
was new; what is new until `trusted_ms` is the owner's; `taint`, 0 to 1, is of money from what
looked like a mule, and fades with a day.
"""


class Figure(IntEnum):
    """Where each of `FIGURES` stands."""

    FIRST_MS = 0
    LAST_MS = 1
    EVENTS = 2
    PAYMENTS = 3
    LOG_SUM = 4
    LOG_SQUARES = 5
    RECENT = 6
    WRONG = 7
    OUT = 8
    INTO = 9
    NEW_DEVICES = 10
    NEW_PLACES = 11
    NEW_PAYEES = 12
    TRUSTED_MS = 13
    TAINT = 14


_DEVICES: Final = 4
_PLACES: Final = 6
_PAYEES: Final = 12
_HOURS: Final = 24
_DAY_MS: Final = 86_400_000
_FIRST_ROWS: Final = 1024
_FORMAT: Final = 2

Floats = NDArray[np.float64]


class ProfileFileError(Exception):
    """A file of profiles cannot be used; the text says why."""


def mark_of(text: str) -> int:
    """63 bits that stand for a text, the same in every process; 0 only for none."""
    if not text:
        return 0
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


class Known:
    """The few values of one kind that each account is known for: marks, counts, moments."""

    def __init__(self, width: int, rows: int = _FIRST_ROWS) -> None:
        self.width = width
        self.marks = np.zeros((rows, width), np.int64)
        self.counts = np.zeros((rows, width), np.int32)
        self.first_ms = np.zeros((rows, width), np.int64)
        self.last_ms = np.zeros((rows, width), np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The columns by name."""
        return {"marks": self.marks, "counts": self.counts, "first_ms": self.first_ms,
                "last_ms": self.last_ms}  # fmt: skip

    def grow(self, rows: int) -> None:
        """Make room for more accounts."""
        for name, array in self.arrays().items():
            grown = np.zeros((rows, self.width), array.dtype)
            grown[: len(array)] = array
            setattr(self, name, grown)

    def clear(self, row: int) -> None:
        """Forget an account."""
        for array in self.arrays().values():
            array[row] = 0

    def find(self, row: int, mark: int) -> int:
        """Where a mark stands, -1 for unknown."""
        marks: list[int] = self.marks[row].tolist()
        return marks.index(mark) if mark in marks else -1

    def learn(self, row: int, mark: int, at: int, at_ms: int, *, trusted: bool = False) -> None:
        """Count a mark that `find` gave a place; a new one takes that of the longest unseen.

        One that is trusted counts as known for a day.
        """
        if at < 0:
            last: list[int] = self.last_ms[row].tolist()
            at = last.index(min(last))
            self.marks[row, at] = mark
            self.counts[row, at] = 0
            self.first_ms[row, at] = at_ms - _DAY_MS if trusted else at_ms
        self.counts[row, at] += 1
        self.last_ms[row, at] = at_ms


def _known_bytes(width: int) -> int:
    return width * (8 + 4 + 8 + 8)


ROW_BYTES: Final = (
    _known_bytes(_DEVICES) + _known_bytes(_PLACES) + _known_bytes(_PAYEES)
    + 4 * _HOURS + 8 * len(FIGURES)
)  # fmt: skip
"""What an account takes in the arrays; its number and place in the index come on top."""


class Profiles:
    """Every account's habits, by party.

    Args:
        accounts_max: beyond so many the one that was seen least recently is forgotten.

    Attributes:
        position: the number of the last decision that was learned from.
        proved_ms: the moment of the last proof that was taken into account.
        sharers: which accounts use a device.
        crowd: count, sum and sum of squares of the logarithm of all amounts, fading.
        forgotten: how many accounts had to go.
    """

    def __init__(self, accounts_max: int = 200_000) -> None:
        self.accounts_max = accounts_max
        self.position = 0
        self.proved_ms = 0
        self.forgotten = 0
        self.sharers = Sharers()
        self.crowd = [0.0, 0.0, 0.0]
        self._rows: OrderedDict[str, int] = OrderedDict()
        self._room = min(_FIRST_ROWS, accounts_max)
        self.devices = Known(_DEVICES, self._room)
        self.places = Known(_PLACES, self._room)
        self.payees = Known(_PAYEES, self._room)
        self.hours = np.zeros((self._room, _HOURS), np.float32)
        self.figures: Floats = np.zeros((self._room, len(FIGURES)), np.float64)

    def __len__(self) -> int:
        return len(self._rows)

    def row_of(self, party: str) -> int:
        """An account's row, -1 for unknown."""
        return self._rows.get(party, -1)

    def row(self, party: str) -> int:
        """An account's row, made when it is new; it is now the one seen last."""
        found = self._rows.get(party)
        if found is not None:
            self._rows.move_to_end(party)
            return found
        if len(self._rows) >= self.accounts_max:
            _, row = self._rows.popitem(last=False)
            self.forgotten += 1
            self._clear(row)
        else:
            row = len(self._rows)
            if row >= self._room:
                self._grow()
        self._rows[party] = row
        return row

    def _clear(self, row: int) -> None:
        for known in (self.devices, self.places, self.payees):
            known.clear(row)
        self.hours[row] = 0
        self.figures[row] = 0

    def _grow(self) -> None:
        self._room = min(2 * self._room, self.accounts_max)
        for known in (self.devices, self.places, self.payees):
            known.grow(self._room)
        hours = np.zeros((self._room, _HOURS), np.float32)
        hours[: len(self.hours)] = self.hours
        figures = np.zeros((self._room, len(FIGURES)), np.float64)
        figures[: len(self.figures)] = self.figures
        self.hours, self.figures = hours, figures

    # Keeping over a restart.

    def _arrays(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {"hours": self.hours, "figures": self.figures}
        for name in ("devices", "places", "payees"):
            known: Known = getattr(self, name)
            found |= {f"{name}.{column}": array for column, array in known.arrays().items()}
        return found

    def save(self, path: Path) -> None:
        """Keep everything in a file, readable by its owner alone, so that it is whole or old."""
        size = len(self._rows)
        order = np.fromiter(self._rows.values(), np.int64, size)
        names = "\n".join(self._rows).encode()
        whole = {name: array[:size] for name, array in self._arrays().items()}
        state = np.array([_FORMAT, self.position, self.forgotten, size, self.proved_ms], np.int64)
        whole |= self.sharers.arrays()
        new = path.with_name(f"{path.name}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            whole |= {"state": state, "order": order, "crowd": np.array(self.crowd),
                      "names": np.frombuffer(names, np.uint8)}  # fmt: skip
            np.savez(file, allow_pickle=False, **whole)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    @classmethod
    def load(cls, path: Path, accounts_max: int = 200_000) -> Profiles:
        """What `save` kept.

        Raises:
            FileNotFoundError: there is none.
            ProfileFileError: it is damaged, of another version, or larger than the bound.
        """
        try:
            with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                return cls._from(dict(file), accounts_max)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ProfileFileError(f"{path.name} cannot be read") from error

    @classmethod
    def _from(cls, found: Mapping[str, NDArray[Any]], accounts_max: int) -> Profiles:
        form, position, forgotten, size, proved_ms = found["state"].tolist()
        names = found["names"].tobytes().decode().split("\n") if size else []
        if form != _FORMAT or size > accounts_max or len(names) != size:
            raise ProfileFileError("the profiles are of another version or size")
        made = cls(accounts_max)
        while made._room < size:
            made._grow()
        made.position, made.forgotten, made.proved_ms = position, forgotten, proved_ms
        made.sharers = Sharers.of_arrays(found)
        made.crowd = found["crowd"].tolist()
        made._rows = OrderedDict(zip(names, found["order"].tolist(), strict=True))
        for name, array in made._arrays().items():
            array[:size] = found[name]
        return made
