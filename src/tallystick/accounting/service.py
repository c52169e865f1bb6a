"""Raw bookkeeping at work: check the books, ask the ledger, watch the holds that time out."""

from __future__ import annotations

from tallystick.accounting.decide import ID_BYTES, accounts_of, require_own_books, transfers_of
from tallystick.accounting.holds import cancel_expiry, set_expiry
from tallystick.accounting.metadata.decide import require_metadata
from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.metadata.service import write_metadata
from tallystick.accounting.model import (
    CreateLedgerAccounts,
    CreateLedgerRecords,
    CreateLedgerTransfers,
    ExpirePending,
    LedgerResults,
    PendingReleased,
)
from tallystick.accounting.periods.guard import require_open_days
from tallystick.ledger.model import Transfer, TransferFlags, TransferResult
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]

_NS_PER_MS = 1_000_000
_NO_ID = bytes(ID_BYTES)
_SETTLES = int(TransferFlags.POST_PENDING | TransferFlags.VOID_PENDING)


def create_accounts(command: CreateLedgerAccounts, context: Context) -> Reply:
    """Create accounts in books that are not the platform's."""
    accounts = accounts_of(command.accounts)
    require_own_books(a.book for a in accounts)
    results = context.uow.books.create_accounts(accounts, context.now_ms * _NS_PER_MS)
    return LedgerResults(results=tuple(r.value for r in results))


def _require_own_holds(uow: UnitOfWork, transfers: list[Transfer]) -> None:
    """A transfer that settles a hold takes over its book, so the hold is looked at too."""
    pending_ids = [t.pending_id for t in transfers if t.pending_id]
    uow.books.load((), pending_ids)
    held = [uow.books.transfer(i) for i in pending_ids]
    require_own_books(h.book for h in held if h is not None)


def _watch(uow: UnitOfWork, transfer: Transfer) -> None:
    """Set the timer of a new hold that times out; forget that of one which was settled."""
    if transfer.flags & _SETTLES:
        held = uow.books.transfer(transfer.pending_id)
        if held is not None:
            cancel_expiry(uow, held)
    elif transfer.timeout and transfer.flags & TransferFlags.PENDING:
        created = uow.books.transfer(transfer.id)
        assert created is not None, transfer.id
        set_expiry(uow, created)


def create_records(command: CreateLedgerRecords, context: Context) -> Reply:
    """Create many transfers by the ledger's bulk call, which is loaded when it is needed."""
    from tallystick.accounting.bulk import create_records

    return create_records(command, context)


def create_transfers(command: CreateLedgerTransfers, context: Context) -> Reply:
    """Create transfers in books that are not the platform's; a refused one stops no other."""
    uow = context.uow
    transfers = transfers_of(command.transfers)
    require_own_books(t.book for t in transfers)
    _require_own_holds(uow, transfers)
    require_open_days(uow, transfers)
    for values in command.metadata.values():
        require_metadata(values)
    results = uow.books.create_transfers(transfers, context.now_ms * _NS_PER_MS)
    for transfer, result in zip(transfers, results, strict=True):
        if result is TransferResult.CREATED:
            _watch(uow, transfer)
    for place, values in command.metadata.items():
        if results[place] is TransferResult.CREATED:
            write_metadata(uow, MetadataKind.TRANSFER, command.transfers[place].id, values)
    return LedgerResults(results=tuple(r.value for r in results))


def expire(command: ExpirePending, context: Context) -> Reply:
    """Let a hold go whose time is over."""
    transfer_id = int.from_bytes(command.transfer_id, "big")
    released = context.uow.books.expire(transfer_id, context.now_ms * _NS_PER_MS)
    return PendingReleased(released=released)


def _ahead(command: CreateLedgerTransfers) -> tuple[list[int], list[int]]:
    """The ids that a call names; those that are none are left for its handler to refuse."""
    accounts: list[bytes] = []
    transfers: list[bytes] = []
    for draft in command.transfers:
        accounts += draft.debit_account_id, draft.credit_account_id
        transfers += draft.id, draft.pending_id
    number = int.from_bytes
    return (
        [number(i, "big") for i in accounts if len(i) == ID_BYTES],
        [number(i, "big") for i in transfers if len(i) == ID_BYTES and i != _NO_ID],
    )


def register(registry: Registry) -> None:
    """Declare the commands of raw bookkeeping."""
    write = "ledger:write"
    registry.add(CreateLedgerAccounts, create_accounts, reply=LedgerResults, scope=write)
    registry.add(
        CreateLedgerTransfers, create_transfers, reply=LedgerResults, scope=write, ahead=_ahead
    )
    registry.add(CreateLedgerRecords, create_records, reply=LedgerResults, scope=write)
    registry.add(ExpirePending, expire, reply=PendingReleased, scope="system")
