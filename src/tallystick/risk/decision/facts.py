"""Facts: what is known of a command when it is decided, under the same names everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.money.china_time import CHINA_OFFSET_MIN
from tallystick.risk.decision.checking import Kind

__all__ = [
    "ANOMALY", "FACTS", "GRAPH", "KEYS", "LISTED", "LISTED_KINDS", "OBSERVED", "PAST", "SCORE",
    "SHARED", "TOLD", "Facts", "fact_values", "hour_of",
]  # fmt: skip

_HOUR_MS: Final = 3_600_000


class Facts(NamedTuple):
    """A command in the words of risk; an empty text is "not known".

    Args:
        kind: what is done (`payment`, `transfer`, `withdrawal`, …).
        amount: minor units of `currency`; 0 where no money moves.
        party: whose money goes out, or whose account is changed.
        payee: who gets it.
        merchant: the merchant of the app through which it came.
        card: a token for the card or the bank account; never its number.
        party_age_min: minutes since the party was registered.
    """

    kind: str
    amount: int = 0
    currency: str = ""
    party: str = ""
    payee: str = ""
    merchant: str = ""
    app: str = ""
    device: str = ""
    card: str = ""
    address: str = ""
    party_age_min: int = 0


FACTS: Final = {
    "kind": Kind.TEXT, "amount": Kind.NUMBER, "currency": Kind.TEXT, "party": Kind.TEXT,
    "payee": Kind.TEXT, "merchant": Kind.TEXT, "app": Kind.TEXT, "device": Kind.TEXT,
    "card": Kind.TEXT, "address": Kind.TEXT, "party_age_min": Kind.NUMBER, "hour": Kind.NUMBER,
}  # fmt: skip
"""The names that a rule can read of a command itself; `hour` is 0 to 23 in China time."""

PAST: Final = FACTS | {"outcome": Kind.TEXT, "result": Kind.TEXT}
"""What the filter of a feature can read of an earlier command: also what became of it."""

KEYS: Final = ("party", "payee", "merchant", "app", "device", "card", "address", "currency", "kind")
"""The facts by which features can be kept, alone or together."""

LISTED: Final = ("party", "payee", "merchant", "device", "card", "address")
LISTED_KINDS: Final = ("block", "allow", "watch")

SHARED: Final[dict[str, int | str | bool]] = {
    "blacklist_hit": False, "blacklist_severity": 0, "blacklist_reason": "",
}  # fmt: skip
"""What the shared blacklist says of the party, the payee, the device or the card: the gravest.

The values are those when nobody is listed.
"""

_UNKNOWN_STANDING: Final = {
    "component_size": 1, "steps_from_blocked": 4, "device_accounts": 0, "payers_7d": 0,
    "payees_7d": 0, "association": 0,
}  # fmt: skip

GRAPH: Final[dict[str, int]] = {
    f"graph_{subject}_{name}": value
    for subject in ("party", "payee")
    for name, value in _UNKNOWN_STANDING.items()
}
"""What the fraud graph knows of the accounts of both sides, as `risk.graph.standing` gives it, and
what it says of one that it does not know."""

ANOMALY: Final[dict[str, int]] = {"anomaly_level": 0}
"""How gravely the watch over accounts warns of the party: 1 notice, 2 warning, 3 alarm; 0 not
at all."""

TOLD: Final[dict[str, int | str | bool]] = {**SHARED, **GRAPH, **ANOMALY}
"""What others know of a command, with what stands for not known. Over history it is what the record
of the decision was told, where a rule in force read it."""

OBSERVED: Final = frozenset({"sign_in_wrong", "payment_password_wrong", "operator_sign_in_wrong"})
"""Kinds that are counted and judged but never stopped: who counts wrong tries must go on."""

SCORE: Final = "score"
"""The model's answer, 0 to 1000; 0 without a model."""


def fact_values(facts: Facts, at_ms: int) -> dict[str, int | str | bool]:
    """The facts by name."""
    values: dict[str, int | str | bool] = facts._asdict()
    values["hour"] = hour_of(at_ms)
    return values


def hour_of(at_ms: int) -> int:
    """The hour of the day in China time, 0 to 23."""
    return (at_ms + CHINA_OFFSET_MIN * 60_000) // _HOUR_MS % 24
