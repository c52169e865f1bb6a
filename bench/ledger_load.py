"""The load of the ledger's benchmark: batches of transfers, made before they are timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tallystick.ledger.model import Account
from tallystick.ledger.records import Records, empty_records

__all__ = ["ACCOUNTS", "BATCH", "HOT", "Row", "Sizes", "accounts", "batches", "rows_of", "sizes"]

BATCH = 8000
ACCOUNTS = 10_000
HOT = 1
"""The account that takes part in 90 % of the transfers of the hot load."""

_FIRST_NS = 1_700_000_000_000_000_000
_HOT_SHARE = 0.9

Row = tuple[int, bytes, bytes, bytes, int, bytes, bytes, bytes, int, int, int, int, int]


class Sizes(NamedTuple):
    """How large a run is.

    Args:
        small, large: transfers after which the cost is looked at.
        seconds: how long concurrent callers are let run.
        many_accounts: accounts of the run that measures memory.
    """

    small: int
    large: int
    seconds: float
    many_accounts: int


def sizes(*, quick: bool) -> Sizes:
    """The sizes of a full or a quick run."""
    if quick:
        return Sizes(80_000, 160_000, 0.5, 20_000)
    return Sizes(1_000_000, 10_000_000, 6.0, 1_000_000)


def accounts(count: int, at_once: int = BATCH) -> Iterator[list[Account]]:
    """Accounts 1 to `count`, in calls."""
    for first in range(1, count + 1, at_once):
        last = min(count, first + at_once - 1)
        yield [Account(id=i, book=1, code=1) for i in range(first, last + 1)]


def batches(
    transfers: int, *, hot: bool = False, among: int = ACCOUNTS, seed: int = 1
) -> Iterator[Records]:
    """Batches of plain transfers with random ids between random accounts, always the same."""
    rng = np.random.default_rng(seed)
    for first in range(0, transfers, BATCH):
        count = min(BATCH, transfers - first)
        records = empty_records(count)
        records["id"][:, 0] = rng.integers(1, 2**62, count)
        records["id"][:, 1] = np.arange(first + 1, first + count + 1)
        debit = rng.integers(1, among + 1, count)
        credit = (debit + rng.integers(0, among - 1, count)) % among + 1
        if hot:
            chosen = rng.random(count) < _HOT_SHARE
            debit[chosen] = HOT
            credit[credit == HOT] = HOT + 1
            debit[credit == debit] = HOT
        records["debit_account_id"][:, 1] = debit
        records["credit_account_id"][:, 1] = credit
        records["amount"] = rng.integers(1, 100_000, count)
        records["book"] = records["code"] = 1
        yield records


def rows_of(records: Records, number: int) -> list[Row]:
    """The same transfers as rows of `ledger_transfer`, ready for the driver."""
    first, nothing = _FIRST_NS + number * BATCH, bytes(16)
    ids = [records[f].tobytes() for f in ("id", "debit_account_id", "credit_account_id")]
    parts = [[column[at : at + 16] for at in range(0, len(column), 16)] for column in ids]
    return [
        (first + i, id_, debit, credit, amount, nothing, nothing, nothing[:8], 0, 0, 1, 1, 0)
        for i, (id_, debit, credit, amount) in enumerate(
            zip(*parts, records["amount"].tolist(), strict=True)
        )
    ]
