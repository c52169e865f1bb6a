"""The methods that the gateway knows, and the reading of their business content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tallystick.decoding import convert, json_decoder
from tallystick.gateway.alipay import schemas_fund as fund
from tallystick.gateway.alipay import schemas_trade as trade
from tallystick.gateway.alipay import schemas_zhima as zhima
from tallystick.gateway.alipay.amounts import decode_hook
from tallystick.gateway.alipay.faults import Fault, fault

__all__ = ["SCHEMAS", "decode_content", "decode_query"]

SCHEMAS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "alipay.data.dataservice.bill.downloadurl.query": fund.BillDownloadurlQuery,
    "alipay.fund.account.query": fund.FundAccountQuery,
    "alipay.fund.auth.operation.detail.query": fund.FundAuthOperationDetailQuery,
    "alipay.fund.auth.order.freeze": fund.FundAuthOrderFreeze,
    "alipay.fund.auth.order.unfreeze": fund.FundAuthOrderUnfreeze,
    "alipay.fund.trans.common.query": fund.FundTransCommonQuery,
    "alipay.fund.trans.uni.transfer": fund.FundTransUniTransfer,
    "alipay.trade.cancel": trade.TradeCancel,
    "alipay.trade.close": trade.TradeClose,
    "alipay.trade.create": trade.TradeCreate,
    "alipay.trade.fastpay.refund.query": trade.TradeFastpayRefundQuery,
    "alipay.trade.order.settle": trade.TradeOrderSettle,
    "alipay.trade.page.pay": trade.TradePagePay,
    "alipay.trade.pay": trade.TradePay,
    "alipay.trade.precreate": trade.TradePrecreate,
    "alipay.trade.query": trade.TradeQuery,
    "alipay.trade.refund": trade.TradeRefund,
    "alipay.trade.royalty.relation.batchquery": trade.TradeRoyaltyRelationBatchquery,
    "alipay.trade.royalty.relation.bind": trade.TradeRoyaltyRelationBind,
    "alipay.trade.royalty.relation.unbind": trade.TradeRoyaltyRelationUnbind,
    "alipay.trade.settle.confirm": trade.TradeSettleConfirm,
    "alipay.trade.wap.pay": trade.TradeWapPay,
    "zhima.credit.score.brief.get": zhima.ZhimaScoreBriefGet,
    "zhima.credit.score.get": zhima.ZhimaScoreGet,
    "zhima.credit.watchlist.brief.get": zhima.ZhimaWatchlistGet,
    "zhima.credit.watchlistii.get": zhima.ZhimaScoreGet,
}

# strict=False: page numbers and quantities come as text from some clients. float_hook keeps
# the digits of a number as they were written.
_DECODERS: Final[Mapping[str, Callable[[bytes | str], Any]]] = {
    method: json_decoder(schema, strict=False, dec_hook=decode_hook, float_hook=str)
    for method, schema in SCHEMAS.items()
}

_NO_FIELD: Final = re.compile(r"Object missing required field `(\w+)`(?: - at `\$\.?(.*)`)?")
_NONE_OF: Final = re.compile(r"missing: ([\w ]+?)(?: - at `.*`)?")
_AT: Final = re.compile(r".* - at `\$\.(.+)`")
_EMPTY: Final = re.compile(r"(?:Expected .* of length >= 1|.*got `null`|missing) - at `\$\.(.+)`")


def decode_content(method: str, text: str | bytes) -> msgspec.Struct | Fault:
    """The content of a known method (KeyError for others) out of its JSON text.

    A missing parameter and an invalid one are told apart, and named.
    """
    try:
        content: msgspec.Struct = _DECODERS[method](text or "{}")
    except msgspec.ValidationError as error:
        return _fault_of(str(error))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return fault("isv.illegal-json")
    return content


def decode_query(method: str, fields: Mapping[str, str]) -> msgspec.Struct | Fault:
    """The content of a known method out of query fields (a v3 GET)."""
    try:
        content: msgspec.Struct = convert(
            dict(fields), SCHEMAS[method], strict=False, dec_hook=decode_hook
        )
    except msgspec.ValidationError as error:
        return _fault_of(str(error))
    return content


def _fault_of(message: str) -> Fault:
    """The fault that msgspec's sentence is about."""
    if match := _NO_FIELD.fullmatch(message):
        name, parent = match[1], match[2]
        return fault("isv.missing-parameter", f"{parent}.{name}" if parent else name)
    for pattern in (_NONE_OF, _EMPTY):
        if match := pattern.fullmatch(message):
            return fault("isv.missing-parameter", match[1])
    match = _AT.fullmatch(message)
    return fault("isv.invalid-parameter", match[1] if match else "biz_content")
