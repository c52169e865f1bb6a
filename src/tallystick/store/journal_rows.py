"""The journal in SQL: its batches and the blocks of their entries, written and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick.ledger.journal import NO_HEAD, JournalBatch, JournalHead, blocks_of
from tallystick.store.connection import Connection

__all__ = [
    "append_batch", "bulk_batches", "has_bulk_entries", "journal_batches", "journal_blocks",
    "journal_head",
]  # fmt: skip

_CHUNK = 400
_BATCH = (
    "number, first_entry, entries, last_timestamp, in_rows, accounts, expired, failed, "
    "previous_hash, hash"
)


def journal_head(connection: Connection) -> JournalHead:
    """The journal's end as this connection sees it."""
    row = connection.execute(
        "SELECT number, first_entry + entries, last_timestamp, hash FROM ledger_journal "
        "ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return NO_HEAD if row is None else JournalHead(*row)


def append_batch(connection: Connection, batch: JournalBatch) -> None:
    """Write a batch with its entries, inside the caller's transaction."""
    connection.execute(
        f"INSERT INTO ledger_journal ({_BATCH}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            batch.number, batch.first_entry, batch.entries, batch.last_timestamp,
            int(batch.in_rows), batch.accounts, batch.expired, batch.failed, batch.previous_hash,
            batch.hash,
        ),
    )  # fmt: skip
    if batch.records:
        connection.executemany(
            "INSERT INTO ledger_block (first_entry, records) VALUES (?, ?)", blocks_of(batch)
        )


def has_bulk_entries(connection: Connection) -> bool:
    """Whether there are entries that do not stand in `ledger_transfer`."""
    sql = "SELECT 1 FROM ledger_journal WHERE in_rows = 0 LIMIT 1"
    return connection.execute(sql).fetchone() is not None


def journal_batches(connection: Connection, after: int, through: int) -> Iterator[JournalBatch]:
    """The batches with `after < number <= through`, in order, with their entries' records."""
    if after < through:
        yield from _batches(connection, "number > ? AND number <= ?", (after, through))


def bulk_batches(connection: Connection, after: int, since: int) -> Iterator[JournalBatch]:
    """The batches after a number, in order, whose entries stand in the journal only.

    Args:
        since: batches that ended before this timestamp, in nanoseconds, are left out.
    """
    return _batches(
        connection, "in_rows = 0 AND number > ? AND last_timestamp >= ?", (after, since)
    )


def _batches(connection: Connection, where: str, values: tuple[int, int]) -> Iterator[JournalBatch]:
    rows = connection.execute(
        f"SELECT {_BATCH} FROM ledger_journal WHERE {where} ORDER BY number",  # noqa: S608
        values,
    )
    for number, first, entries, at, in_rows, accounts, expired, failed, previous, digest in rows:
        blocks = connection.execute(
            "SELECT records FROM ledger_block WHERE first_entry >= ? AND first_entry < ? "
            "ORDER BY first_entry",
            (first, first + entries),
        )
        records = b"".join(r[0] for r in blocks) if entries else b""
        yield JournalBatch(
            number, first, entries, at, bool(in_rows), accounts, expired, failed, records,
            previous, digest,
        )  # fmt: skip


def journal_blocks(connection: Connection, first_entries: Sequence[int]) -> dict[int, bytes]:
    """The blocks that begin with these entries."""
    found: dict[int, bytes] = {}
    for start in range(0, len(first_entries), _CHUNK):
        part = first_entries[start : start + _CHUNK]
        sql = (
            "SELECT first_entry, records FROM ledger_block "  # noqa: S608
            f"WHERE first_entry IN ({', '.join('?' * len(part))})"
        )
        found.update(connection.execute(sql, part))
    return found
