"""Business content of the trade methods, as the official clients' domain classes name it.

Only what the platform uses or must refuse is listed; unknown members are let through. An empty
text counts as missing where something is required.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from tallystick.gateway.alipay.amounts import AmountText

__all__ = [
    "ExtendParams",
    "GoodsDetail",
    "OrderContent",
    "RoyaltyDetail",
    "RoyaltyEntity",
    "SettleDetail",
    "SettleInfo",
    "SubMerchant",
    "TradeCancel",
    "TradeClose",
    "TradeCreate",
    "TradeFastpayRefundQuery",
    "TradeOrderSettle",
    "TradePagePay",
    "TradePay",
    "TradePrecreate",
    "TradeQuery",
    "TradeRefund",
    "TradeRoyaltyRelationBatchquery",
    "TradeRoyaltyRelationBind",
    "TradeRoyaltyRelationUnbind",
    "TradeSettleConfirm",
    "TradeWapPay",
    "require_one",
]

Id = Annotated[str, Meta(min_length=1, max_length=64)]
OptionalId = Annotated[str, Meta(max_length=64)] | None
Title = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=2048)] | None
Url = Annotated[str, Meta(max_length=2048)] | None


def require_one(content: Struct, *names: str) -> None:
    """Refuse content that has none of the members (ValueError naming them)."""
    if not any(getattr(content, name) for name in names):
        raise ValueError(f"missing: {' or '.join(names)}")


class SubMerchant(Struct, frozen=True):
    """The merchant of a marketplace on whose behalf a trade is made."""

    merchant_id: Id
    merchant_type: OptionalId = None


class SettleDetail(Struct, frozen=True, kw_only=True):
    """One receiver of the money when an escrow trade is settled."""

    amount: AmountText
    trans_in_type: OptionalId = None
    trans_in: OptionalId = None
    summary_dimension: OptionalId = None
    settle_entity_id: OptionalId = None
    settle_entity_type: OptionalId = None


class SettleInfo(Struct, frozen=True):
    """How an escrow trade is settled; its presence makes a trade an escrow trade."""

    settle_detail_infos: list[SettleDetail] = []
    settle_period_time: OptionalId = None


class ExtendParams(Struct, frozen=True):
    """Extensions; `royalty_freeze` keeps settled money back for later splits.

    `hb_fq_num` pays in so many instalments; of their fee the seller bears `hb_fq_seller_percent`
    per cent, which is 0 or 100. Texts, or the numbers that many callers send.
    """

    sys_service_provider_id: OptionalId = None
    royalty_freeze: OptionalId = None
    royalty_finish: OptionalId = None
    hb_fq_num: OptionalId | int = None
    hb_fq_seller_percent: OptionalId | int = None


class GoodsDetail(Struct, frozen=True):
    """One line of the basket, for display."""

    goods_id: OptionalId = None
    goods_name: Text = None
    quantity: int | None = None
    price: AmountText | None = None


class RoyaltyDetail(Struct, frozen=True):
    """One receiver of a split, or one that gives its share back on a refund."""

    trans_in: OptionalId = None
    trans_in_type: OptionalId = None
    trans_out: OptionalId = None
    trans_out_type: OptionalId = None
    amount: AmountText | None = None
    amount_percentage: AmountText | None = None
    royalty_type: OptionalId = None
    royalty_scene: Text = None
    desc: Text = None


class OrderContent(Struct, frozen=True, kw_only=True):
    """What every method that makes an order takes.

    `notify_url` and `return_url` stand here in protocol v3 only.
    """

    out_trade_no: Id
    total_amount: AmountText
    subject: Title
    body: Text = None
    product_code: OptionalId = None
    seller_id: OptionalId = None
    operator_id: OptionalId = None
    store_id: OptionalId = None
    terminal_id: OptionalId = None
    merchant_order_no: OptionalId = None
    enable_pay_channels: Text = None
    timeout_express: OptionalId = None
    time_expire: OptionalId = None
    passback_params: Text = None
    goods_detail: list[GoodsDetail] | None = None
    extend_params: ExtendParams | None = None
    settle_info: SettleInfo | None = None
    sub_merchant: SubMerchant | None = None
    notify_url: Url = None
    return_url: Url = None


class TradeCreate(OrderContent, frozen=True, kw_only=True):
    """`alipay.trade.create`."""

    buyer_id: OptionalId = None
    buyer_open_id: OptionalId = None
    buyer_logon_id: Text = None


class TradePrecreate(OrderContent, frozen=True, kw_only=True):
    """`alipay.trade.precreate`: an order that a buyer pays by scanning its code."""

    qr_code_timeout_express: OptionalId = None


class TradePay(OrderContent, frozen=True, kw_only=True):
    """`alipay.trade.pay`: by the buyer's code (`auth_code`) or out of a hold (`auth_no`)."""

    auth_code: OptionalId = None
    auth_no: OptionalId = None
    auth_confirm_mode: OptionalId = None
    scene: OptionalId = None
    buyer_id: OptionalId = None
    buyer_open_id: OptionalId = None

    def __post_init__(self) -> None:
        require_one(self, "auth_code", "auth_no")


