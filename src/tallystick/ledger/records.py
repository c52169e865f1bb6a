"""Transfers as NumPy record arrays: the journal's own layout, and ways into it.

`TRANSFERS` is the record type of bulk calls. A 128-bit number is a pair of 64-bit numbers, the
high half first: `records["id"][:, 1] = 7`. Fields left at 0 mean what they mean in `Transfer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.ledger.encoding import ACCOUNT_BYTES, ENTRY_BYTES, entry_record
from tallystick.ledger.model import Transfer
from tallystick.ledger.ranges import check_transfer

__all__ = [
    "OPENINGS", "TRANSFERS", "Records", "as_records", "empty_records", "halves", "joined",
    "records_of",
]  # fmt: skip

Records = npt.NDArray[np.void]

_U128 = (">u8", (2,))

TRANSFERS = np.dtype(
    [
        ("id", *_U128),
        ("debit_account_id", *_U128),
        ("credit_account_id", *_U128),
        ("pending_id", *_U128),
        ("user_data_128", *_U128),
        ("amount", ">i8"),
        ("user_data_64", ">u8"),
        ("timestamp", ">i8"),
        ("book", ">u4"),
        ("user_data_32", ">u4"),
        ("timeout", ">u4"),
        ("code", ">u2"),
        ("flags", ">u2"),
    ]
)
"""A transfer as a record, in network byte order as the journal has it."""

OPENINGS = np.dtype(
    [
        ("id", *_U128),
        ("user_data_128", *_U128),
        ("user_data_64", ">u8"),
        ("timestamp", ">i8"),
        ("book", ">u4"),
        ("user_data_32", ">u4"),
        ("code", ">u2"),
        ("flags", ">u2"),
    ]
)
"""An opened account as a record."""

assert TRANSFERS.itemsize == ENTRY_BYTES
assert OPENINGS.itemsize == ACCOUNT_BYTES

_WIDE = frozenset({"id", "debit_account_id", "credit_account_id", "pending_id", "user_data_128"})


def empty_records(count: int) -> Records:
    """So many transfers with all fields 0, to be filled."""
    return np.zeros(count, TRANSFERS)


def joined(first: Records, second: Records) -> Records:
    """Records one after the other; NumPy's own joining would change the byte order."""
    if not len(second):
        return first
    both = np.empty(len(first) + len(second), TRANSFERS)
    both[: len(first)], both[len(first) :] = first, second
    return both


def halves(ids: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The high and low halves of a field of 128-bit numbers, in native order."""
    return ids[:, 0].astype(np.uint64), ids[:, 1].astype(np.uint64)


def records_of(transfers: Sequence[Transfer]) -> Records:
    """Transfers as records.

    Raises:
        ValueError: a field does not fit its width.
    """
    for transfer in transfers:
        check_transfer(transfer)
    return np.frombuffer(b"".join(map(entry_record, transfers)), TRANSFERS)


def _whole(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if column.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a column of whole numbers, not {column.dtype}")
    wide = TRANSFERS[name].base
    largest = np.iinfo(wide).max
    if column.size and (int(column.min()) < 0 or int(column.max()) > largest):
        raise ValueError(f"{name} has a number that is not from 0 to {largest}")
    return column


def _fill_wide(into: npt.NDArray[Any], name: str, column: npt.NDArray[Any]) -> None:
    """A column of 128-bit numbers: 64-bit ones, 16 bytes each, or pairs of halves."""
    if column.dtype.kind == "V" and column.dtype.itemsize == 16:
        into[:] = np.ascontiguousarray(column).view(">u8").reshape(-1, 2)
    elif column.ndim == 2 and column.dtype.kind == "u":
        into[:] = column
    elif column.dtype.kind in "iu":
        into[:, 1] = _whole(name, column)
    else:
        raise ValueError(
            f"{name} must be a column of whole numbers or of 16 bytes each, not {column.dtype}"
        )


def _from_columns(columns: dict[str, npt.NDArray[Any]], count: int) -> Records:
    records = empty_records(count)
    for name, column in columns.items():
        field = "book" if name == "ledger" else name
        if field not in (TRANSFERS.names or ()):
            raise ValueError(f"{name} is not a field of a transfer")
        if field in _WIDE:
            _fill_wide(records[field], field, column)
        else:
            records[field] = _whole(field, column)
    return records


def _halves_of(name: str, series: Any) -> npt.NDArray[Any]:
    """A column of 16-byte numbers as pairs of halves."""
    import polars as pl

    if (series.bin.size("b") != 16).any():
        raise ValueError(f"{name} has an id that is not 16 bytes")
    parts = (series.bin.slice(at, 8) for at in (0, 8))
    halves = [p.bin.reinterpret(dtype=pl.UInt64, endianness="big").to_numpy() for p in parts]
    return np.stack(halves, axis=1)


def _from_arrow(table: Any) -> Records:
    """Any table that offers the Arrow stream interface, through Polars without a copy by row."""
    import polars as pl

    frame = pl.DataFrame(table)
    columns = {}
    for name in frame.columns:
        series = frame[name]
        if series.null_count():
            series = series.fill_null(0)
        columns[name] = _array_of(name, series)
    return _from_columns(columns, frame.height)


def _array_of(name: str, series: Any) -> npt.NDArray[Any]:
    """A column as an array; of ids as pairs of halves, where they are wider than 64 bits."""
    import polars as pl

    if series.dtype == pl.Binary:
        return _halves_of(name, series)
    if series.dtype == pl.Int128 and name in _WIDE:
        numbers = series.to_list()
        if numbers and min(numbers) < 0:
            raise ValueError(f"{name} has a number below 0")
        return np.array([divmod(n, 1 << 64) for n in numbers], np.uint64).reshape(-1, 2)
    try:
        return series.to_numpy()  # type: ignore[no-any-return]
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{name} must be a column of whole numbers, not {series.dtype}") from error


def as_records(transfers: object) -> Records:
    """What a bulk call is given, as records of `TRANSFERS`.

    Args:
        transfers: a record array with fields named as in `Transfer` (of `TRANSFERS` itself
            nothing is copied), an Arrow table (anything with `__arrow_c_stream__`), or a
            sequence of `Transfer`. A column that is missing is 0; `ledger` is another name for
            `book`. A 128-bit column may hold 64-bit numbers, pairs of halves, or 16 bytes each.

    Raises:
        ValueError: a field that is unknown, or a number that does not fit its width.
    """
    if isinstance(transfers, np.ndarray):
        if transfers.dtype == TRANSFERS:
            records = transfers
        elif transfers.dtype.names:
            columns = {name: transfers[name] for name in transfers.dtype.names}
            records = _from_columns(columns, len(transfers))
        else:
            raise ValueError("an array of transfers must have named fields")
    elif hasattr(transfers, "__arrow_c_stream__"):
        records = _from_arrow(transfers)
    elif isinstance(transfers, Sequence):
        try:
            return records_of(transfers)
        except (AttributeError, TypeError) as error:
            raise ValueError(f"a sequence holds what is no transfer: {error}") from error
    else:
        raise ValueError(f"{type(transfers).__name__} holds no transfers")
    for name in ("amount", "timestamp"):
        if len(records) and int(records[name].min()) < 0:
            raise ValueError(f"{name} has a number below 0")
    return records
