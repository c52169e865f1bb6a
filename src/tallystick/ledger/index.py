"""The journal's index: what can be asked of millions of entries without reading them.

It follows the journal batch by batch and can be worked out again from it at any time, so it is
never stored and cannot be wrong after a crash. It knows every account's totals, which ids exist
or are used up, each account's postings in order, and which entries have a reference. About 65
bytes an entry and 100 an account.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.ledger.journal import (
    BLOCK_ENTRIES,
    NO_HEAD,
    JournalBatch,
    JournalHead,
    JournalStore,
)
from tallystick.ledger.postings import (
    EVERY,
    AccountTotals,
    Entries,
    Marks,
    append_entries,
    before,
    expire_hold,
    forget_entries,
    newest,
    oldest,
)
from tallystick.ledger.records import OPENINGS, TRANSFERS, Records, halves
from tallystick.ledger.tables import IdTable, chain_references, find, room

__all__ = ["JournalIndex", "NotFollowing", "Totals"]

I64 = npt.NDArray[np.int64]

_SETTLES = 12
_MOVES_NOTHING = 10
_SLICE = 1 << 20


class NotFollowing(Exception):
    """A batch does not follow the last one that the index knows."""


class Totals(NamedTuple):
    """An account's posted totals at a moment, in minor units."""

    debits_posted: int
    credits_posted: int


class _Place(NamedTuple):
    """How far the index had come before a batch."""

    head: JournalHead
    accounts: int
    failed: int
    settled: int
    expired: int
    starts: int
    references: int


