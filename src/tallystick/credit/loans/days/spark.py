"""The same day on Spark: the function over columns, in as many partitions as there are.

Nothing here is loaded unless it is asked for: Spark is an extra, with a Java of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tallystick.credit.loans.days.frames import (
    CLOSED_COLUMNS,
    closed_columns,
    terms_from,
    terms_text,
)
from tallystick.credit.loans.model import LateTerms

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["close_on_spark"]


def close_on_spark(loans: DataFrame, terms: Mapping[str, LateTerms], until: int) -> DataFrame:
    """Close a day of loans.

    Args:
        loans: the columns of `frames.SOURCE_COLUMNS`.
        terms: what they agreed on being late, by `terms_id`.
        until: the ordinal of the day up to whose start they are closed.

    Returns:
        A row for each loan, as `frames.CLOSED_COLUMNS`.
    """
    text = terms_text(terms)

    def work(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        agreed = terms_from(text)
        for batch in batches:
            if batch.num_rows:
                yield pa.RecordBatch.from_pydict(
                    closed_columns(batch.to_pydict(), agreed, until), schema=_schema(pa)
                )

    names = ", ".join(f"{name} {kind}" for name, kind in CLOSED_COLUMNS.items())
    return loans.mapInArrow(work, names)


def _schema(pa: Any) -> Any:
    kinds = {
        "string": pa.string(), "binary": pa.binary(), "boolean": pa.bool_(), "bigint": pa.int64(),
    }  # fmt: skip
    return pa.schema([(name, kinds[kind]) for name, kind in CLOSED_COLUMNS.items()])
