"""Both sides of a reconciliation as columns, in one order whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from tallystick.reconciliation.matching.entry import Entry

__all__ = ["SCHEMA", "Flags", "Numbers", "Side", "frame_of", "open_codes", "shared_codes"]

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SCHEMA: Final[dict[str, Any]] = {
    "id": pl.String, "day": pl.Int32, "amount": pl.Int64, "currency": pl.String,
    "reference": pl.String, "bank_reference": pl.String, "counterparty": pl.String,
}  # fmt: skip
"""The columns of a side. `id` is unique; `day` counts from 1970-01-01; `amount` is in minor units,
positive for money that came into the account; empty texts say that there is none."""

_SUM_MAX: Final = float(2**62)


def frame_of(entries: Iterable[Entry]) -> pl.DataFrame:
    """A side's frame of rows."""
    return pl.DataFrame(list(entries), schema=SCHEMA, orient="row")


class Side:
    """One side: its rows in the order of their ids, with what is still open of it."""

    def __init__(self, frame: pl.DataFrame) -> None:
        frame = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("id")
        frame = frame.with_columns(pl.col(pl.String).fill_null(""))
        if frame["id"].n_unique() != frame.height or frame["id"].null_count():
            raise ValueError("the ids of a side must be unique")
        self.frame = frame
        self.ids = frame["id"]
        self.day: Numbers = frame["day"].cast(pl.Int64).to_numpy()
        self.amount: Numbers = frame["amount"].to_numpy()
        if float(np.abs(self.amount.astype(np.float64)).sum()) > _SUM_MAX:
            raise ValueError("the amounts of a side are too large to be added up")
        self.group: Numbers = np.full(frame.height, -1, np.int64)

    @property
    def open(self) -> Flags:
        """Which rows are in no group yet."""
        return self.group < 0


def shared_codes(
    left: pl.DataFrame, right: pl.DataFrame, left_by: list[str], right_by: list[str]
) -> tuple[Numbers, Numbers, int]:
    """A number for each row of both, the same where the columns are; -1 where a text is empty.

    The numbers stand in no order that says anything.
    """
    names = [f"k{at}" for at in range(len(left_by))]
    both = pl.concat(
        [
            left.select([pl.col(c).alias(n) for c, n in zip(left_by, names, strict=True)]),
            right.select([pl.col(c).alias(n) for c, n in zip(right_by, names, strict=True)]),
        ]
    )
    whole = pl.all_horizontal(
        [pl.col(n).fill_null("") != "" for n in names if both.schema[n] == pl.String]
    )
    text = pl.concat_str([pl.col(n).cast(pl.String) for n in names], separator="\x1f")
    keys = both.select(pl.when(whole).then(text).alias("k"))["k"].cast(pl.Categorical)
    codes: Numbers = keys.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    return codes[: left.height], codes[left.height :], int(codes.max(initial=-1)) + 1


def open_codes(
    left: Side, right: Side, left_by: list[str], right_by: list[str]
) -> tuple[Numbers, Numbers, int]:
    """The same for all rows of two sides, with -1 for rows that are in a group already."""
    rows, codes = [], []
    for side, by in ((left, left_by), (right, right_by)):
        told = pl.all_horizontal([pl.col(c) != "" for c in by if side.frame.schema[c] == pl.String])
        rows.append(np.flatnonzero(side.open & side.frame.select(told.alias("k"))["k"].to_numpy()))
        codes.append(np.full(side.frame.height, -1, np.int64))
    *found, size = shared_codes(left.frame[rows[0]], right.frame[rows[1]], left_by, right_by)
    for code, mine, numbers in zip(codes, rows, found, strict=True):
        code[mine] = numbers
    return codes[0], codes[1], size
