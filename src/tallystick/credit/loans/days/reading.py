"""Stored loans as shards, inside the transaction of the command that works on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from tallystick.credit.loans.days.columns import I64
from tallystick.credit.loans.days.entries import Owners, account_ids
from tallystick.credit.loans.days.shard import Shard
from tallystick.credit.loans.model import LateTerms, LoanStatus, ProductTerms
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    LOAN_ADVANCE,
    LOAN_ALLOWANCE,
    LOAN_PRINCIPAL,
    ChartEntry,
    Side,
)
from tallystick.store.connection import Connection

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = [
    "Found", "Parties", "available", "late_terms", "numbers_of", "product_terms", "read_shard",
    "read_those", "with_details",
]  # fmt: skip

_CHUNK: Final = 400
_SCALARS: Final = (
    "s.loan_id", "s.terms_id", "s.wallet", "s.book", "s.accrued_day", "s.look_day", "s.exact",
    "s.line_start", "s.line_base", "s.line_slope", "s.line_divisor", "s.bucket", "s.told_day",
)  # fmt: skip
_COLUMNS: Final = ", ".join(_SCALARS)
_TEXTS: Final = 4
"""The loan's number, its terms, its wallet and its book are not calculated with."""


class Found(NamedTuple):
    """A part of the open loans.

    Args:
        last: the number of the last one; empty when there is none.
        more: whether there may be others after it.
        without: loans that have no standing yet.
    """

    shard: Shard
    last: str
    more: bool
    without: list[str]


class Parties(NamedTuple):
    """Whose a loan is, and how many events it has had."""

    borrower_id: str
    product_id: str
    currency: str
    steps: int


def _shard(rows: Sequence[Sequence[Any]]) -> Shard:
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(_SCALARS)
    numbers: list[Any] = [np.array(c, np.int64) for c in columns[_TEXTS:]]
    numbers[2] = numbers[2].astype(np.bool_)
    nothing, zeros = [b""] * len(rows), np.zeros(len(rows), np.int64)
    more: list[Any] = [nothing, nothing, nothing, zeros, zeros, zeros]
    return Shard(*columns[:_TEXTS], *numbers, *more)


def read_shard(connection: Connection, after: str, size: int, by_fold_max: int) -> Found:
    """Open loans after a number, in order; with at most so many that the fold has to close."""
    rows = connection.execute(
        f"SELECT l.loan_id, {_COLUMNS} FROM loan l "  # noqa: S608 - names are ours
        "LEFT JOIN loan_standing s ON s.loan_id = l.loan_id "
        "WHERE l.status = ? AND l.loan_id > ? ORDER BY l.loan_id LIMIT ?",
        (LoanStatus.ACTIVE.value, after, size),
    ).fetchall()
    exact = 1 + _SCALARS.index("s.exact")
    slow = [at for at, row in enumerate(rows) if not row[exact]]
    more = len(rows) == size or len(slow) > by_fold_max
    if len(slow) > by_fold_max:
        rows = rows[: slow[by_fold_max]]
    without = [row[0] for row in rows if row[1] is None]
    shard = _shard([row[1:] for row in rows if row[1] is not None])
    return Found(shard, rows[-1][0] if rows else "", more, without)


def read_those(connection: Connection, loan_ids: Sequence[str]) -> Shard:
    """The standings of loans, in order of their numbers."""
    rows: list[Any] = []
    for start in range(0, len(loan_ids), _CHUNK):
        part = loan_ids[start : start + _CHUNK]
        rows += connection.execute(
            f"SELECT {_COLUMNS} FROM loan_standing s "  # noqa: S608
            f"WHERE s.loan_id IN ({', '.join('?' * len(part))})",
            part,
        ).fetchall()
    return _shard(sorted(rows))


def numbers_of(index: JournalIndex, ids: Sequence[bytes]) -> I64:
    """The ledger's numbers of accounts, -1 for those that are not open."""
    halves = np.frombuffer(b"".join(ids), ">u8").reshape(-1, 2).astype(np.uint64)
    return index.account_ids.find(halves[:, 0].copy(), halves[:, 1].copy())


def available(index: JournalIndex, ids: Sequence[bytes]) -> I64:
    """What wallets can pay: their balance without what is held of it; 0 where there is none."""
    numbers, accounts = numbers_of(index, ids), index.accounts
    held = accounts.credits_posted - accounts.debits_posted - accounts.debits_pending
    out = np.zeros(numbers.size, np.int64)
    there = numbers >= 0
    out[there] = held[numbers[there]]
    return out


def _balances(index: JournalIndex, owners: Owners, entry: ChartEntry) -> I64:
    numbers = numbers_of(index, account_ids(owners, entry))
    accounts, there = index.accounts, numbers >= 0
    out = np.zeros(numbers.size, np.int64)
    number = numbers[there]
    debits = accounts.debits_posted[number] - accounts.credits_posted[number]
    out[there] = debits if entry.side is Side.DEBIT else -debits
    return out


def with_details(
    connection: Connection, index: JournalIndex, shard: Shard, at: list[int]
) -> tuple[Shard, dict[str, Parties]]:
    """The shard with plans, items and balances of some loans, and whose those are."""
    ids = [shard.loan_id[i] for i in at]
    found: dict[str, Any] = {}
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        found.update(
            (row[0], row[1:])
            for row in connection.execute(
                "SELECT s.loan_id, s.open_items, p.due_rows, p.accrual_lines, l.borrower_id, "  # noqa: S608
                "l.product_id, l.currency, l.steps FROM loan_standing s "
                "JOIN loan_plan p ON p.loan_id = s.loan_id JOIN loan l ON l.loan_id = s.loan_id "
                f"WHERE s.loan_id IN ({', '.join('?' * len(part))})",
                part,
            )
        )
    lists = [list(column) for column in (shard.open_items, shard.due_rows, shard.accrual_lines)]
    for i, loan_id in zip(at, ids, strict=True):
        for column, value in zip(lists, found[loan_id][:3], strict=True):
            column[i] = value
    owners = Owners(ids, [shard.book[i] for i in at], [shard.wallet[i] for i in at])
    sums = [np.zeros(len(shard.loan_id), np.int64) for _ in range(3)]
    for total, entry in zip(sums, (LOAN_PRINCIPAL, LOAN_ADVANCE, LOAN_ALLOWANCE), strict=True):
        total[at] = _balances(index, owners, entry)
    details = shard._replace(
        open_items=lists[0], due_rows=lists[1], accrual_lines=lists[2], principal=sums[0],
        advance=sums[1], allowance=sums[2],
    )  # fmt: skip
    return details, {loan_id: Parties(*values[3:]) for loan_id, values in found.items()}


def product_terms(connection: Connection, terms_ids: Sequence[str]) -> dict[str, ProductTerms]:
    """What loans agreed on, by the terms that they share."""
    found = {}
    for terms_id in dict.fromkeys(terms_ids):
        row = connection.execute(
            "SELECT terms FROM loan_terms WHERE terms_id = ?", (terms_id,)
        ).fetchone()
        found[terms_id] = decode_json(row[0], ProductTerms)
    return found


def late_terms(connection: Connection, terms_ids: Sequence[str]) -> dict[str, LateTerms]:
    """What loans agreed on being late, by the terms that they share."""
    terms = product_terms(connection, terms_ids)
    return {terms_id: product.late for terms_id, product in terms.items()}
