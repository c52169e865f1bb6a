"""The trade methods over signed HTTP, as the SDKs' response classes name their fields."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.gateway.alipay.marketplace import COURIER, MARKET, TEA, Marketplace
from tests.gateway.alipay.shop import Auditor, Reply, Shop, china_now, new_number

from tallystick.money.china_time import china_time

ESCROW = {"settle_info": {"settle_detail_infos": [{"amount": "100.00"}]}}


def refused(answer: dict[str, object], sub_code: str, code: str = "40004") -> bool:
    return (answer["code"], answer["sub_code"]) == (code, sub_code)


def status_of(shop: Shop, trade_no: str) -> str:
    return str(shop.done("alipay.trade.query", {"trade_no": trade_no})["trade_status"])


def test_an_order_is_created_once_however_often_it_is_asked_for(shop: Shop) -> None:
    order = shop.order()
    first = shop.done("alipay.trade.create", order)
    again = shop.done("alipay.trade.create", order)
    assert first["out_trade_no"] == order["out_trade_no"]
    assert first["trade_no"] == again["trade_no"]
    assert first["trade_no"].isdigit()
    assert len(first["trade_no"]) == 28
    found = shop.done("alipay.trade.query", {"out_trade_no": order["out_trade_no"]})
    assert found["trade_no"] == first["trade_no"]
    assert found["trade_status"] == "WAIT_BUYER_PAY"
    assert found["total_amount"] == "100.00"
    assert "send_pay_date" not in found


@pytest.mark.parametrize("change", [{"total_amount": "100.01"}, {"subject": "another"},
                                    {"seller_id": TEA}])  # fmt: skip
def test_an_order_number_with_other_contents_is_refused(
    shop: Shop, change: dict[str, object]
) -> None:
    order = shop.order()
    shop.done("alipay.trade.create", order)
    assert refused(shop.call("alipay.trade.create", order | change), "ACQ.CONTEXT_INCONSISTENT")


def test_a_code_to_scan_is_given_and_stays_the_same(shop: Shop) -> None:
    order = shop.order()
    first = shop.done("alipay.trade.precreate", order)
    assert first["out_trade_no"] == order["out_trade_no"]
    assert first["qr_code"].startswith(f"{shop.server.base_url}/pay/")
    assert shop.done("alipay.trade.precreate", order)["qr_code"] == first["qr_code"]


def test_an_order_that_was_only_created_can_still_get_a_code_to_scan(
    shop: Shop, auditor: Auditor
) -> None:
    order = shop.order()
    trade_no = shop.done("alipay.trade.create", order)["trade_no"]
    assert auditor.count("trade", trade_no=trade_no, code_index=b"") == 1
    shop.done("alipay.trade.precreate", order)
    assert auditor.count("trade", trade_no=trade_no, code_index=b"") == 0


def test_a_buyers_code_pays_and_the_money_is_held(shop: Shop, auditor: Auditor) -> None:
    paid = shop.pay("100.00")
    assert {"trade_no", "out_trade_no", "buyer_user_id", "gmt_payment"} <= set(paid)
    assert paid["total_amount"] == paid["receipt_amount"] == paid["buyer_pay_amount"] == "100.00"
    assert paid["fund_bill_list"] == [{"fund_channel": "ALIPAYACCOUNT", "amount": "100.00"}]
    assert "*" in paid["buyer_logon_id"]
    assert "alice@" not in paid["buyer_logon_id"]
    found = shop.done("alipay.trade.query", {"trade_no": paid["trade_no"]})
    assert found["trade_status"] == "TRADE_SUCCESS"
    assert found["send_pay_date"] == paid["gmt_payment"]
    assert found["buyer_user_id"] == paid["buyer_user_id"]
    assert auditor.count("trade", trade_no=paid["trade_no"], status="held") == 1


def test_an_order_is_paid_once(shop: Shop) -> None:
    paying = shop.order() | {"auth_code": shop.server.buyer_code, "scene": "bar_code"}
    shop.done("alipay.trade.pay", paying)
    assert refused(shop.call("alipay.trade.pay", paying), "ACQ.TRADE_HAS_SUCCESS")


def test_a_wrong_code_and_a_poor_buyer_do_not_pay(shop: Shop) -> None:
    wrong = shop.order(auth_code="289999999999999999")
    assert refused(shop.call("alipay.trade.pay", wrong), "ACQ.PAYMENT_AUTH_CODE_INVALID")
    poor = next(b for b in shop.server.credentials["buyers"] if b["login"].startswith("poor"))
    order = shop.order(auth_code=poor["payment_code"])
    assert refused(shop.call("alipay.trade.pay", order), "ACQ.BUYER_BALANCE_NOT_ENOUGH")
    number = {"out_trade_no": order["out_trade_no"]}
    assert refused(shop.call("alipay.trade.query", number), "ACQ.TRADE_NOT_EXIST")


@pytest.mark.parametrize("method", ["alipay.trade.page.pay", "alipay.trade.wap.pay"])
@pytest.mark.parametrize("way", ["GET", "POST"])
def test_a_page_pay_sends_the_browser_to_the_cashier(shop: Shop, method: str, way: str) -> None:
    parameters = shop.sign(
        shop.parameters(method, shop.order(), return_url="http://shop.example/回来?a=1")
    )
    reply = send(shop, parameters, way)
    assert reply.status == 302
    location = reply.headers["location"]
    assert location.startswith(f"{shop.server.base_url}/cashier/")
    assert send(shop, parameters, way).headers["location"] == location
    assert status_of(shop, location.rpartition("/")[2]) == "WAIT_BUYER_PAY"


def send(shop: Shop, parameters: dict[str, str], way: str) -> Reply:
    text = urlencode(parameters)
    if way == "GET":
        return shop.http("GET", f"/gateway.do?{text}")
    form = {"content-type": "application/x-www-form-urlencoded"}
    return shop.http("POST", "/gateway.do", text.encode(), form)


def test_the_whole_escrow_trade(shop: Shop) -> None:
    paid = shop.pay("100.00", **ESCROW)
    trade_no = paid["trade_no"]
    shop.ship(trade_no)
    assert status_of(shop, trade_no) == "TRADE_SUCCESS"
    number = new_number("s")
    confirming = {"trade_no": trade_no, "out_request_no": number} | ESCROW
    done = shop.done("alipay.trade.settle.confirm", confirming)
    assert done["out_request_no"] == number
    assert done["settle_amount"] == "100.00"
    assert shop.done("alipay.trade.settle.confirm", confirming)["settle_amount"] == "100.00"
    again = {"trade_no": trade_no, "out_request_no": new_number("s")}
    assert refused(shop.call("alipay.trade.settle.confirm", again), "ACQ.TRADE_STATUS_ERROR")
    refund = shop.done("alipay.trade.refund", {"trade_no": trade_no, "refund_amount": "100"})
    assert refund["fund_change"] == "Y"
    assert status_of(shop, trade_no) == "TRADE_CLOSED"


def test_settlement_with_receivers_pays_each(shop: Shop, auditor: Auditor) -> None:
    details = [
        {"trans_in_type": "userId", "trans_in": COURIER, "amount": "10.00"},
        {"trans_in_type": "defaultSettle", "amount": "90.00"},
    ]
    paid = shop.pay("100.00", settle_info={"settle_detail_infos": details})
    shop.confirm(paid["trade_no"])
    (plan, fee), *_ = auditor.rows(
        "SELECT splits, fee FROM settlement WHERE trade_no = ?", paid["trade_no"]
    )
    assert json.loads(plan)[0]["amount"] == 1000
    assert fee == 60
    found = shop.done(
        "alipay.trade.query",
        {"trade_no": paid["trade_no"], "query_options": ["trade_settle_info"]},
    )
    details = found["trade_settle_info"]["trade_settle_detail_list"]
    assert [d["amount"] for d in details] == ["100.00"]


def test_an_instant_app_is_settled_at_once_and_splits_later(market: Marketplace) -> None:
    shop = market.instant
    paid = shop.pay("100.00")
    number = new_number("split")
    splitting = {
        "out_request_no": number,
        "trade_no": paid["trade_no"],
        "royalty_parameters": [
            {"trans_in_type": "userId", "trans_in": COURIER, "amount": 12.5, "desc": "骑手"}
        ],
    }
    done = shop.done("alipay.trade.order.settle", splitting)
    assert done["trade_no"] == paid["trade_no"]
    again = shop.done("alipay.trade.order.settle", splitting)
    assert again["settle_no"] == done["settle_no"]
    other = json.loads(json.dumps(splitting))
    other["royalty_parameters"][0]["amount"] = "13"
    answer = shop.call("alipay.trade.order.settle", other)
    assert refused(answer, "ACQ.DISCORDANT_REPEAT_REQUEST")
    more = splitting | {"out_request_no": new_number("split")}
    more["royalty_parameters"] = [{"trans_in": COURIER, "amount_percentage": "88"}]
    answer = shop.call("alipay.trade.order.settle", more)
    assert refused(answer, "ACQ.ALLOC_AMOUNT_VALIDATE_ERROR")
    back = {
        "trade_no": paid["trade_no"],
        "refund_amount": "50.00",
        "out_request_no": new_number("r"),
        "refund_royalty_parameters": [{"trans_out": COURIER, "amount": "12.50"}],
    }
    assert shop.done("alipay.trade.refund", back)["fund_change"] == "Y"


def test_a_held_trade_cannot_be_split_yet(shop: Shop) -> None:
    paid = shop.pay()
    splitting = {
        "out_request_no": "1",
        "trade_no": paid["trade_no"],
        "royalty_parameters": [{"trans_in": COURIER, "amount": "1"}],
    }
    assert refused(shop.call("alipay.trade.order.settle", splitting), "ACQ.TRADE_SETTLE_ERROR")


def test_receivers_are_bound_listed_and_unbound(market: Marketplace) -> None:
    shop = market.shop("2026000000000004")
    listed = {"out_request_no": "q"}
    entities = [
        {"type": "userId", "account": COURIER, "memo": "快送"},
        {"type": "userId", "account": MARKET},
    ]
    bound = shop.done(
        "alipay.trade.royalty.relation.bind", {"out_request_no": "b", "receiver_list": entities}
    )
    assert bound["result_code"] == "SUCCESS"
    page = shop.done("alipay.trade.royalty.relation.batchquery", listed | {"page_size": "1"})
    assert page["total_record_num"] == 2
    assert page["total_page_num"] == 2
    assert len(page["receiver_list"]) == 1
    page = shop.done("alipay.trade.royalty.relation.batchquery", listed)
    by_account = {r["account"]: r.get("memo") for r in page["receiver_list"]}
    assert by_account[COURIER] == "快送"
    gone = {"out_request_no": "u", "receiver_list": entities[:1]}
    for _ in range(2):
        assert shop.done("alipay.trade.royalty.relation.unbind", gone)["result_code"] == "SUCCESS"
    page = shop.done("alipay.trade.royalty.relation.batchquery", listed)
    assert [r["account"] for r in page["receiver_list"]] == [MARKET]
    paid = shop.pay("10.00", seller_id=TEA)
    shop.confirm(paid["trade_no"])
    splitting = {
        "out_request_no": "1",
        "trade_no": paid["trade_no"],
        "royalty_parameters": [{"trans_in": COURIER, "amount": "1"}],
    }
    answer = shop.call("alipay.trade.order.settle", splitting)
    assert refused(answer, "ACQ.ROYALTY_RECEIVER_INVALID")


def test_an_unpaid_order_is_closed_and_then_cannot_be_paid(shop: Shop) -> None:
    order = shop.order()
    made = shop.done("alipay.trade.create", order)
    number = {"out_trade_no": order["out_trade_no"]}
    assert shop.done("alipay.trade.close", number)["trade_no"] == made["trade_no"]
    assert refused(shop.call("alipay.trade.close", number), "ACQ.TRADE_HAS_CLOSE")
    paying = order | {"auth_code": shop.server.buyer_code}
    assert refused(shop.call("alipay.trade.pay", paying), "ACQ.TRADE_HAS_CLOSE")
    assert status_of(shop, made["trade_no"]) == "TRADE_CLOSED"


def test_a_paid_order_is_not_closed(shop: Shop) -> None:
    paid = shop.pay()
    answer = shop.call("alipay.trade.close", {"trade_no": paid["trade_no"]})
    assert refused(answer, "ACQ.TRADE_STATUS_ERROR")


def test_cancelling_closes_what_is_unpaid_and_gives_back_what_is_paid(shop: Shop) -> None:
    order = shop.order()
    shop.done("alipay.trade.create", order)
    number = {"out_trade_no": order["out_trade_no"]}
    first = shop.done("alipay.trade.cancel", number)
    assert (first["retry_flag"], first["action"]) == ("N", "close")
    assert "action" not in shop.done("alipay.trade.cancel", number)
    paid = shop.pay()
    undone = shop.done("alipay.trade.cancel", {"trade_no": paid["trade_no"]})
    assert undone["action"] == "refund"
    assert status_of(shop, paid["trade_no"]) == "TRADE_CLOSED"


def test_refunds_in_parts_with_a_number_each(shop: Shop) -> None:
    paid = shop.pay("100.00")
    number = new_number("r")
    part = {
        "trade_no": paid["trade_no"],
        "refund_amount": "30.00",
        "out_request_no": number,
        "refund_reason": "退货",
    }
    first = shop.done("alipay.trade.refund", part)
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "30.00")
    assert first["send_back_fee"] == "30.00"
    assert first["gmt_refund_pay"]
    assert first["refund_detail_item_list"][0]["amount"] == "30.00"
    again = shop.done("alipay.trade.refund", part)
    assert (again["fund_change"], again["refund_fee"]) == ("N", "30.00")
    other = part | {"refund_amount": "31.00"}
    answer = shop.call("alipay.trade.refund", other)
    assert refused(answer, "ACQ.DISCORDANT_REPEAT_REQUEST")
    second = part | {"out_request_no": new_number("r"), "refund_amount": 20}
    assert shop.done("alipay.trade.refund", second)["refund_fee"] == "50.00"
    too_much = part | {"out_request_no": new_number("r"), "refund_amount": "50.01"}
    answer = shop.call("alipay.trade.refund", too_much)
    assert refused(answer, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
    found = shop.done(
        "alipay.trade.fastpay.refund.query",
        {"trade_no": paid["trade_no"], "out_request_no": number},
    )
    assert found["refund_status"] == "REFUND_SUCCESS"
    assert (found["refund_amount"], found["total_amount"]) == ("30.00", "100.00")
    assert found["refund_reason"] == "退货"
    unknown = {"trade_no": paid["trade_no"], "out_request_no": new_number("r")}
    assert "refund_status" not in shop.done("alipay.trade.fastpay.refund.query", unknown)


def test_refunds_of_what_is_not_paid_are_refused(shop: Shop) -> None:
    order = shop.order()
    shop.done("alipay.trade.create", order)
    refund = {"out_trade_no": order["out_trade_no"], "refund_amount": "1"}
    assert refused(shop.call("alipay.trade.refund", refund), "ACQ.TRADE_STATUS_ERROR")


@pytest.mark.parametrize(
    ("term", "seconds"),
    [({"timeout_express": "90m"}, 5400), ({"timeout_express": "2h"}, 7200), ({}, 1_296_000)],
)
def test_the_time_to_pay(shop: Shop, auditor: Auditor, term: dict[str, Any], seconds: int) -> None:
    made = shop.done("alipay.trade.create", shop.order(**term))
    ((created_ms, pay_by_ms),) = auditor.rows(
        "SELECT created_ms, pay_by_ms FROM trade WHERE trade_no = ?", made["trade_no"]
    )
    assert pay_by_ms - created_ms == seconds * 1000


def test_the_time_to_pay_ends_at_a_moment_and_repeats_are_the_same_order(
    shop: Shop, auditor: Auditor
) -> None:
    until = china_now(3600)
    for term, ends in (
        ({"time_expire": until}, until),
        ({"time_expire": until[:16]}, until[:16] + ":00"),
        ({"timeout_express": "1c"}, None),
    ):
        parameters = shop.sign(shop.parameters("alipay.trade.create", shop.order(**term)))
        made = shop.read(shop.send(parameters))
        assert made["code"] == "10000", made
        assert shop.read(shop.send(parameters)) == made
        ((pay_by_ms,),) = auditor.rows(
            "SELECT pay_by_ms FROM trade WHERE trade_no = ?", made["trade_no"]
        )
        assert china_time(pay_by_ms) == ends or china_time(pay_by_ms).endswith("00:00:00")


@pytest.mark.parametrize(
    ("term", "code", "sub_code"),
    [
        ({"timeout_express": "16d"}, "40002", "isv.invalid-parameter"),
        ({"timeout_express": "soon"}, "40002", "isv.invalid-parameter"),
        ({"time_expire": "tomorrow"}, "40002", "isv.invalid-parameter"),
        ({"time_expire": "2020-01-01 00:00"}, "40004", "ACQ.INVALID_PARAMETER"),
    ],
)
def test_a_time_to_pay_that_cannot_be_is_refused(
    shop: Shop, term: dict[str, Any], code: str, sub_code: str
) -> None:
    assert refused(shop.call("alipay.trade.create", shop.order(**term)), sub_code, code)


def test_an_app_does_not_see_another_apps_trades(shop: Shop, market: Marketplace) -> None:
    paid = shop.pay()
    other = market.instant
    for method, content in (
        ("alipay.trade.query", {}),
        ("alipay.trade.close", {}),
        ("alipay.trade.cancel", {}),
        ("alipay.trade.refund", {"refund_amount": "1"}),
        ("alipay.trade.settle.confirm", {"out_request_no": "1"}),
    ):
        answer = other.call(method, {"trade_no": paid["trade_no"]} | content)
        assert refused(answer, "ACQ.TRADE_NOT_EXIST"), method
    assert status_of(shop, paid["trade_no"]) == "TRADE_SUCCESS"


def test_a_seller_must_belong_to_the_app(market: Marketplace) -> None:
    answer = market.instant.call("alipay.trade.create", market.instant.order(seller_id=MARKET))
    assert refused(answer, "ACQ.SELLER_NOT_EXIST")
    assert market.instant.done("alipay.trade.create", market.instant.order(seller_id=COURIER))


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1.234", "1e3", "NaN", "", "١"])
def test_an_amount_that_is_none_is_refused(shop: Shop, amount: str) -> None:
    answer = shop.call("alipay.trade.create", shop.order(amount))
    assert answer["code"] in ("40001", "40002", "40004"), answer
    assert "amount" in answer["sub_msg"]
