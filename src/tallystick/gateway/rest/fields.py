"""The kinds of value that requests and answers are made of, each with its form and an example.

Amounts are decimal texts with their currency beside them, never numbers with a point. Moments
are whole milliseconds since 1970 UTC. Patterns end with `\\Z`, the text's very end: `$` would let
a line end pass.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from tallystick.money.amount import MoneyError, format_amount, parse_amount
from tallystick.pipeline.refusals import Refused

__all__ = [
    "AmountText", "ApiKeyId", "AppId", "BankId", "Body", "Cursor", "Currency", "KeyId", "Limit",
    "MS_MAX", "Ms", "NoFields", "NotifyId", "OrderNo", "OrderText", "PartyId", "PaymentCodeText",
    "Query", "Settlement", "Shape", "SignedAmountText", "Url", "amount_of", "moment", "text_of",
]  # fmt: skip

MS_MAX: Final = (2**63 - 1) // 1_000_000
"""The last whole millisecond that the ledger's clock of nanoseconds has."""

AmountText = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?\Z",
        description="A decimal text, with at most as many decimals as the currency has.",
        examples=["12.30"],
    ),
]
SignedAmountText = Annotated[
    str,
    Meta(
        pattern=r"^-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,4})?\Z",
        description="A decimal text; negative where money went away.",
        examples=["-12.30"],
    ),
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}\Z", description="An ISO 4217 code.", examples=["CNY"])
]
PartyId = Annotated[
    str,
    Meta(
        pattern=r"^2088[0-9]{12}\Z", description="A party's number.", examples=["2088000000000101"]
    ),
]
AppId = Annotated[
    str,
    Meta(pattern=r"^[0-9]{16}\Z", description="An app's number.", examples=["2026000000000001"]),
]
OrderNo = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{28}\Z",
        description="A number that the platform gave: a date, then 20 digits.",
        examples=["2026112412345678901234567890"],
    ),
]
OrderText = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z",
        description="The caller's own number for it.",
        examples=["ORDER-1001"],
    ),
]
KeyId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z",
        description="A key's id.",
        examples=["key-5f2c9a71d3e0"],
    ),
]
ApiKeyId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z",
        description="An API key's id.",
        examples=["5f2c9a71d3e0"],
    ),
]
NotifyId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}\Z",
        description="A notification's id; every attempt carries the same.",
        examples=["2026112400222120000000000000000001"],
    ),
]
BankId = Annotated[
    str, Meta(pattern=r"^[0-9]{1,12}\Z", description="A bank's number.", examples=["1"])
]
PaymentCodeText = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{16,24}\Z",
        description="The digits under the code that a buyer shows.",
        examples=["280000000000000101"],
    ),
]
Url = Annotated[
    str,
    Meta(
        pattern=r"^(https?://[!-~]{1,500})?\Z",
        description="An http or https address, or empty.",
        examples=["https://shop.example/notify"],
    ),
]
Ms = Annotated[
    int,
    Meta(
        ge=0,
        le=MS_MAX,
        description="Milliseconds since 1970 UTC.",
        examples=[1795516800000],
    ),
]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many at most.", examples=[20])]
Cursor = Annotated[
    str,
    Meta(
        max_length=400,
        description="`next_cursor` of the page before; empty for the first page.",
        examples=[""],
    ),
]
Settlement = Literal["escrow", "instant"]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what a request carries; a field that is not documented is refused by name."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of a request's query parameters; one that is not documented is refused by name."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is answered."""


class NoFields(Body, frozen=True, kw_only=True):
    """Nothing; the body may be left out."""


def amount_of(text: str, currency: str, *, allow_zero: bool = False) -> int:
    """Minor units of an amount in a request, exactly.

    Raises:
        Refused: INVALID_AMOUNT, or INVALID_PARAMETER for a currency that is not known.
    """
    try:
        return parse_amount(text, currency, allow_zero=allow_zero)
    except MoneyError as error:
        unknown = error.reason == "unknown_currency"
        code = "INVALID_PARAMETER" if unknown else "INVALID_AMOUNT"
        raise Refused(code, f"{error}.") from error


def text_of(amount: int, currency: str) -> str:
    """Minor units as an answer shows them."""
    return format_amount(amount, currency)


def moment(ms: int) -> int | None:
    """A stored moment as an answer shows it: null until it is known."""
    return ms or None
