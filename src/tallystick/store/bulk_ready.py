"""Being ready for bulk calls: compiled code loaded and the journal's index at its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from tallystick.ledger.index import JournalIndex
from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.store.bulk_store import BulkSession, SqliteJournal
from tallystick.store.connection import Connection
from tallystick.store.engine import migrate
from tallystick.store.journal_reader import JournalReader

__all__ = ["ready_for_bulk"]

_PENDING, _POST = int(TransferFlags.PENDING), int(TransferFlags.POST_PENDING)


@cache
def _compiled_code_is_there() -> bool:
    """Post a little in a ledger in memory: what it needs is compiled, or loaded, by then."""
    moves = (
        Transfer(1, 1, 2, 5, book=7, code=1, flags=_PENDING),
        Transfer(2, 0, 0, 5, pending_id=1, flags=_POST),
        Transfer(3, 1, 2, 5, book=7, code=1),
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        session = BulkSession(SqliteJournal(connection), JournalIndex())
        with session.transaction() as ledger:
            ledger.create_accounts([Account(1, 7, 1), Account(2, 7, 1)], 1)
            ledger.create_transfers(moves, 1)
        session.close()
    return True


def ready_for_bulk(connection: Connection) -> None:
    """Load what the next bulk call needs, so that it need not wait for that in its transaction.

    It takes seconds where nothing was compiled yet, or where there are millions of entries.

    Args:
        connection: a reading one.
    """
    _compiled_code_is_there()
    JournalReader(connection).warm_up()
