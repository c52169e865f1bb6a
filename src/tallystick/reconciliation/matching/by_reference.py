"""Matching by reference: one to one, totals, repetitions, differences within a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tallystick.reconciliation.matching.columns import Flags, Numbers, Side, open_codes
from tallystick.reconciliation.matching.outcome import Grouping
from tallystick.reconciliation.matching.rules import Rule, Tolerance

__all__ = ["match_by_reference", "tolerated_by"]

_PASSES: Final = (
    ("reference", "reference"), ("bank_reference", "bank_reference"),
    ("reference", "bank_reference"), ("bank_reference", "reference"),
)  # fmt: skip
_MILLION: Final = 1_000_000


class _Keyed(NamedTuple):
    """The open rows of a side that have a reference of both sides, and each one's key."""

    rows: Numbers
    key: Numbers
    rows_of: Numbers
    total: Numbers


def _keyed(side: Side, codes: Numbers, among: Flags, size: int) -> _Keyed:
    rows = np.flatnonzero(side.open & (codes >= 0))
    rows = rows[among[codes[rows]]]
    key = codes[rows]
    total = np.zeros(size, np.int64)
    np.add.at(total, key, side.amount[rows])
    return _Keyed(rows, key, np.bincount(key, minlength=size), total)


def _both(bank: Side, ledger: Side, codes: tuple[Numbers, Numbers], size: int) -> Flags:
    """The keys that open rows of both sides have."""
    there = [
        np.bincount(code[side.open & (code >= 0)], minlength=size) > 0
        for side, code in zip((bank, ledger), codes, strict=True)
    ]
    return there[0] & there[1]


def _within(tolerance: Tolerance, difference: Numbers, total: Numbers) -> Flags:
    """Which differences a tolerance takes; the share is of the ledger's total."""
    size, whole = np.abs(difference), np.abs(total)
    fits: Flags = size <= tolerance.minor_units_max
    if (ppm := tolerance.rate_ppm) >= 0:
        share = whole // _MILLION * ppm + whole % _MILLION * ppm // _MILLION
        fits &= size <= share
    # The bank has less of money that came in when the difference is negative, and of money that
    # went out, too: more was taken from the account.
    if tolerance.bank_has != "either":
        fits &= (difference < 0) == (tolerance.bank_has == "less")
    return fits


def tolerated_by(
    tolerances: Sequence[Tolerance], difference: Numbers, total: Numbers
) -> Numbers:  # fmt: skip
    """For each difference the first tolerance that takes it; −1 for none."""
    chosen = np.full(len(difference), -1, np.int64)
    for at in range(len(tolerances) - 1, -1, -1):
        chosen[_within(tolerances[at], difference, total)] = at
    return chosen


def _take(
    grouping: Grouping, rule: Rule, matched: bool, keys: Flags, sides: tuple[_Keyed, _Keyed],
    tolerance: Numbers | None = None,
) -> None:  # fmt: skip
    """All rows of some keys as a group a key."""
    if not keys.any():
        return
    number = np.cumsum(keys) - 1
    members = []
    for side in sides:
        mine = keys[side.key]
        members.append((side.rows[mine], number[side.key[mine]]))
    difference = (sides[0].total - sides[1].total)[keys]
    grouping.add(rule, matched, members[0], members[1], difference,
                 None if tolerance is None else tolerance[keys])  # fmt: skip


def _take_repeated(
    grouping: Grouping, keys: Flags, many: _Keyed, one: _Keyed, many_side: Side
) -> None:
    """Of several rows with a key the first with the amount of the one on the other side."""
    wanted = keys[many.key]
    rows, key = many.rows[wanted], many.key[wanted]
    fits = many_side.amount[rows] == one.total[key]
    rows, key = rows[fits], key[fits]
    order = np.lexsort((rows, many_side.day[rows], key))
    rows, key = rows[order], key[order]
    found, first = np.unique(key, return_index=True)
    if not len(found):
        return
    number = np.full(len(keys), -1, np.int64)
    number[found] = np.arange(len(found))
    mine = number[one.key] >= 0
    ones = (one.rows[mine], number[one.key[mine]])
    picked = (rows[first], np.arange(len(found)))
    bank, ledger = (picked, ones) if many_side is grouping.bank else (ones, picked)
    choices = many.rows_of[found] - 1
    zero = np.zeros(len(found), np.int64)
    grouping.add(Rule.REFERENCE_REPEATED, False, bank, ledger, zero, choices=choices)


def _pass(
    grouping: Grouping, bank_column: str, ledger_column: str, tolerances: Sequence[Tolerance]
) -> None:
    bank, ledger = grouping.bank, grouping.ledger
    of_bank, of_ledger, size = open_codes(
        bank, ledger, ["currency", bank_column], ["currency", ledger_column]
    )
    among = _both(bank, ledger, (of_bank, of_ledger), size)
    lines = _keyed(bank, of_bank, among, size)
    entries = _keyed(ledger, of_ledger, among, size)
    sides = (lines, entries)
    agree = among & (lines.total == entries.total)
    single = among & (lines.rows_of == 1) & (entries.rows_of == 1)
    either = among & ((lines.rows_of == 1) | (entries.rows_of == 1)) & ~single
    _take(grouping, Rule.REFERENCE, True, single & agree, sides)
    _take(grouping, Rule.REFERENCE_TOTAL, True, either & agree, sides)
    _take(grouping, Rule.REFERENCE_MANY, False, agree & ~single & ~either, sides)
    chosen = tolerated_by(tolerances, lines.total - entries.total, entries.total)
    tolerated = (single | either) & ~agree & (chosen >= 0)
    repeated = either & ~agree
    _take_repeated(grouping, repeated & (lines.rows_of > 1), lines, entries, bank)
    _take_repeated(grouping, repeated & (entries.rows_of > 1), entries, lines, ledger)
    tolerated &= ~_taken(grouping, sides, size)
    _take(grouping, Rule.TOLERANCE, True, tolerated, sides, chosen)
    _take(grouping, Rule.REFERENCE_AMOUNT, False, single & ~agree & ~tolerated, sides)


def _taken(grouping: Grouping, sides: tuple[_Keyed, _Keyed], size: int) -> Flags:
    """The keys of which a row is in a group by now."""
    taken = np.zeros(size, np.bool_)
    for keyed, side in zip(sides, (grouping.bank, grouping.ledger), strict=True):
        taken[keyed.key[side.group[keyed.rows] >= 0]] = True
    return taken


def match_by_reference(grouping: Grouping, tolerances: Sequence[Tolerance]) -> None:
    """Group what has the same reference and currency on both sides, whatever the days are.

    The sum of one side's rows is compared with that of the other's. Each side has two references,
    the customer's and the bank's; they are compared like with like first.
    """
    for bank_column, ledger_column in _PASSES:
        _pass(grouping, bank_column, ledger_column, tolerances)
