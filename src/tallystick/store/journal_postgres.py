"""The bulk ledger's port to PostgreSQL: the same tables, blocks by binary COPY, arrays for rows.

One advisory lock, held to the end of the transaction, makes the journal one sequence whichever
process appends; every other statement sees what was committed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8

from tallystick.ledger.journal import NO_HEAD, JournalBatch, JournalHead, blocks_of
from tallystick.ledger.model import Account, PendingState
from tallystick.store.entry_view import postgres_view
from tallystick.store.ledger_rows import ACCOUNT_COLUMNS, account_from_row, account_row
from tallystick.store.schema import migrations

__all__ = ["PostgresJournal", "create_ledger_tables"]

Connection = psycopg.Connection[Any]

_LOCK = 0x7A11_5711
_BATCH = (
    "number, first_entry, entries, last_timestamp, in_rows, accounts, expired, failed, "
    "previous_hash, hash"
)
_HEAD = (
    "SELECT number, first_entry + entries, last_timestamp, hash FROM ledger_journal "
    "ORDER BY number DESC LIMIT 1"
)
_BLOCKS = (
    "INSERT INTO ledger_block (first_entry, records) "
    "SELECT * FROM unnest(%b::bigint[], %b::bytea[])"
)
_FEW_BLOCKS = 16
_TOTALS = ("flags", "debits_pending", "debits_posted", "credits_pending", "credits_posted")


def create_ledger_tables(connection: Connection) -> None:
    """Make the ledger's tables in an empty database, from the same migrations."""
    script = "\n".join(sql for _, _, sql in migrations())
    script = re.sub(r"--[^\n]*", "", script).replace("BLOB", "BYTEA")
    script = script.replace("INTEGER NOT NULL PRIMARY KEY", "BIGINT NOT NULL PRIMARY KEY")
    with connection.transaction():
        for statement in script.split(";"):
            if re.match(r"\s*CREATE (TABLE|INDEX) ledger_", statement):
                connection.execute(statement.encode())
        # A block fits a page; it is not worth compressing or moving out of line.
        connection.execute("ALTER TABLE ledger_block ALTER COLUMN records SET STORAGE PLAIN")
        connection.execute(postgres_view().encode())


