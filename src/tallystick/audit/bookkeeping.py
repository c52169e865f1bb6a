"""What is kept beside the entries: closed periods, reversals, metadata."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np

from tallystick.accounting.books.decide import NOTHING_CLOSED
from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.corrections.model import Reversal
from tallystick.accounting.days import day_begins_ms
from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.periods.decide import Snapshot, digest_of
from tallystick.accounting.periods.model import CloseStatus, PeriodClose
from tallystick.audit.findings import Findings
from tallystick.audit.journal import JournalAudit
from tallystick.decoding import decode_json
from tallystick.ledger.journal import JournalBatch
from tallystick.ledger.model import TransferFlags
from tallystick.ledger.records import TRANSFERS, halves
from tallystick.ledger.tables import IdTable
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["ClosedPeriods", "audit_metadata", "audit_reversals"]

_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_AT_ONCE: Final = 20_000
_NS_PER_MS: Final = 1_000_000


def _places(table: IdTable, ids: list[bytes]) -> list[int]:
    """Where ids are in a table; -1 for those that are not."""
    keys = b"".join(i if len(i) == 16 else bytes(16) for i in ids)
    found: list[int] = table.find(*halves(np.frombuffer(keys, ">u8").reshape(-1, 2))).tolist()
    return [at if len(i) == 16 else -1 for at, i in zip(found, ids, strict=True)]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


class ClosedPeriods:
    """The closes that hold, and what the entries through their last days add up to."""

    def __init__(self, rows: ReadSession, journal: JournalAudit, findings: Findings) -> None:
        self._journal, self._findings = journal, findings
        self._books = {book.book: book for book in rows.query(LedgerBook, "")}
        self._closes = [
            close for close in rows.query(PeriodClose, "")
            if close.status is not CloseStatus.REOPENED
        ]  # fmt: skip
        self._sums: dict[str, dict[int, list[int]]] = {
            close.close_id: defaultdict(lambda: [0, 0]) for close in self._closes
        }

    def take(self, batch: JournalBatch) -> None:
        """The next batch of the journal, after it was looked at."""
        if not self._closes or not batch.records or not self._journal.derived:
            return
        records = np.frombuffer(batch.records, TRANSFERS)
        for close in self._closes:
            moved = (records["book"] == close.book) & ((records["flags"] & _MOVES_NOTHING) == 0)
            moved &= self._by_then(close, records)
            if moved.any():
                self._add(self._sums[close.close_id], np.flatnonzero(moved), batch, records)

    def _by_then(self, close: PeriodClose, records: Any) -> Any:
        """Which entries take effect by the end of a close's last day."""
        book = self._books.get(close.book)
        begun = records["timestamp"].astype(np.int64) // _NS_PER_MS
        made = begun < day_begins_ms(close.last_day + 1)
        if book is None or not book.value_dated:
            return made
        own = records["user_data_32"].astype(np.int64)
        return np.where(own > 0, own <= close.last_day, made)

    def _add(
        self, sums: dict[int, list[int]], places: Any, batch: JournalBatch, records: Any
    ) -> None:
        index, amounts = self._journal.index, records["amount"][places].tolist()
        for side, column in enumerate((index.entries.debit, index.entries.credit)):
            for account, amount in zip(
                column[batch.first_entry + places].tolist(), amounts, strict=True
            ):
                sums[account][side] += amount

    def finish(self) -> None:
        """The journal has ended: closes have their digests, and are what entries add up to."""
        codes = self._journal.openings["code"] if self._journal.derived else None
        last: dict[int, int] = {}
        for close in self._closes:
            last[close.book] = max(close.last_day, last.get(close.book, NOTHING_CLOSED))
            where = f"close {close.close_id}"
            if digest_of(close.snapshot) != close.digest:
                self._findings.add("close_differs", where, "Its snapshot has another hash.")
            elif codes is not None and _kept(close) != _by_code(self._sums[close.close_id], codes):
                self._findings.add("close_differs", where)
        for book in self._books.values():
            if book.closed_through != last.get(book.book, NOTHING_CLOSED):
                self._findings.add(
                    "close_differs", f"book {book.book}", "It is closed through another day."
                )


def _kept(close: PeriodClose) -> dict[int, tuple[int, int]] | None:
    """What a snapshot says by code, less codes on which nothing was posted."""
    try:
        lines = decode_json(close.snapshot, Snapshot).lines
        found = {int(x["code"]): (int(x["debits_posted"]), int(x["credits_posted"])) for x in lines}
    except (msgspec.MsgspecError, KeyError, ValueError):
        return None
    return {code: totals for code, totals in found.items() if any(totals)}


def _by_code(sums: dict[int, list[int]], codes: Any) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for account, (debits, credits) in sums.items():
        code = int(codes[account])
        had = found.get(code, (0, 0))
        found[code] = had[0] + debits, had[1] + credits
    return {code: totals for code, totals in found.items() if any(totals)}


def audit_reversals(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """Each reversal is an entry the other way, of no more than what it takes back."""
    reversals = ReadSession(connection).query(Reversal, "ORDER BY reversal_id")
    if not reversals:
        return
    index = journal.index
    made = _places(index.transfer_ids, [r.reversal_id for r in reversals])
    taken = _places(index.transfer_ids, [r.transfer_id for r in reversals])
    debit, credit, amounts = index.entries.debit, index.entries.credit, index.entries.amount
    sums: dict[int, int] = defaultdict(int)
    for reversal, new, old in zip(reversals, made, taken, strict=True):
        sums[old] += reversal.amount
        fits = (
            min(new, old) >= 0
            and (debit[new], credit[new]) == (credit[old], debit[old])
            and int(amounts[new]) == reversal.amount
            and sums[old] <= int(amounts[old])
        )
        if not fits:
            findings.add("reversal_differs", f"transfer {_number(reversal.reversal_id)}")


def _metadata(connection: Connection) -> Iterator[list[tuple[bytes, str, int]]]:
    rows = iter(
        connection.execute("SELECT DISTINCT object_id, kind, position FROM ledger_metadata")
    )
    while part := list(islice(rows, _AT_ONCE)):
        yield [(bytes(row[0]), str(row[1]), int(row[2])) for row in part]


def audit_metadata(connection: Connection, journal: JournalAudit, findings: Findings) -> None:
    """Metadata is about accounts and transfers that are there, at their place."""
    index = journal.index
    tables = {
        MetadataKind.ACCOUNT.value: index.account_ids,
        MetadataKind.TRANSFER.value: index.transfer_ids,
    }
    for part in _metadata(connection):
        for kind in {row[1] for row in part}:
            rows = [row for row in part if row[1] == kind]
            table = tables.get(kind)
            places = [-1] * len(rows) if table is None else _places(table, [r[0] for r in rows])
            for (object_id, _, position), at in zip(rows, places, strict=True):
                of_transfer = kind == MetadataKind.TRANSFER.value
                if at < 0 or position != (int(index.entries.time[at]) if of_transfer else 0):
                    findings.add("metadata_orphan", f"{kind} {_number(object_id)}")
