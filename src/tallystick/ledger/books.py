"""The working set: what one unit of work reads and changes in the ledger.

A `Books` lives as long as one database transaction. It reads accounts and transfers through a
`LedgerReader` when it first meets them, keeps what changes in memory, can undo everything since
a mark, and hands all changes over at once to be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec.structs import astuple

from tallystick.ledger.kernel import (
    ABSENT,
    FAILED,
    AccountColumns,
    Outcome,
    TransferColumns,
    apply_transfers,
)
from tallystick.ledger.model import (
    ID_MAX,
    Account,
    AccountFlags,
    AccountResult,
    PendingState,
    Transfer,
    TransferFlags,
    TransferResult,
    expires_at_ns,
)
from tallystick.ledger.opening import open_accounts
from tallystick.ledger.ranges import check_account, check_transfer

__all__ = ["BookMark", "Books", "Changes", "LedgerReader"]

_RESULTS = tuple(TransferResult)
_CREATED = _RESULTS.index(TransferResult.CREATED)
_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING)
_POST_OR_VOID = int(TransferFlags.POST_PENDING | TransferFlags.VOID_PENDING)
_CLOSING_DEBIT = int(TransferFlags.CLOSING_DEBIT)
_CLOSING_CREDIT = int(TransferFlags.CLOSING_CREDIT)
_CLOSED = int(AccountFlags.CLOSED)
_STATES = tuple(PendingState)


class LedgerReader(Protocol):
    """Reads what is committed. Ids that are not there are left out of the answer."""

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist."""

    def transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers among these ids that exist."""

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""

    def failed(self, ids: Sequence[int]) -> set[int]:
        """The ids among these that are used up by a failure."""


class Changes(NamedTuple):
    """Everything that changed since the working set was made or last drained.

    Args:
        new_accounts: created accounts with their present totals, oldest first.
        changed_accounts: accounts that existed before, with their present totals and flags.
        new_transfers: created transfers with resolved amount and timestamp, oldest first.
        pending_states: pending transfer id → what has become of it.
        failed_ids: transfer ids that may not be used again.
    """

    new_accounts: list[Account]
    changed_accounts: list[Account]
    new_transfers: list[Transfer]
    pending_states: dict[int, PendingState]
    failed_ids: list[int]


class BookMark(NamedTuple):
    """A place to roll back to; good until the next `drain`."""

    undo: int
    last_timestamp: int


class Books:
    """Accounts and transfers as one unit of work sees them.

    Args:
        reader: reads what is committed; asked at most once for an id.
        last_timestamp: the ledger's latest timestamp, in nanoseconds; new ones come after it.
    """

    def __init__(self, reader: LedgerReader, *, last_timestamp: int = 0) -> None:
        self._reader = reader
        self._last_timestamp = last_timestamp
        # None and False record that the reader was asked and had nothing.
        self._accounts: dict[int, Account | None] = {}
        self._transfers: dict[int, Transfer | None] = {}
        self._states: dict[int, PendingState | None] = {}
        self._failed: dict[int, bool] = {}
        self._undo: list[tuple[dict[int, Any], int, Any]] = []

    @property
    def last_timestamp(self) -> int:
        """The latest timestamp given out, in nanoseconds."""
        return self._last_timestamp

    # Reading.

    def account(self, account_id: int) -> Account | None:
        """The account with its present totals, or None."""
        if account_id not in self._accounts:
            self._load_accounts([account_id])
        return self._accounts[account_id]

    def transfer(self, transfer_id: int) -> Transfer | None:
        """The created transfer, or None."""
        if transfer_id not in self._transfers:
            self._load_transfers([transfer_id])
        return self._transfers[transfer_id]

    def pending_state(self, transfer_id: int) -> PendingState | None:
        """What has become of a pending transfer; None when there is no such one."""
        self.transfer(transfer_id)
        return self._states.get(transfer_id)

    def load(self, account_ids: Iterable[int], transfer_ids: Iterable[int] = ()) -> None:
        """Read many ids ahead in one go; those already known are not asked for."""
        self._load_accounts([i for i in dict.fromkeys(account_ids) if i not in self._accounts])
        self._load_transfers([i for i in dict.fromkeys(transfer_ids) if i not in self._transfers])

    def _load_accounts(self, ids: list[int]) -> None:
        if not ids:
            return
        self._accounts.update(dict.fromkeys(ids))
        for account in self._reader.accounts(ids):
            self._accounts[account.id] = account

    def _load_transfers(self, ids: list[int]) -> None:
        if not ids:
            return
        self._transfers.update(dict.fromkeys(ids))
        held = []
        for transfer in self._reader.transfers(ids):
            self._transfers[transfer.id] = transfer
            if transfer.flags & _PENDING:
                held.append(transfer.id)
        if held:
            self._states.update(self._reader.pending_states(held))
        absent = [i for i in ids if self._transfers[i] is None]
        if absent:
            self._failed.update(dict.fromkeys(self._reader.failed(absent), True))

    def _load_for(self, transfers: Sequence[Transfer]) -> None:
        """Everything the kernel needs for a call, in at most one question of each kind."""
        known, accounts = self._transfers, self._accounts
        missing: dict[int, None] = {}
        for t in transfers:
            if t.id not in known:
                missing[t.id] = None
            if t.pending_id and t.pending_id not in known:
                missing[t.pending_id] = None
        self._load_transfers(list(missing))
        missing = {}
        for t in transfers:
            if t.debit_account_id not in accounts:
                missing[t.debit_account_id] = None
            if t.credit_account_id not in accounts:
                missing[t.credit_account_id] = None
            if t.pending_id and (held := known[t.pending_id]) is not None:
                if held.debit_account_id not in accounts:
                    missing[held.debit_account_id] = None
                if held.credit_account_id not in accounts:
                    missing[held.credit_account_id] = None
        self._load_accounts(list(missing))

    # Changing.

    def _set(self, mapping: dict[int, Any], key: int, value: Any) -> None:
        self._undo.append((mapping, key, mapping.get(key)))
        mapping[key] = value

    def _take_timestamps(self, count: int, now_ns: int) -> int:
        first = max(now_ns, self._last_timestamp + 1)
        self._last_timestamp = first + count - 1
        return first

    def create_accounts(self, accounts: Sequence[Account], now_ns: int) -> list[AccountResult]:
        """Create accounts in order; one answer each.

        Raises:
            ValueError: a field does not fit its width.
        """
        if not accounts:
            return []
        for account in accounts:
            check_account(account)
        self.load(a.id for a in accounts)
        first = self._take_timestamps(len(accounts), now_ns)
        results, created = open_accounts(accounts, self._accounts, first)
        for account in created:
            self._set(self._accounts, account.id, account)
        return results

    def create_transfers(self, transfers: Sequence[Transfer], now_ns: int) -> list[TransferResult]:
        """Apply transfers in order; one answer each.

        Args:
            now_ns: nanoseconds since 1970; the first transfer's timestamp, unless the ledger is
                already past it.

        Raises:
            ValueError: a field does not fit its width.
        """
        if not transfers:
            return []
        for transfer in transfers:
            check_transfer(transfer)
        self._load_for(transfers)
        first = self._take_timestamps(len(transfers), now_ns)
        account_ids, outcome = self._applied(transfers, first)
        self._keep_accounts(account_ids, outcome.accounts)
        self._keep_transfers(transfers, account_ids, outcome)
        for i in outcome.failed:
            self._set(self._failed, transfers[i].id, True)
        return [_RESULTS[code] for code in outcome.results]

    def _applied(self, transfers: Sequence[Transfer], first: int) -> tuple[list[int], Outcome]:
        """Give out slots, run the kernel, and give its outcome with the id of each slot."""
        account_slots, transfer_slots = {0: 0, ID_MAX: 1}, {0: 0, ID_MAX: 1}
        user_data = {0: 0}
        columns = _columns(transfers, account_slots, transfer_slots, user_data)
        row_of = [ABSENT, ABSENT]
        known: list[Transfer] = []
        for transfer_id in list(transfer_slots)[2:]:
            transfer = self._transfers[transfer_id]
            if transfer is not None:
                row_of.append(len(transfers) + len(known))
                known.append(transfer)
            else:
                row_of.append(FAILED if self._failed.get(transfer_id) else ABSENT)
        if known:
            more = _columns(known, account_slots, transfer_slots, user_data)
            more = more._replace(state=[int(self._states.get(t.id) or 0) for t in known])
            columns = TransferColumns(*[[*c, *m] for c, m in zip(columns, more, strict=True)])
        account_ids = list(account_slots)
        accounts = self._account_columns(account_ids)
        outcome = apply_transfers(len(transfers), first, accounts, columns, row_of)
        assert _balanced(accounts, outcome.accounts), "debits and credits moved apart"
        return account_ids, outcome

    def _account_columns(self, account_ids: list[int]) -> AccountColumns[Sequence[int]]:
        held = self._accounts
        rows = [
            (0, 0, 0, 0, 0, 0)
            if (a := held.get(i)) is None
            else (
                a.book,
                a.flags,
                a.debits_pending,
                a.debits_posted,
                a.credits_pending,
                a.credits_posted,
            )
            for i in account_ids
        ]
        return AccountColumns(*zip(*rows, strict=True))

    def _keep_accounts(
        self, account_ids: list[int], columns: AccountColumns[Sequence[int]]
    ) -> None:
        held = self._accounts
        for i, flags, dpe, dpo, cpe, cpo in zip(account_ids, *columns[1:], strict=True):
            a = held.get(i)
            if a is None or (
                a.debits_posted == dpo
                and a.credits_posted == cpo
                and a.debits_pending == dpe
                and a.credits_pending == cpe
                and a.flags == flags
            ):
                continue
            self._undo.append((held, i, a))
            held[i] = _with_totals(a, flags, dpe, dpo, cpe, cpo)

    def _keep_transfers(
        self, transfers: Sequence[Transfer], account_ids: list[int], outcome: Outcome
    ) -> None:
        rows = outcome.transfers
        for i, code in enumerate(outcome.results):
            if code != _CREATED:
                continue
            t = transfers[i]
            if t.flags & _POST_OR_VOID:
                state = PendingState.POSTED if t.flags & _POST else PendingState.VOIDED
                self._set(self._states, t.pending_id, state)
                created = self._settled(t, rows, i, account_ids)
            else:
                if t.flags & _PENDING:
                    self._set(self._states, t.id, PendingState.PENDING)
                created = _stamped(t, rows.amount[i], rows.timestamp[i])
            self._undo.append((self._transfers, t.id, None))
            self._transfers[t.id] = created

    def _settled(
        self, t: Transfer, rows: TransferColumns[Sequence[int]], i: int, account_ids: list[int]
    ) -> Transfer:
        held = self._transfers[t.pending_id]
        assert held is not None, "the kernel settled a transfer that is not there"
        return Transfer(
            t.id,
            account_ids[rows.debit[i]],
            account_ids[rows.credit[i]],
            rows.amount[i],
            t.pending_id,
            t.user_data_128 or held.user_data_128,
            rows.user_data_64[i],
            rows.user_data_32[i],
            0,
            rows.book[i],
            rows.code[i],
            int(t.flags),
            rows.timestamp[i],
        )

    def expire(self, pending_transfer_id: int, now_ns: int) -> bool:
        """Let go a hold whose time is over, once.

        Returns:
            True when it was released now; False when there is no such hold, when it was posted,
            voided or released before, and when its time (`expires_at_ms`) is not over.
        """
        held = self.transfer(pending_transfer_id)
        if held is None or self._states.get(held.id) is not PendingState.PENDING:
            return False
        due_ns = expires_at_ns(held)
        if due_ns is None or max(now_ns, self._last_timestamp) < due_ns:
            return False
        debit, credit = self.account(held.debit_account_id), self.account(held.credit_account_id)
        assert debit is not None, "a hold's debit account is missing"
        assert credit is not None, "a hold's credit account is missing"
        reopened = ~_CLOSED if held.flags & _CLOSING_DEBIT else ~0
        self._set(self._accounts, debit.id, _released(debit, reopened, held.amount, 0))
        reopened = ~_CLOSED if held.flags & _CLOSING_CREDIT else ~0
        self._set(self._accounts, credit.id, _released(credit, reopened, 0, held.amount))
        self._set(self._states, held.id, PendingState.EXPIRED)
        return True

    # Undoing and handing over.

    @property
    def changes_made(self) -> int:
        """How many changes there are to undo; a place for `accounts_before`."""
        return len(self._undo)

    def accounts_before(self, since: int) -> dict[int, Account | None]:
        """The accounts that changed since a place, as they were there; None for new ones."""
        accounts = self._accounts
        before: dict[int, Account | None] = {}
        for mapping, key, was in self._undo[since:]:
            if mapping is accounts:
                before.setdefault(key, was)
        return before

    def mark(self) -> BookMark:
        """The present state, to which `rollback` returns."""
        return BookMark(len(self._undo), self._last_timestamp)

    def rollback(self, mark: BookMark) -> None:
        """Undo every change since the mark, failed ids too; what was only read stays."""
        undo = self._undo
        while len(undo) > mark.undo:
            mapping, key, before = undo.pop()
            mapping[key] = before
        self._last_timestamp = mark.last_timestamp

    def drain(self) -> Changes:
        """All changes, once: afterwards there are none, and earlier marks are void."""
        changes = self.changes()
        self._undo.clear()
        return changes

    def changes(self) -> Changes:
        """All changes so far; marks stay good."""
        new_accounts: dict[int, None] = {}
        changed: dict[int, None] = {}
        transfers: dict[int, None] = {}
        states: dict[int, None] = {}
        failed: dict[int, None] = {}
        for mapping, key, before in self._undo:
            if mapping is self._accounts:
                if before is None:
                    new_accounts[key] = None
                elif key not in new_accounts:
                    changed[key] = None
            elif mapping is self._transfers:
                transfers[key] = None
            elif mapping is self._states:
                states[key] = None
            else:
                failed[key] = None
        return Changes(
            [a for i in new_accounts if (a := self._accounts[i]) is not None],
            [a for i in changed if (a := self._accounts[i]) is not None],
            [t for i in transfers if (t := self._transfers[i]) is not None],
            {i: s for i in states if (s := self._states[i]) is not None},
            list(failed),
        )


def _columns(
    transfers: Sequence[Transfer],
    account_slots: dict[int, int],
    transfer_slots: dict[int, int],
    user_data: dict[int, int],
) -> TransferColumns[Sequence[int]]:
    """Transfers as columns; ids not met before get the next slot."""
    (ids, debits, credits, amount, pending_ids, u128, u64, u32, timeout, book, code, flags, at) = (
        zip(*map(astuple, transfers), strict=True)
    )
    of_account, of_transfer = account_slots.setdefault, transfer_slots.setdefault
    of_user_data = user_data.setdefault
    return TransferColumns(
        [of_transfer(i, len(transfer_slots)) for i in ids],
        [of_account(i, len(account_slots)) for i in debits],
        [of_account(i, len(account_slots)) for i in credits],
        amount,
        [of_transfer(i, len(transfer_slots)) for i in pending_ids],
        [of_user_data(i, len(user_data)) for i in u128],
        u64,
        u32,
        timeout,
        book,
        code,
        # Flags may come as an IntFlag, whose bits are slow to ask.
        list(map(int, flags)),
        at,
        [0] * len(ids),
    )


def _balanced(before: AccountColumns[Sequence[int]], after: AccountColumns[Sequence[int]]) -> bool:
    """Whether debits and credits moved by the same, posted and pending."""
    return sum(after.debits_posted) - sum(before.debits_posted) == sum(after.credits_posted) - sum(
        before.credits_posted
    ) and sum(after.debits_pending) - sum(before.debits_pending) == sum(
        after.credits_pending
    ) - sum(before.credits_pending)


def _with_totals(a: Account, flags: int, dpe: int, dpo: int, cpe: int, cpo: int) -> Account:
    return Account(
        a.id,
        a.book,
        a.code,
        flags,
        a.user_data_128,
        a.user_data_64,
        a.user_data_32,
        dpe,
        dpo,
        cpe,
        cpo,
        a.timestamp,
    )


def _released(a: Account, flags_kept: int, debit: int, credit: int) -> Account:
    return _with_totals(
        a,
        a.flags & flags_kept,
        a.debits_pending - debit,
        a.debits_posted,
        a.credits_pending - credit,
        a.credits_posted,
    )


def _stamped(t: Transfer, amount: int, timestamp: int) -> Transfer:
    return Transfer(
        t.id,
        t.debit_account_id,
        t.credit_account_id,
        amount,
        t.pending_id,
        t.user_data_128,
        t.user_data_64,
        t.user_data_32,
        t.timeout,
        t.book,
        t.code,
        int(t.flags),
        timestamp,
    )