class JournalIndex:
    """Follows one journal. Whoever uses it from several threads holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Begin again before the first batch."""
        self.head: JournalHead = NO_HEAD
        self.account_ids = IdTable()
        self.accounts = AccountTotals.empty()
        self.transfer_ids = IdTable()
        self.failed_ids = IdTable()
        self.entries = Entries.empty()
        self._marks = Marks.empty()
        self._marked = 0
        # Which entry settled which hold, and which holds expired, in the order of the journal.
        self._settled: I64 = np.zeros((0, 2), np.int64)
        self._settled_count = 0
        self._expired: list[int] = []
        # The first entry of every batch that has entries.
        self._starts: I64 = np.zeros(0, np.int64)
        self._starts_count = 0
        self._references = IdTable()
        self._reference_heads: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._reference_previous: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._uncommitted: list[_Place] = []

    @property
    def entry_count(self) -> int:
        """How many entries the index knows."""
        return self.head.entries

    # Following.

    def catch_up(
        self, store: JournalStore, *, writing: bool, committed: bool = True
    ) -> JournalHead:
        """Follow the store's journal to its end, which is given back.

        Args:
            writing: whether the store is the one that writes. Another may see an earlier end
                than the index, and has nothing to follow then.
            committed: False while the transaction may still be undone.

        Raises:
            NotFollowing: the journal's batches do not follow each other.
        """
        head = store.head()
        if (head.number == self.head.number and head.hash != self.head.hash) or (
            writing and head.number < self.head.number
        ):
            self.clear()
        # Many entries at once, as after a start, get their room at once.
        self.transfer_ids.reserve(head.entries - self.transfer_ids.count)
        self.entries = self.entries.reserved(head.entries)
        try:
            for batch in store.batches(self.head.number, head.number):
                self.follow(batch, committed=committed)
        except NotFollowing:
            # Another journal under the same name, or one that was put back to an earlier state.
            self.clear()
            for batch in store.batches(0, head.number):
                self.follow(batch, committed=committed)
        return head

    def follow(self, batch: JournalBatch, *, committed: bool = True) -> None:
        """Take in the batch after the last one.

        Args:
            committed: False for a batch of a transaction that may still be undone.

        Raises:
            NotFollowing: it is another journal's, or not the next.
        """
        if batch.number != self.head.number + 1 or batch.previous_hash != self.head.hash:
            raise NotFollowing(f"batch {batch.number} does not follow {self.head.number}")
        if not committed:
            self.will_append()
        self._open(np.frombuffer(batch.accounts, OPENINGS))
        for entry in self._numbers(self.transfer_ids, batch.expired):
            expire_hold(self.accounts, self.entries, entry, 1)
            self._expired.append(entry)
        records = np.frombuffer(batch.records, TRANSFERS)
        if len(records):
            debit = self.account_ids.find(*halves(records["debit_account_id"]))
            credit = self.account_ids.find(*halves(records["credit_account_id"]))
            if min(debit.min(), credit.min()) < 0:
                raise NotFollowing(f"batch {batch.number} names accounts that are not open")
            self.book(records, debit, credit)
        if batch.failed:
            self._fail(batch.failed)
        self.head = batch.head

    def append(self, batch: JournalBatch, records: Records, debit: I64, credit: I64) -> None:
        """Take in the next batch of a bulk call, whose accounts' numbers are known already."""
        self.will_append()
        if len(records):
            self.book(records, debit, credit)
        if batch.failed:
            self._fail(batch.failed)
        self.head = batch.head

    def _fail(self, ids: bytes) -> None:
        self.failed_ids.add(*halves(np.frombuffer(ids, ">u8").reshape(-1, 2)))

    @staticmethod
    def _numbers(table: IdTable, ids: bytes) -> list[int]:
        if not ids:
            return []
        found = table.find(*halves(np.frombuffer(ids, ">u8").reshape(-1, 2)))
        return [int(n) for n in found if n >= 0]

    def _open(self, openings: Records) -> None:
        if not len(openings):
            return
        first = self.account_ids.count
        self.account_ids.add(*halves(openings["id"]))
        self.reserve_accounts(0)
        last = self.account_ids.count
        self.accounts.book[first:last] = openings["book"]
        self.accounts.flags[first:last] = openings["flags"]

    def reserve_accounts(self, more: int) -> None:
        """Room for so many accounts that are not open: their columns are 0."""
        self.accounts = self.accounts.reserved(self.account_ids.count + more)

    def book(self, records: Records, debit: I64, credit: I64) -> None:
        """Take in created transfers, given their accounts' numbers."""
        first, count = self.transfer_ids.count, len(records)
        self.transfer_ids.add(*halves(records["id"]))
        self.entries = self.entries.reserved(first + count)
        here = slice(first, first + count)
        flags = records["flags"].astype(np.uint8)
        self.entries.amount[here] = records["amount"]
        self.entries.kind[here] = flags
        self.entries.time[here] = records["timestamp"]
        self.entries.debit[here] = debit
        self.entries.credit[here] = credit
        self._marks = self._marks.reserved(self._marked + 2 * count)
        self._marked = append_entries(
            self.accounts, self.entries, self._marks, self._marked, first, count,
            self._settle(records, flags, first),
        )  # fmt: skip
        self._starts = room(self._starts, self._starts_count + 1)
        self._starts[self._starts_count] = first
        self._starts_count += 1
        self._refer(records, first)

    def _settle(self, records: Records, flags: npt.NDArray[np.uint8], first: int) -> I64:
        """The hold that each record settles, remembered so that it can be taken back."""
        holds = np.zeros(len(records), np.int64)
        settles = np.flatnonzero(flags & _SETTLES)
        if settles.size:
            found = self.transfer_ids.find(*halves(records["pending_id"][settles]))
            if found.min() < 0:
                raise NotFollowing("a hold that is settled was never placed")
            holds[settles] = found
            end = self._settled_count + settles.size
            if end > len(self._settled):
                longer = np.zeros((max(end, 2 * len(self._settled)), 2), np.int64)
                longer[: self._settled_count] = self._settled[: self._settled_count]
                self._settled = longer
            self._settled[self._settled_count : end, 0] = settles + first
            self._settled[self._settled_count : end, 1] = found
            self._settled_count = end
        return holds

    def _refer(self, records: Records, first: int) -> None:
        """Chain the entries of one reference (`user_data_128`), the newest first."""
        high, low = halves(records["user_data_128"])
        referring = np.flatnonzero(high | low)
        if not referring.size:
            return
        table = self._references
        table.reserve(referring.size)
        self._reference_heads = room(self._reference_heads, table.count + referring.size)
        self._reference_previous = room(self._reference_previous, self.transfer_ids.count)
        table.count = chain_references(
            table.places, table.highs, table.lows, table.salt, table.count,
            high[referring], low[referring], referring + first,
            self._reference_heads, self._reference_previous,
        )  # fmt: skip

    # Going back.

    def will_append(self) -> None:
        """Remember the present state, to which `forget` can go back until `commit`."""
        self._uncommitted.append(
            _Place(
                self.head, self.account_ids.count, self.failed_ids.count, self._settled_count,
                len(self._expired), self._starts_count, self._references.count,
            )
        )  # fmt: skip

    def commit(self) -> None:
        """What was taken in is committed."""
        self._uncommitted.clear()

    def forget(self, number: int) -> None:
        """Take back the uncommitted batches after this one."""
        while self._uncommitted and self.head.number > number:
            self._forget_batch(self._uncommitted.pop())

    def _forget_batch(self, place: _Place) -> None:
        first = place.head.entries
        count = self.transfer_ids.count - first
        if count:
            holds = np.zeros(count, np.int64)
            settled = self._settled[place.settled : self._settled_count]
            holds[settled[:, 0] - first] = settled[:, 1]
            self._marked = forget_entries(
                self.accounts, self.entries, self._marks, self._marked, first, count, holds
            )
            self._unrefer(first, count, place.references)
            self.transfer_ids.shrink(first)
        for entry in reversed(self._expired[place.expired :]):
            expire_hold(self.accounts, self.entries, entry, -1)
        del self._expired[place.expired :]
        opened = slice(place.accounts, self.account_ids.count)
        for column in self.accounts:
            column[opened] = 0
        self.account_ids.shrink(place.accounts)
        self.failed_ids.shrink(place.failed)
        self._settled_count, self._starts_count = place.settled, place.starts
        self.head = place.head

    def _unrefer(self, first: int, count: int, references: int) -> None:
        if first + count > self._reference_previous.size:
            return
        heads, previous = self._reference_heads, self._reference_previous
        for reference in np.flatnonzero(heads[: self._references.count] > first).tolist():
            while heads[reference] > first:
                heads[reference] = previous[heads[reference] - 1]
        self._references.shrink(references)

    # Asking. `limit` is how many entries the asker may see.

    def block_of(self, entry: int) -> int:
        """The first entry of the block in which an entry is stored."""
        at = int(np.searchsorted(self._starts[: self._starts_count], entry, "right")) - 1
        start = int(self._starts[at])
        return start + (entry - start) // BLOCK_ENTRIES * BLOCK_ENTRIES

    def _account(self, account_id: int) -> int:
        return self._number(self.account_ids, account_id)

    @staticmethod
    def _number(table: IdTable, number: int) -> int:
        high, low = np.uint64(number >> 64), np.uint64(number & 0xFFFFFFFFFFFFFFFF)
        return int(find(table.places, table.highs, table.lows, table.salt, high, low))

    def entries_of_ids(self, ids: Sequence[int], limit: int) -> list[int]:
        """The entries with these ids that are below the limit."""
        found = (self._number(self.transfer_ids, i) for i in ids)
        return [entry for entry in found if 0 <= entry < limit]

    def open_among(self, ids: list[int]) -> list[int]:
        """Which of these ids are those of accounts."""
        return [i for i in dict.fromkeys(ids) if self._account(i) >= 0]

    def accounts_since(self, entry: int) -> I64:
        """The numbers of the accounts that entries from this one on have touched."""
        end = self.entry_count
        touched = (self.entries.debit[entry:end], self.entries.credit[entry:end])
        return np.unique(np.concatenate(touched)).astype(np.int64)

    def entry_at(self, timestamp: int) -> int:
        """How many entries have a timestamp at or before this one."""
        times = self.entries.time[: self.entry_count]
        return int(np.searchsorted(times, timestamp, "right"))

    def entries_at(self, timestamps: Sequence[int], limit: int) -> list[int]:
        """The entries with these timestamps that are below the limit."""
        found = (self.entry_at(t) - 1 for t in timestamps)
        return [
            entry
            for entry, t in zip(found, timestamps, strict=True)
            if 0 <= entry < limit and int(self.entries.time[entry]) == t
        ]

    def totals_before(self, account_id: int, limit: int) -> Totals:
        """An account's posted totals after all entries below the limit."""
        number = self._account(account_id)
        return Totals(0, 0) if number < 0 else Totals(*self._before(number, limit)[1:])

    def _before(self, account: int, limit: int) -> tuple[int, int, int]:
        out = np.zeros(3, np.int64)
        before(self.accounts, self.entries, self._marks, account, limit, out)
        return int(out[0]), int(out[1]), int(out[2])

    def moved_since(self, entry: int, limit: int) -> dict[int, tuple[int, int]]:
        """Debits and credits posted by the entries from this one on that are below the limit.

        One account's sums fit 63 bits, as its totals do.
        """
        sums = np.zeros((2, self.account_ids.count), np.int64)
        for start in range(entry, limit, _SLICE):
            here = slice(start, min(limit, start + _SLICE))
            moves = self.entries.kind[here] & _MOVES_NOTHING == 0
            amounts = self.entries.amount[here][moves]
            for side, accounts in enumerate((self.entries.debit, self.entries.credit)):
                np.add.at(sums[side], accounts[here][moves], amounts)
        touched = np.flatnonzero(sums.any(axis=0))
        highs, lows = self.account_ids.highs[touched], self.account_ids.lows[touched]
        return {
            high << 64 | low: (debits, credits)
            for high, low, debits, credits in zip(
                highs.tolist(), lows.tolist(), *sums[:, touched].tolist(), strict=True
            )
        }

    def newest_of_account(
        self, account_id: int, *, at_least: int, below: int, count: int, skip: int = 0
    ) -> list[int]:
        """An account's newest entries with `at_least <= entry < below`, newest first.

        Args:
            skip: entries with any of these flags are left out.
        """
        number = self._account(account_id)
        if number < 0:
            return []
        out = np.empty(min(count, max(0, below - at_least)), np.int64)
        posting = self._before(number, below)[0]
        found = newest(self.entries, posting, at_least, skip, out)
        return out[:found].tolist()  # type: ignore[no-any-return]

    def oldest_of_account(
        self, account_id: int, *, at_least: int, below: int, count: int, skip: int = 0
    ) -> list[int]:
        """An account's oldest entries with `at_least <= entry < below`, oldest first.

        Args:
            skip: entries with any of these flags are left out.
        """
        number = self._account(account_id)
        wanted: list[int] = []
        while number >= 0 and len(wanted) < count and at_least < below:
            found = self._oldest(number, at_least, below, count)
            if not found:
                break
            wanted += [entry for entry in found if not int(self.entries.kind[entry]) & skip]
            at_least = found[-1] + 1
        return wanted[:count]

    def _oldest(self, account: int, at_least: int, below: int, count: int) -> list[int]:
        posting = oldest(self.accounts, self._marks, account, at_least, count)
        if posting == 0 or (posting - 1) >> 1 >= below:
            posting = self._before(account, below)[0]
        out = np.empty(min(count + 3 * EVERY, below - at_least), np.int64)
        found = newest(self.entries, posting, at_least, 0, out)
        return out[:found][::-1][:count].tolist()  # type: ignore[no-any-return]

    def newest_referring(self, reference: int, below: int, count: int) -> list[int]:
        """The newest entries below one whose `user_data_128` is this number, newest first."""
        number = self._number(self._references, reference)
        found: list[int] = []
        at = int(self._reference_heads[number]) if number >= 0 else 0
        while at and len(found) < count:
            if at - 1 < below:
                found.append(at - 1)
            at = int(self._reference_previous[at - 1])
        return found

    def newest_between(
        self, begin: int, end: int, least: int, most: int, book: int | None, count: int
    ) -> list[int]:
        """The newest entries of a range with an amount and, if it is given, in a book."""
        amounts = self.entries.amount[begin:end]
        fits = (amounts >= least) & (amounts <= most)
        if book is not None:
            fits &= self.accounts.book[self.entries.debit[begin:end]] == book
        found: list[int] = (np.flatnonzero(fits)[::-1][:count] + begin).tolist()
        return found

    def referring(self, reference: int, limit: int) -> list[int]:
        """The entries whose `user_data_128` is this number, oldest first."""
        number = self._number(self._references, reference)
        found: list[int] = []
        at = int(self._reference_heads[number]) if number >= 0 else 0
        while at:
            if at - 1 < limit:
                found.append(at - 1)
            at = int(self._reference_previous[at - 1])
        return found[::-1]
