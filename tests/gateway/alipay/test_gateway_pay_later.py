"""The pay-later channel over signed HTTP: the next bill, instalments, who bears the fee."""

from __future__ import annotations

import pytest
from tests.gateway.alipay.shop import Auditor, Shop


def _loans(auditor: Auditor, trade_no: str) -> list[tuple[object, ...]]:
    return auditor.rows("SELECT status, contract FROM loan WHERE trade_no = ?", trade_no)


def test_a_purchase_on_the_next_bill(shop: Shop, auditor: Auditor) -> None:
    paid = shop.pay(enable_pay_channels="pcredit")
    assert paid["fund_bill_list"] == [{"fund_channel": "PCREDIT", "amount": "100.00"}]
    ((status, contract),) = _loans(auditor, paid["trade_no"])
    assert status == "active"
    assert '"count":1' in str(contract)


@pytest.mark.parametrize("count", ["3", "6", 12])
def test_instalments_are_chosen_and_the_seller_may_bear_their_fee(
    shop: Shop, auditor: Auditor, count: str | int
) -> None:
    chosen = {"hb_fq_num": count, "hb_fq_seller_percent": type(count)(100)}
    paid = shop.pay(extend_params=chosen)
    ((_, contract),) = _loans(auditor, paid["trade_no"])
    assert f'"count":{count}' in str(contract)
    assert '"period_fee":0' in str(contract)


def test_a_refund_repays_the_credit(shop: Shop, auditor: Auditor) -> None:
    paid = shop.pay(extend_params={"hb_fq_num": "3", "hb_fq_seller_percent": "0"})
    shop.done("alipay.trade.refund", {"trade_no": paid["trade_no"], "refund_amount": "100.00"})
    ((status, _),) = _loans(auditor, paid["trade_no"])
    assert status == "closed"


def test_other_numbers_parts_and_too_much_are_refused(shop: Shop) -> None:
    def refused(total: str, **extend: str) -> str:
        order = shop.order(total, auth_code=shop.server.buyer_code, extend_params=extend)
        return str(shop.call("alipay.trade.pay", order)["sub_code"])

    assert refused("100.00", hb_fq_num="5") == "ACQ.INVALID_PARAMETER"
    assert refused("100.00", hb_fq_num="x") == "isv.invalid-parameter"
    half = refused("100.00", hb_fq_num="3", hb_fq_seller_percent="50")
    assert half == "isv.invalid-parameter"
    assert refused("9000.00", hb_fq_num="3") == "ACQ.BUYER_ENABLE_STATUS_FORBID"
