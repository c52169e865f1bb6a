"""Postings of many loans as records of the bulk ledger, by the one table of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.days.columns import BUCKETS, I64
from tallystick.credit.postings import INCOME, TABLE, Bucket, Side, sides_of
from tallystick.ledger.chart import (
    ChartEntry,
    account_id,
    open_account,
    transfer_id,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Account
from tallystick.ledger.records import Records, empty_records

__all__ = ["LEGS", "Entries", "Leg", "Owners", "account_ids", "entries_of"]

Leg = tuple[str, Bucket | None]

LEGS: Final[tuple[Leg, ...]] = (
    *(("accrual", bucket) for bucket in INCOME),
    *(("advance_used", bucket) for bucket in BUCKETS),
    ("provision", None), ("provision_release", None),
    *(("payment", bucket) for bucket in BUCKETS),
)  # fmt: skip
"""What is posted for a loan at once, in this order."""

_ABSENT: Final = bytes(16)


class Owners(NamedTuple):
    """The loans that postings belong to: their numbers, books and borrowers' wallets."""

    loan_ids: Sequence[str]
    books: Sequence[int]
    wallets: Sequence[bytes]


class Entries(NamedTuple):
    """Transfers, loan after loan, and the loans' accounts that they need.

    Args:
        accounts: the ids of those accounts, 16 bytes each, each once.
        openings: their (book, entry, owner), in the same order.
    """

    records: Records
    accounts: list[bytes]
    openings: list[tuple[int, ChartEntry, str]]

    def opened(self, which: Sequence[int]) -> list[Account]:
        """Some of the accounts, to be created."""
        return [open_account(*self.openings[at]) for at in which]


def account_ids(owners: Owners, entry: ChartEntry) -> list[bytes]:
    """Each loan's own account of an entry, as 16 bytes."""
    pairs = zip(owners.books, owners.loan_ids, strict=True)
    return [id_bytes(account_id(book, entry, loan_id)) for book, loan_id in pairs]


class _Building:
    """The sides of transfers while they are put together."""

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self.known: dict[bytes, tuple[int, ChartEntry, str]] = {}

    def side(self, side: ChartEntry | Side, which: list[int]) -> list[bytes]:
        """The accounts on one side, for some of the loans."""
        loan_ids, books, wallets = self.owners
        if not isinstance(side, ChartEntry):
            return [wallets[at] for at in which]
        if side.owner != "loan":
            shared = {book: self._account(book, side, "0") for book in set(books)}
            return [shared[books[at]] for at in which]
        return [self._account(books[at], side, loan_ids[at]) for at in which]

    def _account(self, book: int, entry: ChartEntry, owner: str) -> bytes:
        account = id_bytes(account_id(book, entry, owner))
        self.known[account] = (book, entry, owner)
        return account


def _wide(ids: Sequence[bytes]) -> npt.NDArray[Any]:
    return np.frombuffer(b"".join(ids), ">u8").reshape(-1, 2)


def entries_of(owners: Owners, keys: Sequence[str], amounts: Mapping[Leg, I64]) -> Entries:
    """Postings of many loans.

    Args:
        keys: by loan what the ids of its transfers derive from.
        amounts: by what is posted the amount of each loan, in minor units; 0 is left out.
    """
    building = _Building(owners)
    parts: list[Records] = []
    order: list[I64] = []
    for number, leg in enumerate(LEGS):
        if leg not in amounts:
            continue
        at = np.flatnonzero(amounts[leg])
        which = at.tolist()
        records = empty_records(len(which))
        debit, credit = sides_of(*leg)
        records["id"] = _wide([id_bytes(transfer_id(keys[i], number)) for i in which])
        records["debit_account_id"] = _wide(building.side(debit, which))
        records["credit_account_id"] = _wide(building.side(credit, which))
        records["user_data_128"] = _wide([id_bytes(int(owners.loan_ids[i])) for i in which])
        records["amount"] = amounts[leg][at]
        records["book"] = [owners.books[i] for i in which]
        records["code"] = int(TABLE[leg[0]].movement)
        parts.append(records)
        order.append(at)
    if not parts:
        return Entries(empty_records(0), [], [])
    by_loan = np.argsort(np.concatenate(order), kind="stable")
    records = np.frombuffer(b"".join(p.tobytes() for p in parts), parts[0].dtype)[by_loan]
    return Entries(records, list(building.known), list(building.known.values()))
