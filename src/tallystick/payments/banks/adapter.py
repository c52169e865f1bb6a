"""What the platform asks of a bank: take an order, say what became of it.

The rule on both sides is one order id, one movement of money: an order is sent as often as
needed under the same id, and the bank treats an id that it knows as the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tallystick.payments.wallet.model import BankOrder

__all__ = ["BankAdapter", "BankReply", "BankUnreachable", "LateReply", "UnknownAtBank"]


class BankReply(NamedTuple):
    """The bank's word on an order: `reference` is the bank's own number for the payment."""

    accepted: bool
    reference: str
    reason: str = ""


class LateReply(NamedTuple):
    """A reply that came by itself, some time after the order."""

    order_id: str
    reply: BankReply


class BankUnreachable(Exception):
    """The bank could not be asked; it may or may not have the order."""


class UnknownAtBank(Exception):
    """The bank was asked about an order that never reached it."""


class BankAdapter(Protocol):
    """One bank's interface. Every method may raise BankUnreachable."""

    async def send(self, order: BankOrder) -> BankReply | None:
        """Hand over an order, for the first time or again; None: the answer comes later."""
        ...

    async def query(self, order: BankOrder) -> BankReply | None:
        """Ask what became of an order; None: nothing yet.

        Raises:
            UnknownAtBank: the order has to be sent again.
        """
        ...

    async def collect(self) -> Sequence[LateReply]:
        """The replies that came by themselves since the last call.

        One that is lost on the way is found again by `query`.
        """
        ...
