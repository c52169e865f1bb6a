"""Shards as tables, so that an engine can hand them out: Polars in process, or Spark.

The work is the same function over columns; an engine only decides which loans are worked on
where. What comes back is a row for each loan: its postings as journal records, and where it
stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tallystick.credit.loans.days.entries import LEGS, entries_of
from tallystick.credit.loans.days.shard import (
    Notices,
    Shard,
    ShardClosed,
    Standings,
    close_shard,
    owners_of,
)
from tallystick.credit.loans.model import LateTerms
from tallystick.decoding import decode_json
from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.records import halves

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CLOSED_COLUMNS", "SOURCE_COLUMNS", "closed_columns", "closed_from",
           "frame_of", "shard_of_columns",
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
    "open_items": "binary", "seen_day": "bigint", "seen_steps": "bigint", "moved": "boolean",
    "amounts": "binary", "told": "binary",
}  # fmt: skip
"""What comes back of each loan, with the names that SQL has for the types.

`seen_day` and `seen_steps` say as of when it was read, `moved` whether more than interest happened;
`amounts` are what is posted by `LEGS`, `told` what `Notices` says, in 64-bit whole numbers.
"""


def terms_text(terms: Mapping[str, LateTerms]) -> bytes:
    """Terms as text, to be handed to another process."""
    return msgspec.json.encode(dict(terms))


def terms_from(text: bytes) -> dict[str, LateTerms]:
    """The terms that `terms_text` wrote."""
    return decode_json(text, dict[str, LateTerms])


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


def _amounts_by_loan(closed: ShardClosed, loans: int) -> list[bytes]:
    nothing = np.zeros(loans, np.int64)
    table = np.stack([closed.amounts.get(leg, nothing) for leg in LEGS], axis=1)
    return [row.tobytes() for row in table.astype("<i8")]


def closed_from(
    shard: Shard, columns: Mapping[str, Sequence[Any]], kept: Sequence[int], day: str
) -> ShardClosed:
    """What `closed_columns` said of some loans, as `close_shard` says it.

    Args:
        shard: those loans.
        kept: their places in the columns.
        day: as texts have it, the day up to whose start they are closed.
    """
    moved = np.array([columns["moved"][at] for at in kept], np.bool_)
    data = b"".join(columns["amounts"][at] for at in kept)
    table = np.frombuffer(data, "<i8").astype(np.int64).reshape(-1, len(LEGS))
    amounts = {leg: table[:, place] for place, leg in enumerate(LEGS)}
    keys = [f"credit.close_day:{day}:{loan_id}" for loan_id in shard.loan_id]
    at = np.flatnonzero(moved).tolist()
    changed = Standings(
        at, *([columns[name][kept[i]] for i in at] for name in Standings._fields[1:])
    )
    width = len(Notices._fields)
    told = np.frombuffer(b"".join(columns["told"][kept[i]] for i in at), "<i8").reshape(-1, width)
    return ShardClosed(
        entries_of(owners_of(shard), keys, amounts), amounts, ~moved, changed,
        Notices(*(column.tolist() for column in told.T)), [],
    )  # fmt: skip


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
    out["seen_day"] = shard.accrued_day.tolist()
    out["seen_steps"] = list(columns.get("steps", [0] * len(shard.loan_id)))
    out["moved"] = [False] * len(shard.loan_id)
    out["told"] = [b""] * len(shard.loan_id)
    for at, *told in zip(closed.changed.at, *closed.notices, strict=True):
        out["moved"][at] = True
        out["told"][at] = np.array(told, "<i8").tobytes()
    out["amounts"] = _amounts_by_loan(closed, len(shard.loan_id))
    fold = set(closed.by_fold)
    out["by_fold"] = [at in fold for at in range(len(shard.loan_id))]
    out["entries"] = _entries_by_loan(shard, closed.entries.records)
    return {name: out[name] for name in CLOSED_COLUMNS}
