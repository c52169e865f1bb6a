"""`tallystick credit score history`: rows to train on, out of the platform's own books."""

from __future__ import annotations

import csv
import os
import sys
import time
from datetime import date
from pathlib import Path

from tallystick.admin.commands import UsageError
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.scoring.facts import MONTH_MS
from tallystick.credit.scoring.history import HEADINGS, training_rows
from tallystick.payments.accounts import platform_book
from tallystick.settings import load_settings
from tallystick.store.engine import database_of
from tallystick.store.rows import ReadSession

__all__ = ["score_history"]


def score_history(
    *,
    as_of: date,
    months: int = 6,
    days: int = 60,
    currency: str = "CNY",
    data: Path | None = None,
    config: Path | None = None,
) -> None:
    """Print people's facts as of a past day, and how it went with them after it, as CSV.

    A row for each person who owed something then; `bad` is 1 when a payment was so many days past
    due at the end of one of the months after it, or a loan was written off. A server may run
    meanwhile.

    Args:
        as_of: the day at whose beginning (in China) everybody is looked at, as 2026-05-01.
        months: months of thirty days after it; they must be over.
        days: past due, from which on it counts as bad.
        currency: of loans and wallets.
        data: the data folder.
        config: a TOML file with the configuration.
    """
    now_ms, at_ms = time.time_ns() // 1_000_000, collect_ms(as_of, 0)
    if not 1 <= months <= 60 or not 1 <= days <= 366:
        raise UsageError("--months: 1 to 60; --days: 1 to 366.")
    if at_ms + months * MONTH_MS > now_ms:
        raise UsageError(f"--as-of: {months} months after {as_of} are not over yet.")
    platform_book(currency)
    settings = load_settings(config, os.environ, data=data)
    connection = database_of(settings.database, settings.data).connect(readonly=True)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(HEADINGS)
    try:
        writer.writerows(
            training_rows(
                ReadSession(connection), currency, at_ms, months=months, days=days, now_ms=now_ms
            )
        )
    finally:
        connection.close()
