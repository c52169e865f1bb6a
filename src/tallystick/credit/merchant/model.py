"""Loans to merchants: the policy, what history says, the share of sales; commands and replies."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

from tallystick.credit.loans.model import LoanDone
from tallystick.credit.schedules.terms import Effect
from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "Assessment", "CheckMonthlyFloor", "DrawMerchantLoan", "MerchantLoan", "MerchantPolicy",
    "MerchantProduct", "PolicyDone", "SalesMonth", "SalesShare", "SetMerchantPolicy", "ShareDone",
    "SweepShares", "policy_of",
]  # fmt: skip


class MerchantPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How an offer follows from sales, and how sales repay. Amounts in minor units.

    Args:
        months_looked: so many whole months before this one are looked at.
        months_min: the last so many of them must each have sales.
        monthly_min: the least that is sold in a month on average, refunds taken off.
        refund_rate_max: the most that buyers got back, of what was sold.
        trend_min: what the later half sells a month, of what the earlier half sells.
        multiple: the offer, in average months.
        exposure_max: the most that a merchant owes over all loans and receivables.
        share_rate: what of each settlement repays the loan.
        floor_rate: what is repaid a month at least, of what was drawn; the wallet makes up for
            sales that fall short of it.
        effect: what the share changes of the schedule.
    """

    months_looked: int = 6
    months_min: int = 3
    monthly_min: int = 0
    refund_rate_max: Decimal = Decimal("0.2")
    trend_min: Decimal = Decimal("0.5")
    multiple: Decimal = Decimal("1.5")
    exposure_max: int = 10**12
    share_rate: Decimal = Decimal("0.1")
    floor_rate: Decimal = Decimal(0)
    effect: Effect = Effect.LOWER


class SalesMonth(NamedTuple):
    """What a merchant sold in a month.

    Args:
        month: `yyyy-mm` in China.
        trades: how many were settled; `volume` is their amount, in minor units.
        refunded: what went back to buyers in the month.
    """

    month: str
    trades: int = 0
    volume: int = 0
    refunded: int = 0


class Assessment(NamedTuple):
    """What a merchant may draw, and the figures that say so; amounts in minor units.

    Args:
        average: sold a month, refunds taken off.
        refund_rate: refunds of what was sold, in parts of 10,000.
        trend: what the later half sells a month of what the earlier one sells, likewise; None
            where the earlier half sold nothing.
        exposure: what is owed already.
    """

    amount: int
    average: int
    refund_rate: int
    trend: int | None
    exposure: int
    months: tuple[SalesMonth, ...]


class MerchantProduct(Row, frozen=True):
    """A loan product that merchants get by their sales. `policy` is JSON of `MerchantPolicy`."""

    product_id: str
    policy: str
    changed_ms: int


class MerchantLoan(Row, frozen=True):
    """How a merchant's loan is repaid by sales.

    Args:
        policy: JSON of the policy that it was drawn by.
        floor: to be repaid a month at least, in minor units.
        settled: what of settlements reached the merchant since it was drawn.
        taken: what was taken of that.
    """

    loan_id: str
    merchant_id: str
    currency: str
    policy: str
    floor: int
    settled: int
    taken: int
    is_open: bool


class SalesShare(Row, frozen=True):
    """What a loan took of one trade's settlement; amounts in minor units."""

    trade_no: str
    loan_id: str
    settled: int
    taken: int
    at_ms: int


MERCHANT_PRODUCTS = Table("merchant_product", MerchantProduct, ("product_id",))
MERCHANT_LOANS = Table("merchant_loan", MerchantLoan, ("loan_id",))
SALES_SHARES = Table("sales_share", SalesShare, ("trade_no",))


def policy_of(row: MerchantProduct | MerchantLoan) -> MerchantPolicy:
    """The policy that a row keeps."""
    return decode_json(row.policy, MerchantPolicy)


class SetMerchantPolicy(Command, frozen=True, kw_only=True, tag="credit.set_merchant_policy"):
    """Offer a product to merchants by their sales, or change how."""

    product_id: str
    policy: MerchantPolicy


class DrawMerchantLoan(Command, frozen=True, kw_only=True, tag="credit.draw_merchant_loan"):
    """Draw a loan that the merchant's sales allow into its wallet, repaid in `count` payments."""

    merchant_id: str
    product_id: str
    amount: int
    count: int


class SweepShares(Command, frozen=True, kw_only=True, tag="credit.sweep_shares"):
    """Pay a loan with the shares that were collected for it (asked for by a timer)."""

    loan_id: str


class CheckMonthlyFloor(Command, frozen=True, kw_only=True, tag="credit.check_monthly_floor"):
    """Make up for a month in which sales repaid too little (asked for by a timer).

    Args:
        month: counted from the drawdown, from 1.
    """

    loan_id: str
    month: int


class PolicyDone(Reply, frozen=True, kw_only=True):
    """The product as it is offered now."""

    product_id: str


class ShareDone(LoanDone, frozen=True, kw_only=True):
    """A loan after its merchant's shares paid it; minor units.

    Args:
        missing: what is missing from the month's floor.
    """

    missing: int = 0
