"""Bulk calls inside a unit of work: one transaction, one ledger, whichever way was posted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.bulk_parts import database
from tests.ledger.histories import ACCOUNT_IDS, START_NS, TRANSFER_IDS, accounts, calls, opened
from tests.stores import chosen, database_for

from tallystick.ledger.bulk import result_names
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, PendingState, Transfer, TransferResult
from tallystick.store.bulk_store import BulkSession, journal_of, release_index
from tallystick.store.connection import Connection
from tallystick.store.engine import SqliteDatabase, migrate
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork

Calls = list[tuple[int, list[Transfer]]]

CREATED, EXISTS = TransferResult.CREATED, TransferResult.EXISTS


class Store:
    """A database file, and units of work on it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.database = database_for(folder)
        self.connection: Connection = self.database.connect()
        migrate(self.connection)
        with_accounts = self.begin()
        with_accounts.books.create_accounts(
            [Account(id=i, book=1, code=10) for i in (1, 2, 3)], START_NS
        )
        self.commit(with_accounts)

    def begin(self) -> UnitOfWork:
        self.connection.execute("BEGIN IMMEDIATE")
        last = SqlLedgerReader(self.connection).last_timestamp()
        return UnitOfWork(self.connection, START_NS // 10**6, last)

    def commit(self, uow: UnitOfWork) -> None:
        uow.flush()
        self.connection.execute("COMMIT")
        uow.committed()

    def roll_back(self, uow: UnitOfWork) -> None:
        self.connection.execute("ROLLBACK")
        uow.undone()

    def restart(self) -> None:
        self.connection.close()
        self.release()
        self.connection = self.database.connect()
        migrate(self.connection)

    def release(self) -> None:
        """Have the process know nothing of the journal."""
        found = self.database
        release_index(found.path if isinstance(found, SqliteDatabase) else found.url)

    def account(self, account_id: int) -> Account:
        return SqlLedgerReader(self.connection).accounts([account_id])[0]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.connection.close()
    store.release()


def move(id_: int, amount: int = 5, debit: int = 1, credit: int = 2, flags: int = 0) -> Transfer:
    return Transfer(id_, debit, credit, amount, book=1, code=7, flags=flags)


def one_by_one(uow: UnitOfWork, transfers: list[Transfer]) -> list[TransferResult]:
    return uow.books.create_transfers(transfers, START_NS)


def in_bulk(uow: UnitOfWork, transfers: list[Transfer]) -> list[TransferResult]:
    return result_names(uow.create_transfers(transfers))


@pytest.mark.parametrize("restarted", [False, True])
def test_each_way_sees_the_totals_and_ids_of_the_other(store: Store, restarted: bool) -> None:
    posts = [one_by_one, in_bulk, one_by_one, in_bulk]
    for number, post in enumerate(posts, start=1):
        uow = store.begin()
        again = [move(i) for i in range(1, number)]
        assert post(uow, [*again, move(number)]) == [EXISTS] * len(again) + [CREATED]
        store.commit(uow)
        assert store.account(1).debits_posted == 5 * number
        if restarted:
            store.restart()


@pytest.mark.parametrize("amount", [1, 40_000, 3 * 10**9, 2**62])
def test_totals_of_any_size_are_written_whole(store: Store, amount: int) -> None:
    uow = store.begin()
    assert in_bulk(uow, [move(1, amount), move(2, 3, debit=3)]) == [CREATED, CREATED]
    store.commit(uow)
    store.restart()
    assert store.account(1).debits_posted == amount
    assert store.account(2).credits_posted == amount + 3
    assert store.account(3).debits_posted == 3


@pytest.mark.parametrize(("hold", "post"), [(one_by_one, in_bulk), (in_bulk, one_by_one)])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_hold_of_one_way_is_settled_by_the_other(
    store: Store, hold: object, post: object, restarted: bool
) -> None:
    uow = store.begin()
    assert hold(uow, [move(1, flags=2), move(2, flags=2)]) == [CREATED, CREATED]  # type: ignore[operator]
    store.commit(uow)
    if restarted:
        store.restart()
    uow = store.begin()
    settled = [Transfer(3, pending_id=1, amount=4, flags=4), Transfer(4, pending_id=2, flags=8)]
    assert post(uow, settled) == [CREATED, CREATED]  # type: ignore[operator]
    store.commit(uow)
    reader = SqlLedgerReader(store.connection)
    assert reader.pending_states([1, 2]) == {1: PendingState.POSTED, 2: PendingState.VOIDED}
    assert (store.account(2).credits_posted, store.account(2).credits_pending) == (4, 0)
    assert [t.id for t in reader.transfers_of_account(2)] == [1, 2, 3, 4]


def test_an_id_used_up_by_one_way_is_used_up_for_the_other(store: Store) -> None:
    for number, (first, second) in enumerate([(one_by_one, in_bulk), (in_bulk, one_by_one)], 1):
        uow = store.begin()
        assert first(uow, [move(number, credit=99)]) == [TransferResult.CREDIT_ACCOUNT_NOT_FOUND]
        store.commit(uow)
        uow = store.begin()
        assert second(uow, [move(number)]) == [TransferResult.ID_ALREADY_FAILED]
        store.commit(uow)


def test_commands_around_a_bulk_call_are_undone_one_by_one(store: Store) -> None:
    uow = store.begin()
    one_by_one(uow, [move(1)])
    mark = uow.mark()
    one_by_one(uow, [move(2)])
    inner = uow.mark()
    in_bulk(uow, [move(3)])
    one_by_one(uow, [move(4)])
    uow.rollback(inner)
    assert in_bulk(uow, [move(3), move(2)]) == [CREATED, EXISTS]
    uow.rollback(mark)
    assert in_bulk(uow, [move(3), move(1)]) == [CREATED, EXISTS]
    store.commit(uow)
    reader = SqlLedgerReader(store.connection)
    assert {t.id for t in reader.transfers([1, 2, 3, 4])} == {1, 3}
    assert store.account(1).debits_posted == 10


def test_a_rolled_back_transaction_leaves_nothing_of_its_bulk_calls(store: Store) -> None:
    uow = store.begin()
    in_bulk(uow, [move(1), move(2, flags=2), move(3, credit=99)])
    store.roll_back(uow)
    uow = store.begin()
    assert in_bulk(uow, [move(1), move(2), move(3)]) == [CREATED] * 3
    store.commit(uow)
    assert (store.account(1).debits_posted, store.account(1).debits_pending) == (15, 0)


def test_a_reader_sees_a_bulk_call_only_once_it_is_committed(store: Store) -> None:
    with closing(store.database.connect(readonly=True)) as beside:
        seen = SqlLedgerReader(beside)
        uow = store.begin()
        in_bulk(uow, [move(1)])
        store.commit(uow)
        uow = store.begin()
        in_bulk(uow, [move(2)])
        assert [t.id for t in seen.transfers([1, 2])] == [1]
        assert [t.id for t in seen.newest_postings(2, limit=9)] == [1]
        assert seen.posted_before(seen.accounts([2])[0], 2**62).credits_posted == 5
        store.commit(uow)
        assert [t.id for t in seen.newest_postings(2, limit=9)] == [2, 1]


@given(accounts, calls, st.lists(st.tuples(st.booleans(), st.booleans()), min_size=6, max_size=6))
def test_any_mixture_of_both_ways_is_one_ledger(
    given_accounts: list[Account], history: Calls, ways: list[tuple[bool, bool]]
) -> None:
    expected, _, _ = opened(given_accounts)
    connection = database()
    uow = UnitOfWork(connection, 0, START_NS)
    uow.books.create_accounts(given_accounts, START_NS)
    now_ns = START_NS
    for (passed_ns, call), (bulk, commit) in zip(history, ways, strict=False):
        now_ns = max(now_ns, expected.last_timestamp + 1) + passed_ns
        if bulk:
            uow.now_ms = 0
            uow.books._last_timestamp = now_ns - 1
            answers = in_bulk(uow, call)
        else:
            answers = uow.books.create_transfers(call, now_ns)
        assert answers == expected.create_transfers(call, now_ns)
        if commit:
            uow.flush()
            uow.committed()
            uow = UnitOfWork(connection, 0, uow.books.last_timestamp)
    uow.flush()
    reader = SqlLedgerReader(connection)
    found = {a.id: a for a in reader.accounts(ACCOUNT_IDS)}
    assert [found.get(i) for i in ACCOUNT_IDS] == [expected.account(i) for i in ACCOUNT_IDS]
    transfers = {t.id: t for t in reader.transfers(TRANSFER_IDS)}
    assert [transfers.get(i) for i in TRANSFER_IDS] == [expected.transfer(i) for i in TRANSFER_IDS]


def _totals(connection: Connection) -> list[tuple[int, int]]:
    rows = connection.execute(
        "SELECT debits_posted, credits_posted FROM ledger_account ORDER BY id"
    ).fetchall()
    return [(int(debits), int(credits)) for debits, credits in rows]


@pytest.mark.parametrize("late", [False, True])
def test_sessions_beside_each_other_leave_no_totals_behind(store: Store, late: bool) -> None:
    connections = [store.database.connect() for _ in range(2)]
    stores = [journal_of(connection) for connection in connections]
    first = BulkSession(stores[0], JournalIndex(), exact=False)

    def post(session: BulkSession, *transfers: Transfer) -> None:
        with session.transaction() as ledger:
            assert not ledger.create_transfers(transfers, START_NS).any()

    if late:
        post(first, move(1, 1))
    second = BulkSession(stores[1], JournalIndex(), exact=False)
    post(first, move(2, 10))
    post(second, move(3, 100, debit=2, credit=3))
    first.close()
    both = [(10 + late, 0), (100, 10 + late), (0, 100)]
    assert _totals(store.connection) == both
    post(second, move(4, 1000, debit=3, credit=1))
    second.close()
    assert _totals(store.connection) == [(10 + late, 1000), both[1], (1000, 100)]
    assert store.connection.execute("SELECT * FROM ledger_totals_behind").fetchone() is None
    for connection in connections:
        connection.close()


def test_where_others_may_post_meanwhile_a_session_keeps_totals_exact(store: Store) -> None:
    session = BulkSession.on(store.connection)
    with session.transaction() as ledger:
        ledger.create_transfers([move(1)], START_NS)
    exact = _totals(store.connection)[0] == (5, 0)
    session.close()
    assert exact is (chosen() == "postgres")
    assert _totals(store.connection)[0] == (5, 0)
