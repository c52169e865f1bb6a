"""Attributes derived from families of columns: `BILL_AMT1`, `BILL_AMT2`, … seen as a history.

A family is three or more columns of numbers whose names differ in the number at their end only.
Nothing is known of any file: every family gets the same figures, and every pair of families, every
family with every single amount, and every pair of single amounts, the same ratios (an amount and
a duration make an instalment). The lowest number is the most recent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

import msgspec
import numpy as np

from tallystick.credit.score.columns import Column, ColumnSpec, Floats, Numbers

__all__ = ["Derived", "derivations", "derive"]

_FAMILY_MIN: Final = 3
_FAMILIES_MAX: Final = 6
_AMOUNTS_MAX: Final = 6
_AMOUNT_DISTINCT_MIN: Final = 20


class Derived(msgspec.Struct, frozen=True):
    """One derived attribute.

    Args:
        name: as it is shown.
        figure: which of the figures, of `columns`.
        columns: of one family, most recent first.
        per: the figure below the line, of `below`; empty when it is no ratio.
        below: columns of another family, or one amount.
    """

    name: str
    figure: str
    columns: tuple[str, ...]
    per: str = ""
    below: tuple[str, ...] = ()


def _trend(history: Floats) -> Floats:
    """The slope of a straight line through the values, towards now, per step."""
    steps = np.arange(history.shape[1], dtype=np.float64)
    steps -= steps.mean()
    slope: Floats = -(history @ steps) / (steps @ steps)
    return slope


def _fading(history: Floats, factor: float) -> Floats:
    """A sum in which each step back counts less, by a factor."""
    found: Floats = history @ (factor ** np.arange(history.shape[1], dtype=np.float64))
    return found


_FIGURES: Final[dict[str, Callable[[Floats], Floats]]] = {
    "max": lambda h: h.max(axis=1),
    "min": lambda h: h.min(axis=1),
    "mean": lambda h: h.mean(axis=1),
    "spread": lambda h: h.std(axis=1),
    "trend": _trend,
    "recent": lambda h: h[:, : h.shape[1] // 2].mean(axis=1),
    "above_zero": lambda h: (h > 0).sum(axis=1).astype(np.float64),
    "zero": lambda h: (h == 0).sum(axis=1).astype(np.float64),
    "below_zero": lambda h: (h < 0).sum(axis=1).astype(np.float64),
    "fading": lambda h: _fading(h, 0.8),
    "fading_fast": lambda h: _fading(h, 0.5),
    "fading_above": lambda h: _fading(np.maximum(h, 0.0), 0.7),
    "streak": lambda h: np.cumprod(h > 0, axis=1).sum(axis=1).astype(np.float64),
    "second": lambda h: np.sort(h, axis=1)[:, -2],
    "latest": lambda h: h[:, 0],
    "previous": lambda h: h[:, 1],
    "but_oldest": lambda h: h[:, :-1].sum(axis=1),
    "but_latest": lambda h: h[:, 1:].sum(axis=1),
    "sum": lambda h: h.sum(axis=1),
    "value": lambda h: h[:, 0],
}
_ALONE: Final = (
    "max", "min", "mean", "spread", "trend", "recent", "above_zero", "zero", "below_zero",
    "fading", "fading_fast", "fading_above", "streak", "second",
)  # fmt: skip
_OF_AN_AMOUNT: Final = ("mean", "max", "latest")
_OF_A_FAMILY: Final = (("sum", "sum"), ("but_oldest", "but_latest"), ("latest", "previous"))


def derivations(specs: Sequence[ColumnSpec], columns: dict[str, Column]) -> tuple[Derived, ...]:
    """What can be derived from columns; the first families and amounts of a file, if many.

    No outcome is looked at.
    """
    families = _families(specs)
    in_family = {name for members in families.values() for name in members}
    amounts = [spec.name for spec in specs
               if spec.name not in in_family and _is_amount(columns[spec.name])]  # fmt: skip
    found: list[Derived] = []
    for stem, members in families.items():
        found += [Derived(f"{figure}({stem}*)", figure, members) for figure in _ALONE]
        for amount in amounts[:_AMOUNTS_MAX]:
            found += [Derived(f"{figure}({stem}*)/{amount}", figure, members, "value", (amount,))
                      for figure in _OF_AN_AMOUNT]  # fmt: skip
        for other, others in families.items():
            if other != stem and len(others) == len(members):
                found += [Derived(f"{above}({stem}*)/{below}({other}*)", above, members, below,
                                  others) for above, below in _OF_A_FAMILY]  # fmt: skip
    found += [Derived(f"{above}/{below}", "value", (above,), "value", (below,))
              for above, below in _pairs(amounts[:_AMOUNTS_MAX], columns)]  # fmt: skip
    taken = {spec.name for spec in specs}
    return tuple(one for one in found if one.name not in taken)


def _families(specs: Sequence[ColumnSpec]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for spec in specs:
        match = re.fullmatch(r"(.*?\D)(\d{1,6})", spec.name)
        if spec.numeric and match:
            found.setdefault(match[1], []).append((int(match[2]), spec.name))
    large = {stem: tuple(name for _, name in sorted(members))
             for stem, members in found.items() if len(members) >= _FAMILY_MIN}  # fmt: skip
    return dict(list(large.items())[:_FAMILIES_MAX])


def _pairs(amounts: Sequence[str], columns: dict[str, Column]) -> list[tuple[str, str]]:
    """Pairs of single amounts, the one that is larger in the middle above the line."""
    middle = {name: float(np.nanmedian(_history((name,), columns))) for name in amounts}
    return [(two, one) if middle[two] > middle[one] else (one, two)
            for one, two in combinations(amounts, 2)]  # fmt: skip


def _is_amount(column: Column) -> bool:
    if not isinstance(column, Numbers):
        return False
    known = column.values[~np.isnan(column.values)]
    return len(np.unique(known)) >= _AMOUNT_DISTINCT_MIN


def derive(one: Derived, columns: dict[str, Column]) -> Numbers:
    """A derived attribute's values; missing where a part is, or where the ratio is by zero."""
    values = _FIGURES[one.figure](_history(one.columns, columns))
    if one.per:
        below = _FIGURES[one.per](_history(one.below, columns))
        values = np.divide(values, below, out=np.full_like(values, np.nan), where=below != 0)
    # A count over a history with a gap is not known either.
    gap = np.isnan(_history(one.columns, columns)).any(axis=1)
    values = np.where(gap | ~np.isfinite(values), np.nan, values)
    return Numbers(values, np.isnan(values).astype(np.int64))


def _history(names: Sequence[str], columns: dict[str, Column]) -> Floats:
    parts = [column.values for name in names if isinstance(column := columns[name], Numbers)]
    return np.column_stack(parts)
