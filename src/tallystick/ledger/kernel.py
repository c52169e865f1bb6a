"""The ledger kernel: applies a call's transfers to accounts, as one pure function over columns.

Everything is a column of whole numbers that fit in 64 bits. Ids are *slots*, dense numbers that
the caller gives out per call: slot 0 stands for the id 0, slot 1 for the largest id, the others
for one id each, whether known or not. The loop makes no objects and asks no dictionary, and no
sum is taken before it is known to fit (`a > AMOUNT_MAX - b`), so the same text can be compiled
over int64 arrays.

The order of the checks is the precedence of the answers in `TransferResult`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from tallystick.ledger import codes
from tallystick.ledger.model import AMOUNT_MAX, PendingState

__all__ = [
    "ABSENT",
    "FAILED",
    "AccountColumns",
    "Outcome",
    "TransferColumns",
    "apply_in_place",
    "apply_transfers",
    "is_transient",
]

ABSENT = -1
"""In `row_of`: no transfer has this id."""
FAILED = -2
"""In `row_of`: a transfer of this id failed for a reason that later state could change."""

_NO_SLOT = 0
_MAX_SLOT = 1
_NS_PER_S = 1_000_000_000

_LINKED = 1
_PENDING = 2
_POST = 4
_VOID = 8
_BALANCING_DEBIT = 16
_BALANCING_CREDIT = 32
_CLOSING_DEBIT = 64
_CLOSING_CREDIT = 128
_POST_OR_VOID = _POST | _VOID
_BALANCING = _BALANCING_DEBIT | _BALANCING_CREDIT
_CLOSING = _CLOSING_DEBIT | _CLOSING_CREDIT
_RESERVED = ~0xFF

_DEBITS_LIMITED = 2
_CREDITS_LIMITED = 4
_CLOSED = 32

_HELD = int(PendingState.PENDING)
_POSTED = int(PendingState.POSTED)
_VOIDED = int(PendingState.VOIDED)
_EXPIRED = int(PendingState.EXPIRED)


Column = TypeVar("Column", bound=Sequence[int], covariant=True)


class AccountColumns(NamedTuple, Generic[Column]):
    """Accounts by slot; a `book` of 0 says that there is no such account."""

    book: Column
    flags: Column
    debits_pending: Column
    debits_posted: Column
    credits_pending: Column
    credits_posted: Column


class TransferColumns(NamedTuple, Generic[Column]):
    """Transfers by row: first the call's own in order, then the known ones they refer to.

    `id` and `pending_id` are transfer slots, `debit` and `credit` account slots;
    `user_data_128` is a number of the caller's for each different value, 0 for 0. `state` is a
    `PendingState`, 0 for what is not pending.
    """

    id: Column
    debit: Column
    credit: Column
    amount: Column
    pending_id: Column
    user_data_128: Column
    user_data_64: Column
    user_data_32: Column
    timeout: Column
    book: Column
    code: Column
    flags: Column
    timestamp: Column
    state: Column


class Outcome(NamedTuple):
    """What a call comes to.

    Args:
        results: for each of the call's transfers, its place in `TransferResult`.
        failed: rows whose ids may not be used again.
        accounts: all accounts with their new totals and flags.
        transfers: all rows; a created one has its resolved amount, accounts, references and
            timestamp.
    """

    results: list[int]
    failed: list[int]
    accounts: AccountColumns[list[int]]
    transfers: TransferColumns[list[int]]


AccountRows = AccountColumns[list[int]]
TransferRows = TransferColumns[list[int]]


def apply_transfers(
    count: int,
    first_timestamp: int,
    accounts: AccountColumns[Sequence[int]],
    transfers: TransferColumns[Sequence[int]],
    row_of: Sequence[int],
) -> Outcome:
    """Apply the first `count` transfers in order; the arguments stay as they are.

    Args:
        first_timestamp: nanoseconds; the transfer in row i happens at `first_timestamp + i`.
        row_of: for each transfer slot the row of the known transfer, `ABSENT` or `FAILED`.
    """
    a = AccountColumns(*map(list, accounts))
    t = TransferColumns(*map(list, transfers))
    results = [codes.CREATED] * count
    apply_in_place(count, first_timestamp, a, t, list(row_of), results)
    failed = [i for i, result in enumerate(results) if is_transient(result)]
    return Outcome(results, failed, a, t)


def apply_in_place(
    count: int,
    first_timestamp: int,
    a: AccountRows,
    t: TransferRows,
    row_of: list[int],
    results: list[int],
) -> None:
    """The same, changing the columns that it is given; compiled, they are int64 arrays.

    Args:
        results: `count` places for the answers.
    """
    slots, flags = t.id, t.flags
    chain_start = -1
    chain_broken = False
    for i in range(count):
        linked = flags[i] & _LINKED
        if linked and chain_start < 0:
            chain_start = i
        if linked and i == count - 1:
            result = codes.CHAIN_OPEN
        elif chain_broken:
            result = codes.LINKED_FAILED
        else:
            result = _create(i, first_timestamp + i, a, t, row_of)
        results[i] = result
        if result != codes.CREATED:
            if chain_start >= 0 and not chain_broken:
                chain_broken = True
                for j in range(i - 1, chain_start - 1, -1):
                    _undo(j, a, t, row_of)
                    results[j] = codes.LINKED_FAILED
            if is_transient(result):
                row_of[slots[i]] = FAILED
        if chain_start >= 0 and (not linked or result == codes.CHAIN_OPEN):
            chain_start = -1
            chain_broken = False


def is_transient(result: int) -> bool:
    """Whether the same transfer could be answered otherwise later, so its id is used up."""
    return (
        result == codes.EXCEEDS_CREDITS
        or result == codes.EXCEEDS_DEBITS
        or result == codes.DEBIT_NOT_FOUND
        or result == codes.CREDIT_NOT_FOUND
        or result == codes.HOLD_NOT_FOUND
        or result == codes.DEBIT_CLOSED
        or result == codes.CREDIT_CLOSED
    )


def _create(i: int, timestamp: int, a: AccountRows, t: TransferRows, row_of: list[int]) -> int:
    flags = t.flags[i]
    slot = t.id[i]
    if t.timestamp[i] != 0:
        return codes.TIMESTAMP_NOT_ZERO
    if flags & _RESERVED:
        return codes.RESERVED_FLAG
    if slot == _NO_SLOT:
        return codes.ID_ZERO
    if slot == _MAX_SLOT:
        return codes.ID_MAX
    row = row_of[slot]
    if row >= 0:
        return _exists(i, row, t, row_of)
    if row == FAILED:
        return codes.ALREADY_FAILED
    if flags & _POST_OR_VOID:
        result = _refused_settling(i, timestamp, a, t, row_of)
        if result == codes.CREATED:
            _settle(i, a, t, row_of[t.pending_id[i]])
    else:
        result = _malformed(i, t)
        if result == codes.CREATED:
            result = _move(i, timestamp, a, t)
    if result == codes.CREATED:
        t.timestamp[i] = timestamp
        row_of[slot] = i
    return result


def _malformed(i: int, t: TransferRows) -> int:
    """What is wrong with a transfer by itself, whatever the accounts are."""
    debit, credit, flags = t.debit[i], t.credit[i], t.flags[i]
    if debit == _NO_SLOT:
        return codes.DEBIT_ZERO
    if debit == _MAX_SLOT:
        return codes.DEBIT_MAX
    if credit == _NO_SLOT:
        return codes.CREDIT_ZERO
    if credit == _MAX_SLOT:
        return codes.CREDIT_MAX
    if credit == debit:
        return codes.SAME_ACCOUNT
    if t.pending_id[i] != _NO_SLOT:
        return codes.PENDING_ID_NOT_ZERO
    if not flags & _PENDING:
        if t.timeout[i] != 0:
            return codes.TIMEOUT_NOT_PENDING
        if flags & _CLOSING:
            return codes.CLOSING_NOT_PENDING
    if t.book[i] == 0:
        return codes.BOOK_ZERO
    if t.code[i] == 0:
        return codes.CODE_ZERO
    return codes.CREATED


def _move(i: int, timestamp: int, a: AccountRows, t: TransferRows) -> int:
    """Post or hold a well-formed transfer, or say why the accounts do not let it."""
    debit, credit, flags = t.debit[i], t.credit[i], t.flags[i]
    book = a.book[debit]
    if book == 0:
        return codes.DEBIT_NOT_FOUND
    if a.book[credit] == 0:
        return codes.CREDIT_NOT_FOUND
    if book != a.book[credit]:
        return codes.ACCOUNTS_OTHER_BOOKS
    if t.book[i] != book:
        return codes.NOT_ACCOUNTS_BOOK
    debit_flags, credit_flags = a.flags[debit], a.flags[credit]
    if debit_flags & _CLOSED:
        return codes.DEBIT_CLOSED
    if credit_flags & _CLOSED:
        return codes.CREDIT_CLOSED
    amount = _balanced(i, a, t) if flags & _BALANCING else t.amount[i]
    debits_pending, debits_posted = a.debits_pending[debit], a.debits_posted[debit]
    credits_pending, credits_posted = a.credits_pending[credit], a.credits_posted[credit]
    # Pending and posted together never exceed the largest total, so these sums fit.
    room_debits = AMOUNT_MAX - debits_pending - debits_posted
    room_credits = AMOUNT_MAX - credits_pending - credits_posted
    if amount > room_debits or amount > room_credits:
        return _overflow(
            amount, flags, debits_pending, debits_posted, credits_pending, credits_posted
        )
    if t.timeout[i] != 0 and t.timeout[i] * _NS_PER_S > AMOUNT_MAX - timestamp:
        return codes.OVER_TIMEOUT
    if debit_flags & _DEBITS_LIMITED and (
        debits_pending + debits_posted + amount > a.credits_posted[debit]
    ):
        return codes.EXCEEDS_CREDITS
    if credit_flags & _CREDITS_LIMITED and (
        credits_pending + credits_posted + amount > a.debits_posted[credit]
    ):
        return codes.EXCEEDS_DEBITS
    t.amount[i] = amount
    if flags & _PENDING:
        t.state[i] = _HELD
        a.debits_pending[debit] = debits_pending + amount
        a.credits_pending[credit] = credits_pending + amount
        if flags & _CLOSING_DEBIT:
            a.flags[debit] = debit_flags | _CLOSED
        if flags & _CLOSING_CREDIT:
            a.flags[credit] = credit_flags | _CLOSED
    else:
        a.debits_posted[debit] = debits_posted + amount
        a.credits_posted[credit] = credits_posted + amount
    return codes.CREATED


def _balanced(i: int, a: AccountRows, t: TransferRows) -> int:
    """The amount of a balancing transfer: its own, or less where less is there."""
    amount, flags = t.amount[i], t.flags[i]
    if flags & _BALANCING_DEBIT:
        debit = t.debit[i]
        spent = a.debits_posted[debit] + a.debits_pending[debit]
        amount = min(amount, max(0, a.credits_posted[debit] - spent))
    if flags & _BALANCING_CREDIT:
        credit = t.credit[i]
        taken = a.credits_posted[credit] + a.credits_pending[credit]
        amount = min(amount, max(0, a.debits_posted[credit] - taken))
    return amount


def _overflow(
    amount: int,
    flags: int,
    debits_pending: int,
    debits_posted: int,
    credits_pending: int,
    credits_posted: int,
) -> int:
    """Which total would overflow first."""
    if flags & _PENDING:
        if amount > AMOUNT_MAX - debits_pending:
            return codes.OVER_DEBITS_PENDING
        if amount > AMOUNT_MAX - credits_pending:
            return codes.OVER_CREDITS_PENDING
    if amount > AMOUNT_MAX - debits_posted:
        return codes.OVER_DEBITS_POSTED
    if amount > AMOUNT_MAX - credits_posted:
        return codes.OVER_CREDITS_POSTED
    if amount > AMOUNT_MAX - debits_pending - debits_posted:
        return codes.OVER_DEBITS
    return codes.OVER_CREDITS


def _refused_settling(
    i: int, timestamp: int, a: AccountRows, t: TransferRows, row_of: list[int]
) -> int:
    """Why a post or a void cannot be, or `codes.CREATED`."""
    flags = t.flags[i]
    if flags & _POST_OR_VOID == _POST_OR_VOID or flags & (_PENDING | _BALANCING | _CLOSING):
        return codes.EXCLUSIVE_FLAGS
    pending_id = t.pending_id[i]
    if pending_id == _NO_SLOT:
        return codes.PENDING_ID_ZERO
    if pending_id == _MAX_SLOT:
        return codes.PENDING_ID_MAX
    if pending_id == t.id[i]:
        return codes.PENDING_ID_OWN
    if t.timeout[i] != 0:
        return codes.TIMEOUT_NOT_PENDING
    p = row_of[pending_id]
    if p < 0:
        return codes.HOLD_NOT_FOUND
    if not t.flags[p] & _PENDING:
        return codes.HOLD_NOT_PENDING
    result = _refused_differing(i, p, t)
    if result != codes.CREATED:
        return result
    state = t.state[p]
    if state == _POSTED:
        return codes.HOLD_POSTED
    if state == _VOIDED:
        return codes.HOLD_VOIDED
    if state == _EXPIRED or (
        t.timeout[p] != 0 and t.timestamp[p] + t.timeout[p] * _NS_PER_S <= timestamp
    ):
        return codes.HOLD_EXPIRED
    # A void is the one movement that a closed account still takes.
    if not flags & _VOID:
        if a.flags[t.debit[p]] & _CLOSED:
            return codes.DEBIT_CLOSED
        if a.flags[t.credit[p]] & _CLOSED:
            return codes.CREDIT_CLOSED
    return codes.CREATED


def _refused_differing(i: int, p: int, t: TransferRows) -> int:
    """Where a post or void contradicts its pending transfer, or `codes.CREATED`."""
    if t.debit[i] != _NO_SLOT and t.debit[i] != t.debit[p]:
        return codes.HOLD_OTHER_DEBIT
    if t.credit[i] != _NO_SLOT and t.credit[i] != t.credit[p]:
        return codes.HOLD_OTHER_CREDIT
    if t.book[i] != 0 and t.book[i] != t.book[p]:
        return codes.HOLD_OTHER_BOOK
    if t.code[i] != 0 and t.code[i] != t.code[p]:
        return codes.HOLD_OTHER_CODE
    amount = _settled_amount(i, p, t)
    if amount > t.amount[p]:
        return codes.HOLD_EXCEEDED
    if t.flags[i] & _VOID and amount < t.amount[p]:
        return codes.HOLD_OTHER_AMOUNT
    return codes.CREATED


def _settled_amount(i: int, p: int, t: TransferRows) -> int:
    """The amount posted or voided, with the word for "all" resolved."""
    everything = 0 if t.flags[i] & _VOID else AMOUNT_MAX
    return t.amount[p] if t.amount[i] == everything else t.amount[i]


def _settle(i: int, a: AccountRows, t: TransferRows, p: int) -> None:
    """Post or void the pending transfer in row p; nothing can refuse it any more."""
    debit, credit = t.debit[p], t.credit[p]
    amount = _settled_amount(i, p, t)
    a.debits_pending[debit] -= t.amount[p]
    a.credits_pending[credit] -= t.amount[p]
    if t.flags[i] & _POST:
        t.state[p] = _POSTED
        a.debits_posted[debit] += amount
        a.credits_posted[credit] += amount
    else:
        t.state[p] = _VOIDED
        if t.flags[p] & _CLOSING_DEBIT:
            a.flags[debit] &= ~_CLOSED
        if t.flags[p] & _CLOSING_CREDIT:
            a.flags[credit] &= ~_CLOSED
    t.amount[i] = amount
    t.debit[i], t.credit[i] = debit, credit
    t.book[i], t.code[i] = t.book[p], t.code[p]
    t.user_data_128[i] = t.user_data_128[i] or t.user_data_128[p]
    t.user_data_64[i] = t.user_data_64[i] or t.user_data_64[p]
    t.user_data_32[i] = t.user_data_32[i] or t.user_data_32[p]


def _undo(i: int, a: AccountRows, t: TransferRows, row_of: list[int]) -> None:
    """Take back a created transfer of a broken chain: the exact inverse of what it did."""
    flags, debit, credit, amount = t.flags[i], t.debit[i], t.credit[i], t.amount[i]
    row_of[t.id[i]] = ABSENT
    t.timestamp[i] = 0
    if flags & _POST_OR_VOID:
        p = row_of[t.pending_id[i]]
        t.state[p] = _HELD
        a.debits_pending[debit] += t.amount[p]
        a.credits_pending[credit] += t.amount[p]
        if flags & _VOID:
            a.flags[debit] |= _CLOSED if t.flags[p] & _CLOSING_DEBIT else 0
            a.flags[credit] |= _CLOSED if t.flags[p] & _CLOSING_CREDIT else 0
            return
    elif flags & _PENDING:
        t.state[i] = 0
        a.debits_pending[debit] -= amount
        a.credits_pending[credit] -= amount
        a.flags[debit] &= ~_CLOSED if flags & _CLOSING_DEBIT else ~0
        a.flags[credit] &= ~_CLOSED if flags & _CLOSING_CREDIT else ~0
        return
    a.debits_posted[debit] -= amount
    a.credits_posted[credit] -= amount


def _exists(i: int, e: int, t: TransferRows, row_of: list[int]) -> int:
    """How a transfer compares with the one in row e that already has its id."""
    flags = t.flags[i]
    if flags != t.flags[e]:
        return codes.OTHER_FLAGS
    if t.pending_id[i] != t.pending_id[e]:
        return codes.OTHER_PENDING_ID
    if t.timeout[i] != t.timeout[e]:
        return codes.OTHER_TIMEOUT
    if flags & _POST_OR_VOID:
        return _settling_exists(i, e, row_of[t.pending_id[i]], t)
    if t.debit[i] != t.debit[e]:
        return codes.OTHER_DEBIT
    if t.credit[i] != t.credit[e]:
        return codes.OTHER_CREDIT
    # A balancing amount is an upper limit: what was moved then may be less.
    if t.amount[i] < t.amount[e] or (t.amount[i] != t.amount[e] and not flags & _BALANCING):
        return codes.OTHER_AMOUNT
    if t.user_data_128[i] != t.user_data_128[e]:
        return codes.OTHER_USER_DATA_128
    if t.user_data_64[i] != t.user_data_64[e]:
        return codes.OTHER_USER_DATA_64
    if t.user_data_32[i] != t.user_data_32[e]:
        return codes.OTHER_USER_DATA_32
    if t.book[i] != t.book[e]:
        return codes.OTHER_BOOK
    if t.code[i] != t.code[e]:
        return codes.OTHER_CODE
    return codes.EXISTS


def _settling_exists(i: int, e: int, p: int, t: TransferRows) -> int:
    """The same for a post or void, where 0 stands for the value of the pending row p."""
    if t.debit[i] != _NO_SLOT and t.debit[i] != t.debit[e]:
        return codes.OTHER_DEBIT
    if t.credit[i] != _NO_SLOT and t.credit[i] != t.credit[e]:
        return codes.OTHER_CREDIT
    if _settled_amount(i, p, t) != t.amount[e]:
        return codes.OTHER_AMOUNT
    if (t.user_data_128[i] or t.user_data_128[p]) != t.user_data_128[e]:
        return codes.OTHER_USER_DATA_128
    if (t.user_data_64[i] or t.user_data_64[p]) != t.user_data_64[e]:
        return codes.OTHER_USER_DATA_64
    if (t.user_data_32[i] or t.user_data_32[p]) != t.user_data_32[e]:
        return codes.OTHER_USER_DATA_32
    if t.book[i] != 0 and t.book[i] != t.book[e]:
        return codes.OTHER_BOOK
    if t.code[i] != 0 and t.code[i] != t.code[e]:
        return codes.OTHER_CODE
    return codes.EXISTS
