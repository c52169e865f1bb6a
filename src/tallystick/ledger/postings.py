"""Each account's postings, newest first, over all entries of the journal: compiled loops.

A posting is one side of an entry: posting 2e is the debit side of entry e, posting 2e + 1 its
credit side. Each knows the posting of the same account before it. Every 64th posting of an
account is marked: the mark keeps the account's posted totals after it, the mark before it, and
one further back (a skew-binary jump pointer, Myers 1983), so that any moment of a long account
is found in a logarithm of steps and at most 64 more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.ledger.compiled import compiled
from tallystick.ledger.tables import room

__all__ = [
    "EVERY", "AccountTotals", "Entries", "Marks", "append_entries", "before", "expire_hold",
    "forget_entries", "newest", "oldest",
]  # fmt: skip

EVERY = 64
"""Postings of an account from one mark to the next."""

I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]

_PENDING, _POST, _VOID = 2, 4, 8
_CLOSING_DEBIT, _CLOSING_CREDIT = 64, 128
_CLOSED = 32


class AccountTotals(NamedTuple):
    """Accounts by number. `head` and `mark` are a posting and a mark plus one, 0 for none."""

    book: I64
    flags: I64
    debits_pending: I64
    debits_posted: I64
    credits_pending: I64
    credits_posted: I64
    head: U32
    postings: U32
    mark: U32

    @classmethod
    def empty(cls) -> AccountTotals:
        """No accounts yet."""
        columns: Any = [np.zeros(0, np.int64)] * 6 + [np.zeros(0, np.uint32)] * 3
        return cls(*columns)

    def reserved(self, count: int) -> AccountTotals:
        """With room for so many."""
        columns: Any = [room(column, count) for column in self]
        return AccountTotals(*columns)


class Entries(NamedTuple):
    """Entries by number; `previous` by posting, a posting plus one, 0 for none."""

    amount: I64
    kind: npt.NDArray[np.uint8]
    time: I64
    debit: U32
    credit: U32
    previous: U32

    @classmethod
    def empty(cls) -> Entries:
        """No entries yet."""
        return cls(
            np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int64),
            np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint32),
        )  # fmt: skip

    def reserved(self, count: int) -> Entries:
        """With room for so many."""
        columns: Any = [room(column, count) for column in self[:5]]
        return Entries(*[*columns, room(self.previous, 2 * count)])


class Marks(NamedTuple):
    """Marks by number: their posting, totals after it, and earlier marks (a number plus one)."""

    posting: U32
    debits: I64
    credits: I64
    previous: U32
    jump: U32
    depth: U32

    @classmethod
    def empty(cls) -> Marks:
        """No marks yet."""
        return cls(
            np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.int64),
            np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint32),
        )  # fmt: skip

    def reserved(self, count: int) -> Marks:
        """With room for so many."""
        columns: Any = [room(column, count) for column in self]
        return Marks(*columns)


@compiled
def _effect(a: Any, e: Any, entry: Any, hold: Any, sign: Any) -> None:
    """What an entry does to the totals (`sign` 1), or the exact inverse (-1)."""
    kind, amount = e.kind[entry], e.amount[entry]
    debit, credit = e.debit[entry], e.credit[entry]
    if kind & _PENDING:
        a.debits_pending[debit] += sign * amount
        a.credits_pending[credit] += sign * amount
        _close(a, kind, debit, credit, sign)
        return
    if kind & (_POST | _VOID):
        a.debits_pending[debit] -= sign * e.amount[hold]
        a.credits_pending[credit] -= sign * e.amount[hold]
        if kind & _VOID:
            _close(a, e.kind[hold], debit, credit, -sign)
            return
    a.debits_posted[debit] += sign * amount
    a.credits_posted[credit] += sign * amount


@compiled
def _close(a: Any, kind: Any, debit: Any, credit: Any, sign: Any) -> None:
    """Close (`sign` 1) or open again (-1) what a closing hold closes."""
    if kind & _CLOSING_DEBIT:
        a.flags[debit] = (a.flags[debit] | _CLOSED) if sign > 0 else (a.flags[debit] & ~_CLOSED)
    if kind & _CLOSING_CREDIT:
        a.flags[credit] = (a.flags[credit] | _CLOSED) if sign > 0 else (a.flags[credit] & ~_CLOSED)


@compiled
def _mark(a: Any, marks: Any, number: int, account: Any, posting: Any) -> None:
    parent = a.mark[account]
    marks.posting[number] = posting
    marks.debits[number] = a.debits_posted[account]
    marks.credits[number] = a.credits_posted[account]
    marks.previous[number] = parent
    a.mark[account] = number + 1
    if parent == 0:
        marks.jump[number] = number + 1
        marks.depth[number] = 1
        return
    first = marks.jump[parent - 1]
    second = marks.jump[first - 1]
    depth = marks.depth[parent - 1]
    even = depth - marks.depth[first - 1] == marks.depth[first - 1] - marks.depth[second - 1]
    marks.jump[number] = second if even else parent
    marks.depth[number] = depth + 1


@compiled
def append_entries(
    a: Any, e: Any, marks: Any, marked: int, first: int, count: int, holds: Any
) -> int:
    """Book entries whose amount, kind, debit and credit stand in `e`; returns how many marks.

    Args:
        marked: how many marks there are before.
        holds: for each entry the number of the hold that it settles.
    """
    for i in range(count):
        entry = first + i
        _effect(a, e, entry, holds[i], 1)
        for side in range(2):
            account = e.credit[entry] if side else e.debit[entry]
            posting = 2 * entry + side
            e.previous[posting] = a.head[account]
            a.head[account] = posting + 1
            a.postings[account] += 1
            if a.postings[account] % EVERY == 0:
                _mark(a, marks, marked, account, posting)
                marked += 1
    return marked


@compiled
def forget_entries(
    a: Any, e: Any, marks: Any, marked: int, first: int, count: int, holds: Any
) -> int:
    """Take back the newest `count` entries, from `first` on; returns how many marks are left."""
    for i in range(count - 1, -1, -1):
        entry = first + i
        for side in range(1, -1, -1):
            account = e.credit[entry] if side else e.debit[entry]
            if a.postings[account] % EVERY == 0:
                marked -= 1
                a.mark[account] = marks.previous[marked]
            a.postings[account] -= 1
            a.head[account] = e.previous[2 * entry + side]
        _effect(a, e, entry, holds[i], -1)
    return marked


@compiled
def expire_hold(a: Any, e: Any, hold: int, sign: int) -> None:
    """Let go a hold whose time is over (`sign` 1), or take that back (-1)."""
    debit, credit = e.debit[hold], e.credit[hold]
    a.debits_pending[debit] -= sign * e.amount[hold]
    a.credits_pending[credit] -= sign * e.amount[hold]
    _close(a, e.kind[hold], debit, credit, -sign)


@compiled
def _mark_after(a: Any, marks: Any, account: int, limit: int) -> int:
    """The first mark of an account at or after an entry, plus one; 0 when there is none."""
    mark = np.int64(a.mark[account])
    after = np.int64(0)
    while mark and (marks.posting[mark - 1] >> 1) >= limit:
        after = mark
        jump = np.int64(marks.jump[mark - 1])
        far = jump != mark and (marks.posting[jump - 1] >> 1) >= limit
        mark = jump if far else np.int64(marks.previous[mark - 1])
    return after  # type: ignore[return-value]


@compiled
def before(a: Any, e: Any, marks: Any, account: int, limit: int, out: Any) -> None:
    """Into `out`: an account's newest posting before an entry, plus one, and posted totals then.

    Args:
        limit: the entry's number; what counts is all before it.
        out: three numbers: the posting plus one (0 for none), debits posted, credits posted.
    """
    mark = _mark_after(a, marks, account, limit)
    if mark:
        posting = np.int64(marks.posting[mark - 1]) + 1
        debits, credits = marks.debits[mark - 1], marks.credits[mark - 1]
    else:
        posting = np.int64(a.head[account])
        debits, credits = a.debits_posted[account], a.credits_posted[account]
    while posting and ((posting - 1) >> 1) >= limit:
        entry = (posting - 1) >> 1
        if not e.kind[entry] & (_PENDING | _VOID):
            if (posting - 1) & 1:
                credits -= e.amount[entry]
            else:
                debits -= e.amount[entry]
        posting = np.int64(e.previous[posting - 1])
    out[0], out[1], out[2] = posting, debits, credits


@compiled
def newest(e: Any, posting: int, at_least: int, skip: int, out: Any) -> int:
    """Entries of an account from a posting (plus one) backwards, not below `at_least`.

    Args:
        skip: entries with any of these flags are left out.

    Returns:
        How many were written to `out`, at most as many as fit.
    """
    count = 0
    at = np.int64(posting)
    while at and count < out.size and ((at - 1) >> 1) >= at_least:
        if not e.kind[(at - 1) >> 1] & skip:
            out[count] = (at - 1) >> 1
            count += 1
        at = np.int64(e.previous[at - 1])
    return count


@compiled
def oldest(a: Any, marks: Any, account: int, at_least: int, wanted: int) -> int:
    """A posting, plus one, from which walking back meets the `wanted` oldest from an entry on.

    Returns:
        0 when the account has no mark so far ahead: then walk from its newest posting.
    """
    after = _mark_after(a, marks, account, at_least)
    if after == 0:
        return 0
    depth = np.int64(marks.depth[after - 1]) + wanted // EVERY + 1
    mark = np.int64(a.mark[account])
    if np.int64(marks.depth[mark - 1]) <= depth:
        return 0
    while np.int64(marks.depth[mark - 1]) > depth:
        jump = np.int64(marks.jump[mark - 1])
        far = np.int64(marks.depth[jump - 1]) >= depth
        mark = jump if far else np.int64(marks.previous[mark - 1])
    return np.int64(marks.posting[mark - 1]) + 1  # type: ignore[return-value]
