"""Features: counts, sums, averages and distinct counts over sliding windows, as definitions.

The same definition is kept up live (`windows`) and computed over history (`history`). A feature
looks at the commands *before* the one that is decided, with a moment in (now - window, now].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from tallystick.risk.decision.checking import Catalogue, Kind, checked
from tallystick.risk.decision.facts import (
    ANOMALY,
    FACTS,
    GRAPH,
    KEYS,
    LISTED,
    LISTED_KINDS,
    PAST,
    SCORE,
    SHARED,
)  # fmt: skip
from tallystick.risk.decision.language import RESERVED, ExpressionError

__all__ = [
    "Aggregate", "Feature", "SUM_MAX", "WindowKey", "WITHIN_MIN_MAX", "catalogue_of",
    "check_feature", "window_of",
]  # fmt: skip

Aggregate = Literal["count", "sum", "average", "distinct"]

WITHIN_MIN_MAX: Final = 90 * 24 * 60
SUM_MAX: Final = 2**53
"""Sums and averages end here: a refused try of all that 64 bits hold leaves rules that reckon with
them room to."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MINUTE_MS: Final = 60_000
_SHARED: Final = {
    "blacklist_hit": Kind.BOOLEAN, "blacklist_severity": Kind.NUMBER, "blacklist_reason": Kind.TEXT,
}  # fmt: skip


class Feature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A feature's definition.

    Args:
        by: the facts whose values together are the key; a command without one of them has 0.
        within_min: the window's length in minutes.
        of: for `distinct`, the fact whose different values are counted. `sum` and `average` are
            of `amount`, in minor units whatever the currency; an average is rounded down.
        where: a condition on the earlier commands; empty counts all.
    """

    name: str
    aggregate: Aggregate
    by: tuple[str, ...]
    within_min: int
    of: str = ""
    where: str = ""


class WindowKey(NamedTuple):
    """What features share that look at the same commands."""

    by: tuple[str, ...]
    where: str
    within_ms: int


def window_of(feature: Feature) -> WindowKey:
    """The window that a feature looks at."""
    return WindowKey(feature.by, feature.where, feature.within_min * _MINUTE_MS)


def check_feature(feature: Feature) -> None:
    """See that a definition can be kept up.

    Raises:
        ExpressionError: it cannot; names the field, and in `where` the column.
    """
    name = feature.name
    if not _NAME.fullmatch(name) or name in _taken():
        raise ExpressionError(f"{name!r} is no name for a feature, or is taken", None)
    if not feature.by or len(set(feature.by)) != len(feature.by):
        raise ExpressionError(f"{name}: by names one to three facts", None)
    unknown = [key for key in feature.by if key not in KEYS]
    if unknown or len(feature.by) > 3:
        raise ExpressionError(f"{name}: by is one to three of {', '.join(KEYS)}", None)
    if not 1 <= feature.within_min <= WITHIN_MIN_MAX:
        raise ExpressionError(f"{name}: within_min is 1 to {WITHIN_MIN_MAX}", None)
    if (feature.aggregate == "distinct") != (feature.of in KEYS):
        raise ExpressionError(f"{name}: of is for distinct, one of {', '.join(KEYS)}", None)
    if feature.where:
        try:
            checked(feature.where, PAST)
        except ExpressionError as error:
            raise error.inside(f"{name}: where") from error


def _taken() -> set[str]:
    return {*PAST, *GRAPH, *ANOMALY, *SHARED, *_listed(), SCORE, *RESERVED}


def _listed() -> list[str]:
    return [f"{kind}_{subject}" for kind in LISTED_KINDS for subject in LISTED]


def catalogue_of(features: Iterable[Feature]) -> Catalogue:
    """Every name that a rule can read: facts, lists, the graph, the score and features."""
    names = dict(FACTS) | _SHARED | dict.fromkeys(_listed(), Kind.BOOLEAN) | {SCORE: Kind.NUMBER}
    names |= dict.fromkeys((*GRAPH, *ANOMALY), Kind.NUMBER)
    return names | {feature.name: Kind.NUMBER for feature in features}
