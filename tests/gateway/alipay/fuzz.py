"""A mutating fuzzer for `/gateway.do` and `/v3/`: valid signed requests, spoilt at random.

Every mutant must be answered, in time, by a well-formed and signed answer that is no server
error; and unless its signature is still valid (decided here, apart from the code under test) no
table may change. The same seed makes the same mutants up to keys, times and numbers.
"""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

from tests.gateway.alipay.client_side import verifies
from tests.gateway.alipay.shop import FORM, Auditor, Shop
from tests.stores import data_version

__all__ = ["Case", "Findings", "Fuzzer", "RawClient", "RawReply"]

# What changes by itself, or may change for a request that is then refused.
IGNORED = frozenset({"seen_nonce", "notification", "notification_attempt", "ledger_head"})

HTTP_LAYER = b"Invalid HTTP request received."
TOKENS = (
    b"%", b"%0", b"%00", b"%FF", b"%ZZ", b"+", b"&", b"&&", b"=", b"==", b";", b"?", b"/", b"..",
    b"{", b"}", b'"', b"\\", b"null", b"-1", b"0", b"1e309", b"9" * 40, b"NaN", b"A" * 5000,
    b"\xff\xfe", "汉".encode(), "汉".encode("gbk"), b"%F0%9F%98%80", b"sign=", b"&sign=x", b"[[[[",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "0", "-0.01", "0.001", "1e3", "NaN", "\x00",
    "x" * 5000, "{}", "}{", '","sign":"', "💰", "\ud800", [], [[]], {}, {"a": {}}, ["x"] * 50,
    "2088000000000101", "2088000000000001", "9223372036854775807", "92233720368547758.08",
)  # fmt: skip


class Case(NamedTuple):
    """One request, byte by byte. Its length header is always right: framing is HTTP's affair."""

    verb: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def encoded(self, host: str) -> bytes:
        """What goes over the wire."""
        lines = [b"%b %b HTTP/1.1" % (self.verb, self.target), b"host: " + host.encode()]
        lines += [b"%b: %b" % pair for pair in self.headers]
        lines.append(b"content-length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def header(self, name: bytes) -> bytes:
        """A header's value."""
        return dict(self.headers).get(name, b"")

    def path(self) -> bytes:
        """The path that a server sees."""
        path = self.target.partition(b"#")[0].partition(b"?")[0]
        return unquote_to_bytes(path)

    def query(self) -> bytes:
        """The query that a server sees."""
        return self.target.partition(b"#")[0].partition(b"?")[2]


class RawReply(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """Sends bytes as they are, over a connection that stays open where the server lets it."""

    def __init__(self, host: str, port: int, *, within_s: float = 60.0) -> None:
        self._address = (host, port)
        self._within_s = within_s
        self._socket: socket.socket | None = None

    def exchange(self, data: bytes) -> RawReply | None:
        """The answer, or None when there was none in time."""
        reused = self._socket is not None
        try:
            return self._try(data)
        except TimeoutError:
            pass
        except (ConnectionError, EOFError):
            if reused:
                # The server may have closed the idle connection; a fresh one it may not.
                self.close()
                return self.exchange(data)
        self.close()
        return None

    def _try(self, data: bytes) -> RawReply:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._within_s)
        self._socket.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", -1))
        try:
            while length < 0 or len(body) < length:
                body += self._more()
        except EOFError:
            if length >= 0:
                raise
        if headers.get("connection", "") == "close" or length < 0:
            self.close()
        return RawReply(int(first.split(" ")[1]), headers, body)

    def _more(self) -> bytes:
        assert self._socket is not None
        part = self._socket.recv(65536)
        if not part:
            raise EOFError
        return part

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


@dataclass
class Findings:
    """What a run found; `answers` counts what was seen, so that one can see it saw something."""

    requests: int = 0
    valid: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, Case, RawReply | None]] = field(default_factory=list)

    def explain(self) -> str:
        """The first findings, for a person."""
        return "\n".join(f"{what}\n  {case}\n  {reply}" for what, case, reply in self.wrong[:5])


Contents = Callable[[], dict[str, dict[str, Any]]]


