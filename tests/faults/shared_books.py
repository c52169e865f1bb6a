"""What servers that share a PostgreSQL do to each other, seen from beside them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from tests.gateway.rest.rest_client import Rest
from tests.server_process import ServerProcess

from tallystick.store.postgres import TURN

__all__ = ["Book", "Watcher", "held_turn", "metric"]

_WAITING = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_WAITS_FOR_ROWS = (
    "SELECT locktype, mode FROM pg_locks WHERE NOT granted AND locktype <> 'advisory' "
    "AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
)


class Book:
    """A book of accounts without limits, which anybody's transfers move.

    Args:
        key: a REST key with every scope.
    """

    def __init__(self, server: ServerProcess, key: str, accounts: int) -> None:
        self.key = key
        self.number = uuid.uuid4().int % 500_000 + 1
        self.accounts = [uuid.uuid4().int >> 8 for _ in range(accounts)]
        shared = {"ledger": self.number, "code": 1}
        rest = Rest(server.base_url, key)
        drafts = [{"id": str(account), **shared} for account in self.accounts]
        assert set(rest.done("/v1/ledger/accounts", drafts)) == {"created"}
        rest.hang_up()

    def move(self, server: ServerProcess, *legs: tuple[int, int]) -> list[str]:
        """One call of linked transfers of 1, each from one account to another; its answers."""
        drafts = [
            {"id": str(uuid.uuid4().int >> 8), "debit_account_id": str(debit),
             "credit_account_id": str(credit), "amount": 1, "ledger": self.number, "code": 1,
             "flags": int(at < len(legs))}
            for at, (debit, credit) in enumerate(legs, 1)
        ]  # fmt: skip
        rest = Rest(server.base_url, self.key)
        try:
            answers: list[str] = rest.done("/v1/ledger/transfers", drafts)
            return answers
        finally:
            rest.hang_up()

    def balance(self, server: ServerProcess, account: int) -> int:
        """What an account has taken in, less what it has given."""
        rest = Rest(server.base_url, self.key)
        try:
            found = rest.get(f"/v1/ledger/accounts/{account}")
            return int(found["credits_posted"]) - int(found["debits_posted"])
        finally:
            rest.hang_up()


def metric(server: ServerProcess, start: str) -> float:
    """The number of the metric whose line begins so."""
    rest = Rest(server.base_url, "")
    try:
        lines = rest._http.get("/metrics").text.splitlines()
    finally:
        rest.hang_up()
    [found] = [line for line in lines if line.startswith(start)]
    return float(found.rpartition(" ")[2])


class Watcher(NamedTuple):
    """A connection of somebody else to the servers' database, in autocommit mode."""

    connection: psycopg.Connection[Any]

    def number(self, sql: str, *parameters: object) -> int:
        """The one number of a one-row answer."""
        row = self.connection.execute(sql.encode(), parameters).fetchone()
        assert row is not None
        return int(row[0])

    def batches(self) -> int:
        """The number of the journal's last batch."""
        return self.number("SELECT MAX(number) FROM ledger_journal")

    def deadlocks(self) -> int:
        """How many PostgreSQL has resolved in this database."""
        sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return self.number(sql)

    def waiting_for_turn(self) -> list[int]:
        """The processes of the database that wait for the turn."""
        return [int(pid) for (pid,) in self.connection.execute(_WAITING, (TURN,))]

    def until_waiting(self, count: int) -> list[int]:
        """Those that wait, as soon as there are so many."""
        for _ in range(3000):
            if len(found := self.waiting_for_turn()) >= count:
                return found
            time.sleep(0.01)
        raise AssertionError("the servers do not come to their turns")

    def blocked_by(self, pid: int) -> bool:
        """Whether somebody waits for what this process holds."""
        sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        return self.number(sql, pid) > 0

    def held_by(self, pids: Sequence[int]) -> list[tuple[str, str]]:
        """Kind and mode of each lock that these processes hold, beside their own existence."""
        return self.connection.execute(
            "SELECT locktype, mode FROM pg_locks WHERE pid = ANY(%s) AND granted "
            "AND locktype <> 'virtualxid'",
            (list(pids),),
        ).fetchall()

    @contextmanager
    def waits_for_rows(self) -> Iterator[list[tuple[str, str]]]:
        """All that is waited for meanwhile and is no turn, as often as it is seen."""
        seen: list[tuple[str, str]] = []
        over = threading.Event()

        def look() -> None:
            with psycopg.connect(self.connection.info.dsn, autocommit=True) as other:
                while not over.wait(0.005):
                    seen.extend(other.execute(_WAITS_FOR_ROWS.encode()).fetchall())

        with ThreadPoolExecutor(1) as pool:
            looking: Future[None] = pool.submit(look)
            try:
                yield seen
            finally:
                over.set()
                looking.result()


@contextmanager
def held_turn(url: str) -> Iterator[None]:
    """Hold the turn of whoever writes a batch, as one more server would."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
        yield
