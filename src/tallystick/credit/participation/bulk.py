"""Sharing what was posted for many loans at once: accruals by columns, payments loan by loan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.participation.columns import parts_between_rows
from tallystick.credit.participation.model import Participant, Plan
from tallystick.credit.participation.moves import Move, MoveKind
from tallystick.credit.participation.postings import ShareBooks
from tallystick.credit.participation.service import merged, plan_by_id, record_shared, share_moves
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import account_id, book_currency
from tallystick.ledger.encoding import id_bytes
from tallystick.pipeline.commands import Context
from tallystick.pipeline.decisions import AccountRef, Posting

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["Accruals", "Event", "share_accruals", "share_events"]

I64 = npt.NDArray[np.int64]
Event = tuple[str, Bucket | None]
"""An event of the loans' table of postings, and the bucket that it is about."""

_PAID: Final = ("advance_used", "payment")


class Accruals(NamedTuple):
    """What came to be owed on jointly funded loans, a row a loan: of one currency and bucket.

    Args:
        plan_ids: who funds each.
        amounts: minor units.
        totals: all that was ever debited to the loan's account, these amounts included.
    """

    plan_ids: Sequence[str]
    currency: str
    bucket: Bucket
    amounts: I64
    totals: I64


def _plans_of(context: Context, loan_ids: Sequence[str]) -> dict[str, str]:
    """The plans of those among the loans that several fund."""
    if not loan_ids:
        return {}
    found = context.uow.connection.execute(
        "SELECT loan_id, plan_id FROM joint_loan WHERE loan_id >= ? AND loan_id <= ?",
        (min(loan_ids), max(loan_ids)),
    )
    there = dict(found.fetchall())
    return {loan_id: there[loan_id] for loan_id in loan_ids if loan_id in there}


def _weights(plans: Sequence[Plan], which: I64) -> I64:
    """(n, k) shares of each loan by the place of its plan."""
    width = max(len(plan.participants) for plan in plans)
    table = np.zeros((len(plans), width), np.int64)
    for at, plan in enumerate(plans):
        table[at, : len(plan.participants)] = plan.shares
    return table[which]


def _postings(
    sums: Iterable[tuple[Participant, int]], accruals: Accruals
) -> Iterable[Posting]:  # fmt: skip
    for participant, amount in sums:
        if participant.is_outside and amount:
            books = ShareBooks(participant, accruals.currency, 0)
            yield from books.postings("accrued", amount, accruals.bucket)


def share_accruals(context: Context, accruals: Accruals) -> list[Posting]:
    """What accrued on many loans as shares: postings that are merged by account."""
    names = list(dict.fromkeys(accruals.plan_ids))
    plans = [plan_by_id(context, name) for name in names]
    numbers = {name: n for n, name in enumerate(names)}
    which = np.array([numbers[name] for name in accruals.plan_ids], np.int64)
    before = accruals.totals - accruals.amounts
    parts = parts_between_rows(before, accruals.totals, _weights(plans, which))
    sums = np.zeros((len(plans), parts.shape[1]), np.int64)
    np.add.at(sums, which, parts)
    pairs = (
        (participant, int(amount))
        for plan, row in zip(plans, sums, strict=True)
        for participant, amount in zip(plan.participants, row.tolist(), strict=False)
    )
    return merged(_postings(pairs, accruals))


def _debited(index: JournalIndex, accounts: Sequence[int]) -> I64:
    """All that was ever debited to accounts, by the ledger's index."""
    halves = np.frombuffer(b"".join(id_bytes(a) for a in accounts), ">u8").reshape(-1, 2)
    wide = halves.astype(np.uint64)
    numbers = index.account_ids.find(wide[:, 0].copy(), wide[:, 1].copy())
    found: I64 = index.accounts.debits_posted[numbers]
    return found


def share_events(
    context: Context, index: JournalIndex, loan_ids: Sequence[str], books: Sequence[int],
    amounts: Mapping[Event, I64],
) -> None:  # fmt: skip
    """Share what was just posted in bulk; on loans that nobody shares nothing happens.

    Args:
        index: the ledger's index, with these postings in it.
        loan_ids, books: a row a loan.
        amounts: by event and bucket the amount of each loan; accruals, payments and what had
            waited are shared, and nothing else of a day needs to be.
    """
    plan_ids = _plans_of(context, loan_ids)
    if not plan_ids:
        return
    joint = np.array([i for i, loan_id in enumerate(loan_ids) if loan_id in plan_ids], np.int64)
    made: list[Posting] = []
    for (event, bucket), column in amounts.items():
        if event != "accrual" or bucket is None:
            continue
        at = joint[column[joint] > 0]
        for book in dict.fromkeys(books[i] for i in at.tolist()):
            rows = [i for i in at.tolist() if books[i] == book]
            ids = [account_id(book, RECEIVABLES[bucket], loan_ids[i]) for i in rows]
            made += share_accruals(
                context,
                Accruals(
                    [plan_ids[loan_ids[i]] for i in rows], book_currency(book), bucket,
                    column[rows], _debited(index, ids),
                ),
            )  # fmt: skip
    if made:
        record_shared(context, merged(made), b"accrued")
    share_moves(context, _paid(loan_ids, books, amounts, joint.tolist()))


def _paid(
    loan_ids: Sequence[str], books: Sequence[int], amounts: Mapping[Event, I64],
    joint: Sequence[int],
) -> list[Move]:  # fmt: skip
    """Payments of jointly funded loans as moves."""
    moves = []
    for (event, bucket), column in amounts.items():
        if event not in _PAID or bucket is None:
            continue
        for i in joint:
            if amount := int(column[i]):
                account = AccountRef(RECEIVABLES[bucket], loan_ids[i], books[i])
                moves.append(Move(loan_ids[i], MoveKind.PAID, bucket, amount, account, False))
    return moves