class PostgresJournal:
    """`JournalStore` over one psycopg connection in autocommit mode."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._pipeline: AbstractContextManager[object] | None = None
        self._begun_at: JournalHead | None = None
        self._in_own = False

    # Transactions. A small batch makes two journeys to the server: one that begins and asks for
    # the journal's end, one that writes and commits.

    def begin(self) -> None:
        """Begin a transaction that alone may append to the journal."""
        self._in_own = True
        begin = f"BEGIN; SELECT pg_advisory_xact_lock({_LOCK}); {_HEAD}"
        with self.connection.execute(begin.encode()) as cursor:
            while cursor.nextset():
                pass
            row = cursor.fetchone()
        self._begun_at = NO_HEAD if row is None else JournalHead(*row)

    def commit(self) -> None:
        """Make it durable."""
        self._begun_at, self._in_own = None, False
        self.connection.execute("COMMIT")
        self._all_answered()

    def roll_back(self) -> None:
        """Undo it, if there is one."""
        self._begun_at, self._in_own = None, False
        with suppress(psycopg.Error):  # What failed has been told.
            self._all_answered()
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            self.connection.execute("ROLLBACK")

    def _all_answered(self) -> None:
        """Wait for what was sent without waiting; here it tells what failed."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.__exit__(None, None, None)

    # The journal.

    def _all(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        with self.connection.cursor(binary=True) as cursor:
            return cursor.execute(sql.encode(), parameters).fetchall()

    def head(self) -> JournalHead:
        """The journal's end as this transaction sees it."""
        if self._begun_at is not None:
            return self._begun_at
        rows = self._all(_HEAD, ())
        return JournalHead(*rows[0]) if rows else NO_HEAD

    def append(self, batch: JournalBatch) -> None:
        """Write a batch after the head."""
        if self._in_own:
            self._begun_at = batch.head
        values: list[object] = [
            batch.number, batch.first_entry, batch.entries, batch.last_timestamp,
            int(batch.in_rows), batch.accounts, batch.expired, batch.failed, batch.previous_hash,
            batch.hash,
        ]  # fmt: skip
        head = f"INSERT INTO ledger_journal ({_BATCH}) VALUES ({', '.join(['%b'] * 10)})"  # noqa: S608
        blocks = [(first, bytes(records)) for first, records in blocks_of(batch)]
        if 0 < len(blocks) <= _FEW_BLOCKS:  # One journey to the server instead of four.
            head = f"WITH head AS ({head}) {_BLOCKS}"
            # Somebody else's transaction is ended without us, so nothing may be left unanswered.
            if self._in_own and self._pipeline is None:
                self._pipeline = self.connection.pipeline()
                self._pipeline.__enter__()
            values += [[first for first, _ in blocks], [records for _, records in blocks]]
        self.connection.execute(head.encode(), values)
        if len(blocks) > _FEW_BLOCKS:
            self._copy("ledger_block (first_entry, records)", ["int8", "bytea"], blocks)

    def _copy(self, into: str, types: list[str], rows: Sequence[Sequence[object]]) -> None:
        self._all_answered()
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {into} FROM STDIN (FORMAT BINARY)".encode()) as copy,
        ):
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    def batches(self, after: int, through: int) -> Iterator[JournalBatch]:
        """The batches with `after < number <= through`, in order."""
        for number in range(after + 1, through + 1):
            found = self._all(f"SELECT {_BATCH} FROM ledger_journal WHERE number = %s", (number,))  # noqa: S608
            if not found:  # Whoever follows sees by the numbers that one is missing.
                continue
            _, first, entries, at, in_rows, accounts, expired, failed, previous, digest = found[0]
            blocks = self._all(
                "SELECT records FROM ledger_block WHERE first_entry >= %s AND first_entry < %s "
                "ORDER BY first_entry",
                (first, first + entries),
            )
            yield JournalBatch(
                number, first, entries, at, bool(in_rows), accounts, expired, failed,
                b"".join(r[0] for r in blocks), previous, digest,
            )  # fmt: skip

    def blocks(self, first_entries: Sequence[int]) -> dict[int, bytes]:
        """The blocks that begin with these entries."""
        sql = "SELECT first_entry, records FROM ledger_block WHERE first_entry = ANY(%s)"
        return dict(self._all(sql, (list(first_entries),)))

    # Rows.

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""
        keys = [i.to_bytes(16, "big") for i in ids]
        sql = "SELECT transfer_id, state FROM ledger_pending WHERE transfer_id = ANY(%s)"
        found = self._all(sql, (keys,))
        return {int.from_bytes(i, "big"): PendingState(state) for i, state in found}

    def keep_states(self, states: Sequence[tuple[bytes, int]]) -> None:
        """Write what has become of pending transfers."""
        latest = dict(states)
        self.connection.execute(
            "INSERT INTO ledger_pending (transfer_id, state) "
            "SELECT * FROM unnest(%s::bytea[], %s::bigint[]) "
            "ON CONFLICT (transfer_id) DO UPDATE SET state = excluded.state",
            (list(latest), list(latest.values())),
        )

    def keep_failed(self, ids: Sequence[bytes]) -> None:
        """Write ids that may not be used again."""
        self.connection.execute(
            "INSERT INTO ledger_failed (transfer_id) SELECT unnest(%s::bytea[]) "
            "ON CONFLICT DO NOTHING",
            (list(ids),),
        )

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist, with their stored totals."""
        keys = [i.to_bytes(16, "big") for i in ids]
        sql = f"SELECT {ACCOUNT_COLUMNS} FROM ledger_account WHERE id = ANY(%s)"  # noqa: S608
        return [account_from_row(row) for row in self._all(sql, (keys,))]

    def open_accounts(self, accounts: Sequence[Account]) -> None:
        """Write new accounts."""
        numbers, data = "int8", "bytea"
        types = [data, *[numbers] * 3, data, data, *[numbers] * 6]
        into = f"ledger_account ({ACCOUNT_COLUMNS})"
        self._copy(into, types, [account_row(a) for a in accounts])

    def keep_totals(self, rows: Sequence[tuple[int, int, int, int, int, bytes]]) -> None:
        """Write accounts' flags and totals, by id."""
        columns = ", ".join(f"{name} = u.{name}" for name in _TOTALS)
        arrays = ", ".join(["%s::bigint[]"] * len(_TOTALS))
        # All of one width: the driver would write a later list as wide as the first one needs.
        *totals, ids = zip(*rows, strict=True)
        self.connection.execute(
            f"UPDATE ledger_account a SET {columns} "  # noqa: S608
            f"FROM unnest({arrays}, %s::bytea[]) AS u({', '.join(_TOTALS)}, id) "
            "WHERE a.id = u.id".encode(),
            [*([Int8(total) for total in column] for column in totals), list(ids)],
        )

    def totals_behind(self) -> int | None:
        """The batch as of which the accounts' stored totals are, or None when they are exact."""
        rows = self._all("SELECT number FROM ledger_totals_behind", ())
        return int(rows[0][0]) if rows else None

    def set_totals_behind(self, number: int | None) -> None:
        """Say as of which batch the accounts' stored totals are; None for exact."""
        self.connection.execute("DELETE FROM ledger_totals_behind")
        if number is not None:
            self.connection.execute("INSERT INTO ledger_totals_behind VALUES (%s)", (number,))
