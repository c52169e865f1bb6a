"""Columns that must not decide: sex, age, marital status, origin, belief, health.

They are those that equal-credit laws name (in the United States 12 CFR 1002.2(z), in the European
Union the Charter, article 21), and are known by the words in their names.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.credit.score.columns import Column, Numbers

__all__ = ["groups_of", "in_order", "is_protected"]

_WORDS: Final = frozenset({
    "sex", "gender", "age", "aged", "birth", "birthday", "birthdate", "birthyear", "dob",
    "marriage", "marital", "married", "race", "racial", "ethnic", "ethnicity", "religion",
    "religious", "creed", "nationality", "citizenship", "citizen", "foreign", "foreigner",
    "immigrant", "disability", "disabled", "pregnant", "pregnancy", "orientation",
})  # fmt: skip
_PAIRS: Final = frozenset({("personal", "status"), ("national", "origin")})
_CHINESE: Final = ("性别", "年龄", "出生", "婚姻", "民族", "种族", "宗教", "国籍", "残疾", "怀孕")

_BANDS: Final = (25.0, 35.0, 45.0, 60.0)
_AGES: Final = ("below 25", "25 to 34", "35 to 44", "45 to 59", "60 and above")
_DISTINCT_MAX: Final = 10


def is_protected(name: str) -> bool:
    """Whether a column's name says that it holds what must not decide."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    pairs = set(pairwise(words))
    return bool(_WORDS & set(words) or _PAIRS & pairs or any(c in name for c in _CHINESE))


def groups_of(column: Column) -> NDArray[np.str_]:
    """The group of each row: words and codes as they are, many numbers in bands as for ages."""
    if not isinstance(column, Numbers):
        return np.where(column.values == "", "missing", column.values)
    known = ~np.isnan(column.values)
    values = column.values[known]
    groups = np.full(len(column.values), "missing", dtype="<U24")
    if len(np.unique(values)) <= _DISTINCT_MAX:
        groups[known] = [f"{value:g}" for value in values]
        return groups
    groups[known] = np.array(_AGES)[np.searchsorted(_BANDS, values, side="right")]
    return groups


def in_order(groups: NDArray[np.str_]) -> list[str]:
    """Ages from young to old, all else as it is; what is missing last."""
    place = {name: at for at, name in enumerate(_AGES)}
    return sorted(map(str, groups), key=lambda one: (one == "missing", place.get(one, 0), one))
