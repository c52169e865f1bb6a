"""`script/bench gateway`: signed payments through a real server, beside bare RSA signatures.

A real server process on a new data folder (SQLite, full sync) pays orders by the buyer's code
through `/gateway.do`. The requests are signed before the clock starts; the answers are signed by
the server, each after its payment is durable. Client and server share the machine. The rounds of
payments and of bare signatures (one thread, RSA-2048 with SHA-256) alternate, so that both see
the same machine.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from tests.server_process import ServerProcess

from bench.loopback import Answered, as_fast_as_answered, at_a_rate
from bench.report import Figure, Options, Report, say
from tallystick.partners import rsa2

__all__ = ["Shop", "run"]

_CONNECTIONS = 64
_METHOD = "alipay.trade.pay"


class Shop:
    """The sandbox's app as a client that signs its requests."""

    def __init__(self, server: ServerProcess) -> None:
        self._found: dict[str, Any] = server.credentials
        self._host = f"{server.host}:{server.port}"
        path = Path(self._found["app_private_key_file"])
        self.key: RSAPrivateKey = rsa2.parse_private_key(path.read_text("utf-8"))
        self._platform_key = rsa2.parse_public_key(self._found["alipay_public_key"])
        self._made = 0

    def payment(self) -> bytes:
        """A new order that is paid by code, as a whole HTTP request."""
        self._made += 1
        buyers = self._found["buyers"][:2]
        content = {
            "out_trade_no": f"bench-{self._made}",
            "total_amount": "0.01",
            "subject": "One leaf of tea",
            "auth_code": buyers[self._made % len(buyers)]["payment_code"],
        }
        common = {
            "app_id": self._found["app_id"],
            "method": _METHOD,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600)),
            "version": "1.0",
        }
        text = json.dumps(content)
        signed = sorted({**common, "biz_content": text}.items())
        common["sign"] = rsa2.sign("&".join(f"{k}={v}" for k, v in signed).encode(), self.key)
        body = f"biz_content={quote_plus(text)}".encode()
        head = (
            f"POST /gateway.do?{urlencode(common)} HTTP/1.1\r\nHost: {self._host}\r\n"
            "Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def payments(self, count: int) -> list[bytes]:
        """So many new payments."""
        return [self.payment() for _ in range(count)]

    def check(self, bodies: Sequence[bytes], *, signatures: int = 200) -> None:
        """See that every answer says paid, and that a sample of them is signed by the server."""
        for body in bodies:
            if not body.startswith(b'{"alipay_trade_pay_response":{"code":"10000"'):
                raise RuntimeError(f"a payment was not made: {body[:300]!r}")
        for body in bodies[:: max(1, len(bodies) // signatures)]:
            signed, _, sign = body.partition(b":")[2].rpartition(b',"sign":"')
            if not rsa2.verify(signed, sign[:-2].decode(), self._platform_key):
                raise RuntimeError("an answer's signature is wrong")


def _signatures_per_s(key: RSAPrivateKey, seconds: float) -> float:
    text = b"x" * 220
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        rsa2.sign(text, key)
        count += 1
    return count / passed


def _cpu_s(server: ServerProcess) -> float:
    """Processor time that the server has had, seconds."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the system does not tell a process's peak memory")


def _p99_ms(answered: Answered) -> float:
    return statistics.quantiles(answered.seconds, n=100)[98] * 1000


def _rounds(server: ServerProcess, shop: Shop, *, rounds: int, size: int) -> dict[str, Figure]:
    paid, signed = [], []
    for at in range(rounds + 1):
        requests = shop.payments(size)
        bare = _signatures_per_s(shop.key, 2.0)
        cpu_before = _cpu_s(server)
        answered = uvloop.run(
            as_fast_as_answered(server.host, server.port, requests, connections=_CONNECTIONS)
        )
        shop.check(answered.bodies)
        per_s = size / answered.whole_s
        cpu_ms = (_cpu_s(server) - cpu_before) / size * 1000
        say(
            f"round {at}: {per_s:,.0f} payments/s at {cpu_ms:.2f} ms of processor time each, "
            f"{bare:,.0f} signatures/s"
        )
        if at > 0:  # The first round warms up.
            paid.append(per_s)
            signed.append(bare)
    ratio = statistics.median(p / s for p, s in zip(paid, signed, strict=True))
    return {
        "gateway.pay_per_s": Figure(
            statistics.median(paid), "/s", f"{_METHOD}, signed both ways, durable"
        ),
        "gateway.rsa_sign_per_s": Figure(
            statistics.median(signed), "/s", "bare RSA-2048 signatures, one core, same run"
        ),
        "gateway.pay_to_sign_ratio": Figure(ratio, "", "median of the rounds' ratios"),
    }


def run(options: Options) -> Report:
    """Measure the gateway."""
    rounds, size = (1, 400) if options.quick else (5, 6000)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        env = {"TALLYSTICK_LOG_LEVEL": "warning"}
        server = ServerProcess(Path(folder) / "data", env=env).start()
        try:
            shop = Shop(server)
            figures = _rounds(server, shop, rounds=rounds, size=size)
            half = figures["gateway.pay_per_s"].value / 2
            say(f"half load: {half:,.0f} payments/s")
            requests = shop.payments(max(400, int(half * (1 if options.quick else 10))))
            answered = uvloop.run(
                at_a_rate(server.host, server.port, requests, per_s=half, connections=256)
            )
            shop.check(answered.bodies)
            assert server.process is not None
            return figures | {
                "gateway.p50_ms_at_half_load": Figure(
                    statistics.median(answered.seconds) * 1000, "ms", "from when it was due"
                ),
                "gateway.p99_ms_at_half_load": Figure(
                    _p99_ms(answered), "ms", "from when it was due"
                ),
                "gateway.rss_mb": Figure(
                    _peak_rss_mb(server.process.pid), "MB", "the server's peak resident memory"
                ),
            }
        finally:
            server.stop()
