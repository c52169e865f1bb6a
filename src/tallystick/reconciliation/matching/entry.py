"""A row of one side of a reconciliation."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Entry"]


class Entry(NamedTuple):
    """A row of a side, as the columns' `SCHEMA` describes it."""

    id: str
    day: int
    amount: int
    currency: str
    reference: str = ""
    bank_reference: str = ""
    counterparty: str = ""
