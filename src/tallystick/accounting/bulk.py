"""Raw bookkeeping in bulk: transfers as records, checked and posted without an object each.

Only what is rare is looked at one by one: postings and voids of holds, holds that time out,
transfers that carry metadata.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.accounting.decide import require_own_books
from tallystick.accounting.holds import cancel_expiry, set_expiry
from tallystick.accounting.metadata.decide import require_metadata
from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.metadata.service import write_metadata
from tallystick.accounting.model import BATCH_MAX, CreateLedgerRecords, LedgerResults
from tallystick.accounting.periods.guard import require_days_open
from tallystick.ledger.encoding import ENTRY_BYTES, id_bytes, ids_from
from tallystick.ledger.model import Transfer, TransferFlags, TransferResult
from tallystick.ledger.records import TRANSFERS, Records
from tallystick.pipeline.commands import Context, Reply
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["create_records"]

_PENDING = int(TransferFlags.PENDING)
_POSTS, _VOIDS = int(TransferFlags.POST_PENDING), int(TransferFlags.VOID_PENDING)
_NAMES = tuple(result.value for result in TransferResult)
_CREATED = _NAMES.index(TransferResult.CREATED.value)

Rows = npt.NDArray[np.int64]


class _Settling(NamedTuple):
    """The rows that name a hold, the holds' ids, and those that were there before the call."""

    rows: list[int]
    ids: list[int]
    held: dict[int, Transfer]


def _records(data: bytes) -> Records:
    if not data or len(data) % ENTRY_BYTES or len(data) > BATCH_MAX * ENTRY_BYTES:
        raise Refused("INVALID_PARAMETER", f"A call takes 1 to {BATCH_MAX} entries.")
    records = np.frombuffer(data, TRANSFERS)
    if int(records["amount"].min()) < 0 or int(records["timestamp"].min()) < 0:
        raise Refused("INVALID_PARAMETER", "A number does not fit its width.")
    return records


def _settling(uow: UnitOfWork, records: Records) -> _Settling:
    rows = np.flatnonzero(records["pending_id"].any(axis=1))
    ids = ids_from(records["pending_id"][rows].tobytes())
    uow.books.load((), ids)
    there = {i: uow.books.transfer(i) for i in ids}
    return _Settling(rows.tolist(), ids, {i: t for i, t in there.items() if t is not None})


def _days(records: Records, settling: _Settling) -> set[tuple[int, int]]:
    """Books and the days that entries in them name; what a posting leaves out is its hold's."""
    flags, days = records["flags"], records["user_data_32"]
    plain = np.flatnonzero((flags & (_POSTS | _VOIDS) == 0) & (days > 0))
    pairs = np.stack((records["book"][plain], days[plain]), axis=1).astype(np.int64)
    named = {(int(book), int(day)) for book, day in np.unique(pairs, axis=0)}
    holds = dict(zip(settling.rows, settling.ids, strict=True))
    for row in np.flatnonzero((flags & _POSTS > 0) & (flags & _VOIDS == 0)).tolist():
        held = settling.held.get(holds.get(row, 0))
        own = int(days[row])
        book = int(records["book"][row]) if held is None else held.book
        named.add((book, own or (0 if held is None else held.user_data_32)))
    return {(book, day) for book, day in named if day}


def _watch(uow: UnitOfWork, records: Records, created: Rows, settling: _Settling) -> None:
    """Set the timers of new holds that time out; forget those of holds that were settled."""
    flags, timeouts = records["flags"][created], records["timeout"][created]
    timed = created[(flags & _PENDING > 0) & (timeouts > 0)]
    new = ids_from(records["id"][timed].tobytes())
    done = set(created[flags & (_POSTS | _VOIDS) > 0].tolist())
    settled = [i for row, i in zip(settling.rows, settling.ids, strict=True) if row in done]
    uow.books.load((), [*new, *settled])
    for transfer_id in new:
        hold = uow.books.transfer(transfer_id)
        assert hold is not None, transfer_id
        set_expiry(uow, hold)
    for transfer_id in settled:
        hold = uow.books.transfer(transfer_id)
        if hold is not None:
            cancel_expiry(uow, hold)


def create_records(command: CreateLedgerRecords, context: Context) -> Reply:
    """Create transfers in books that are not the platform's; a refused one stops no other."""
    uow, records = context.uow, _records(command.records)
    require_own_books(np.unique(records["book"]).tolist())
    settling = _settling(uow, records)
    require_own_books(held.book for held in settling.held.values())
    require_days_open(uow, _days(records, settling))
    for place, values in command.metadata.items():
        if not 0 <= place < len(records):
            raise Refused("INVALID_PARAMETER", "Metadata of a transfer that is not in the call.")
        require_metadata(values)
    codes = uow.create_transfers(records)
    _watch(uow, records, np.flatnonzero(codes == _CREATED), settling)
    carrying = [place for place in command.metadata if codes[place] == _CREATED]
    ids = ids_from(records["id"][carrying].tobytes())
    uow.books.load((), ids)
    for place, transfer_id in zip(carrying, ids, strict=True):
        write_metadata(uow, MetadataKind.TRANSFER, id_bytes(transfer_id), command.metadata[place])
    return LedgerResults(results=tuple(_NAMES[code] for code in codes.tolist()))
