"""The fund methods over signed HTTP: transfers, balances, holds."""

from __future__ import annotations

import json

import pytest
from tests.gateway.alipay.marketplace import COURIER, TEA, Marketplace
from tests.gateway.alipay.shop import Shop, new_number

ALICE = "2088000000000101"


@pytest.fixture
def rich(market: Marketplace) -> Shop:
    """An app whose merchant has money of its own: a sale that settled at once."""
    shop = market.instant
    shop.pay("200.00")
    return shop


def available(shop: Shop) -> int:
    answer = shop.done("alipay.fund.account.query", {})
    assert answer["freeze_amount"] == "0.00"
    return int(answer["available_amount"].replace(".", ""))


def transfer(**more: object) -> dict[str, object]:
    return {
        "out_biz_no": new_number("t"),
        "trans_amount": "12.30",
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
        "order_title": "佣金",
        "payee_info": {"identity": COURIER, "identity_type": "ALIPAY_USER_ID"},
    } | more


def test_a_transfer_is_made_once_and_found(rich: Shop) -> None:
    before = available(rich)
    sending = transfer()
    done = rich.done("alipay.fund.trans.uni.transfer", sending)
    assert done["status"] == "SUCCESS"
    assert done["out_biz_no"] == sending["out_biz_no"]
    assert done["trans_date"]
    assert done["amount"] == "12.30"
    again = rich.done("alipay.fund.trans.uni.transfer", sending)
    assert again["order_id"] == done["order_id"]
    assert available(rich) == before - 1230
    other = rich.call("alipay.fund.trans.uni.transfer", sending | {"trans_amount": "12.31"})
    assert other["sub_code"] == "PARAM_ILLEGAL_DUPLICATE"
    for name in ("order_id", "out_biz_no", "pay_fund_order_id"):
        found = rich.done("alipay.fund.trans.common.query", {name: done[name]})
        assert found["order_id"] == done["order_id"]
        assert (found["status"], found["trans_amount"]) == ("SUCCESS", "12.30")
        assert found["pay_date"] == done["trans_date"]


def test_a_payee_is_found_by_login(rich: Shop) -> None:
    payee = {"identity": "alice@sandbox.test", "identity_type": "ALIPAY_LOGON_ID"}
    assert rich.done("alipay.fund.trans.uni.transfer", transfer(payee_info=payee))


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"payee_info": {"identity": "nobody@x", "identity_type": "ALIPAY_LOGON_ID"}},
         "PAYEE_NOT_EXIST"),
        ({"payee_info": {"identity": "2088999999999999", "identity_type": "ALIPAY_USER_ID"}},
         "PAYEE_NOT_EXIST"),
        ({"payee_info": {"identity": TEA, "identity_type": "ALIPAY_USER_ID"}},
         "PAYER_PAYEE_EQUAL"),
        ({"payee_info": {"identity": "1", "identity_type": "BANKCARD_ACCOUNT"}},
         "isv.invalid-parameter"),
        ({"trans_amount": "99999999.00"}, "PAYER_BALANCE_NOT_ENOUGH"),
        ({"trans_amount": "0"}, "ACQ.INVALID_PARAMETER"),
    ],
)  # fmt: skip
def test_a_transfer_that_cannot_be_is_refused(
    rich: Shop, change: dict[str, object], sub_code: str
) -> None:
    before = available(rich)
    answer = rich.call("alipay.fund.trans.uni.transfer", transfer(**change))
    assert answer["sub_code"] == sub_code
    assert available(rich) == before


def test_an_unknown_transfer_and_another_apps_transfer_are_not_found(
    rich: Shop, shop: Shop
) -> None:
    done = rich.done("alipay.fund.trans.uni.transfer", transfer())
    for asker, content in (
        (rich, {"out_biz_no": new_number()}),
        (shop, {"order_id": done["order_id"]}),
        (shop, {"out_biz_no": done["out_biz_no"]}),
    ):
        answer = asker.call("alipay.fund.trans.common.query", content)
        assert answer["sub_code"] == "ORDER_NOT_EXIST"


def test_an_app_sees_its_own_balance_only(rich: Shop) -> None:
    assert rich.done("alipay.fund.account.query", {"alipay_user_id": TEA})
    answer = rich.call("alipay.fund.account.query", {"alipay_user_id": ALICE})
    assert answer["code"] == "40006"


def freezing(shop: Shop, amount: str = "100.00") -> dict[str, object]:
    return {
        "out_order_no": new_number("h"),
        "out_request_no": new_number("h"),
        "order_title": "押金",
        "amount": amount,
        "auth_code": shop.server.buyer_code,
        "auth_code_type": "bar_code",
        "product_code": "PREAUTH_PAY",
    }


