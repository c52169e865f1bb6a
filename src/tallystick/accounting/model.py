"""Raw bookkeeping: accounts and transfers as callers send them; terms and commands.

Ids are 128 bits and travel as 16 bytes, big-endian: a stored command cannot hold so large a
number. A book is what the conformance histories call a `ledger`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.pipeline.commands import Command, Reply

__all__ = [
    "BATCH_MAX", "BULK_MIN", "AccountDraft", "CreateLedgerAccounts", "CreateLedgerRecords",
    "CreateLedgerTransfers", "ExpirePending", "LedgerResults", "PendingReleased", "TransferDraft",
]  # fmt: skip

BATCH_MAX: Final = 8192
"""The most accounts or transfers in one command."""

BULK_MIN: Final = 256
"""From so many transfers on a call is one of records, for the ledger's compiled bulk call."""


class AccountDraft(msgspec.Struct, frozen=True, array_like=True):
    """An account to create, field for field as the ledger has it."""

    id: bytes
    book: int
    code: int
    flags: int
    user_data_128: bytes
    user_data_64: int
    user_data_32: int


class TransferDraft(msgspec.Struct, frozen=True, array_like=True):
    """A transfer to create, field for field as the ledger has it; `timeout` in seconds."""

    id: bytes
    debit_account_id: bytes
    credit_account_id: bytes
    amount: int
    pending_id: bytes
    user_data_128: bytes
    user_data_64: int
    user_data_32: int
    timeout: int
    book: int
    code: int
    flags: int


class CreateLedgerAccounts(Command, frozen=True, kw_only=True, tag="ledger.create_accounts"):
    """Create accounts in order; each is answered by itself, linked ones together."""

    accounts: tuple[AccountDraft, ...]


class CreateLedgerTransfers(
    Command, frozen=True, kw_only=True, tag="ledger.create_transfers", omit_defaults=True
):
    """Create transfers in order; each is answered by itself, linked ones together.

    `metadata` is what some of them carry, by their place in the call.
    """

    transfers: tuple[TransferDraft, ...]
    metadata: dict[int, dict[str, str]] = msgspec.field(default_factory=dict)


class CreateLedgerRecords(
    Command, frozen=True, kw_only=True, tag="ledger.create_records", omit_defaults=True
):
    """The same for many transfers: `records` are as `ledger.records.TRANSFERS` has them.

    The answers are those of `CreateLedgerTransfers`; the entries stand in the journal only.
    """

    records: bytes
    metadata: dict[int, dict[str, str]] = msgspec.field(default_factory=dict)


class ExpirePending(Command, frozen=True, kw_only=True, tag="ledger.expire"):
    """A pending transfer's time is over (asked for by a timer): let its money go."""

    transfer_id: bytes


class LedgerResults(Reply, frozen=True, kw_only=True):
    """The ledger's answer to each account or transfer, in the order of the call."""

    results: tuple[str, ...]


class PendingReleased(Reply, frozen=True, kw_only=True):
    """Whether the money was let go now; false when it had been posted or voided before."""

    released: bool
