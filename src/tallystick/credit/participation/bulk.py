"""Sharing what was posted for many loans at once: accruals by columns, payments loan by loan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from tallystick.credit.participation.columns import apportion_rows
from tallystick.credit.participation.model import JointLoan, Participant, Plan
from tallystick.credit.participation.moves import Move, MoveKind
from tallystick.credit.participation.postings import ShareBooks
from tallystick.credit.participation.service import merged, plan_by_id, record_shared, share_moves
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import LOAN_ALLOWANCE, account_id, book_currency
from tallystick.ledger.encoding import id_bytes
from tallystick.pipeline.commands import Context
from tallystick.pipeline.decisions import AccountRef, Posting

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["Accruals", "Event", "share_accruals", "share_allowances", "share_events"]

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


def _not_shared(context: Context, loan_ids: Sequence[str]) -> set[str]:
    """Those among jointly funded loans whose allowance is not shared yet."""
    found = context.uow.connection.execute(
        "SELECT loan_id FROM joint_loan WHERE allowance_shared = 0 AND loan_id >= ? "
        "AND loan_id <= ?",
        (min(loan_ids), max(loan_ids)),
    )
    return {row[0] for row in found} & set(loan_ids)


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
    if (accruals.amounts < 0).any():
        raise ValueError("what is charged does not shrink")
    return merged(_postings(_sums(plans, which, before, accruals.totals), accruals))


def _sums(
    plans: Sequence[Plan], which: I64, before: I64, after: I64
) -> Iterable[tuple[Participant, int]]:
    """What each participant of each plan gets more (or less) of balances that changed."""
    weights = _weights(plans, which)
    parts = apportion_rows(after, weights) - apportion_rows(before, weights)
    sums = np.zeros((len(plans), parts.shape[1]), np.int64)
    np.add.at(sums, which, parts)
    for plan, row in zip(plans, sums.tolist(), strict=True):
        yield from zip(plan.participants, row, strict=False)


def share_allowances(
    context: Context, plan_ids: Sequence[str], currency: str, before: I64, after: I64
) -> list[Posting]:
    """Allowances of many loans as shares: postings that are merged by account.

    Args:
        plan_ids: who funds each loan.
        before, after: minor units; what is shared already, and what is to be.
    """
    names = list(dict.fromkeys(plan_ids))
    numbers = {name: n for n, name in enumerate(names)}
    which = np.array([numbers[name] for name in plan_ids], np.int64)
    net: dict[Participant, int] = {}
    for p, part in _sums([plan_by_id(context, name) for name in names], which, before, after):
        if p.is_outside:
            # A programme's books are the same whatever its part of a loan.
            alike = replace(p, share_ppm=0)
            net[alike] = net.get(alike, 0) + part
    made: list[Posting] = []
    for p, part in net.items():
        name = "provided" if part >= 0 else "provision_released"
        made += ShareBooks(p, currency, 0).postings(name, abs(part))
    return merged(made)


def _allowances(
    context: Context, index: JournalIndex, plan_ids: Mapping[str, str], loan_ids: Sequence[str],
    books: Sequence[int], change: I64,
) -> list[Posting]:  # fmt: skip
    """Share the allowances that changed, and those of these loans that were not shared yet."""
    changed = [i for i in np.flatnonzero(change).tolist() if loan_ids[i] in plan_ids]
    if not changed:
        return []
    new = _not_shared(context, [loan_ids[i] for i in changed])
    made: list[Posting] = []
    for book in dict.fromkeys(books[i] for i in changed):
        rows = [i for i in changed if books[i] == book]
        numbers = _numbers(index, [account_id(book, LOAN_ALLOWANCE, loan_ids[i]) for i in rows])
        accounts = index.accounts
        after: I64 = accounts.credits_posted[numbers] - accounts.debits_posted[numbers]
        known = np.array([loan_ids[i] not in new for i in rows], np.int64)
        made += share_allowances(
            context, [plan_ids[loan_ids[i]] for i in rows], book_currency(book),
            (after - change[rows]) * known, after,
        )  # fmt: skip
    for loan_id in new:
        joint = context.uow.get(JointLoan, loan_id)
        assert joint is not None, loan_id
        context.uow.put(replace(joint, allowance_shared=True))
    return made


def _numbers(index: JournalIndex, accounts: Sequence[int]) -> I64:
    """The ledger's numbers of accounts that are open."""
    halves = np.frombuffer(b"".join(id_bytes(a) for a in accounts), ">u8").reshape(-1, 2)
    wide = halves.astype(np.uint64)
    found: I64 = index.account_ids.find(wide[:, 0].copy(), wide[:, 1].copy())
    return found


def _debited(index: JournalIndex, accounts: Sequence[int]) -> I64:
    """All that was ever debited to accounts, by the ledger's index."""
    found: I64 = index.accounts.debits_posted[_numbers(index, accounts)]
    return found


def share_events(
    context: Context, index: JournalIndex, loan_ids: Sequence[str], books: Sequence[int],
    amounts: Mapping[Event, I64],
) -> None:  # fmt: skip
    """Share what was just posted in bulk; on loans that nobody shares nothing happens.

    Args:
        index: the ledger's index, with these postings in it.
        loan_ids, books: a row a loan.
        amounts: by event and bucket the amount of each loan; accruals, payments, what had
            waited and provisions are shared, and nothing else of a day needs to be.
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
    if ("provision", None) in amounts:
        change = amounts["provision", None] - amounts["provision_release", None]
        made += _allowances(context, index, plan_ids, loan_ids, books, change)
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
