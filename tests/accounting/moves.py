"""Histories of plain movements over several days, posted one by one and in bulk."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st

from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.store.schema import migrations
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["DAY_NS", "START_NS", "Move", "book_moves", "everything", "histories"]

DAY_NS = 86_400_000_000_000
START_NS = 1_800_000_000_000_000_000
HERE, THERE, ELSEWHERE = 1, 2, 3


class Move(NamedTuple):
    """A movement, so long after the one before it; one that is not direct is held at first."""

    wait_ns: int
    debit: int
    credit: int
    amount: int
    bulk: bool
    direct: bool = False


_ends = st.sampled_from([(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b])
_move = st.builds(
    lambda wait, ends, amount, bulk, direct: Move(wait, ends[0], ends[1], amount, bulk, direct),
    st.sampled_from([1, 3_600_000_000_000, DAY_NS // 2, DAY_NS, 3 * DAY_NS]),
    _ends, st.sampled_from([0, 1, 99, 1230, 10**9]), st.booleans(), st.integers(0, 5).map(bool),
)  # fmt: skip
histories = st.lists(_move, max_size=14)


def everything() -> sqlite3.Connection:
    """A database in memory with every table."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(_empty())
    return connection


@cache
def _empty() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript("\n".join(sql for _, _, sql in migrations()))
    made = connection.serialize()
    connection.close()
    return made


def _transfers(number: int, move: Move, book: int) -> list[Transfer]:
    flags = 0 if move.direct else int(TransferFlags.PENDING)
    made = [
        Transfer(
            id=100 + 2 * number, debit_account_id=move.debit, credit_account_id=move.credit,
            amount=move.amount, user_data_128=number % 3 * 10**37, book=book, code=7 + number % 2,
            flags=flags,
        )
    ]  # fmt: skip
    if flags and number % 3:
        made.append(
            Transfer(
                id=101 + 2 * number, amount=2**63 - 1, pending_id=made[0].id,
                flags=int(TransferFlags.POST_PENDING),
            )
        )  # fmt: skip
    return made


def book_moves(
    moves: Sequence[Move], *, book: int = 7, codes: Sequence[int] = (2001, 1001, 4001)
) -> sqlite3.Connection:
    """A database with three accounts of a book, and the movements, a transaction each."""
    connection, now_ns = everything(), START_NS
    for number, move in enumerate([None, *moves]):
        now_ns += move.wait_ns if move else 0
        connection.execute("BEGIN")
        uow = UnitOfWork(connection, now_ns // 1_000_000, now_ns - 1)
        if move is None:
            opened = [
                Account(id=n, book=book, code=code, user_data_128=n)
                for n, code in enumerate(codes, 1)
            ]
            assert {r.value for r in uow.books.create_accounts(opened, now_ns)} == {"created"}
        elif move.bulk:
            assert not uow.create_transfers(_transfers(number, move, book)).any()
        else:
            made = uow.books.create_transfers(_transfers(number, move, book), now_ns)
            assert {r.value for r in made} == {"created"}
        now_ns = uow.books.last_timestamp + 1
        uow.flush()
        connection.execute("COMMIT")
        uow.committed()
    return connection
