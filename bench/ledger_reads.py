"""What is read of a ledger with millions of entries behind it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.ledger_load import ACCOUNTS
from bench.report import Figure, say
from tallystick.ledger.model import Account
from tallystick.store.engine import connect
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["reads"]

_TIMES = 2000


def _median_s(work: Callable[[int], object], among: int) -> float:
    """The median time of one call for random accounts, in seconds."""
    rng = random.Random(7)
    took = []
    for _ in range(_TIMES):
        account = rng.randint(1, among)
        started = time.perf_counter()
        work(account)
        took.append(time.perf_counter() - started)
    return median(took)


def reads(path: Path, entries: int, *, hot: bool = False) -> dict[str, Figure]:
    """Reads on a connection of their own, as the server makes them.

    Args:
        hot: only of the account that is in 90 % of the entries.
    """
    say(f"Reads with {entries:,} entries behind them")
    connection = connect(path, readonly=True)
    reader = SqlLedgerReader(connection)
    last, rng = reader.last_timestamp(), random.Random(11)
    among, prefix = (1, "ledger.hot_") if hot else (ACCOUNTS, "ledger.")

    def account(account_id: int) -> Account:
        return reader.accounts([account_id])[0]

    def last_100(account_id: int) -> object:
        return reader.newest_postings(account_id, limit=100)

    def as_of(account_id: int) -> object:
        return reader.posted_before(account(account_id), rng.randint(1, last))

    last_100(1)  # The index is made when it is first asked.
    figures = {
        f"{prefix}lookup_us": Figure(_median_s(account, among) * 1e6, "us", "an account by id"),
        f"{prefix}last_100_ms": Figure(
            _median_s(last_100, among) * 1e3, "ms", "an account's last 100 entries"
        ),
        f"{prefix}balance_as_of_ms": Figure(
            _median_s(as_of, among) * 1e3, "ms", "an account's balance at a random moment"
        ),
    }
    connection.close()
    return figures
