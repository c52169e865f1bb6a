"""Credit: what a loan costs, for anybody who asks."""

from __future__ import annotations

from typing import Final

from tallystick.credit.schedules.offer import Offer, quote
from tallystick.credit.schedules.quote import QuoteRequest
from tallystick.gateway.rest.operation import Operation, calculation

__all__ = ["CREDIT_OPERATIONS"]

_QUOTE: Final = {
    "principal": "100.00", "annual_rate": "0.094822", "day_count": "30/360",
    "start": "2024-01-01", "every": [1, "month"], "count": 6, "method": "equal_instalment",
    "drawdowns": [["2024-02-15", "100.00"]], "fees": {"up_front": "1.00"},
}  # fmt: skip

CREDIT_OPERATIONS: Final[tuple[Operation, ...]] = (
    calculation(
        "/v1/credit/quote",
        "quote_loan",
        tag="Credit",
        summary="Calculate a loan",
        description=(
            "The schedule, the all-in yearly rate and the cost of a loan. Nothing is kept."
        ),
        body=QuoteRequest,
        calculate=quote,
        answer=Offer,
        refusals=(
            "CREDIT_PREPAYMENT_AMOUNT", "CREDIT_RATE_ABOVE_CEILING", "CREDIT_TERMS_INVALID",
            "INVALID_AMOUNT", "INVALID_PARAMETER",
        ),
        example=_QUOTE,
    ),
)  # fmt: skip