class TradePagePay(OrderContent, frozen=True, kw_only=True):
    """`alipay.trade.page.pay`: the cashier page in a desktop browser."""

    qr_pay_mode: OptionalId = None
    request_from_url: Url = None


class TradeWapPay(OrderContent, frozen=True, kw_only=True):
    """`alipay.trade.wap.pay`: the cashier page on a phone."""

    quit_url: Url = None


class TradeQuery(Struct, frozen=True):
    """`alipay.trade.query`."""

    out_trade_no: OptionalId = None
    trade_no: OptionalId = None
    query_options: list[str] | None = None

    def __post_init__(self) -> None:
        require_one(self, "out_trade_no", "trade_no")


class TradeClose(Struct, frozen=True):
    """`alipay.trade.close`: give up an order that is not paid."""

    out_trade_no: OptionalId = None
    trade_no: OptionalId = None
    operator_id: OptionalId = None
    notify_url: Url = None

    def __post_init__(self) -> None:
        require_one(self, "out_trade_no", "trade_no")


class TradeCancel(Struct, frozen=True):
    """`alipay.trade.cancel`: undo an order, giving back what was paid."""

    out_trade_no: OptionalId = None
    trade_no: OptionalId = None
    notify_url: Url = None

    def __post_init__(self) -> None:
        require_one(self, "out_trade_no", "trade_no")


class TradeRefund(Struct, frozen=True, kw_only=True):
    """`alipay.trade.refund`; several partial refunds need an `out_request_no` each."""

    refund_amount: AmountText
    out_trade_no: OptionalId = None
    trade_no: OptionalId = None
    out_request_no: OptionalId = None
    refund_currency: OptionalId = None
    refund_reason: Text = None
    operator_id: OptionalId = None
    refund_royalty_parameters: list[RoyaltyDetail] | None = None
    related_settle_confirm_no: OptionalId = None
    query_options: list[str] | None = None

    def __post_init__(self) -> None:
        require_one(self, "out_trade_no", "trade_no")


class TradeFastpayRefundQuery(Struct, frozen=True, kw_only=True):
    """`alipay.trade.fastpay.refund.query`."""

    out_request_no: Id
    out_trade_no: OptionalId = None
    trade_no: OptionalId = None
    query_options: list[str] | None = None

    def __post_init__(self) -> None:
        require_one(self, "out_trade_no", "trade_no")


class TradeSettleConfirm(Struct, frozen=True, kw_only=True):
    """`alipay.trade.settle.confirm`: pay out what is held."""

    out_request_no: Id
    trade_no: Id
    settle_info: SettleInfo | None = None
    extend_params: ExtendParams | None = None


class TradeOrderSettle(Struct, frozen=True, kw_only=True):
    """`alipay.trade.order.settle`: split a settled trade among bound receivers."""

    out_request_no: Id
    trade_no: Id
    royalty_parameters: Annotated[list[RoyaltyDetail], Meta(min_length=1)]
    operator_id: OptionalId = None
    extend_params: ExtendParams | None = None
    royalty_mode: OptionalId = None


class RoyaltyEntity(Struct, frozen=True, kw_only=True):
    """A receiver of splits. `type` is `userId` or `loginName`."""

    type: Id
    account: OptionalId = None
    account_open_id: OptionalId = None
    login_name: Text = None
    name: Text = None
    memo: Text = None

    def __post_init__(self) -> None:
        require_one(self, "account", "account_open_id")


class TradeRoyaltyRelationBind(Struct, frozen=True):
    """`alipay.trade.royalty.relation.bind`."""

    out_request_no: Id
    receiver_list: Annotated[list[RoyaltyEntity], Meta(min_length=1)]


class TradeRoyaltyRelationUnbind(Struct, frozen=True):
    """`alipay.trade.royalty.relation.unbind`."""

    out_request_no: Id
    receiver_list: Annotated[list[RoyaltyEntity], Meta(min_length=1)]


class TradeRoyaltyRelationBatchquery(Struct, frozen=True):
    """`alipay.trade.royalty.relation.batchquery`."""

    out_request_no: Id
    page_num: Annotated[int, Meta(ge=1)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=100)] | None = None
