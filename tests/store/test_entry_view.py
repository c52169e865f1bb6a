"""Plain SQL sees every entry, however it was posted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import astuple

from tallystick.ledger.model import Account, Transfer
from tallystick.store.bulk_store import release_index
from tallystick.store.engine import connect, migrate
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork

LARGE = Transfer(
    2**127, 3, 2**128 - 2, 2**63 - 1, 0, 2**128 - 1, 2**64 - 1, 2**32 - 1, 2**32 - 1, 1,
    2**16 - 1, 2,
)  # fmt: skip
COLUMNS = (
    "id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, user_data_64, "
    "user_data_32, timeout, book, code, flags, timestamp"
)


@pytest.fixture
def uow(tmp_path: Path) -> Iterator[UnitOfWork]:
    path = tmp_path / "tallystick.db"
    connection = connect(path)
    migrate(connection)
    uow = UnitOfWork(connection, 1, 0)
    uow.books.create_accounts([Account(i, 1, 1) for i in (1, 2, 3, 2**128 - 2)], 1)
    yield uow
    connection.close()
    release_index(path)


def _seen(uow: UnitOfWork, where: str = "") -> list[tuple[object, ...]]:
    rows = uow.connection.execute(f"SELECT {COLUMNS} FROM ledger_entry {where} ORDER BY entry")
    return [
        tuple(int.from_bytes(v, "big") if isinstance(v, bytes) else v for v in row) for row in rows
    ]


def test_the_view_has_what_both_ways_posted_and_nothing_else(uow: UnitOfWork) -> None:
    moves = [Transfer(i, 1, 2, i, book=1, code=7) for i in range(1, 101)]
    uow.books.create_transfers(moves[:40], 10)
    uow.create_transfers([*moves[40:], LARGE, Transfer(200, 1, 99, 5, book=1, code=7)])
    uow.flush()
    ids = [*range(1, 101), LARGE.id]
    kept = sorted(SqlLedgerReader(uow.connection).transfers(ids), key=lambda t: t.timestamp)
    assert len(kept) == 101
    assert _seen(uow) == [astuple(t) for t in kept]
    assert _seen(uow, "WHERE journal > 1") == [astuple(t) for t in kept[40:]]


def test_recent_batches_are_read_without_the_others(uow: UnitOfWork) -> None:
    plan = uow.connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM ledger_entry WHERE journal > 5"
    ).fetchall()
    steps = " ".join(str(row[3]) for row in plan)
    assert "SEARCH j USING INTEGER PRIMARY KEY" in steps
    assert "SEARCH b USING INTEGER PRIMARY KEY" in steps
