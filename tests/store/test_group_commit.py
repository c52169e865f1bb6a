"""Callers who wait together share a commit, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.ledger.model import Account, Transfer, TransferResult
from tallystick.store.bulk_store import BulkSession, release_index
from tallystick.store.engine import connect, migrate
from tallystick.store.group_commit import GroupCommit
from tallystick.store.journal_rows import journal_head
from tallystick.store.ledger_rows import SqlLedgerReader

CREATED = TransferResult.CREATED


class Group:
    """A group commit over a new database, not started yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)
        migrate(self.connection)
        session = BulkSession.on_sqlite(self.connection, exact=True)
        with session.transaction() as ledger:
            ledger.create_accounts([Account(1, 1, 1), Account(2, 1, 1, flags=2)], 1)
        self.commits = GroupCommit(session)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    group = Group(tmp_path / "tallystick.db")
    yield group
    group.connection.close()
    release_index(group.path)


def move(id_: int, debit: int = 1, credit: int = 2, flags: int = 0) -> Transfer:
    return Transfer(id_, debit, credit, 5, book=1, code=1, flags=flags)


def test_all_that_wait_are_one_batch_and_each_is_answered_by_itself(group: Group) -> None:
    waiting = [group.commits.submit([move(i)]) for i in range(1, 101)]
    again = group.commits.submit([move(7)])
    poor = group.commits.submit([move(200, debit=2, credit=99), move(201)])
    group.commits.start()
    group.commits.stop()
    assert [w.result() for w in waiting] == [[CREATED]] * 100
    assert again.result() == [TransferResult.EXISTS]
    assert poor.result() == [TransferResult.CREDIT_ACCOUNT_NOT_FOUND, CREATED]
    assert journal_head(group.connection)[:2] == (2, 101)
    assert SqlLedgerReader(group.connection).accounts([1])[0].debits_posted == 505


def test_a_chain_left_open_does_not_take_in_the_next_caller(group: Group) -> None:
    first = group.commits.submit([move(1), move(2, flags=1)])
    second = group.commits.submit([move(3)])
    group.commits.start()
    group.commits.stop()
    assert first.result() == [CREATED, TransferResult.LINKED_EVENT_CHAIN_OPEN]
    assert second.result() == [CREATED]


def test_when_the_store_fails_every_waiting_caller_is_told(group: Group) -> None:
    group.connection.execute("DROP TABLE ledger_block")
    waiting = [group.commits.submit([move(i)]) for i in (1, 2)]
    group.commits.start()
    group.commits.stop()
    for waiter in waiting:
        with pytest.raises(Exception, match="ledger_block"):
            waiter.result()


def test_a_call_that_does_not_fit_is_refused_before_it_waits(group: Group) -> None:
    with pytest.raises(ValueError, match="1 to"):
        group.commits.submit([])
    with pytest.raises(ValueError, match="amount"):
        group.commits.submit([Transfer(1, 1, 2, 2**63)])


def test_callers_on_an_event_loop_are_answered_there(group: Group) -> None:
    async def ask() -> list[list[TransferResult]]:
        waiting = [group.commits.create_transfers([move(i)]) for i in range(1, 65)]
        return await asyncio.gather(*waiting)

    group.commits.start()
    assert asyncio.run(ask()) == [[CREATED]] * 64
    group.commits.stop()
    assert SqlLedgerReader(group.connection).accounts([1])[0].debits_posted == 320
