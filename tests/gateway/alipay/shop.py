"""A shop that talks to a running server as partners do, and an auditor that reads its books.

Signs and verifies by itself, apart from the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import json
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    load_der_public_key,
    load_pem_private_key,
)
from tests.gateway.alipay.client_side import (
    cut_like_community_python,
    cut_like_official_python,
    signature,
    verifies,
)
from tests.server_process import ServerProcess
from tests.stores import database_for, rows_of, tables

from tallystick.partners.nonces import FORGET_TIMER

FORM = "application/x-www-form-urlencoded;charset=utf-8"


class Reply(NamedTuple):
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def private_key(path: str) -> rsa.RSAPrivateKey:
    """A private key of a PEM file."""
    key = load_pem_private_key(Path(path).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def public_key(text: str) -> rsa.RSAPublicKey:
    """A public key of one line of base64."""
    key = load_der_public_key(base64.b64decode(text))
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def china_now(drift_s: float = 0, *, offset_h: int = 8) -> str:
    """The wall clock of an offset, `drift_s` from now."""
    moment = datetime.now(UTC) + timedelta(hours=offset_h, seconds=drift_s)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def signed_text(parameters: Mapping[str, str]) -> str:
    """The text under a v2 request's signature."""
    return "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if v and k != "sign")


def new_number(prefix: str = "o") -> str:
    """A number that nothing has yet."""
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


