"""`tallystick credit day`: close the last day of all loans now, in process or on Spark."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from tallystick.admin.commands import UsageError
from tallystick.admin.offline import carry_out, offline
from tallystick.credit.loans.days.engine import AT_ONCE, Ask, close_elsewhere
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.pay_later.days import close_all_bills
from tallystick.settings import load_settings

__all__ = ["close_credit_day", "close_on"]

_ONE_DAY = timedelta(days=1)


def close_on(ask: Ask, day: date, master: str = "") -> dict[str, str | int]:
    """Close a day of loans, then the bills.

    Args:
        ask: carries commands out.
        master: the Spark that works it out; empty for this process.
    """
    if not master:
        posted, loans = close_elsewhere(ask, day, lambda _: ())
    else:
        posted, loans = _on_spark(ask, day, master)
    bills = close_all_bills(ask)
    return {"day": day.isoformat(), "loans": loans, "on_spark": posted, "bills": bills}


def _on_spark(ask: Ask, day: date, master: str) -> tuple[int, int]:
    try:
        from tallystick.credit.loans.days.spark import spark_session, worked_on_spark
    except ImportError as error:
        raise UsageError("Spark is not installed: pip install --group spark.") from error
    with tempfile.TemporaryDirectory(prefix="tallystick-day-") as name:
        folder, until = Path(name), (day + _ONE_DAY).toordinal()
        try:
            session = spark_session(master, folder)
        except ImportError as error:
            raise UsageError("Spark is not installed: pip install --group spark.") from error
        try:
            return close_elsewhere(ask, day, worked_on_spark(session, folder, until, AT_ONCE))
        finally:
            session.stop()


def close_credit_day(
    *,
    spark: Annotated[bool, Parameter(negative=())] = False,
    master: str = "local[2]",
    data: Path | None = None,
    config: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Close yesterday, and the days before it that were missed, of all loans and bills.

    No server may run on the folder; one that runs does it by itself. A day that is closed
    again changes nothing.

    Args:
        spark: have Spark work it out; what comes back is posted here. The books are the same.
        master: which Spark: `local[2]`, `local-cluster[2,1,1024]`, `spark://host:7077`.
        data: the data folder.
        config: a TOML file with the configuration.
        as_json: answer with one JSON object.
    """
    settings = load_settings(config, os.environ, data=data)
    day = loan_day(time.time_ns() // 1_000_000) - _ONE_DAY
    with offline(settings) as platform:
        done = close_on(partial(carry_out, platform), day, master if spark else "")
    if as_json:
        print(msgspec.json.encode(done).decode())
        return
    print(
        f"{done['day']} closed: {done['loans']} loans open, {done['on_spark']} of them worked out "
        f"on Spark; {done['bills']} bills."
    )