class Fuzzer:
    """Mutates, sends and judges.

    Args:
        shop: signs what is mutated and verifies the answers.
        auditor: sees the server's tables.
        contents: a valid business content for each method, with numbers never used before.
        within_s: how long an answer may take.
    """

    def __init__(
        self, shop: Shop, auditor: Auditor, contents: Contents, *, seed: int, within_s: float = 60.0
    ) -> None:
        parts = urlsplit(shop.server.base_url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._shop = shop
        self._auditor = auditor
        self._contents = contents
        self._random = random.Random(seed)
        self._host = parts.netloc
        self._client = RawClient(parts.hostname, parts.port, within_s=within_s)
        self._watch = auditor.database.connect(readonly=True)
        self._version = data_version(self._watch)
        self._tables = auditor.tables(without=IGNORED)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self._watch.close()

    def run(self, requests: int, *, stop_at_first: bool = False) -> Findings:
        """Send so many mutants."""
        found = Findings()
        for _ in range(requests):
            case = self._mutant()
            valid = self.is_signed(case)
            reply = self._client.exchange(case.encoded(self._host))
            found.requests += 1
            found.valid += valid
            found.answers[self._kind(reply)] += 1
            wrong = self._wrong(case, reply) or self._effect(reply, valid=valid)
            if wrong:
                found.wrong.append((wrong, case, reply))
                if stop_at_first:
                    break
        return found

    # Judging.

    def _kind(self, reply: RawReply | None) -> str:
        if reply is None:
            return "none"
        if reply.body[:1] == b"{":
            try:
                read = json.loads(reply.body)
                content = next(iter(read.values()))
                if isinstance(content, dict):
                    return str(content.get("sub_code") or content.get("code"))
                return str(read.get("code", reply.status))
            except ValueError:
                pass
        return str(reply.status)

    def _wrong(self, case: Case, reply: RawReply | None) -> str:
        """What is wrong with an answer by itself; empty when it is well-formed."""
        if reply is None:
            return "no answer in time"
        if reply.status >= 500:
            return f"server error {reply.status}"
        if reply.status == 400 and reply.body == HTTP_LAYER:
            return ""
        path = case.path()
        try:
            if path == b"/gateway.do":
                return self._wrong_v2(reply)
            if path.startswith(b"/v3/"):
                return self._wrong_v3(reply)
        except (ValueError, KeyError, StopIteration, AttributeError) as error:
            return f"malformed answer: {error!r}"
        return ""

    def _wrong_v2(self, reply: RawReply) -> str:
        if reply.status == 302:
            return "" if reply.headers["location"] else "redirected to nowhere"
        if reply.status not in (200, 405):
            return f"status {reply.status}"
        key = next(iter(json.loads(reply.body)))
        head = b'{"%b":' % key.encode()
        text, mark, rest = reply.body[len(head) :].rpartition(b',"sign":"')
        if not reply.body.startswith(head) or not mark or not rest.endswith(b'"}'):
            return "members not in the order that clients need"
        if not verifies(text, rest[:-2].decode(), self._shop.platform_key):
            return "answer not signed"
        content = json.loads(text)
        if content["code"] == "20000":
            return f"server error {content}"
        return ""

    def _wrong_v3(self, reply: RawReply) -> str:
        headers = reply.headers
        head = f"{headers['alipay-timestamp']}\n{headers['alipay-nonce']}\n".encode()
        signed = head + reply.body + b"\n"
        if not verifies(signed, headers["alipay-signature"], self._shop.platform_key):
            return "answer not signed"
        content = json.loads(reply.body)
        if reply.status != 200 and not (content["code"] and content["message"]):
            return "error without code and message"
        return ""

    def _effect(self, reply: RawReply | None, *, valid: bool) -> str:
        """What a request did that it may not do."""
        version = data_version(self._watch)
        if version == self._version:
            return ""
        self._version = version
        before, self._tables = self._tables, self._auditor.tables(without=IGNORED)
        changed = sorted(t for t in self._tables if before.get(t) != self._tables[t])
        if not changed:
            return ""
        if not valid:
            return f"changed without a valid signature: {changed}"
        if self._kind(reply) not in ("10000", "200", "302"):
            return f"refused, yet changed: {changed}"
        return ""

    def is_signed(self, case: Case) -> bool:
        """Whether a request still carries the app's valid signature."""
        if case.path().startswith(b"/v3/"):
            return self._is_signed_v3(case)
        pairs = case.query().split(b"&")
        if case.verb == b"POST":
            pairs += case.body.split(b"&")
        found: dict[bytes, bytes] = {}
        for pair in filter(None, pairs):
            name, _, value = (unquote_to_bytes(p.replace(b"+", b" ")) for p in pair.partition(b"="))
            if name in found:
                return False
            found[name] = value
        sign = found.pop(b"sign", b"").decode("latin-1")
        return any(
            self._fits(
                b"&".join(b"%b=%b" % (k, v) for k, v in sorted(found.items()) if v or e), sign
            )
            for e in (False, True)
        )

    def _is_signed_v3(self, case: Case) -> bool:
        _, _, rest = case.header(b"authorization").strip().partition(b" ")
        text, _, sign = rest.strip().rpartition(b",sign=")
        body = b"" if case.verb == b"GET" else case.body
        # A question mark with nothing after it is no query.
        target = case.target.partition(b"#")[0].removesuffix(b"?")
        lines = (text, case.verb, target, body)
        return self._fits(b"\n".join(lines) + b"\n", sign.decode("latin-1"))

    def _fits(self, text: bytes, sign: str) -> bool:
        try:
            return verifies(text, sign, self._shop.key.public_key())
        except ValueError:
            return False

    # Mutating.

    def _mutant(self) -> Case:
        contents = self._contents()
        method = self._random.choice(sorted(contents))
        content: Any = contents[method]
        resigned = self._random.random() < 0.4
        if resigned:
            content = self._spoilt_content(content)
        build = self._random.choice((self._v2, self._v2, self._v3))
        case = build(method, content, resigned=resigned)
        if resigned:
            return case
        for _ in range(self._random.choice((1, 1, 1, 2, 4))):
            case = self._spoilt(case)
        return case

    def _v2(self, method: str, content: Any, *, resigned: bool) -> Case:
        parameters = self._shop.parameters(method, content)
        if resigned and self._random.random() < 0.2:
            name = self._random.choice(sorted(parameters))
            parameters[name] = str(self._random.choice(VALUES)).encode("utf-8", "replace").decode()
        signed = self._shop.sign(parameters)
        headers = ((b"content-type", FORM.encode()),)
        where = self._random.randrange(3)
        if where == 0:
            return Case(b"GET", b"/gateway.do?" + urlencode(signed).encode(), (), b"")
        if where == 1:
            return Case(b"POST", b"/gateway.do", headers, urlencode(signed).encode())
        body = urlencode({"biz_content": signed.pop("biz_content", "{}")}).encode()
        return Case(b"POST", b"/gateway.do?" + urlencode(signed).encode(), headers, body)

    def _v3(self, method: str, content: Any, *, resigned: bool) -> Case:
        target = f"/v3/{method.replace('.', '/')}"
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        headers = self._shop.v3_headers("POST", target, body)
        if resigned and self._random.random() < 0.1:
            headers["alipay-encrypt-type"] = "AES"
        pairs = tuple((k.encode(), v.encode()) for k, v in headers.items())
        return Case(b"POST", target.encode(), pairs, body)

    def _spoilt(self, case: Case) -> Case:
        kind = self._random.randrange(10)
        if kind == 0:
            verbs = (b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")
            return case._replace(verb=self._random.choice(verbs))
        if kind <= 4 or not case.body:
            target = self._spoilt_bytes(case.target)
            for unfit in (b" ", b"\r", b"\n", b"\t"):
                target = target.replace(unfit, b"%20")
            return case._replace(target=target or b"/")
        if kind <= 7 or not case.headers:
            return case._replace(body=self._spoilt_bytes(case.body))
        at = self._random.randrange(len(case.headers))
        name, value = case.headers[at]
        value = self._spoilt_bytes(value).translate(None, b"\r\n\0")
        headers = (*case.headers[:at], (name, value), *case.headers[at + 1 :])
        return case._replace(headers=headers)

    def _spoilt_bytes(self, text: bytes) -> bytes:
        at = self._random.randrange(len(text) + 1)
        to = min(len(text), at + self._random.choice((0, 1, 1, 2, 8, 64)))
        kind = self._random.randrange(5)
        if kind == 0:
            return text[:at] + self._random.choice(TOKENS) + text[to:]
        if kind == 1:
            return text[:at] + text[to:]
        if kind == 2:
            return text[:to] + text[at:to] + text[to:]
        if kind == 3 and at < len(text):
            flipped = text[at] ^ (1 << self._random.randrange(8))
            return text[:at] + bytes([flipped]) + text[at + 1 :]
        parts = text.split(b"&")
        self._random.shuffle(parts)
        return b"&".join(parts[: self._random.randint(1, len(parts))])

    def _spoilt_content(self, content: Any) -> Any:
        if self._random.random() < 0.1:
            return self._random.choice(("", "{", "[]", "null", "[" * 5000, '{"a":1e999}', '"x"'))
        made = json.loads(json.dumps(content))
        spot = made
        while True:
            keys = list(range(len(spot))) if isinstance(spot, list) else sorted(spot)
            if not keys:
                return made
            key = self._random.choice(keys)
            inner = spot[key]
            if not isinstance(inner, dict | list) or not inner or self._random.random() < 0.3:
                break
            spot = inner
        if self._random.random() < 0.2:
            del spot[key]
        else:
            spot[key] = self._random.choice(VALUES)
        return made
