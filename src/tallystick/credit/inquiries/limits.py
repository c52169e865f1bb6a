"""What a person may owe in all, from score, income and exposure: a pure function of a policy."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from tallystick.money.rate import Rounding, apply_rate
from tallystick.pipeline.refusals import Refused

__all__ = ["Band", "Exposure", "Income", "Limit", "LimitPolicy", "limit_of", "require_policy"]

_DAY_MS: Final = 86_400_000
_SCORE_MAX: Final = 950


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What people with a score from `score_from` on may owe.

    Args:
        months: of their income.
        amount_max: minor units, whatever the income.
        deposit_max: minor units that need not be deposited, for a hold by score.
    """

    score_from: int
    months: Decimal
    amount_max: int
    deposit_max: int = 0


class LimitPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How limits are set in one currency.

    Args:
        bands: the one with the highest `score_from` that a score reaches holds.
        declared_share: of an income that nobody has verified.
        unknown_income: a month, minor units, where nothing is known.
        exposure_max: nobody owes more; in China online consumer credit of banks has 200,000 CNY
            a person (CBIRC 2020, article 6).
        score_valid_days: an older score does not count.
    """

    currency: str = "CNY"
    bands: tuple[Band, ...] = (
        Band(score_from=550, months=Decimal(1), amount_max=5_000_00, deposit_max=500_00),
        Band(score_from=600, months=Decimal(3), amount_max=50_000_00, deposit_max=1_000_00),
        Band(score_from=650, months=Decimal(6), amount_max=200_000_00, deposit_max=3_000_00),
    )
    declared_share: Decimal = Decimal("0.5")
    unknown_income: int = 0
    exposure_max: int = 200_000_00
    score_valid_days: int = 90


class Income(msgspec.Struct, frozen=True):
    """What a person earns a month, minor units, and whether somebody saw a proof."""

    monthly: int
    is_verified: bool


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What a person owes, by kind of product; minor units of principal."""

    pay_later: int = 0
    loans: int = 0
    joint: int = 0
    deposits: int = 0
    """Deposits that were left out because of the score."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.pay_later + self.loans + self.joint + self.deposits


class Limit(msgspec.Struct, frozen=True):
    """What a person may owe, owes, and may still draw; and what held the limit down.

    `reason` is `no_score`, `score_old`, `score_low`, `income`, `band` or `person`.
    """

    total: int
    exposure: Exposure
    available: int
    deposit_max: int
    reason: str


def _monthly(policy: LimitPolicy, income: Income | None) -> int:
    if income is None:
        return policy.unknown_income
    if income.is_verified:
        return income.monthly
    return apply_rate(income.monthly, policy.declared_share, Rounding.DOWN)


def _band(policy: LimitPolicy, score: int, age_ms: int) -> tuple[Band | None, str]:
    if not score:
        return None, "no_score"
    if age_ms > policy.score_valid_days * _DAY_MS:
        return None, "score_old"
    reached = [band for band in policy.bands if band.score_from <= score]
    if not reached:
        return None, "score_low"
    return max(reached, key=lambda band: band.score_from), ""


def limit_of(
    policy: LimitPolicy, score: int, age_ms: int, income: Income | None, exposure: Exposure
) -> Limit:
    """What a person may owe and still draw.

    Args:
        score: 350 to 950; 0 for none.
        age_ms: how old it is.
    """
    band, reason = _band(policy, score, age_ms)
    if band is None:
        return Limit(0, exposure, 0, 0, reason)
    by_income = apply_rate(_monthly(policy, income), band.months, Rounding.DOWN)
    found = [(by_income, "income"), (band.amount_max, "band"), (policy.exposure_max, "person")]
    total, reason = min(found, key=lambda pair: pair[0])
    return Limit(total, exposure, max(0, total - exposure.total), band.deposit_max, reason)


def require_policy(policy: LimitPolicy) -> None:
    """See that a policy can be followed.

    Raises:
        Refused: CREDIT_TERMS_INVALID, with the field.
    """
    firsts = [band.score_from for band in policy.bands]
    if not firsts or firsts != sorted(set(firsts)) or not 1 <= firsts[0] <= _SCORE_MAX:
        raise Refused("CREDIT_TERMS_INVALID", "bands: rising scores.")
    for band in policy.bands:
        months_fit = band.months.is_finite() and 0 <= band.months <= 120
        if not months_fit or band.amount_max < 0 or band.deposit_max < 0:
            raise Refused("CREDIT_TERMS_INVALID", f"band {band.score_from}: months 0 to 120.")
    share = policy.declared_share
    if not (share.is_finite() and 0 <= share <= 1):
        raise Refused("CREDIT_TERMS_INVALID", "declared_share: 0 to 1.")
    if policy.unknown_income < 0 or policy.exposure_max < 0 or policy.score_valid_days < 1:
        raise Refused("CREDIT_TERMS_INVALID", "unknown_income, exposure_max, score_valid_days.")
