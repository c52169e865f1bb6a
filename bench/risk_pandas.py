"""The benchmark's 40 features and 60 rules as an analyst writes them in plain pandas.

Each feature is one line of the library's own: a rolling window over a group. What it has no word
for, the number of different values in a window, is a function that it calls for each row. The
windows are those of the definitions: open at their begin, the event itself not counted.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl

from tallystick.money.china_time import CHINA_OFFSET_MIN
from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.rules import Rule

__all__ = ["hits_in_pandas", "table_of"]

_TEXTS: Final = ("kind", "currency", "party", "merchant", "device", "address", "result")
_NUMBERS: Final = ("at_ms", "amount", "party_age_min")
_WORDS: Final = (("&&", "and"), ("||", "or"), ("!(", "not ("), (" / ", " // "))


def table_of(frame: pl.DataFrame) -> Any:
    """The events as a pandas table by time, before any clock starts."""
    table = pd.DataFrame({name: frame[name].to_numpy() for name in _NUMBERS})
    for name in _TEXTS:
        table[name] = pd.Categorical(frame[name].cast(pl.String).to_list())
    table["at"] = pd.to_datetime(table["at_ms"], unit="ms")
    table["hour"] = (table["at_ms"] + CHINA_OFFSET_MIN * 60_000) // 3_600_000 % 24
    table["score"] = 0
    return table.set_index("at")


def _before_it(window: Any) -> float:
    """How many different values a window holds beside its last row."""
    return float(len(np.unique(window[:-1])))


def _feature(table: Any, feature: Feature) -> Any:
    """A feature's value for each row, in the table's order."""
    if feature.aggregate == "distinct":
        counted = table[feature.of].cat.codes
    elif feature.where:
        counted = (table["result"] != "accepted").astype("int64")
    else:
        counted = table["amount"] if feature.aggregate == "sum" else pd.Series(1, table.index)
    keys = [table[key] for key in feature.by]
    rolled = counted.groupby(keys, observed=True).rolling(f"{feature.within_min}min")
    if feature.aggregate == "distinct":
        return _in_order(table, feature, rolled.apply(_before_it, raw=True))
    return _in_order(table, feature, rolled.sum()) - counted.to_numpy()


def _in_order(table: Any, feature: Feature, rolled: Any) -> Any:
    """What was rolled by group, back in the order of the rows."""
    places = table.groupby(list(feature.by), observed=True).indices
    order = np.concatenate(list(places.values()))
    found = np.empty(len(table), np.int64)
    found[order] = rolled.to_numpy()
    return found


def _in_words(when: str) -> str:
    """A condition in the words of `DataFrame.eval`."""
    for ours, theirs in _WORDS:
        when = when.replace(ours, theirs)
    return when


def hits_in_pandas(
    table: Any, features: tuple[Feature, ...], rules: tuple[Rule, ...]
) -> dict[str, int]:
    """How often each rule holds."""
    for feature in features:
        table[feature.name] = _feature(table, feature)
    return {rule.name: int(table.eval(_in_words(rule.when)).sum()) for rule in rules}
