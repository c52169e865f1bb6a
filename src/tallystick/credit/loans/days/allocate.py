"""Allocating a payment of each of many loans, as the fold allocates one."""

from __future__ import annotations

import numpy as np

from tallystick.credit.loans.days.columns import BUCKETS, I64, LEFT, Flat, Rules

__all__ = ["allocate"]


def allocate(items: Flat, amount: I64, terms: I64, rules: Rules) -> I64:
    """Pay what is due as far as each loan's amount goes; the items are changed in place.

    Args:
        items: what is due, loan after loan, the oldest first.
        amount: by loan.
        terms: by loan its place in the rules.

    Returns:
        By loan and bucket what was paid.
    """
    width = len(BUCKETS)
    paid = np.zeros((amount.size, width), np.int64)
    at = np.flatnonzero(amount[items.owner] > 0)
    if not at.size:
        return paid
    owner = np.repeat(items.owner[at], width)
    bucket = np.tile(np.arange(width), at.size)
    place = np.repeat(at, width)
    rank = rules.rank[terms[owner], bucket]
    oldest_first = rules.oldest_first[terms[owner]]
    order = np.lexsort(
        (np.where(oldest_first, rank, place), np.where(oldest_first, place, rank), owner)
    )
    owner, bucket, place = owner[order], bucket[order], place[order]
    left = items.values[:, LEFT][place, bucket]
    before = np.cumsum(left) - left
    first = np.searchsorted(owner, owner)
    part = np.clip(amount[owner] - (before - before[first]), 0, left)
    items.values[:, LEFT][place, bucket] -= part
    np.add.at(paid, (owner, bucket), part)
    return paid
