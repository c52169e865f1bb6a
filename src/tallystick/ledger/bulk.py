"""Bulk posting: arrays of transfers in, arrays of answers out, no object for each transfer.

The same kernel, compiled, over the columns of a call; the journal is written in blocks, and the
accounts' totals are known from the journal's index. Everything happens inside the transaction
that the caller began: the bulk ledger itself never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.ledger import codes
from tallystick.ledger.compiled import compiled_kernel
from tallystick.ledger.encoding import ENTRY_BYTES, account_record, ids_from
from tallystick.ledger.index import JournalIndex
from tallystick.ledger.journal import JournalBatch, JournalStore, chained
from tallystick.ledger.kernel import AccountColumns, TransferColumns, is_transient
from tallystick.ledger.model import Account, AccountResult, PendingState, TransferResult
from tallystick.ledger.opening import open_accounts
from tallystick.ledger.ranges import check_account
from tallystick.ledger.records import TRANSFERS, Records, as_records, joined
from tallystick.ledger.slots import (
    AccountSlots,
    TransferSlots,
    account_slots,
    transfer_slots,
    value_slots,
)

__all__ = ["CALL_MAX", "BulkLedger", "Codes", "result_names"]

CALL_MAX = 8192
"""The most transfers that make one journal batch; a longer call is made of several."""

Codes = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]

_PENDING, _POST, _VOID = 2, 4, 8
_LINKED = 1
_SETTLES = _POST | _VOID
_INHERITED = ("book", "code", "user_data_32")
_PLAIN = ("user_data_32", "timeout", "book", "code", "flags", "timestamp")
_NO_RECORDS: Records = np.zeros(0, TRANSFERS)
_TRANSIENT = np.array([is_transient(code) for code in range(len(TransferResult))])


def result_names(answers: Codes) -> list[TransferResult]:
    """The answers as `TransferResult`, for people and tests."""
    results = list(TransferResult)
    return [results[code] for code in answers.tolist()]


class _Call(NamedTuple):
    """One call on its way: its transfers and those it refers to, and the kernel's columns."""

    rows: Records
    transfers: TransferSlots
    accounts: AccountSlots
    totals: AccountColumns[Any]
    columns: TransferColumns[Any]