def detail(shop: Shop, hold: dict[str, object], request_no: object) -> dict[str, object]:
    content = {"auth_no": hold["auth_no"], "out_request_no": request_no}
    return shop.done("alipay.fund.auth.operation.detail.query", content)


def test_money_is_frozen_paid_from_and_given_free(shop: Shop) -> None:
    asked = freezing(shop)
    hold = shop.done("alipay.fund.auth.order.freeze", asked)
    assert (hold["status"], hold["amount"]) == ("SUCCESS", "100.00")
    assert hold["payer_user_id"] == ALICE
    assert hold["out_order_no"] == asked["out_order_no"]
    again = shop.done("alipay.fund.auth.order.freeze", asked)
    assert (again["auth_no"], again["operation_id"]) == (hold["auth_no"], hold["operation_id"])
    other = shop.call("alipay.fund.auth.order.freeze", asked | {"amount": "100.01"})
    assert other["sub_code"] == "ORDER_ALREADY_EXIST_DIFFERENT"

    paid = shop.done("alipay.trade.pay", shop.order("60.00", auth_no=hold["auth_no"]))
    assert paid["buyer_user_id"] == ALICE
    found = detail(shop, hold, asked["out_request_no"])
    assert found["operation_type"] == "FREEZE"
    assert found["total_freeze_amount"] == "100.00"
    assert found["total_pay_amount"] == "60.00"
    assert found["rest_amount"] == "40.00"

    free = {
        "auth_no": hold["auth_no"],
        "out_request_no": new_number("u"),
        "amount": "15.00",
        "remark": "还",
    }
    done = shop.done("alipay.fund.auth.order.unfreeze", free)
    assert (done["status"], done["amount"]) == ("SUCCESS", "15.00")
    assert (
        shop.done("alipay.fund.auth.order.unfreeze", free)["operation_id"] == (done["operation_id"])
    )
    found = detail(shop, hold, free["out_request_no"])
    assert (found["operation_type"], found["rest_amount"]) == ("UNFREEZE", "25.00")
    more = free | {"out_request_no": new_number("u"), "amount": "25.01"}
    answer = shop.call("alipay.fund.auth.order.unfreeze", more)
    assert answer["sub_code"] == "UNFREEZE_AMOUNT_EXCEEDED"
    assert "(Frozen: 25.00.)" in answer["sub_msg"]
    shop.done("alipay.fund.auth.order.unfreeze", more | {"amount": "25.00"})
    assert detail(shop, hold, asked["out_request_no"])["rest_amount"] == "0.00"
    last = free | {"out_request_no": new_number("u"), "amount": "1"}
    answer = shop.call("alipay.fund.auth.order.unfreeze", last)
    assert answer["sub_code"] == "ORDER_ALREADY_CLOSED"


def test_no_more_is_paid_from_a_hold_than_is_frozen(shop: Shop) -> None:
    hold = shop.done("alipay.fund.auth.order.freeze", freezing(shop, "10.00"))
    answer = shop.call("alipay.trade.pay", shop.order("10.01", auth_no=hold["auth_no"]))
    assert answer["sub_code"] == "UNFREEZE_AMOUNT_EXCEEDED"
    assert shop.done("alipay.trade.pay", shop.order("10.00", auth_no=hold["auth_no"]))


def test_a_hold_belongs_to_its_app(shop: Shop, market: Marketplace) -> None:
    hold = shop.done("alipay.fund.auth.order.freeze", freezing(shop, "1.00"))
    other = market.instant
    for method, content in (
        ("alipay.fund.auth.order.unfreeze", {"amount": "1", "remark": "x"}),
        ("alipay.fund.auth.operation.detail.query", {}),
    ):
        named = {"auth_no": hold["auth_no"], "out_request_no": "x"} | content
        assert other.call(method, named)["sub_code"] == "AUTH_ORDER_NOT_EXIST"
    answer = other.call("alipay.trade.pay", other.order("1.00", auth_no=hold["auth_no"]))
    assert answer["sub_code"] == "AUTH_ORDER_NOT_EXIST"


def test_money_in_text_and_in_numbers_is_the_same_money(rich: Shop) -> None:
    before = available(rich)
    content = json.dumps(transfer(trans_amount=0)).replace(
        '"trans_amount": 0', '"trans_amount": 0.10'
    )
    rich.done("alipay.fund.trans.uni.transfer", content)
    assert available(rich) == before - 10
