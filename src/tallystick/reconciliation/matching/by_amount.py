"""Matching without a reference: by amount and day, and by what all of a day add up to."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tallystick.reconciliation.matching.columns import (
    Flags,
    Numbers,
    Side,
    open_codes,
    shared_codes,
)
from tallystick.reconciliation.matching.outcome import Grouping
from tallystick.reconciliation.matching.rules import Rule

__all__ = ["SIGNS", "day_groups", "match_by_amount", "match_by_day_totals"]

SIGNS: Final = ("all", "in", "out")
"""Which rows of a day are added up: all, what came in, what went out."""


class _Pairs(NamedTuple):
    """Pairs by position on both sides; `sure` where nothing else was near."""

    left: Numbers
    right: Numbers
    sure: Flags
    choices: Numbers


class _Points(NamedTuple):
    """What is paired: each with a key and a day; only equal keys pair."""

    key: Numbers
    day: Numbers


def _components(left: _Points, right: _Points, window: int) -> tuple[Numbers, Numbers]:
    """All points by key and day (the left ones numbered first), and each one's component.

    A component is a run of equal keys in which no step is wider than the window: only within
    it can a point have more than one partner.
    """
    key = np.concatenate((left.key, right.key))
    day = np.concatenate((left.day, right.day))
    order = np.lexsort((np.arange(len(key)), day, key))
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(key[order]) != 0) | (np.diff(day[order]) > window)
    return order, np.cumsum(begins) - 1


def _in_order(
    left: list[int], right: list[int], left_day: Numbers, right_day: Numbers, window: int
) -> list[tuple[int, int]]:
    """As many pairs within the window as there can be, the earliest with the earliest."""
    pairs, at, to = [], 0, 0
    while at < len(left) and to < len(right):
        apart = int(left_day[left[at]]) - int(right_day[right[to]])
        if abs(apart) <= window:
            pairs.append((left[at], right[to]))
            at, to = at + 1, to + 1
        elif apart < 0:
            at += 1
        else:
            to += 1
    return pairs


def _pairs(left: _Points, right: _Points, window: int) -> _Pairs:
    """Pair points of both sides; where several are near each other, pairs are not sure."""
    order, component = _components(left, right, window)
    size, split = (int(component[-1]) + 1 if len(component) else 0), len(left.key)
    is_left = order < split
    counts = [np.bincount(component[m], minlength=size) for m in (is_left, ~is_left)]
    sure = (counts[0] == 1) & (counts[1] == 1)
    several = (counts[0] > 0) & (counts[1] > 0) & ~sure
    of = sure[component]
    found_left, found_right = order[of & is_left], order[of & ~is_left] - split
    unsure: list[tuple[int, int]] = []
    others: list[int] = []
    rows = np.flatnonzero(several[component])
    for run in np.split(rows, np.flatnonzero(np.diff(component[rows])) + 1) if len(rows) else ():
        mine = order[run].tolist()
        paired = _in_order(
            [p for p in mine if p < split], [p - split for p in mine if p >= split],
            left.day, right.day, window,
        )  # fmt: skip
        unsure += paired
        others += [len(mine) - 2] * len(paired)
    more = np.array(unsure, np.int64).reshape(-1, 2)
    return _Pairs(
        np.concatenate((found_left, more[:, 0])),
        np.concatenate((found_right, more[:, 1])),
        np.arange(len(found_left) + len(more)) < len(found_left),
        np.concatenate((np.zeros(len(found_left), np.int64), np.array(others, np.int64))),
    )


def _contradict(bank: Side, ledger: Side, lines: Numbers, entries: Numbers) -> Flags:
    """Pairs of which both have a reference, and not the same."""
    texts = [
        side.frame["reference"].fill_null("").gather(pl.Series(rows))
        for side, rows in ((bank, lines), (ledger, entries))
    ]
    apart: Flags = ((texts[0] != "") & (texts[1] != "") & (texts[0] != texts[1])).to_numpy()
    return apart


def _add_pairs(grouping: Grouping, rule: Rule, matched: bool, pairs: _Pairs, among: Flags) -> None:
    if among.any():
        number = np.arange(int(among.sum()))
        grouping.add(
            rule, matched, (pairs.left[among], number), (pairs.right[among], number),
            np.zeros(len(number), np.int64), choices=pairs.choices[among],
        )  # fmt: skip


def match_by_amount(grouping: Grouping, columns: list[str], window: int, rule: Rule) -> None:
    """Pair one line with one entry of the same amount, currency and further columns.

    It is a match where within the window there is no other of either side, and the references,
    where both have one, do not differ; else a proposal.
    """
    bank, ledger = grouping.bank, grouping.ledger
    codes = open_codes(bank, ledger, columns, columns)
    rows, points = [], []
    for side, code in ((bank, codes[0]), (ledger, codes[1])):
        mine = np.flatnonzero(side.open & (code >= 0))
        rows.append(mine)
        points.append(_Points(code[mine], side.day[mine]))
    found = _pairs(points[0], points[1], window)
    pairs = found._replace(left=rows[0][found.left], right=rows[1][found.right])
    sure = pairs.sure & ~_contradict(bank, ledger, pairs.left, pairs.right)
    _add_pairs(grouping, rule, True, pairs, sure)
    _add_pairs(grouping, rule, False, pairs, ~sure)


def day_groups(side: Side, columns: list[str], sign: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The open rows of a side with their group, and the groups of at least two with their sums."""
    rows = side.frame.select(
        *columns, "day", "amount", pl.int_range(pl.len()).alias("row")
    ).filter(pl.Series(side.open))  # fmt: skip
    rows = rows.filter(pl.all_horizontal([pl.col(c).fill_null("") != "" for c in columns]))
    if sign != "all":
        rows = rows.filter(pl.col("amount") > 0 if sign == "in" else pl.col("amount") < 0)
    sums = (
        rows.group_by([*columns, "day"])
        .agg(pl.col("amount").sum(), pl.len().alias("parts"))
        .filter(pl.col("parts") > 1)
        .sort([*columns, "day"])
        .with_row_index("at")
    )
    keys = [*columns, "day"]
    members = rows.join(sums.select(*keys, "at"), on=keys, nulls_equal=True).sort("row")
    return members, sums


