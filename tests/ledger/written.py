"""Accounts and transfers as the conformance histories write them."""

from __future__ import annotations

from typing import Any

from tallystick.ledger.model import AMOUNT_MAX, ID_MAX, Account, Transfer


def _fields(given: dict[str, Any]) -> dict[str, int]:
    return {
        "book" if name == "ledger" else name: (AMOUNT_MAX if name == "amount" else ID_MAX)
        if value == "max"
        else value
        for name, value in given.items()
    }


def account_of(given: dict[str, Any], timestamp: int) -> Account:
    return Account(**_fields(given), timestamp=timestamp)


def transfer_of(given: dict[str, Any]) -> Transfer:
    return Transfer(**_fields(given))