_calls = itertools.count()
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass
class Shop:
    """One app of a running server.

    Args:
        key: signs requests; `platform_key` verifies answers.
    """

    server: ServerProcess
    app_id: str
    key: rsa.RSAPrivateKey
    platform_key: rsa.RSAPublicKey
    aes_key: bytes = b""
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    @classmethod
    def of(cls, server: ServerProcess) -> Shop:
        """The sandbox's own app."""
        found = server.credentials
        return cls(
            server,
            found["app_id"],
            private_key(found["app_private_key_file"]),
            public_key(found["alipay_public_key"]),
            base64.b64decode(found["aes_key"]),
        )

    def http(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request on the connection that stays open."""
        for attempt in (1, 2):
            if self._connection is None:
                parts = urlsplit(self.server.base_url)
                assert parts.hostname is not None
                self._connection = http.client.HTTPConnection(
                    parts.hostname, parts.port, timeout=30
                )
            try:
                self._connection.request(method, target, body or None, dict(headers or {}))
                answer = self._connection.getresponse()
                names = {name.lower(): value for name, value in answer.getheaders()}
                return Reply(answer.status, names, answer.read())
            except (http.client.RemoteDisconnected, ConnectionError):
                # The server had closed the idle connection.
                self.hang_up()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def hang_up(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    # Version 2.

    def parameters(
        self, method: str, content: object = None, **common: str | None
    ) -> dict[str, str]:
        """A request's parameters, unsigned; a common parameter that is None is left out."""
        given: dict[str, str | None] = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": china_now(),
            "version": "1.0",
        }
        if content is not None:
            # The same bytes within one second are the same request; blanks make each its own.
            blanks = " " * (next(_calls) % 60)
            text = (
                content
                if isinstance(content, str)
                else json.dumps(content, ensure_ascii=False) + blanks
            )
            # Half of a character has no encoding; JSON can say it as an escape.
            given["biz_content"] = _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
        return {k: v for k, v in (given | common).items() if v is not None}

    def sign(self, parameters: Mapping[str, str], charset: str = "utf-8") -> dict[str, str]:
        """The parameters with their signature."""
        text = signed_text(parameters).encode(charset)
        return dict(parameters) | {"sign": signature(text, self.key)}

    def send(self, parameters: Mapping[str, str], charset: str = "utf-8") -> Reply:
        """Post parameters as both official clients do: common ones in the query."""
        content = {k: v for k, v in parameters.items() if k == "biz_content"}
        rest = {k: v for k, v in parameters.items() if k != "biz_content"}
        target = f"/gateway.do?{urlencode(rest, encoding=charset)}"
        body = urlencode(content, encoding=charset).encode()
        return self.http("POST", target, body, {"content-type": FORM})

    def read(self, reply: Reply) -> dict[str, Any]:
        """The content of a v2 answer whose signature two clients' ways of cutting agree on."""
        assert reply.status == 200, reply
        text = reply.body.decode()
        key = next(iter(reply.json))
        assert set(reply.json) == {key, "sign"}, text
        for cut, sign in (cut_like_official_python(text), cut_like_community_python(text, key)):
            assert verifies(cut.encode(), sign, self.platform_key), text
        content: dict[str, Any] = reply.json[key]
        return content | {"_key": key}

    def call(self, method: str, content: object = None, **common: str | None) -> dict[str, Any]:
        """One v2 call; gives the answer's content, whatever its code."""
        return self.read(self.send(self.sign(self.parameters(method, content, **common))))

    def done(self, method: str, content: object = None, **common: str | None) -> dict[str, Any]:
        """One v2 call that must succeed."""
        answer = self.call(method, content, **common)
        assert answer["code"] == "10000", answer
        return answer

    # Version 3.

    def v3_headers(
        self, method: str, target: str, body: bytes = b"", *, nonce: str = "", drift_ms: int = 0
    ) -> dict[str, str]:
        """The headers of a signed v3 request."""
        now_ms = time.time_ns() // 1_000_000 + drift_ms
        auth = f"app_id={self.app_id},nonce={nonce or uuid.uuid4().hex},timestamp={now_ms}"
        text = f"{auth}\n{method}\n{target}\n".encode() + body + b"\n"
        return {
            "authorization": f"ALIPAY-SHA256withRSA {auth},sign={signature(text, self.key)}",
            "content-type": "application/json",
        }

    def read_v3(self, reply: Reply) -> dict[str, Any]:
        """The JSON of a v3 answer whose signature is ours."""
        headers = reply.headers
        text = f"{headers['alipay-timestamp']}\n{headers['alipay-nonce']}\n".encode()
        signed = text + reply.body + b"\n"
        assert verifies(signed, headers["alipay-signature"], self.platform_key), reply
        assert headers["alipay-trace-id"]
        content: dict[str, Any] = reply.json
        return content

    def call_v3(self, target: str, content: object, method: str = "POST") -> dict[str, Any]:
        """One v3 call; an error is its body with the HTTP status as `status`."""
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        reply = self.http(method, target, body, self.v3_headers(method, target, body))
        answer = self.read_v3(reply)
        return answer if reply.status == 200 else answer | {"status": reply.status}

    # What the protocol lacks.

    def rest(self, method: str, target: str, content: object = None) -> Reply:
        """One call of the REST API with the sandbox's key."""
        headers = {
            "authorization": f"Bearer {self.server.rest_key}",
            "content-type": "application/json",
            "idempotency-key": uuid.uuid4().hex,
        }
        body = b"" if content is None else json.dumps(content).encode()
        return self.http(method, target, body, headers)

    def ship(self, trade_no: str) -> None:
        """The goods are on their way."""
        reply = self.rest("POST", f"/v1/trades/{trade_no}/ship", {})
        assert reply.status == 200, reply

    # Orders.

    def order(self, total: str = "100.00", **more: object) -> dict[str, Any]:
        """The content of an order."""
        number = new_number()
        return {"out_trade_no": number, "total_amount": total, "subject": "一件商品 {1}"} | more

    def pay(self, total: str = "100.00", **more: object) -> dict[str, Any]:
        """A paid order's answer; the buyer shows a lasting code."""
        code = {"auth_code": self.server.buyer_code, "scene": "bar_code"}
        return self.done("alipay.trade.pay", self.order(total, **code, **more))

    def confirm(self, trade_no: str, **more: object) -> dict[str, Any]:
        """The receipt of a paid escrow order, confirmed."""
        content = {"trade_no": trade_no, "out_request_no": new_number("s")} | more
        return self.done("alipay.trade.settle.confirm", content)


class Auditor:
    """Reads a server's tables, beside it and read-only."""

    def __init__(self, data: Path) -> None:
        self.database = database_for(data)

    def _query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(self.database.connect(readonly=True)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def tables(self, *, without: frozenset[str] = frozenset()) -> dict[str, tuple[int, str]]:
        """Each table's number of rows and a digest of all that is in it.

        The timer that clears away used nonces does not count: it comes with any of them.
        """
        with closing(self.database.connect(readonly=True)) as connection:
            connection.execute("BEGIN")
            found = {}
            for name in (name for name in tables(connection) if name not in without):
                rows = rows_of(connection, name)
                if name == "timer":
                    rows = [row for row in rows if row[0] != FORGET_TIMER]
                digest = hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
                found[name] = (len(rows), digest)
            return found

    def count(self, table: str, **equals: object) -> int:
        """How many rows have these values."""
        where = " AND ".join(f'"{column}" = ?' for column in equals) or "1 = 1"
        rows = self._query(f'SELECT COUNT(*) FROM "{table}" WHERE {where}', *equals.values())
        return int(rows[0][0])

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Whatever a test asks."""
        return self._query(sql, *parameters)
