"""The simulated marketplace: its clients, its buyers, and the one way in which it asks.

Every change goes through `Marketplace.ask`, which records it, sends it again until there is an
answer, and now and then behaves like a client that lost patience: it sends the same request a
second time while the first is still on its way.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx2

from tallystick.partners.rsa2 import parse_private_key, parse_public_key
from tallystick.sandbox.answers import PASSING_CODES, Answer, NoAnswerError, WrongAnswerError
from tallystick.sandbox.history import Call, History
from tallystick.sandbox.meter import Meter
from tallystick.sandbox.model import yuan
from tallystick.sandbox.rest_client import RestClient
from tallystick.sandbox.signed_client import GatewayClient

__all__ = ["Buyer", "Marketplace", "StoppedError"]

_CONNECTIONS: Final = 32
_PAUSE_S: Final = 0.05
_PAUSE_MAX_S: Final = 1.0
_OPENING_AT_ONCE: Final = 8
_BANK_WAIT_S: Final = 30.0
_SIGNED_ANEW: Final = 0.5
_CODE_LASTS_MS: Final = 86_400_000

Ask = Callable[[], Awaitable[Answer]]


class StoppedError(Exception):
    """The run is stopping, or nobody answers: a script goes no further."""


class Buyer(NamedTuple):
    """Somebody with money and a code to pay with."""

    party_id: str
    payment_code: str


class Marketplace:
    """One app's clients against one running server.

    Args:
        credentials: what the sandbox's seed wrote.
        base: the server's address; where the credentials say, if empty.
        rng: decides who does what.
        notify_url: where the server is asked to send notifications; nowhere if empty.
        timeout_s: how long a client waits for one answer.
        patience_s: how long it goes on sending a request that got none.
        repeats: the share of requests that are sent twice at the same time.
        banks: where buyers take money out, one letter a bank.
    """

    def __init__(
        self,
        credentials: Mapping[str, Any],
        *,
        base: str = "",
        rng: random.Random,
        notify_url: str = "",
        timeout_s: float = 10.0,
        patience_s: float = 30.0,
        repeats: float = 0.03,
        banks: str = "1234",
    ) -> None:
        self.base = (base or credentials["base_url"]).rstrip("/")
        self.rng = rng
        self.notify_url = notify_url
        self.history = History()
        self.meter = Meter()
        self.states: Counter[str] = Counter()
        self.buyers: list[Buyer] = []
        self.market_id, self.tea_id, self.courier_id = (
            str(party["party_id"]) for party in credentials["merchants"][:3]
        )
        self.stopping = asyncio.Event()
        self.run_id = secrets.token_hex(4)
        self._numbers = 0
        self._patience_s = patience_s
        self._repeats = repeats
        self.banks = banks
        self._http = httpx2.AsyncClient(
            timeout=timeout_s,
            limits=httpx2.Limits(
                max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS
            ),
            follow_redirects=False,
            trust_env=False,
        )
        self.rest = RestClient(self._http, self.base, credentials["rest_key"])
        self.gateway = GatewayClient(
            self._http,
            f"{self.base}{urlsplit(credentials['gateway_url']).path}",
            credentials["app_id"],
            parse_private_key(Path(credentials["app_private_key_file"]).read_text("utf-8")),
            parse_public_key(credentials["alipay_public_key"]),
        )

    async def close(self) -> None:
        """Close the connections."""
        self.gateway.close()
        await self._http.aclose()

    def new_number(self, kind: str) -> str:
        """A number of our own that nothing has yet."""
        self._numbers += 1
        return f"{kind}-{self.run_id}-{self._numbers}"

    # Asking.

    async def ask(self, what: str, subject: str, facts: dict[str, Any], ask: Ask) -> Call:
        """Record a command, have it answered, and give the record.

        Args:
            ask: sends the request once; each time the very same one.

        Raises:
            StoppedError: the run is stopping (then nothing was sent), or no answer came.
        """
        if self.stopping.is_set():
            raise StoppedError
        call = self.history.begin(what, subject, facts)
        twice = self.rng.random() < self._repeats
        answer = await self._until_answered(call, ask, twice)
        if answer is None:
            raise StoppedError
        self.history.end(call, answer)
        self.meter.answered(call)
        return call

    async def _until_answered(self, call: Call, ask: Ask, twice: bool) -> Answer | None:
        deadline = time.monotonic() + self._patience_s
        pause_s = _PAUSE_S
        while True:
            call.tries += 1
            try:
                answer = await (self._ask_twice(call, ask) if twice else ask())
            except NoAnswerError as error:
                self.meter.error(f"no answer: {error}")
            except WrongAnswerError as error:
                self.history.differences.append(f"{call}: {error}")
                return None
            else:
                if answer.code not in PASSING_CODES:
                    return answer
                self.meter.error(answer.code)
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)

    async def _ask_twice(self, call: Call, ask: Ask) -> Answer:
        """The client's patience ends early: it sends again, with or without hanging up first."""
        first = asyncio.ensure_future(ask())
        await asyncio.sleep(self.rng.random() * 0.02)
        self.meter.repeated += 1
        if self.rng.random() < 0.5 and not first.done():
            first.cancel()
            await asyncio.wait([first])
            return await ask()
        both = await asyncio.gather(first, ask(), return_exceptions=True)
        for result in both:
            if isinstance(result, WrongAnswerError):
                raise result
        answers = [result for result in both if isinstance(result, Answer)]
        if not answers:
            raise NoAnswerError("both tries")
        accepted = [answer for answer in answers if answer.accepted]
        compared = len(accepted) == 2 and not any(answer.found for answer in accepted)
        # Signed anew it is another request: a refund then says that it changed nothing more.
        compared = compared and accepted[0].sent is accepted[1].sent
        if compared and accepted[0].told != accepted[1].told:
            self.history.differences.append(
                f"{call}: one request had two answers, {accepted[0].told} and {accepted[1].told}"
            )
        return (accepted or answers)[0]

    async def over_gateway(
        self,
        what: str,
        subject: str,
        facts: dict[str, Any],
        method: str,
        content: dict[str, Any],
        *,
        done_before: str = "",
    ) -> Call:
        """A command at the gateway.

        After a try without an answer it is sent again as it was, or signed anew: then our own
        numbers see that it is done once.

        Args:
            done_before: the refusal of a trade's command that was done before.
        """
        common = {"notify_url": self.notify_url} if self.notify_url else {}
        request = await self.gateway.sign(method, content, **common)
        lost = False

        async def once() -> Answer:
            nonlocal request, lost
            if lost and self.rng.random() < _SIGNED_ANEW:
                request = await self.gateway.sign(method, content, **common)
            sent = request  # What is asked beside this may sign it anew meanwhile.
            try:
                answer = (await self.gateway.send(sent))._replace(sent=sent)
            except NoAnswerError:
                lost = True
                raise
            was_done = lost and done_before and answer.code == done_before
            return await self._find(subject) if was_done else answer

        return await self.ask(what, subject, facts, once)

    async def _find(self, out_trade_no: str) -> Answer:
        """The trade, in place of an answer that was lost."""
        query = {"out_trade_no": out_trade_no}
        request = await self.gateway.sign("alipay.trade.query", query)
        return (await self.gateway.send(request))._replace(found=True)

    async def over_rest(
        self, what: str, subject: str, facts: dict[str, Any], path: str, body: dict[str, Any]
    ) -> Call:
        """A command over REST, under one Idempotency-Key."""
        key = self.new_number("key")
        return await self.ask(what, subject, facts, lambda: self.rest.post(path, body, key))

    # Buyers.

    async def open_buyers(self, count: int, money: int) -> None:
        """Register buyers, top their wallets up with `money` minor units each, give them codes.

        Raises:
            StoppedError: one of them could not be opened.
        """
        gate = asyncio.Semaphore(_OPENING_AT_ONCE)

        async def open_one() -> Buyer:
            async with gate:
                return await self._open_buyer(money)

        opened = await asyncio.gather(*(open_one() for _ in range(count)), return_exceptions=True)
        for one in opened:  # All have come to an end by now, also when one of them failed.
            if isinstance(one, BaseException):
                raise one
            self.buyers.append(one)

    async def _open_buyer(self, money: int) -> Buyer:
        login = self.new_number("buyer")
        registered = await self.over_rest(
            "register", login, {}, "/v1/parties",
            {"kind": "person", "login": f"{login}@sandbox.test", "name": f"Buyer {login}",
             "password": "sandbox-1", "payment_password": "123456"},
        )  # fmt: skip
        party_id = self._need(registered, "party_id")
        top_up = await self.over_rest(
            "top_up", party_id, {"amount": money, "party_id": party_id},
            f"/v1/wallets/{party_id}/top-ups", {"amount": yuan(money), "bank_id": "1"},
        )  # fmt: skip
        issued = await self.over_rest(
            "code", party_id, {}, f"/v1/parties/{party_id}/payment-codes",
            {"expires_ms": time.time_ns() // 1_000_000 + _CODE_LASTS_MS, "reusable": True},
        )  # fmt: skip
        await self._await_bank(self._need(top_up, "order_id"))
        return Buyer(party_id, self._need(issued, "payment_code"))

    def _need(self, call: Call, name: str) -> str:
        if not call.accepted:
            self.history.differences.append(f"{call}: refused with {call.code}")
            raise StoppedError
        return str(call.told[name])

    async def _await_bank(self, order_id: str) -> None:
        deadline = time.monotonic() + _BANK_WAIT_S
        while time.monotonic() < deadline:
            with suppress(NoAnswerError):
                order = await self.rest.get(f"/v1/bank-orders/{order_id}")
                if order["status"] == "accepted":
                    return
            await asyncio.sleep(0.1)
        raise StoppedError
