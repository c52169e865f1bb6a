"""What the risk benchmark decides with: 40 features, 60 rules and a model; and events for them."""

from __future__ import annotations

import numpy as np
import polars as pl

from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.rules import Rule, RuleSet, Thresholds

__all__ = ["FEATURES", "RULES", "large_history", "rule_set"]

_HOUR, _DAY = 60, 24 * 60
_WINDOWS = ((10, "10m"), (_HOUR, "1h"), (_DAY, "1d"), (7 * _DAY, "7d"))


def _features() -> tuple[Feature, ...]:
    found: list[Feature] = []
    for key in ("party", "device", "address"):
        for minutes, label in _WINDOWS:
            found.append(
                Feature(name=f"{key}_n_{label}", aggregate="count", by=(key,), within_min=minutes)
            )
            found.append(
                Feature(name=f"{key}_sum_{label}", aggregate="sum", by=(key,), within_min=minutes)
            )
    for key, of in (("party", "device"), ("device", "party"), ("address", "party"),
                    ("merchant", "party")):  # fmt: skip
        for minutes, label in ((_HOUR, "1h"), (_DAY, "1d")):
            found.append(
                Feature(name=f"{key}_{of}s_{label}", aggregate="distinct", by=(key,), of=of,
                        within_min=minutes)
            )  # fmt: skip
    for minutes, label in _WINDOWS:
        found.append(
            Feature(name=f"pair_n_{label}", aggregate="count", by=("party", "merchant"),
                    within_min=minutes)
        )  # fmt: skip
        found.append(
            Feature(name=f"refused_n_{label}", aggregate="count", by=("party",),
                    within_min=minutes, where="result != 'accepted'")
        )  # fmt: skip
    return tuple(found)


FEATURES = _features()
assert len(FEATURES) == 40


def _rules() -> tuple[Rule, ...]:
    """Rules that hold now and then, and stop nothing: what is measured is deciding."""
    conditions: list[str] = []
    for number, feature in enumerate(FEATURES):
        limit = 50_000_000 if "_sum_" in feature.name else 5_000
        conditions.append(f"{feature.name} > {limit + number} && amount > 100")
    for minutes, label in _WINDOWS:
        conditions += [
            f"party_n_{label} > 20 && party_sum_{label} / party_n_{label} * 3 < amount",
            f"device != '' && device_n_{label} > {minutes} && kind in ['payment', 'transfer']",
            f"refused_n_{label} >= 3 || (score > 990 && pair_n_{label} == 0)",
            f"hour < 5 && amount > 1000000 && address_n_{label} > 100 && currency == 'CNY'",
            f"party_age_min < {minutes} && !(merchant == '') && amount > 90000000",
        ]
    return tuple(
        Rule(name=f"rule_{number}", when=when, action="points", points=1)
        for number, when in enumerate(conditions)
    )


RULES = _rules()
assert len(RULES) == 60


def rule_set() -> RuleSet:
    """All of it, without a model."""
    return RuleSet(rules=RULES, features=FEATURES, thresholds=Thresholds(deny=1_000_000))


def large_history(size: int, seed: int = 1) -> pl.DataFrame:
    """Events without a pattern, in the proportions of a payment platform: few large shops."""
    random = np.random.default_rng(seed)
    parties = max(100, size // 40)
    party = random.integers(0, parties, size)

    def named(prefix: str, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Expr:
        return (pl.lit(prefix) + pl.Series(numbers).cast(pl.String)).cast(pl.Categorical)

    fraud = (random.random(size) < 0.002).astype(np.int8)
    return pl.DataFrame(
        {
            "at_ms": 1_790_000_000_000 + np.cumsum(random.integers(0, 400, size)),
            "amount": random.lognormal(8, 1.2, size).astype(np.int64) + 1,
            "fraud": fraud,
            "party_age_min": random.integers(0, 500_000, size),
        }
    ).with_columns(
        pl.lit("payment").alias("kind"),
        pl.lit("CNY").alias("currency"),
        pl.when(pl.Series(random.random(size) < 0.03)).then(pl.lit("REFUSED"))
        .otherwise(pl.lit("accepted")).alias("result"),
        named("p", party).alias("party"),
        named("s", random.zipf(1.3, size) % 20_000).alias("merchant"),
        named("d", party + (random.random(size) < 0.1)).alias("device"),
        named("n", party // 3).alias("address"),
    )  # fmt: skip
