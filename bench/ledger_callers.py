"""Many callers with one transfer each: by hand, and through the executor's group commit."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.ledger_load import ACCOUNTS, accounts
from tallystick.accounting import service as accounting
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.pipeline.commands import Caller, CallerKind, Registry, Request
from tallystick.pipeline.executor import Executor
from tallystick.store.engine import connect, migrate

__all__ = ["CALLERS", "by_hand_per_s", "callers_per_s", "group_commit_per_s"]

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
    """As one would do it: a connection a caller, a transaction a transfer, both rows changed."""
    folder.mkdir(parents=True)
    path = folder / "by_hand.db"
    first = connect(path)
    first.executescript(_BY_HAND)
    first.execute("BEGIN")
    first.executemany(
        "INSERT INTO account VALUES (?, 0)", [(id_bytes(i),) for i in range(1, ACCOUNTS + 1)]
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


async def _one_caller(executor: Executor, caller: int, until: float) -> int:
    rng, made = random.Random(caller), 0
    while time.perf_counter() < until:
        number = (caller << 32 | made) + 1
        command = CreateLedgerTransfers(transfers=(_draft(rng, number),))
        answer = await executor.submit(Request(_CALLER, str(number), command))
        assert answer.refusal is None, answer.refusal
        made += 1
    return made


def group_commit_per_s(folder: Path, seconds: float) -> float:
    """The same callers asking the executor, which answers each after a batch is durable."""
    folder.mkdir(parents=True)
    connection = connect(folder / "group.db")
    migrate(connection)
    registry = Registry()
    accounting.register(registry)
    executor = Executor(connection, registry)
    executor.start()
    _open_accounts(executor)

    async def all_callers() -> list[int]:
        until = time.perf_counter() + seconds
        return await asyncio.gather(*(_one_caller(executor, i, until) for i in range(CALLERS)))

    started = time.perf_counter()
    made = sum(asyncio.run(all_callers()))
    took = time.perf_counter() - started
    executor.stop()
    connection.close()
    return made / took
