"""A run: buyers arrive, act, and at the end the books are put beside what they were told."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.partners.rsa2 import parse_public_key
from tallystick.sandbox.answers import NoAnswerError
from tallystick.sandbox.marketplace import Marketplace, StoppedError
from tallystick.sandbox.meter import percentile
from tallystick.sandbox.progress import Progress
from tallystick.sandbox.proof import Proof, prove
from tallystick.sandbox.receiver import Receiver
from tallystick.sandbox.scripts import draw

__all__ = ["Arrivals", "Plan", "Report", "run_marketplace"]

_BUYER_MONEY: Final = 100_000
_LATE_MS: Final = 50.0
_NOTICES_WITHIN_S: Final = 30.0
_LOOK_S: Final = 1.0


class Plan(msgspec.Struct, frozen=True):
    """How many buyers, how many arrivals a second on average, for how long.

    `history`: a file for every command and its answer, as JSON lines. `in_flight_max`: how many
    may be at it at once; who arrives beyond that is counted and does nothing.
    """

    buyers: int
    rate: float
    seconds: float
    seed: int
    notify: bool = False
    history: Path | None = None
    in_flight_max: int = 5_000


class Report(msgspec.Struct, kw_only=True):
    """What a run did and what came of it; times in milliseconds, money in minor units."""

    buyers: int
    seed: int
    seconds: float
    arrivals: int
    arrivals_late: int
    late_p99_ms: float
    not_started: int
    answers: int
    answers_per_s: float
    p50_ms: float
    p99_ms: float
    repeated: int
    refused: dict[str, int]
    errors: dict[str, int]
    notifications: dict[str, int]
    proof: Proof

    @property
    def fine(self) -> bool:
        """Whether nothing differs."""
        return not self.proof.differences


class Arrivals:
    """Buyers arrive at random, `rate` a second on average, whatever became of those before."""

    def __init__(self, market: Marketplace, plan: Plan) -> None:
        self.market = market
        self.plan = plan
        self.not_started = 0
        self.spent_s = 0.0
        self._playing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Let buyers arrive until the time is over or the run is stopped; wait for all."""
        started = time.monotonic()
        due = started
        while True:
            due += self.market.rng.expovariate(self.plan.rate)
            if due - started > self.plan.seconds:
                break
            if await self._stopped_before(due):
                break
            self.market.meter.arrived(time.monotonic() - due)
            self._begin()
        self.spent_s = time.monotonic() - started
        await asyncio.gather(*self._playing)

    async def _stopped_before(self, due: float) -> bool:
        wait_s = due - time.monotonic()
        if wait_s <= 0:
            await asyncio.sleep(0)
            return self.market.stopping.is_set()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.market.stopping.wait()
                return True
        return False

    def _begin(self) -> None:
        if len(self._playing) >= self.plan.in_flight_max:
            self.not_started += 1
            return
        task = asyncio.create_task(self._play())
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)

    async def _play(self) -> None:
        market = self.market
        script, buyer = draw(market), market.rng.choice(market.buyers)
        with suppress(StoppedError, NoAnswerError):
            await script.play(market, buyer)

    @property
    def in_flight(self) -> int:
        """Buyers that are acting now."""
        return len(self._playing)


async def _watch(arrivals: Arrivals, progress: Progress) -> None:
    market = arrivals.market
    while True:
        await asyncio.sleep(_LOOK_S)
        progress.second(market.meter.look(), market, arrivals.in_flight)


async def _prove(
    market: Marketplace, receiver: Receiver | None, progress: Progress
) -> tuple[Proof, dict[str, int]]:
    progress.say("Comparing what clients were told with the books …")
    proof, notices = await prove(market)
    if receiver is None:
        return proof, {}
    await receiver.wait_for(notices, _NOTICES_WITHIN_S)
    proof.differences += receiver.compare(notices)
    return proof, receiver.states()


def _report(
    plan: Plan, market: Marketplace, arrivals: Arrivals, proof: Proof, told: dict[str, int]
) -> Report:
    meter = market.meter
    late, latencies = sorted(meter.late_ms), sorted(meter.latencies_ms)
    spent_s = arrivals.spent_s or 1.0
    return Report(
        buyers=plan.buyers,
        seed=plan.seed,
        seconds=round(spent_s, 1),
        arrivals=len(late),
        arrivals_late=sum(ms > _LATE_MS for ms in late),
        late_p99_ms=round(percentile(late, 0.99), 1),
        not_started=arrivals.not_started,
        answers=len(latencies),
        answers_per_s=round(len(latencies) / spent_s, 1),
        p50_ms=round(percentile(latencies, 0.5), 1),
        p99_ms=round(percentile(latencies, 0.99), 1),
        repeated=meter.repeated,
        refused=dict(meter.refused.most_common()),
        errors=dict(meter.errors.most_common()),
        notifications=told,
        proof=proof,
    )


async def run_marketplace(
    credentials: Mapping[str, Any], base: str, plan: Plan, progress: Progress
) -> Report:
    """Run the whole plan against a server; SIGINT stops arrivals, and what was done is proven.

    Raises:
        NoAnswerError: the server cannot be asked for the proof.
        StoppedError: the buyers could not be opened.
    """
    receiver = Receiver(parse_public_key(credentials["alipay_public_key"])) if plan.notify else None
    market = Marketplace(
        credentials, base=base, rng=random.Random(plan.seed),  # noqa: S311 - a simulation
        notify_url=receiver.url if receiver else "",
    )  # fmt: skip
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, market.stopping.set)
    try:
        if receiver is not None:
            await receiver.start()
        progress.say(f"Opening {plan.buyers} buyers …")
        await market.open_buyers(plan.buyers, _BUYER_MONEY)
        market.meter.restart()
        arrivals = Arrivals(market, plan)
        watch = asyncio.create_task(_watch(arrivals, progress))
        try:
            with progress:
                await arrivals.run()
        finally:
            watch.cancel()
        if plan.history is not None:
            market.history.write(plan.history)
        proof, told = await _prove(market, receiver, progress)
        return _report(plan, market, arrivals, proof, told)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        await market.close()
        if receiver is not None:
            await receiver.close()
