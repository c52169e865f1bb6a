"""The fund and bill methods: transfers, balances, holds, and the bill to download."""

from __future__ import annotations

from typing import Any, Final

from tallystick.credit.inquiries.views import find_deposit
from tallystick.gateway.alipay.calls import (
    CURRENCY,
    Call,
    Failed,
    Method,
    expires_within_ms,
    money,
    notify_address,
    success,
    yuan,
)
from tallystick.gateway.alipay.faults import fault
from tallystick.gateway.alipay.methods_zhima import (
    deposit_detail,
    freeze_by_score,
    release_deposit,
)
from tallystick.money.china_time import china_time
from tallystick.parties.views import party_by_login, payment_code_index
from tallystick.partners.model import App
from tallystick.payments.bills import bill_link
from tallystick.payments.holds.model import (
    FreezeFunds,
    FundHold,
    HoldDone,
    HoldOperation,
    HoldOperationKind,
    UnfreezeFunds,
)
from tallystick.payments.holds.views import find_hold, frozen_amount
from tallystick.payments.wallet.model import (
    TransferBetweenWallets,
    WalletTransfer,
    WalletTransferDone,
)
from tallystick.payments.wallet.views import wallet_balance
from tallystick.pipeline.refusals import Refusal

__all__ = ["FUND_METHODS"]


def _app(call: Call) -> App:
    app = call.platform.rows.get(App, call.app_id)
    assert app is not None, call.app_id
    return app


def _payee(call: Call) -> str:
    payee = call.content.payee_info
    if payee.identity_type == "ALIPAY_USER_ID":
        return str(payee.identity)
    if payee.identity_type == "ALIPAY_LOGON_ID":
        party = party_by_login(call.platform.rows, call.platform.sealer, payee.identity)
        if party is None:
            raise Failed(Refusal("PAYEE_NOT_EXIST"))
        return party.party_id
    raise Failed(fault("isv.invalid-parameter", "payee_info.identity_type"))


async def uni_transfer(call: Call) -> dict[str, Any]:
    """`alipay.fund.trans.uni.transfer`: from the app's merchant to a wallet."""
    content = call.content
    done: WalletTransferDone = await call.submit(
        TransferBetweenWallets(
            app_id=call.app_id,
            payer_id=_app(call).merchant_id,
            payee_id=_payee(call),
            amount=money(content.trans_amount, "trans_amount"),
            out_biz_no=content.out_biz_no,
            currency=CURRENCY,
            title=content.order_title or "",
            remark=content.remark or "",
        )
    )
    return success(
        out_biz_no=done.out_biz_no,
        order_id=done.order_id,
        pay_fund_order_id=done.order_id,
        amount=yuan(done.amount),
        status="SUCCESS",
        trans_date=china_time(done.transferred_ms),
    )


async def common_query(call: Call) -> dict[str, Any]:
    """`alipay.fund.trans.common.query`."""
    content, rows = call.content, call.platform.rows
    order_id = content.order_id or content.pay_fund_order_id
    scope = f"app:{call.app_id}"
    found = (
        rows.get(WalletTransfer, order_id)
        if order_id
        else rows.find(WalletTransfer, payer_scope=scope, out_biz_no=content.out_biz_no)
    )
    if found is None or found.payer_scope != scope:
        raise Failed(Refusal("TRANSFER_NOT_EXIST"))
    return success(
        order_id=found.order_id,
        pay_fund_order_id=found.order_id,
        out_biz_no=found.out_biz_no,
        status="SUCCESS",
        trans_amount=yuan(found.amount),
        receiver_user_id=found.payee_id,
        pay_date=china_time(found.transferred_ms),
    )


async def account_query(call: Call) -> dict[str, Any]:
    """`alipay.fund.account.query`: the balance of the app's own merchant."""
    merchant_id = _app(call).merchant_id
    wanted = call.content.alipay_user_id or call.content.merchant_user_id
    if wanted not in (None, merchant_id):
        raise Failed(Refusal("NOT_PERMITTED", "An app sees its own balance only."))
    balance = wallet_balance(call.platform.rows, call.platform.ledger, merchant_id, CURRENCY)
    return success(available_amount=yuan(balance.available), freeze_amount=yuan(balance.frozen))