def _match_total(
    grouping: Grouping, many: Side, one: Side, columns: list[str], sign: str, window: int,
    rule: Rule,
) -> None:  # fmt: skip
    """Single rows of one side with the sums of a day's rows of the other."""
    members, sums = day_groups(many, columns, sign)
    if not sums.height:
        return
    rows = np.flatnonzero(one.open)
    codes = shared_codes(one.frame[rows], sums, [*columns, "amount"], [*columns, "amount"])
    told = codes[0] >= 0
    rows = rows[told]
    pairs = _pairs(
        _Points(codes[0][told], one.day[rows]),
        _Points(codes[1], sums["day"].cast(pl.Int64).to_numpy()), window,
    )  # fmt: skip
    at = members["at"].cast(pl.Int64).to_numpy()
    member_rows = members["row"].cast(pl.Int64).to_numpy()
    for matched, chosen in ((True, pairs.sure), (False, ~pairs.sure)):
        if not chosen.any():
            continue
        number = np.full(sums.height, -1, np.int64)
        number[pairs.right[chosen]] = np.arange(int(chosen.sum()))
        mine = number[at] >= 0
        parts = (member_rows[mine], number[at[mine]])
        singles = (rows[pairs.left[chosen]], np.arange(int(chosen.sum())))
        lines, entries = (singles, parts) if one is grouping.bank else (parts, singles)
        zero = np.zeros(int(chosen.sum()), np.int64)
        grouping.add(rule, matched, lines, entries, zero, choices=pairs.choices[chosen])


def match_by_day_totals(grouping: Grouping, columns: list[str], window: int, rule: Rule) -> None:
    """Match one row with all open rows of one day on the other side, when their sum is its amount.

    Tried for all rows of a day, then for what came in, then for what went out; first many
    entries to one line (the bank nets a day's payouts), then many lines to one entry.
    """
    bank, ledger = grouping.bank, grouping.ledger
    for many, one in ((ledger, bank), (bank, ledger)):
        for sign in SIGNS:
            _match_total(grouping, many, one, columns, sign, window, rule)
