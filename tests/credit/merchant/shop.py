"""A shop whose sales repay a loan, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.payments.market import (
    ALICE,
    APP,
    APP_ID,
    CODES,
    OTHER_SELLER,
    SHOP,
    Market,
    as_party,
    market,
)
from tests.platform_parts import Clock

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import DefineLoanProduct, LateTerms, ProductTerms
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.merchant import service as merchant
from tallystick.credit.merchant.model import DrawMerchantLoan, MerchantPolicy, SetMerchantPolicy
from tallystick.credit.receivables import service as receivables
from tallystick.payments.trades.model import CreateTrade, PayTrade
from tallystick.payments.wallet.model import TransferBetweenWallets
from tallystick.pipeline.commands import Registry

__all__ = [
    "OFFER", "POLICY", "PRODUCT", "TERMS", "draw", "empty_wallet", "go_to", "history", "sell",
    "shop_at",
]  # fmt: skip

PRODUCT = "sales"
TERMS = ProductTerms(
    annual_rate=Decimal("0.12"), counts=(6,), amount_min=1_000, amount_max=10_000_000,
    late=LateTerms(retry_hours=(9,)),
)  # fmt: skip
POLICY = MerchantPolicy(
    months_looked=4, months_min=3, share_rate=Decimal("0.1"), multiple=Decimal("1.5"),
)  # fmt: skip
OFFER = 150_000
"""What `history` lets the shop draw: one and a half months of 100,000."""


def go_to(parts: Market, day: str, hours: int = 12) -> None:
    """Let time pass, and every timer in it."""
    parts.clock.now_ms = collect_ms(date.fromisoformat(day), hours)
    while parts.run_timers():
        pass


def sell(parts: Market, number: str, amount: int, **order: Any) -> Any:
    """Sell and settle at once; the fee of five percent is off what the shop gets."""
    parts.fund(ALICE, amount, number)
    wanted = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=amount, subject="Tea",
        **{"settlement": "instant", **order},
    )  # fmt: skip
    command = PayTrade(app_id=APP_ID, order=wanted, payment_code_index=CODES[ALICE])
    return parts.accept(command, APP)


def history(parts: Market, amount: int = 100_000) -> None:
    """Sales in each of the four whole months before June 2027."""
    for month in ("2027-02", "2027-03", "2027-04", "2027-05"):
        go_to(parts, f"{month}-10")
        sell(parts, f"H{month}", amount)


def draw(parts: Market, amount: int = OFFER, *, refused: bool = False, **who: Any) -> Any:
    """The shop draws."""
    command = DrawMerchantLoan(
        **{"merchant_id": SHOP, "product_id": PRODUCT, "amount": amount, "count": 6, **who}
    )
    caller = as_party(command.merchant_id)
    return parts.refuse(command, caller) if refused else parts.accept(command, caller)


def empty_wallet(parts: Market, name: str) -> None:
    """Nothing is left in the shop's wallet."""
    amount = parts.available(SHOP)
    if amount:
        away = TransferBetweenWallets(
            payer_id=SHOP, payee_id=OTHER_SELLER, amount=amount, out_biz_no=name, title="away"
        )
        parts.accept(away, as_party(SHOP))


@contextmanager
def shop_at(
    folder: Path, policy: MerchantPolicy = POLICY, more: Sequence[Callable[[Registry], None]] = ()
) -> Iterator[Market]:
    """A market with the product, in January 2027."""
    clock = Clock(collect_ms(date(2027, 1, 20), 12))
    with market(
        folder, clock, more=(loans.register, merchant.register, receivables.register, *more)
    ) as made:
        made.accept(DefineLoanProduct(product_id=PRODUCT, name="On sales", terms=TERMS))
        made.accept(SetMerchantPolicy(product_id=PRODUCT, policy=policy))
        yield made
