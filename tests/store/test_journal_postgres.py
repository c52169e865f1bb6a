"""The bulk ledger on PostgreSQL answers and keeps what it does on SQLite."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.ledger.written import account_of, transfer_of
from tests.store.embedded_postgres import empty_database, postgres_server

from tallystick.ledger.bulk import result_names
from tallystick.ledger.encoding import entry_from
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, PendingState, Transfer, TransferResult
from tallystick.store.bulk_store import BulkSession
from tallystick.store.journal_postgres import PostgresJournal, create_ledger_tables

HISTORIES = Path(__file__).parents[1] / "data" / "ledger" / "conformance.jsonl.gz"
TABLES = (
    "ledger_account", "ledger_journal", "ledger_block", "ledger_pending", "ledger_failed",
    "ledger_totals_behind",
)  # fmt: skip

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as address:
        yield address


@pytest.fixture(scope="module")
def connection(address: str) -> Iterator[Connection]:
    with empty_database(address, "ledger") as connection:
        create_ledger_tables(connection)
        yield connection


@pytest.fixture(autouse=True)
def _emptied(connection: Connection) -> None:
    connection.execute(f"TRUNCATE {', '.join(TABLES)}".encode())


def session(connection: Connection, *, exact: bool = True) -> BulkSession:
    return BulkSession(PostgresJournal(connection), JournalIndex(), exact=exact)


def call(of: BulkSession, transfers: Sequence[Transfer]) -> list[TransferResult]:
    with of.transaction() as ledger:
        return result_names(ledger.create_transfers(transfers, 1))


def account(connection: Connection, account_id: int) -> Account:
    return PostgresJournal(connection).accounts([account_id])[0]


def test_all_300_histories_are_answered_exactly(connection: Connection) -> None:
    for line in gzip.decompress(HISTORIES.read_bytes()).splitlines():
        history = json.loads(line)
        connection.execute(f"TRUNCATE {', '.join(TABLES)}".encode())
        bulk = session(connection)
        with bulk.transaction() as ledger:
            opening = [account_of(a, 0) for a in history["accounts"]]
            results = [r.value for r in ledger.create_accounts(opening, 1)]
        assert results == history["account_results"], history["name"]
        for batch, expected in zip(history["batches"], history["results"], strict=True):
            answers = call(bulk, [transfer_of(t) for t in batch])
            assert [a.value for a in answers] == expected, history["name"]
        for balance in history["balances"]:
            found = account(connection, balance["id"])
            assert balance == {name: getattr(found, name) for name in balance}


def test_sessions_that_take_turns_see_each_other(connection: Connection, address: str) -> None:
    with psycopg.connect(address, dbname="ledger", autocommit=True) as other:
        first, second = session(connection), session(other)
        with first.transaction() as ledger:
            ledger.create_accounts([Account(i, 1, 1) for i in (1, 2)], 1)
        hold = Transfer(7, 1, 2, 50, book=1, code=1, flags=2)
        assert call(first, [hold]) == [TransferResult.CREATED]
        assert call(second, [hold, Transfer(8, pending_id=7, amount=20, flags=4)]) == [
            TransferResult.EXISTS, TransferResult.CREATED,
        ]  # fmt: skip
        assert call(first, [Transfer(9, pending_id=7, flags=8)]) == [
            TransferResult.PENDING_TRANSFER_ALREADY_POSTED
        ]
    assert (account(connection, 1).debits_posted, account(connection, 1).debits_pending) == (20, 0)
    assert PostgresJournal(connection).pending_states([7]) == {7: PendingState.POSTED}


def test_totals_left_behind_are_caught_up_by_the_next_session(connection: Connection) -> None:
    bulk = session(connection, exact=False)
    with bulk.transaction() as ledger:
        ledger.create_accounts([Account(i, 1, 1) for i in (1, 2)], 1)
    call(bulk, [Transfer(7, 1, 2, 50, book=1, code=1)])
    assert account(connection, 1).debits_posted == 0
    assert PostgresJournal(connection).totals_behind() == 1
    session(connection)
    assert account(connection, 1).debits_posted == 50
    assert PostgresJournal(connection).totals_behind() is None


def test_an_error_undoes_the_whole_transaction(connection: Connection) -> None:
    bulk = session(connection)
    with bulk.transaction() as ledger:
        ledger.create_accounts([Account(i, 1, 1) for i in (1, 2)], 1)
    moved = Transfer(7, 1, 2, 50, book=1, code=1)
    with pytest.raises(ValueError, match="no transfers"), bulk.transaction() as ledger:  # noqa: PT012
        ledger.create_transfers([moved], 1)
        ledger.create_transfers(object(), 1)
    assert account(connection, 1).debits_posted == 0
    assert call(bulk, [moved]) == [TransferResult.CREATED]
    block = PostgresJournal(connection).blocks([0])[0]
    assert (entry_from(block).id, entry_from(block).amount) == (7, 50)


def test_entries_are_rows_of_a_view(connection: Connection) -> None:
    bulk = session(connection)
    with bulk.transaction() as ledger:
        ledger.create_accounts([Account(i, 1, 1) for i in (1, 2**128 - 2)], 1)
    large = Transfer(
        2**127, 1, 2**128 - 2, 2**63 - 1, 0, 2**128 - 1, 2**64 - 1, 2**32 - 1, 2**32 - 1, 1,
        2**16 - 1, 2,
    )  # fmt: skip
    assert call(bulk, [large]) == [TransferResult.CREATED]
    row = connection.execute(
        "SELECT journal, entry, id, credit_account_id, amount, user_data_128, user_data_64, "
        "user_data_32, timeout, book, code, flags FROM ledger_entry WHERE journal > 1"
    ).fetchall()
    wide = [n.to_bytes(16, "big") for n in (2**127, 2**128 - 2, 2**128 - 1)]
    assert row == [
        (2, 0, wide[0], wide[1], 2**63 - 1, wide[2], b"\xff" * 8, 2**32 - 1, 2**32 - 1, 1,
         2**16 - 1, 2)
    ]  # fmt: skip
