"""Proposals of totals less a fee: the bank paid out a day's sum and kept something for itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tallystick.reconciliation.matching.by_amount import SIGNS, day_groups
from tallystick.reconciliation.matching.by_reference import tolerated_by
from tallystick.reconciliation.matching.columns import Numbers, shared_codes
from tallystick.reconciliation.matching.outcome import Grouping
from tallystick.reconciliation.matching.rules import Rule, Tolerance

__all__ = ["propose_totals_less_fee"]


class _Fits(NamedTuple):
    """Lines with totals that differ by a tolerated fee: a line's row, a total, what is between."""

    line: Numbers
    total: Numbers
    difference: Numbers
    tolerance: Numbers


def _near(
    grouping: Grouping, sums: pl.DataFrame, columns: list[str], window: int, most: int
) -> list[tuple[int, int]]:
    """Open lines and totals of the same columns, near in amount and in days."""
    bank = grouping.bank
    rows = np.flatnonzero(bank.open)
    codes = shared_codes(bank.frame[rows], sums, columns, columns)
    amounts, days = sums["amount"].to_list(), sums["day"].to_list()
    totals: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for at, code in enumerate(codes[1].tolist()):
        totals[code].append((amounts[at], at))
    for held in totals.values():
        held.sort()
    pairs = []
    for row, code in zip(rows.tolist(), codes[0].tolist(), strict=True):
        held = totals.get(code, []) if code >= 0 else []
        amount, day = int(bank.amount[row]), int(bank.day[row])
        first = bisect_left(held, (amount - most, -1))
        end = bisect_right(held, (amount + most, len(amounts)))
        pairs += [
            (row, at)
            for total, at in held[first:end]
            if total != amount and (total > 0) == (amount > 0) and abs(days[at] - day) <= window
        ]
    return pairs


def _fits(
    grouping: Grouping, sums: pl.DataFrame, pairs: list[tuple[int, int]],
    tolerances: Sequence[Tolerance],
) -> _Fits:  # fmt: skip
    both = np.array(pairs, np.int64).reshape(-1, 2)
    totals = sums["amount"].to_numpy()[both[:, 1]]
    difference = grouping.bank.amount[both[:, 0]] - totals
    tolerance = tolerated_by(tolerances, difference, totals)
    fit = tolerance >= 0
    return _Fits(both[fit, 0], both[fit, 1], difference[fit], tolerance[fit])


def _chosen(fits: _Fits) -> tuple[list[int], list[int]]:
    """Each line and total once, the smallest fee first; and how many others would have fitted."""
    near = [Counter(column.tolist()) for column in (fits.line, fits.total)]
    taken: tuple[set[int], set[int]] = set(), set()
    chosen, others = [], []
    for at in np.lexsort((fits.total, fits.line, np.abs(fits.difference))).tolist():
        line, total = int(fits.line[at]), int(fits.total[at])
        if line in taken[0] or total in taken[1]:
            continue
        taken[0].add(line)
        taken[1].add(total)
        chosen.append(at)
        others.append(near[0][line] + near[1][total] - 2)
    return chosen, others


def _propose(
    grouping: Grouping, columns: list[str], sign: str, window: int,
    tolerances: Sequence[Tolerance],
) -> None:  # fmt: skip
    members, sums = day_groups(grouping.ledger, columns, sign)
    if not sums.height:
        return
    most = max(tolerance.minor_units_max for tolerance in tolerances)
    fits = _fits(grouping, sums, _near(grouping, sums, columns, window, most), tolerances)
    chosen, others = _chosen(fits)
    if not chosen:
        return
    number = np.full(sums.height, -1, np.int64)
    number[fits.total[chosen]] = np.arange(len(chosen))
    at = members["at"].cast(pl.Int64).to_numpy()
    mine = number[at] >= 0
    parts = (members["row"].cast(pl.Int64).to_numpy()[mine], number[at[mine]])
    grouping.add(
        Rule.TOTAL_FEE, False, (fits.line[chosen], np.arange(len(chosen))), parts,
        fits.difference[chosen], fits.tolerance[chosen], np.array(others, np.int64),
    )  # fmt: skip


def propose_totals_less_fee(
    grouping: Grouping, columns: list[str], window: int, tolerances: Sequence[Tolerance]
) -> None:
    """Propose for a line all open entries of one day whose sum differs by a tolerated fee.

    They are proposals, never matches: nothing but the amount speaks for them.
    """
    if tolerances:
        for sign in SIGNS:
            _propose(grouping, columns, sign, window, tolerances)
