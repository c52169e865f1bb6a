"""A client of the REST API as anybody would write it, and an auditor of the server's tables."""

from __future__ import annotations

import base64
import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.server_process import ServerProcess
from tests.stores import database_for, rows_of, tables

__all__ = [
    "BUYER", "COURIER", "MARKET", "POOR", "TEA", "Answer", "Rest", "new_book", "new_number",
    "new_public_key", "table_digest", "until",
]  # fmt: skip

MARKET, TEA, COURIER = (f"208800000000000{n}" for n in (1, 2, 3))
BUYER, POOR = "2088000000000101", "2088000000000103"

# The server writes into these by itself.
_IGNORED_TABLES = {"notification_attempt", "ledger_head", "ledger_page"}


_BOOKS = itertools.count(500_000, 10)


class Answer(NamedTuple):
    """An HTTP answer; header names in lower case, the body read."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The code of the problem that this is."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.body["status"] == self.status
        assert self.body["request_id"] == self.headers["x-request-id"]
        return str(self.body["code"])

    @property
    def replayed(self) -> bool:
        """Whether it was given before."""
        return self.headers.get("idempotent-replayed") == "true"


class Rest:
    """Talks to a running server with one API key."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self.key = key
        self._http = httpx2.Client(base_url=base_url, timeout=60)
        self._others: list[Rest] = []

    @classmethod
    def of(cls, server: ServerProcess) -> Rest:
        """With the sandbox's key."""
        return cls(server.base_url, server.rest_key)

    def hang_up(self) -> None:
        """Close the connections, also those of the clients that came from this one."""
        for other in self._others:
            other.hang_up()
        self._http.close()

    def with_text(self, key: str) -> Rest:
        """A client with another key."""
        self._others.append(Rest(self.base_url, key))
        return self._others[-1]

    def send(
        self, method: str, path: str, *, content: bytes | None = None,
        headers: dict[str, str] | None = None, params: dict[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        """Any request, with the key unless `headers` say otherwise."""
        given = {"authorization": f"Bearer {self.key}", **(headers or {})}
        reply = self._http.request(method, path, content=content, headers=given, params=params)
        body = json.loads(reply.content) if reply.content else None
        assert reply.headers["x-request-id"], path
        return Answer(reply.status_code, dict(reply.headers), body)

    def get(self, path: str, **params: Any) -> Any:
        """What is found; it must be."""
        answer = self.look(path, **params)
        assert answer.status == 200, answer
        return answer.body

    def look(self, path: str, **params: Any) -> Answer:
        """A look, whatever becomes of it."""
        return self.send("GET", path, params=params)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Answer:
        """A change, whatever becomes of it."""
        headers = {"idempotency-key": key or uuid.uuid4().hex}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return self.send("POST", path, content=content, headers=headers)

    def done(self, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer to a change that is accepted."""
        answer = self.post(path, body, key=key)
        assert answer.status in (200, 201), answer
        return answer.body

    def refused(self, path: str, body: Any = None, *, key: str = "") -> str:
        """The code with which a change is refused."""
        return self.post(path, body, key=key).code

    def walk(self, path: str, **params: Any) -> Iterator[Any]:
        """Every row of a list, page after page."""
        cursor = ""
        while True:
            page = self.get(path, cursor=cursor, **params)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            assert page["items"], "a page that continues is not empty"
            cursor = page["next_cursor"]

    def with_key(self, *scopes: str, app_id: str = "") -> Rest:
        """A client with a key of its own, issued by this one."""
        body = {"name": "test", "scopes": list(scopes)} | ({"app_id": app_id} if app_id else {})
        return self.with_text(self.done("/v1/api-keys", body)["api_key"])

    # What most tests begin with.

    def new_trade(self, amount: str = "12.30", **more: Any) -> dict[str, Any]:
        """An order that nobody has paid."""
        order = {"app_id": "2026000000000001", "out_trade_no": new_number(), "amount": amount,
                 "subject": "绿茶 Green tea", "seller_id": TEA}  # fmt: skip
        made: dict[str, Any] = self.done("/v1/trades", order | more)
        return made

    def new_code(self, party_id: str = BUYER) -> str:
        """A code that the buyer shows."""
        body = {"expires_ms": int(time.time() * 1000) + 50_000, "reusable": False}
        return str(self.done(f"/v1/parties/{party_id}/payment-codes", body)["payment_code"])

    def paid_trade(self, amount: str = "12.30", **more: Any) -> dict[str, Any]:
        """An order whose money is held."""
        trade = self.new_trade(amount, **more)
        body = {"payment_code": self.new_code()}
        paid: dict[str, Any] = self.done(f"/v1/trades/{trade['trade_no']}/pay", body)
        return paid


def new_number(prefix: str = "r") -> str:
    """A number that nothing has yet."""
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


def new_public_key() -> str:
    """A partner's public key, one line of base64."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def new_book() -> int:
    """A book that no other test of this process has, nor the next few after it."""
    return next(_BOOKS)


def until(found: Callable[[], Any], *, within_s: float = 120.0) -> Any:
    """What is found as soon as it is."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def wait_for_partner_days(data: Path) -> None:
    """Until a fresh sandbox's server has recorded the last day of its institutions.

    After that it writes nothing that nobody asked for until the next midnight in China.
    """
    for _ in range(240):
        with closing(database_for(data).connect(readonly=True)) as db:
            (recorded,) = db.execute("SELECT COUNT(*) FROM partner_day").fetchone()
            (wanted,) = db.execute("SELECT COUNT(*) FROM institution").fetchone()
        if recorded >= wanted > 0:
            return
        time.sleep(0.5)
    raise AssertionError("the institutions' day was not recorded")


def table_digest(data: Path) -> dict[str, int]:
    """Every table of a data folder with a number that stands for its contents."""
    with closing(database_for(data).connect(readonly=True)) as db:
        return {
            name: hash(tuple(sorted(map(repr, rows_of(db, name)))))
            for name in tables(db)
            if name not in _IGNORED_TABLES
        }
