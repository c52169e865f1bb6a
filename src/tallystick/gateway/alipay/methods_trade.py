"""The trade methods: each reads its content, sends a command or reads a view, and answers."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from tallystick.credit.inquiries.model import CaptureDeposit
from tallystick.credit.inquiries.views import find_deposit
from tallystick.credit.loans.model import Loan
from tallystick.credit.pay_later.model import PAY_LATER, PayTradeLater
from tallystick.gateway.alipay.calls import (
    Call,
    Failed,
    Method,
    create_order,
    money,
    royalty_splits,
    settle_splits,
    success,
    yuan,
)
from tallystick.gateway.alipay.faults import fault
from tallystick.gateway.alipay.schemas_trade import TradePay
from tallystick.money.china_time import china_time
from tallystick.parties.views import payment_code_index
from tallystick.payments.trades.model import (
    CancelTrade,
    CloseTrade,
    ConfirmReceipt,
    PayTrade,
    Refund,
    Refunded,
    RefundTrade,
    RelateReceivers,
    RoyaltyRelation,
    Settlement,
    SplitDone,
    SplitTrade,
    Trade,
    TradeDone,
    UnrelateReceivers,
)
from tallystick.payments.trades.transitions import PROTOCOL_STATUS

__all__ = ["TRADE_METHODS"]

_PAY_LATER_CHANNEL: Final = "pcredit"


async def create(call: Call) -> dict[str, Any]:
    """`alipay.trade.create`."""
    done: TradeDone = await call.submit(create_order(call, buyer_id=call.content.buyer_id or ""))
    return success(out_trade_no=done.out_trade_no, trade_no=done.trade_no)


def scan_code(call: Call) -> str:
    """The code of an order for a buyer to scan: the same order has the same code."""
    sealer = call.platform.sealer
    return sealer.lasting_index("trade.scan", f"{call.app_id}\0{call.content.out_trade_no}").hex()


async def precreate(call: Call) -> dict[str, Any]:
    """`alipay.trade.precreate`."""
    code = scan_code(call)
    index = call.platform.sealer.lasting_index("trade.code", code)
    done: TradeDone = await call.submit(create_order(call, code_index=index))
    return success(
        out_trade_no=done.out_trade_no,
        qr_code=f"{call.platform.settings.public_base}/pay/{code}",
    )


async def page_pay(call: Call) -> dict[str, Any]:
    """`alipay.trade.page.pay` and `.wap.pay`: open the order; the endpoint then redirects."""
    done: TradeDone = await call.submit(create_order(call))
    return success(out_trade_no=done.out_trade_no, trade_no=done.trade_no)


async def pay(call: Call) -> dict[str, Any]:
    """`alipay.trade.pay`: by the buyer's code, or out of a hold."""
    content = call.content
    code_index = b""
    if content.auth_code:
        code_index = payment_code_index(call.platform.sealer, content.auth_code)
    payment = PayTrade(
        app_id=call.app_id,
        order=create_order(call, buyer_id=content.buyer_id or ""),
        payment_code_index=code_index,
        hold_id=content.auth_no or "",
    )
    later = pay_later(content, payment)
    done: TradeDone = await call.submit(later or _by_deposit(call, payment) or payment)
    amount = yuan(done.amount)
    return success(
        trade_no=done.trade_no,
        out_trade_no=done.out_trade_no,
        buyer_logon_id=call.login_of(done.buyer_id),
        total_amount=amount,
        receipt_amount=amount,
        buyer_pay_amount=amount,
        gmt_payment=china_time(done.paid_ms),
        fund_bill_list=[
            {"fund_channel": "PCREDIT" if later else "ALIPAYACCOUNT", "amount": amount}
        ],
        buyer_user_id=done.buyer_id,
    )


def _by_deposit(call: Call, payment: PayTrade) -> CaptureDeposit | None:
    """The payment out of a deposit that was left out by score, when `auth_no` names one."""
    if not payment.hold_id:
        return None
    hold = find_deposit(call.platform.rows, call.app_id, hold_id=payment.hold_id)
    if hold is None:
        return None
    return CaptureDeposit(hold_id=hold.hold_id, payment=replace(payment, hold_id="", buyer_id=""))


def _plain(given: str | int | None) -> str:
    return "" if given is None else str(given)


