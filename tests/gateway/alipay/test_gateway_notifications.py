"""What a shop is told, signed, when a trade is paid, refunded, closed or finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qsl

import pytest
from tests.gateway.alipay.client_side import verifies
from tests.gateway.alipay.marketplace import QUICK, TEA, Marketplace
from tests.gateway.alipay.shop import Shop, new_number


class _Handler(BaseHTTPRequestHandler):
    received: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode("ascii")
        self.received.append((self.path, dict(parse_qsl(body, keep_blank_values=True))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"success")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Receiver:
    """A shop's own server for notifications."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, name: str) -> str:
        """An address of its own for each test."""
        return f"http://127.0.0.1:{self.server.server_port}/{name}?from=alipay&x=1"

    def told(self, name: str, count: int) -> list[dict[str, str]]:
        """The first `count` notifications at an address, waiting for them."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = [form for path, form in _Handler.received if path.startswith(f"/{name}?")]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{name}: {len(found)} of {count} came: {found}")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def check(shop: Shop, form: dict[str, str]) -> None:
    """The signature leaves out `sign` and `sign_type` and covers all else."""
    text = "&".join(
        f"{k}={v}" for k, v in sorted(form.items()) if k not in ("sign", "sign_type") and v
    )
    assert verifies(text.encode(), form["sign"], shop.platform_key)
    assert form["sign_type"] == "RSA2"
    assert form["charset"] == "utf-8"
    assert form["version"] == "1.0"
    assert form["notify_type"] == "trade_status_sync"
    assert form["app_id"] == form["auth_app_id"] == shop.app_id
    assert form["notify_id"]
    assert form["notify_time"]


def test_a_shop_is_told_of_payment_and_refunds(shop: Shop, receiver: Receiver) -> None:
    name = new_number("n")
    order = shop.order("100.00", auth_code=shop.server.buyer_code, passback_params="a%3D1")
    paid = shop.done("alipay.trade.pay", order, notify_url=receiver.url(name))
    (first,) = receiver.told(name, 1)
    check(shop, first)
    assert first["trade_status"] == "TRADE_SUCCESS"
    assert first["trade_no"] == paid["trade_no"]
    assert first["out_trade_no"] == order["out_trade_no"]
    assert first["subject"] == order["subject"]
    assert first["passback_params"] == "a%3D1"
    assert first["gmt_payment"] == paid["gmt_payment"]
    assert first["buyer_id"] == paid["buyer_user_id"]
    assert {first[k] for k in ("total_amount", "receipt_amount", "buyer_pay_amount")} == {"100.00"}
    assert "refund_fee" not in first

    number = new_number("r")
    part = {"trade_no": paid["trade_no"], "refund_amount": "30.00", "out_request_no": number}
    shop.done("alipay.trade.refund", part)
    _, second = receiver.told(name, 2)
    check(shop, second)
    assert (second["trade_status"], second["refund_fee"]) == ("TRADE_SUCCESS", "30.00")
    assert second["out_biz_no"] == number
    assert second["gmt_refund"]

    shop.done("alipay.trade.refund", part | {"refund_amount": "70", "out_request_no": "rest"})
    *_, third = receiver.told(name, 3)
    check(shop, third)
    assert (third["trade_status"], third["refund_fee"]) == ("TRADE_CLOSED", "100.00")
    assert third["gmt_close"]
    assert len({form["notify_id"] for form in receiver.told(name, 3)}) == 3


def test_a_shop_is_told_of_a_closed_order(shop: Shop, receiver: Receiver) -> None:
    name = new_number("n")
    order = shop.order()
    shop.done("alipay.trade.create", order, notify_url=receiver.url(name))
    shop.done("alipay.trade.close", {"out_trade_no": order["out_trade_no"]})
    (form,) = receiver.told(name, 1)
    check(shop, form)
    assert form["trade_status"] == "TRADE_CLOSED"
    assert form["gmt_close"]
    assert "gmt_payment" not in form


def test_a_shop_is_told_of_a_finished_trade(market: Marketplace, receiver: Receiver) -> None:
    """Its app gives two seconds for refunds."""
    name = new_number("n")
    shop = market.shop(QUICK)
    order = shop.order("5.00", auth_code=shop.server.buyer_code)
    paid = shop.done("alipay.trade.pay", order, notify_url=receiver.url(name))
    _, form = receiver.told(name, 2)
    check(shop, form)
    assert form["trade_status"] == "TRADE_FINISHED"
    refund = {"trade_no": paid["trade_no"], "refund_amount": "1"}
    answer = shop.call("alipay.trade.refund", refund)
    assert answer["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert form["seller_id"] == TEA


def test_v3_takes_the_address_in_the_content(shop: Shop, receiver: Receiver) -> None:
    name = new_number("n")
    order = shop.order(auth_code=shop.server.buyer_code, notify_url=receiver.url(name))
    paid = shop.call_v3("/v3/alipay/trade/pay", order)
    (form,) = receiver.told(name, 1)
    check(shop, form)
    assert form["trade_no"] == paid["trade_no"]
