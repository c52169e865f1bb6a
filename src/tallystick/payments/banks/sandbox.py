"""The sandbox's banks: one adapter, with a behaviour for every way a real bank can answer.

The behaviour follows from the bank's id (`directory.BANKS`), and a reply from the order alone,
so an order that is asked about twice, or again after a restart, gets the same reply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from tallystick.payments.banks.adapter import (
    BankAdapter,
    BankReply,
    BankUnreachable,
    LateReply,
    UnknownAtBank,
)
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.wallet.model import BankOrder

__all__ = ["BEHAVIOURS", "Behaviour", "SandboxBank", "sandbox_banks"]


class Behaviour(StrEnum):
    """How a sandbox bank answers."""

    ACCEPT = "accept"
    """Yes, at once."""
    REJECT = "reject"
    """No, at once."""
    LATE = "late"
    """Yes, by itself, `late_ms` after the order reached it."""
    TWICE = "twice"
    """Yes, at once, and the same once more by itself."""
    WHEN_ASKED = "when_asked"
    """Nothing by itself; yes to a query."""
    UNREACHABLE_FIRST = "unreachable_first"
    """The first two tries do not reach it; then yes, at once."""
    NEVER = "never"
    """It takes the order and says nothing, also when asked."""


BEHAVIOURS: Final = dict(zip(BANKS, Behaviour, strict=True))
"""Bank id → behaviour: `"1"` accepts … `"7"` never answers."""

_FAILED_TRIES: Final = 2


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class SandboxBank:
    """A bank that lives in the server's memory and remembers orders by their id.

    Args:
        late_ms: how long a LATE bank takes.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        late_ms: int = 3_000,
        clock_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        self.behaviour = behaviour
        self._late_ms = late_ms
        self._clock_ms = clock_ms
        self._tries: dict[str, int] = {}
        self._received_ms: dict[str, int] = {}
        self._to_tell: dict[str, BankReply] = {}
        self.paid: dict[str, int] = {}
        """Order id → minor units that this bank moved; an order sent again moves nothing."""

    def _reply(self, order: BankOrder) -> BankReply:
        reference = f"SB{order.bank_id}{order.order_id}"
        if self.behaviour is Behaviour.REJECT:
            return BankReply(False, reference, "The bank does not accept this order.")
        self.paid.setdefault(order.order_id, order.amount)
        return BankReply(True, reference)

    def _reach(self, order_id: str) -> None:
        if self.behaviour is not Behaviour.UNREACHABLE_FIRST:
            return
        tries = self._tries[order_id] = self._tries.get(order_id, 0) + 1
        if tries <= _FAILED_TRIES:
            raise BankUnreachable("The sandbox's bank cannot be reached.")

    async def send(self, order: BankOrder) -> BankReply | None:
        """Take an order, new or known."""
        self._reach(order.order_id)
        is_new = order.order_id not in self._received_ms
        self._received_ms.setdefault(order.order_id, self._clock_ms())
        if self.behaviour in (Behaviour.WHEN_ASKED, Behaviour.NEVER):
            return None
        reply = self._reply(order)
        if self.behaviour in (Behaviour.LATE, Behaviour.TWICE) and is_new:
            self._to_tell[order.order_id] = reply
        return None if self.behaviour is Behaviour.LATE else reply

    def _is_due(self, order_id: str) -> bool:
        if self.behaviour is not Behaviour.LATE:
            return True
        return self._clock_ms() >= self._received_ms[order_id] + self._late_ms

    async def query(self, order: BankOrder) -> BankReply | None:
        """What became of an order."""
        if order.order_id not in self._received_ms:
            raise UnknownAtBank(order.order_id)
        if self.behaviour is Behaviour.NEVER or not self._is_due(order.order_id):
            return None
        return self._reply(order)

    async def collect(self) -> Sequence[LateReply]:
        """Late and repeated replies that are due."""
        due = [order_id for order_id in self._to_tell if self._is_due(order_id)]
        return [LateReply(order_id, self._to_tell.pop(order_id)) for order_id in due]


def sandbox_banks(
    *, late_ms: int = 3_000, clock_ms: Callable[[], int] = _wall_clock_ms
) -> dict[str, BankAdapter]:
    """All sandbox banks by id."""
    return {
        bank_id: SandboxBank(behaviour, late_ms=late_ms, clock_ms=clock_ms)
        for bank_id, behaviour in BEHAVIOURS.items()
    }
