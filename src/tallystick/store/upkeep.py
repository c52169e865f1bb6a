"""What a database needs when it is opened, beyond its tables: views, a journal, exact totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tallystick.ledger.books import Changes
from tallystick.ledger.journal import batch_of_changes
from tallystick.ledger.model import PendingState
from tallystick.store.connection import Connection
from tallystick.store.dialect import is_postgres
from tallystick.store.entry_view import postgres_view, sqlite_view
from tallystick.store.journal_rows import append_batch, journal_head
from tallystick.store.ledger_rows import SqlLedgerReader

__all__ = ["bring_up"]

T = TypeVar("T")

_AT_ONCE = 8000


def bring_up(connection: Connection) -> None:
    """Make the view; journal what was booked before there was a journal; settle totals.

    Nothing is written to a database that needs neither. A bulk session that ended without
    `close` leaves totals behind; the journal has what they should be.
    """
    if not is_postgres(connection):
        connection.execute(sqlite_view())
    elif connection.execute("SELECT to_regclass('ledger_entry')").fetchone()[0] is None:
        connection.execute(postgres_view())
    if connection.execute("SELECT 1 FROM ledger_totals_behind").fetchone() is not None:
        # Compiled code is loaded only where there is something for it.
        from tallystick.store.bulk_store import BulkSession

        BulkSession.on(connection).close()
    booked = "SELECT 1 FROM ledger_account UNION ALL SELECT 1 FROM ledger_failed LIMIT 1"
    if journal_head(connection).number == 0 and connection.execute(booked).fetchone():
        _journal_rows(connection)


def _parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _journal_rows(connection: Connection) -> None:
    """Write the rows' history as batches: accounts, then transfers in order, then the rest."""
    reader = SqlLedgerReader(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        accounts = sorted(reader.accounts_where(), key=lambda a: a.timestamp)
        for part in _parts(accounts):
            _append(connection, Changes(list(part), [], [], {}, []))
        after, transfers = 0, reader.transfers_after(0, _AT_ONCE)
        while transfers:
            _append(connection, Changes([], [], transfers, {}, []))
            after = transfers[-1].timestamp
            transfers = reader.transfers_after(after, _AT_ONCE)
        expired, failed = reader.expired_and_failed()
        states = dict.fromkeys(expired, PendingState.EXPIRED)
        _append(connection, Changes([], [], [], states, failed))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _append(connection: Connection, changes: Changes) -> None:
    batch = batch_of_changes(journal_head(connection), changes)
    if batch is not None:
        append_batch(connection, batch)
