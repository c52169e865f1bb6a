"""Ten thousand spoilt requests: no server error, no silence, no change without a signature.

`FUZZ_REQUESTS=10000 python -m pytest tests/gateway/alipay/test_gateway_fuzz.py` is the
long run; `FUZZ_SEED` repeats one.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.alipay.client_side import APP_KEY, PLATFORM_KEY, signature
from tests.gateway.alipay.fuzz import Fuzzer
from tests.gateway.alipay.marketplace import COURIER
from tests.gateway.alipay.shop import Auditor, Shop, new_number
from tests.gateway.rest.rest_client import wait_for_partner_days
from tests.server_process import ServerProcess
from tests.stores import database_for

from tallystick.store.engine import migrate

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "3000"))
SEED = int(os.environ.get("FUZZ_SEED", "20261124"))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: nobody else may change its tables meanwhile."""
    server = ServerProcess(tmp_path_factory.mktemp("fuzz") / "data").start()
    wait_for_partner_days(server.data)
    yield server
    server.stop()


class Contents:
    """A valid content for each method, of orders that are there."""

    def __init__(self, shop: Shop) -> None:
        self._code = shop.server.buyer_code
        self._trade = shop.pay("1000.00")["trade_no"]
        self._settled = shop.pay("1000.00")["trade_no"]
        shop.confirm(self._settled)
        self._hold = shop.done(
            "alipay.fund.auth.order.freeze",
            {"out_order_no": new_number(), "out_request_no": "1", "order_title": "x",
             "amount": "500.00", "auth_code": self._code},
        )["auth_no"]  # fmt: skip

    def __call__(self) -> dict[str, dict[str, Any]]:
        number = new_number()
        order = {
            "out_trade_no": number,
            "total_amount": "1.00",
            "subject": "一件 {x}",
            "body": "b",
            "goods_detail": [{"goods_id": "g", "goods_name": "n", "quantity": 1, "price": "1"}],
            "settle_info": {"settle_detail_infos": [
                {"trans_in": COURIER, "trans_in_type": "userId", "amount": "0.10"}]},
        }  # fmt: skip
        trade = {"trade_no": self._trade}
        royalty = [{"trans_in": COURIER, "amount": "0.01", "desc": "d"}]
        receivers = [{"type": "userId", "account": COURIER, "memo": "m"}]
        payee = {"identity": COURIER, "identity_type": "ALIPAY_USER_ID"}
        return {
            "alipay.trade.create": order,
            "alipay.trade.precreate": order,
            "alipay.trade.page.pay": order,
            "alipay.trade.pay": order | {"auth_code": self._code},
            "alipay.trade.query": trade | {"query_options": ["trade_settle_info"]},
            "alipay.trade.close": {"out_trade_no": number},
            "alipay.trade.cancel": {"out_trade_no": number},
            "alipay.trade.refund": trade | {"refund_amount": "0.01", "out_request_no": number},
            "alipay.trade.fastpay.refund.query": trade | {"out_request_no": number},
            "alipay.trade.settle.confirm": {"trade_no": self._settled, "out_request_no": number},
            "alipay.trade.order.settle": {
                "trade_no": self._settled, "out_request_no": number, "royalty_parameters": royalty,
            },
            "alipay.trade.royalty.relation.bind": {
                "out_request_no": number, "receiver_list": receivers,
            },
            "alipay.trade.royalty.relation.batchquery": {"out_request_no": number, "page_num": "1"},
            "alipay.fund.trans.uni.transfer": {
                "out_biz_no": number, "trans_amount": "0.01", "payee_info": payee,
            },
            "alipay.fund.trans.common.query": {"out_biz_no": number},
            "alipay.fund.account.query": {"account_type": "ACCTRANS_ACCOUNT"},
            "alipay.fund.auth.order.freeze": {
                "out_order_no": number, "out_request_no": number, "order_title": "x",
                "amount": "0.01", "auth_code": self._code,
            },
            "alipay.fund.auth.order.unfreeze": {
                "auth_no": self._hold, "out_request_no": number, "amount": "0.01", "remark": "r",
            },
            "alipay.fund.auth.operation.detail.query": {
                "auth_no": self._hold, "out_request_no": "1",
            },
            "alipay.data.dataservice.bill.downloadurl.query": {
                "bill_type": "trade", "bill_date": "2026-01-01",
            },
        }  # fmt: skip


