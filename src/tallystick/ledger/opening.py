"""Opening accounts: what a call's accounts come to, as a pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.ledger.model import ID_MAX, Account, AccountFlags, AccountResult

__all__ = ["open_accounts"]

_LINKED = int(AccountFlags.LINKED)
_BOTH_LIMITS = int(
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
)
_RESERVED = ~int(_BOTH_LIMITS | AccountFlags.LINKED | AccountFlags.HISTORY | AccountFlags.CLOSED)


def open_accounts(
    accounts: Sequence[Account], known: Mapping[int, Account | None], first_timestamp: int
) -> tuple[list[AccountResult], list[Account]]:
    """The answer for each account, in order, and the accounts that are created.

    Args:
        known: the accounts that already exist among those ids.
        first_timestamp: nanoseconds; account i is created at `first_timestamp + i`.
    """
    results = [AccountResult.CREATED] * len(accounts)
    created: dict[int, Account] = {}
    chain: list[int] | None = None
    chain_broken = False
    for i, account in enumerate(accounts):
        linked = account.flags & _LINKED
        if linked and chain is None:
            chain = []
        if linked and i == len(accounts) - 1:
            result = AccountResult.LINKED_EVENT_CHAIN_OPEN
        elif chain_broken:
            result = AccountResult.LINKED_EVENT_FAILED
        else:
            result = _opened(account, created.get(account.id) or known.get(account.id))
        results[i] = result
        if result is AccountResult.CREATED:
            created[account.id] = _stamped(account, first_timestamp + i)
            if chain is not None:
                chain.append(i)
        elif chain is not None and not chain_broken:
            chain_broken = True
            for j in chain:
                del created[accounts[j].id]
                results[j] = AccountResult.LINKED_EVENT_FAILED
        if not linked or result is AccountResult.LINKED_EVENT_CHAIN_OPEN:
            chain, chain_broken = None, False
    return results, list(created.values())


def _stamped(a: Account, timestamp: int) -> Account:
    return Account(
        a.id,
        a.book,
        a.code,
        int(a.flags),
        a.user_data_128,
        a.user_data_64,
        a.user_data_32,
        timestamp=timestamp,
    )


def _opened(account: Account, existing: Account | None) -> AccountResult:
    if account.timestamp != 0:
        return AccountResult.TIMESTAMP_MUST_BE_ZERO
    if account.flags & _RESERVED:
        return AccountResult.RESERVED_FLAG
    if account.id == 0:
        return AccountResult.ID_MUST_NOT_BE_ZERO
    if account.id == ID_MAX:
        return AccountResult.ID_MUST_NOT_BE_INT_MAX
    if existing is not None:
        return _exists(account, existing)
    if account.flags & _BOTH_LIMITS == _BOTH_LIMITS:
        return AccountResult.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if account.debits_pending != 0:
        return AccountResult.DEBITS_PENDING_MUST_BE_ZERO
    if account.debits_posted != 0:
        return AccountResult.DEBITS_POSTED_MUST_BE_ZERO
    if account.credits_pending != 0:
        return AccountResult.CREDITS_PENDING_MUST_BE_ZERO
    if account.credits_posted != 0:
        return AccountResult.CREDITS_POSTED_MUST_BE_ZERO
    if account.book == 0:
        return AccountResult.LEDGER_MUST_NOT_BE_ZERO
    if account.code == 0:
        return AccountResult.CODE_MUST_NOT_BE_ZERO
    return AccountResult.CREATED


def _exists(account: Account, existing: Account) -> AccountResult:
    if account.flags != existing.flags:
        return AccountResult.EXISTS_WITH_DIFFERENT_FLAGS
    if account.user_data_128 != existing.user_data_128:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if account.user_data_64 != existing.user_data_64:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if account.user_data_32 != existing.user_data_32:
        return AccountResult.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if account.book != existing.book:
        return AccountResult.EXISTS_WITH_DIFFERENT_LEDGER
    if account.code != existing.code:
        return AccountResult.EXISTS_WITH_DIFFERENT_CODE
    return AccountResult.EXISTS
