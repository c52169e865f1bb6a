"""Business content of the credit methods; see `schemas_trade` for the conventions."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tallystick.gateway.alipay.schemas_trade import Id, OptionalId, Text, require_one

__all__ = ["Person", "ZhimaScoreBriefGet", "ZhimaScoreGet", "ZhimaWatchlistGet"]

Score = Annotated[int, Meta(ge=350, le=950)]


class ZhimaScoreGet(Struct, frozen=True, kw_only=True):
    """`zhima.credit.score.get`; whose score it is, `auth_token` says: the consent's number."""

    transaction_id: Id
    product_code: OptionalId = None


class Person(Struct, frozen=True, kw_only=True):
    """About whom; `cert_type` is `ALIPAY_USER_ID`, no documents are kept here."""

    transaction_id: Id
    cert_type: Literal["ALIPAY_USER_ID"] = "ALIPAY_USER_ID"
    cert_no: OptionalId = None
    open_id: OptionalId = None
    name: Text = None
    product_code: OptionalId = None

    def __post_init__(self) -> None:
        require_one(self, "cert_no", "open_id")


class ZhimaScoreBriefGet(Person, frozen=True, kw_only=True):
    """`zhima.credit.score.brief.get`: does the score reach so much?"""

    admittance_score: Score
    linked_merchant_id: OptionalId = None


class ZhimaWatchlistGet(Person, frozen=True, kw_only=True):
    """`zhima.credit.watchlist.brief.get`."""
