"""Clients of the ledger over REST who write down every call and answer, whatever happens."""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
from tests.faults.history import Call, Leg, Read, Transfer
from tests.gateway.rest.rest_client import Answer, Rest
from tests.server_process import ServerProcess

__all__ = ["Bank"]

_NO_OVERDRAFT = 2  # The flag `debits_must_not_exceed_credits`.
_LINKED = 1
_PATIENCE_S = 600.0
_DONE = frozenset({"created", "exists"})
_REFUSED = frozenset({"exceeds_credits", "id_already_failed", "linked_event_failed"})


class Bank:
    """A book of accounts with little money each, and clients who move it about.

    Args:
        servers: who is asked; all on the same books. A client that gets no answer asks the next.
    """

    def __init__(self, servers: Sequence[ServerProcess], key: str, seed: int) -> None:
        self._servers = servers
        self._key = key
        self._seed = seed
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._ids = itertools.count(uuid.uuid4().int >> 16)
        self.book = uuid.uuid4().int % 500_000 + 1
        self.accounts = tuple(next(self._ids) for _ in range(6))
        self.calls: list[Call] = []
        self.unanswered = 0
        """How often nobody answered and the same was asked again."""

    @property
    def opening(self) -> dict[int, int]:
        """What each account has after `open`; the first has given it."""
        return dict.fromkeys(self.accounts[1:], 60) | {self.accounts[0]: -60 * 5}

    @property
    def overdraft(self) -> frozenset[int]:
        """The account without a limit."""
        return frozenset(self.accounts[:1])

    def open(self) -> None:
        """Open the accounts and put money into them."""
        rest = Rest(self._servers[0].base_url, self._key)
        flags = dict.fromkeys(self.accounts[1:], _NO_OVERDRAFT) | {self.accounts[0]: 0}
        shared = {"ledger": self.book, "code": 1}
        accounts = [{"id": str(a), "flags": flags[a], **shared} for a in self.accounts]
        assert set(rest.done("/v1/ledger/accounts", accounts)) == {"created"}
        first = [Leg(self.accounts[0], account, 60) for account in self.accounts[1:]]
        for leg in first:
            assert rest.done("/v1/ledger/transfers", self._drafts((leg,))) == ["created"]
        rest.hang_up()

    def _drafts(self, legs: Sequence[Leg]) -> list[dict[str, Any]]:
        """The legs as transfers, linked to each other."""
        return [
            {"id": str(next(self._ids)), "debit_account_id": str(leg.debit),
             "credit_account_id": str(leg.credit), "amount": leg.amount, "ledger": self.book,
             "code": 1, "flags": _LINKED if at < len(legs) else 0}
            for at, leg in enumerate(legs, 1)
        ]  # fmt: skip

    @contextmanager
    def clients(self, count: int) -> Iterator[None]:
        """Clients who are busy meanwhile; in the end each has its last answer."""
        threads = [threading.Thread(target=self._client, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
            self._stop.set()
            for thread in threads:
                thread.join(_PATIENCE_S)
                assert not thread.is_alive(), "a call was never answered"
        except BaseException:
            self._stop.set()
            self._given_up.set()
            raise

    def _client(self, number: int) -> None:
        rng = random.Random(self._seed * 1000 + number)
        rests = [Rest(server.base_url, self._key) for server in self._servers]
        turn = rng.randrange(len(rests))
        while not self._stop.is_set():
            action = self._some_action(rng)
            sent = time.monotonic()
            answer, turn = self._ask(rests, turn, action, uuid.uuid4().hex)
            if answer is None:
                break
            call = Call(f"client {number}", sent, time.monotonic(), action, answer)
            self.calls.append(call)
        for rest in rests:
            rest.hang_up()

    def _some_action(self, rng: random.Random) -> Transfer | Read:
        draw = rng.random()
        if draw < 0.25:
            return Read(self.accounts)
        if draw < 0.4:
            return Read((rng.choice(self.accounts),))
        legs = []
        for _ in range(1 if draw < 0.8 else 2):
            debit, credit = rng.sample(self.accounts, 2)
            legs.append(Leg(debit, credit, rng.randint(1, 50)))
        return Transfer(tuple(legs))

    def _ask(
        self, rests: Sequence[Rest], turn: int, action: Transfer | Read, key: str
    ) -> tuple[bool | tuple[int, ...] | None, int]:
        """The answer, and who gave it; the same is asked again until somebody answers.

        None when it was given up, since the test has failed.
        """
        drafts = self._drafts(action.legs) if isinstance(action, Transfer) else []
        while not self._given_up.is_set():
            try:
                if isinstance(action, Transfer):
                    answer = rests[turn].post("/v1/ledger/transfers", drafts, key=key)
                else:
                    answer = self._look(rests[turn], action)
                if answer.status < 500:
                    return _read(action, answer), turn
            except httpx2.TransportError:
                pass
            self.unanswered += 1
            turn = (turn + 1) % len(rests)
            time.sleep(0.02)
        return None, turn

    def _look(self, rest: Rest, action: Read) -> Answer:
        if len(action.accounts) == 1:
            return rest.look(f"/v1/ledger/accounts/{action.accounts[0]}")
        return rest.look("/v1/ledger/accounts", ledger=self.book)

    def last_look(self) -> None:
        """Every account once more, after all others."""
        rests = [Rest(server.base_url, self._key) for server in self._servers]
        action, sent = Read(self.accounts), time.monotonic()
        answer, _ = self._ask(rests, 0, action, "")
        self.calls.append(Call("last look", sent, time.monotonic(), action, answer))
        for rest in rests:
            rest.hang_up()


def _read(action: Transfer | Read, answer: Answer) -> bool | tuple[int, ...]:
    """What an answer says."""
    if isinstance(action, Transfer):
        assert answer.status in (200, 201), answer
        results = set(answer.body)
        assert results <= _DONE or results <= _REFUSED, answer
        return results <= _DONE
    assert answer.status == 200, answer
    found = [answer.body] if len(action.accounts) == 1 else answer.body["items"]
    balances = {int(a["id"]): int(a["credits_posted"]) - int(a["debits_posted"]) for a in found}
    return tuple(balances[account] for account in action.accounts)
