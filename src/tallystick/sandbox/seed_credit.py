"""The sandbox's credit products, and the lines that its buyers have."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from tallystick.credit.loans.model import (
    DefineLoanProduct,
    GrantCreditLine,
    LateTerms,
    PayLaterTerms,
    ProductTerms,
)
from tallystick.credit.merchant.model import MerchantPolicy, SetMerchantPolicy
from tallystick.credit.pay_later.model import PAY_LATER
from tallystick.credit.receivables.model import DefineReceivableTerms, ReceivableTerms
from tallystick.pipeline.commands import Command

__all__ = ["credit_steps"]

_CASH: Final = "cash"
_SALES: Final = "on-sales"
_INVOICES: Final = "invoices"
_DAILY: Final = Decimal("0.0005") * 365
_LINES: Final = {PAY_LATER: 5_000_00, _CASH: 20_000_00}


def credit_steps(borrowers: list[str]) -> dict[str, Command]:
    """The commands by their request ids: two products, and a line of each for each borrower."""
    later = ProductTerms(
        annual_rate=Decimal(0),
        counts=(1,),
        amount_max=_LINES[PAY_LATER],
        late=LateTerms(penalty_rate=_DAILY),
        pay_later=PayLaterTerms(minimum_floor=10_00, late_fee=10_00),
    )
    cash = ProductTerms(
        annual_rate=Decimal("0.1095"),
        counts=(3, 6, 12),
        amount_min=100_00,
        amount_max=_LINES[_CASH],
        ceiling=Decimal("0.24"),
        ceiling_source="judicial ceiling",
        late=LateTerms(penalty_rate=Decimal("0.16425")),
    )
    steps: dict[str, Command] = {
        "credit-later": DefineLoanProduct(product_id=PAY_LATER, name="Pay later", terms=later),
        "credit-cash": DefineLoanProduct(product_id=_CASH, name="Cash loan", terms=cash),
    }
    on_sales = msgspec.structs.replace(cash, amount_min=1000_00, amount_max=100_000_00)
    steps |= {
        "credit-sales": DefineLoanProduct(product_id=_SALES, name="Loan on sales", terms=on_sales),
        "credit-sales-policy": SetMerchantPolicy(product_id=_SALES, policy=MerchantPolicy()),
        "credit-invoices": DefineReceivableTerms(
            product_id=_INVOICES, terms=ReceivableTerms(seller_max=50_000_00, debtor_max=20_000_00)
        ),
    }
    for borrower_id in borrowers:
        for product_id, amount in _LINES.items():
            steps[f"credit-line-{product_id}-{borrower_id}"] = GrantCreditLine(
                borrower_id=borrower_id, product_id=product_id, amount=amount
            )
    return steps
