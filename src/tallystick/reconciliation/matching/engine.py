"""The engine: every rule in turn, from the surest to the weakest."""

from __future__ import annotations

import polars as pl

from tallystick.reconciliation.matching.by_amount import match_by_amount, match_by_day_totals
from tallystick.reconciliation.matching.by_reference import match_by_reference
from tallystick.reconciliation.matching.by_subset import propose_subsets
from tallystick.reconciliation.matching.columns import Side
from tallystick.reconciliation.matching.less_fee import propose_totals_less_fee
from tallystick.reconciliation.matching.outcome import Grouping, Outcome
from tallystick.reconciliation.matching.rules import Rule, Rules

__all__ = ["match"]


def match(bank: pl.DataFrame, ledger: pl.DataFrame, rules: Rules) -> Outcome:
    """Match bank lines with ledger entries, both as `columns.SCHEMA` describes them.

    Each row is in one group at most. The order of the rows has no effect: they are taken in the
    order of their ids.

    Raises:
        ValueError: ids that are not unique, or amounts too large to be added up.
    """
    grouping = Grouping(Side(bank), Side(ledger))
    window = rules.window_days
    match_by_reference(grouping, rules.tolerances)
    named = ["currency", "counterparty"]
    match_by_amount(grouping, [*named, "amount"], window, Rule.AMOUNT_COUNTERPARTY)
    match_by_amount(grouping, ["currency", "amount"], window, Rule.AMOUNT_DAY)
    match_by_day_totals(grouping, named, window, Rule.TOTAL_COUNTERPARTY)
    match_by_day_totals(grouping, ["currency"], window, Rule.TOTAL_DAY)
    unsearched = propose_subsets(grouping, rules)
    propose_totals_less_fee(grouping, named, window, rules.tolerances)
    propose_totals_less_fee(grouping, ["currency"], window, rules.tolerances)
    return grouping.outcome(rules.tolerances, unsearched)
