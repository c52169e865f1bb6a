"""Rows against the journal: accounts, transfers, holds, used-up ids, and what books add up to."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.accounting.views import stored_trial_balances
from tallystick.audit.findings import Findings
from tallystick.audit.journal import COUNTED, JournalAudit
from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.journal import JournalBatch
from tallystick.ledger.model import PendingState
from tallystick.ledger.records import OPENINGS, TRANSFERS, halves
from tallystick.ledger.tables import IdTable, room
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = [
    "TransferRows", "audit_accounts", "audit_books", "audit_failed", "audit_pending",
    "totals_behind",
]  # fmt: skip

_AT_ONCE = 20_000
_ACCOUNTS = (
    "SELECT id, user_data_128, user_data_64, timestamp, book, user_data_32, code, flags, "
    "debits_pending, debits_posted, credits_pending, credits_posted FROM ledger_account"
)
_OPENING = struct.Struct(">16s16s8sqIIHH")
_TRANSFERS = (
    "SELECT id, debit_account_id, credit_account_id, pending_id, user_data_128, amount, "
    "user_data_64, timestamp, book, user_data_32, timeout, code, flags FROM ledger_transfer"
)
_RECORD = struct.Struct(">16s16s16s16s16sq8sqIIIHH")
_HOLD_STATES = {int(state) for state in PendingState}

I64 = npt.NDArray[np.int64]


def _chunks(
    connection: Connection, sql: str, parameters: Sequence[Any] = ()
) -> Iterator[list[Any]]:
    rows = iter(connection.execute(sql, parameters))
    while part := list(islice(rows, _AT_ONCE)):
        yield part


def _found(table: IdTable, ids: Sequence[bytes]) -> I64:
    keys = b"".join(_as_bytes(i).rjust(16, b"\0")[:16] for i in ids)
    return table.find(*halves(np.frombuffer(keys, ">u8").reshape(-1, 2)))


def _packed(layout: struct.Struct, row: Sequence[Any]) -> bytes:
    """A row as its record; a row that does not fit one is like no record."""
    try:
        return layout.pack(*(bytes(v) if isinstance(v, memoryview) else v for v in row))
    except (struct.error, TypeError):
        return bytes(layout.size)


def _as_bytes(value: object) -> bytes:
    """An id as it is stored; of another type it is no id."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else b""


def _hex(data: object) -> str:
    return str(int.from_bytes(_as_bytes(data), "big"))


def _whole(rows: Sequence[Sequence[object]]) -> I64:
    """Numbers as they are stored; -1, which no total is, for what is none."""
    found = np.array(rows, object)
    return np.array([v if type(v) is int else -1 for v in found.flat], np.int64).reshape(
        found.shape
    )


def totals_behind(connection: Connection) -> int | None:
    """The batch of which the accounts' rows have the totals, when a bulk session works."""
    row = connection.execute("SELECT MIN(number) FROM ledger_totals_behind").fetchone()
    return None if row[0] is None else int(row[0])


# Accounts.


