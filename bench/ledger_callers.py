"""Many callers with one transfer each: by hand, by the group commit, and as commands."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.ledger_bulk import Bulk
from bench.ledger_load import ACCOUNTS, accounts
from tallystick.accounting import service as accounting
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer, TransferResult
from tallystick.pipeline.commands import Caller, CallerKind, Registry, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.bulk_store import BulkSession
from tallystick.store.connection import Database
from tallystick.store.engine import connect, migrate
from tallystick.store.group_commit import GroupCommit

__all__ = [
    "CALLERS", "bare_on_sqlite_per_s", "bare_per_s", "by_hand_per_s", "callers_per_s",
    "group_commit_per_s",
]  # fmt: skip

CALLERS = 64

_CALLER = Caller(CallerKind.KEY, "bench", frozenset({"*"}))
_NOTHING = bytes(16)

_BY_HAND = """
    CREATE TABLE account (id BLOB NOT NULL PRIMARY KEY, balance BIGINT NOT NULL);
    CREATE TABLE transfer (id BLOB NOT NULL PRIMARY KEY, debit_account_id BLOB NOT NULL,
        credit_account_id BLOB NOT NULL, amount BIGINT NOT NULL, at_ms BIGINT NOT NULL);
"""


def callers_per_s(work: Callable[[int, Callable[[], bool]], int], seconds: float) -> float:
    """How many transfers a second so many threads make together.

    Args:
        work: what one caller does until it is told to stop; gives back how many it made.
    """
    until = time.perf_counter() + seconds
    made = [0] * CALLERS

    def run(caller: int) -> None:
        made[caller] = work(caller, lambda: time.perf_counter() < until)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(CALLERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(made) / (time.perf_counter() - started)


def by_hand_per_s(folder: Path, seconds: float) -> float:
    """As one would do it: a connection a caller, a transaction a transfer, the balance checked."""
    folder.mkdir(parents=True)
    path = folder / "by_hand.db"
    first = connect(path)
    first.executescript(_BY_HAND)
    first.execute("BEGIN")
    first.executemany(
        "INSERT INTO account VALUES (?, 1000000000)",
        [(id_bytes(i),) for i in range(1, ACCOUNTS + 1)],
    )
    first.execute("COMMIT")

    def work(caller: int, goes_on: Callable[[], bool]) -> int:
        connection = connect(path)
        connection.execute("PRAGMA busy_timeout = 60000")
        rng, made = random.Random(caller), 0
        while goes_on():
            _transfer_by_hand(connection, rng, caller << 32 | made)
            made += 1
        connection.close()
        return made

    try:
        return callers_per_s(work, seconds)
    finally:
        first.close()


def _transfer_by_hand(connection: sqlite3.Connection, rng: random.Random, number: int) -> None:
    debit, credit = (id_bytes(i) for i in rng.sample(range(1, ACCOUNTS + 1), 2))
    amount = rng.randint(1, 1000)
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("SELECT balance FROM account WHERE id = ?", (debit,)).fetchone()
    assert found[0] >= amount
    connection.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (amount, debit))
    connection.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (amount, credit))
    connection.execute(
        "INSERT INTO transfer VALUES (?, ?, ?, ?, ?)",
        (id_bytes(number + 1), debit, credit, amount, time.time_ns() // 1_000_000),
    )
    connection.execute("COMMIT")


def _draft(rng: random.Random, number: int) -> TransferDraft:
    debit, credit = rng.sample(range(1, ACCOUNTS + 1), 2)
    return TransferDraft(
        id_bytes(number), id_bytes(debit), id_bytes(credit), rng.randint(1, 1000), _NOTHING,
        _NOTHING, 0, 0, 0, 1, 1, 0,
    )  # fmt: skip


def _open_accounts(executor: Executor) -> None:
    for number, call in enumerate(accounts(ACCOUNTS)):
        drafts = tuple(AccountDraft(id_bytes(a.id), 1, 1, 0, _NOTHING, 0, 0) for a in call)
        command = CreateLedgerAccounts(accounts=drafts)
        executor.submit_and_wait(Request(_CALLER, f"accounts {number}", command))


async def _one_command(executor: Executor, caller: int, until: float) -> int:
    rng, made = random.Random(caller), 0
    while time.perf_counter() < until:
        number = (caller << 32 | made) + 1
        command = CreateLedgerTransfers(transfers=(_draft(rng, number),))
        answer = await executor.submit(Request(_CALLER, str(number), command))
        assert answer.refusal is None, answer.refusal
        made += 1
    return made


def group_commit_per_s(database: Database, seconds: float) -> float:
    """Callers asking the executor, as every user does: commands with stored answers."""
    connection = database.connect()
    migrate(connection)
    registry = Registry()
    accounting.register(registry)
    executor = Executor(connection, registry)
    executor.start()
    _open_accounts(executor)
    try:
        return asyncio.run(_together(lambda i, until: _one_command(executor, i, until), seconds))
    finally:
        executor.stop()
        connection.close()


async def _one_transfer(commits: GroupCommit, caller: int, until: float) -> int:
    rng, made = random.Random(caller), 0
    while time.perf_counter() < until:
        debit, credit = rng.sample(range(1, ACCOUNTS + 1), 2)
        number = (caller << 32 | made) + 1
        transfer = Transfer(number, debit, credit, rng.randint(1, 1000), book=1, code=1)
        answers = await commits.create_transfers([transfer])
        assert answers == [TransferResult.CREATED]
        made += 1
    return made


async def _together(caller: Callable[[int, float], Awaitable[int]], seconds: float) -> float:
    """What so many callers on one event loop make in a second."""
    started = time.perf_counter()
    made = await asyncio.gather(*(caller(i, started + seconds) for i in range(CALLERS)))
    return sum(made) / (time.perf_counter() - started)


def bare_per_s(session: BulkSession, seconds: float) -> float:
    """Callers of the ledger's own group commit, without commands, over a session with accounts."""
    commits = GroupCommit(session)
    commits.start()
    try:
        return asyncio.run(_together(lambda i, until: _one_transfer(commits, i, until), seconds))
    finally:
        commits.stop()


def bare_on_sqlite_per_s(folder: Path, seconds: float) -> float:
    """The same on the embedded database."""
    ledger = Bulk(folder, ACCOUNTS)
    try:
        return bare_per_s(ledger.session, seconds)
    finally:
        ledger.close()
