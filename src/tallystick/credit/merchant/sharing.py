"""Whose sales repay a loan, kept in memory, so that the settlements of all others ask nothing."""

from __future__ import annotations

import msgspec

from tallystick.credit.merchant.model import MerchantLoan
from tallystick.decoding import decode_json
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["Sharing"]


class _Drawn(msgspec.Struct):
    merchant_id: str


class Sharing:
    """The merchants who have, or had, such a loan since the start; a merchant too many is harmless,
    since the rows decide.

    Another process on the same database hears of a new loan right after it is durable; what is
    settled there in between is not shared.
    """

    def __init__(self) -> None:
        self._merchants: set[str] | None = None

    def anybody(self, uow: UnitOfWork) -> bool:
        """Whether anybody's sales repay a loan; the first time it is looked up."""
        if self._merchants is None:
            self._merchants = {m.merchant_id for m in uow.select(MerchantLoan, is_open=True)}
        return bool(self._merchants)

    def has(self, merchant_id: str) -> bool:
        """Whether this merchant's sales may repay a loan."""
        return self._merchants is not None and merchant_id in self._merchants

    def drawn(self, uow: UnitOfWork, happened: Event) -> None:
        """A loan was just drawn in this unit of work: settlements of the same batch share."""
        self.follow(happened)

    def follow(self, happened: Event) -> None:
        """A loan was drawn, here or in another process."""
        if self._merchants is not None and happened.topic == "merchant_loan.drawn":
            payload = decode_json(happened.payload, _Drawn)
            self._merchants.add(payload.merchant_id)