def test_spoilt_requests_are_answered_and_change_nothing_without_a_signature(
    fuzzed: ServerProcess,
) -> None:
    shop = Shop.of(fuzzed)
    fuzzer = Fuzzer(shop, Auditor(fuzzed.data), Contents(shop), seed=SEED)
    found = fuzzer.run(REQUESTS)
    fuzzer.close()
    shop.hang_up()
    assert not found.wrong, f"seed {SEED}: {len(found.wrong)} wrong\n{found.explain()}"
    assert found.requests == REQUESTS
    # It looked where there is something to see: accepted, refused by signature and by content.
    assert found.answers["10000"] > REQUESTS // 100, found.answers
    assert found.answers["isv.invalid-signature"] > REQUESTS // 10, found.answers
    assert found.valid > REQUESTS // 5
    shop.done("alipay.trade.create", shop.order())
    shop.hang_up()


# The fuzzer itself can see.


@dataclass
class Faulty:
    """Answers as the gateway does, signed; except for one planted fault, now and then."""

    fault: str
    data: Path
    requests: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def __post_init__(self) -> None:
        self._database = database_for(self.data).connect()
        migrate(self._database)
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = int(head.lower().rpartition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                self.requests += 1
                answer = self._answer(head, faulty=self.requests % 7 == 0)
                connection.sendall(answer)

    def _answer(self, head: bytes, *, faulty: bool) -> bytes:
        status, body = b"200 OK", b'{"code":"40002","message":"m","sub_code":"x"}'
        fault = self.fault if faulty else ""
        if fault == "effect":
            self._database.execute("INSERT INTO setting VALUES (?, '1')", (str(self.requests),))
        if fault == "silence":
            return b""
        if fault == "crash":
            status = b"500 Internal Server Error"
        if fault == "busy":
            body = b'{"code":"20000","message":"m"}'
            status = b"500 x"
        stamp = b"1\nn\n" + body + b"\n"
        sign = signature(stamp, PLATFORM_KEY)
        extra = (
            b"alipay-timestamp: 1\r\nalipay-nonce: n\r\nalipay-signature: %b\r\n" % sign.encode()
        )
        sign = signature(body, PLATFORM_KEY)
        if fault == "unsigned":
            sign, extra = "AAAA", b""
        if b"/v3/" not in head.split(b"\r\n")[0]:
            body = b'{"error_response":%b,"sign":"%b"}' % (body, sign.encode())
        if fault == "torn":
            body = body[:-5]
        return b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n%b\r\n%b" % (
            status, len(body), extra, body,
        )  # fmt: skip

    def close(self) -> None:
        self.listener.close()
        self._database.close()


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("", ""),
        ("crash", "server error 500"),
        ("busy", "server error"),
        ("torn", "malformed answer|not in the order|not signed"),
        ("unsigned", "not signed|malformed"),
        ("silence", "no answer"),
        ("effect", "changed without a valid signature|refused, yet changed"),
    ],
)
def test_the_fuzzer_sees_a_planted_fault(fault: str, seen: str, tmp_path: Path) -> None:
    faulty = Faulty(fault, tmp_path)
    shop = Shop(faulty, "1", APP_KEY, PLATFORM_KEY.public_key())  # type: ignore[arg-type]
    contents = {"alipay.trade.query": {"out_trade_no": "1"}}
    within_s = 2 if fault == "silence" else 60
    fuzzer = Fuzzer(shop, Auditor(tmp_path), lambda: contents, seed=1, within_s=within_s)
    found = fuzzer.run(120, stop_at_first=True)
    fuzzer.close()
    faulty.close()
    if not fault:
        assert not found.wrong, found.explain()
        return
    assert found.wrong, found.answers
    what = found.wrong[0][0]
    assert any(text in what for text in seen.split("|")), what


def test_the_fuzzers_own_eye_for_signatures(tmp_path: Path) -> None:
    faulty = Faulty("", tmp_path)
    shop = Shop(faulty, "1", APP_KEY, PLATFORM_KEY.public_key())  # type: ignore[arg-type]
    contents = {"alipay.trade.query": json.loads('{"out_trade_no": "1"}')}
    fuzzer = Fuzzer(shop, Auditor(tmp_path), lambda: contents, seed=1)
    for build in (fuzzer._v2, fuzzer._v3):
        case = build("alipay.trade.query", contents["alipay.trade.query"], resigned=False)
        assert fuzzer.is_signed(case)
        name = "target" if not case.body or b"sign" not in case.body else "body"
        spoilt = case._replace(**{name: getattr(case, name).replace(b"alipay", b"alipax")})
        assert not fuzzer.is_signed(spoilt)
    fuzzer.close()
    faulty.close()