class BulkLedger:
    """A ledger for calls of many transfers, inside the caller's transaction.

    Whoever begins the transaction calls `begun` first, and `undone` when it is rolled back.

    Args:
        store: the journal and the accounts' rows.
        index: the journal's index.
        exact: whether the accounts' stored totals are written with every call. Otherwise they
            stay behind until `settle_totals`, which is faster when many calls touch the same
            accounts; the store says so meanwhile, and nobody may post by other means.
    """

    def __init__(self, store: JournalStore, index: JournalIndex, *, exact: bool = True) -> None:
        self.store = store
        self.index = index
        self._exact = exact
        self._behind: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._since: int | None = None
        self._batches = 0

    # Transactions.

    def begun(self) -> int:
        """Bring the index to the journal's end; gives the number of its last batch."""
        with self.index.lock:
            return self.index.catch_up(self.store, writing=True).number

    def follow(self) -> None:
        """Take in what this transaction itself has written to the journal."""
        self.index.catch_up(self.store, writing=True, committed=False)

    def committed(self) -> None:
        """The transaction is durable."""
        with self.index.lock:
            self.index.commit()

    def undone(self, number: int) -> None:
        """The transaction, or a part of it, was rolled back to the journal's batch `number`."""
        with self.index.lock:
            self.index.forget(number)
        self._since = None

    # Posting.

    def create_transfers(self, transfers: object, now_ns: int) -> Codes:
        """Apply transfers in order, as `Books.create_transfers` does; one answer each.

        Args:
            transfers: see `records.as_records`.
            now_ns: nanoseconds since 1970; the first timestamp unless the ledger is past it.

        Returns:
            For each transfer the place of its answer in `TransferResult` (0 is `created`).

        Raises:
            ValueError: a field that does not fit its width, or a linked chain that is longer
                than `CALL_MAX`.
        """
        records = as_records(transfers)
        answers = np.zeros(len(records), np.uint8)
        with self.index.lock:
            at = 0
            for end in _cuts(records):
                answers[at:end] = self._create(records[at:end], now_ns)
                at = end
        return answers

    def create_accounts(self, accounts: Sequence[Account], now_ns: int) -> list[AccountResult]:
        """Create accounts in order, as `Books.create_accounts` does; one answer each.

        Raises:
            ValueError: a field does not fit its width.
        """
        for account in accounts:
            check_account(account)
        with self.index.lock:
            head = self.index.head
            there = self.index.open_among([a.id for a in accounts])
            known: dict[int, Account | None] = {a.id: a for a in self.store.accounts(there)}
            first = max(now_ns, head.last_timestamp + 1)
            results, created = open_accounts(accounts, known, first)
            if created:
                batch = chained(
                    head,
                    last_timestamp=first + len(accounts) - 1,
                    in_rows=False,
                    accounts=b"".join(map(account_record, created)),
                )
                self.store.append(batch)
                self.store.open_accounts(created)
                self.index.follow(batch, committed=False)
            return results

    def _create(self, records: Records, now_ns: int) -> Codes:
        head = self.index.head
        first = max(now_ns, head.last_timestamp + 1)
        call = self._prepare(records)
        results = np.zeros(len(records), np.int64)
        compiled_kernel()(
            len(records), first, call.totals, call.columns, call.transfers.row_of, results
        )
        created = np.flatnonzero(results == codes.CREATED)
        failed = np.unique(records["id"][np.flatnonzero(_TRANSIENT[results])], axis=0)
        entries = _created(call, created)
        batch = chained(
            head,
            # Timestamps of refused transfers are not given out again.
            last_timestamp=first + len(records) - 1,
            in_rows=False,
            failed=failed.tobytes(),
            records=entries.tobytes(),
        )
        self._keep(batch, call, entries, created)
        return results.astype(np.uint8)

    def _prepare(self, records: Records) -> _Call:
        index = self.index
        transfers = transfer_slots(records, index.transfer_ids, index.failed_ids)
        known, states = self._known(transfers.known)
        accounts = account_slots(records, known, index.account_ids)
        count, both = len(records), joined(records, known)
        ids, pending_ids, state = (np.zeros(len(both), np.int64) for _ in range(3))
        ids[:count], pending_ids[:count] = transfers.id, transfers.pending_id
        if len(known):
            pending_ids[count:], state[count:] = transfers.pending_of(known), states
        plain: list[Any] = [_column(both, name) for name in _PLAIN]
        columns: TransferColumns[Any] = TransferColumns(
            ids, accounts.debit, accounts.credit, _column(both, "amount"), pending_ids,
            value_slots(both, index.transfer_ids),
            both["user_data_64"].astype(np.uint64).view(np.int64), *plain, state,
        )  # type: ignore[call-arg]  # fmt: skip
        return _Call(both, transfers, accounts, self._totals(accounts.numbers), columns)

    def _totals(self, numbers: I64) -> AccountColumns[Any]:
        """The columns of the accounts with these numbers; zeros where there is none."""
        zeros: list[Any] = [np.zeros(numbers.size, np.int64) for _ in range(6)]
        columns = AccountColumns(*zeros)
        there = np.flatnonzero(numbers >= 0)
        for column, held in zip(columns, self.index.accounts[:6], strict=True):
            column[there] = held[numbers[there]]
        return columns

    def _known(self, entries: I64) -> tuple[Records, I64]:
        """Committed entries by number, and their pending states (0 for what is not pending)."""
        if not entries.size:
            return _NO_RECORDS, np.zeros(0, np.int64)
        records = self.read(entries.tolist())
        states = np.zeros(len(records), np.int64)
        held = np.flatnonzero(records["flags"] & _PENDING)
        if held.size:
            ids = ids_from(records["id"][held].tobytes())
            found = self.store.pending_states(ids)
            states[held] = [int(found[i]) for i in ids]
        return records, states

    def read(self, entries: Sequence[int]) -> Records:
        """Entries by number, as records, in the order of the numbers."""
        blocks_of = [self.index.block_of(entry) for entry in entries]
        blocks = self.store.blocks(sorted(set(blocks_of)))
        parts = [
            blocks[first][(entry - first) * ENTRY_BYTES : (entry - first + 1) * ENTRY_BYTES]
            for first, entry in zip(blocks_of, entries, strict=True)
        ]
        return np.frombuffer(b"".join(parts), TRANSFERS)

    # Keeping.

    def _keep(self, batch: JournalBatch, call: _Call, entries: Records, created: I64) -> None:
        if not (batch.records or batch.failed):
            return
        numbers = call.accounts.numbers
        debit = numbers[call.columns.debit[created]]
        credit = numbers[call.columns.credit[created]]
        self.store.append(batch)
        self.index.append(batch, entries, debit, credit)
        after = self._totals(numbers)
        for name, ours, kernels in zip(after._fields, after, call.totals, strict=True):
            # Slots without a number are accounts that are not there.
            assert np.array_equal(ours, np.where(numbers >= 0, kernels, 0)), name
        self._keep_states(entries)
        if batch.failed:
            self.store.keep_failed(_sliced(batch.failed))
        self._keep_totals(np.concatenate((debit, credit)), batch.number)

    def _keep_states(self, entries: Records) -> None:
        flags = entries["flags"]
        states: list[tuple[bytes, int]] = []
        for bit, field, state in (
            (_PENDING, "id", PendingState.PENDING),
            (_POST, "pending_id", PendingState.POSTED),
            (_VOID, "pending_id", PendingState.VOIDED),
        ):
            ids = entries[field][np.flatnonzero(flags & bit)].tobytes()
            states += [(i, int(state)) for i in _sliced(ids)]
        if states:
            self.store.keep_states(states)

    def _keep_totals(self, numbers: I64, batch_number: int) -> None:
        """Write the totals of the accounts that a batch touched, or remember which they are."""
        if self._exact:
            self._write_totals(np.unique(numbers))
            return
        if self._behind.size < self.index.account_ids.count:
            self._behind = np.concatenate(
                (self._behind, np.zeros(self.index.account_ids.count, np.bool_))
            )
        self._behind[numbers] = True
        if self.store.totals_behind() is None:
            self.store.set_totals_behind(batch_number - 1)
            self._since, self._batches = batch_number - 1, 0
        self._batches += 1

    def _write_totals(self, numbers: I64) -> None:
        if not numbers.size:
            return
        accounts, table = self.index.accounts, self.index.account_ids
        # In the order in which they are stored, each page of the accounts is found once.
        numbers = numbers[np.lexsort((table.lows[numbers], table.highs[numbers]))]
        ids = np.stack((table.highs[numbers], table.lows[numbers]), axis=1).astype(">u8")
        columns = (
            accounts.flags, accounts.debits_pending, accounts.debits_posted,
            accounts.credits_pending, accounts.credits_posted,
        )  # fmt: skip
        rows = zip(*(c[numbers].tolist() for c in columns), _sliced(ids.tobytes()), strict=True)
        self.store.keep_totals(list(rows))

    def settle_totals(self) -> int:
        """Write the accounts' totals that are behind; returns how many accounts those were.

        After a crash, or when other processes have posted since, the journal says which they are.
        """
        with self.index.lock:
            since = self.store.totals_behind()
            numbers = np.flatnonzero(self._behind)
            all_own = since == self._since and self.index.head.number - self._batches == since
            self._behind[:], self._since = False, None
            if since is None:
                return 0
            if not all_own:
                numbers = self.index.accounts_since(since_entry(self.store, since))
            self._write_totals(numbers)
            self.store.set_totals_behind(None)
            return int(numbers.size)


