"""The journal's bytes: fixed-size records, every number in network byte order.

An entry is a created transfer in 120 bytes, an opened account one of 60. The same layouts are
NumPy record types in `records`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tallystick.ledger.model import Account, Transfer

__all__ = [
    "ACCOUNT_BYTES", "ENTRY_BYTES", "PAGE_LEAVES", "account_from", "account_record", "entry_from",
    "entry_record", "id_bytes", "ids_from", "joined_ids",
]  # fmt: skip

# id, debit, credit, pending and user_data_128 as 16 bytes each; amount, user_data_64,
# timestamp, book, user_data_32, timeout, code, flags.
_ENTRY = struct.Struct(">16s16s16s16s16sqQqIIIHH")
# id, user_data_128, user_data_64, timestamp, book, user_data_32, code, flags.
_ACCOUNT = struct.Struct(">16s16sQqIIHH")

ENTRY_BYTES = _ENTRY.size
ACCOUNT_BYTES = _ACCOUNT.size

PAGE_LEAVES = 256
"""Entries of a page: the smallest complete subtree of the Merkle tree whose hash is kept."""


def id_bytes(number: int) -> bytes:
    """A 128-bit id as it is stored: 16 bytes, big-endian, so that order is kept."""
    return number.to_bytes(16, "big")


def joined_ids(ids: Iterable[int]) -> bytes:
    """Ids one after the other."""
    return b"".join(map(id_bytes, ids))


def ids_from(data: bytes) -> list[int]:
    """The ids that `joined_ids` wrote."""
    return [int.from_bytes(data[i : i + 16], "big") for i in range(0, len(data), 16)]


def entry_record(t: Transfer) -> bytes:
    """A created transfer as the journal keeps it."""
    return _ENTRY.pack(
        id_bytes(t.id), id_bytes(t.debit_account_id), id_bytes(t.credit_account_id),
        id_bytes(t.pending_id), id_bytes(t.user_data_128), t.amount, t.user_data_64, t.timestamp,
        t.book, t.user_data_32, t.timeout, t.code, t.flags,
    )  # fmt: skip


def entry_from(record: bytes) -> Transfer:
    """The transfer of a journal record."""
    ids, debit, credit, pending, u128, amount, u64, at, book, u32, timeout, code, flags = (
        _ENTRY.unpack(record)
    )
    number = int.from_bytes
    return Transfer(
        number(ids, "big"), number(debit, "big"), number(credit, "big"), amount,
        number(pending, "big"), number(u128, "big"), u64, u32, timeout, book, code, flags, at,
    )  # fmt: skip


def account_record(a: Account) -> bytes:
    """An account's opening as the journal keeps it; an account starts with totals of 0."""
    return _ACCOUNT.pack(
        id_bytes(a.id), id_bytes(a.user_data_128), a.user_data_64, a.timestamp, a.book,
        a.user_data_32, a.code, a.flags,
    )  # fmt: skip


def account_from(record: bytes) -> Account:
    """The account of a journal record, as it was opened."""
    ids, u128, u64, at, book, u32, code, flags = _ACCOUNT.unpack(record)
    number = int.from_bytes
    return Account(
        number(ids, "big"), book, code, flags, number(u128, "big"), u64, u32, timestamp=at
    )
