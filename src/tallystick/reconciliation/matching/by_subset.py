"""Proposals of sums: some of the days around one row that add up to it, within bounds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from typing import Final, NamedTuple

import numpy as np

from tallystick.reconciliation.matching.columns import Side
from tallystick.reconciliation.matching.outcome import Grouping
from tallystick.reconciliation.matching.rules import Rule, Rules
from tallystick.reconciliation.matching.subsets import Steps, find_subsets

__all__ = ["propose_subsets"]

_ANYBODY: Final = ""


class _Part(NamedTuple):
    """An open row that may be part of a sum; its amount without a sign."""

    amount: int
    row: int


class _Wanted(NamedTuple):
    """A row for which a sum is looked for."""

    row: int
    amount: int
    currency: str
    sign: int
    counterparty: str


_Pool = tuple[str, int, int, str]
"""Currency, sign, day and counterparty, or `_ANYBODY`."""


class _Parts:
    """A side's open rows in pools, each in the order of amounts, so that none is looked through."""

    def __init__(self, side: Side) -> None:
        self._pools: dict[_Pool, list[_Part]] = defaultdict(list)
        self._pools_of: dict[int, list[_Pool]] = {}
        for (currency, day, amount, who), row in _open_rows(side):
            if amount:
                place = (currency, 1 if amount > 0 else -1, day)
                pools = [(*place, _ANYBODY)] + ([(*place, who)] if who else [])
                self._pools_of[row] = pools
                for pool in pools:
                    insort(self._pools[pool], _Part(abs(amount), row))

    def below(self, pools: list[_Pool], amount: int, most: int) -> list[_Part] | None:
        """The parts of some pools that are smaller than an amount; None for more than `most`."""
        found: list[_Part] = []
        for pool in pools:
            parts = self._pools.get(pool)
            if parts is None:
                continue
            end = bisect_left(parts, _Part(amount, -1))
            if len(found) + end > most:
                return None
            found += parts[:end]
        return found

    def remove(self, part: _Part) -> None:
        """Take a part out of all its pools."""
        for pool in self._pools_of[part.row]:
            del self._pools[pool][bisect_left(self._pools[pool], part)]


def _open_rows(side: Side) -> list[tuple[tuple[str, int, int, str], int]]:
    """Currency, day, signed amount and counterparty of each open row, and the row."""
    rows = np.flatnonzero(side.open)
    frame = side.frame[rows].select("currency", "day", "amount", "counterparty")
    return [
        ((currency, day, amount, who or ""), row)
        for (currency, day, amount, who), row in zip(frame.iter_rows(), rows.tolist(), strict=True)
    ]


class _Search:
    """Looks for sums of one side's open rows that are single rows of the other."""

    def __init__(self, grouping: Grouping, rules: Rules, steps: Steps) -> None:
        self._grouping = grouping
        self._rules = rules
        self._steps = steps
        self.unsearched = 0

    def run(self, many: Side, one: Side) -> None:
        """Propose for each open row of `one` the first pool that has a sum."""
        parts, window = _Parts(many), self._rules.window_days
        for (currency, day, amount, who), row in _open_rows(one):
            if not amount:
                continue
            wanted = _Wanted(row, abs(amount), currency, 1 if amount > 0 else -1, who)
            days = sorted(range(day - window, day + window + 1), key=lambda d: (abs(d - day), d))
            self._try(wanted, days, parts, one)

    def _try(self, wanted: _Wanted, days: list[int], parts: _Parts, one: Side) -> None:
        """The same counterparty's first, then day by day, then all days together."""
        place = (wanted.currency, wanted.sign)
        everybody = [(*place, day, _ANYBODY) for day in days]
        same = [(*place, day, wanted.counterparty) for day in days] if wanted.counterparty else []
        cut = False
        for pools in (same, *([pool] for pool in everybody), everybody):
            found = parts.below(pools, wanted.amount, self._rules.subset_candidates_max)
            if found is None or self._steps.left <= 0:
                cut = True
            elif len(found) > 1 and self._took(wanted, found, parts, one):
                return
        self.unsearched += cut

    def _took(self, wanted: _Wanted, pool: list[_Part], parts: _Parts, one: Side) -> bool:
        """Propose a sum of a pool, if there is one."""
        found = find_subsets(
            [part.amount for part in pool], wanted.amount,
            parts_max=self._rules.subset_parts_max, steps=self._steps,
        )  # fmt: skip
        if found is None:
            return False
        chosen = [pool[at] for at in found.positions]
        for part in chosen:
            parts.remove(part)
        single = (np.array([wanted.row]), np.zeros(1, np.int64))
        several = (np.array([part.row for part in chosen]), np.zeros(len(chosen), np.int64))
        of_bank = one is self._grouping.bank
        bank, ledger = (single, several) if of_bank else (several, single)
        choices = np.array([0 if found.is_only else 1])
        self._grouping.add(
            Rule.SUBSET, False, bank, ledger, np.zeros(1, np.int64), choices=choices
        )  # fmt: skip
        return True


def propose_subsets(grouping: Grouping, rules: Rules) -> int:
    """Propose sums, first of entries for a line, then of lines for an entry.

    Returns how many rows were not searched to the end. They are proposals, never matches: that
    some amounts add up may be chance.
    """
    search = _Search(grouping, rules, Steps(rules.subset_steps_max))
    search.run(grouping.ledger, grouping.bank)
    search.run(grouping.bank, grouping.ledger)
    return search.unsearched