def pay_later(content: TradePay, payment: PayTrade) -> PayTradeLater | None:
    """The payment on credit that content asks for: on the next bill, or in instalments.

    Raises:
        Failed: the number of instalments, or who bears their fee, cannot be read.
    """
    extend = content.extend_params
    chosen = _plain(extend.hb_fq_num) if extend else ""
    channels = {c.strip() for c in (content.enable_pay_channels or "").split(",")}
    if not chosen and channels != {_PAY_LATER_CHANNEL}:
        return None
    percent = (_plain(extend.hb_fq_seller_percent) if extend else "") or "0"
    if percent not in ("0", "100"):
        raise Failed(fault("isv.invalid-parameter", "hb_fq_seller_percent"))
    if chosen and not (chosen.isascii() and chosen.isdigit() and len(chosen) <= 3):
        raise Failed(fault("isv.invalid-parameter", "hb_fq_num"))
    return PayTradeLater(
        payment=payment,
        product_id=PAY_LATER,
        count=int(chosen or 1),
        seller_pays=percent == "100",
    )


async def query(call: Call) -> dict[str, Any]:
    """`alipay.trade.query`."""
    trade = call.trade(call.content.trade_no, call.content.out_trade_no)
    amount = yuan(trade.amount)
    paid = amount if trade.paid_ms else "0.00"
    return success(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        buyer_logon_id=call.login_of(trade.buyer_id),
        trade_status=PROTOCOL_STATUS[trade.status],
        total_amount=amount,
        receipt_amount=paid,
        buyer_pay_amount=paid,
        invoice_amount=paid,
        send_pay_date=china_time(trade.paid_ms),
        buyer_user_id=trade.buyer_id,
        subject=trade.subject,
        body=trade.body,
        passback_params=trade.passback_params,
        fund_bill_list=[{"fund_channel": _fund_channel(call, trade.trade_no), "amount": amount}]
        if trade.paid_ms
        else None,
        trade_settle_info=_settle_info(call, trade),
    )


def _fund_channel(call: Call, trade_no: str) -> str:
    """What a trade was paid with: the buyer's balance, or a loan."""
    paid_later = call.platform.rows.select(Loan, trade_no=trade_no)
    return "PCREDIT" if paid_later else "ALIPAYACCOUNT"


def _settle_info(call: Call, trade: Trade) -> dict[str, Any] | None:
    if "trade_settle_info" not in (call.content.query_options or ()):
        return None
    rows = _settlements(call, trade.trade_no)
    return {
        "trade_settle_detail_list": [
            {
                "operation_type": row.kind.value,
                "operation_serial_no": row.settle_no,
                "operation_dt": china_time(row.settled_ms),
                "amount": yuan(row.amount),
            }
            for row in rows
        ]
    }


async def close(call: Call) -> dict[str, Any]:
    """`alipay.trade.close`."""
    content = call.content
    done: TradeDone = await call.submit(
        CloseTrade(
            app_id=call.app_id,
            trade_no=content.trade_no or "",
            out_trade_no=content.out_trade_no or "",
        )
    )
    return success(trade_no=done.trade_no, out_trade_no=done.out_trade_no)


async def cancel(call: Call) -> dict[str, Any]:
    """`alipay.trade.cancel`."""
    content = call.content
    done: TradeDone = await call.submit(
        CancelTrade(
            app_id=call.app_id,
            trade_no=content.trade_no or "",
            out_trade_no=content.out_trade_no or "",
        )
    )
    return success(
        trade_no=done.trade_no,
        out_trade_no=done.out_trade_no,
        retry_flag="N",
        action=done.action,
    )


async def refund(call: Call) -> dict[str, Any]:
    """`alipay.trade.refund`."""
    content = call.content
    trade = call.trade(content.trade_no, content.out_trade_no)
    clawbacks = royalty_splits(content.refund_royalty_parameters or [], trade.amount, "trans_out")
    done: Refunded = await call.submit(
        RefundTrade(
            app_id=call.app_id,
            trade_no=trade.trade_no,
            amount=money(content.refund_amount, "refund_amount"),
            out_request_no=content.out_request_no or "",
            reason=content.refund_reason or "",
            clawbacks=clawbacks,
        )
    )
    return success(
        trade_no=done.trade_no,
        out_trade_no=done.out_trade_no,
        buyer_logon_id=call.login_of(done.buyer_id),
        buyer_user_id=done.buyer_id,
        fund_change="Y" if done.changed else "N",
        refund_fee=yuan(done.refunded_total),
        send_back_fee=yuan(done.amount),
        gmt_refund_pay=china_time(done.refunded_ms),
        refund_detail_item_list=[
            {"fund_channel": _fund_channel(call, done.trade_no), "amount": yuan(done.amount)}
        ],
    )


