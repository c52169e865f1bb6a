"""What came of matching: groups of bank lines and ledger entries, each with its rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from tallystick.reconciliation.matching.columns import Flags, Numbers, Side
from tallystick.reconciliation.matching.rules import RULE_NAMES, Rule, Tolerance

__all__ = ["Group", "Grouping", "Outcome"]


class Group(NamedTuple):
    """Lines and entries that belong together.

    Args:
        matched: by a rule that is sure; else it is a proposal for a person.
        difference: what the bank has more than the ledger, in minor units.
        tolerance: the name of the tolerance that takes the difference; empty for none.
        choices: how many others fit as well, as far as that was looked for.
    """

    bank: tuple[str, ...]
    ledger: tuple[str, ...]
    rule: Rule
    matched: bool
    difference: int
    tolerance: str
    choices: int

    @property
    def reason(self) -> str:
        """Why, in an English sentence."""
        return RULE_NAMES[self.rule].english


class Outcome(NamedTuple):
    """The result as columns. `bank_group` and `ledger_group` hold −1 for what is in no group.

    Args:
        unsearched: lines and entries whose sums were not looked for to the end: too many
            candidates, or no steps left.
    """

    bank_ids: pl.Series
    ledger_ids: pl.Series
    bank_group: Numbers
    ledger_group: Numbers
    rule: Numbers
    matched: Flags
    difference: Numbers
    tolerance: Numbers
    choices: Numbers
    tolerances: tuple[Tolerance, ...]
    unsearched: int

    @property
    def unmatched(self) -> tuple[list[str], list[str]]:
        """The ids of bank lines and of entries that are in no group."""
        return (
            self.bank_ids.filter(pl.Series(self.bank_group < 0)).to_list(),
            self.ledger_ids.filter(pl.Series(self.ledger_group < 0)).to_list(),
        )

    def groups(self) -> Iterator[Group]:
        """Each group, in the order in which the rules found it."""
        members = [
            _members(ids, group, len(self.rule))
            for ids, group in (
                (self.bank_ids, self.bank_group), (self.ledger_ids, self.ledger_group),
            )
        ]  # fmt: skip
        columns = (self.rule, self.matched, self.difference, self.tolerance, self.choices)
        for at, (rule, matched, difference, tolerance, choices) in enumerate(
            zip(*(c.tolist() for c in columns), strict=True)
        ):
            name = self.tolerances[tolerance].name if tolerance >= 0 else ""
            yield Group(
                members[0][at], members[1][at], Rule(rule), matched, difference, name, choices
            )

    def counts(self) -> dict[str, dict[str, int]]:
        """How many groups each rule found: matches and proposals by the rule's name."""
        counted: dict[str, dict[str, int]] = {"matched": {}, "proposed": {}}
        for kind, flags in (("matched", self.matched), ("proposed", ~self.matched)):
            rules, numbers = np.unique(self.rule[flags], return_counts=True)
            for rule, number in zip(rules.tolist(), numbers.tolist(), strict=True):
                counted[kind][RULE_NAMES[Rule(rule)].code] = number
        return counted


def _members(ids: pl.Series, group: Numbers, count: int) -> list[tuple[str, ...]]:
    """The ids in each group, in the order of the ids."""
    taken = np.flatnonzero(group >= 0)
    order = taken[np.argsort(group[taken], kind="stable")]
    texts = ids.gather(pl.Series(order)).to_list()
    ends = np.cumsum(np.bincount(group[taken], minlength=count)).tolist()
    return [
        tuple(texts[begin:end]) for begin, end in zip([0, *ends[:-1]], ends, strict=True)
    ] if count else []  # fmt: skip


class Grouping:
    """Collects groups while the rules run; a row that is taken is never taken again."""

    def __init__(self, bank: Side, ledger: Side) -> None:
        self.bank = bank
        self.ledger = ledger
        self._count = 0
        self._columns: list[tuple[Numbers, ...]] = []

    def add(
        self, rule: Rule, matched: bool, bank: tuple[Numbers, Numbers],
        ledger: tuple[Numbers, Numbers], difference: Numbers,
        tolerance: Numbers | None = None, choices: Numbers | None = None,
    ) -> None:  # fmt: skip
        """Take rows into groups.

        Args:
            bank, ledger: rows, and for each the number of its group from 0.
            difference: for each group, what the bank has more.
        """
        size = len(difference)
        for side, (rows, groups) in ((self.bank, bank), (self.ledger, ledger)):
            assert bool((side.group[rows] < 0).all()), rule
            side.group[rows] = groups + self._count
        self._count += size
        self._columns.append(
            (
                np.full(size, int(rule), np.int64),
                np.full(size, int(matched), np.int64),
                difference,
                np.full(size, -1, np.int64) if tolerance is None else tolerance,
                np.zeros(size, np.int64) if choices is None else choices,
            )
        )

    def outcome(self, tolerances: tuple[Tolerance, ...], unsearched: int) -> Outcome:
        """Everything that was collected."""
        empty = np.zeros(0, np.int64)
        rule, matched, difference, tolerance, choices = (
            np.concatenate([c[at] for c in self._columns] or [empty]) for at in range(5)
        )
        return Outcome(
            self.bank.ids, self.ledger.ids, self.bank.group, self.ledger.group, rule,
            matched.astype(np.bool_), difference, tolerance, choices, tolerances, unsearched,
        )  # fmt: skip
