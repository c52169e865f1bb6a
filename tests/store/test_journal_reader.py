"""Entries found through the index are those that a plain scan finds, at every place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.bulk_parts import Bulk

from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, Transfer
from tallystick.ledger.tables import IdTable
from tallystick.store.bulk_store import BulkSession, SqliteJournal, release_index
from tallystick.store.engine import connect, migrate
from tallystick.store.ledger_rows import SqlLedgerReader

ACCOUNTS = 5
MOVES_NOTHING = 2 | 8


class Booked:
    """A ledger with entries, and the entries themselves in order."""

    def __init__(self, bulk: Bulk, entries: list[Transfer]) -> None:
        self.reader = SqlLedgerReader(bulk.connection)
        self.bulk = bulk
        self.entries = entries

    def of(self, account_id: int, *, moving: bool = True) -> list[Transfer]:
        return [
            t
            for t in self.entries
            if account_id in (t.debit_account_id, t.credit_account_id)
            and not (moving and t.flags & MOVES_NOTHING)
        ]


def _random_calls(rng: random.Random, count: int) -> Iterator[list[Transfer]]:
    """Calls of moves, holds and settlements; account 1 takes part in most of them."""
    holds: list[int] = []
    number = 0
    while number < count:
        call = []
        for _ in range(rng.randint(1, 90)):
            number += 1
            if holds and rng.random() < 0.1:
                flag = rng.choice([4, 8])
                amount = 2**63 - 1 if flag == 4 else 0
                held = holds.pop(rng.randrange(len(holds)))
                call.append(Transfer(number, pending_id=held, amount=amount, flags=flag))
                continue
            hot = rng.random() < 0.8
            debit = 1 if hot else rng.randint(2, ACCOUNTS)
            credit = rng.choice([i for i in range(1, ACCOUNTS + 1) if i != debit])
            pending = rng.random() < 0.15
            if pending:
                holds.append(number)
            call.append(
                Transfer(
                    number, debit, credit, rng.randint(0, 99), book=1, code=1,
                    user_data_128=rng.choice([0, 0, 7, 2**100]), flags=2 if pending else 0,
                )
            )  # fmt: skip
        yield call


@pytest.fixture(scope="module")
def booked() -> Iterator[Booked]:
    bulk = Bulk()
    bulk.open([Account(i, 1, 1) for i in range(1, ACCOUNTS + 1)], 1)
    numbers: list[int] = []
    for call in _random_calls(random.Random(3), 3000):
        assert set(bulk.call(call, 1)) == {"created"}
        numbers += [t.id for t in call]
    entries = SqlLedgerReader(bulk.connection).transfers(numbers)
    yield Booked(bulk, sorted(entries, key=lambda t: t.timestamp))
    bulk.connection.close()


spans = st.tuples(
    st.integers(1, ACCOUNTS), st.integers(0, 3200), st.integers(0, 3200), st.integers(1, 200)
)


@settings(max_examples=300)
@given(span=spans)
def test_pages_of_an_account_are_those_of_a_scan(
    booked: Booked, span: tuple[int, int, int, int]
) -> None:
    account_id, start, end, limit = span
    within = [t for t in booked.of(account_id) if start <= t.timestamp < end]
    given_span = {"not_before": start, "before": end, "limit": limit}
    assert booked.reader.newest_postings(account_id, **given_span) == within[::-1][:limit]
    assert booked.reader.oldest_postings(account_id, **given_span) == within[:limit]
    every = [t for t in booked.of(account_id, moving=False) if start < t.timestamp < end]
    found = booked.reader.transfers_of_account(account_id, after=start, before=end, limit=limit)
    assert found == every[:limit]


@settings(max_examples=300)
@given(account_id=st.integers(1, ACCOUNTS), moment=st.integers(0, 3200))
def test_a_balance_at_a_moment_is_the_sum_of_what_was_before(
    booked: Booked, account_id: int, moment: int
) -> None:
    before = [t for t in booked.of(account_id) if t.timestamp < moment]
    account = booked.reader.accounts([account_id])[0]
    then = booked.reader.posted_before(account, moment)
    assert then.debits_posted == sum(t.amount for t in before if t.debit_account_id == account_id)
    assert then.credits_posted == sum(t.amount for t in before if t.credit_account_id == account_id)


def test_entries_are_found_by_reference_and_by_timestamp(booked: Booked) -> None:
    for reference in (7, 2**100, 12345):
        expected = [t for t in booked.entries if t.user_data_128 == reference]
        assert booked.reader.transfers_with_reference(reference) == expected
    chosen = booked.entries[5:3000:371]
    stamps = [t.timestamp for t in chosen]
    assert booked.reader.transfers_at([*reversed(stamps), 10**9]) == chosen


def test_an_index_worked_out_again_is_the_same(booked: Booked) -> None:
    again = JournalIndex()
    again.catch_up(SqliteJournal(booked.bulk.connection), writing=False)
    index = booked.bulk.session.ledger.index
    assert again.head == index.head
    for account_id in range(1, ACCOUNTS + 1):
        for limit in range(0, again.entry_count + 1, 97):
            assert again.totals_before(account_id, limit) == index.totals_before(account_id, limit)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_what_is_undone_leaves_the_index_as_it_was(seed: int, undone: int) -> None:
    calls = list(_random_calls(random.Random(seed), 500))
    kept, dropped = calls[:-undone], calls[-undone:]
    straight, bulk = Bulk(), Bulk()
    for of in (straight, bulk):
        of.open([Account(i, 1, 1) for i in range(1, ACCOUNTS + 1)], 1)
        for call in kept:
            of.call(call, 1)
    index = bulk.session.ledger.index
    number = index.head.number
    for call in dropped:
        with pytest.raises(ZeroDivisionError), bulk.session.transaction() as ledger:  # noqa: PT012
            ledger.create_accounts([Account(99, 1, 1)], 1)
            ledger.create_transfers(call, 1)
            ledger.create_transfers([Transfer(10**6, 1, 98, 5, book=1, code=1)], 1)
            raise ZeroDivisionError
    assert index.head.number == number
    for call in dropped:
        assert bulk.call(call, 1) == straight.call(call, 1)
    expected = straight.session.ledger.index
    for account_id in range(1, ACCOUNTS + 1):
        for limit in range(0, index.entry_count + 1, 61):
            assert index.totals_before(account_id, limit) == expected.totals_before(
                account_id, limit
            )
    for reference in (7, 2**100):
        assert index.referring(reference, 10**6) == expected.referring(reference, 10**6)
    straight.connection.close()
    bulk.connection.close()


@given(st.lists(st.integers(0, 2**128 - 1), unique=True, min_size=1, max_size=3000), st.data())
@settings(max_examples=30, deadline=None)
def test_a_table_of_ids_finds_what_is_in_it_and_nothing_else(
    ids: list[int], data: st.DataObject
) -> None:
    import numpy as np

    def columns(of: list[int]) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.array([i >> 64 for i in of], np.uint64),
            np.array([i & (2**64 - 1) for i in of], np.uint64),
        )

    cut = data.draw(st.integers(0, len(ids)))
    table = IdTable()
    table.add(*columns(ids[:cut]))
    table.add(*columns(ids[cut:]))
    assert table.find(*columns(ids)).tolist() == list(range(len(ids)))
    table.shrink(cut)
    assert table.find(*columns(ids)).tolist() == [*range(cut), *[-1] * (len(ids) - cut)]


def test_a_database_put_back_to_an_earlier_state_is_followed_from_there(tmp_path: Path) -> None:
    path = tmp_path / "tallystick.db"
    connection = connect(path)
    migrate(connection)
    session = BulkSession.on_sqlite(connection, exact=True)
    with session.transaction() as ledger:
        ledger.create_accounts([Account(i, 1, 1) for i in (1, 2)], 1)
    for number in (5, 6):
        with session.transaction() as ledger:
            ledger.create_transfers([Transfer(number, 1, 2, 9, book=1, code=1)], 1)
    connection.execute("DELETE FROM ledger_journal WHERE number > 1")
    connection.execute("DELETE FROM ledger_block")
    with session.transaction() as ledger:
        assert not ledger.create_transfers([Transfer(5, 1, 2, 7, book=1, code=1)], 1).any()
        assert ledger.index.totals_before(1, 9).debits_posted == 7
    connection.close()
    release_index(path)
