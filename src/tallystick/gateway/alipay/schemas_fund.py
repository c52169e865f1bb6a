"""Business content of the fund and bill methods; see `schemas_trade` for the conventions."""

from __future__ import annotations

from msgspec import Struct

from tallystick.gateway.alipay.amounts import AmountText
from tallystick.gateway.alipay.schemas_trade import Id, OptionalId, Text, Title, Url, require_one

__all__ = [
    "BillDownloadurlQuery",
    "FundAccountQuery",
    "FundAuthOperationDetailQuery",
    "FundAuthOrderFreeze",
    "FundAuthOrderUnfreeze",
    "FundTransCommonQuery",
    "FundTransUniTransfer",
    "Participant",
]


class Participant(Struct, frozen=True):
    """Who pays or is paid. `identity_type` is `ALIPAY_USER_ID`, `ALIPAY_LOGON_ID` and so on."""

    identity: Id
    identity_type: Id
    name: Text = None


class FundTransUniTransfer(Struct, frozen=True, kw_only=True):
    """`alipay.fund.trans.uni.transfer`."""

    out_biz_no: Id
    trans_amount: AmountText
    payee_info: Participant
    product_code: OptionalId = None
    biz_scene: OptionalId = None
    order_title: Text = None
    remark: Text = None
    payer_info: Participant | None = None
    original_order_id: OptionalId = None
    passback_params: Text = None


class FundTransCommonQuery(Struct, frozen=True):
    """`alipay.fund.trans.common.query`."""

    out_biz_no: OptionalId = None
    order_id: OptionalId = None
    pay_fund_order_id: OptionalId = None
    product_code: OptionalId = None
    biz_scene: OptionalId = None

    def __post_init__(self) -> None:
        require_one(self, "out_biz_no", "order_id", "pay_fund_order_id")


class FundAccountQuery(Struct, frozen=True):
    """`alipay.fund.account.query`; without an account it is the app's own."""

    alipay_user_id: OptionalId = None
    alipay_open_id: OptionalId = None
    merchant_user_id: OptionalId = None
    account_type: OptionalId = None
    account_product_code: OptionalId = None
    account_scene_code: OptionalId = None


class FundAuthOrderFreeze(Struct, frozen=True, kw_only=True):
    """`alipay.fund.auth.order.freeze`: hold a deposit by the buyer's code.

    With a `deposit_product_mode` (`POSTPAY`, `POSTPAY_UNCERTAIN`, `DEPOSIT_ONLY`) the score
    stands in for the money.
    """

    out_order_no: Id
    out_request_no: Id
    order_title: Title
    amount: AmountText
    auth_code: Id
    auth_code_type: OptionalId = None
    payee_user_id: OptionalId = None
    payee_logon_id: Text = None
    pay_timeout: OptionalId = None
    timeout_express: OptionalId = None
    product_code: OptionalId = None
    extra_param: Text = None
    deposit_product_mode: OptionalId = None
    notify_url: Url = None


class FundAuthOrderUnfreeze(Struct, frozen=True, kw_only=True):
    """`alipay.fund.auth.order.unfreeze`."""

    auth_no: Id
    out_request_no: Id
    amount: AmountText
    remark: Title
    extra_param: Text = None
    notify_url: Url = None


class FundAuthOperationDetailQuery(Struct, frozen=True):
    """`alipay.fund.auth.operation.detail.query`."""

    auth_no: OptionalId = None
    out_order_no: OptionalId = None
    operation_id: OptionalId = None
    out_request_no: OptionalId = None
    operation_type: OptionalId = None
    query_options: list[str] | None = None

    def __post_init__(self) -> None:
        require_one(self, "auth_no", "out_order_no")
        require_one(self, "operation_id", "out_request_no")


class BillDownloadurlQuery(Struct, frozen=True):
    """`alipay.data.dataservice.bill.downloadurl.query`.

    `bill_date` is a day (`yyyy-MM-dd`) or a month (`yyyy-MM`).
    """

    bill_type: Id
    bill_date: Id
    smid: OptionalId = None
