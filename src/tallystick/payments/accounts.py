"""Which ledger account stands for what in payments."""

from __future__ import annotations

from functools import lru_cache

from tallystick.ledger.chart import (
    BANK_RESERVE,
    CUSTOMER_WALLET,
    FEE_INCOME,
    INSTITUTION_SETTLEMENT,
    MERCHANT_WALLET,
    PLATFORM_ENTITY,
    TRADE_ESCROW,
    book_id,
)
from tallystick.parties.model import Party, PartyKind
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.refusals import Refused

__all__ = [
    "account_at_banks",
    "bank_reserve",
    "fee_income",
    "platform_book",
    "trade_escrow",
    "wallet",
]


@lru_cache(maxsize=256)
def platform_book(currency: str) -> int:
    """The platform's book of a currency.

    Raises:
        Refused: INVALID_PARAMETER for a currency that ISO 4217 does not know.
    """
    try:
        return book_id(PLATFORM_ENTITY, currency)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", f"currency {currency!r} is not known") from error


def wallet(party: Party, currency: str) -> AccountRef:
    """A party's wallet in a currency.

    Raises:
        Refused: NOT_PERMITTED for an institution, which has none.
    """
    if party.kind is PartyKind.INSTITUTION:
        raise Refused("NOT_PERMITTED", "An institution has no wallet.")
    entry = MERCHANT_WALLET if party.kind is PartyKind.MERCHANT else CUSTOMER_WALLET
    return AccountRef(entry, party.party_id, platform_book(currency))


def account_at_banks(party: Party, currency: str) -> AccountRef:
    """The account that a party's bank orders are for: its wallet, or how it is settled with."""
    if party.kind is PartyKind.INSTITUTION:
        return AccountRef(INSTITUTION_SETTLEMENT, party.party_id, platform_book(currency))
    return wallet(party, currency)


def trade_escrow(trade_no: str, currency: str) -> AccountRef:
    """The account that holds one trade's money."""
    return AccountRef(TRADE_ESCROW, trade_no, platform_book(currency))


def fee_income(currency: str) -> AccountRef:
    """What the platform earned in fees."""
    return AccountRef(FEE_INCOME, "0", platform_book(currency))


def bank_reserve(bank_id: str, currency: str) -> AccountRef:
    """The platform's money at a bank."""
    return AccountRef(BANK_RESERVE, bank_id, platform_book(currency))
