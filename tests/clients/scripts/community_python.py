"""Runs the community Python client (python-alipay-sdk) as it comes from the package index.

The configuration's `do` says what: `flow` a whole trade against a server, `pages` requests made
for a browser, `notify` its check of a notification.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alipay import AliPay
from shop import config, order, settlement, ship, show


def client(settings: dict[str, Any]) -> AliPay:
    made = AliPay(
        appid=settings["app_id"],
        app_notify_url="http://shop.example/notify?from=alipay&x=1",
        app_private_key_string=Path(settings["app_private_key_path"]).read_text(),
        alipay_public_key_string=Path(settings["alipay_public_key_path"]).read_text(),
    )
    made._gateway = settings["gateway"]
    return made


def flow(settings: dict[str, Any]) -> dict[str, Any]:
    alipay = client(settings)
    number = settings["out_trade_no"]
    placed = order(settings)
    result: dict[str, Any] = {}
    result["create"] = alipay.api_alipay_trade_create(**placed)
    result["pay"] = alipay.api_alipay_trade_pay(
        scene="bar_code", auth_code=settings["buyer_code"], **placed
    )
    result["query_paid"] = alipay.api_alipay_trade_query(out_trade_no=number)
    trade_no = result["pay"]["trade_no"]
    result["ship"] = ship(settings, trade_no)
    result["confirm"] = alipay.server_api(
        "alipay.trade.settle.confirm",
        {"out_request_no": f"{number}-s1", "trade_no": trade_no, "settle_info": settlement()},
    )
    result["query_confirmed"] = alipay.api_alipay_trade_query(out_trade_no=number)
    result["refund"] = alipay.api_alipay_trade_refund(
        30.00, out_trade_no=number, out_request_no=f"{number}-r1", refund_reason="退货"
    )
    result["refund_query"] = alipay.api_alipay_trade_fastpay_refund_query(
        f"{number}-r1", out_trade_no=number
    )
    result["unknown_trade"] = alipay.api_alipay_trade_query(out_trade_no=f"{number}-none")
    return result


def pages(settings: dict[str, Any]) -> dict[str, Any]:
    made = client(settings).api_alipay_trade_page_pay(
        return_url="http://shop.example/回来", **order(settings)
    )
    return {"get": f"{settings['gateway']}?{made}"}


def notify(settings: dict[str, Any]) -> dict[str, Any]:
    fields = dict(settings["fields"])
    sign = fields.pop("sign")
    return {"verified": client(settings).verify(fields, sign)}


if __name__ == "__main__":
    SETTINGS = config()
    show({"flow": flow, "pages": pages, "notify": notify}[SETTINGS["do"]](SETTINGS))