async def refund_query(call: Call) -> dict[str, Any]:
    """`alipay.trade.fastpay.refund.query`; an unknown request number has no refund status."""
    content = call.content
    trade = call.trade(content.trade_no, content.out_trade_no)
    found = call.platform.rows.get(Refund, trade.trade_no, content.out_request_no)
    numbers = {"trade_no": trade.trade_no, "out_trade_no": trade.out_trade_no}
    if found is None:
        return success(**numbers)
    return success(
        **numbers,
        out_request_no=found.out_request_no,
        refund_status="REFUND_SUCCESS",
        total_amount=yuan(trade.amount),
        refund_amount=yuan(found.amount),
        send_back_fee=yuan(found.amount),
        refund_reason=found.reason,
        gmt_refund_pay=china_time(found.refunded_ms),
    )


async def settle_confirm(call: Call) -> dict[str, Any]:
    """`alipay.trade.settle.confirm`: the receipt is confirmed, what is held is paid out."""
    content = call.content
    trade = call.trade(content.trade_no, None)
    await call.submit(
        ConfirmReceipt(
            app_id=call.app_id,
            trade_no=trade.trade_no,
            out_request_no=content.out_request_no,
            splits=settle_splits(content.settle_info, trade.seller_id),
        )
    )
    settled = [
        row
        for row in _settlements(call, trade.trade_no)
        if row.out_request_no == content.out_request_no
    ]
    return success(
        trade_no=trade.trade_no,
        out_request_no=content.out_request_no,
        settle_amount=yuan(settled[0].amount),
    )


def _settlements(call: Call, trade_no: str) -> list[Settlement]:
    return call.platform.rows.select(Settlement, trade_no=trade_no)


async def order_settle(call: Call) -> dict[str, Any]:
    """`alipay.trade.order.settle`: split a settled trade among bound receivers."""
    content = call.content
    trade = call.trade(content.trade_no, None)
    for at, part in enumerate(content.royalty_parameters):
        if part.trans_out not in (None, trade.seller_id):
            raise Failed(fault("isv.invalid-parameter", f"royalty_parameters[{at}].trans_out"))
    done: SplitDone = await call.submit(
        SplitTrade(
            app_id=call.app_id,
            trade_no=trade.trade_no,
            out_request_no=content.out_request_no,
            splits=royalty_splits(content.royalty_parameters, trade.amount, "trans_in"),
        )
    )
    return success(trade_no=done.trade_no, settle_no=done.settle_no)


def _receivers(call: Call) -> dict[str, str]:
    receivers = {}
    for at, entity in enumerate(call.content.receiver_list):
        if entity.type != "userId" or not entity.account:
            raise Failed(fault("isv.invalid-parameter", f"receiver_list[{at}].type"))
        receivers[entity.account] = entity.memo or ""
    return receivers


async def bind(call: Call) -> dict[str, Any]:
    """`alipay.trade.royalty.relation.bind`."""
    await call.submit(RelateReceivers(app_id=call.app_id, receivers=_receivers(call)))
    return success(result_code="SUCCESS")


async def unbind(call: Call) -> dict[str, Any]:
    """`alipay.trade.royalty.relation.unbind`."""
    await call.submit(UnrelateReceivers(app_id=call.app_id, receivers=tuple(_receivers(call))))
    return success(result_code="SUCCESS")


async def batchquery(call: Call) -> dict[str, Any]:
    """`alipay.trade.royalty.relation.batchquery`."""
    rows = call.platform.rows.select(RoyaltyRelation, app_id=call.app_id)
    size = call.content.page_size or 20
    page = call.content.page_num or 1
    shown = rows[(page - 1) * size : page * size]
    return success(
        result_code="SUCCESS",
        receiver_list=[
            {"type": "userId", "account": row.receiver_id, "memo": row.memo} for row in shown
        ],
        total_record_num=len(rows),
        total_page_num=-(-len(rows) // size),
        current_page_num=page,
        current_page_size=size,
    )


TRADE_METHODS: Final[dict[str, Method]] = {
    "alipay.trade.create": create,
    "alipay.trade.precreate": precreate,
    "alipay.trade.pay": pay,
    "alipay.trade.page.pay": page_pay,
    "alipay.trade.wap.pay": page_pay,
    "alipay.trade.query": query,
    "alipay.trade.close": close,
    "alipay.trade.cancel": cancel,
    "alipay.trade.refund": refund,
    "alipay.trade.fastpay.refund.query": refund_query,
    "alipay.trade.settle.confirm": settle_confirm,
    "alipay.trade.order.settle": order_settle,
    "alipay.trade.royalty.relation.bind": bind,
    "alipay.trade.royalty.relation.unbind": unbind,
    "alipay.trade.royalty.relation.batchquery": batchquery,
}
