"""What the ledger keeps: accounts and transfers, their flags, and every answer it can give.

The semantics are those that TigerBeetle documents for its accounts and transfers. A *book* here
is what it calls a ledger: the accounts that may trade with each other. Amounts and totals are
whole minor units in 64 bits.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum, auto

import msgspec

from tallystick.money.amount import MINOR_UNITS_MAX

__all__ = [
    "AMOUNT_MAX",
    "ID_MAX",
    "Account",
    "AccountFlags",
    "AccountResult",
    "PendingState",
    "Transfer",
    "TransferFlags",
    "TransferResult",
    "expires_at_ms",
    "expires_at_ns",
]

AMOUNT_MAX = MINOR_UNITS_MAX
"""The largest amount and total. As an amount it means "all there is" in balancing transfers and
"all that is pending" when posting."""

ID_MAX = 2**128 - 1
"""The largest 128-bit number; like 0 it is no account's and no transfer's id."""

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class AccountFlags(IntFlag):
    """Bits of an account's `flags`. Bit 16 (imported) is reserved."""

    LINKED = 1
    """Created only together with the next account of the call."""
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    CLOSED = 32
    """Takes no more transfers, but voids."""


class TransferFlags(IntFlag):
    """Bits of a transfer's `flags`. Bit 256 (imported) is reserved."""

    LINKED = 1
    """Succeeds or fails with the next transfer of the call."""
    PENDING = 2
    """Holds the amount, to be posted, voided or left to expire."""
    POST_PENDING = 4
    """Moves what `pending_id` holds, or a part of it, and lets the rest go."""
    VOID_PENDING = 8
    """Lets go what `pending_id` holds."""
    BALANCING_DEBIT = 16
    """At most what the debit account's credits leave over its debits."""
    BALANCING_CREDIT = 32
    """At most what the credit account's debits leave over its credits."""
    CLOSING_DEBIT = 64
    """Closes the debit account until the transfer is voided or expires."""
    CLOSING_CREDIT = 128
    """Closes the credit account until the transfer is voided or expires."""


class PendingState(IntEnum):
    """What became of a pending transfer."""

    PENDING = 1
    POSTED = 2
    VOIDED = 3
    EXPIRED = 4


class AccountResult(StrEnum):
    """Every answer to one account of a create call, in falling precedence after `created`."""

    CREATED = auto()
    LINKED_EVENT_FAILED = auto()
    LINKED_EVENT_CHAIN_OPEN = auto()
    TIMESTAMP_MUST_BE_ZERO = auto()
    RESERVED_FLAG = auto()
    ID_MUST_NOT_BE_ZERO = auto()
    ID_MUST_NOT_BE_INT_MAX = auto()
    EXISTS_WITH_DIFFERENT_FLAGS = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = auto()
    EXISTS_WITH_DIFFERENT_LEDGER = auto()
    EXISTS_WITH_DIFFERENT_CODE = auto()
    EXISTS = auto()
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = auto()
    DEBITS_PENDING_MUST_BE_ZERO = auto()
    DEBITS_POSTED_MUST_BE_ZERO = auto()
    CREDITS_PENDING_MUST_BE_ZERO = auto()
    CREDITS_POSTED_MUST_BE_ZERO = auto()
    LEDGER_MUST_NOT_BE_ZERO = auto()
    CODE_MUST_NOT_BE_ZERO = auto()


