"""The overview's payments by the hour count what was posted by commands and in bulk alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.stores import database_for

from tallystick.console.figures import PaidByHour
from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.payments.accounts import platform_book
from tallystick.payments.movements import Movement
from tallystick.store.connection import Connection
from tallystick.store.engine import migrate
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import UnitOfWork

START_MS = 1_800_000_000_000 // 3_600_000 * 3_600_000
HOUR_MS = 3_600_000
BOOK = platform_book("CNY")
PAY, CAPTURE = int(Movement.TRADE_PAY), int(Movement.HOLD_CAPTURE)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with closing(database_for(tmp_path).connect()) as made:
        migrate(made)
        with_accounts(made)
        yield made


def with_accounts(connection: Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    uow = UnitOfWork(connection, START_MS, 0)
    uow.books.create_accounts([Account(i, BOOK, 2001) for i in (1, 2)], START_MS * 1_000_000)
    uow.flush()
    connection.execute("COMMIT")


def post(connection: Connection, at_ms: int, *transfers: Transfer, in_bulk: bool) -> None:
    connection.execute("BEGIN IMMEDIATE")
    uow = UnitOfWork(connection, at_ms, at_ms * 1_000_000)
    if in_bulk:
        assert not uow.create_transfers(list(transfers)).any()
    else:
        uow.books.create_transfers(list(transfers), at_ms * 1_000_000)
    uow.flush()
    connection.execute("COMMIT")
    uow.committed()


def paid(id_: int, amount: int, code: int = PAY, flags: int = 0) -> Transfer:
    return Transfer(id_, 1, 2, amount, book=BOOK, code=code, flags=flags)


def test_payments_in_bulk_are_counted_once_and_with_the_others(connection: Connection) -> None:
    hours, rows = PaidByHour(), ReadSession(connection)
    post(connection, START_MS, paid(10, 100), in_bulk=False)
    hours.update(rows, START_MS)
    in_bulk = (
        paid(11, 30), paid(12, 4, CAPTURE), paid(13, 9, int(Movement.TOP_UP)),
        paid(14, 7, flags=int(TransferFlags.PENDING)),
    )  # fmt: skip
    post(connection, START_MS + 1, *in_bulk, in_bulk=True)
    post(connection, START_MS + 2, paid(15, 1000), in_bulk=False)
    post(connection, START_MS + HOUR_MS, paid(16, 5), in_bulk=True)
    for _ in range(2):
        hours.update(rows, START_MS + HOUR_MS)
        assert hours.between(START_MS, START_MS + HOUR_MS)[1:] == (1134, 4)
        assert hours.between(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS)[1:] == (5, 1)
    afresh = PaidByHour()
    afresh.update(rows, START_MS + HOUR_MS)
    assert afresh.between(START_MS, START_MS + 2 * HOUR_MS)[1:] == (1139, 5)


def test_what_was_posted_too_long_ago_is_not_read(connection: Connection) -> None:
    post(connection, START_MS, paid(10, 100), in_bulk=True)
    hours, later = PaidByHour(), START_MS + 40 * 24 * HOUR_MS
    hours.update(ReadSession(connection), later)
    assert hours.between(START_MS, START_MS + HOUR_MS)[1:] == (0, 0)
