"""A bulk ledger on a database in memory, for tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tallystick.ledger.bulk import result_names
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, PendingState, Transfer, TransferResult
from tallystick.store.bulk_store import BulkSession, SqliteJournal
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.schema import migrations

LEDGER_TABLES = "\n".join(sql for _, name, sql in migrations() if name in {"foundation", "journal"})


def database() -> sqlite3.Connection:
    """An empty ledger's database in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(LEDGER_TABLES)
    return connection


class Bulk:
    """A session whose every call is a transaction of its own."""

    def __init__(self, connection: sqlite3.Connection | None = None, *, exact: bool = True) -> None:
        self.connection = connection or database()
        self.session = BulkSession(SqliteJournal(self.connection), JournalIndex(), exact=exact)
        self.reader = SqlLedgerReader(self.connection)

    def open(self, accounts: Sequence[Account], now_ns: int) -> list[str]:
        with self.session.transaction() as ledger:
            return [r.value for r in ledger.create_accounts(accounts, now_ns)]

    def call(self, transfers: Sequence[Transfer], now_ns: int) -> list[TransferResult]:
        with self.session.transaction() as ledger:
            return result_names(ledger.create_transfers(transfers, now_ns))

    def again(self) -> Bulk:
        """The same database as a new process finds it."""
        return Bulk(self.connection)

    def account(self, account_id: int) -> Account | None:
        return next(iter(self.reader.accounts([account_id])), None)

    def transfer(self, transfer_id: int) -> Transfer | None:
        return next(iter(self.reader.transfers([transfer_id])), None)

    def pending_state(self, transfer_id: int) -> PendingState | None:
        return self.reader.pending_states([transfer_id]).get(transfer_id)
