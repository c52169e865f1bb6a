"""Runs the official Python client (alipay-sdk-python) as it comes from the package index.

The configuration's `do` says what: `flow` a whole trade against a server, `pages` requests made
for a browser, `encrypted` whether its content encryption works at all.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.request.AlipayFundAuthOrderFreezeRequest import (
    AlipayFundAuthOrderFreezeRequest,
)
from alipay.aop.api.request.AlipayFundAuthOrderUnfreezeRequest import (
    AlipayFundAuthOrderUnfreezeRequest,
)
from alipay.aop.api.request.AlipayTradeCreateRequest import AlipayTradeCreateRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import (
    AlipayTradeFastpayRefundQueryRequest,
)
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradePayRequest import AlipayTradePayRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeSettleConfirmRequest import AlipayTradeSettleConfirmRequest
from alipay.aop.api.request.ZhimaCreditScoreBriefGetRequest import (
    ZhimaCreditScoreBriefGetRequest,
)
from alipay.aop.api.request.ZhimaCreditScoreGetRequest import ZhimaCreditScoreGetRequest
from alipay.aop.api.request.ZhimaCreditWatchlistBriefGetRequest import (
    ZhimaCreditWatchlistBriefGetRequest,
)
from shop import config, order, settlement, ship, show

NOTIFY_URL = "http://shop.example/notify?from=alipay&x=1"


def connect_to_port(port: int) -> None:
    """Let connections go to `port`: the client always asks http.client for 80."""
    connect = http.client.HTTPConnection.connect

    def connect_elsewhere(self: http.client.HTTPConnection) -> None:
        self.port = port
        connect(self)

    http.client.HTTPConnection.connect = connect_elsewhere


def client(settings: dict[str, Any]) -> DefaultAlipayClient:
    made = AlipayClientConfig()
    gateway = urlsplit(settings["gateway"])
    if gateway.port not in (None, 80):
        connect_to_port(gateway.port)
    made.server_url = f"{gateway.scheme}://{gateway.hostname}{gateway.path}"
    made.app_id = settings["app_id"]
    made.app_private_key = Path(settings["app_private_key_path"]).read_text()
    made.alipay_public_key = Path(settings["alipay_public_key_path"]).read_text()
    made.charset = settings.get("charset", "utf-8")
    if "aes_key" in settings:
        made.encrypt_type = "AES"
        made.encrypt_key = settings["aes_key"]
    return DefaultAlipayClient(made)


def call(alipay: DefaultAlipayClient, kind: type, content: dict[str, Any]) -> dict[str, Any]:
    request = kind()
    request.biz_content = content
    return json.loads(alipay.execute(request))


def flow(settings: dict[str, Any]) -> dict[str, Any]:
    alipay = client(settings)
    number = {"out_trade_no": settings["out_trade_no"]}
    refund = {"out_request_no": f"{settings['out_trade_no']}-r1"}
    result: dict[str, Any] = {}
    result["create"] = call(alipay, AlipayTradeCreateRequest, order(settings))
    paying = order(settings) | {"auth_code": settings["buyer_code"], "scene": "bar_code"}
    result["pay"] = call(alipay, AlipayTradePayRequest, paying)
    result["query_paid"] = call(alipay, AlipayTradeQueryRequest, number)
    trade_no = result["pay"]["trade_no"]
    result["ship"] = ship(settings, trade_no)
    confirming = {
        "out_request_no": f"{settings['out_trade_no']}-s1",
        "trade_no": trade_no,
        "settle_info": settlement(),
    }
    result["confirm"] = call(alipay, AlipayTradeSettleConfirmRequest, confirming)
    result["query_confirmed"] = call(alipay, AlipayTradeQueryRequest, number)
    refunding = number | refund | {"refund_amount": "30.00", "refund_reason": "退货"}
    result["refund"] = call(alipay, AlipayTradeRefundRequest, refunding)
    result["refund_query"] = call(alipay, AlipayTradeFastpayRefundQueryRequest, number | refund)
    missing = {"out_trade_no": f"{settings['out_trade_no']}-none"}
    result["unknown_trade"] = call(alipay, AlipayTradeQueryRequest, missing)
    return result


def credit(settings: dict[str, Any]) -> dict[str, Any]:
    alipay, number = client(settings), settings["out_trade_no"]
    about = {"cert_type": "ALIPAY_USER_ID", "cert_no": settings["person"]}

    def asked(name: str, **more: Any) -> dict[str, Any]:
        transaction_id = f"{number}_{name}".replace("-", "_")
        return {"transaction_id": transaction_id, "product_code": "w1010100000000002733"} | more

    brief = asked("brief", admittance_score=600, **about)
    whole = ZhimaCreditScoreGetRequest()
    whole.biz_content = asked("score")
    whole.udf_params = {"auth_token": settings["consent"]}
    deposit = {
        "out_order_no": number, "out_request_no": f"{number}-f", "order_title": "单车",
        "amount": "99.00", "auth_code": settings["buyer_code"], "auth_code_type": "bar_code",
        "product_code": "PREAUTH_PAY", "deposit_product_mode": "DEPOSIT_ONLY",
        "extra_param": json.dumps({"category": "RENT_BIKE"}),
    }  # fmt: skip
    result: dict[str, Any] = {}
    result["brief"] = call(alipay, ZhimaCreditScoreBriefGetRequest, brief)
    result["score"] = json.loads(alipay.execute(whole))
    result["watch_list"] = call(
        alipay, ZhimaCreditWatchlistBriefGetRequest, asked("watch", **about)
    )
    result["freeze"] = call(alipay, AlipayFundAuthOrderFreezeRequest, deposit)
    auth_no = result["freeze"].get("auth_no", "0")
    rent = {
        "out_trade_no": f"{number}-rent", "total_amount": "60.00", "subject": "租金",
        "auth_no": auth_no, "product_code": "PREAUTH_PAY",
    }  # fmt: skip
    result["pay"] = call(alipay, AlipayTradePayRequest, rent)
    release = {
        "auth_no": auth_no, "out_request_no": f"{number}-u", "amount": "39.00", "remark": "还车",
    }  # fmt: skip
    result["unfreeze"] = call(alipay, AlipayFundAuthOrderUnfreezeRequest, release)
    return result


def pages(settings: dict[str, Any]) -> dict[str, Any]:
    alipay = client(settings)

    def request() -> AlipayTradePagePayRequest:
        made = AlipayTradePagePayRequest()
        made.biz_content = order(settings) | {"product_code": "FAST_INSTANT_TRADE_PAY"}
        made.notify_url = NOTIFY_URL
        made.return_url = "http://shop.example/回来"
        return made

    return {
        "get": alipay.page_execute(request(), http_method="GET"),
        "post": alipay.page_execute(request(), http_method="POST"),
        "sdk": alipay.sdk_execute(request()),
    }


def encrypted(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        pages(settings)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": ""}


if __name__ == "__main__":
    SETTINGS = config()
    DO = {"flow": flow, "pages": pages, "credit": credit, "encrypted": encrypted}
    show(DO[SETTINGS["do"]](SETTINGS))
