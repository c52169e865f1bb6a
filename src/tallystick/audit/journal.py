"""The journal, read from its first batch to its last: chain, order, rules, tree, totals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tallystick.audit.findings import Findings, Told
from tallystick.audit.heads import HeadsOverJournal
from tallystick.ledger.encoding import ENTRY_BYTES
from tallystick.ledger.index import JournalIndex, NotFollowing
from tallystick.ledger.journal import NO_HEAD, JournalBatch, JournalStore, batch_hash
from tallystick.ledger.model import AccountFlags, PendingState, TransferFlags
from tallystick.ledger.records import OPENINGS, TRANSFERS, Records, halves
from tallystick.ledger.tables import IdTable, room

__all__ = ["COUNTED", "JournalAudit"]

I64 = npt.NDArray[np.int64]

COUNTED = ("flags", "debits_pending", "debits_posted", "credits_pending", "credits_posted")
"""What changes of an account, in the order of its row."""

_AT_ONCE = 64
_SAY_EVERY = 500_000
_PENDING = int(TransferFlags.PENDING)
_POST, _VOID = int(TransferFlags.POST_PENDING), int(TransferFlags.VOID_PENDING)
_DEBIT_LIMIT = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDIT_LIMIT = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)


class JournalAudit:
    """Follows the journal with an index of its own.

    Attributes:
        index: every account's totals, as they follow from the journal.
        openings: the records of all accounts, by their number.
        states: by entry what became of it, when it was a hold; else 0.
        derived: whether the totals could be worked out to the end.
        remember: after which batch the totals are kept; None: after none.
        remembered: the flags and totals of each account after that batch.
    """

    def __init__(self, store: JournalStore, findings: Findings, told: Told) -> None:
        self._store = store
        self._findings = findings
        self._told = told
        self.index = JournalIndex()
        self._openings: list[bytes] = []
        self.states: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.derived = True
        self.remember: int | None = None
        self.remembered: I64 | None = None
        self.last = NO_HEAD
        self._last_time = 0

    @property
    def openings(self) -> Records:
        """The records of all accounts, by their number."""
        return np.frombuffer(b"".join(self._openings), OPENINGS)

    def run(self, heads: HeadsOverJournal) -> Iterator[JournalBatch]:
        """Look at every batch; gives each after it was looked at."""
        head = self._store.head()
        self.index.transfer_ids.reserve(head.entries)
        self.index.entries = self.index.entries.reserved(head.entries)
        said = 0
        for first in range(0, head.number, _AT_ONCE):
            for batch in self._store.batches(first, min(first + _AT_ONCE, head.number)):
                self._look(batch)
                heads.take(batch)
                yield batch
            if self.last.entries - said >= _SAY_EVERY:
                said = self.last.entries
                self._told(f"{said:,} of {head.entries:,} entries")
        if self.last.number != head.number:
            self._findings.add("batch_missing", f"batch {self.last.number + 1}")

    def _look(self, batch: JournalBatch) -> None:
        add, where = self._findings.add, f"batch {batch.number}"
        if batch.number != self.last.number + 1 or batch.first_entry != self.last.entries:
            add("batch_missing", f"batch {self.last.number + 1}")
        if batch.previous_hash != self.last.hash:
            add("chain_broken", where)
        if batch_hash(batch) != batch.hash:
            add("batch_changed", where)
        self.last = batch.head
        if len(batch.records) != batch.entries * ENTRY_BYTES:
            add("block_missing" if len(batch.records) < batch.entries * ENTRY_BYTES
                else "block_extra", where)  # fmt: skip
            self.derived = False
        if self.derived:
            try:
                self._derive(batch)
            except NotFollowing as error:
                self.derived = False
                add("account_unknown", where, f"{error}.")
            except (ValueError, IndexError, OverflowError) as error:
                self.derived = False
                add("batch_changed", where, f"Its records cannot be read: {error}.")

    def _derive(self, batch: JournalBatch) -> None:
        """Take a batch in, after looking whether it keeps the rules."""
        records = np.frombuffer(batch.records, TRANSFERS)
        where = f"batch {batch.number}"
        self._times(batch, records, where)
        # What the chain says was looked at above; totals follow from the records alone.
        following = batch._replace(
            number=self.index.head.number + 1, previous_hash=self.index.head.hash
        )
        self.index.follow(following)
        if self._used_before(records, batch):
            # What refers to an id that is there twice is not known.
            self._findings.add("entry_duplicated", where)
            self.derived = False
            return
        self._openings.append(batch.accounts)
        self.states = room(self.states, self.index.entry_count)
        self._expire(batch.expired, where)
        if len(records):
            self._entries(records, batch.first_entry)
        self.index.head = batch.head
        if batch.number == self.remember:
            self.remembered = self.counted()

    def counted(self) -> I64:
        """The flags and totals of each account as they are now, a row an account."""
        accounts, count = self.index.accounts, self.index.account_ids.count
        columns = [getattr(accounts, name)[:count].astype(np.int64) for name in COUNTED]
        return np.stack(columns, axis=1)

    def _times(self, batch: JournalBatch, records: Records, where: str) -> None:
        times = records["timestamp"].astype(np.int64)
        begin = self._last_time
        if len(times) and (times[0] <= begin or (np.diff(times) <= 0).any()):
            self._findings.add("order_wrong", where)
        self._last_time = max(begin, batch.last_timestamp)
        if batch.last_timestamp < begin or (len(times) and times[-1] > batch.last_timestamp):
            self._findings.add("order_wrong", where)

    def _used_before(self, records: Records, batch: JournalBatch) -> bool:
        """Whether an id of an entry or an account was there already; each is found first there."""
        index = self.index
        opened = np.frombuffer(batch.accounts, OPENINGS)
        for table, ids in ((index.transfer_ids, records["id"]), (index.account_ids, opened["id"])):
            own = np.arange(table.count - len(ids), table.count)
            if len(ids) and (table.find(*halves(ids)) != own).any():
                return True
        failed = index.failed_ids
        return bool(failed.count and len(records)
                    and (failed.find(*halves(records["id"])) >= 0).any())  # fmt: skip

    def _expire(self, ids: bytes, where: str) -> None:
        for entry in _numbers(self.index.transfer_ids, ids):
            if entry < 0 or self.states[entry] != PendingState.PENDING:
                self._findings.add("hold_rule", where)
            else:
                self.states[entry] = PendingState.EXPIRED

    def _entries(self, records: Records, first: int) -> None:
        """The rules of entries, and of the accounts that they touch."""
        index = self.index
        here = slice(first, first + len(records))
        debit = index.entries.debit[here].astype(np.int64)
        credit = index.entries.credit[here].astype(np.int64)
        flags, amount = records["flags"].astype(np.int64), records["amount"].astype(np.int64)
        book = records["book"].astype(np.int64)
        books = index.accounts.book
        wrong = (
            (debit == credit) | (book != books[debit]) | (book != books[credit]) | (amount < 0)
            | (records["code"] == 0) | (book == 0)
        )  # fmt: skip
        self._name("entry_rule", np.flatnonzero(wrong) + first)
        self.states[here][(flags & _PENDING) > 0] = PendingState.PENDING
        self._settle(records, flags, amount, first)
        self._limits(np.unique(np.concatenate((debit, credit))), first)

    def _name(self, code: str, entries: I64) -> None:
        for entry in entries.tolist():
            self._findings.add(code, f"entry {entry}")

    def _settle(self, records: Records, flags: I64, amount: I64, first: int) -> None:
        settles = np.flatnonzero(flags & (_POST | _VOID))
        if not settles.size:
            return
        holds = self.index.transfer_ids.find(*halves(records["pending_id"][settles]))
        wrong = holds < 0
        held = np.where(wrong, 0, holds)
        wrong |= self.states[held] != PendingState.PENDING
        wrong |= amount[settles] > self.index.entries.amount[held]
        repeated = np.ones(settles.size, np.bool_)
        repeated[np.unique(holds, return_index=True)[1]] = False
        self._name("hold_rule", settles[wrong | repeated] + first)
        posted = (flags[settles] & _POST) > 0
        self.states[held[posted]] = PendingState.POSTED
        self.states[held[~posted]] = PendingState.VOIDED

    def _limits(self, touched: I64, first: int) -> None:
        """After a batch no account is beyond what its flags allow."""
        a = self.index.accounts
        flags = a.flags[touched]
        debits = a.debits_pending[touched] + a.debits_posted[touched]
        credits = a.credits_pending[touched] + a.credits_posted[touched]
        beyond = ((flags & _DEBIT_LIMIT) > 0) & (debits > a.credits_posted[touched])
        beyond |= ((flags & _CREDIT_LIMIT) > 0) & (credits > a.debits_posted[touched])
        table = self.index.account_ids
        for number in touched[np.flatnonzero(beyond)].tolist():
            account_id = int(table.highs[number]) << 64 | int(table.lows[number])
            self._findings.add("limit_exceeded", f"account {account_id} after entry {first}")


def _numbers(table: IdTable, ids: bytes) -> list[int]:
    if not ids:
        return []
    found = table.find(*halves(np.frombuffer(ids, ">u8").reshape(-1, 2)))
    return found.tolist()  # type: ignore[no-any-return]