class TransferResult(StrEnum):
    """Every answer to one transfer of a create call, in falling precedence after `created`."""

    CREATED = auto()
    LINKED_EVENT_FAILED = auto()
    LINKED_EVENT_CHAIN_OPEN = auto()
    TIMESTAMP_MUST_BE_ZERO = auto()
    RESERVED_FLAG = auto()
    ID_MUST_NOT_BE_ZERO = auto()
    ID_MUST_NOT_BE_INT_MAX = auto()
    EXISTS_WITH_DIFFERENT_FLAGS = auto()
    EXISTS_WITH_DIFFERENT_PENDING_ID = auto()
    EXISTS_WITH_DIFFERENT_TIMEOUT = auto()
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = auto()
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = auto()
    EXISTS_WITH_DIFFERENT_AMOUNT = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = auto()
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = auto()
    EXISTS_WITH_DIFFERENT_LEDGER = auto()
    EXISTS_WITH_DIFFERENT_CODE = auto()
    EXISTS = auto()
    ID_ALREADY_FAILED = auto()
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = auto()
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = auto()
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = auto()
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = auto()
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = auto()
    ACCOUNTS_MUST_BE_DIFFERENT = auto()
    PENDING_ID_MUST_BE_ZERO = auto()
    PENDING_ID_MUST_NOT_BE_ZERO = auto()
    PENDING_ID_MUST_NOT_BE_INT_MAX = auto()
    PENDING_ID_MUST_BE_DIFFERENT = auto()
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = auto()
    CLOSING_TRANSFER_MUST_BE_PENDING = auto()
    LEDGER_MUST_NOT_BE_ZERO = auto()
    CODE_MUST_NOT_BE_ZERO = auto()
    DEBIT_ACCOUNT_NOT_FOUND = auto()
    CREDIT_ACCOUNT_NOT_FOUND = auto()
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = auto()
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = auto()
    PENDING_TRANSFER_NOT_FOUND = auto()
    PENDING_TRANSFER_NOT_PENDING = auto()
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = auto()
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = auto()
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = auto()
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = auto()
    EXCEEDS_PENDING_TRANSFER_AMOUNT = auto()
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = auto()
    PENDING_TRANSFER_ALREADY_POSTED = auto()
    PENDING_TRANSFER_ALREADY_VOIDED = auto()
    PENDING_TRANSFER_EXPIRED = auto()
    DEBIT_ACCOUNT_ALREADY_CLOSED = auto()
    CREDIT_ACCOUNT_ALREADY_CLOSED = auto()
    OVERFLOWS_DEBITS_PENDING = auto()
    OVERFLOWS_CREDITS_PENDING = auto()
    OVERFLOWS_DEBITS_POSTED = auto()
    OVERFLOWS_CREDITS_POSTED = auto()
    OVERFLOWS_DEBITS = auto()
    OVERFLOWS_CREDITS = auto()
    OVERFLOWS_TIMEOUT = auto()
    EXCEEDS_CREDITS = auto()
    EXCEEDS_DEBITS = auto()


class Account(msgspec.Struct, frozen=True, gc=False):
    """One account with its four totals, in minor units of its book's currency.

    Args:
        id: 128 bits, neither 0 nor `ID_MAX`.
        book: legal entity and currency, 32 bits; accounts of different books never trade.
        code: the account's place in the chart, 16 bits.
        flags: `AccountFlags` as a number.
        user_data_128: the caller's references, with `user_data_64` and `user_data_32`.
        timestamp: nanoseconds since 1970, set when created, unique in the ledger.
    """

    id: int
    book: int
    code: int
    flags: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0
    timestamp: int = 0

    @property
    def closed(self) -> bool:
        """Whether the account takes no more transfers."""
        return bool(int(self.flags) & 32)


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """One movement from a debit account to a credit account; never changed once created.

    When posting or voiding, 0 in an account, the book, the code or a user reference means the
    pending transfer's own.

    Args:
        id: 128 bits, neither 0 nor `ID_MAX`.
        amount: minor units, 0 to `AMOUNT_MAX`. Voiding, 0 means all; posting, `AMOUNT_MAX` does.
        pending_id: the pending transfer that is posted or voided, else 0.
        timeout: seconds until a pending transfer expires, 0 for never.
        code: why the money moves, 16 bits.
        flags: `TransferFlags` as a number.
        timestamp: nanoseconds since 1970, set when created, unique in the ledger.
    """

    id: int
    debit_account_id: int = 0
    credit_account_id: int = 0
    amount: int = 0
    pending_id: int = 0
    user_data_128: int = 0
    user_data_64: int = 0
    user_data_32: int = 0
    timeout: int = 0
    book: int = 0
    code: int = 0
    flags: int = 0
    timestamp: int = 0


def expires_at_ns(transfer: Transfer) -> int | None:
    """When a created pending transfer expires, or None when it never does."""
    if transfer.timeout == 0:
        return None
    return transfer.timestamp + transfer.timeout * _NS_PER_S


def expires_at_ms(transfer: Transfer) -> int | None:
    """The first whole millisecond at which the transfer has expired: when its timer is due."""
    at_ns = expires_at_ns(transfer)
    return None if at_ns is None else -(-at_ns // _NS_PER_MS)
