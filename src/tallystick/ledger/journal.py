"""The journal: what was committed, batch by batch, numbered and hash-chained.

Each committed batch, of a command or of a bulk call, is one journal batch: the accounts that
it opened, the holds that expired, its entries (created transfers) in order, and the ids that a
failure used up. Everything else that the ledger keeps can be worked out again from these, in
this order. Entries are counted from 0 over all batches and stored in blocks of `BLOCK_ENTRIES`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from tallystick.ledger.books import Changes
from tallystick.ledger.encoding import (
    ENTRY_BYTES,
    account_record,
    entry_record,
    joined_ids,
)
from tallystick.ledger.model import Account, PendingState

__all__ = [
    "BLOCK_ENTRIES", "NO_HEAD", "JournalBatch", "JournalHead", "JournalStore", "batch_hash",
    "batch_of_changes", "blocks_of", "chained",
]  # fmt: skip

BLOCK_ENTRIES = 32
"""Entries of a stored block: as many as fit a page of the database, so that one is read fast."""

_BLOCK_BYTES = BLOCK_ENTRIES * ENTRY_BYTES


class JournalHead(NamedTuple):
    """Where the journal ends.

    Args:
        number: the last batch, 0 when there is none.
        entries: how many entries there are in all.
        last_timestamp: the latest timestamp in it, in nanoseconds.
        hash: the last batch's hash, 32 bytes.
    """

    number: int
    entries: int
    last_timestamp: int
    hash: bytes


NO_HEAD = JournalHead(0, 0, 0, bytes(32))


class JournalBatch(NamedTuple):
    """One committed batch.

    Args:
        first_entry: the number of its first entry.
        entries: how many entries it has.
        last_timestamp: the latest timestamp of its entries and accounts, or that before it.
        in_rows: whether its entries stand in `ledger_transfer` as rows, too.
        accounts: records of the accounts that it opened.
        expired: ids of the holds that it let go because their time was over.
        failed: ids of transfers that it refused for good.
        records: its entries' records.
    """

    number: int
    first_entry: int
    entries: int
    last_timestamp: int
    in_rows: bool
    accounts: bytes
    expired: bytes
    failed: bytes
    records: bytes
    previous_hash: bytes
    hash: bytes

    @property
    def head(self) -> JournalHead:
        """The journal's end once this batch is its last."""
        return JournalHead(
            self.number, self.first_entry + self.entries, self.last_timestamp, self.hash
        )


class JournalStore(Protocol):
    """What the bulk ledger needs of a database; everything happens in the caller's transaction."""

    def head(self) -> JournalHead:
        """The journal's end as this transaction sees it."""
        ...

    def append(self, batch: JournalBatch) -> None:
        """Write a batch after the head."""
        ...

    def batches(self, after: int, through: int) -> Iterator[JournalBatch]:
        """The batches with `after < number <= through`, in order."""
        ...

    def blocks(self, first_entries: Sequence[int]) -> dict[int, bytes]:
        """The blocks that begin with these entries."""
        ...

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""
        ...

    def keep_states(self, states: Sequence[tuple[bytes, int]]) -> None:
        """Write what has become of pending transfers: (id, `PendingState`)."""
        ...

    def keep_failed(self, ids: Sequence[bytes]) -> None:
        """Write ids that may not be used again."""
        ...

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist, with their stored totals."""
        ...

    def open_accounts(self, accounts: Sequence[Account]) -> None:
        """Write new accounts."""
        ...

    def keep_totals(self, rows: Sequence[tuple[int, int, int, int, int, bytes]]) -> None:
        """Write accounts' flags, debits pending and posted, credits pending and posted, by id."""
        ...

    def totals_behind(self) -> int | None:
        """The batch as of which the accounts' stored totals are, or None when they are exact."""
        ...

    def set_totals_behind(self, number: int | None) -> None:
        """Say as of which batch the accounts' stored totals are; None for exact."""
        ...


def batch_hash(batch: JournalBatch) -> bytes:
    """SHA-256 over the previous hash, the batch's numbers and sizes, and all its records."""
    digest = hashlib.sha256(batch.previous_hash)
    sizes = (len(batch.accounts), len(batch.expired), len(batch.failed), len(batch.records))
    for number in (batch.number, batch.first_entry, batch.entries, batch.last_timestamp, *sizes):
        digest.update(number.to_bytes(8, "big"))
    for part in (batch.accounts, batch.expired, batch.failed, batch.records):
        digest.update(part)
    return digest.digest()


def chained(
    head: JournalHead,
    *,
    last_timestamp: int,
    in_rows: bool,
    accounts: bytes = b"",
    expired: bytes = b"",
    failed: bytes = b"",
    records: bytes = b"",
) -> JournalBatch:
    """The batch that follows the head."""
    batch = JournalBatch(
        head.number + 1, head.entries, len(records) // ENTRY_BYTES,
        max(head.last_timestamp, last_timestamp), in_rows, accounts, expired, failed, records,
        head.hash, b"",
    )  # fmt: skip
    return batch._replace(hash=batch_hash(batch))


def batch_of_changes(head: JournalHead, changes: Changes) -> JournalBatch | None:
    """The batch of what a working set changed; None when that is nothing."""
    expired = [i for i, s in changes.pending_states.items() if s is PendingState.EXPIRED]
    opened, moved = changes.new_accounts, changes.new_transfers
    if not (opened or moved or expired or changes.failed_ids):
        return None
    return chained(
        head,
        last_timestamp=max(
            opened[-1].timestamp if opened else 0, moved[-1].timestamp if moved else 0
        ),
        in_rows=True,
        accounts=b"".join(map(account_record, opened)),
        expired=joined_ids(expired),
        failed=joined_ids(changes.failed_ids),
        records=b"".join(map(entry_record, moved)),
    )


def blocks_of(batch: JournalBatch) -> list[tuple[int, memoryview]]:
    """A batch's entries as blocks: (first entry, records)."""
    records = memoryview(batch.records)
    return [
        (batch.first_entry + at // ENTRY_BYTES, records[at : at + _BLOCK_BYTES])
        for at in range(0, len(records), _BLOCK_BYTES)
    ]
