"""Signed heads: their signatures and numbering, and whether the journal is what they signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tallystick.audit.findings import Findings
from tallystick.ledger.encoding import ENTRY_BYTES, PAGE_LEAVES
from tallystick.ledger.journal import JournalBatch, JournalHead
from tallystick.ledger.merkle import JournalTree
from tallystick.proofs import views
from tallystick.proofs.model import TreeHead
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession
from tallystick.transparency.notes import NoteError, NoteKey
from tallystick.verify import DoesNotHold, Head, Unreadable, read_head, read_key, verify_note

__all__ = ["HeadRecord", "HeadsOverJournal", "heads_of", "outside_heads"]

_PAGES_AT_ONCE = 256
_PAGE_BYTES = PAGE_LEAVES * ENTRY_BYTES


class HeadRecord(NamedTuple):
    """A head whose signature holds, and where it is from."""

    where: str
    head: Head


def _opened(note: str, keys: Sequence[NoteKey]) -> Head:
    """What a note says, if one of the keys signed it (DoesNotHold, Unreadable)."""
    origin = note.partition("\n")[0]
    failed = DoesNotHold("signature", "It is of no key of this ledger.")
    for key in keys:
        if key.name == origin:
            try:
                return read_head(verify_note(note, read_key(key.text)))
            except DoesNotHold as error:
                failed = error
    raise failed


def outside_heads(
    notes: Iterable[tuple[str, str]], keys: Sequence[NoteKey], findings: Findings
) -> list[HeadRecord]:
    """Heads that were kept elsewhere: (where, note)."""
    found = []
    for where, note in notes:
        try:
            found.append(HeadRecord(where, _opened(note, keys)))
        except (DoesNotHold, Unreadable) as error:
            findings.add("head_signature", where, f"{error}")
    return found


def _row_is_signed(row: TreeHead, head: Head, key_ids: dict[str, str]) -> bool:
    return (row.size, row.journal, row.signed_ms, key_ids.get(row.key_id)) == (
        head.size, head.journal, head.time_ms, head.origin,
    )  # fmt: skip


def keys_of(rows: ReadSession, findings: Findings) -> tuple[list[NoteKey], dict[str, str]]:
    """The ledger's keys, and their names by id."""
    keys, names = [], {}
    for row in views.keys(rows):
        try:
            keys.append(NoteKey.read(NoteKey(row.name, row.public_key).text))
        except NoteError as error:
            findings.add("head_signature", f"key {row.key_id}", f"{error}.")
        names[row.key_id] = row.name
    return keys, names


def heads_of(
    rows: ReadSession, findings: Findings, outside: Iterable[tuple[str, str]] = ()
) -> list[HeadRecord]:
    """All heads whose signatures hold, those from outside too, in the order of the journal."""
    keys, names = keys_of(rows, findings)
    found, number, size, journal = outside_heads(outside, keys, findings), 0, 0, 0
    for row in rows.query(TreeHead, "ORDER BY number"):
        number += 1
        where = f"head {row.number}"
        if row.number != number:
            findings.add("head_missing", f"head {number}")
            number = row.number
        try:
            head = _opened(row.note, keys)
        except (DoesNotHold, Unreadable) as error:
            findings.add("head_signature", where, f"{error}")
            continue
        if not _row_is_signed(row, head, names) or head.size < size or head.journal <= journal:
            findings.add("head_row", where)
        size, journal = head.size, head.journal
        found.append(HeadRecord(where, head))
    _require_pages(rows.connection, size, findings)
    return sorted(found, key=lambda record: record.head.journal)


def _require_pages(connection: Connection, size: int, findings: Findings) -> None:
    """The pages that are kept are those that the last head covers."""
    sql = "SELECT COUNT(*), COALESCE(MAX(number) + 1, 0) FROM ledger_page"
    count, end = connection.execute(sql).fetchone()
    wanted = size // PAGE_LEAVES
    if end > wanted:
        findings.add("head_missing", f"page {end - 1}", "A page is kept of which no head tells.")
    elif count < wanted:
        findings.add("page_differs", f"page {count}", "Pages that a head covers are gone.")


class HeadsOverJournal:
    """Builds the tree anew beside the reading of the journal, and holds each head against it."""

    def __init__(
        self, connection: Connection, heads: Sequence[HeadRecord], findings: Findings
    ) -> None:
        self._connection = connection
        self._waiting = list(heads)[::-1]
        self._findings = findings
        self._tree = JournalTree()
        self._rest = bytearray()

    def take(self, batch: JournalBatch) -> None:
        """The next batch of the journal."""
        self._rest += batch.records
        if len(self._rest) >= _PAGES_AT_ONCE * _PAGE_BYTES:
            self._grow()
        while self._waiting and self._waiting[-1].head.journal <= batch.number:
            self._hold_against(self._waiting.pop(), batch.head)

    def _grow(self) -> None:
        first = self._tree.pages
        self._tree.append_records(bytes(self._rest))
        del self._rest[: (self._tree.pages - first) * _PAGE_BYTES]
        kept = self._connection.execute(
            "SELECT number, hash FROM ledger_page WHERE number >= ? AND number < ?",
            (first, self._tree.pages),
        )
        for number, kept_hash in kept.fetchall():
            if bytes(kept_hash) != self._tree.page(number):
                self._findings.add("page_differs", f"page {number}")

    def _records(self, first: int, end: int) -> bytes:
        begin = self._tree.leaves
        return bytes(self._rest[(first - begin) * ENTRY_BYTES : (end - begin) * ENTRY_BYTES])

    def _hold_against(self, record: HeadRecord, end: JournalHead) -> None:
        self._grow()
        head = record.head
        same = (head.journal, head.size, head.journal_hash) == (end.number, end.entries, end.hash)
        whole = len(self._rest) == (end.entries - self._tree.leaves) * ENTRY_BYTES
        if not same or not whole or self._tree.root(head.size, self._records) != head.root:
            self._findings.add("head_differs", record.where)

    def finish(self, last: JournalHead) -> None:
        """The journal has ended."""
        self._grow()
        for record in self._waiting[::-1]:
            self._findings.add(
                "tail_cut", record.where,
                f"It was signed over {record.head.journal} batches; the journal has {last.number}.",
            )  # fmt: skip
