"""Finding entries by reference, amount, time, account, code, book and metadata, newest first.

The most selective of what is asked for leads: metadata, then a reference, then an account; each has
an index. Without one of these, entries are looked through by amount and book from the newest on, so
many at a time: a page may come with fewer entries than it could hold, and the place to go on from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.metadata.views import metadata_of
from tallystick.ledger.model import AMOUNT_MAX, Transfer
from tallystick.store.entry_search import Chunk, EntryPaths
from tallystick.store.journal_places import JournalPlace, JournalPlaces
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["EntryPage", "FoundEntry", "Wanted", "find_entries"]

_CHUNK: Final = 500
_CHUNKS_MAX: Final = 20
_NEWEST: Final = 2**63 - 1


class Wanted(NamedTuple):
    """What is looked for; what is left as it is does not matter.

    Args:
        least, most: the amount in minor units, both included.
        from_ns, before_ns: when it was posted, nanoseconds since 1970.
        reference: `user_data_128`.
        metadata: a name with its value.
    """

    reference: int = 0
    account_id: int = 0
    book: int | None = None
    code: int | None = None
    least: int = 0
    most: int = AMOUNT_MAX
    from_ns: int = 0
    before_ns: int = _NEWEST
    metadata: tuple[str, str] | None = None

    def fits(self, t: Transfer) -> bool:
        """Whether all but the metadata is true of a transfer."""
        return (
            self.least <= t.amount <= self.most
            and self.from_ns <= t.timestamp < self.before_ns
            and (not self.reference or t.user_data_128 == self.reference)
            and (self.book is None or t.book == self.book)
            and (self.code is None or t.code == self.code)
            and self.account_id in (0, t.debit_account_id, t.credit_account_id)
        )


class FoundEntry(NamedTuple):
    """An entry with its place in the journal and what it carries."""

    transfer: Transfer
    place: JournalPlace
    metadata: dict[str, str]


class EntryPage(NamedTuple):
    """Entries, newest first; `before` continues (a ledger timestamp), None when all was seen."""

    entries: list[FoundEntry]
    before: int | None


def _path(paths: EntryPaths, wanted: Wanted) -> Callable[[int], Chunk]:
    """The chunks of the most selective way."""
    if wanted.metadata is not None:
        name, value = wanted.metadata
        return lambda before: paths.carrying(name, value, before, _CHUNK)
    if wanted.reference:
        return lambda before: paths.with_reference(wanted.reference, before, _CHUNK)
    if wanted.account_id:
        return lambda before: paths.of_account(wanted.account_id, before, _CHUNK)
    return lambda before: paths.of_all(
        wanted.least, wanted.most, wanted.book, before, wanted.from_ns, _CHUNK
    )


def _found(
    paths: EntryPaths, wanted: Wanted, before: int, limit: int
) -> tuple[list[Transfer], int | None]:
    chunk_before = _path(paths, wanted)
    found: list[Transfer] = []
    for _ in range(_CHUNKS_MAX):
        chunk = chunk_before(before)
        for transfer in chunk.transfers:
            if wanted.fits(transfer):
                found.append(transfer)
                if len(found) == limit:
                    return found, transfer.timestamp
        if chunk.before is None or chunk.before <= wanted.from_ns:
            return found, None
        before = chunk.before
    return found, before


def find_entries(
    rows: ReadSession, wanted: Wanted, *, before: int | None = None, limit: int
) -> EntryPage:
    """A page of what is looked for.

    Args:
        before: `before` of the page that this one follows.
    """
    rows.connection.execute("BEGIN")
    try:
        paths = EntryPaths(SqlLedgerReader(rows.connection))
        begin = wanted.before_ns if before is None else min(before, wanted.before_ns)
        found, goes_on = _found(paths, wanted, begin, limit)
        carried = metadata_of(rows.connection, MetadataKind.TRANSFER, [t.id for t in found])
        places = JournalPlaces(rows.connection)
        entries = [FoundEntry(t, places.at(t.timestamp), carried.get(t.id, {})) for t in found]
        return EntryPage(entries, goes_on)
    finally:
        rows.connection.execute("ROLLBACK")
