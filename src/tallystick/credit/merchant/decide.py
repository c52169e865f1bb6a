"""What sales allow and what a settlement repays: pure functions of figures and a policy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from tallystick.credit.loans.model import LoanEvent, LoanEventKind, ProductTerms
from tallystick.credit.merchant.model import Assessment, MerchantPolicy, SalesMonth
from tallystick.credit.schedules.check import require_rate
from tallystick.pipeline.refusals import Refused

__all__ = [
    "assess", "floor_day", "months_before", "paid_between", "require_policy", "share_wanted",
]  # fmt: skip

_PARTS: Final = 10_000
_MONTHS_MAX: Final = 24
_MONTHS: Final = 12


def require_policy(policy: MerchantPolicy, terms: ProductTerms) -> None:
    """See that a policy can be kept.

    Raises:
        Refused: CREDIT_TERMS_INVALID; the detail names the field.
    """
    for name in ("refund_rate_max", "trend_min", "multiple", "share_rate", "floor_rate"):
        require_rate(name, getattr(policy, name))
    wrong = {
        f"months_looked: 1 to {_MONTHS_MAX}": not 1 <= policy.months_looked <= _MONTHS_MAX,
        "months_min: at most months_looked": not 1 <= policy.months_min <= policy.months_looked,
        "multiple: above 0": policy.multiple <= 0,
        "share_rate: above 0, at most 1": not 0 < policy.share_rate <= 1,
        "floor_rate: 0 to 1": not 0 <= policy.floor_rate <= 1,
        "monthly_min, exposure_max: not negative": min(policy.monthly_min, policy.exposure_max) < 0,
        "prepayment_rate: nothing, since sales pay early": terms.prepayment_rate != 0,
        "pay_later: it pays purchases": terms.pay_later is not None,
    }
    for detail, is_wrong in wrong.items():
        if is_wrong:
            raise Refused("CREDIT_TERMS_INVALID", f"{detail}.")


def months_before(day: date, count: int) -> list[str]:
    """The whole months before the one of a day, as `yyyy-mm`, oldest first."""
    last = day.year * _MONTHS + day.month - 1
    return [f"{m // _MONTHS:04}-{m % _MONTHS + 1:02}" for m in range(last - count, last)]


def _whole(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))


def _net(months: Sequence[SalesMonth]) -> int:
    return sum(m.volume - m.refunded for m in months)


def _trend(months: Sequence[SalesMonth]) -> int | None:
    """What the later half sells a month of what the earlier one does, in parts of 10,000."""
    half = len(months) // 2
    earlier, later = months[:half], months[half:]
    before = _net(earlier)
    return None if before <= 0 else _net(later) * half * _PARTS // (before * len(later))


def assess(
    policy: MerchantPolicy, terms: ProductTerms, months: Sequence[SalesMonth], exposure: int
) -> Assessment:
    """What a merchant may draw now.

    Args:
        months: the policy's `months_looked`, oldest first.
        exposure: what the merchant owes already, in minor units.

    Raises:
        Refused: MERCHANT_HISTORY_SHORT, MERCHANT_SALES_TOO_LOW, MERCHANT_REFUNDS_TOO_HIGH,
            MERCHANT_SALES_FALLING, MERCHANT_EXPOSURE_TOO_HIGH.
    """
    with_sales = sum(1 for m in months[-policy.months_min :] if m.trades)
    if with_sales < policy.months_min:
        raise Refused(
            "MERCHANT_HISTORY_SHORT",
            f"{with_sales} of the last {policy.months_min} months have sales.",
        )
    volume = sum(m.volume for m in months)
    refunded = sum(m.refunded for m in months)
    average = max(0, _net(months)) // len(months)
    if average < policy.monthly_min:
        raise Refused("MERCHANT_SALES_TOO_LOW")
    if refunded > policy.refund_rate_max * volume:
        raise Refused("MERCHANT_REFUNDS_TOO_HIGH")
    trend = _trend(months)
    if trend is not None and trend < policy.trend_min * _PARTS:
        raise Refused("MERCHANT_SALES_FALLING")
    by_sales = min(_whole(average * policy.multiple), terms.amount_max)
    amount = min(by_sales, policy.exposure_max - exposure)
    if amount < terms.amount_min:
        reason = "SALES_TOO_LOW" if by_sales < terms.amount_min else "EXPOSURE_TOO_HIGH"
        raise Refused(f"MERCHANT_{reason}")
    rate = refunded * _PARTS // volume if volume else 0
    return Assessment(amount, average, rate, trend, exposure, tuple(months))


def share_wanted(rate: Decimal, settled: int, taken: int) -> int:
    """What is to be taken so that the share of all settlements so far is, rounded down as it
    adds up: their order makes no difference."""
    return max(0, _whole(rate * settled) - taken)


def floor_day(drawn: date, month: int) -> date:
    """The day on which the floor of a month is looked at, counted from the drawdown from 1.

    A day that its month does not have is the month's last before the 29th.
    """
    at = drawn.year * _MONTHS + drawn.month - 1 + month
    return date(at // _MONTHS, at % _MONTHS + 1, min(drawn.day, 28))


def paid_between(events: Sequence[LoanEvent], begin: date, end: date) -> int:
    """What was paid on a loan from a day on and before another, what was taken back aside."""
    back = {e.detail for e in events if e.kind is LoanEventKind.REVERSAL}
    return sum(
        e.amount
        for e in events
        if e.kind is LoanEventKind.PAYMENT
        and str(e.step) not in back
        and begin.isoformat() <= e.day < end.isoformat()
    )
