"""Shards as tables, so that an engine can hand them out: Polars in process, or Spark.

The work is the same function over columns; an engine only decides which loans are worked on
where. What comes back is a row for each loan: its postings as journal records, and where it
stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tallystick.credit.loans.days.shard import Shard, close_shard
from tallystick.credit.loans.model import LateTerms
from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.records import halves

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CLOSED_COLUMNS", "SOURCE_COLUMNS", "closed_columns", "frame_of", "shard_of_columns",
           "terms_from", "terms_text"]  # fmt: skip

_NUMBERS: Final = (
    "accrued_day", "look_day", "line_start", "line_base", "line_slope", "line_divisor", "bucket",
    "told_day", "principal", "advance", "allowance",
)  # fmt: skip
_BYTES: Final = ("wallet", "open_items", "due_rows", "accrual_lines")

SOURCE_COLUMNS: Final = Shard._fields
"""The columns of `Shard`: texts, bytes and 64-bit whole numbers."""

CLOSED_COLUMNS: Final[dict[str, str]] = {
    "loan_id": "string", "entries": "binary", "by_fold": "boolean", "accrued_day": "bigint",
    "look_day": "bigint", "line_start": "bigint", "line_base": "bigint", "line_slope": "bigint",
    "line_divisor": "bigint", "bucket": "bigint", "told_day": "bigint",
    "open_items": "binary",
}  # fmt: skip
"""What comes back of each loan, with the names that SQL has for the types."""


def terms_text(terms: Mapping[str, LateTerms]) -> bytes:
    """Terms as text, to be handed to another process."""
    return msgspec.json.encode(dict(terms))


def terms_from(text: bytes) -> dict[str, LateTerms]:
    """The terms that `terms_text` wrote."""
    return msgspec.json.decode(text, type=dict[str, LateTerms])


def frame_of(shard: Shard) -> pl.DataFrame:
    """A shard as a table."""
    import polars as pl

    return pl.DataFrame({name: list(column) for name, column in shard._asdict().items()})


def shard_of_columns(columns: Mapping[str, list[Any]]) -> Shard:
    """The shard of a table's columns."""
    values: dict[str, Any] = dict(columns)
    for name in _NUMBERS:
        values[name] = np.array(values[name], np.int64)
    values["exact"] = np.array(values["exact"], np.bool_)
    return Shard(**{name: values[name] for name in SOURCE_COLUMNS})


def _entries_by_loan(shard: Shard, records: Any) -> list[bytes]:
    """Each loan's journal records; they come loan after loan."""
    high, low = halves(records["user_data_128"])
    data, found = records.tobytes(), dict.fromkeys(shard.loan_id, b"")
    for at, (upper, lower) in enumerate(zip(high.tolist(), low.tolist(), strict=True)):
        loan_id = f"{upper << 64 | lower:028d}"
        found[loan_id] += data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES]
    return list(found.values())


def closed_columns(
    columns: Mapping[str, list[Any]], terms: Mapping[str, LateTerms], until: int
) -> dict[str, list[Any]]:
    """The day of a table of loans, as the columns of `CLOSED_COLUMNS`.

    Args:
        columns: those of `SOURCE_COLUMNS`; the loans in any order.
        until: the ordinal of the day up to whose start they are closed.
    """
    shard = shard_of_columns(columns)
    closed = close_shard(shard, terms, until)
    out: dict[str, list[Any]] = {
        name: list(getattr(shard, name)) for name in CLOSED_COLUMNS if name in SOURCE_COLUMNS
    }
    for name in _NUMBERS:
        if name in out:
            out[name] = getattr(shard, name).tolist()
    for at in np.flatnonzero(closed.quiet).tolist():
        out["accrued_day"][at] = until
    for place, at in enumerate(closed.changed.at):
        for name in closed.changed._fields[1:]:
            out[name][at] = getattr(closed.changed, name)[place]
    fold = set(closed.by_fold)
    out["by_fold"] = [at in fold for at in range(len(shard.loan_id))]
    out["entries"] = _entries_by_loan(shard, closed.entries.records)
    return {name: out[name] for name in CLOSED_COLUMNS}
