"""A process that posts and reads, and then says how much memory it has: `FOLDER SIZES…`."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path

from bench.ledger_bulk import Bulk
from bench.ledger_load import Sizes, batches
from tallystick.store.engine import connect
from tallystick.store.ledger_rows import SqlLedgerReader


def _rss_mb() -> float:
    """The most memory that this process has had, in MB (Linux counts in KB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _posted(folder: str, size: Sizes) -> tuple[float, float]:
    bulk = Bulk(Path(folder) / "many", size.many_accounts)
    for records in batches(size.large, among=size.many_accounts):
        bulk.post(records)
    per_s = bulk.timed.per_s
    reader = SqlLedgerReader(bulk.connection)
    for account_id in range(1, 1000):
        assert reader.newest_postings(account_id, limit=100)
    bulk.close()
    return per_s, _rss_mb()


def _restarted(folder: str) -> tuple[float, float]:
    started = time.perf_counter()
    connection = connect(Path(folder) / "many" / "tallystick.db", readonly=True)
    assert SqlLedgerReader(connection).newest_postings(1, limit=1)
    took = time.perf_counter() - started
    connection.close()
    return took, _rss_mb()


def main(arguments: list[str]) -> None:
    """Measure in two new processes and print what was found as JSON."""
    folder, small, large, seconds, many = arguments
    size = Sizes(int(small), int(large), float(seconds), int(many))
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(1) as pool:
        per_s, rss = pool.apply(_posted, (folder, size))
    with fresh.Pool(1) as pool:
        restart_s, restart_rss = pool.apply(_restarted, (folder,))
    found = {"per_s": per_s, "rss_mb": rss, "restart_s": restart_s, "restart_rss_mb": restart_rss}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
