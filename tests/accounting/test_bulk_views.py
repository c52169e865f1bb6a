"""Views show the same, whichever way the entries were posted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from hypothesis import given, settings
from tests.ledger.bulk_parts import database
from tests.ledger.histories import ACCOUNT_IDS, START_NS, accounts, calls

from tallystick.accounting.views import (
    account_statement,
    stored_trial_balances,
    transfers_page,
)
from tallystick.ledger.model import Account, Transfer
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import UnitOfWork

Calls = list[tuple[int, list[Transfer]]]


def _booked(given_accounts: list[Account], history: Calls, *, bulk: bool) -> sqlite3.Connection:
    """The same history, a transaction a call."""
    connection = database()
    last = START_NS
    for call in [None, *(call for _, call in history)]:
        connection.execute("BEGIN")
        uow = UnitOfWork(connection, 0, last)
        if call is None:
            uow.books.create_accounts(given_accounts, START_NS)
        elif bulk:
            uow.create_transfers(call)
        else:
            uow.books.create_transfers(call, 0)
        uow.flush()
        connection.execute("COMMIT")
        uow.committed()
        last += len(given_accounts if call is None else call)
    return connection


def _seen(connection: sqlite3.Connection) -> Iterator[object]:
    rows, reader = ReadSession(connection), SqlLedgerReader(connection)
    end = START_NS + 1000
    yield stored_trial_balances(rows)
    for account_id in ACCOUNT_IDS:
        yield transfers_page(reader, account_id, after=0, limit=7)
        yield transfers_page(reader, account_id, after=START_NS + 12, limit=100)
        for begin in (0, START_NS + 9, START_NS + 25):
            yield account_statement(
                rows, account_id, from_ns=begin, before_ns=end, after=-1, limit=5
            )


@settings(deadline=None)
@given(accounts, calls)
def test_statements_pages_and_trial_balances_are_the_same(
    given_accounts: list[Account], history: Calls
) -> None:
    in_rows = _booked(given_accounts, history, bulk=False)
    in_bulk = _booked(given_accounts, history, bulk=True)
    assert list(_seen(in_bulk)) == list(_seen(in_rows))
    in_rows.close()
    in_bulk.close()