async def freeze(call: Call) -> dict[str, Any]:
    """`alipay.fund.auth.order.freeze`."""
    content = call.content
    if content.deposit_product_mode:
        return await freeze_by_score(call)
    done: HoldDone = await call.submit(
        FreezeFunds(
            app_id=call.app_id,
            out_order_no=content.out_order_no,
            out_request_no=content.out_request_no,
            amount=money(content.amount, "amount"),
            title=content.order_title,
            payee_id=content.payee_user_id or "",
            payment_code_index=payment_code_index(call.platform.sealer, content.auth_code),
            notify_url=notify_address(call),
            expires_within_ms=expires_within_ms(content.timeout_express),
        )
    )
    return success(
        auth_no=done.hold_id,
        out_order_no=done.out_order_no,
        operation_id=done.operation_id,
        out_request_no=done.out_request_no,
        amount=yuan(done.amount),
        status="SUCCESS",
        payer_user_id=done.payer_id,
        payer_logon_id=call.login_of(done.payer_id),
        gmt_trans=china_time(done.at_ms),
    )


async def unfreeze(call: Call) -> dict[str, Any]:
    """`alipay.fund.auth.order.unfreeze`."""
    content = call.content
    if find_deposit(call.platform.rows, call.app_id, hold_id=content.auth_no) is not None:
        return await release_deposit(call)
    done: HoldDone = await call.submit(
        UnfreezeFunds(
            app_id=call.app_id,
            hold_id=content.auth_no,
            out_request_no=content.out_request_no,
            amount=money(content.amount, "amount"),
            remark=content.remark,
        )
    )
    return success(
        auth_no=done.hold_id,
        out_order_no=done.out_order_no,
        operation_id=done.operation_id,
        out_request_no=done.out_request_no,
        amount=yuan(done.amount),
        status="SUCCESS",
        gmt_trans=china_time(done.at_ms),
    )


def _hold(call: Call) -> FundHold:
    content = call.content
    hold = find_hold(
        call.platform.rows,
        call.app_id,
        hold_id=content.auth_no or "",
        out_order_no=content.out_order_no or "",
    )
    if hold is None:
        raise Failed(Refusal("HOLD_NOT_EXIST"))
    return hold


async def operation_detail(call: Call) -> dict[str, Any]:
    """`alipay.fund.auth.operation.detail.query`."""
    content, rows = call.content, call.platform.rows
    deposit = find_deposit(
        rows, call.app_id, hold_id=content.auth_no or "", out_order_no=content.out_order_no or ""
    )
    if deposit is not None:
        return deposit_detail(call, deposit)
    hold = _hold(call)
    operations = call.platform.rows.select(HoldOperation, hold_id=hold.hold_id)
    wanted = [
        operation
        for operation in operations
        if content.operation_id in (None, operation.operation_id)
        and content.out_request_no in (None, operation.out_request_no)
    ]
    if not wanted:
        raise Failed(Refusal("HOLD_NOT_EXIST", "The authorisation has no such operation."))
    found = wanted[0]
    sums = dict.fromkeys(HoldOperationKind, 0)
    for operation in operations:
        sums[operation.kind] += operation.amount
    return success(
        auth_no=hold.hold_id,
        out_order_no=hold.out_order_no,
        order_title=hold.title,
        payer_user_id=hold.payer_id,
        payer_logon_id=call.login_of(hold.payer_id),
        total_freeze_amount=yuan(sums[HoldOperationKind.FREEZE]),
        rest_amount=yuan(frozen_amount(call.platform.rows, call.platform.ledger, hold)),
        total_pay_amount=yuan(sums[HoldOperationKind.PAY]),
        order_status=hold.status.upper(),
        operation_id=found.operation_id,
        out_request_no=found.out_request_no,
        operation_type=found.kind.value,
        amount=yuan(found.amount),
        status="SUCCESS",
        remark=found.remark,
        gmt_create=china_time(hold.created_ms),
        gmt_trans=china_time(found.at_ms),
    )


async def bill_url(call: Call) -> dict[str, Any]:
    """`alipay.data.dataservice.bill.downloadurl.query`."""
    content, platform = call.content, call.platform
    path = bill_link(
        platform.sealer, call.app_id, content.bill_type, content.bill_date, platform.clock_ms()
    )
    return success(bill_download_url=f"{platform.settings.public_base}{path}")


FUND_METHODS: Final[dict[str, Method]] = {
    "alipay.fund.trans.uni.transfer": uni_transfer,
    "alipay.fund.trans.common.query": common_query,
    "alipay.fund.account.query": account_query,
    "alipay.fund.auth.order.freeze": freeze,
    "alipay.fund.auth.order.unfreeze": unfreeze,
    "alipay.fund.auth.operation.detail.query": operation_detail,
    "alipay.data.dataservice.bill.downloadurl.query": bill_url,
}