def since_entry(store: JournalStore, number: int) -> int:
    """The first entry after a batch."""
    for batch in store.batches(number, number + 1):
        return batch.first_entry
    return store.head().entries


def _column(records: Records, name: str) -> I64:
    return records[name].astype(np.int64)


def _sliced(ids: bytes) -> list[bytes]:
    return [ids[at : at + 16] for at in range(0, len(ids), 16)]


def _cuts(records: Records) -> list[int]:
    """Where a call is cut so that each part is one batch and no chain is torn."""
    cuts = []
    at = 0
    while len(records) - at > CALL_MAX:
        free = np.flatnonzero(~records["flags"][at : at + CALL_MAX].astype(np.uint16) & _LINKED)
        if not free.size:
            raise ValueError(f"a chain of more than {CALL_MAX} transfers cannot be created")
        at += int(free[-1]) + 1
        cuts.append(at)
    return [*cuts, len(records)] if at < len(records) else cuts


def _created(call: _Call, created: I64) -> Records:
    """The created transfers as the journal keeps them: all that was left out is filled in."""
    columns = call.columns
    entries = call.rows[created]
    entries["amount"] = columns.amount[created]
    entries["timestamp"] = columns.timestamp[created]
    settling = np.flatnonzero(entries["flags"] & _SETTLES)
    if settling.size:
        rows = created[settling]
        for field, slots in (("debit_account_id", columns.debit), ("credit_account_id",
                                                                   columns.credit)):  # fmt: skip
            entries[field][settling, 0] = call.accounts.highs[slots[rows]]
            entries[field][settling, 1] = call.accounts.lows[slots[rows]]
        for field in _INHERITED:
            entries[field][settling] = getattr(columns, field)[rows]
        entries["user_data_64"][settling] = columns.user_data_64[rows].view(np.uint64)
        held = call.rows["user_data_128"][call.transfers.row_of[columns.pending_id[rows]]]
        own = entries["user_data_128"][settling]
        entries["user_data_128"][settling] = np.where(own.any(axis=1, keepdims=True), own, held)
    return entries
