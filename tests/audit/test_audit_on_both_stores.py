"""The audit on SQLite and on PostgreSQL, over books of commands and of bulk calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.audit.audited import forge
from tests.proofs.proved import HERE, THERE, Proved, proved

from tallystick.audit.run import Audit, audit, audit_one_moment
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.ledger.records import empty_records
from tallystick.platform import registry_of_products
from tallystick.store.bulk_store import BulkSession
from tallystick.store.connection import Connection
from tallystick.store.ledger_rows import id_bytes

Corrupt = Callable[[Connection], object]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Proved]:
    with proved(tmp_path) as made:
        made.move(10, 11)
        made.move(12, flags=int(TransferFlags.PENDING))
        made.sign()
        made.executor.stop()
        session = BulkSession.on(made.writer)
        records = empty_records(600)
        records["id"][:, 1] = range(1000, 1600)
        records["debit_account_id"][:, 1], records["credit_account_id"][:, 1] = HERE, THERE
        records["amount"] = records["book"] = records["code"] = 7
        with session.transaction() as ledger:
            assert not ledger.create_transfers(records, made.clock() * 10**6).any()
        session.close()
        yield made


def audited(parts: Proved) -> Audit:
    with closing(parts.database.connect(readonly=True)) as connection:
        return audit(connection, registry_of_products())


def set_in(table: str, column: str, value: object, key: str, at: object) -> Corrupt:
    return lambda c: c.execute(
        f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
        (value, at),
    )


def flip_bit(c: Connection) -> None:
    sql = "SELECT first_entry, records FROM ledger_block ORDER BY first_entry DESC LIMIT 1"
    first, records = c.execute(sql).fetchone()
    spoilt = bytes(records[:-1]) + bytes([records[-1] ^ 1])
    c.execute("UPDATE ledger_block SET records = ? WHERE first_entry = ?", (spoilt, first))


def delete_from(table: str, key: str, at: object) -> Corrupt:
    return lambda c: c.execute(f"DELETE FROM {table} WHERE {key} = ?", (at,))


def cut_tail(c: Connection) -> None:
    for table in ("ledger_journal WHERE number > 1", "ledger_block WHERE first_entry >= 0"):
        c.execute(f"DELETE FROM {table}")


CORRUPTIONS: list[tuple[str, Corrupt]] = [
    ("batch_changed", flip_bit),
    ("block_missing", delete_from("ledger_block", "first_entry", 35)),
    ("batch_missing", delete_from("ledger_journal", "number", 2)),
    ("tail_cut", cut_tail),
    ("chain_broken", set_in("ledger_journal", "previous_hash", bytes(32), "number", 3)),
    ("entry_duplicated",
     lambda c: forge(c, Transfer(1000, HERE, THERE, 7, book=7, code=7))),
    ("head_differs", set_in("ledger_journal", "hash", bytes(32), "number", 3)),
    ("account_totals_differ",
     set_in("ledger_account", "debits_posted", 1, "id", id_bytes(HERE))),
    ("account_flags_differ", set_in("ledger_account", "flags", 2, "id", id_bytes(HERE))),
    ("account_row_differs",
     set_in("ledger_account", "user_data_64", bytes(7) + b"\1", "id", id_bytes(HERE))),
    ("transfer_row_differs", set_in("ledger_transfer", "amount", 9, "id", id_bytes(10))),
    ("transfer_row_missing", delete_from("ledger_transfer", "id", id_bytes(11))),
    ("pending_state_differs", set_in("ledger_pending", "state", 3, "transfer_id", id_bytes(12))),
]  # fmt: skip


def test_what_was_corrupted_is_named_and_what_is_sound_is_not(parts: Proved) -> None:
    sound = audited(parts)
    assert sound.clean, sound.findings
    assert (sound.entries, sound.accounts, sound.heads) == (603, 2, 1)
    for code, corrupt in CORRUPTIONS:
        parts.writer.execute("BEGIN IMMEDIATE")
        try:
            corrupt(parts.writer)
            found = audit_one_moment(parts.writer, registry_of_products())
        finally:
            parts.writer.execute("ROLLBACK")
        assert code in found.counts, (code, found)
    assert audited(parts).clean