def audit_accounts(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """Every account's row, against its opening and the totals that follow from the journal."""
    openings = journal.openings
    seen = np.zeros(len(openings), np.bool_)
    derived = _counted_in_rows(journal, findings)
    for rows in _chunks(connection, _ACCOUNTS):
        numbers = _found(journal.index.account_ids, [row[0] for row in rows])
        for i in np.flatnonzero(numbers < 0).tolist():
            findings.add("account_row_extra", f"account {_hex(rows[i][0])}")
        known = np.flatnonzero(numbers >= 0)
        numbers = numbers[known]
        rows = [rows[i] for i in known.tolist()]
        seen[numbers] = True
        _compare_openings(rows, numbers, openings, findings)
        _compare_counted(rows, derived[numbers], findings)
    for number in np.flatnonzero(~seen).tolist():
        findings.add("account_row_missing", f"account {_hex(openings['id'][number].tobytes())}")


def _compare_openings(rows: Sequence[Any], numbers: I64, openings: Any, findings: Findings) -> None:
    packed = b"".join(_packed(_OPENING, (*row[:7], 0)) for row in rows)
    stored = np.frombuffer(packed, OPENINGS)
    opened = openings[numbers].copy()
    opened["flags"] = 0
    same = stored.view("V60") == opened.view("V60")
    for i in np.flatnonzero(~same).tolist():
        findings.add("account_row_differs", f"account {_hex(rows[i][0])}")


def _counted_in_rows(journal: JournalAudit, findings: Findings) -> I64:
    """The flags and totals that rows should have: those of now, or of the batch that they say."""
    derived = journal.counted()
    if journal.remember is None:
        return derived
    if journal.remember > journal.last.number:
        findings.add(
            "account_totals_differ", "ledger_totals_behind",
            f"Totals are said to be those of batch {journal.remember}, which is not there.",
        )  # fmt: skip
        return derived
    then = np.zeros_like(derived)
    then[:, 0] = journal.openings["flags"]
    if journal.remembered is not None:
        then[: len(journal.remembered)] = journal.remembered
    return then


def _compare_counted(rows: Sequence[Any], derived: I64, findings: Findings) -> None:
    """The flags and totals of rows, which begin at the eighth column."""
    if not rows:
        return
    stored = _whole([row[7:12] for row in rows])
    for i in np.flatnonzero(stored[:, 0] != derived[:, 0]).tolist():
        findings.add("account_flags_differ", f"account {_hex(rows[i][0])}")
    for i in np.flatnonzero((stored[:, 1:] != derived[:, 1:]).any(axis=1)).tolist():
        findings.add(
            "account_totals_differ", f"account {_hex(rows[i][0])}",
            f"The row has {list(rows[i][8:12])}, the journal gives {derived[i, 1:].tolist()} "
            f"({', '.join(COUNTED[1:])}).",
        )  # fmt: skip


# Transfers.


class TransferRows:
    """The rows of commands' entries, held against each batch as it is read."""

    def __init__(self, connection: Connection, findings: Findings) -> None:
        self._connection = connection
        self._findings = findings
        self._matched = 0

    def take(self, batch: JournalBatch) -> None:
        """The next batch of the journal."""
        if not batch.in_rows or not batch.records or len(batch.records) % ENTRY_BYTES:
            return
        times = np.frombuffer(batch.records, TRANSFERS)["timestamp"]
        rows = self._connection.execute(
            f"{_TRANSFERS} WHERE timestamp >= ? AND timestamp <= ? ORDER BY timestamp",
            (int(times.min()), int(times.max())),
        ).fetchall()
        packed = [_packed(_RECORD, row) for row in rows]
        self._matched += len(packed)
        if b"".join(packed) != batch.records:
            self._differ(batch, packed)

    def _differ(self, batch: JournalBatch, packed: Sequence[bytes]) -> None:
        """Say which rows are at fault."""
        by_time = {record[96:104]: record for record in packed}
        for at in range(0, len(batch.records), ENTRY_BYTES):
            record = batch.records[at : at + ENTRY_BYTES]
            where = f"transfer {_hex(record[:16])}"
            row = by_time.pop(record[96:104], None)
            if row is None:
                self._findings.add("transfer_row_missing", where)
            elif row != record:
                self._findings.add("transfer_row_differs", where)
        for row in by_time.values():
            self._findings.add("transfer_row_extra", f"transfer {_hex(row[:16])}")

    def finish(self) -> None:
        """The journal has ended: there are no rows beside those of its batches."""
        found = self._connection.execute("SELECT COUNT(*) FROM ledger_transfer").fetchone()[0]
        if found > self._matched:
            self._findings.add(
                "transfer_row_extra", "ledger_transfer",
                f"{found - self._matched} rows are of no batch that has rows.",
            )  # fmt: skip


# Holds, used-up ids, books.


def audit_pending(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """What is stored of each hold, against what the journal says became of it."""
    entries = journal.index.entry_count
    states = room(journal.states, 1)
    wanted = np.flatnonzero(states[:entries])
    seen = np.zeros(entries, np.bool_)
    for rows in _chunks(connection, "SELECT transfer_id, state FROM ledger_pending"):
        numbers = _found(journal.index.transfer_ids, [row[0] for row in rows])
        stored = _whole([row[1:] for row in rows])[:, 0]
        derived = np.where(numbers >= 0, states[np.maximum(numbers, 0)], 0)
        for i in np.flatnonzero(stored != derived).tolist():
            findings.add("pending_state_differs", f"transfer {_hex(rows[i][0])}")
        seen[numbers[numbers >= 0]] = True
    for number in wanted[~seen[wanted]].tolist():
        findings.add("pending_state_differs", f"entry {number}", "The hold's state is gone.")


def audit_failed(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """The ids that are used up, on both sides."""
    count = 0
    for rows in _chunks(connection, "SELECT transfer_id FROM ledger_failed"):
        count += len(rows)
        numbers = _found(journal.index.failed_ids, [row[0] for row in rows])
        for i in np.flatnonzero(numbers < 0).tolist():
            findings.add("failed_id_differs", f"transfer {_hex(rows[i][0])}")
    if count < journal.index.failed_ids.count:
        missing = journal.index.failed_ids.count - count
        findings.add("failed_id_differs", "ledger_failed", f"{missing} used-up ids are gone.")


def audit_books(connection: Connection, findings: Findings) -> None:
    """Debits equal credits in every book, as the rows have them."""
    try:
        balances = stored_trial_balances(ReadSession(connection))
    except (TypeError, ValueError):
        findings.add("book_unbalanced", "ledger_account", "A total is no number.")
        return
    for balance in balances:
        if not balance.balanced:
            findings.add("book_unbalanced", f"book {balance.book}")
