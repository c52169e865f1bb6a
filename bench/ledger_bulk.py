"""Bulk posting on SQLite, beside the driver's fastest bulk insert of the same rows."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.ledger_load import ACCOUNTS, BATCH, Sizes, accounts, batches, rows_of
from bench.report import say
from tallystick.ledger.records import Records
from tallystick.store.bulk_store import BulkSession, release_index
from tallystick.store.engine import connect, migrate

__all__ = ["RAW_TABLE", "Bulk", "Raw", "Timed", "growth", "race"]

_CHUNK = 25
_PAIRS = 100

RAW_TABLE = """CREATE TABLE raw_transfer (
    timestamp BIGINT NOT NULL PRIMARY KEY, id BLOB NOT NULL, debit_account_id BLOB NOT NULL,
    credit_account_id BLOB NOT NULL, amount BIGINT NOT NULL, pending_id BLOB NOT NULL,
    user_data_128 BLOB NOT NULL, user_data_64 BLOB NOT NULL, user_data_32 BIGINT NOT NULL,
    timeout BIGINT NOT NULL, book BIGINT NOT NULL, code BIGINT NOT NULL, flags BIGINT NOT NULL)"""


class Timed(NamedTuple):
    """Seconds and processor seconds of each batch, in order."""

    wall: list[float]
    cpu: list[float]

    def add(self, wall: float, cpu: float) -> None:
        """One more batch."""
        self.wall.append(wall)
        self.cpu.append(cpu)

    @property
    def per_s(self) -> float:
        """Transfers a second over all batches."""
        return self.per_s_of(len(self.wall) * BATCH)

    def per_s_of(self, transfers: int) -> float:
        """Transfers a second over the first so many."""
        first = self.wall[: transfers // BATCH]
        return len(first) * BATCH / sum(first)


class Bulk:
    """A ledger in a folder, posted to in bulk, each batch durable before the next."""

    def __init__(self, folder: Path, among: int) -> None:
        self.path = folder / "tallystick.db"
        folder.mkdir(parents=True)
        self.connection = connect(self.path)
        migrate(self.connection)
        self.session = BulkSession.on_sqlite(self.connection)
        self.timed = Timed([], [])
        for call in accounts(among):
            with self.session.transaction() as ledger:
                ledger.create_accounts(call, 1)

    def post(self, records: Records) -> None:
        """One batch."""
        started, cpu = time.perf_counter(), time.thread_time()
        with self.session.transaction() as ledger:
            answers = ledger.create_transfers(records, 1)
        self.timed.add(time.perf_counter() - started, time.thread_time() - cpu)
        assert not answers.any(), "a transfer was not created"

    def close(self) -> None:
        """Settle the totals and let go."""
        self.session.close()
        self.connection.close()
        release_index(self.path)


class Raw:
    """The same rows, inserted by the driver, without a ledger."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.connection = connect(folder / "raw.db")
        self.connection.execute(RAW_TABLE)
        self.timed = Timed([], [])

    def post(self, records: Records) -> None:
        """One batch."""
        rows = rows_of(records, len(self.timed.wall))
        started, cpu = time.perf_counter(), time.thread_time()
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            f"INSERT INTO raw_transfer VALUES ({', '.join('?' * 13)})", rows
        )
        self.connection.execute("COMMIT")
        self.timed.add(time.perf_counter() - started, time.thread_time() - cpu)

    def close(self) -> None:
        """Let go."""
        self.connection.close()


def _warm_up(folder: Path) -> None:
    """Compile what is compiled, outside of what is timed."""
    bulk = Bulk(folder, 100)
    for records in batches(BATCH, among=100):
        bulk.post(records)
    bulk.close()


def race(folder: Path, size: Sizes) -> tuple[Bulk, Bulk, Timed]:
    """Uniform, hot and raw in turns, so that all meet the same noise; the ledgers go on alone."""
    _warm_up(folder / "warm")
    uniform, hot = Bulk(folder / "uniform", ACCOUNTS), Bulk(folder / "hot", ACCOUNTS)
    raw = Raw(folder / "raw")
    loads = batches(size.large), batches(size.large, hot=True), batches(size.small)
    for done in range(0, size.large, _CHUNK * BATCH):
        racers: tuple[Bulk | Raw, ...] = (uniform, hot, raw)
        for who, load in zip(racers, loads, strict=True):
            for records in islice(load, _CHUNK):
                who.post(records)
        if done % 1_000_000 < _CHUNK * BATCH:
            say(f"  {done:>10,} each: uniform {uniform.timed.per_s:,.0f}/s, hot "
                f"{hot.timed.per_s:,.0f}/s, raw {raw.timed.per_s:,.0f}/s")  # fmt: skip
    raw.close()
    return uniform, hot, raw.timed


def growth(folder: Path, old: Bulk, size: Sizes) -> tuple[float, float]:
    """What a batch costs a ledger with many entries, against one with few: wall and processor.

    Both are posted to in turns, so that both meet the same noise; medians.
    """
    young = Bulk(folder / "young", ACCOUNTS)
    for records in batches(size.small, seed=2):
        young.post(records)
    before = len(young.timed.wall), len(old.timed.wall)
    more = batches(2 * _PAIRS * BATCH, seed=3)
    for of_young, of_old in zip(more, more, strict=True):
        young.post(of_young)
        old.post(of_old)
    ratios = [
        median(late[before[1] :]) / median(early[before[0] :])
        for early, late in zip(young.timed, old.timed, strict=True)
    ]
    young.close()
    return ratios[0], ratios[1]
