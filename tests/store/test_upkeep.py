"""Opening a database brings its ledger up: a journal for earlier rows, and exact totals."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, Transfer
from tallystick.store.bulk_store import BulkSession, SqliteJournal, release_index
from tallystick.store.engine import connect, migrate
from tallystick.store.journal_rows import journal_batches, journal_head
from tallystick.store.ledger_rows import SqlLedgerReader

DUMPS = sorted((Path(__file__).parent.parent / "data" / "schema").glob("schema_*.sql"))


@pytest.mark.parametrize("dump", DUMPS, ids=lambda p: p.stem)
def test_the_journal_of_an_earlier_database_gives_its_totals(dump: Path, tmp_path: Path) -> None:
    with closing(connect(tmp_path / "tallystick.db")) as connection:
        connection.executescript(dump.read_text("utf-8"))
        migrate(connection)
        accounts = SqlLedgerReader(connection).accounts_where()
        index = JournalIndex()
        head = index.catch_up(SqliteJournal(connection), writing=True)
        assert accounts
        for account in accounts:
            number = index.account_ids.ids().index(account.id)
            totals = [int(column[number]) for column in index.accounts[:6]]
            assert totals == [
                account.book, account.flags, account.debits_pending, account.debits_posted,
                account.credits_pending, account.credits_posted,
            ]  # fmt: skip
        migrate(connection)
        assert journal_head(connection) == head


def test_each_batch_carries_the_hash_of_the_one_before(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "tallystick.db")) as connection:
        connection.executescript(DUMPS[-1].read_text("utf-8"))
        migrate(connection)
        head = journal_head(connection)
        batches = list(journal_batches(connection, 0, head.number))
    assert len(batches) > 1
    previous = bytes(32)
    for batch in batches:
        assert batch.previous_hash == previous
        previous = batch.hash
    assert previous == head.hash


def test_totals_that_a_session_left_behind_are_written_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "tallystick.db"
    with closing(connect(path)) as connection:
        migrate(connection)
        session = BulkSession.on_sqlite(connection)
        with session.transaction() as ledger:
            ledger.create_accounts([Account(1, 1, 1), Account(2, 1, 1)], 1)
            ledger.create_transfers([Transfer(7, 1, 2, 50, book=1, code=1)], 1)
        # It ends here without `close`, as a process that is killed does.
    release_index(path)
    with closing(connect(path)) as connection:
        reader = SqlLedgerReader(connection)
        assert reader.accounts([1])[0].debits_posted == 0
        assert SqliteJournal(connection).totals_behind() == 1
        migrate(connection)
        assert reader.accounts([1])[0].debits_posted == 50
        assert SqliteJournal(connection).totals_behind() is None
    release_index(path)
