"""The places of the operators' console, in the order of its rail."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["INSTITUTION_AREA", "OPERATOR_AREA", "PLACES", "Place"]

OPERATOR_AREA: Final = "/console"
INSTITUTION_AREA: Final = "/institution"

_NAMES: Final = (
    "trades", "accounts", "trial_balance", "reports", "bookkeeping", "groups", "search",
    "reconciliation", "loans", "scoring", "funding", "collections", "risk", "fraud_graph",
    "blacklist", "notifications", "apps", "keys", "audit",
)  # fmt: skip


class Place(NamedTuple):
    """A page that the rail leads to."""

    name: str
    path: str


PLACES: Final = (
    Place("overview", OPERATOR_AREA),
    *(Place(name, f"{OPERATOR_AREA}/{name.replace('_', '-')}") for name in _NAMES),
)
