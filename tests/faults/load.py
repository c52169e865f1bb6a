"""Load for a server that is about to suffer, and the proof that it kept what it said."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.server_process import ServerProcess

from tallystick.partners.rsa2 import parse_public_key
from tallystick.sandbox.marketplace import Marketplace, StoppedError
from tallystick.sandbox.proof import prove
from tallystick.sandbox.receiver import Receiver
from tallystick.sandbox.run import Arrivals, Plan

__all__ = ["Load", "receiver_of", "server_on"]

# Cheap passwords, and receivers of notifications on this machine.
ENVIRONMENT = {
    "TALLYSTICK_NOTIFY_ALLOW": "127.0.0.1/32",
    "TALLYSTICK_PASSWORD_MEMORY_KIB": "8192",
    "TALLYSTICK_PASSWORD_PASSES": "1",
    "TALLYSTICK_DISK_FREE_MIN_MB": "1",
}
_BUYERS = 3
_MONEY = 20_000
_LASTS_S = 600.0
_AT_ONCE = 32  # A server that is slow to come back does not find a crowd that grew meanwhile.


def server_on(data: Path) -> ServerProcess:
    """A server that is not started yet."""
    return ServerProcess(data, env=dict(ENVIRONMENT))


def receiver_of(server: ServerProcess) -> Receiver:
    """A receiver of the sandbox's notifications, not started yet."""
    return Receiver(parse_public_key(server.credentials["alipay_public_key"]))


class Load(NamedTuple):
    """Buyers that act until they are told to stop."""

    market: Marketplace
    task: asyncio.Task[None]

    @classmethod
    def begin(
        cls, server: ServerProcess, rng: random.Random, *, notify_url: str = "",
        rate: float = 15.0, credentials: dict[str, Any] | None = None,
    ) -> Load:  # fmt: skip
        """Open buyers and let them act, `rate` arrivals a second.

        Args:
            credentials: the sandbox's, when another server has filled it.
        """
        market = Marketplace(
            credentials or server.credentials, base=server.base_url, rng=rng, notify_url=notify_url,
            timeout_s=5.0, patience_s=600.0, banks="124",
        )  # fmt: skip
        plan = Plan(_BUYERS, rate, _LASTS_S, 0, in_flight_max=_AT_ONCE)

        async def act() -> None:
            with suppress(StoppedError):
                await market.open_buyers(_BUYERS, _MONEY)
                await Arrivals(market, plan).run()

        return cls(market, asyncio.create_task(act()))

    async def until(self, calls: int) -> None:
        """Let them act until they have begun so many calls, however long that takes."""
        while len(self.market.history.calls) < calls and not self.task.done():
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Let nobody begin anything more, and wait until every command is answered."""
        self.market.stopping.set()
        await self.task

    async def prove(
        self, receiver: Receiver | None = None, held_by_trade: dict[str, int] | None = None
    ) -> list[str]:
        """All differences between what was answered and what is in the books.

        Args:
            held_by_trade: what is held for trades of loads that ended and were proved.
        """
        proof, notices = await prove(self.market, held_by_trade)
        if receiver is not None:
            # What could not be delivered at once is tried again after four minutes.
            await receiver.wait_for(notices, 600.0)
            return proof.differences + receiver.compare(notices)
        return proof.differences
